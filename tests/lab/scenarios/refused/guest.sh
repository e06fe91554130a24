# SPDX-License-Identifier: Apache-2.0

disk=$(disk_of 0000:01:00.0) || fail "no disk"
read_disk "$disk" data
sleep 5
release 0000:01:00.0
