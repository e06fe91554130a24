# SPDX-License-Identifier: Apache-2.0

network 0000:01:00.0
[ "$(interrupts "$MSI")" -eq 0 ] || fail "MSIs are in use"
receive_file
send_file
