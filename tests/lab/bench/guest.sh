# SPDX-License-Identifier: Apache-2.0
#
# The kernel's command line names the job.

case $(sed -n 's/.*\<job=\([a-z]*\).*/\1/p' /proc/cmdline) in
nvme)
	disk=$(disk_of 0000:01:00.0) || fail "no disk"
	read_disk "$disk" data
	write_disk "$disk" data
	;;
throughput)
	disk=$(disk_of 0000:01:00.0) || fail "no disk"
	throughput "$disk"
	;;
esac
