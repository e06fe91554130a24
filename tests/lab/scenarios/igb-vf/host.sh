# SPDX-License-Identifier: Apache-2.0
#
# The physical function stays with the host, and must be up for its virtual functions.
pf=/sys/bus/pci/devices/0000:01:00.0
wait_for $pf/net
ifconfig "$(ls $pf/net)" up || fail "the physical function does not come up"
echo 1 >$pf/sriov_numvfs || fail "no virtual function"
bind 0000:01:10.0
run_vm

start_aerie "$KERNEL-none" --set iommus= --set pci.0.iommu=
status=$?
[ $status -eq 0 ] || fail "aerie ended with status $status"
cat "$OUT/$KERNEL-none.guest.log"
[ "$(grep -c -E '^LAB: (sent|guest ok)' "$OUT/$KERNEL-none.guest.log")" -eq 2 ] || fail "without an IOMMU it went wrong"
