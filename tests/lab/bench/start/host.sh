# SPDX-License-Identifier: Apache-2.0
#
# One start of CONTENDER, which leaves a line in start.CONTENDER.json.

LIMIT=$((GUEST_LIMIT - 10))     # seconds for one start; L1 needs some to end

# A machine of QEMU's that does not come up leaves no line: it is no reason to know nothing of the others.
timed() {
	timeout -k 5 $LIMIT stopwatch "$VM/times" "$OUT/start.$CONTENDER.log" "$@" </dev/null 2>"$OUT/start.$CONTENDER.err" &&
		grep -q '^LAB: guest ok' "$OUT/start.$CONTENDER.log" && cp "$VM/times" "$OUT/start.$CONTENDER.json" && return
	[ "$CONTENDER" != aerie ] || fail "aerie: the guest did not report success within $LIMIT s"
}

# timed_qemu MACHINE
timed_qemu() {
	timed "$QEMU/$LOADER" --library-path "$QEMU" "$QEMU/$PROGRAM" -L "$QEMU" -M "$1" -accel kvm -cpu host \
		-smp 1 -m 256 -nodefaults -no-user-config -display none -no-reboot -serial stdio \
		-kernel "$VM/Image" -initrd "$VM/initrd" -append "console=$CONSOLE loglevel=4"
}

fetch_guest
case $CONTENDER in
aerie) timed aerie run --set boot.kernel="$VM/Image" --set boot.initrd="$VM/initrd" /lab/vm.yaml ;;
virt) timed_qemu virt,gic-version=3 ;;
*) timed_qemu "$CONTENDER" ;;
esac
