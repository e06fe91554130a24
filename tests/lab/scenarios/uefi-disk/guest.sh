# SPDX-License-Identifier: Apache-2.0
booted_by_uefi
wait_for "$(virtio_disk esp)"
