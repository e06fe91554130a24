/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_class.h"

#include <stddef.h>

#include "bits.h"

/* The first row that matches counts: sub-classes before their base class. */
static const struct {
	uint32_t code, mask;
	const char *name;
} classes[] = {
	{0x010000, 0xffff00, "SCSI controller"},
	{0x010100, 0xffff00, "IDE controller"},
	{0x010400, 0xffff00, "RAID controller"},
	{0x010600, 0xffff00, "SATA controller"},
	{0x010700, 0xffff00, "SAS controller"},
	{0x010802, 0xffffff, "NVMe controller"},
	{0x010000, 0xff0000, "storage controller"},
	{0x020000, 0xffff00, "Ethernet controller"},
	{0x020700, 0xffff00, "InfiniBand controller"},
	{0x020000, 0xff0000, "network controller"},
	{0x030000, 0xffff00, "VGA controller"},
	{0x030200, 0xffff00, "3D controller"},
	{0x030000, 0xff0000, "display controller"},
	{0x040300, 0xffff00, "audio device"},
	{0x040000, 0xff0000, "multimedia device"},
	{0x050200, 0xffff00, "CXL memory device"},
	{0x050000, 0xff0000, "memory controller"},
	{0x060000, 0xffff00, "host bridge"},
	{0x060100, 0xffff00, "ISA bridge"},
	{0x060400, 0xffff00, "PCI bridge"},
	{0x060000, 0xff0000, "bridge"},
	{0x070000, 0xffff00, "serial controller"},
	{0x070000, 0xff0000, "communication controller"},
	{0x080000, 0xff0000, "system peripheral"},
	{0x090000, 0xff0000, "input device"},
	{0x0b0000, 0xff0000, "processor"},
	{0x0c0330, 0xffffff, "USB controller (xHCI)"},
	{0x0c0300, 0xffff00, "USB controller"},
	{0x0c0500, 0xffff00, "SMBus controller"},
	{0x0c0000, 0xff0000, "serial bus controller"},
	{0x0d0000, 0xff0000, "wireless controller"},
	{0x100000, 0xff0000, "encryption controller"},
	{0x110000, 0xff0000, "signal processing device"},
	{0x120000, 0xff0000, "processing accelerator"},
	{0xff0000, 0xff0000, "unclassified device"},
	{0x000000, 0xff0000, "unclassified device"},
};

const char *pci_class_name(uint32_t class_code)
{
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if ((class_code & classes[i].mask) == classes[i].code)
			return classes[i].name;
	return "device of unknown class";
}
