# SPDX-License-Identifier: Apache-2.0
behind_smmu 0000:01:00.0 0000:02:00.0
disk=$(virtio_disk data)
read_disk "$disk" store
write_disk "$disk" store
fio_verify /data 2
fio_verify "$disk" 2 --offset=20M
discard "$disk" $((30 << 20)) 65536
