# SPDX-License-Identifier: Apache-2.0

behind_smmu 0000:01:00.0
disk=$(disk_of 0000:01:00.0) || fail "no disk"
read_disk "$disk" "$(tr -d ' ' <"/sys/class/block/${disk##*/}/device/serial")"

# It fails while the guest reads: its interface leaves RUN, or its session is gone. Reads fail, and the guest lives on.
echo "LAB: reads on"
reads=0
while dd if="$disk" of=/dev/null bs=65536 count=16 iflag=direct 2>/tmp/dd; do
	reads=$((reads + 1))
done
cat /tmp/dd
grep -q -E 'Input/output error|No such device' /tmp/dd || fail "the reads end otherwise"
[ "$(dd if="$disk" bs=4096 count=1 iflag=direct 2>/dev/null | wc -c)" -eq 0 ] || fail "the drive is back"
echo "LAB: the drive is gone after $reads reads"
