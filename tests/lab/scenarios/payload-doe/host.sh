# SPDX-License-Identifier: Apache-2.0

timeout -k 5 "$GUEST_LIMIT" aerie run /lab/vm.yaml </dev/null >"$OUT/$KERNEL.guest.log" 2>"$OUT/$KERNEL.aerie.log"
