# SPDX-License-Identifier: Apache-2.0
#
# Each file is for the architecture whose console its guest has.

fetch_guest
rm -rf /guest
mkdir /guest
ln -s "$VM/Image" /guest/Image
ln -s "/guests/$KERNEL/bzImage" /guest/vmlinuz
ln -s "$VM/initrd" /guest/initrd.gz
bind 0000:01:00.0 0000:02:00.0

# What the examples want of their host
date -s "@$NOW" # certificates are valid from now on
mkdir -p /etc/aerie
cp /lab/pki/1/root.pem /etc/aerie/roots.pem
aerie attest --roots /etc/aerie/roots.pem --record /etc/aerie/nvme-fw.yaml 0000:01:00.0 || fail "it is not trusted"
truncate -s 32M /guest/disk.img
mkdir -p /srv/share
uplink
[ -e /sys/class/net/tap0 ] || tunctl -t tap0 >/dev/null || fail "no tap"
ifconfig tap0 up || fail "no network"

count=0
for file in /lab/configs/vms/*.yaml; do
	case $(grep -o 'console=[a-zA-Z0-9]*' "$file") in
	"console=$CONSOLE") ;;
	console=ttyAMA0 | console=ttyS0) continue ;;
	*) fail "$file has a console that no architecture has" ;;
	esac
	# There is no server for this one in the lab.
	[ "${file##*/}" = vhost-user.yaml ] && continue
	echo "aerie check $file"
	aerie check "$file" || fail "aerie check $file"
	echo "aerie run $file"
	: >"$VM/guest.log"
	timeout -k 5 "$GUEST_LIMIT" aerie run --set boot.cmdline="console=$CONSOLE loglevel=4" "$file" </dev/null >"$VM/guest.log" 2>>"$OUT/$KERNEL.aerie.log"
	status=$?
	cat "$VM/guest.log" >>"$OUT/$KERNEL.guest.log"
	[ $status -eq 0 ] || fail "aerie ended with status $status"
	grep -q '^LAB: guest ok' "$VM/guest.log" || fail "the guest did not report success"
	count=$((count + 1))
done
echo "$count files boot a guest"
[ $count -gt 0 ]
