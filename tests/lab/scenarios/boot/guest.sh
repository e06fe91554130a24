# SPDX-License-Identifier: Apache-2.0

case $ARCH in
arm64) cpus=4 ;;
*) cpus=8 ;;
esac
[ "$(nproc)" -eq $cpus ] || fail "$(nproc) processors"
[ "$ARCH" = x86-64 ] || [ -e /sys/class/rtc/rtc0 ] || fail "no real-time clock"
