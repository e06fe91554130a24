# SPDX-License-Identifier: Apache-2.0

fetch_guest
# shellcheck disable=SC2086
aerie run --set boot.kernel="$VM/Image" --set boot.initrd="$VM/initrd" $SETTINGS /lab/vm.yaml \
	</dev/null >>"$OUT/$KERNEL.guest.log" 2>>"$OUT/$KERNEL.aerie.log" &
pid=$!
wait_for_line 'LAB: waiting for the power button' "$OUT/$KERNEL.guest.log"
kill -USR2 $pid
ended_well $pid
