# SPDX-License-Identifier: Apache-2.0
wait_for /dev/nvme0n1
truncate -s 768K "$VM/vars.fd"
aerie check /lab/vm.yaml || fail "aerie check"
run_vm
cmp "$VM/vars.fd" /dev/zero >/dev/null 2>&1 && fail "the firmware has kept nothing"
before=$(sum <"$VM/vars.fd")
run_vm
# What the firmware has once found out it does not write again.
[ "$(sum <"$VM/vars.fd")" = "$before" ] || echo "the second boot has changed variables"
