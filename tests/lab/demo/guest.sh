# SPDX-License-Identifier: Apache-2.0

behind_smmu 0000:01:00.0
disk=$(disk_of 0000:01:00.0) || fail "no disk"
echo "LAB: drive $disk in a domain of type $(cat /sys/bus/pci/devices/0000:01:00.0/iommu_group/type)"
read_disk "$disk" data
write_disk "$disk" data
echo "LAB: interrupts $(interrupts 'ITS.*nvme')"
echo "LAB: i/o is done after $(cut -d' ' -f1 /proc/uptime) s"
