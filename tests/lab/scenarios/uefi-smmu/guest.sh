# SPDX-License-Identifier: Apache-2.0
booted_by_uefi
behind_smmu 0000:01:00.0
disk=$(disk_of 0000:01:00.0) || fail "no disk"
read_disk "$disk" disk
write_disk "$disk" disk
