# SPDX-License-Identifier: Apache-2.0
behind_viommu 0000:01:00.0
type=$(cat /sys/bus/pci/devices/0000:01:00.0/iommu_group/type)
[ "$type" = DMA-FQ ] || fail "the domain is $type, not DMA-FQ"
network 0000:01:00.0
receive_file
send_file
[ "$(interrupts 'ITS')" -gt 0 ] || fail "no interrupt came through the ITS"
release 0000:01:00.0
