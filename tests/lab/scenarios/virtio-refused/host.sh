# SPDX-License-Identifier: Apache-2.0
fetch_guest
mount_store
good="--set boot.kernel=$VM/Image --set boot.initrd=$VM/initrd"
path=pci.0.devices.0.blk.path

refused_image() {
	text=$1
	image=$2
	shift 2
	refused "$text" $good --set $path="$image" "$@" /lab/vm.yaml
	grep -q "$image" "$VM/refused.err" || fail "the message does not name $image"
}

refused_image '[Nn]o such file|does not exist' /run/nothing.img
head -c 1000 /dev/zero >/run/odd.img
refused_image '512' /run/odd.img
: >/run/empty.img
refused_image 'empty|512|0 bytes' /run/empty.img
refused_image 'director|regular file' /run
refused_image 'regular file|block device' /dev/null
# Mounted as the host's own file system
refused_image 'busy|in use|mounted' /dev/nvme0n1

mkdir -p /run/ro
mount -t tmpfs ro /run/ro
truncate -s 1M /run/ro/fixed.img
mount -o remount,ro /run/ro
refused_image 'readonly' /run/ro/fixed.img

# proc files and O_DIRECT do not go together; neither do they and disks.
refused_image 'regular file|empty|512|direct' /proc/version --set pci.0.devices.0.blk.cache=direct

refused 'queues' $good --set pci.0.devices.0.blk.queues=0 /lab/vm.yaml

# A tap that is not there, a name that is none, a tap with another number of queues
refused 'tap9' $good /lab/tap.yaml
[ -e /sys/class/net/tap9 ] && fail "the tap was made"

# Nobody listens
refused '/run/nobody.sock' $good /lab/socket.yaml
: >/run/nobody.sock
refused '/run/nobody.sock' $good /lab/socket.yaml

folder=pci.0.devices.0.fs.path
for share in /run/nothing /proc /sys/class / relative; do
	refused "share.*$share|$share.*share|$share" $good --set $folder=$share /lab/fs.yaml
done
: >/run/file
refused '/run/file.*(director|folder)|(director|folder).*/run/file' $good --set $folder=/run/file /lab/fs.yaml
ln -sf /proc /run/sly
refused '/proc' $good --set $folder=/run/sly /lab/fs.yaml

# A second user of an image
start_aerie "$KERNEL" &
first=$!
wait_for_line 'LAB: guest is up' "$OUT/$KERNEL.guest.log"
refused_image 'in use|locked|another' /store/root.img
ended_well $first
