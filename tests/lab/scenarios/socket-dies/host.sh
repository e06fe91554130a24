# SPDX-License-Identifier: Apache-2.0
uplink
mkdir -p /run/shared
rm -f /run/shared/*
random_file /run/shared/from-host
serve tcp:0.0.0.0:7001 cat /run/shared/from-host
echo "FILE_SHA=$(sum </run/shared/from-host)" >/run/shared/facts

start_passt() {
	rm -f /run/passt.sock*
	passt --vhost-user --foreground --socket /run/passt.sock >>"$OUT/$KERNEL.passt.log" 2>&1 &
	passt=$!
	wait_for /run/passt.sock
}
start_virtiofsd() {
	rm -f /run/fs.sock
	/usr/libexec/virtiofsd --socket-path /run/fs.sock --shared-dir /run/shared --sandbox chroot \
		>>"$OUT/$KERNEL.virtiofsd.log" 2>&1 &
	virtiofsd=$!
	wait_for /run/fs.sock
}

start_passt
start_virtiofsd
start_aerie "$KERNEL" &
pid=$!
wait_for_line 'LAB: both work' "$OUT/$KERNEL.guest.log"
kill -KILL $passt $virtiofsd
wait $passt $virtiofsd
echo gone >/run/shared/state
wait_for_line 'LAB: the network is gone' "$OUT/$KERNEL.guest.log"
wait_for_line '(passt|fs).sock' "$OUT/$KERNEL.aerie.log"
start_passt
start_virtiofsd
ended_well $pid
[ -e /run/shared/from-guest ] || fail "the second server did not get the guest's file"
kill $passt $virtiofsd
stop_servers
