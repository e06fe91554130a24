/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IDE extended capability of an emulated port or endpoint (PCIe 6.0, 7.9.26), with the port's end of IDE_KM.
 *
 * A stream is secure while its register block is enabled and all its keys run. There is no link here whose TLPs could
 * be encrypted: what a guest sees are the registers, the states and the refusals; keys are checked, counted and
 * forgotten. A root port has the keys of the functions below it. Guarded by the device lock.
 */
#ifndef AERIE_PCI_IDE_H
#define AERIE_PCI_IDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ide_km.h"
#include "pci_guard.h"

struct pci_function;

#define PCI_IDE_MAX_SELECTIVE 8u
#define PCI_IDE_MAX_BLOCKS    (1 + PCI_IDE_MAX_SELECTIVE)
#define PCI_IDE_MAX_DWORDS    (5u + PCI_IDE_MAX_SELECTIVE * 14u)

struct pci_ide_config {
	uint16_t offset;    /* of the capability */
	bool link;	    /* a link stream, of traffic class 0 */
	unsigned selective; /* streams, 0 .. PCI_IDE_MAX_SELECTIVE; at least one stream of either kind */
	unsigned addresses; /* address association blocks of each selective stream, 0 .. 3 */
	/** A stream that was secure is not any more. May be NULL. */
	void (*insecure)(void *opaque, uint8_t stream);
	void *opaque;
};

struct pci_ide {
	struct pci_function *fn; /* not owned */
	struct pci_ide_config config;
	struct ide_km_responder km;
	bool secure[PCI_IDE_MAX_BLOCKS];   /* as the status registers show: link first */
	uint32_t kept[PCI_IDE_MAX_DWORDS]; /* over a function level reset */
};

/** Bytes of the capability. */
uint32_t pci_ide_size(const struct pci_ide_config *config);

/** Adds the capability to @fn. @ide stays where it is and lives as long as @fn. 0 or -EINVAL (logged). */
int pci_ide_add(struct pci_ide *ide, struct pci_function *fn, const struct pci_ide_config *config);

/** IDE_KM, as ide_km_respond(). */
int pci_ide_respond(struct pci_ide *ide, uint32_t session, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap);

/** True when @stream is an enabled selective stream with all its keys, which came over @session. */
bool pci_ide_selective_secure(const struct pci_ide *ide, uint8_t stream, uint32_t session);

/** The SPDM session is over. */
void pci_ide_session_ended(struct pci_ide *ide, uint32_t session);

/** An integrity check failed: the stream goes insecure and says so in its status register. */
void pci_ide_fail_stream(struct pci_ide *ide, uint8_t stream);

/* Around a reset of the function, as in struct pci_guard_ops: a function level reset leaves IDE as it is. */
void pci_ide_before_reset(struct pci_ide *ide, enum pci_reset kind);
void pci_ide_after_reset(struct pci_ide *ide, enum pci_reset kind);

#endif
