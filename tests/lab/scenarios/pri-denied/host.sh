# SPDX-License-Identifier: Apache-2.0

truncate -s 32M /run/data.img
run_vm
