# SPDX-License-Identifier: Apache-2.0

for device in /sys/bus/pci/devices/*; do
	[ "$(cat "$device/device")" = 0xae71 ] && endpoint=$device
done
[ -n "$endpoint" ] || fail "no test endpoint"
features=$(ls "$endpoint/doe_features" | tr '\n' ' ')
[ "$features" = "0001:01 0001:02 doe_discovery " ] || fail "its mailbox lists $features"
dmesg | grep -i 'DOE:' && fail "the kernel complains about the mailbox"
echo "LAB: doe_features $features"
