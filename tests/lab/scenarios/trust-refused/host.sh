# SPDX-License-Identifier: Apache-2.0

date -s "@$NOW" # certificates are valid from now on

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
sed 's/sha384:./sha384:f/' "$VM/policy.yaml" >"$VM/other.yaml"
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

# refused_vm VERDICT ARGUMENT...: no guest runs, and the last message says why in a word
refused_vm() {
	verdict=$1
	shift
	timeout -k 5 "$GUEST_LIMIT" aerie run --set boot.kernel="$VM/Image" --set boot.initrd="$VM/initrd" "$@" \
		/lab/vm.yaml </dev/null >"$VM/refused.out" 2>"$VM/refused.err"
	status=$?
	cat "$VM/refused.out" "$VM/refused.err"
	[ $status -eq 2 ] || fail "status $status instead of 2: $*"
	tail -n 1 "$VM/refused.err" | grep -q "nvme0: is not given to a guest: $verdict: " || fail "not refused for $verdict: $*"
}

# The same for a VM, and the good one is not disturbed by it.
fetch_guest
bind 0000:01:00.0 0000:05:00.0 0000:07:00.0
device=pci.0.devices.0
refused_vm policy --set $device.trust.measurements="$VM/other.yaml"
refused_vm unknown-root --set $device.trust.roots=/lab/pki/2/root.pem
refused_vm bad-signature --set $device.assign=0000:05:00.0 --set $device.trust.roots=/lab/pki/5/root.pem
refused_vm ide-refused --set $device.assign=0000:07:00.0 --set $device.trust.roots=/lab/pki/7/root.pem \
	--set $device.trust.require.2=ide
timeout -k 5 "$GUEST_LIMIT" aerie run --dry-run --set boot.kernel="$VM/Image" --set boot.initrd="$VM/initrd" \
	/lab/vm.yaml </dev/null || fail "the good one is refused"
