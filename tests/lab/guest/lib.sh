# SPDX-License-Identifier: Apache-2.0
#
# What a scenario's guest.sh can use in L2. It succeeds if its last command
# does; use `fail` to stop at once. /lab/env gives, for each disk NAME,
# DISK_NAME_SHA (of its first READ_SIZE bytes), and WRITE_OFFSET, where the
# guest with this kernel may write WRITE_SIZE bytes.

. /lab/env
BLOCK=65536
# How /proc/interrupts calls message-signalled ones
case $ARCH in
arm64) MSI=ITS ;;
*) MSI=PCI-MSI ;;
esac

fail() {
	echo "LAB: FAILED: $*"
	exit 1
}

# wait_for FILE [SECONDS]
wait_for() {
	left=$((${2:-20} * 10))
	while [ ! -e "$1" ]; do
		[ $left -gt 0 ] || fail "$1 did not appear"
		left=$((left - 1))
		usleep 100000
	done
}

sum() {
	sha256sum | cut -d' ' -f1
}

# read_disk DEVICE NAME [OFFSET]: what the lab wrote outside must be read here.
read_disk() {
	wait_for "$1"
	eval expected="\$DISK_$2_SHA"
	found=$(dd if="$1" bs=$BLOCK skip=$((${3:-0} / BLOCK)) count=$((READ_SIZE / BLOCK)) iflag=direct 2>/dev/null | sum)
	[ "$found" = "$expected" ] || fail "read $found from $1 instead of $expected"
	echo "LAB: read $2 $READ_SIZE bytes, as expected"
}

# random_file FILE: WRITE_SIZE bytes that nobody knows yet
random_file() {
	dd if=/dev/urandom of="$1" bs=$BLOCK count=$((WRITE_SIZE / BLOCK)) 2>/dev/null
}

# write_disk DEVICE NAME [OFFSET]: write something new and read it back; the lab
# compares the disk's image outside with the sum announced here.
write_disk() {
	offset=$((WRITE_OFFSET + ${3:-0}))
	data=/tmp/$2
	random_file "$data"
	dd if="$data" of="$1" bs=$BLOCK seek=$((offset / BLOCK)) oflag=direct conv=notrunc,fsync 2>/dev/null ||
		fail "write to $1"
	back=$(dd if="$1" bs=$BLOCK skip=$((offset / BLOCK)) count=$((WRITE_SIZE / BLOCK)) iflag=direct 2>/dev/null | sum)
	written=$(sum <"$data")
	[ "$back" = "$written" ] || fail "read back $back from $1 instead of $written"
	echo "LAB: wrote $2 $offset $WRITE_SIZE $written"
}

# fio_verify WHERE SIZE ARGUMENT...: four jobs write blocks of random sizes at random
# places and read them back, each SIZE bytes (in MiB) of a disk or in a folder.
fio_verify() {
	where=$1
	size=$2
	shift 2
	case $where in
	/dev/*) place="--filename=$where --offset_increment=${size}M" ;;
	# Written to in place: extents that grow under many jobs keep a small kernel busy for long.
	*) place="--directory=$where --overwrite=1" ;;
	esac
	log=/tmp/fio${where##*/}.log
	begin=$(cut -d' ' -f1 /proc/uptime)
	# shellcheck disable=SC2086
	fio --name=verify --eta=never --numjobs=4 --size="${size}M" $place --rw=randwrite --bsrange=512-64k --ioengine=libaio \
		--iodepth=8 --direct=1 --verify=crc32c --verify_fatal=1 --group_reporting --output="$log" "$@" || {
		cat "$log"
		fail "fio on $where"
	}
	grep -q 'err= 0' "$log" || fail "fio did not run: $(cat "$log")"
	echo "LAB: fio verified $((4 * size)) MiB on $where, uptime $begin to $(cut -d' ' -f1 /proc/uptime)"
}

# disk_of BDF: print the block device of an NVMe function once it is there. With
# multipath support the function has only nvmeXcYnZ, a path of nvmeXnZ.
disk_of() {
	for try in $(seq 200); do
		for node in /sys/bus/pci/devices/"$1"/nvme/nvme*/nvme*n1; do
			name=$(basename "$node" | sed 's/c[0-9]*n/n/')
			if [ -b "/dev/$name" ]; then
				echo "/dev/$name"
				return 0
			fi
		done
		usleep 100000
	done
	return 1
}

# network BDF: bring up the NIC on L0's user network.
network() {
	wait_for "/sys/bus/pci/devices/$1/net"
	interface=$(ls "/sys/bus/pci/devices/$1/net")
	ifconfig "$interface" 10.0.2.15 netmask 255.255.255.0 up || fail "cannot bring up $interface"
	for try in $(seq 20); do
		ping -c 1 -W 1 "$NET_HOST" >/dev/null 2>&1 && return
	done
	fail "$NET_HOST does not answer"
}

# receive_file: fetch what the lab offers; it must be what the lab said.
receive_file() {
	found=$(nc "$NET_HOST" "$NET_GET" </dev/null | sum)
	[ "$found" = "$NET_SHA" ] || fail "received $found instead of $NET_SHA"
	echo "LAB: received a file, as expected"
}

# send_file: give the lab something new; it answers with the sum of what it got.
send_file() {
	random_file /tmp/sent
	there=$(nc "$NET_HOST" "$NET_PUT" </tmp/sent | head -n 1)
	here=$(sum </tmp/sent)
	[ "$there" = "$here" ] || fail "the peer got $there instead of $here"
	echo "LAB: sent $here"
}

# virtio_disk SERIAL: print the block device with this serial number once it is there.
virtio_disk() {
	for try in $(seq 200); do
		for disk in /sys/block/vd*; do
			if [ "$(cat "$disk/serial" 2>/dev/null)" = "$1" ]; then
				echo "/dev/${disk##*/}"
				return
			fi
		done
		usleep 100000
	done
	fail "no disk with the serial number $1"
}

# virtio_port NAME: print the device node of a port of a virtio console.
virtio_port() {
	for try in $(seq 200); do
		for port in /sys/class/virtio-ports/*; do
			if [ "$(cat "$port/name" 2>/dev/null)" = "$1" ]; then
				echo "/dev/${port##*/}"
				return
			fi
		done
		usleep 100000
	done
	return 1
}

# interface_of MAC: print the name of the network interface with this address.
interface_of() {
	for try in $(seq 200); do
		for interface in /sys/class/net/*; do
			if [ "$(cat "$interface/address")" = "$1" ]; then
				echo "${interface##*/}"
				return
			fi
		done
		usleep 100000
	done
	return 1
}

# bound_to DRIVER ID: a virtio device of this kind has its driver.
bound_to() {
	for device in /sys/bus/virtio/drivers/"$1"/virtio*; do
		[ "$(($(cat "$device/device" 2>/dev/null)))" -eq "$2" ] && return
	done
	fail "$1 has no device"
}

# discard DISK OFFSET LENGTH: what is discarded of a file reads as zeros.
discard() {
	blkdiscard -o "$2" -l "$3" "$1" || fail "discard on $1"
	left=$(dd if="$1" bs=4096 skip=$(($2 / 4096)) count=$(($3 / 4096)) iflag=direct 2>/dev/null | tr -d '\000' | wc -c)
	[ "$left" -eq 0 ] || fail "$left bytes are left of what was discarded on $1"
}

# release BDF...: take assigned devices behind a virtio-iommu from their drivers. At power-off
# Linux since 6.15 resets the virtio-iommu before it is done with the devices behind it; an
# NVMe drive that can no longer reach memory then keeps it waiting for a minute.
release() {
	for bdf in "$@"; do
		case $(basename "$(readlink "/sys/bus/pci/devices/$bdf/iommu")") in
		0000:*) ;;
		*) continue ;;
		esac
		echo "$bdf" >"/sys/bus/pci/devices/$bdf/driver/unbind" || fail "cannot unbind $bdf"
	done
}

# The devices on the bus must be behind the guest's SMMU ...
behind_smmu() {
	for bdf in "$@"; do
		case $(basename "$(readlink "/sys/bus/pci/devices/$bdf/iommu")") in
		smmu*) ;;
		*) fail "$bdf is not behind an SMMU" ;;
		esac
	done
}

# ... or behind its virtio-iommu, which has the name of a PCI function.
behind_viommu() {
	for bdf in "$@"; do
		case $(basename "$(readlink "/sys/bus/pci/devices/$bdf/iommu")") in
		0000:*) ;;
		*) fail "$bdf is not behind a virtio-iommu" ;;
		esac
	done
}

# ... or behind the one that guests of this architecture have a driver for.
behind_iommu() {
	case $ARCH in
	arm64) behind_smmu "$@" ;;
	*) behind_viommu "$@" ;;
	esac
}

# The firmware was UEFI and has given the kernel ACPI tables, of which it does not complain.
booted_by_uefi() {
	[ -d /sys/firmware/efi ] || fail "no UEFI"
	[ -d /sys/firmware/acpi/tables ] || fail "no ACPI"
	dmesg | grep -iE '(acpi|iort|viot|firmware).*(error|warn|bug|fail|invalid|unsupported|ignor)' && fail "the kernel complains of the firmware"
	echo "LAB: booted by UEFI with ACPI: $(ls /sys/firmware/acpi/tables | tr '\n' ' ')"
}

# interrupts PATTERN: how many interrupts came from devices that match.
interrupts() {
	awk -v pattern="$1" '$0 ~ pattern { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' /proc/interrupts
}

# throughput DISK: how long it takes to read the whole disk four times.
throughput() {
	size=$(cat "/sys/class/block/${1##*/}/size")
	begin=$(cut -d' ' -f1 /proc/uptime)
	for turn in 1 2 3 4; do
		dd if="$1" of=/dev/null bs=1M iflag=direct 2>/dev/null || fail "read $1"
	done
	echo "LAB: throughput $((size * 512 * 4)) bytes, uptime $begin to $(cut -d' ' -f1 /proc/uptime)"
}
