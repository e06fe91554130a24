# SPDX-License-Identifier: Apache-2.0
bind 0000:01:00.0
run_vm
