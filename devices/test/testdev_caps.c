/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of the test endpoint beyond those that every endpoint has. */
#include <errno.h>
#include <linux/pci_regs.h>

#include "log.h"
#include "testdev_priv.h"

#define DEVCAP2 (PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCAP2)
#define DEVCTL2 (PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL2)
#define DEVCTL	(PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL)

/* Places in extended config space; 0x220 and up are for capabilities to come (docs/test-endpoint.md). */
#define CAP_AER	  0x100u
#define CAP_DSN	  0x150u
#define CAP_PASID 0x160u
#define CAP_ATS	  0x200u
#define CAP_PRI	  0x210u

#define PASID_WIDTH 20u

/* 7.8.4.2: data link protocol, poisoned TLP, completion timeout, completer abort, unexpected completion, receiver
 * overflow, malformed TLP, ECRC, unsupported request, ACS violation, uncorrectable internal. */
#define UNCORRECTABLE                                                                                                  \
	(PCI_ERR_UNC_DLP | PCI_ERR_UNC_POISON_TLP | PCI_ERR_UNC_FCP | PCI_ERR_UNC_COMP_TIME | PCI_ERR_UNC_COMP_ABORT | \
	 PCI_ERR_UNC_UNX_COMP | PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP | PCI_ERR_UNC_ECRC | PCI_ERR_UNC_UNSUP |    \
	 PCI_ERR_UNC_ACSV | PCI_ERR_UNC_INTN)
#define UNC_SEVER (PCI_ERR_UNC_DLP | PCI_ERR_UNC_FCP | PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP | PCI_ERR_UNC_INTN)
/* 7.8.4.5 */
#define CORRECTABLE                                                                                                    \
	(PCI_ERR_COR_RCVR | PCI_ERR_COR_BAD_TLP | PCI_ERR_COR_BAD_DLLP | PCI_ERR_COR_REP_ROLL |                        \
	 PCI_ERR_COR_REP_TIMER | PCI_ERR_COR_ADV_NFAT | PCI_ERR_COR_INTERNAL)
#define COR_MASK (PCI_ERR_COR_ADV_NFAT | PCI_ERR_COR_INTERNAL)

static int add_aer(struct testdev *dev)
{
	struct pci_cfg *cfg = &dev->ep.fn.cfg;
	int err = pci_cfg_add_ext_cap(cfg, PCI_EXT_CAP_ID_ERR, 2, CAP_AER);

	if (err)
		return err;
	dev->aer_cap = CAP_AER;
	pci_cfg_emulate(cfg, CAP_AER + PCI_ERR_UNCOR_STATUS, 0, 0, UNCORRECTABLE, NULL);
	pci_cfg_emulate(cfg, CAP_AER + PCI_ERR_UNCOR_MASK, PCI_ERR_UNC_INTN, UNCORRECTABLE, 0, NULL);
	pci_cfg_emulate(cfg, CAP_AER + PCI_ERR_UNCOR_SEVER, UNC_SEVER, UNCORRECTABLE, 0, NULL);
	pci_cfg_emulate(cfg, CAP_AER + PCI_ERR_COR_STATUS, 0, 0, CORRECTABLE, NULL);
	pci_cfg_emulate(cfg, CAP_AER + PCI_ERR_COR_MASK, COR_MASK, CORRECTABLE, 0, NULL);
	for (unsigned reg = PCI_ERR_CAP; reg < PCI_ERR_ROOT_COMMAND; reg += 4)
		pci_cfg_emulate(cfg, (uint16_t)(CAP_AER + reg), 0, 0, 0, NULL);
	return 0;
}

/* 7.9.3 */
static int add_serial(struct testdev *dev, uint64_t serial)
{
	struct pci_cfg *cfg = &dev->ep.fn.cfg;
	int err = pci_cfg_add_ext_cap(cfg, PCI_EXT_CAP_ID_DSN, 1, CAP_DSN);

	if (err)
		return err;
	pci_cfg_emulate(cfg, CAP_DSN + 4, (uint32_t)serial, 0, 0, NULL);
	pci_cfg_emulate(cfg, CAP_DSN + 8, (uint32_t)(serial >> 32), 0, 0, NULL);
	return 0;
}

/* 7.8.9; a PASID travels in an end-to-end TLP prefix, of which there is one (7.5.3.15). */
static int add_pasid(struct testdev *dev)
{
	struct pci_cfg *cfg = &dev->ep.fn.cfg;
	int err = pci_cfg_add_ext_cap(cfg, PCI_EXT_CAP_ID_PASID, 1, CAP_PASID);

	if (err)
		return err;
	dev->pasid_cap = CAP_PASID;
	pci_cfg_emulate(cfg, CAP_PASID + PCI_PASID_CAP, PCI_PASID_CAP_EXEC | PCI_PASID_CAP_PRIV | PASID_WIDTH << 8,
			(uint32_t)(PCI_PASID_CTRL_ENABLE | PCI_PASID_CTRL_EXEC | PCI_PASID_CTRL_PRIV) << 16, 0, NULL);
	pci_cfg_own(cfg, DEVCAP2, PCI_EXP_DEVCAP2_EE_PREFIX | MASK32(23, 22), PCI_EXP_DEVCAP2_EE_PREFIX | BIT32(22));
	return 0;
}

/* 10.5.1: a queue of 32 (encoded as 0), page-aligned requests, Global Invalidate. */
static int add_ats(struct testdev *dev)
{
	struct pci_cfg *cfg = &dev->ep.fn.cfg;
	int err = pci_cfg_add_ext_cap(cfg, PCI_EXT_CAP_ID_ATS, 1, CAP_ATS);

	if (err)
		return err;
	dev->ats_cap = CAP_ATS;
	pci_cfg_emulate(cfg, CAP_ATS + PCI_ATS_CAP, PCI_ATS_CAP_PAGE_ALIGNED | BIT32(6),
			(uint32_t)(PCI_ATS_CTRL_ENABLE | PCI_ATS_CTRL_STU(0x1f)) << 16, 0, testdev_ats_cap_written);
	dev->ep.dma.ats = &testdev_ats_ops;
	dev->ep.dma.ats_opaque = dev;
	dev->ep.fn.ats = true;
	return 0;
}

/* 10.5.2. Stopped is set while nothing is enabled or outstanding. Responses to requests with a PASID need it. */
static int add_pri(struct testdev *dev)
{
	struct pci_cfg *cfg = &dev->ep.fn.cfg;
	uint32_t status = PCI_PRI_STATUS_STOPPED | (dev->has_pasid ? PCI_PRI_STATUS_PASID : 0);
	int err = pci_cfg_add_ext_cap(cfg, PCI_EXT_CAP_ID_PRI, 1, CAP_PRI);

	if (err)
		return err;
	dev->pri_cap = CAP_PRI;
	pci_cfg_emulate(cfg, CAP_PRI + PCI_PRI_CTRL, status << 16, PCI_PRI_CTRL_ENABLE | PCI_PRI_CTRL_RESET,
			(uint32_t)(PCI_PRI_STATUS_RF | PCI_PRI_STATUS_UPRGI) << 16, testdev_pri_cap_written);
	pci_cfg_emulate(cfg, CAP_PRI + PCI_PRI_MAX_REQ, TESTDEV_PAGES, 0, 0, NULL);
	pci_cfg_emulate(cfg, CAP_PRI + PCI_PRI_ALLOC_REQ, 0, UINT32_MAX, 0, NULL);
	return 0;
}

int testdev_caps_add(struct testdev *dev, uint64_t serial)
{
	struct pci_cfg *cfg = &dev->ep.fn.cfg;
	int err = dev->has_aer ? add_aer(dev) : 0;

	cfg->dwords[DEVCTL2 / 4].write |= PCI_EXP_DEVCTL2_ATOMIC_REQ;
	if (err == 0 && serial)
		err = add_serial(dev, serial);
	if (err == 0 && dev->has_pasid)
		err = add_pasid(dev);
	if (err == 0 && dev->has_ats)
		err = add_ats(dev);
	if (err == 0 && dev->has_pri)
		err = add_pri(dev);
	if (err)
		return log_fail(err, "%s: the test endpoint's capabilities overlap; this is a bug of aerie",
				dev->ep.fn.name);
	return 0;
}

uint16_t testdev_pasid_control(const struct testdev *dev)
{
	return dev->pasid_cap ? (uint16_t)pci_cfg_get(&dev->ep.fn.cfg, dev->pasid_cap + PCI_PASID_CTRL, 2) : 0;
}

uint16_t testdev_ats_control(const struct testdev *dev)
{
	return dev->ats_cap ? (uint16_t)pci_cfg_get(&dev->ep.fn.cfg, dev->ats_cap + PCI_ATS_CTRL, 2) : 0;
}

bool testdev_atomics_enabled(const struct testdev *dev)
{
	return pci_cfg_get(&dev->ep.fn.cfg, DEVCTL2, 2) & PCI_EXP_DEVCTL2_ATOMIC_REQ;
}

/* 6.2.5: the first uncorrectable error that is not masked is the one that the First Error Pointer names. */
static void note_first_error(struct testdev *dev, uint32_t errors)
{
	struct pci_cfg *cfg = &dev->ep.fn.cfg;
	uint32_t status = pci_cfg_get(cfg, dev->aer_cap + PCI_ERR_UNCOR_STATUS, 4);
	uint32_t mask = pci_cfg_get(cfg, dev->aer_cap + PCI_ERR_UNCOR_MASK, 4);

	if ((errors & ~mask) == 0 || (status & ~mask) != 0)
		return;
	pci_cfg_set(cfg, dev->aer_cap + PCI_ERR_CAP, 4, (uint32_t)__builtin_ctz(errors & ~mask));
}

void testdev_inject(struct testdev *dev, uint32_t errors, bool correctable)
{
	struct pci_cfg *cfg = &dev->ep.fn.cfg;
	uint16_t reg = correctable ? PCI_ERR_COR_STATUS : PCI_ERR_UNCOR_STATUS;
	uint32_t devsta = pci_cfg_get(cfg, DEVCTL + 2, 2);

	errors &= correctable ? CORRECTABLE : UNCORRECTABLE;
	if (!dev->has_aer || errors == 0)
		return;
	uint32_t fatal = correctable ? 0 : errors & pci_cfg_get(cfg, dev->aer_cap + PCI_ERR_UNCOR_SEVER, 4);

	if (correctable)
		devsta |= PCI_EXP_DEVSTA_CED;
	else
		note_first_error(dev, errors);
	if (fatal)
		devsta |= PCI_EXP_DEVSTA_FED;
	if (!correctable && errors != fatal)
		devsta |= PCI_EXP_DEVSTA_NFED;
	pci_cfg_set(cfg, DEVCTL + 2, 2, devsta);
	pci_cfg_set(cfg, dev->aer_cap + reg, 4, pci_cfg_get(cfg, dev->aer_cap + reg, 4) | errors);
}
