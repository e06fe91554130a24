/* SPDX-License-Identifier: Apache-2.0 */
#include "attest_function.h"

#include <errno.h>

#include <linux/pci_regs.h>

#include "bits.h"
#include "ide_regs.h"
#include "log.h"

#define EXT_CAPS_FIRST 0x100u
#define EXT_CAPS_MAX   960u

/* Looks for serial number and IDE; a list that loops ends after as many steps as there is room for capabilities. */
static int read_extended(const struct doe_cfg_ops *ops, void *opaque, struct spdm_device_id *id, bool *ide)
{
	uint32_t at = EXT_CAPS_FIRST, header, low, high;
	int err = 0;

	for (unsigned i = 0; i < EXT_CAPS_MAX && at >= EXT_CAPS_FIRST; i++) {
		err = ops->read(opaque, (uint16_t)at, &header);
		if (err < 0 || header == 0 || header == UINT32_MAX)
			return err;
		if (PCI_EXT_CAP_ID(header) == IDE_CAP_ID)
			*ide = true;
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_DSN && at + 12 <= 0x1000) {
			err = ops->read(opaque, (uint16_t)(at + 4), &low);
			if (err == 0)
				err = ops->read(opaque, (uint16_t)(at + 8), &high);
			if (err < 0)
				return err;
			id->has_serial = true;
			id->serial = (uint64_t)high << 32 | low;
		}
		at = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

int attest_read_function(const struct doe_cfg_ops *ops, void *opaque, const char *name, struct spdm_device_id *id,
			 bool *ide)
{
	uint32_t ids, class_revision, subsystem;
	int err = ops->read(opaque, PCI_VENDOR_ID, &ids);

	*id = (struct spdm_device_id){.vendor = 0};
	*ide = false;
	if (err == 0)
		err = ops->read(opaque, PCI_CLASS_REVISION, &class_revision);
	if (err == 0)
		err = ops->read(opaque, PCI_SUBSYSTEM_VENDOR_ID, &subsystem);
	if (err < 0)
		return err;
	if (ids == UINT32_MAX)
		return log_fail(-ENODEV, "%s: does not answer to configuration reads; it may have fallen off the bus",
				name);
	id->vendor = (uint16_t)ids;
	id->device = (uint16_t)(ids >> 16);
	id->revision = (uint8_t)class_revision;
	id->class_code = class_revision >> 8;
	id->subsystem_vendor = (uint16_t)subsystem;
	id->subsystem = (uint16_t)(subsystem >> 16);
	return read_extended(ops, opaque, id, ide);
}
