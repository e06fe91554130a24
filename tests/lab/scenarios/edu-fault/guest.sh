# SPDX-License-Identifier: Apache-2.0
#
# The event's first words are StreamID 0x200 with event 0x10 (F_TRANSLATION),
# its third the address.

# Before Linux 6.15 a device is put behind its IOMMU when a driver binds to it.
if [ -e /sys/bus/pci/drivers/pci-stub ]; then
	echo pci-stub >/sys/bus/pci/devices/0000:02:00.0/driver_override
	echo 0000:02:00.0 >/sys/bus/pci/drivers_probe
fi

behind_smmu 0000:01:00.0 0000:02:00.0
disk=$(disk_of 0000:01:00.0) || fail "no disk"
read_disk "$disk" data

touch /tmp/events-expected
edu-dma 0000:02:00.0 0xdead000 || fail "edu-dma"
for try in 1 2 3 4 5 6 7 8 9 10; do
	dmesg | grep -q '0x000000000dead000' && break
	usleep 200000
done
dmesg | grep smmu
dmesg | grep -q 'event 0x10 received' || fail "no translation fault was logged"
dmesg | grep -q '0x0000020000000010' || fail "the event has another StreamID"
dmesg | grep -q '0x000000000dead000' || fail "the event has another address"

read_disk "$disk" data
write_disk "$disk" data
