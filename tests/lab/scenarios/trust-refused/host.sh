# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2046,SC2086 # root, of and locked are several words

grep -m 1 . /sys/bus/pci/devices/0000:0[1-9]:00.?/resource # where the BARs are, as responders must report them
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

# said TEXT: and why
said() {
	grep -q "$1" "$VM/attested" "$VM/attested.err" || fail "nothing about: $1"
}

# root NUMBER: the roots of a device, as an option
root() {
	echo "--roots /lab/pki/$1/root.pem"
}

all=spdm,measurements,ide,tdisp
attested 0 trusted $(root 1) --record "$VM/policy.yaml" 0000:01:00.0
attested 0 trusted $(root 1) --policy "$VM/policy.yaml" 0000:01:00.0
attested 1 unknown-root $(root 2) 0000:01:00.0
attested 1 unknown-root 0000:01:00.0
sed 's/sha384:./sha384:f/' "$VM/policy.yaml" >"$VM/other.yaml"
cmp -s "$VM/policy.yaml" "$VM/other.yaml" && fail "the policy was not changed"
attested 1 policy $(root 1) --policy "$VM/other.yaml" 0000:01:00.0
attested 1 certificate-expired $(root 2) 0000:02:00.0
attested 1 bad-signature $(root 3) 0000:03:00.0
attested 0 trusted $(root 4) 0000:04:00.0
attested 1 ide-refused $(root 4) --require spdm,ide 0000:04:00.0
attested 1 report-bad $(root 5) --require $all 0000:05:00.0
said 'an MMIO range lies outside of its BAR'
attested 1 name-missing $(root 8) 0000:02:00.1
attested 1 name-mismatch $(root 9) 0000:02:00.2
attested 1 bad-nonce $(root 10) 0000:02:00.3
attested 1 lock-refused $(root 11) --require $all 0000:02:00.4
said INVALID_DEVICE_CONFIGURATION
attested 1 report-bad $(root 12) --require $all 0000:02:00.5
said 'two of its MMIO ranges overlap'
attested 2 '' $(root 1) 0000:02:00.6
said 'no mailbox'
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
bind 0000:01:00.0 0000:03:00.0 0000:04:00.0 0000:05:00.0 0000:06:00.0 0000:07:00.0 0000:08:00.0
device=pci.0.devices.0
# of BUS: the device there, with its own roots
of() {
	echo "--set $device.assign=0000:0$1:00.0 --set $device.trust.roots=/lab/pki/$1/root.pem"
}
locked="--set $device.trust.require.2=ide --set $device.trust.require.3=tdisp"

refused_vm policy --set $device.trust.measurements="$VM/other.yaml"
refused_vm unknown-root --set $device.trust.roots=/lab/pki/2/root.pem
refused_vm bad-signature $(of 3)
refused_vm ide-refused $(of 4) $locked
refused_vm report-bad $(of 5) $locked
refused_vm session-lost $(of 6) $locked
timeout -k 5 "$GUEST_LIMIT" aerie run --dry-run --set boot.kernel="$VM/Image" --set boot.initrd="$VM/initrd" \
	/lab/vm.yaml </dev/null || fail "the good one is refused"

# A drive that fails while its guest reads: it leaves RUN; it has forgotten the session.

# lines PATTERN: how often the guests of this run have said so
lines() {
	cat "$OUT/$KERNEL.guest.log" 2>/dev/null | grep -c -E "$1"
}

lives=0
# fails_in_use BUS NUMBER VERDICT
fails_in_use() {
	lives=$((lives + 1))
	start_aerie "$KERNEL" --set $device.assign="0000:0$1:00.0" --set $device.trust.roots="/lab/pki/$2/root.pem" $locked &
	guest=$!
	left=600
	until [ "$(lines 'LAB: reads on')" -eq $lives ]; do
		[ $left -gt 0 ] || fail "no guest reads"
		left=$((left - 1))
		usleep 100000
	done
	aerie ctl /run/vm/control devices | grep -q '"trust": "open"' || fail "the gate is not open"
	aerie ctl --until device-blocked /run/vm/control events >"$VM/events" &
	events=$!
	sleep 2 # it listens by then, and a look at the device has found all well
	touch "/lab/pki/$2/now"
	wait $events || fail "no event"
	cat "$VM/events"
	grep -q '"event":"device-blocked","device":"nvme0","verdict":"'"$3"'"' "$VM/events" || fail "not the event"
	aerie ctl /run/vm/control devices | grep -q '"trust": "blocked"' || fail "the gate is not closed"
	ended_well $guest
	[ "$(lines '^LAB: guest ok')" -eq $lives ] || fail "the guest did not live on"
}

fails_in_use 7 7 left-run
fails_in_use 8 14 session-lost
