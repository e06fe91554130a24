# SPDX-License-Identifier: Apache-2.0
behind_viommu 0000:01:00.0 0000:02:00.0
disk=$(virtio_disk data)
read_disk "$disk" store
write_disk "$disk" store
fio_verify /data 1
fio_verify "$disk" 1 --offset=20M
discard "$disk" $((30 << 20)) 65536
