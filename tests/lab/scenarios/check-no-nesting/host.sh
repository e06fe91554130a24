# SPDX-License-Identifier: Apache-2.0

fetch_guest
bind 0000:01:00.0
good="--set boot.kernel=$VM/Image --set boot.initrd=$VM/initrd"
aerie check $good /lab/vm.yaml >"$VM/checked" 2>&1
status=$?
cat "$VM/checked"
[ $status -eq 2 ] || fail "status $status instead of 2"
grep -q -E '^error +device 0000:01:00.0: cannot make a virtual IOMMU .*FWB.*CANWBS' "$VM/checked" ||
	fail "the missing bit is not named"
grep -q '^1 error, 0 warnings$' "$VM/checked" || fail "more than the one finding"

# The same without an IOMMU for the guest is right, and runs.
aerie check $good --set iommus= --set pci.0.iommu= /lab/vm.yaml || fail "the host is refused although nothing is to be nested"
run_vm --set iommus= --set pci.0.iommu=
