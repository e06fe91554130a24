# SPDX-License-Identifier: Apache-2.0

behind_smmu 0000:01:00.0 0000:02:00.0
count=$(ls /sys/class/iommu | grep -c smmu)
[ "$count" -eq 1 ] || fail "$count SMMUs"
first=$(disk_of 0000:01:00.0) || fail "no first disk"
second=$(disk_of 0000:02:00.0) || fail "no second disk"

(read_disk "$first" data; write_disk "$first" data) &
one=$!
(read_disk "$second" more; write_disk "$second" more) &
two=$!
wait $one || fail "the first disk"
wait $two || fail "the second disk"
