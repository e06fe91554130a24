/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the test endpoint share. Everything is guarded by the device lock. */
#ifndef AERIE_TESTDEV_PRIV_H
#define AERIE_TESTDEV_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "dma_ats.h"
#include "dma_stall.h"
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

/* Translations that the ATC holds. */
#define TESTDEV_ATC_ENTRIES  64u
/* Invalidate Requests that may be held: the Invalidate Queue Depth. */
#define TESTDEV_HELD	     32u
/* Page Request Group indexes (10.4.1.1), and the ones that the channels use by themselves. */
#define TESTDEV_GROUPS	     512u
#define TESTDEV_CHANNEL_PRGI 0x100u
/* Page requests that may be outstanding (Outstanding Page Request Capacity). */
#define TESTDEV_PAGES	     32u
/* How often one access asks for its page before it gives up: an answer of Success that does not help is one of software
 * that has nothing better to say, for ever. */
#define TESTDEV_PAGE_TRIES   64u

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
	bool over;			 /* complete but for its status record */
	uint8_t buf[TESTDEV_STEP_BYTES]; /* between source and destination, as an access may have to be repeated */
	unsigned got, put;		 /* bytes fetched, and stored */
	uint64_t done;			 /* bytes */
	uint64_t result;		 /* the CRC so far; the old value of an atomic */
};

enum testdev_wait {
	TESTDEV_WAIT_NONE,
	TESTDEV_WAIT_STALL,
	TESTDEV_WAIT_PAGE,   /* for the response to its page request */
	TESTDEV_WAIT_CREDIT, /* for one more page request, or for its index, to be free */
};

struct testdev_channel {
	struct testdev *dev;
	struct dma_stall stall;
	enum testdev_wait wait;
	bool refused;	     /* what it waited for has failed: so does the access, which is repeated now */
	unsigned page_tries; /* of the present access */
	uint64_t epoch;	     /* changes when what is under way is void: after an access, compare before going on */
	bool go;	     /* the request in the registers waits */
	bool enabled, halted;
	uint64_t ring_base; /* as they were when the ring was enabled */
	uint32_t ring_mask, ring_pasid;
	uint32_t head, tail;
	struct testdev_job job;

	/* of the last request */
	struct testdev_status last;
	uint32_t done, failed;
};

struct testdev_atc_entry {
	bool valid, priv;
	uint32_t pasid;
	struct dma_target target;
};

/* A page request group that has no response yet. */
struct testdev_group {
	uint32_t requests; /* 0: none */
	int8_t channel;	   /* that waits; -1: software asked */
	uint32_t pasid;
};

struct testdev_ats {
	struct testdev_atc_entry atc[TESTDEV_ATC_ENTRIES];
	unsigned next;
	struct dma_ats_invalidation held[TESTDEV_HELD];
	uint32_t nr_held, invalidations, hits, requests;
	uint32_t treq_status, treq_size;
	uint64_t treq_result;
};

struct testdev_pri {
	struct testdev_group groups[TESTDEV_GROUPS];
	uint32_t outstanding; /* page requests */
	uint32_t sent, responses, unexpected, last, last_pasid;
};

struct testdev {
	struct pci_endpoint ep; /* first */
	bool has_pasid, has_aer, has_stall, has_ats, has_pri;
	uint16_t pasid_cap, aer_cap, ats_cap, pri_cap; /* offsets */
	struct testdev_ats ats;
	struct testdev_pri pri;
	uint32_t stalls;
	uint8_t *memory; /* of BAR 2; owned */
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
	struct pci_tdi *tdi; /* device security; NULL: none. Owned */
	uint32_t security;   /* TESTDEV_SEC_DOE and others */
};

/* How accesses of a request are marked. */
struct testdev_attr {
	uint32_t pasid; /* or DMA_NO_PASID */
	unsigned mode;	/* DMA_EXEC, DMA_PRIV; DMA_EXEC counts for reads only */
	bool untranslated, translated;
};

/* testdev_mmio.c: registers */
int testdev_mmio_init(struct testdev *dev);
void testdev_mmio_reset(struct testdev *dev);
enum bus_verdict testdev_mmio(struct testdev *dev, struct bus_access *access);
/** The descriptor in the registers of channel @n. */
struct testdev_desc testdev_mmio_desc(const struct testdev *dev, unsigned n);
/** What was written to the register at @offset. */
uint64_t testdev_mmio_value(const struct testdev *dev, uint32_t offset);
/** True when the table is as regtable.h wants it. For tests. */
bool testdev_mmio_check(void);

/* testdev_caps.c: capabilities */
int testdev_caps_add(struct testdev *dev, uint64_t serial);
/** What requests with a PASID may ask for: the PASID capability's control register, 0 without one. */
uint16_t testdev_pasid_control(const struct testdev *dev);
bool testdev_atomics_enabled(const struct testdev *dev);
void testdev_inject(struct testdev *dev, uint32_t errors, bool correctable);

uint16_t testdev_ats_control(const struct testdev *dev);

/* testdev_ats.c: the address translation cache */
extern const struct dma_ats_ops testdev_ats_ops;
/** The config space of ATS was written. */
void testdev_ats_cap_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask);
void testdev_ats_reset(struct testdev *dev);
/** Translates an access by the ATC, and asks for what is not there. As dma_translate_or_stall(). */
int testdev_ats_find(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr, uint64_t iova,
		     unsigned access, struct dma_target *out);
/** Answers the Invalidate Requests that are held. */
void testdev_ats_release(struct testdev *dev);
/** A Translation Request by software's wish; its result is in dev->ats. */
void testdev_ats_ask(struct testdev *dev, uint64_t iova, uint32_t pasid, uint32_t flags);

/* testdev_pri.c: page requests */
void testdev_pri_cap_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask);
void testdev_pri_reset(struct testdev *dev);
void testdev_pri_response(void *opaque, const struct dma_page_response *r);
/** Asks for the page of an access of @ch. -EINPROGRESS: it waits; -EFAULT: it may not ask. */
int testdev_pri_ask(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr, uint64_t iova,
		    unsigned access);
/** A page request by software's wish (TESTDEV_PREQ_*). */
void testdev_pri_send(struct testdev *dev, uint64_t addr, uint32_t pasid, uint32_t prgi, uint32_t flags);
/** @ch waits no more. */
void testdev_pri_forget(struct testdev *dev, const struct testdev_channel *ch);

/* testdev_fault_mmio.c: their registers */
uint64_t testdev_fault_read(struct testdev *dev, uint32_t offset);
/** After the register at @offset was written. */
void testdev_fault_written(struct testdev *dev, uint32_t offset);

/* testdev_security.c: DOE, IDE, TDISP */
struct testdev_config;
/** What the configuration asks for. Comes after the BARs. 0 or -errno (logged). */
int testdev_security_add(struct testdev *dev, const struct testdev_config *config);
/** INJECT_SECURITY was written. */
void testdev_security_inject(struct testdev *dev, uint32_t value);
/** SECURITY: capabilities and the interface's state. */
uint32_t testdev_security_status(const struct testdev *dev);

/* testdev_engine.c: rings and the requests' life */
/** Handler of the kick. */
void testdev_work(struct loop_source *src);
void testdev_go(struct testdev *dev, unsigned n);
void testdev_enable(struct testdev *dev, unsigned n, bool on);
void testdev_tail(struct testdev *dev, unsigned n, uint32_t tail);
/** Ends what is under way, as TESTDEV_KIND_ABORTED. */
void testdev_abort(struct testdev *dev, unsigned n);
/** What @ch waited for has come, or (@refused) will not. */
void testdev_wake(struct testdev_channel *ch, bool refused);
/** @ch waits for nothing any more: its access is void. */
void testdev_give_up(struct testdev_channel *ch);
/** Called for the channels' stalls. */
void testdev_stall_ended(struct dma_stall *stall, enum dma_outcome outcome);
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
 * that were moved; -EFAULT (recorded by the translator), -EPERM (bus mastering is off); -EINPROGRESS: the
 * channel waits (@ch->wait), and then the access is to be repeated. *@ram says where it ended.
 */
int testdev_access(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr, uint64_t iova, void *buf,
		   unsigned len, bool write, bool *ram);
/** All @len bytes. 0 or as above, *@fault: where. */
int testdev_copy(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr, uint64_t iova, void *buf,
		 unsigned len, bool write, uint64_t *fault);
/** An atomic operation of @size 4 or 8 bytes; *@value: the old value. -EFAULT, -EPERM; -ENXIO: not in RAM. */
int testdev_atomic(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr,
		   const struct testdev_desc *desc, uint64_t *value);

#endif
