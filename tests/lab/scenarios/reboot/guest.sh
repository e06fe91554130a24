# SPDX-License-Identifier: Apache-2.0
#
# A mark on the drive tells the first boot from the second.

place=$(((WRITE_OFFSET + 2 * WRITE_SIZE) / BLOCK))
mark="rebooted with $KERNEL"
disk=$(disk_of 0000:01:00.0) || fail "no disk"
read_disk "$disk" data
found=$(dd if="$disk" bs=$BLOCK skip=$place count=1 2>/dev/null | head -n 1 | tr -d '\000' | head -c ${#mark})

if [ "$found" != "$mark" ]; then
	write_disk "$disk" data
	{
		echo "$mark"
		dd if=/dev/zero bs=$BLOCK count=1 2>/dev/null
	} | dd of="$disk" bs=$BLOCK seek=$place count=1 iflag=fullblock conv=notrunc,fsync 2>/dev/null
	release 0000:01:00.0
	echo "LAB: rebooting"
	reboot -f
	sleep 60
	fail "the reboot did not happen"
fi

echo "LAB: this is the second boot"
write_disk "$disk" data $WRITE_SIZE
release 0000:01:00.0
