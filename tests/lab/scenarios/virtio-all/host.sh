# SPDX-License-Identifier: Apache-2.0
uplink
[ -e /sys/class/net/tap0 ] || tunctl -t tap0 >/dev/null || fail "no tap"
ifconfig tap0 192.168.7.1 netmask 255.255.255.0 up || fail "no network"
mkdir -p /run/shared
rm -f /run/shared/*
random_file /run/shared/from-host
serve tcp:0.0.0.0:7001 cat /run/shared/from-host
serve tcp:0.0.0.0:7002 sha256sum
serve vsock:-1:7003 cat
echo "FILE_SHA=$(sum </run/shared/from-host)" >/run/shared/facts

start_aerie "$KERNEL" &
pid=$!

# The port with a name is a terminal here: what comes is answered in the guest.
wait_for /run/port0 30
wait_for_line 'LAB: ports are open' "$OUT/$KERNEL.guest.log"
full=$(guest_memory)
stty raw -echo </run/port0
cat /run/port0 >/run/port0.log &
reader=$!
echo "good day" >/run/port0

wait_for_line 'LAB: listening' "$OUT/$KERNEL.guest.log"
random_file /run/to-guest
[ "$(sock connect vsock:42:7004 </run/to-guest | sum)" = "$(sum </run/to-guest)" ] || fail "vsock to the guest"
for try in $(seq 100); do
	[ "$(guest_memory)" -lt $((full - 32768)) ] && break
	usleep 100000
done
echo "of the guest's memory aerie holds $full KiB, then $(guest_memory)"
[ "$(guest_memory)" -lt $((full - 32768)) ] || fail "the balloon gave nothing back"
touch /run/shared/done

ended_well $pid
kill $reader 2>/dev/null
stop_servers
grep -q '^heard good day' /run/port0.log || fail "the port said '$(cat /run/port0.log)'"
grep -q "^this is $KERNEL" /run/log.txt || fail "the log port said '$(cat /run/log.txt)'"
said=$(sed -n 's/^LAB: file \([0-9a-f]*\).*/\1/p' "$OUT/$KERNEL.guest.log")
[ "$(sum </run/shared/from-guest)" = "$said" ] || fail "the shared file is not what the guest wrote"
