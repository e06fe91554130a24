# SPDX-License-Identifier: Apache-2.0
for slot in 1 2 3 4 5 6 7 8; do
	behind_iommu "0000:0$slot:00.0"
done

disk=$(virtio_disk data)
read_disk "$disk" data
write_disk "$disk" data

bound_to virtio_balloon 5
inflated() { sed -n 's/^balloon_inflate //p' /proc/vmstat; }
n=0
# In pages: 32 MiB. The lab's kernel does not count.
until [ -z "$(inflated)" ] || [ "$(inflated)" -ge 8192 ]; do
	[ "$((n += 1))" -le 100 ] || fail "the balloon has $(inflated) pages"
	usleep 100000
done
dd if=/dev/zero of=/tmp/fill bs=1M count=64 2>/dev/null
port=$(virtio_port org.aerie.0) || fail "no port"
echo "this is $KERNEL" >"$(virtio_port log)" || fail "the log port"
echo "LAB: ports are open"
exec 3<>"$port"
until read -r line <&3; do
	usleep 100000    # an end of file: nobody is on the other side yet
done
echo "heard $line" >&3
rm /tmp/fill    # the host sees its memory come back (free page reporting)

mkdir /mnt
mount -t virtiofs share /mnt || fail "cannot mount the share"
. /mnt/facts
[ "$(sum </mnt/from-host)" = "$FILE_SHA" ] || fail "the host's file is not what the host has"
random_file /mnt/from-guest
sync
echo "LAB: file $(sum </mnt/from-guest)"

# transfer HOST: both ways, with sums of what arrives
transfer() {
	[ "$(sock connect "tcp:$1:7001" </dev/null | sum)" = "$FILE_SHA" ] || fail "received something else from $1"
	there=$(sock connect "tcp:$1:7002" </mnt/from-guest | cut -d' ' -f1)
	[ "$there" = "$(sum </mnt/from-guest)" ] || fail "$1 received something else"
	echo "LAB: transfer with $1"
}
tap=$(interface_of 52:54:00:00:00:01) || fail "no tap interface"
user=$(interface_of 52:54:00:00:00:02) || fail "no user interface"
ifconfig "$tap" 192.168.7.2 netmask 255.255.255.0 up
transfer 192.168.7.1
ifconfig "$user" 10.9.9.9 netmask 255.255.255.0 up
transfer 10.9.9.1

random_file /tmp/echo
[ "$(sock connect vsock:2:7003 </tmp/echo | sum)" = "$(sum </tmp/echo)" ] || fail "the vsock echo differs"
sock listen vsock:-1:7004 cat &
echo "LAB: listening"
wait_for /mnt/done 30

for rng in $(cat /sys/class/misc/hw_random/rng_available); do
	case $rng in virtio_rng.*) echo "$rng" >/sys/class/misc/hw_random/rng_current ;; esac
done
grep -q virtio_rng /sys/class/misc/hw_random/rng_current || fail "no virtio rng"
one=$(dd if=/dev/hwrng bs=64 count=1 2>/dev/null | sum)
[ "$one" != "$(dd if=/dev/hwrng bs=64 count=1 2>/dev/null | sum)" ] || fail "not random"

umount /mnt
