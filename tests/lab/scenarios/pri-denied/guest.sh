# SPDX-License-Identifier: Apache-2.0

wait_for /dev/vda
page-request 0000:01:00.0 || fail "page requests"
dmesg | grep -q "unexpected PRI request received" || fail "the kernel has not seen the requests"
# The SMMU, its queues and its other devices go on.
random_file /tmp/data
dd if=/tmp/data of=/dev/vda bs=$BLOCK oflag=direct conv=notrunc,fsync 2>/dev/null || fail "write"
[ "$(dd if=/dev/vda bs=$BLOCK count=$((WRITE_SIZE / BLOCK)) iflag=direct 2>/dev/null | sum)" = "$(sum </tmp/data)" ] ||
	fail "read back"
