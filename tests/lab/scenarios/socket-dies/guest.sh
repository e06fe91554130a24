# SPDX-License-Identifier: Apache-2.0
user=$(interface_of 52:54:00:00:00:02) || fail "no interface"
ifconfig "$user" 10.9.9.9 netmask 255.255.255.0 up
mkdir /mnt
mount -t virtiofs share /mnt || fail "cannot mount the share"
. /mnt/facts

receive() {
	found=$(timeout 3 sock connect tcp:10.9.9.1:7001 </dev/null 2>/dev/null | sum)
	[ "$found" = "$FILE_SHA" ]
}
receive || fail "no transfer before"
[ "$(sum </mnt/from-host)" = "$FILE_SHA" ] || fail "another file in the share"
echo "LAB: both work"

while receive; do
	usleep 200000
done
echo "LAB: the network is gone"
for try in $(seq 20); do
	receive && break
done
receive || fail "the network did not come back"
echo "LAB: the network is back"

# The new server knows nothing of the old one's files: what was open is lost, a new
# mount works.
umount -l /mnt
mount -t virtiofs share /mnt || fail "cannot mount the share again"
[ "$(sum </mnt/from-host)" = "$FILE_SHA" ] || fail "the share did not come back"
echo "from the guest" >/mnt/from-guest || fail "cannot write to the share"
umount /mnt
echo "LAB: the share is back"
