# SPDX-License-Identifier: Apache-2.0
wait_for /dev/nvme0n1
truncate -s 768K "$VM/vars.fd"
aerie check /lab/vm.yaml || fail "aerie check"
run_vm
[ "$(tr -d '\000\377' <"$VM/vars.fd" | wc -c)" -gt 0 ] || fail "the firmware has kept nothing"
