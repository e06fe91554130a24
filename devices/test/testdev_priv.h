/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the test endpoint share. Everything is guarded by the device lock. */
#ifndef AERIE_TESTDEV_PRIV_H
#define AERIE_TESTDEV_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "dma.h"
#include "loop.h"
#include "pci_endpoint.h"
#include "testdev_regs.h"

/*
 * What one turn of the event loop does at most, in units of bytes: so long may a vCPU wait for the device lock. A step
 * costs its bytes and something of its own; one that ends in other devices' registers a multiple of it.
 */
#define TESTDEV_SLICE	      (128u << 10)
#define TESTDEV_SLICE_NS      UINT64_C(2000000) /* or what is on its way then: registers may be those of a slow device */
#define TESTDEV_STEP_BYTES    4096u
#define TESTDEV_STEP_COST     512u
#define TESTDEV_REGISTER_COST 8192u
#define TESTDEV_REGISTER_STEP 64u /* bytes of such a step */

#define TESTDEV_CH_ROWS 23u /* registers of a channel, see testdev_mmio.c */

/* One side of a request: the range that is being worked on, and the scatter list that it comes from. */
struct testdev_cursor {
	bool list;
	uint64_t next; /* address of the list's next entry */
	uint64_t addr;
	uint64_t left; /* bytes of the present range */
};

struct testdev_job {
	bool active, immediate;
	struct testdev_desc desc;
	struct testdev_cursor src, dst;
	uint64_t done;	 /* bytes */
	uint64_t result; /* the CRC so far; the old value of an atomic */
};

struct testdev_channel {
	uint64_t epoch; /* changes when what is under way is void: after an access, compare before going on */
	bool go;	/* the request in the registers waits */
	bool enabled, halted;
	uint64_t ring_base; /* as they were when the ring was enabled */
	uint32_t ring_mask, ring_pasid;
	uint32_t head, tail;
	struct testdev_job job;

	/* of the last request */
	struct testdev_status last;
	uint32_t done, failed;
};

struct testdev {
	struct pci_endpoint ep; /* first */
	bool has_pasid, has_aer;
	uint16_t pasid_cap, aer_cap; /* offsets */
	uint8_t *memory;	     /* of BAR 2; owned */
	uint64_t memory_size;
	uint64_t memory_used; /* from here on it is zero still */
	uint64_t *values;     /* of the register table; owned */
	uint8_t port[TESTDEV_PORT_SIZE];
	uint32_t port_count, port_info;
	uint64_t port_value;
	uint32_t resets;
	int kick; /* eventfd: a channel has work */
	struct loop_source work;
	unsigned turn; /* the channel that comes next */
	struct testdev_channel channels[TESTDEV_CHANNELS];
};

/* How accesses of a request are marked. */
struct testdev_attr {
	uint32_t pasid; /* or DMA_NO_PASID */
	unsigned mode;	/* DMA_EXEC, DMA_PRIV; DMA_EXEC counts for reads only */
};

/* testdev_mmio.c: registers */
int testdev_mmio_init(struct testdev *dev);
void testdev_mmio_reset(struct testdev *dev);
enum bus_verdict testdev_mmio(struct testdev *dev, struct bus_access *access);
/** The descriptor in the registers of channel @n. */
struct testdev_desc testdev_mmio_desc(const struct testdev *dev, unsigned n);
/** True when the table is as regtable.h wants it. For tests. */
bool testdev_mmio_check(void);

/* testdev_caps.c: capabilities */
int testdev_caps_add(struct testdev *dev, uint64_t serial);
/** What requests with a PASID may ask for: the PASID capability's control register, 0 without one. */
uint16_t testdev_pasid_control(const struct testdev *dev);
bool testdev_atomics_enabled(const struct testdev *dev);
void testdev_inject(struct testdev *dev, uint32_t errors, bool correctable);

/* testdev_engine.c: rings and the requests' life */
/** Handler of the kick. */
void testdev_work(struct loop_source *src);
void testdev_go(struct testdev *dev, unsigned n);
void testdev_enable(struct testdev *dev, unsigned n, bool on);
void testdev_tail(struct testdev *dev, unsigned n, uint32_t tail);
/** Ends what is under way, as TESTDEV_KIND_ABORTED. */
void testdev_abort(struct testdev *dev, unsigned n);
bool testdev_busy(const struct testdev_channel *ch);

/* testdev_request.c: one request */
/** Checks the descriptor. True: ch->job is set up. False: ch->last has the code. */
bool testdev_begin(struct testdev *dev, struct testdev_channel *ch, const struct testdev_desc *desc);
/** Does a step and returns its cost. *@complete: ch->last has the code. When ch->epoch changes meanwhile the job is
 * gone and nothing may be touched. */
unsigned testdev_step(struct testdev *dev, struct testdev_channel *ch, bool *complete);
struct testdev_attr testdev_attr(const struct testdev_desc *desc);
/** True when the PASID capability is there and enabled for what @flags (TESTDEV_F_*) ask for. */
bool testdev_pasid_allowed(const struct testdev *dev, uint32_t flags, uint32_t pasid);
/** -EPERM: bus mastering is off, -ENXIO: bad target, -EINVAL: bad request, else a fault. */
enum testdev_kind testdev_kind_of(int err);

/* testdev_dma.c: accesses */
/**
 * One access of @len bytes (<= TESTDEV_STEP_BYTES) or its first part: what one translation covers. Returns the bytes
 * that were moved; -EFAULT (recorded by the translator), -EPERM (bus mastering is off). *@ram says where it ended.
 */
int testdev_access(struct testdev *dev, struct testdev_attr attr, uint64_t iova, void *buf, unsigned len, bool write,
		   bool *ram);
/** All @len bytes. 0 or as above, *@fault: where. */
int testdev_copy(struct testdev *dev, struct testdev_attr attr, uint64_t iova, void *buf, unsigned len, bool write,
		 uint64_t *fault);
/** An atomic operation of @size 4 or 8 bytes; *@value: the old value. -EFAULT, -EPERM; -ENXIO: not in RAM. */
int testdev_atomic(struct testdev *dev, struct testdev_attr attr, const struct testdev_desc *desc, uint64_t *value);

#endif
