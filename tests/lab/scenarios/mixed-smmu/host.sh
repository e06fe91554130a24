# SPDX-License-Identifier: Apache-2.0
bind 0000:01:00.0
ln -sf "$(host_disk 0000:02:00.0)" /run/soft
run_vm
