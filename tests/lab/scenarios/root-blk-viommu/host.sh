# SPDX-License-Identifier: Apache-2.0
mount_store
cp /store/root.img /store/run.img || fail "no root image"
run_vm
compare_writes /store/data.img 1
