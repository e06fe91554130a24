# SPDX-License-Identifier: Apache-2.0

date -s "@$NOW" # certificates are valid from now on
grep -m 1 . /sys/bus/pci/devices/0000:01:00.0/resource # where its BAR is, as its responder must report it

# Before anything is bound: who is it, and what does it run?
aerie attest --roots /lab/pki/1/root.pem --record "$VM/policy.yaml" 0000:01:00.0 || fail "it is not trusted"
cat "$VM/policy.yaml"
grep -q '^device: "Vendor=1b36:Device=0010:' "$VM/policy.yaml" || fail "no name"
[ "$(grep -c sha384: "$VM/policy.yaml")" -eq 3 ] || fail "not three measurements"

bind 0000:01:00.0
# shellcheck disable=SC2086 # settings are several words
aerie check $SETTINGS --set boot.kernel=/guests/lab/Image --set boot.initrd=/guests/lab/initrd /lab/vm.yaml || fail "check"

start_aerie "$KERNEL" &
guest=$!
wait_for_line 'LAB: guest is up' "$OUT/$KERNEL.guest.log"
aerie ctl /run/vm/control devices | grep -q '"trust": "open"' || fail "the gate is not open"
aerie ctl /run/vm/control trust nvme0 >"$VM/evidence" || fail "no evidence"
grep -q '"verdict": "trusted"' "$VM/evidence" || fail "not trusted: $(cat "$VM/evidence")"
grep -q '"policy_held": true' "$VM/evidence" || fail "the policy does not hold"
grep -q '"state": "RUN"' "$VM/evidence" || fail "it does not run"
grep -q '"keyed": true' "$VM/evidence" || fail "its link has no keys"
grep -q '"enforced": false' "$VM/evidence" || fail "an IDE stream with one end is claimed to be enforced"
ended_well $guest
