# SPDX-License-Identifier: Apache-2.0
#
# Every request of the drive is mapped and unmapped by the guest's kernel.

disk=$(disk_of 0000:01:00.0) || fail "no disk"
for size in 512 4096 16384 131072; do
	dd if="$disk" of=/dev/null bs=$size count=200 iflag=direct 2>/dev/null || fail "read"
done
read_disk "$disk" data
write_disk "$disk" data
