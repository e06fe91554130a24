# SPDX-License-Identifier: Apache-2.0

fetch_guest
good="--set boot.kernel=$VM/Image --set boot.initrd=$VM/initrd"
device=pci.0.devices.0.assign

# checked STATUS TEXT ARGUMENT...: aerie check ends with STATUS and some line matches TEXT.
checked() {
	want=$1
	text=$2
	shift 2
	aerie check "$@" >"$VM/checked" 2>&1
	status=$?
	echo "aerie check $*"
	cat "$VM/checked"
	[ $status -eq "$want" ] || fail "status $status instead of $want"
	grep -q -E "$text" "$VM/checked" || fail "no line that matches '$text'"
}

# Not bound, then bound.
checked 2 '^error +device 0000:01:00.0: driver nvme has it; run .aerie bind 0000:01:00.0.$' $good /lab/vm.yaml
grep -q '^1 error,' "$VM/checked" || fail "more than the one finding"
bind 0000:01:00.0 0000:02:00.0 0000:03:00.0
for turn in 1 2; do
	checked 0 '^0 errors, 0 warnings$' $good /lab/vm.yaml
	grep -v -E '^(ok +[^ ].*: .+|0 errors, 0 warnings)$' "$VM/checked" && fail "a line that is not ok"
	for what in configuration /dev/kvm vCPUs boot.kernel boot.initrd memory memlock /dev/iommu vfio-pci \
		'kernel options' 'device 0000:01:00.0'; do
		grep -q "^ok *$what: " "$VM/checked" || fail "nothing about $what"
	done
done
grep -q 'translates it in two stages' "$VM/checked" || fail "nothing about nesting"
checked 0 '^0 errors' # the host alone

# Each finding with what to do about it.
checked 2 '^error +device 0000:02:00.0: shares IOMMU group [0-9]+ with 0000:02:00.1; move it to a slot' \
	$good --set $device=0000:02:00.0 /lab/vm.yaml
checked 2 '^error +device 0000:1f:00.0: this host has no such PCI device; .aerie devices. lists them$' \
	$good --set $device=0000:1f:00.0 /lab/vm.yaml
bridge=$(basename "$(dirname "$(readlink -f /sys/bus/pci/devices/0000:01:00.0)")")
checked 2 "^error +device $bridge: is a bridge .*assign the devices behind it" $good --set $device="$bridge" /lab/vm.yaml
checked 2 '^error +memory: 65536 MiB wanted, .*lower machine.memory' $good --set machine.memory=64G /lab/vm.yaml
checked 2 '^error +hugepages: 128 pages of 2 MiB wanted, 0 are free; raise' $good --set machine.hugepages=2M /lab/vm.yaml
checked 2 '^error +boot.initrd: cannot open /run/nothing: No such file' $good --set boot.initrd=/run/nothing /lab/vm.yaml
checked 0 '^warning +vCPUs: 512 wanted, KVM recommends at most [0-9]+ here' $good --set machine.cpus=512 /lab/vm.yaml
checked 2 '^error +configuration: .*smmu9.*known ids: smmu0' $good --set pci.0.iommu=smmu9 /lab/vm.yaml
checked 2 '^error +configuration: cannot open .*/lab/nothing.yaml' /lab/nothing.yaml
for node in kvm iommu; do
	mv /dev/$node /dev/hidden
	checked 2 "^error +/dev/$node: " $good /lab/vm.yaml
	grep -q '^1 error,' "$VM/checked" || fail "more than the one finding"
	mv /dev/hidden /dev/$node
done

# --dry-run builds all of it and starts nothing.
for turn in 1 2; do
	aerie run --dry-run $good /lab/vm.yaml </dev/null >"$VM/dry" 2>&1 || fail "a dry run failed: $(cat "$VM/dry")"
	[ -s "$VM/dry" ] && fail "a dry run said something: $(cat "$VM/dry")"
done
refused 'memory: 65536 MiB wanted' --dry-run $good --set machine.memory=64G /lab/vm.yaml

# Busy.
start_aerie "$KERNEL" &
first=$!
for try in $(seq 100); do
	grep -q 'LAB: guest is up' "$OUT/$KERNEL.guest.log" 2>/dev/null && break
	usleep 100000
done
checked 2 '^error +device 0000:01:00.0: in use by aerie \(pid [0-9]+\); end it first$' $good /lab/vm.yaml
grep -q '^1 error,' "$VM/checked" || fail "more than the one finding"
aerie devices | grep -E '^0000:01:00.0 '
aerie unbind 0000:01:00.0 && fail "the device was taken from a running guest"
wait $first || fail "the guest was disturbed"
checked 0 '^0 errors, 0 warnings$' $good /lab/vm.yaml
