# SPDX-License-Identifier: Apache-2.0

fetch_guest
rm -rf /guest
mkdir /guest
ln -s "$VM/Image" /guest/Image
ln -s "$VM/initrd" /guest/initrd.gz
bind 0000:01:00.0 0000:02:00.0

for file in /lab/configs/vms/*.yaml; do
	echo "aerie run $file"
	: >"$VM/guest.log"
	timeout -k 5 "$GUEST_LIMIT" aerie run "$file" </dev/null >"$VM/guest.log" 2>>"$OUT/$KERNEL.aerie.log"
	status=$?
	cat "$VM/guest.log" >>"$OUT/$KERNEL.guest.log"
	[ $status -eq 0 ] || fail "aerie ended with status $status"
	grep -q '^LAB: guest ok' "$VM/guest.log" || fail "the guest did not report success"
done
