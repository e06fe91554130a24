# SPDX-License-Identifier: Apache-2.0
#
# What a scenario's host.sh can use in L1. It runs with KERNEL set to the name
# of the guest kernel (or "none") and succeeds if its last command does; use
# `fail` to stop at once. Its output is KERNEL.host.log, the guest's console
# KERNEL.guest.log, aerie's messages KERNEL.aerie.log.

. /lab/env
OUT=/run/out
VM=/run/vm
mkdir -p "$OUT" "$VM"

fail() {
	echo "FAILED: $*"
	exit 1
}

# Give devices to vfio-pci, unless they are there already.
bind() {
	for bdf in "$@"; do
		case $(readlink "/sys/bus/pci/devices/$bdf/driver") in
		*/vfio-pci) ;;
		*) aerie bind "$bdf" || fail "aerie bind $bdf" ;;
		esac
	done
}

# Put the guest's kernel and initramfs, with what the scenario adds, at $VM.
fetch_guest() {
	[ "$(cat "$VM/name" 2>/dev/null)" = "$KERNEL" ] && return
	ln -sf "/guests/$KERNEL/Image" "$VM/Image"
	cat "/guests/$KERNEL/initrd" "/lab/guest-$KERNEL.cpio" >"$VM/initrd" || fail "no initramfs"
	echo "$KERNEL" >"$VM/name"
}

# start_aerie TAG ARGUMENT...: `aerie run` of the scenario's vm.yaml (or of CONFIG) with the
# kernel in question (if it has one), at most GUEST_LIMIT seconds; status is aerie's.
start_aerie() {
	tag=$1
	shift
	config=${CONFIG:-/lab/vm.yaml}
	if grep -q 'kernel:' "$config"; then
		fetch_guest
		set -- --set boot.kernel="$VM/Image" --set boot.initrd="$VM/initrd" "$@"
	fi
	# shellcheck disable=SC2086
	timeout -k 5 "$GUEST_LIMIT" aerie run --stats "$OUT/$tag.stats.json" $SETTINGS "$@" "$config" \
		</dev/null >>"$OUT/$tag.guest.log" 2>>"$OUT/$tag.aerie.log"
}

# run_vm ARGUMENT...: a whole life of the guest; it must say that all is well
# and power off.
run_vm() {
	start_aerie "$KERNEL" "$@"
	status=$?
	[ $status -eq 0 ] || fail "aerie ended with status $status"
	grep -q '^LAB: guest ok' "$OUT/$KERNEL.guest.log" || fail "the guest did not report success"
}

# refused TEXT ARGUMENT...: aerie must refuse with status 2 and one clear message
# that matches TEXT.
refused() {
	text=$1
	shift
	timeout -k 5 "$GUEST_LIMIT" aerie run "$@" </dev/null >"$VM/refused.out" 2>"$VM/refused.err"
	status=$?
	cat "$VM/refused.out" "$VM/refused.err"
	[ $status -eq 2 ] || fail "status $status instead of 2: $*"
	[ "$(grep -c '^aerie: ' "$VM/refused.err")" -eq 1 ] || fail "not exactly one message: $*"
	grep -q -E "$text" "$VM/refused.err" || fail "no message that matches '$text': $*"
}

# Take a device back from vfio-pci and give it to the host's own driver.
unbind() {
	for bdf in "$@"; do
		aerie unbind "$bdf" || fail "aerie unbind $bdf"
	done
}

# wait_for FILE [SECONDS]
wait_for() {
	left=$((${2:-10} * 10))
	while [ ! -e "$1" ]; do
		[ $left -gt 0 ] || fail "$1 did not appear"
		left=$((left - 1))
		usleep 100000
	done
}

# The SHA-256 of a part of a disk: device, offset and length in bytes.
sum_of() {
	dd if="$1" bs=65536 skip=$(($2 / 65536)) count=$(($3 / 65536)) 2>/dev/null | sha256sum | cut -d' ' -f1
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

# wait_for_line PATTERN FILE [SECONDS]: what another process writes
wait_for_line() {
	left=$((${3:-60} * 10))
	until grep -q -E "$1" "$2" 2>/dev/null; do
		[ $left -gt 0 ] || fail "no '$1' in $2"
		left=$((left - 1))
		usleep 100000
	done
}

# ended_well PID: what run_vm wants of a guest that start_aerie began in the background
ended_well() {
	wait "$1"
	status=$?
	[ $status -eq 0 ] || fail "aerie ended with status $status"
	grep -q '^LAB: guest ok' "$OUT/$KERNEL.guest.log" || fail "the guest did not report success"
}

# guest_memory: how much of the guest's RAM is there, in KiB
guest_memory() {
	sed -n 's/^RssShmem:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(pidof aerie)/status"
}

sum() {
	sha256sum | cut -d' ' -f1
}

# random_file FILE: WRITE_SIZE bytes that nobody knows yet
random_file() {
	dd if=/dev/urandom of="$1" bs=65536 count=$((WRITE_SIZE / 65536)) 2>/dev/null
}

# serve ADDRESS PROGRAM...: the program answers each connection, until stop_servers
serve() {
	sock listen "$@" &
	servers="${servers-} $!"
}

stop_servers() {
	# shellcheck disable=SC2086
	kill ${servers-}
	servers=
}

# The host's way out, though nothing is there: passt gives its guest the address of the
# interface with the default route, and takes the gateway for the host itself.
uplink() {
	ifconfig lo 127.0.0.1 up
	[ -e /sys/class/net/uplink ] && return
	tunctl -t uplink >/dev/null || fail "no tap"
	ifconfig uplink 10.9.9.9 netmask 255.255.255.0 up || fail "no network"
	route add default gw 10.9.9.1
}

# host_disk BDF: the block device of a drive that the host has for itself
host_disk() {
	echo "/dev/$(ls "/sys/bus/pci/devices/$1/nvme/"nvme* | grep -o 'nvme[0-9]*n1$')"
}

# The file system of the first drive, made by the lab, at /store: real, on a real disk
mount_store() {
	[ -e /store/root.img ] && return
	mkdir -p /store
	wait_for /dev/nvme0n1
	mount -t ext4 /dev/nvme0n1 /store || fail "cannot mount the store"
}

# compare_writes IMAGE COUNT: what the guest says it wrote is in the image.
compare_writes() {
	sync
	count=0
	for line in $(sed -n 's/^LAB: wrote [^ ]* \([0-9]*\) \([0-9]*\) \([0-9a-f]*\).*/\1:\2:\3/p' "$OUT/$KERNEL.guest.log"); do
		offset=${line%%:*}
		length=${line#*:}
		length=${length%%:*}
		[ "$(sum_of "$1" "$offset" "$length")" = "${line##*:}" ] || fail "$1 has something else at $offset"
		count=$((count + 1))
	done
	[ $count -ge "$2" ] || fail "$count writes were announced"
}
