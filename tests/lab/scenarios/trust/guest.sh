# SPDX-License-Identifier: Apache-2.0

behind_iommu 0000:01:00.0
disk=$(disk_of 0000:01:00.0) || fail "no disk"
read_disk "$disk" data
write_disk "$disk" data
sleep 3 # more than one look at the device
read_disk "$disk" data
release 0000:01:00.0
