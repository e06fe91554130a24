# SPDX-License-Identifier: Apache-2.0
#
# L2: a host with KVM, an SMMUv3 that stalls, and a guest for which there is /vm.

touch /tmp/events-expected
[ -c /dev/kvm ] || fail "no /dev/kvm in L2"
aerie bind 0000:01:00.0 || fail "aerie bind"
truncate -s 32M /tmp/swap.img
{
	aerie run --stats /tmp/stats.json /vm/vm.yaml
	echo $? >/tmp/status
} </dev/null 2>&1 | while IFS= read -r line; do
	case $line in
	"LAB: guest"*) echo "LAB: inner ${line#LAB: }" ;;
	*) echo "$line" ;;
	esac
done
cat /tmp/stats.json
[ "$(cat /tmp/status)" -eq 0 ] || fail "aerie ended with status $(cat /tmp/status) in L2"
