# SPDX-License-Identifier: Apache-2.0

[ "$ARCH" != arm64 ] || dmesg | grep -q 'Table Upgrade: override \[IORT' || fail "the IORT was not overridden"
for node in /dev/kvm /dev/iommu; do
	[ -c $node ] || fail "no $node"
done

groups=
for bdf in 0000:01:00.0 0000:02:00.0 0000:03:00.0 0000:04:00.0; do
	group=$(readlink /sys/bus/pci/devices/$bdf/iommu_group) || fail "$bdf is in no group"
	members=$(ls /sys/bus/pci/devices/$bdf/iommu_group/devices)
	echo "$bdf $(cat /sys/bus/pci/devices/$bdf/vendor /sys/bus/pci/devices/$bdf/device | tr '\n' ' ')" \
		"group ${group##*/}: $members"
	[ "$members" = $bdf ] || fail "$bdf shares its group"
done

for bdf in 0000:01:00.0 0000:02:00.0 0000:03:00.0 0000:04:00.0; do
	device=/sys/bus/pci/devices/$bdf
	echo vfio-pci >$device/driver_override
	[ -e $device/driver ] && echo $bdf >$device/driver/unbind
	echo $bdf >/sys/bus/pci/drivers_probe
	cdev=$(ls $device/vfio-dev) || fail "$bdf is not bound to vfio-pci"
	[ -c /dev/vfio/devices/$cdev ] || fail "no /dev/vfio/devices/$cdev"
done
dmesg | grep -i -E 'smmu|DMAR'
