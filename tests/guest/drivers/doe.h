/* SPDX-License-Identifier: Apache-2.0 */
/* A DOE mailbox (PCIe 6.2, 6.30 and 7.9.24), DW by DW. */
#ifndef GUEST_DOE_H
#define GUEST_DOE_H

#include "pci.h"

#define DOE_MAX_DWORDS 64u

struct doe {
	struct pci_fn *fn;
	unsigned at;		      /* the capability */
	uint32_t rsp[DOE_MAX_DWORDS]; /* the last answer, with its header */
	unsigned rsp_dwords;
};

/** The first mailbox of @fn. False: it has none. */
bool doe_init(struct doe *doe, struct pci_fn *fn);
uint32_t doe_get(const struct doe *doe, unsigned reg);
void doe_set(const struct doe *doe, unsigned reg, uint32_t value);
/** STATUS without the interrupt bit. */
uint32_t doe_status(const struct doe *doe);
/** Writes a header and @payload, and GO with the bits @ctrl. */
void doe_send(const struct doe *doe, uint16_t vendor, uint8_t type, const uint32_t *payload, unsigned dwords,
	      uint32_t ctrl);
/** Waits for the end of BUSY. */
bool doe_wait(const struct doe *doe);
/** Takes an answer; false: there is none, or it is too long. */
bool doe_receive(struct doe *doe);
/** Both; false: no answer. */
bool doe_ask(struct doe *doe, uint16_t vendor, uint8_t type, const uint32_t *payload, unsigned dwords);
bool doe_abort(const struct doe *doe);

#endif
