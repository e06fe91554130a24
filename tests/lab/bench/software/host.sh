# SPDX-License-Identifier: Apache-2.0
#
# In each round every contender does both jobs, in turn. What the guests say is the
# result: JOB.CONTENDER.log has their consoles.

CONSOLE="console=ttyAMA0 loglevel=4"
bdf=0000:01:00.0

check() {
	grep -q '^LAB: guest ok' "$1" || fail "$1: the guest did not report success"
	cat "$1" >>"${1%.log}.all.log"
}

# run_aerie JOB
run_aerie() {
	aerie run --set boot.kernel="$VM/Image" --set boot.initrd="$VM/initrd" --set boot.cmdline="$CONSOLE job=$1" \
		"/lab/$1.yaml" </dev/null >"$OUT/$1.aerie.log" 2>"$OUT/$1.aerie.err"
	check "$OUT/$1.aerie.log"
}

# run_qemu JOB OPTION...
run_qemu() {
	job=$1
	shift
	$QEMU/ld-linux-aarch64.so.1 --library-path $QEMU $QEMU/qemu-system-aarch64 \
		-M virt,gic-version=3 -accel kvm -cpu host -smp 2 -m 512 -nodefaults -display none -serial stdio "$@" \
		-kernel "$VM/Image" -initrd "$VM/initrd" -append "$CONSOLE job=$job" \
		</dev/null >"$OUT/$job.qemu.log" 2>"$OUT/$job.qemu.err"
	check "$OUT/$job.qemu.log"
}

port() {
	echo "-device pcie-root-port,id=rp$1,chassis=$1,addr=$1.0,io-reserve=0"
}

fetch_guest
dd if=/dev/urandom of=/run/bench.img bs=1M count=256 2>/dev/null
bind $bdf
for round in $(seq "$ROUNDS"); do
	echo "round $round" >/lab/out/progress
	run_aerie blk
	# shellcheck disable=SC2046
	run_qemu blk -object iothread,id=io0 \
		-drive if=none,id=disk,format=raw,file=/run/bench.img,cache=none,aio=io_uring \
		$(port 1) -device virtio-blk-pci,bus=rp1,drive=disk,iothread=io0,num-queues=2,disable-legacy=on
	run_aerie map
	# shellcheck disable=SC2046
	run_qemu map -device virtio-iommu-pci,addr=1.0 -object iommufd,id=iommufd0 $(port 2) $(port 3) \
		-device virtio-rng-pci,bus=rp2,disable-legacy=on,iommu_platform=on \
		-device vfio-pci,host=$bdf,iommufd=iommufd0,bus=rp3
done
