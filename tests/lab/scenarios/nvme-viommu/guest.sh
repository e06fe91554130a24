# SPDX-License-Identifier: Apache-2.0

behind_viommu 0000:01:00.0
disk=$(disk_of 0000:01:00.0) || fail "no disk"
read_disk "$disk" data "$ROOT_SIZE"
write_disk "$disk" data "$ROOT_SIZE"
fio_verify "$disk" 2 --offset=$((ROOT_SIZE + (24 << 20)))
mkdir /mnt
mount -t ext4 "$disk" /mnt || fail "cannot mount $disk"
fio_verify /mnt/data 2
umount /mnt
release 0000:01:00.0
