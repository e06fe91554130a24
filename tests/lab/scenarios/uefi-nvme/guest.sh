# SPDX-License-Identifier: Apache-2.0
booted_by_uefi
behind_smmu 0000:01:00.0
disk=$(disk_of 0000:01:00.0) || fail "no drive"
dd if="$disk" of=/dev/null bs=$BLOCK count=64 iflag=direct 2>/dev/null || fail "read $disk"
