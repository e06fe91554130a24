# SPDX-License-Identifier: Apache-2.0

[ ! -e /sys/bus/pci/devices/0000:01:00.0/iommu_group ] || fail "the drive has an IOMMU"
disk=$(disk_of 0000:01:00.0) || fail "no disk"
read_disk "$disk" data
write_disk "$disk" data
