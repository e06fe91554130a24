# SPDX-License-Identifier: Apache-2.0
behind_smmu 0000:01:00.0 0000:02:00.0
hard=$(disk_of 0000:01:00.0) || fail "no disk"
soft=$(virtio_disk soft)
read_disk "$hard" data
read_disk "$soft" soft
fio_verify "$hard" 1 --offset=20M &
pid=$!
fio_verify "$soft" 1 --offset=20M
wait $pid || fail "the assigned drive"
write_disk "$hard" data
# From one to the other: the outer machine looks at both.
dd if="$hard" of="$soft" bs=$BLOCK skip=$((WRITE_OFFSET / BLOCK)) seek=$((WRITE_OFFSET / BLOCK)) \
	count=$((WRITE_SIZE / BLOCK)) iflag=direct oflag=direct conv=notrunc,fsync 2>/dev/null || fail "copy"
echo "LAB: wrote soft $WRITE_OFFSET $WRITE_SIZE $(sum </tmp/data)"
