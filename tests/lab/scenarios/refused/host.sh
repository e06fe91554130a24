# SPDX-License-Identifier: Apache-2.0

fetch_guest
good="--set boot.kernel=$VM/Image --set boot.initrd=$VM/initrd $SETTINGS"
device=pci.0.devices.0.assign

refused 'No such file|does not exist|cannot (open|read)' /lab/nothing.yaml
refused '0000:1f:00.0.*(no such|not exist|no PCI)|(no|No) .*0000:1f:00.0' $good --set $device=0000:1f:00.0 /lab/vm.yaml
refused '0000:01:00.0.*(nvme|vfio-pci)' $good /lab/vm.yaml

# patch FILE OFFSET BYTES: as printf has them
patch() {
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# Kernels that are none for this machine
truncate -s 1M "$VM/foreign"
case $ARCH in
x86-64)
	patch "$VM/foreign" 56 'ARM\x64'
	refused 'foreign" is an arm64 kernel.*boots Linux. bzImage' $good --set boot.kernel="$VM/foreign" /lab/vm.yaml
	head -c 65536 /bin/busybox >"$VM/elf"
	patch "$VM/elf" 4 '\001'
	patch "$VM/elf" 18 '\003'
	refused 'elf" is an ELF file for x86 of 32 bits' $good --set boot.kernel="$VM/elf" /lab/vm.yaml
	refused '/bin/busybox" .*PVH note.*CONFIG_PVH=y' $good --set boot.kernel=/bin/busybox /lab/vm.yaml
	;;
arm64)
	patch "$VM/foreign" 514 HdrS
	refused 'foreign" is an x86 kernel.*boots arm64' $good --set boot.kernel="$VM/foreign" /lab/vm.yaml
	refused '/bin/busybox" is an ELF file' $good --set boot.kernel=/bin/busybox /lab/vm.yaml
	;;
esac
refused '.machine.cpus. must be from 1 to 512, not 513' $good --set machine.cpus=513 /lab/vm.yaml

bind 0000:01:00.0 0000:02:00.0
refused '0000:02:00.[01].*group.*0000:02:00.[01]' $good --set $device=0000:02:00.0 /lab/vm.yaml
refused 'memory: 65536 MiB wanted, .*lower machine.memory' $good --set machine.memory=64G /lab/vm.yaml
truncate -s 300M "$VM/large"
refused 'large" does not fit into .* 256 MiB.*raise machine.memory' $good --set boot.initrd="$VM/large" /lab/vm.yaml
refused 'machine.memory. must not be 0' $good --set machine.memory=0 /lab/vm.yaml
refused 'must be a whole number of units' $good --set machine.memory=1.5K /lab/vm.yaml
refused 'smmu9' $good --set pci.0.iommu=smmu9 /lab/vm.yaml
refused 'boot.kernel: cannot open /run/nothing' $good --set boot.kernel=/run/nothing /lab/vm.yaml
refused 'boot.initrd: cannot open /run/nothing' $good --set boot.initrd=/run/nothing /lab/vm.yaml

mv /dev/iommu /dev/iommu.hidden
refused '/dev/iommu' $good /lab/vm.yaml
mv /dev/iommu.hidden /dev/iommu

# Busy: the first guest holds the drive while a second one wants it.
start_aerie "$KERNEL" &
first=$!
for try in $(seq 100); do
	grep -q 'LAB: guest is up' "$OUT/$KERNEL.guest.log" 2>/dev/null && break
	usleep 100000
done
refused '0000:01:00.0.*(busy|in use)' $good /lab/vm.yaml
wait $first || fail "the first guest was disturbed"

# Nothing was left behind: a guest starts with the device as if nothing had been.
rm "$OUT/$KERNEL.guest.log"
run_vm
