/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_bridge_regs.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "log.h"
#include "pci_priv.h"

/* Two 16-bit registers that share a dword. */
#define PAIR(low, high) ((uint32_t)(low) | (uint32_t)(high) << 16)
#define HIGH(high)	PAIR(0, high)

#define CLASS_PCI_BRIDGE 0x060400u
#define EXP(reg)	 (BRIDGE_CAP_EXP + (reg))
#define AER(reg)	 (BRIDGE_EXT_AER + (reg))

/* Secondary status (7.5.1.3.7): bits of the status register with the meaning "on the link below". */
#define SEC_STATUS_W1C                                                                                                 \
	(PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT | PCI_STATUS_REC_MASTER_ABORT | \
	 PCI_STATUS_SIG_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY)

/* 7.5.3.3 - 7.5.3.5: 512 byte payloads, extended tags; after reset 128 bytes, tags and ordering as 7.5.3.4 says. */
#define DEVCAP	     (0x2u | PCI_EXP_DEVCAP_EXT_TAG | PCI_EXP_DEVCAP_RBER)
#define DEVCTL_RESET (PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B)
#define DEVCTL_WRITE                                                                                                   \
	(PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE |                      \
	 PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_NOSNOOP_EN |       \
	 PCI_EXP_DEVCTL_READRQ)
#define DEVSTA_W1C (PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD)

/* 7.5.3.6 - 7.5.3.8: no ASPM, and software told that leaving it out is meant so (bit 22). */
#define LNKCAP_ASPM_OPTIONALITY BIT32(22)
#define LNKCAP                                                                                                         \
	(PCI_EXP_LNKCAP_SLS_16_0GB | BRIDGE_LINK_WIDTH << 4 | PCI_EXP_LNKCAP_DLLLARC | PCI_EXP_LNKCAP_LBNC |           \
	 LNKCAP_ASPM_OPTIONALITY)
#define LNKCTL_WRITE                                                                                                   \
	(PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_LD | PCI_EXP_LNKCTL_RL | PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES |       \
	 PCI_EXP_LNKCTL_HAWD | PCI_EXP_LNKCTL_LBMIE | PCI_EXP_LNKCTL_LABIE)
#define LNKSTA_W1C (PCI_EXP_LNKSTA_LBMS | PCI_EXP_LNKSTA_LABS)

/* 7.5.3.9 - 7.5.3.11: nothing to control in the slot yet, so no command ever needs time to complete. */
#define SLTCTL_WRITE (PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_DLLSCE)
#define SLTSTA_W1C   (PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC)
#define RTCTL_WRITE  (PCI_EXP_RTCTL_SECEE | PCI_EXP_RTCTL_SENFEE | PCI_EXP_RTCTL_SEFEE | PCI_EXP_RTCTL_PMEIE)

/* 7.5.3.15: what endpoints need above them for atomic operations on memory, and for PASIDs (four TLP prefixes). */
#define DEVCAP2                                                                                                        \
	(PCI_EXP_DEVCAP2_COMP_TMOUT_DIS | PCI_EXP_DEVCAP2_ATOMIC_COMP32 | PCI_EXP_DEVCAP2_ATOMIC_COMP64 |              \
	 PCI_EXP_DEVCAP2_EE_PREFIX)

/* 7.5.3.18 - 7.5.3.20: 2.5 to 16 GT/s, equalized in all three phases. */
#define LNKCAP2_SPEEDS 0x1eu
#define LNKCTL2_TLS    0x0fu
#define LNKCTL2_WRITE  (LNKCTL2_TLS | 0x30u /* enter compliance, autonomous speed disable */)
#define LNKSTA2_EQ     0x1eu
#define LNKSTA2_W1C    0x20u /* link equalization request */

/* 7.8.4: errors that a root port can find, those that are fatal after reset, and those masked. */
#define UNC_ALL                                                                                                        \
	(PCI_ERR_UNC_DLP | PCI_ERR_UNC_SURPDN | PCI_ERR_UNC_POISON_TLP | PCI_ERR_UNC_FCP | PCI_ERR_UNC_COMP_TIME |     \
	 PCI_ERR_UNC_COMP_ABORT | PCI_ERR_UNC_UNX_COMP | PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP |                  \
	 PCI_ERR_UNC_UNSUP | PCI_ERR_UNC_ACSV | PCI_ERR_UNC_INTN)
#define UNC_FATAL                                                                                                      \
	(PCI_ERR_UNC_DLP | PCI_ERR_UNC_SURPDN | PCI_ERR_UNC_FCP | PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP |         \
	 PCI_ERR_UNC_INTN)
#define UNC_MASKED PCI_ERR_UNC_INTN
#define COR_ALL                                                                                                        \
	(PCI_ERR_COR_RCVR | PCI_ERR_COR_BAD_TLP | PCI_ERR_COR_BAD_DLLP | PCI_ERR_COR_REP_ROLL |                        \
	 PCI_ERR_COR_REP_TIMER | PCI_ERR_COR_ADV_NFAT | PCI_ERR_COR_INTERNAL)
#define COR_MASKED	(PCI_ERR_COR_ADV_NFAT | PCI_ERR_COR_INTERNAL)
#define ROOT_CMD_WRITE	(PCI_ERR_ROOT_CMD_COR_EN | PCI_ERR_ROOT_CMD_NONFATAL_EN | PCI_ERR_ROOT_CMD_FATAL_EN)
#define ROOT_STATUS_W1C 0x7fu

#define ACS_BITS (PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

/* The registers that are the same in all ports. Those not listed read as 0: no BARs, no ROM, and no I/O window (a base
 * and limit that are read-only 0, 7.5.1.3.6). Both memory windows are closed after reset: base above limit. */
static const struct bridge_reg {
	uint32_t offset;
	uint32_t reset;
	uint32_t write;
	uint32_t w1c;
	pci_cfg_hook hook;
} regs[] = {
	{PCI_VENDOR_ID, PAIR(PCI_VENDOR_REDHAT, PCI_DEVICE_ROOT_PORT), 0, 0, NULL},
	{PCI_CLASS_REVISION, CLASS_PCI_BRIDGE << 8, 0, 0, NULL},
	{PCI_CACHE_LINE_SIZE, PCI_HEADER_TYPE_BRIDGE << 16, MASK32(7, 0), 0, NULL},
	{PCI_IO_BASE, 0, 0, HIGH(SEC_STATUS_W1C), NULL},
	{PCI_MEMORY_BASE, PAIR(0xfff0, 0), PAIR(0xfff0, 0xfff0), 0, pci_bridge_window_written},
	{PCI_PREF_MEMORY_BASE, PAIR(0xfff0 | PCI_PREF_RANGE_TYPE_64, PCI_PREF_RANGE_TYPE_64), PAIR(0xfff0, 0xfff0), 0,
	 pci_bridge_window_written},
	{PCI_PREF_BASE_UPPER32, 0, UINT32_MAX, 0, pci_bridge_window_written},
	{PCI_PREF_LIMIT_UPPER32, 0, UINT32_MAX, 0, pci_bridge_window_written},
	/* Interrupt pin 0: the port signals by MSI only, so that it needs no wired line (7.5.1.1.13). */
	{PCI_INTERRUPT_LINE, 0,
	 MASK32(7, 0) | HIGH(PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR | PCI_BRIDGE_CTL_BUS_RESET), 0,
	 pci_bridge_control_written},

	{BRIDGE_CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET, PCI_PM_CTRL_STATE_MASK, 0, pci_bridge_power_written},
	{BRIDGE_CAP_SID + PCI_SSVID_VENDOR_ID, PAIR(PCI_VENDOR_REDHAT, PCI_DEVICE_ROOT_PORT), 0, 0, NULL},

	{EXP(PCI_EXP_DEVCAP), DEVCAP, 0, 0, NULL},
	{EXP(PCI_EXP_DEVCTL), DEVCTL_RESET, DEVCTL_WRITE, HIGH(DEVSTA_W1C), NULL},
	{EXP(PCI_EXP_LNKCTL), HIGH(PCI_EXP_LNKSTA_SLC), LNKCTL_WRITE, HIGH(LNKSTA_W1C), pci_bridge_link_written},
	{EXP(PCI_EXP_SLTCTL), 0, SLTCTL_WRITE, HIGH(SLTSTA_W1C), NULL},
	{EXP(PCI_EXP_RTCTL), 0, RTCTL_WRITE, 0, NULL},
	{EXP(PCI_EXP_RTSTA), 0, 0, PCI_EXP_RTSTA_PME, NULL},
	{EXP(PCI_EXP_DEVCAP2), DEVCAP2, 0, 0, NULL},
	{EXP(PCI_EXP_DEVCTL2), 0, PCI_EXP_DEVCTL2_COMP_TMOUT_DIS, 0, NULL},
	{EXP(PCI_EXP_LNKCAP2), LNKCAP2_SPEEDS, 0, 0, NULL},
	{EXP(PCI_EXP_LNKCTL2), PAIR(PCI_EXP_LNKCAP_SLS_16_0GB, LNKSTA2_EQ), LNKCTL2_WRITE, HIGH(LNKSTA2_W1C), NULL},

	{AER(PCI_ERR_UNCOR_STATUS), 0, 0, UNC_ALL, NULL},
	{AER(PCI_ERR_UNCOR_MASK), UNC_MASKED, UNC_ALL, 0, NULL},
	{AER(PCI_ERR_UNCOR_SEVER), UNC_FATAL, UNC_ALL, 0, NULL},
	{AER(PCI_ERR_COR_STATUS), 0, 0, COR_ALL, NULL},
	{AER(PCI_ERR_COR_MASK), COR_MASKED, COR_ALL, 0, NULL},
	{AER(PCI_ERR_ROOT_COMMAND), 0, ROOT_CMD_WRITE, 0, NULL},
	{AER(PCI_ERR_ROOT_STATUS), 0, 0, ROOT_STATUS_W1C, NULL},

	{BRIDGE_EXT_ACS + PCI_ACS_CAP, ACS_BITS, HIGH(ACS_BITS), 0, NULL},
	/* 7.7.3.2: perform equalization and its interrupt enable; lane presets (7.7.3.4) stay 0. */
	{BRIDGE_EXT_SEC + 4, 0, 0x3u, 0, NULL},
};

static int add_capabilities(struct pci_function *fn)
{
	struct pci_cfg *cfg = &fn->cfg;
	const uint16_t exp_flags = 2 | PCI_EXP_TYPE_ROOT_PORT << 4 | PCI_EXP_FLAGS_SLOT;

	/* PM version 3 (7.5.2.1), D0 and D3hot only, no PME. */
	if (pci_cfg_add_cap(cfg, PCI_CAP_ID_PM, BRIDGE_CAP_PM, 3, 0, NULL) != 0 ||
	    pci_cfg_add_cap(cfg, PCI_CAP_ID_SSVID, BRIDGE_CAP_SID, 0, 0, NULL) != 0 ||
	    pci_msi_add(fn, BRIDGE_CAP_MSI, 1, true, true) != 0 ||
	    pci_cfg_add_cap(cfg, PCI_CAP_ID_EXP, BRIDGE_CAP_EXP, exp_flags, 0, NULL) != 0 ||
	    pci_cfg_add_ext_cap(cfg, PCI_EXT_CAP_ID_ERR, 2, BRIDGE_EXT_AER) != 0 ||
	    pci_cfg_add_ext_cap(cfg, PCI_EXT_CAP_ID_ACS, 1, BRIDGE_EXT_ACS) != 0 ||
	    pci_cfg_add_ext_cap(cfg, PCI_EXT_CAP_ID_SECPCI, 1, BRIDGE_EXT_SEC) != 0)
		return log_fail(-EINVAL, "%s: the root port's capabilities overlap; this is a bug of aerie", fn->name);
	return 0;
}

int pci_bridge_regs_init(struct pci_function *fn, uint8_t slot, uint8_t bus)
{
	struct pci_cfg *cfg = &fn->cfg;

	for (unsigned i = 0; i < ARRAY_LEN(regs); i++)
		pci_cfg_emulate(cfg, (uint16_t)regs[i].offset, regs[i].reset, regs[i].write, regs[i].w1c, regs[i].hook);
	pci_cfg_emulate(cfg, PCI_PRIMARY_BUS, (uint32_t)bus << 8 | (uint32_t)bus << 16, MASK32(23, 0), 0,
			pci_bridge_buses_written);
	pci_cfg_emulate(cfg, EXP(PCI_EXP_LNKCAP), LNKCAP | (uint32_t)slot << 24, 0, 0, NULL);
	pci_cfg_emulate(cfg, EXP(PCI_EXP_SLTCAP), PCI_EXP_SLTCAP_NCCS | (uint32_t)slot << 19, 0, 0, NULL);
	return add_capabilities(fn);
}
