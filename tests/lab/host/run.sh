# SPDX-License-Identifier: Apache-2.0
#
# Runs a scenario in L1: /lab/host.sh once for each kernel that /lab/env names.
# Each verdict is a line in /lab/out/results: kernel, ok or failed, seconds.

. /lab/env

# Logs are written on tmpfs, which is fast, and copied to the share while the
# scenario runs, so that they are there if L1 never comes to an end. One copy at
# a time, since a file that is being copied is empty at first.
mkdir -p /run/out
begin_copy() {
	until mkdir /run/copying 2>/dev/null; do
		usleep 20000
	done
	cp -rf /run/out/. /lab/out/
}
(
	while sleep 5; do
		begin_copy
		rmdir /run/copying
	done
) &

# Events of a guest's device belong to the guest; the host logs only others.
iommu_events() {
	dmesg | grep -c -E "$EVENTS"
}
EVENTS='arm-smmu-v3 .*event|DMAR: \[(DMA|INTR)|AMD-Vi: Event'

: >/lab/out/results
for KERNEL in $KERNELS; do
	export KERNEL
	start=$(cut -d' ' -f1 /proc/uptime)
	before=$(iommu_events)
	log=/run/out/$KERNEL.host.log
	verdict=failed
	if sh -c '. /lib/lab.sh; . /lab/host.sh' >>"$log" 2>&1; then
		verdict=ok
	fi
	if [ "$(iommu_events)" -ne "$before" ]; then
		verdict=failed
		echo "FAILED: the host's IOMMU reported events that nobody took" >>"$log"
		dmesg | grep -E "$EVENTS" | tail -n 5 >>"$log"
	fi
	echo "$KERNEL $verdict $start $(cut -d' ' -f1 /proc/uptime)" >>/lab/out/results
done
# The last copy does not make room for another one, which the power-off would cut.
begin_copy
