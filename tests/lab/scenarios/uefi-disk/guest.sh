# SPDX-License-Identifier: Apache-2.0
#
# A mark at the end of the disk, behind the files, tells the first boot from the second.
booted_by_uefi
disk=$(virtio_disk esp)
place=$((95 << 20))
mark=rebooted
if [ "$(dd if="$disk" bs=512 skip=$((place / 512)) count=1 2>/dev/null | head -c ${#mark})" != $mark ]; then
	{
		echo $mark
		dd if=/dev/zero bs=512 count=1 2>/dev/null
	} | dd of="$disk" bs=512 seek=$((place / 512)) count=1 iflag=fullblock conv=notrunc,fsync 2>/dev/null
	echo "LAB: rebooting"
	reboot -f
	sleep 60
	fail "the reboot did not happen"
fi
echo "LAB: this is the second boot"
