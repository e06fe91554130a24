/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the DOE mailbox share. */
#ifndef AERIE_PCI_DOE_PRIV_H
#define AERIE_PCI_DOE_PRIV_H

#include "pci_doe.h"

/* pci_doe.c; device lock held */
/** @len as a protocol's handler returned it; its answer of @vendor and @type lies behind the header's place in
 * doe->response. */
void pci_doe_answer(struct pci_doe *doe, uint16_t vendor, uint8_t type, int len);
/** The thread is done with a request of @epoch. */
void pci_doe_worked(struct pci_doe *doe, uint64_t epoch, uint16_t vendor, uint8_t type, int len);

/* pci_doe_thread.c */
/** Starts the thread if a protocol needs it. 0 or -errno (logged). */
int pci_doe_start(struct pci_doe *doe);
void pci_doe_stop(struct pci_doe *doe);
/** Hands the request to the thread, which has none. Device lock held. */
void pci_doe_work(struct pci_doe *doe, const struct pci_doe_protocol *protocol);

#endif
