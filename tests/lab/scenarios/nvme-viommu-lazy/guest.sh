# SPDX-License-Identifier: Apache-2.0
behind_viommu 0000:01:00.0
type=$(cat /sys/bus/pci/devices/0000:01:00.0/iommu_group/type)
[ "$type" = DMA-FQ ] || fail "the domain is $type, not DMA-FQ"
disk=$(disk_of 0000:01:00.0) || fail "no disk"
read_disk "$disk" data
write_disk "$disk" data
release 0000:01:00.0
