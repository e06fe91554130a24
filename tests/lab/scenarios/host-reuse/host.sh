# SPDX-License-Identifier: Apache-2.0

bdf=0000:01:00.0
bind $bdf
run_vm
unbind $bdf
[ "$(basename "$(readlink /sys/bus/pci/devices/$bdf/driver)")" = nvme ] || fail "the host's driver is not back"
wait_for /dev/nvme0n1
set -- $(sed -n 's/^LAB: wrote data //p' "$OUT/$KERNEL.guest.log" | tr -d '\r')
[ "$(sum_of /dev/nvme0n1 "$1" "$2")" = "$3" ] || fail "the host reads something else than the guest wrote"
