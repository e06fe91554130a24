/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this box share. */
#ifndef AERIE_TDI_PRIV_H
#define AERIE_TDI_PRIV_H

#include <stdatomic.h>

#include "pci_doe.h"
#include "pci_endpoint.h"
#include "pci_guard.h"
#include "pci_ide.h"
#include "pci_tdi.h"
#include "spdm_responder.h"
#include "tdisp_responder.h"

#define TDI_MAX_BLOCKS 3u

struct pci_tdi {
	struct pci_guard guard;
	struct pci_endpoint *ep; /* not owned */
	struct pci_tdi_config config;
	struct pci_doe doe;

	/* The mailbox's thread */
	struct spdm_identity *identity;
	struct spdm_responder *spdm;
	struct spdm_block blocks[TDI_MAX_BLOCKS];
	uint8_t ids[12]; /* of the function, as measured */
	/* Set with the device lock: the connection and its sessions are gone; the thread forgets them before it does
	 * anything else. */
	_Atomic bool forget;

	/* Device lock */
	struct pci_ide ide;
	struct tdisp_responder tdisp;
	uint64_t peers[4];		 /* streams bound for peer to peer, a bit each */
	struct tdisp_report report;	 /* as of the lock, attributes of the moment */
	uint64_t base_page[PCI_NR_BARS]; /* of each BAR, as in the report */
};

/* tdi_device.c */
extern const struct tdisp_device_ops tdi_device_ops;
extern const struct tdisp_responder_config tdi_device_config;
/** An IDE stream of the function is not secure any more. */
void tdi_stream_insecure(void *opaque, uint8_t stream);
/** True while an access to byte @offset of BAR @bar reaches the device. */
bool tdi_reachable(const struct pci_tdi *tdi, unsigned bar, uint64_t offset);
/** Offset of the extended capability @id; 0: none. */
uint16_t tdi_find_ext_cap(const struct pci_function *fn, uint16_t id);

/* tdi_identity.c */
/** Sets tdi->identity to one of its own making. 0 or -errno (logged). */
int tdi_identity_make(struct pci_tdi *tdi);

/* tdi_guard.c */
extern const struct pci_guard_ops tdi_guard_ops;

/* tdi_spdm.c */
/** Loads the identity and creates the responder. 0 or -errno (logged). */
int tdi_spdm_create(struct pci_tdi *tdi);
void tdi_spdm_destroy(struct pci_tdi *tdi);
/** The mailbox's two protocols, for struct pci_doe_config. */
void tdi_spdm_protocols(struct pci_tdi *tdi, struct pci_doe_config *config);

#endif
