# SPDX-License-Identifier: Apache-2.0

nvme=0000:01:00.0
nic=0000:02:00.0
shared=0000:03:00.0
devices=/sys/bus/pci/devices

driver_of() {
	basename "$(readlink $devices/"$1"/driver)"
}

# says STATUS TEXT ARGUMENT...: aerie ends with STATUS and some line matches TEXT.
says() {
	want=$1
	text=$2
	shift 2
	aerie "$@" >"$VM/said" 2>&1
	status=$?
	sed "s/^/$*: /" "$VM/said"
	[ $status -eq "$want" ] || fail "status $status instead of $want: aerie $*"
	grep -q -E "$text" "$VM/said" || fail "no line that matches '$text': aerie $*"
}

# The drive's disk, once it is there. Its number is the kernel's choice: several drives are found at once.
disk_there() {
	for try in $(seq 100); do
		disk=$(host_disk $nvme 2>/dev/null)
		[ -b "$disk" ] && return
		usleep 100000
	done
	fail "no disk of $nvme"
}

# The host's drivers have all: each line names the driver and the remedy, or the members of the group.
disk_there
says 0 "^$nvme +1b36:0010 +NVMe.* nvme +[0-9]+ +smmu3\..*no, driver nvme has it; run .aerie bind $nvme.\$" devices
says 0 "^$nic +8086:10d3 .* e1000e +[0-9]+ +smmu3\..*no, driver e1000e has it; run .aerie bind $nic.\$" devices
says 0 "^$shared .*no, shares IOMMU group [0-9]+ with 0000:03:00.1; move it to a slot" devices
says 0 "^0000:03:00.1 .*no, shares IOMMU group [0-9]+ with $shared; move it to a slot" devices
grep -q "^0000:00:0[1-9]\.0 .*PCI bridge" "$VM/said" && fail "a bridge is listed"
says 2 'unexpected argument' devices all

# Round trips, of several devices at once; a second bind or unbind changes nothing.
for turn in 1 2 3; do
	says 0 "^$nvme: bound to vfio-pci, /dev/vfio/devices/vfio[0-9]+\$" bind $nvme $nic
	grep -q "^$nic: bound to vfio-pci" "$VM/said" || fail "the second device is not named"
	says 0 "^$nvme: bound to vfio-pci, /dev/vfio/devices/vfio[0-9]+\$" bind $nvme
	[ "$(driver_of $nvme) $(driver_of $nic)" = "vfio-pci vfio-pci" ] || fail "not bound"
	says 0 "^$nvme .* vfio-pci .*  yes\$" devices
	says 0 "^$nic .* vfio-pci .*  yes\$" devices
	says 0 "^$nvme: back with driver nvme\$" unbind $nvme 02:00.0
	grep -q "^$nic: back with driver e1000e\$" "$VM/said" || fail "the second device is not named"
	says 0 "^$nvme: back with driver nvme\$" unbind $nvme
	[ "$(cat $devices/$nvme/driver_override)" = "(null)" ] || fail "driver_override stays"
	disk_there
	[ "$(sum_of "$disk" 0 "$READ_SIZE")" = "$DISK_data_SHA" ] || fail "the host reads something else"
done

# Refusals leave everything as it is.
bridge=$(basename "$(dirname "$(readlink -f $devices/$nvme)")")
says 2 "$bridge is a bridge .*bind the devices behind it" bind "$bridge"
says 2 'no PCI device 0000:1f:00.0.*aerie devices' bind 1f:00.0
says 2 'no PCI device 0000:1f:00.0.*aerie devices' unbind 1f:00.0
says 2 '"nonsense" is no PCI address' bind $nvme nonsense
says 2 'which device' bind
[ "$(driver_of $nvme)" = nvme ] || fail "a refused command changed the driver"

# This kernel has no file system for disks; what counts is the source of the mount.
mkdir -p /run/mounted
mount -t tmpfs "$disk" /run/mounted
says 2 "the host uses $nvme: ${disk##*/} is mounted on /run/mounted; stop using it first" bind $nvme
[ "$(driver_of $nvme)" = nvme ] || fail "a refused bind changed the driver"
says 0 "$nvme: bound to vfio-pci" bind --force $nvme
grep -q 'the host uses .* and loses it' "$VM/said" || fail "no warning"
umount /run/mounted
says 0 "^$nvme: back with driver nvme\$" unbind $nvme

# A network interface that is up is taken with a warning.
wait_for $devices/$nic/net
interface=$(ls $devices/$nic/net)
ifconfig "$interface" 10.0.2.15 up
for try in $(seq 50); do
	[ "$(cat $devices/$nic/net/"$interface"/operstate)" = up ] && break
	usleep 100000
done
says 0 "loses its network interface $interface, which is up" bind $nic

# In use: it is not taken away. The descriptor is all that counts.
cdev=/dev/vfio/devices/$(ls $devices/$nic/vfio-dev)
sleep 30 <>"$cdev" &
user=$!
usleep 200000
says 2 "$nic is in use by sleep \(pid $user\); end it first" unbind $nic
kill $user
wait $user
says 0 "^$nic: back with driver e1000e\$" unbind $nic
