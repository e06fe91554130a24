# SPDX-License-Identifier: Apache-2.0
#
# The drivers let go, the hostile programs take hold, and at the end the drive
# must work as if nothing had been.

nvme=0000:01:00.0
behind_iommu $nvme 0000:02:00.0
disk=$(disk_of $nvme) || fail "no disk"
read_disk "$disk" data

echo $nvme >/sys/bus/pci/drivers/nvme/unbind
for port in 0000:00:01.0 0000:00:02.0; do
	echo $port >/sys/bus/pci/drivers/pcieport/unbind
done
touch /tmp/events-expected
if [ "$ARCH" = arm64 ]; then
	hostile-smmu || fail "hostile-smmu ended with $?"
fi
hostile-pci 0x10400 || fail "hostile-pci ended with $?"

echo $nvme >/sys/bus/pci/drivers/nvme/bind
disk=$(disk_of $nvme) || fail "no disk afterwards"
read_disk "$disk" data
write_disk "$disk" data
release $nvme
