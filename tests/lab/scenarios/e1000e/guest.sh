# SPDX-License-Identifier: Apache-2.0

behind_iommu 0000:01:00.0
network 0000:01:00.0
receive_file
send_file
[ "$(interrupts "$MSI")" -gt 0 ] || fail "no MSI came"
release 0000:01:00.0
