# SPDX-License-Identifier: Apache-2.0

bdf=0000:01:00.0
group=/sys/bus/pci/devices/$bdf/iommu_group

change_to() {
	echo $bdf >/sys/bus/pci/drivers/nvme/unbind
	echo "$1" >$group/type || fail "the domain cannot become $1"
	echo $bdf >/sys/bus/pci/drivers/nvme/bind
	[ "$(cat $group/type)" = "$1" ] || fail "the domain is $(cat $group/type), not $1"
}

disk=$(disk_of $bdf) || fail "no disk"
read_disk "$disk" data

change_to identity
disk=$(disk_of $bdf) || fail "no disk"
read_disk "$disk" data
write_disk "$disk" data

change_to DMA
disk=$(disk_of $bdf) || fail "no disk"
read_disk "$disk" data
write_disk "$disk" data $WRITE_SIZE
