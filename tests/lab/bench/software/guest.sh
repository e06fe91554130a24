# SPDX-License-Identifier: Apache-2.0
#
# The kernel's command line names the job.

SECONDS_EACH=3

# rate NAME FIELD ARGUMENT...: a value of fio's terse output (version 3)
rate() {
	name=$1
	field=$2
	shift 2
	value=$(fio --name="$name" --filename=/dev/vda --direct=1 --ioengine=libaio --runtime=$SECONDS_EACH --time_based \
		--group_reporting --minimal --terse-version=3 "$@" | cut -d';' -f"$field")
	[ "$value" ] || fail "fio $name"
	echo "LAB: bench $name $value"
}

# map NAME DEVICE: mapping and unmapping one page for a device
map() {
	for device in /sys/bus/pci/devices/*; do
		case $(cat "$device/vendor") in
		"$2") ;;
		*) continue ;;
		esac
		[ -e "$device/iommu_group" ] && [ "$(cat "$device/class")" != 0x060400 ] || continue
		bdf=${device##*/}
		echo dma_map_benchmark >"$device/driver_override"
		[ -e "$device/driver" ] && echo "$bdf" >"$device/driver/unbind"
		echo "$bdf" >/sys/bus/pci/drivers_probe
		times=$(dma-map $SECONDS_EACH) || fail "dma-map for $1"
		echo "LAB: bench $1-map ${times% *}"
		echo "LAB: bench $1-unmap ${times#* }"
		echo "$bdf" >/sys/bus/pci/drivers/dma_map_benchmark/unbind
		return
	done
	fail "no device for $1"
}

case $(sed -n 's/.*\<job=\([a-z]*\).*/\1/p' /proc/cmdline) in
blk)
	wait_for /dev/vda
	rate randread 8 --rw=randread --bs=4k --iodepth=32 --numjobs=2
	rate read 7 --rw=read --bs=1M --iodepth=4
	;;
map)
	mount -t debugfs debug /sys/kernel/debug
	map emulated 0x1af4
	map assigned 0x1b36
	;;
esac
