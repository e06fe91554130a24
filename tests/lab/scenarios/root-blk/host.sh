# SPDX-License-Identifier: Apache-2.0
# The first disk is a block device of the host's, the second a file on tmpfs.
[ -e /run/fixed.img ] || dd if=/dev/nvme0n1 of=/run/fixed.img bs=65536 skip=$((ROOT_SIZE / 65536)) \
	count=$((READ_SIZE / 65536)) 2>/dev/null
run_vm
