# SPDX-License-Identifier: Apache-2.0

argument() {
	sed -n "s/.*\<$1=\([^ ]*\).*/\1/p" /proc/cmdline
}

device=0000:01:00.0
[ "$(argument cell.boot)" != firmware ] || booted_by_uefi
[ "$(nproc)" -eq "$(argument cell.cpus)" ] || fail "$(nproc) processors"
case $(argument cell.iommu) in
none) [ ! -e /sys/bus/pci/devices/$device/iommu ] || fail "there is an IOMMU" ;;
smmuv3) behind_smmu $device ;;
# Debian's 6.1 has no driver for it: the guest boots and uses its devices all the same, with a
# device tree as soon as the kernel has given up waiting for that driver.
virtio-iommu) [ "$KERNEL" = 6.1 ] || behind_viommu $device ;;
esac
wait_for /sys/bus/pci/devices/$device/driver
for try in $(seq 100); do
	grep -q virtio_rng /sys/class/misc/hw_random/rng_available && break
	usleep 100000
done
[ "$(dd if=/dev/hwrng bs=64 count=1 2>/dev/null | wc -c)" -eq 64 ] || fail "no random numbers from the device"
