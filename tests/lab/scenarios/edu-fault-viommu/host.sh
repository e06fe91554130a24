# SPDX-License-Identifier: Apache-2.0
# Behind a virtio-iommu the translation of an assigned device is the host's own table
# (one IOAS for each domain). A fault in it is an event of the host's SMMU, which
# iommufd has no queue for: only a nested table gives its faults away. So the fault
# is a line in the host's log with the address, and there is nothing to put on the
# guest's event queue.
bind 0000:01:00.0 0000:02:00.0
dmesg -c >/dev/null
run_vm
dmesg | grep -q 'event: F_TRANSLATION client: 0000:02:00.0 .*iova: 0xdead000' ||
	fail "the host's SMMU reported no such fault of the device"
# Taken from the log, or the lab takes them for events that nobody wanted.
dmesg -c | grep arm-smmu
