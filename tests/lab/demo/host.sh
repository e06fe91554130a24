# SPDX-License-Identifier: Apache-2.0

fetch_guest
mkdir -p /guest
ln -s "$VM/Image" /guest/Image
gzip -1 <"$VM/initrd" >/guest/initrd.gz

bind 0000:01:00.0
cd /lab
echo "aerie run configs/vms/first-flight.yaml"
timeout -k 5 "$GUEST_LIMIT" aerie run --stats "$OUT/$KERNEL.stats.json" configs/vms/first-flight.yaml \
	</dev/null >"$OUT/$KERNEL.guest.log" 2>"$OUT/$KERNEL.aerie.log"
status=$?
[ $status -eq 0 ] || fail "aerie ended with status $status"
grep -q '^LAB: guest ok' "$OUT/$KERNEL.guest.log" || fail "the guest did not report success"
