# SPDX-License-Identifier: Apache-2.0
#
# Each round runs every contender once per job, in turn, so that whatever else
# the machine does hits all of them. JOB.CONTENDER.json gets a line per run; the
# last round is sampled and gives no times.

RAM=512
CONSOLE="console=ttyAMA0 loglevel=4"
bdf=0000:01:00.0

# run_aerie JOB CONFIG INTERVAL [CMDLINE]
run_aerie() {
	measure "$OUT/$1.aerie.$3.json" $RAM "$3" aerie run --stats "$OUT/$1.stats.json" \
		--set boot.kernel="$VM/Image" --set boot.initrd="$VM/initrd" --set boot.cmdline="$CONSOLE job=$1${4:+ $4}" \
		"/lab/$2.yaml" </dev/null >"$OUT/$1.aerie.log" 2>"$OUT/$1.aerie.err"
}

# run_qemu JOB INTERVAL QEMU-OPTION...
run_qemu() {
	job=$1
	interval=$2
	shift 2
	measure "$OUT/$job.qemu.$interval.json" $RAM "$interval" \
		$QEMU/ld-linux-aarch64.so.1 --library-path $QEMU $QEMU/qemu-system-aarch64 \
		-M virt,gic-version=3 -accel kvm -cpu host -smp 2 -m $RAM -nodefaults -display none -serial stdio "$@" \
		-kernel "$VM/Image" -initrd "$VM/initrd" -append "$CONSOLE job=$job" \
		</dev/null >"$OUT/$job.qemu.log" 2>"$OUT/$job.qemu.err"
}

# run_qemu_assigned JOB INTERVAL: QEMU nests only with ACPI, hence firmware.
run_qemu_assigned() {
	run_qemu "$1" "$2" -bios $QEMU/QEMU_EFI.fd -object iommufd,id=iommufd0 \
		-device arm-smmuv3,primary-bus=pcie.0,accel=on \
		-device pcie-root-port,id=rp0,chassis=1,addr=1.0,io-reserve=0 \
		-device vfio-pci,host=$bdf,iommufd=iommufd0,bus=rp0
}

check() {
	grep -q '^LAB: guest ok' "$OUT/$1.log" || fail "$1: the guest did not report success"
}

one_round() {
	run_aerie boot vm "$1" && check boot.aerie
	run_qemu boot "$1" && check boot.qemu
	bind $bdf
	run_aerie nvme nvme "$1" && check nvme.aerie
	run_qemu_assigned nvme "$1" && check nvme.qemu
}

# aerie_throughput NAME [CMDLINE]: how the guest uses its SMMU decides most.
aerie_throughput() {
	run_aerie throughput nvme 0 "${2-}" && check throughput.aerie
	grep '^LAB: throughput' "$OUT/throughput.aerie.log" >>"$OUT/throughput.$1.txt"
}

throughput_round() {
	bind $bdf
	aerie_throughput aerie
	aerie_throughput aerie-lazy iommu.strict=0
	aerie_throughput aerie-passthrough iommu.passthrough=1
	run_qemu_assigned throughput 0 && check throughput.qemu
	grep '^LAB: throughput' "$OUT/throughput.qemu.log" >>"$OUT/throughput.qemu.txt"
	unbind $bdf
	wait_for /dev/nvme0n1
	throughput /dev/nvme0n1 >>"$OUT/throughput.host.txt"
}

fetch_guest
for round in $(seq "$ROUNDS"); do
	echo "round $round" >/lab/out/progress
	one_round 0
	throughput_round
done
echo "sampling" >/lab/out/progress
one_round 100
