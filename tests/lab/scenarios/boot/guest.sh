# SPDX-License-Identifier: Apache-2.0

[ "$(nproc)" -eq 4 ] || fail "$(nproc) processors"
[ -e /dev/rtc0 ] || [ "$KERNEL" != lab ] || fail "no real-time clock"
