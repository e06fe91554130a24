# SPDX-License-Identifier: Apache-2.0
#
# QEMU's machine with this kernel, by each of the WAYS; logs are KERNEL.WAY.

CPUS=2

# boot WAY MACHINE-OPTION...
boot() {
	way=$1
	shift
	timeout -k 5 "$GUEST_LIMIT" "$QEMU/$LOADER" --library-path "$QEMU" "$QEMU/$PROGRAM" -L "$QEMU" "$@" -accel kvm \
		-cpu host -smp $CPUS -m 512 -nodefaults -no-user-config -display none -no-reboot -serial stdio \
		-device pcie-root-port,id=port1,chassis=1 -device virtio-rng-pci,bus=port1,romfile= \
		-kernel "$VM/Image" -initrd "$VM/initrd" -append "console=$CONSOLE loglevel=4" \
		</dev/null >"$OUT/$KERNEL.$way.guest.log" 2>"$OUT/$KERNEL.$way.qemu.log" || fail "QEMU ended with status $?"
	grep -q '^LAB: guest ok' "$OUT/$KERNEL.$way.guest.log" || fail "$way: the guest did not report success"
}

fetch_guest
for way in $WAYS; do
	case $ARCH/$way in
	arm64/direct) boot "$way" -M virt,gic-version=3 ;;
	arm64/firmware) boot "$way" -M virt,gic-version=3 -bios /lib/firmware.fd ;;
	*) boot "$way" -M q35 ;;
	esac
done
