# SPDX-License-Identifier: Apache-2.0

[ "$(nproc)" -eq 4 ] || fail "$(nproc) processors"
[ "$ARCH" = x86-64 ] || [ -e /sys/class/rtc/rtc0 ] || fail "no real-time clock"
