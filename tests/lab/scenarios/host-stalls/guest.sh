# SPDX-License-Identifier: Apache-2.0
#
# L2 is the host here. What the device does wrong on purpose is logged by its kernel.

endpoint=0000:01:00.0
device=/sys/bus/pci/devices/$endpoint
[ -e $device/of_node/dma-can-stall ] || fail "the endpoint's node does not say dma-can-stall"
echo vfio-pci >$device/driver_override
echo $endpoint >/sys/bus/pci/drivers_probe
touch /tmp/events-expected
iommufd-stall $endpoint || fail "page faults by iommufd"
