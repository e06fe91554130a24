/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test endpoint: a PCI Express function whose DMA engine does on request what the standards allow. Payload tests
 * and people who develop IOMMU and PCI code make DMA happen with it. Its registers: docs/test-endpoint.md.
 */
#ifndef AERIE_TESTDEV_H
#define AERIE_TESTDEV_H

#include <stdbool.h>
#include <stdint.h>

struct pci_function;
struct vm;

#define TESTDEV_VECTORS	   64u /* of MSI-X, when the configuration says nothing */
#define TESTDEV_MEMORY	   (UINT64_C(1) << 20)
#define TESTDEV_MEMORY_MAX (UINT64_C(64) << 20)

struct testdev_config {
	const char *name; /* for messages; borrowed */
	unsigned vectors; /* of MSI-X, 1 .. 2048; 0: TESTDEV_VECTORS */
	uint64_t memory;  /* bytes of device memory behind BAR 2, a power of two, 4 KiB .. TESTDEV_MEMORY_MAX; 0:
			     TESTDEV_MEMORY */
	bool pasid;	  /* PASID capability; without it requests with a PASID are refused by the device */
	bool stall; /* its accesses may be stalled: it is no PCI Express citizen then, but what a platform makes of it
		     */
	bool ats;   /* Address Translation Services, with a cache */
	bool pri;   /* page requests; needs ats */
	bool aer;   /* Advanced Error Reporting capability */
	uint64_t serial;      /* Device Serial Number capability; 0: none */
	bool integrated;      /* root complex integrated endpoint: placed on the root bus */
	bool doe, ide, tdisp; /* device security (pci_tdi.h): a mailbox with SPDM; each needs the one before it */
	const char *certificates, *key; /* PEM files of its identity; NULL: made at start */
	uint8_t heartbeat_s;		/* of its sessions; 0: none */
};

/** Creates the endpoint, to be placed with pci_host_place(); *@out owns it. 0 or -errno (logged). */
int testdev_create(struct pci_function **out, struct vm *vm, const struct testdev_config *config);

#endif
