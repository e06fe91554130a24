# SPDX-License-Identifier: Apache-2.0
#
# What a scenario's guest.sh can use in L2. It succeeds if its last command
# does; use `fail` to stop at once. /lab/env gives, for each disk NAME,
# DISK_NAME_SHA (of its first READ_SIZE bytes), and WRITE_OFFSET, where the
# guest with this kernel may write WRITE_SIZE bytes.

. /lab/env
BLOCK=65536

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

# read_disk DEVICE NAME: what the lab wrote outside must be read here.
read_disk() {
	wait_for "$1"
	eval expected="\$DISK_$2_SHA"
	found=$(dd if="$1" bs=$BLOCK count=$((READ_SIZE / BLOCK)) iflag=direct 2>/dev/null | sum)
	[ "$found" = "$expected" ] || fail "read $found from $1 instead of $expected"
	echo "LAB: read $2 $READ_SIZE bytes, as expected"
}

# write_disk DEVICE NAME: write what nobody knows yet, and read it back; the
# lab compares the disk's image outside with the sum announced here.
write_disk() {
	dd if=/dev/urandom of=/tmp/data bs=$BLOCK count=$((WRITE_SIZE / BLOCK)) 2>/dev/null
	dd if=/tmp/data of="$1" bs=$BLOCK seek=$((WRITE_OFFSET / BLOCK)) oflag=direct conv=notrunc,fsync 2>/dev/null ||
		fail "write to $1"
	back=$(dd if="$1" bs=$BLOCK skip=$((WRITE_OFFSET / BLOCK)) count=$((WRITE_SIZE / BLOCK)) iflag=direct 2>/dev/null | sum)
	written=$(sum </tmp/data)
	[ "$back" = "$written" ] || fail "read back $back from $1 instead of $written"
	echo "LAB: wrote $2 $WRITE_OFFSET $WRITE_SIZE $written"
}

# The devices on the bus must be behind the guest's SMMU.
behind_smmu() {
	for bdf in "$@"; do
		[ -e "/sys/bus/pci/devices/$bdf/iommu_group" ] || fail "$bdf has no IOMMU"
	done
}

# interrupts PATTERN: how many interrupts came from devices that match.
interrupts() {
	awk -v pattern="$1" '$0 ~ pattern { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' /proc/interrupts
}
