# SPDX-License-Identifier: Apache-2.0
#
# Uses the drive until somebody ends the VM.

disk=$(disk_of 0000:01:00.0) || fail "no disk"
for turn in $(seq 1000); do
	read_disk "$disk" data
	echo "LAB: turn $turn"
done
fail "nobody ended this guest"
