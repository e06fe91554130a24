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
# Debian's 6.1 has no driver for it: the guest boots and uses its devices all the same.
virtio-iommu) [ "$KERNEL" = 6.1 ] || behind_viommu $device ;;
esac
[ "$(dd if=/dev/hwrng bs=64 count=1 2>/dev/null | wc -c)" -eq 64 ] || fail "no random numbers from the device"
