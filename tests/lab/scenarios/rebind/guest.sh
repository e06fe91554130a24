# SPDX-License-Identifier: Apache-2.0

bdf=0000:01:00.0
turns=10
[ -z "$FULL" ] || turns=50
for turn in $(seq $turns); do
	disk_of $bdf >/dev/null || fail "no disk before turn $turn"
	echo $bdf >/sys/bus/pci/drivers/nvme/unbind
	echo $bdf >/sys/bus/pci/drivers/nvme/bind || fail "cannot bind in turn $turn"
done
disk=$(disk_of $bdf) || fail "no disk"
read_disk "$disk" data
write_disk "$disk" data
release $bdf
