/* SPDX-License-Identifier: Apache-2.0 */
/* The test endpoint's device security: what pci/tdi makes of it, and a register that breaks it on request. */
#include "pci_tdi.h"
#include "testdev.h"
#include "testdev_priv.h"

/* Places in extended config space (docs/test-endpoint.md). */
#define CAP_DOE 0x260u
#define CAP_IDE 0x300u

#define MAILBOX_VECTOR 0u

int testdev_security_add(struct testdev *dev, const struct testdev_config *config)
{
	struct pci_tdi_config tdi = {
		.certificates = config->certificates,
		.key = config->key,
		.ide = config->ide,
		.tdisp = config->tdisp,
		.doe_offset = CAP_DOE,
		.ide_offset = CAP_IDE,
		.vector = MAILBOX_VECTOR,
		.heartbeat_s = config->heartbeat_s,
	};

	if (!config->doe)
		return 0;
	dev->security = TESTDEV_SEC_DOE | (config->ide ? TESTDEV_SEC_IDE : 0) | (config->tdisp ? TESTDEV_SEC_TDISP : 0);
	return pci_tdi_create(&dev->tdi, &dev->ep, &tdi);
}

uint32_t testdev_security_status(const struct testdev *dev)
{
	if (!dev->tdi)
		return 0;
	return dev->security | field_prep32(TESTDEV_SEC_STATE, pci_tdi_state(dev->tdi));
}

void testdev_security_inject(struct testdev *dev, uint32_t value)
{
	if (!dev->tdi)
		return;
	if (value & TESTDEV_SEC_BREAK)
		pci_tdi_break_stream(dev->tdi, (uint8_t)field_get32(TESTDEV_SEC_STREAM, value));
	if (value & TESTDEV_SEC_FAIL)
		pci_tdi_fail(dev->tdi);
}
