# SPDX-License-Identifier: Apache-2.0
#
# Reads one event of the button: EV_KEY, KEY_POWER, pressed.

for input in /sys/class/input/event*; do
	grep -q '^Power Button$' "$input/device/name" && button=$(basename "$input")
done
[ "$button" ] || fail "no power button"
echo "LAB: waiting for the power button"
event=$(dd if="/dev/input/$button" bs=24 count=1 2>/dev/null | tail -c 8 | od -An -tx1 | tr -d ' \n')
[ "$event" = 0100740001000000 ] || fail "the event is '$event'"
grep -q 'ACPI:Ged' /proc/interrupts || fail "no event device"
echo "LAB: the power button was pressed"
