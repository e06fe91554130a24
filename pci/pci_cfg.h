/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration space as a policy table, default deny. Each dword has one policy:
 *   CFG_HIDE     reads as 0, writes are ignored (the default),
 *   CFG_EMULATE  our own bytes, written as far as the write and write-1-to-clear masks say,
 *   CFG_PASS     the device's own register, through ops->cfg_read/cfg_write; bits outside pass_write keep the device's
 * value, bits in `ours` come from our bytes instead (a mask over a passed register). Capabilities are linked by
 * pci_cfg_add_cap()/pci_cfg_add_ext_cap(): a capability that nobody added does not exist for the guest.
 */
#ifndef AERIE_PCI_CFG_H
#define AERIE_PCI_CFG_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_CFG_SIZE   4096u
#define PCI_CFG_DWORDS (PCI_CFG_SIZE / 4)

struct pci_function;

enum pci_cfg_policy {
	CFG_HIDE,
	CFG_EMULATE,
	CFG_PASS,
};

/** After-write hook of a dword: our bytes are updated already. @mask: bits that the access covered.
 *  On a CFG_PASS dword @old is our value and @now the same with what the guest wrote in the bits of @mask. */
typedef void (*pci_cfg_hook)(struct pci_function *fn, uint16_t dword_offset, uint32_t old, uint32_t now, uint32_t mask);

struct pci_cfg_dword {
	enum pci_cfg_policy policy;
	uint32_t value; /* our bytes */
	uint32_t reset; /* our bytes after reset */
	uint32_t write; /* EMULATE: bits a write stores. PASS: bits a write may change in the device */
	uint32_t w1c;	/* EMULATE: bits cleared by writing 1. PASS: the device's such bits, never written back as 1 */
	uint32_t ours;	/* PASS: bits that come from value */
	pci_cfg_hook written;
};

struct pci_cfg {
	struct pci_cfg_dword dwords[PCI_CFG_DWORDS];
	uint16_t last_cap; /* offset of the last capability in the list, 0: none */
	uint16_t last_ext_cap;
};

/** Makes a dword ours: value at reset, writable and write-1-to-clear bits, optional hook. */
void pci_cfg_emulate(struct pci_cfg *cfg, uint16_t offset, uint32_t reset, uint32_t write, uint32_t w1c,
		     pci_cfg_hook hook);

/** Passes a dword through; the guest may change @write bits; @ours bits show @ours_value instead of the device's. */
void pci_cfg_pass(struct pci_cfg *cfg, uint16_t offset, uint32_t write, uint32_t ours, uint32_t ours_value);

/** Sets the bits @mask of a dword to @bits, now and at reset, whatever its policy: a hidden dword becomes ours
 * (read-only), in a passed one these bits become `ours`. */
void pci_cfg_own(struct pci_cfg *cfg, uint16_t offset, uint32_t mask, uint32_t bits);

/** True when all dwords of [@offset, @offset + @len) are hidden still: nobody has claimed them. */
bool pci_cfg_unclaimed(const struct pci_cfg *cfg, uint32_t offset, uint32_t len);

/** Appends a capability of @id at @offset (dword aligned, 0x40..0xfc) to the list and makes its first dword ours: id,
 * next, and the upper 16 bits @upper, writable as @upper_write says. The following dwords are the caller's. The status
 * bit "capabilities list" is set. Returns 0, -EINVAL (bad offset or taken). */
int pci_cfg_add_cap(struct pci_cfg *cfg, uint8_t id, uint16_t offset, uint16_t upper, uint16_t upper_write,
		    pci_cfg_hook hook);

/** The same for an extended capability (offset 0x100..0xffc). The list must begin at 0x100 (PCIe 6.0, 7.6.2); a first
 *  capability elsewhere gets a null capability at 0x100 in front, whose place a later one at 0x100 may take. */
int pci_cfg_add_ext_cap(struct pci_cfg *cfg, uint16_t id, uint8_t version, uint16_t offset);

/** Our bytes at @offset, whatever the policy. @size 1, 2, 4, not crossing a dword. */
uint32_t pci_cfg_get(const struct pci_cfg *cfg, uint16_t offset, uint8_t size);
/** Sets our bytes without hooks and masks (the model's own writes). */
void pci_cfg_set(struct pci_cfg *cfg, uint16_t offset, uint8_t size, uint32_t value);

/** All values back to reset. No hooks. */
void pci_cfg_reset(struct pci_cfg *cfg);

#endif
