# SPDX-License-Identifier: Apache-2.0
#
# CELLS holds KERNEL/BOOT/IOMMU/CPUS; those of this kernel are run, one after another. Each
# leaves a line in cells: the cell, ok or failed, and the time in milliseconds.

uptime_ms() {
	sed 's/\([0-9]*\)\.\([0-9]*\) .*/\1\20/' /proc/uptime
}

for cell in $CELLS; do
	[ "${cell%%/*}" = "$KERNEL" ] || continue
	rest=${cell#*/}
	boot=${rest%%/*}
	rest=${rest#*/}
	iommu=${rest%%/*}
	cpus=${rest#*/}
	tag=$KERNEL.$boot.$iommu.$cpus
	set -- --set boot.kernel="$VM/Image"
	case $boot in
	bzImage) set -- --set boot.kernel="/guests/$KERNEL/bzImage" ;;
	firmware) set -- --set boot.firmware=/lib/firmware.fd --set machine.memory=512M ;;
	esac
	wait=
	case $boot/$iommu/$KERNEL in
	# Debian's 6.1 does not know this IOMMU; with a device tree it waits for a driver of it.
	*/virtio-iommu/6.1)
		set -- "$@" --set iommus.0.boot-bypass=true
		wait=deferred_probe_timeout=1
		;;
	# The firmware looks for random numbers too, and knows no IOMMU.
	firmware/virtio-iommu/*) set -- "$@" --set iommus.0.boot-bypass=true ;;
	esac
	CONFIG=/lab/$iommu.yaml
	begin=$(uptime_ms)
	GUEST_LIMIT=$CELL_LIMIT
	start_aerie "$tag" "$@" --set machine.cpus="$cpus" \
		--set boot.cmdline="console=$CONSOLE loglevel=4 $wait cell.boot=$boot cell.iommu=$iommu cell.cpus=$cpus"
	status=$?
	verdict=failed
	[ $status -eq 0 ] && grep -q '^LAB: guest ok' "$OUT/$tag.guest.log" && verdict=ok
	echo "$cell $verdict $(($(uptime_ms) - begin))" >>"$OUT/cells"
done
true
