# SPDX-License-Identifier: Apache-2.0
# Before Linux 6.15 a device is put behind its IOMMU when a driver binds to it.
if [ -e /sys/bus/pci/drivers/pci-stub ]; then
	echo pci-stub >/sys/bus/pci/devices/0000:02:00.0/driver_override
	echo 0000:02:00.0 >/sys/bus/pci/drivers_probe
fi

behind_viommu 0000:01:00.0 0000:02:00.0
disk=$(disk_of 0000:01:00.0) || fail "no disk"
read_disk "$disk" data
edu-dma 0000:02:00.0 0xdead000 || fail "edu-dma"
edu-dma 0000:02:00.0 own || fail "the device reached memory that no driver mapped"
read_disk "$disk" data
write_disk "$disk" data
release 0000:01:00.0
