# SPDX-License-Identifier: Apache-2.0
#
# Beside the guest's own verdict: aerie must not fill the log, nor keep what the
# guest made it open, and the host must be able to use the drive afterwards.

nvme=0000:01:00.0
bind $nvme 0000:02:00.0

# The most descriptors that aerie had at one time.
watch_fds() {
	most=0
	while :; do
		now=$(ls /proc/"$(pidof aerie)"/fd 2>/dev/null | wc -l)
		[ "$now" -gt $most ] && most=$now && echo "$most" >"$VM/fds"
		usleep 300000
	done
}
watch_fds &
watcher=$!
run_vm
kill $watcher

most=$(cat "$VM/fds")
lines=$(wc -l <"$OUT/$KERNEL.aerie.log")
echo "aerie had $most descriptors at most and wrote $lines lines"
[ "$most" -lt 120 ] || fail "aerie had $most descriptors open"
[ "$lines" -lt 400 ] || fail "aerie wrote $lines lines"

unbind $nvme
wait_for /dev/nvme0n1
set -- $(sed -n 's/^LAB: wrote data //p' "$OUT/$KERNEL.guest.log" | tr -d '\r')
[ "$(sum_of /dev/nvme0n1 "$1" "$2")" = "$3" ] || fail "the host reads something else than the guest wrote"
