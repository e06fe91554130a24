# SPDX-License-Identifier: Apache-2.0
[ ! -e /sys/bus/pci/devices/0000:01:00.0/iommu_group ] || fail "the disk has an IOMMU"
disk=$(virtio_disk root)
fixed=$(virtio_disk fixed)
read_disk "$disk" root "$ROOT_SIZE"
write_disk "$disk" root "$ROOT_SIZE"
fio_verify /data 2
fio_verify "$disk" 2 --offset=$((ROOT_SIZE + (24 << 20)))

read_disk "$fixed" root
[ "$(cat "/sys/block/${fixed##*/}/ro")" = 1 ] || fail "$fixed can be written to"
dd if=/dev/zero of="$fixed" bs=4096 count=1 2>/dev/null && fail "a write to $fixed succeeded"
read_disk "$fixed" root
