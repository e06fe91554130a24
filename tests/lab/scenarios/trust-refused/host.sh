# SPDX-License-Identifier: Apache-2.0

# attested STATUS VERDICT ARGUMENT...: how aerie attest ends
attested() {
	want=$1
	verdict=$2
	shift 2
	aerie attest "$@" >"$VM/attested" 2>"$VM/attested.err"
	status=$?
	echo "aerie attest $*"
	cat "$VM/attested" "$VM/attested.err"
	[ $status -eq "$want" ] || fail "status $status instead of $want"
	[ -z "$verdict" ] || grep -q "^verdict *$verdict: " "$VM/attested" || fail "the verdict is not $verdict"
}

good=/lab/pki/1/root.pem
attested 0 trusted --roots $good --record "$VM/policy.yaml" 0000:01:00.0
attested 0 trusted --roots $good --policy "$VM/policy.yaml" 0000:01:00.0
attested 1 unknown-root --roots /lab/pki/2/root.pem 0000:01:00.0
attested 1 unknown-root 0000:01:00.0
sed 's/sha384:./sha384:f/' "$VM/policy.yaml" | sed 's/sha384:f\(.*\)0"/sha384:f\11"/' >"$VM/other.yaml"
cmp -s "$VM/policy.yaml" "$VM/other.yaml" && fail "the policy was not changed"
attested 1 policy --roots $good --policy "$VM/other.yaml" 0000:01:00.0
attested 1 certificate-expired --roots /lab/pki/2/root.pem 0000:02:00.0
attested 1 name-missing --roots /lab/pki/3/root.pem 0000:03:00.0
attested 1 name-mismatch --roots /lab/pki/4/root.pem 0000:04:00.0
attested 1 bad-signature --roots /lab/pki/5/root.pem 0000:05:00.0
attested 1 bad-nonce --roots /lab/pki/6/root.pem 0000:06:00.0
attested 0 trusted --roots /lab/pki/7/root.pem 0000:07:00.0
attested 1 ide-refused --roots /lab/pki/7/root.pem --require spdm,ide 0000:07:00.0
attested 2 '' --roots $good 0000:08:00.0
grep -q 'no mailbox' "$VM/attested.err" || fail "nothing about a mailbox"
attested 2 '' --roots /lab/nothing.pem 0000:01:00.0

# The same for a VM: no guest runs, one message, and the next one is not disturbed.
fetch_guest
bind 0000:01:00.0 0000:05:00.0 0000:07:00.0
boot="--set boot.kernel=$VM/Image --set boot.initrd=$VM/initrd"
device=pci.0.devices.0
refused 'nvme0: is not trusted: measurement' $boot --set $device.trust.measurements="$VM/other.yaml" /lab/vm.yaml
refused 'nvme0:' $boot --set $device.trust.roots=/lab/pki/2/root.pem /lab/vm.yaml
refused 'nvme0:.*signature' $boot --set $device.assign=0000:05:00.0 --set $device.trust.roots=/lab/pki/5/root.pem \
	/lab/vm.yaml
refused 'nvme0:.*IDE stream 0 is refused' $boot --set $device.assign=0000:07:00.0 \
	--set $device.trust.roots=/lab/pki/7/root.pem --set $device.trust.require.2=ide /lab/vm.yaml
aerie run --dry-run $boot /lab/vm.yaml || fail "the good one is refused"
