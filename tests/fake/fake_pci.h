/* SPDX-License-Identifier: Apache-2.0 */
/* A VM that is nothing but a bus with a PCI host bridge and two root ports, and endpoints that write down what happens.
 */
#ifndef AERIE_FAKE_PCI_H
#define AERIE_FAKE_PCI_H

#include "pci_bridge.h"
#include "pci_function.h"
#include "pci_host.h"
#include "vm.h"

#define FAKE_ECAM   0x4010000000u
#define FAKE_MMIO32 0x10000000u	  /* 512 MiB */
#define FAKE_MMIO64 0x8000000000u /* 512 GiB */
#define FAKE_PORTS  2u

struct fake_bar {
	bool mapped;
	uint64_t addr;
	unsigned maps, unmaps;
	unsigned map_seq, unmap_seq; /* when, by fake_pci_seq */
};

struct fake_endpoint {
	struct pci_function fn;
	uint32_t device[PCI_CFG_DWORDS];     /* the registers behind CFG_PASS */
	uint32_t device_w1c[PCI_CFG_DWORDS]; /* bits that a write of 1 clears there */
	int cfg_error;			     /* what cfg_read and cfg_write return */
	unsigned cfg_reads, cfg_writes;
	uint16_t last_offset; /* of the last cfg_write */
	uint8_t last_size;

	unsigned commands, irq_changes, resets;
	uint16_t command_old, command_now;
	struct fake_bar bar[PCI_NR_BARS];
	int map_error; /* what bar_map returns */
	unsigned bar_accesses;
	struct bus_access last_access;
	unsigned last_bar;
	uint64_t pending; /* vectors 0 .. 63 */
};

struct fake_pci {
	struct vm vm;
	struct pci_host *host;
	struct pci_bridge *port[FAKE_PORTS]; /* slots 1 and 2, secondary buses 1 and 2 */
};

/* Counts up at every bar_map and bar_unmap; endpoints destroyed. */
extern unsigned fake_pci_seq;
extern unsigned fake_pci_destroyed;

/** Builds all of it. Aborts when it cannot. */
void fake_pci_start(struct fake_pci *world);
void fake_pci_stop(struct fake_pci *world);

/** A new endpoint with vendor id 1234:5678, not placed; freed by its destroy. */
struct fake_endpoint *fake_endpoint_new(const char *name);
void fake_endpoint_free(struct fake_endpoint *ep);

/** Places @ep; returns what pci_host_place() does. */
int fake_pci_place(struct fake_pci *world, unsigned port, uint8_t fn, struct fake_endpoint *ep);

/** One access through the ECAM window on the bus. */
uint64_t fake_cfg_read(struct fake_pci *world, unsigned bus, unsigned devfn, unsigned reg, uint8_t size);
void fake_cfg_write(struct fake_pci *world, unsigned bus, unsigned devfn, unsigned reg, uint8_t size, uint64_t value);

/** Opens the memory windows of @port as a guest would: [@base, @limit] non-prefetchable, [@pbase, @plimit]
 * prefetchable, and sets Memory Space and Bus Master Enable. */
void fake_port_open(struct fake_pci *world, unsigned port, uint32_t base, uint32_t limit, uint64_t pbase,
		    uint64_t plimit);

#endif
