# SPDX-License-Identifier: Apache-2.0
#
# Each round starts every contender once, in turn; start.CONTENDER.json gets a line for each.

LIMIT=60     # seconds for one start

# A machine of QEMU's that does not come up leaves no line: it is no reason to know nothing of the others.
timed() {
	name=$1
	shift
	if timeout -k 5 $LIMIT stopwatch "$OUT/start.$name.json" "$OUT/start.$name.log" "$@" </dev/null 2>"$OUT/start.$name.err" &&
		grep -q '^LAB: guest ok' "$OUT/start.$name.log"; then
		return
	fi
	killall -q -9 "$LOADER"
	[ "$name" != aerie ] || fail "aerie: the guest did not report success within $LIMIT s"
	echo "round $round: $name: the guest did not report success within $LIMIT s"
}

# timed_qemu MACHINE-OPTION...
timed_qemu() {
	timed "$1" "$QEMU/$LOADER" --library-path "$QEMU" "$QEMU/$PROGRAM" -L "$QEMU" -M "$2" -accel kvm -cpu host \
		-smp 1 -m 256 -nodefaults -no-user-config -display none -no-reboot -serial stdio \
		-kernel "$VM/Image" -initrd "$VM/initrd" -append "console=$CONSOLE loglevel=4"
}

fetch_guest
for round in $(seq "$ROUNDS"); do
	echo "round $round" >/lab/out/progress
	timed aerie aerie run --set boot.kernel="$VM/Image" --set boot.initrd="$VM/initrd" /lab/vm.yaml
	case $ARCH in
	arm64) timed_qemu virt virt,gic-version=3 ;;
	*)
		timed_qemu microvm microvm
		timed_qemu q35 q35
		;;
	esac
done
