/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SMMU on real guest memory and a real bus, with a backend that records what it is told and fails when asked to, and
 * interrupt lines that count. For the tests and fuzzers of viommu/smmuv3; each includes it once.
 */
#ifndef AERIE_SMMU_FIXTURE_H
#define AERIE_SMMU_FIXTURE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gmem.h"
#include "log.h"
#include "smmu_priv.h"

#define FIX	 __attribute__((unused)) static
#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x400000)
#define MMIO	 UINT64_C(0x9050000)
#define STRTAB	 (RAM_BASE + 0x100000)
#define L2TAB	 (RAM_BASE + 0x180000)
#define CMDQ	 (RAM_BASE + 0x10000)
#define EVTQ	 (RAM_BASE + 0x20000)
#define PRIQ	 (RAM_BASE + 0x30000)
#define CDTAB	 (RAM_BASE + 0x200000)
#define OUTSIDE	 UINT64_C(0x80000000)
#define MAX_LOG	 4096u
#define MAX_EPS	 4u

enum call {
	CALL_NONE,
	CALL_ABORT,
	CALL_BYPASS,
	CALL_S1,
	CALL_INVALIDATE,
};

struct record {
	enum call call;
	bool failed;
	unsigned ep;
	uint32_t sid;
	uint64_t ste[2];
	uint32_t n; /* invalidate */
};

struct fixture_ep {
	struct viommu_endpoint ep;
	uint16_t rid;
	enum call now; /* what the backend does for it */
	unsigned index;
};

struct fixture {
	struct gmem mem;
	struct bus bus;
	struct smmu *smmu;
	struct smmu_host_caps host;
	struct fixture_ep eps[MAX_EPS];
	struct record log[MAX_LOG];
	unsigned nr_log;
	struct smmu_cmd cmds[MAX_LOG]; /* all that was forwarded */
	unsigned nr_cmds;
	unsigned fail[5];   /* the next n calls of a kind fail */
	unsigned pulses[4]; /* evtq, gerror, sync, priq */
	unsigned timer;	    /* milliseconds, as set last; 0: off */
	struct {
		uint64_t addr;
		uint32_t data;
	} msi;
	unsigned nr_msi;
	/* answers to faults of the host, and calls of room() */
	struct {
		unsigned ep;
		uint64_t cookie;
		enum smmu_answer answer;
	} answers[MAX_LOG];
	unsigned nr_answers, nr_room;
	bool host_stalls; /* of the next setup_with(); it resets the rest */
};

static struct fixture fx;

/* Stands for vmm/core/irq.c. */
void irq_line_pulse(const struct irq_line *line)
{
	fx.pulses[line->gsi]++;
}

static bool fail_now(enum call call)
{
	if (fx.fail[call] == 0)
		return false;
	fx.fail[call]--;
	return true;
}

static struct record *record(enum call call)
{
	struct record *r = &fx.log[fx.nr_log < MAX_LOG ? fx.nr_log++ : MAX_LOG - 1];

	*r = (struct record){.call = call};
	return r;
}

static int attach_double(void *handle, enum call call, uint32_t sid, const uint64_t *ste)
{
	struct fixture_ep *ep = handle;
	struct record *r = record(call);

	r->ep = ep->index;
	r->sid = sid;
	if (ste)
		memcpy(r->ste, ste, sizeof(r->ste));
	r->failed = fail_now(call);
	if (r->failed) {
		ep->now = CALL_ABORT; /* "after a failure the endpoint's DMA is blocked" */
		return -EIO;
	}
	ep->now = call;
	return 0;
}

static int attach_abort_double(void *handle)
{
	return attach_double(handle, CALL_ABORT, 0, NULL);
}

static int attach_bypass_double(void *handle)
{
	return attach_double(handle, CALL_BYPASS, 0, NULL);
}

static int attach_s1_double(void *handle, uint32_t sid, const uint64_t ste[2])
{
	return attach_double(handle, CALL_S1, sid, ste);
}

static int invalidate_double(void *backend, const struct smmu_cmd *cmds, uint32_t n, uint32_t *done)
{
	struct record *r = record(CALL_INVALIDATE);

	r->n = n;
	r->failed = fail_now(CALL_INVALIDATE);
	if (r->failed) {
		*done = n / 2;
		return -EIO;
	}
	*done = n;
	for (uint32_t i = 0; i < n && fx.nr_cmds < MAX_LOG; i++)
		fx.cmds[fx.nr_cmds++] = cmds[i];
	return 0;
}

static void answer_double(void *handle, uint64_t cookie, enum smmu_answer answer)
{
	struct fixture_ep *ep = handle;

	if (fx.nr_answers == MAX_LOG)
		abort();
	fx.answers[fx.nr_answers].ep = ep->index;
	fx.answers[fx.nr_answers].cookie = cookie;
	fx.answers[fx.nr_answers++].answer = answer;
}

static void room_double(void *backend)
{
	fx.nr_room++;
}

static const struct smmu_backend_ops double_ops = {
	.attach_abort = attach_abort_double,
	.attach_bypass = attach_bypass_double,
	.attach_s1 = attach_s1_double,
	.invalidate = invalidate_double,
	.answer = answer_double,
	.room = room_double,
};

static uint16_t fixture_rid(void *owner)
{
	return ((struct fixture_ep *)owner)->rid;
}

static void fixture_msi(void *opaque, uint64_t addr, uint32_t data)
{
	fx.msi.addr = addr;
	fx.msi.data = data;
	fx.nr_msi++;
}

static void timer_double(void *opaque, unsigned ms)
{
	fx.timer = ms;
}

static void drop_log(enum log_level level, const char *line, void *opaque)
{
}

/* The SMMU of an ordinary host: everything that the kernel passes on, SSIDSIZE 20, OAS 48 bits, no stalls. */
FIX struct smmu_host_caps host_usual(void)
{
	return (struct smmu_host_caps){.idr = {
					       IDR0_S1P | IDR0_S2P | IDR0_TTF_AARCH64 | IDR0_COHACC | IDR0_HTTU |
						       IDR0_BTM | IDR0_HYP | IDR0_ATS | IDR0_PRI | IDR0_ASID16 |
						       IDR0_VMID16 | IDR0_CD2L | field_prep32(IDR0_TTENDIAN, 2) |
						       field_prep32(IDR0_STALL_MODEL, IDR0_STALL_NONE) |
						       IDR0_TERM_MODEL,
					       field_prep32(IDR1_SIDSIZE, 32) | field_prep32(IDR1_SSIDSIZE, 20) |
						       field_prep32(IDR1_CMDQS, 19) | field_prep32(IDR1_EVENTQS, 19) |
						       field_prep32(IDR1_PRIQS, 19),
					       0,
					       IDR3_RIL | IDR3_FWB | IDR3_MPAM | field_prep32(IDR3_BBML, 2),
					       0,
					       IDR5_GRAN4K | IDR5_GRAN64K | field_prep32(IDR5_OAS, IDR5_OAS_48) |
						       field_prep32(IDR5_STALL_MAX, 99),
				       }};
}

FIX void add_endpoint(unsigned i, uint16_t rid)
{
	fx.eps[i] = (struct fixture_ep){.rid = rid, .index = i};
	fx.eps[i].ep = (struct viommu_endpoint){.name = "ep", .rid = fixture_rid, .owner = &fx.eps[i]};
	if (smmu_add_endpoint(fx.smmu, &fx.eps[i].ep, &fx.eps[i]))
		abort();
}

/* An SMMU with no endpoints. @host NULL: for emulated ones only. */
FIX void setup_with(const struct smmu_host_caps *host)
{
	struct smmu_config config = {
		.id = "smmu0",
		.base = MMIO,
		.phandle = 7,
		.host = host,
		.ops = &double_ops,
		.evtq = {.gsi = 0, .intid = 40},
		.gerror = {.gsi = 1, .intid = 41},
		.sync = {.gsi = 2, .intid = 42},
		.priq = {.gsi = 3, .intid = 43},
		.timer = timer_double,
		.msi = fixture_msi,
	};

	config.host_stalls = fx.host_stalls;
	memset(&fx, 0, sizeof(fx));
	log_set_sink(drop_log, NULL);
	if (host)
		fx.host = *host;
	gmem_init(&fx.mem);
	bus_init(&fx.bus);
	if (gmem_add(&fx.mem, gpa(RAM_BASE), RAM_SIZE, GMEM_PAGES_NORMAL) ||
	    smmu_create(&fx.smmu, &fx.mem, &fx.bus, &config))
		abort();
}

FIX void setup_host(struct smmu_host_caps host)
{
	setup_with(&host);
}

/* One endpoint, StreamID 0x100. */
FIX void setup(void)
{
	setup_host(host_usual());
	add_endpoint(0, 0x100);
}

FIX void teardown(void)
{
	struct device *dev = smmu_device(fx.smmu);

	dev->class->destroy(dev);
	bus_fini(&fx.bus);
	gmem_fini(&fx.mem);
	log_set_sink(NULL, NULL);
}

FIX uint64_t rd(uint32_t offset, uint8_t size)
{
	uint64_t value = 0;

	bus_read(&fx.bus, MMIO + offset, size, &value);
	return value;
}

FIX uint32_t rd32(uint32_t offset)
{
	return (uint32_t)rd(offset, 4);
}

FIX void wr32(uint32_t offset, uint32_t value)
{
	bus_write(&fx.bus, MMIO + offset, 4, value);
}

FIX void wr64(uint32_t offset, uint64_t value)
{
	bus_write(&fx.bus, MMIO + offset, 8, value);
}

FIX void put(uint64_t addr, const void *data, size_t len)
{
	if (gmem_write(&fx.mem, gpa(addr), data, len))
		abort();
}

FIX void put64(uint64_t addr, uint64_t value)
{
	put(addr, &value, sizeof(value));
}

FIX uint64_t get64(uint64_t addr)
{
	uint64_t value;

	if (gmem_read(&fx.mem, gpa(addr), &value, sizeof(value)))
		abort();
	return value;
}

/* Command queue with 2^log2size entries, event queue with 16, linear stream table for 2^9 streams, all enabled. */
FIX void start_queues(uint32_t log2size)
{
	wr64(SMMU_CMDQ_BASE, CMDQ | log2size);
	wr32(SMMU_CMDQ_PROD, 0);
	wr32(SMMU_CMDQ_CONS, 0);
	wr64(SMMU_EVENTQ_BASE, EVTQ | 4);
	wr32(SMMU_EVENTQ_PROD, 0);
	wr32(SMMU_EVENTQ_CONS, 0);
	wr64(SMMU_STRTAB_BASE, STRTAB);
	wr32(SMMU_STRTAB_BASE_CFG, 9);
	wr32(SMMU_CR2, CR2_RECINVSID);
	wr32(SMMU_IRQ_CTRL, IRQ_CTRL_EVENTQ | IRQ_CTRL_GERROR);
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
}

FIX void enable_smmu(void)
{
	wr32(SMMU_CR0, rd32(SMMU_CR0) | CR0_SMMUEN);
}

FIX struct smmu_queue cmdq(void)
{
	return smmu_queue_of(rd(SMMU_CMDQ_BASE, 8), SMMU_CMDQS, CMD_SIZE);
}

/* Puts a command behind PROD without telling. */
FIX uint32_t queue_cmd(uint32_t prod, uint64_t dw0, uint64_t dw1)
{
	struct smmu_queue q = cmdq();
	struct smmu_cmd cmd = {.dw = {dw0, dw1}};

	put(smmu_queue_addr(&q, prod, CMD_SIZE), &cmd, sizeof(cmd));
	return smmu_queue_next(&q, prod);
}

/* Issues one command. */
FIX void issue(uint64_t dw0, uint64_t dw1)
{
	wr32(SMMU_CMDQ_PROD, queue_cmd(rd32(SMMU_CMDQ_PROD), dw0, dw1));
}

FIX uint32_t cmdq_err(void)
{
	return field_get32(CMDQ_CONS_ERR, rd32(SMMU_CMDQ_CONS));
}

FIX bool gerror_has(uint32_t bit)
{
	return (rd32(SMMU_GERROR) ^ rd32(SMMU_GERRORN)) & bit;
}

FIX void gerror_ack(void)
{
	wr32(SMMU_GERRORN, rd32(SMMU_GERROR));
}

/* Takes the command that stands in error out of the queue, as Linux does, and lets the queue go on. */
FIX void skip_bad_command(void)
{
	struct smmu_queue q = cmdq();
	struct smmu_cmd sync = {.dw = {CMD_SYNC, 0}};

	put(smmu_queue_addr(&q, rd32(SMMU_CMDQ_CONS) & smmu_queue_mask(&q), CMD_SIZE), &sync, sizeof(sync));
	gerror_ack();
}

FIX void put_ste(uint32_t sid, uint64_t dw0, uint64_t dw1)
{
	struct smmu_ste ste = {.dw = {dw0, dw1}};

	put(STRTAB + (uint64_t)sid * STE_SIZE, &ste, sizeof(ste));
}

FIX uint64_t ste_cfg(uint64_t cfg)
{
	return STE0_V | field_prep(STE0_CFG, cfg);
}

FIX uint64_t ste_s1(uint64_t cd)
{
	return ste_cfg(STE_CFG_S1) | cd;
}

FIX uint64_t sid_cmd(uint64_t op, uint32_t sid)
{
	return op | field_prep(CMD0_SID, sid);
}

/* The @n-th event in the guest's queue. */
FIX struct smmu_event event_at(unsigned n)
{
	struct smmu_event e = {0};

	if (gmem_read(&fx.mem, gpa(EVTQ + n * EVT_SIZE), &e, sizeof(e)))
		abort();
	return e;
}

FIX unsigned nr_events(void)
{
	return rd32(SMMU_EVENTQ_PROD) & QUEUE_INDEX;
}

FIX unsigned count(enum call call)
{
	unsigned n = 0;

	for (unsigned i = 0; i < fx.nr_log; i++)
		n += fx.log[i].call == call;
	return n;
}

FIX void forget(void)
{
	fx.nr_log = 0;
	fx.nr_cmds = 0;
	memset(fx.pulses, 0, sizeof(fx.pulses));
	fx.nr_msi = 0;
}

#endif
