# SPDX-License-Identifier: Apache-2.0

for place in 0000:01:00.0:data 0000:02:00.0:more; do
	bdf=${place%:*}
	if [ -e "/sys/bus/pci/devices/$bdf/nvme" ]; then
		disk=$(disk_of "$bdf") || fail "no disk"
		read_disk "$disk" "${place##*:}"
		case $(basename "$(readlink "/sys/bus/pci/devices/$bdf/iommu")") in
		0000:*) release "$bdf" ;;
		esac
	fi
done
