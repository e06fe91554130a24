# SPDX-License-Identifier: Apache-2.0

insmod /lab/modules/testdev_sva.ko || fail "insmod"
wait_for /dev/testdev-sva
wait_for /dev/vda
sva /dev/vda 8 10 || fail "shared virtual addressing"
