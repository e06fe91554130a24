// SPDX-License-Identifier: Apache-2.0
/*
 * A guest that programs its SMMUv3 wrongly in every way that it can think of, behind the back of the driver, whose
 * devices must be idle. It checks that each mistake has the consequence that Arm IHI 0070 gives it and that the SMMU
 * works afterwards, and leaves the registers as they were. The port at 00:01.0 leads to bus 1, that at 00:02.0 to
 * bus 2.
 */
#include "hostile.h"

#define CR0		0x20
#define IRQ_CTRL	0x50
#define GBPA		0x44
#define GERROR		0x60
#define GERRORN		0x64
#define STRTAB_BASE	0x80
#define STRTAB_BASE_CFG 0x88
#define CMDQ_BASE	0x90
#define CMDQ_PROD	0x98
#define CMDQ_CONS	0x9c
#define EVENTQ_BASE	0xa0
#define EVENTQ_PROD	0x100a8
#define EVENTQ_CONS	0x100ac

#define CR0_SMMUEN   1u
#define CR0_EVENTQEN 4u
#define CR0_CMDQEN   8u
#define GERROR_CMDQ  1u
#define CERROR_ILL   1u

#define OP_CFGI_STE	 0x03ull
#define OP_CFGI_ALL	 0x04ull
#define OP_TLBI_NSNH_ALL 0x30ull
#define OP_SYNC		 0x46ull

#define EVT_F_STE_FETCH 0x03u
#define EVT_F_CD_FETCH	0x09u

#define LOG2 8u /* of the entries in our command queue: one page */
#define MASK ((2u << LOG2) - 1)
#define SID  0x100u
#define SID2 0x200u

#define STE_S1(cd)   (1ull | 5ull << 1 | (cd))
#define STE_BYPASS   (1ull | 4ull << 1)
#define FMT_2LEVEL   (1u << 16 | 8u << 6)
#define LEVEL2(page) ((page) | 7u) /* span 7: 64 entries, one page */

static volatile uint8_t *smmu, *ecam;
static uint64_t *cmdq, *eventq, *level1, *level2, *cds;
static uint64_t cmdq_at, eventq_at, level1_at, level2_at, cds_at;

/* What the guest's driver has programmed. */
static const struct {
	uint32_t at;
	bool wide;
} driver_regs[] = {
	{STRTAB_BASE, true}, {STRTAB_BASE_CFG, false}, {CMDQ_BASE, true},    {CMDQ_CONS, false}, {CMDQ_PROD, false},
	{EVENTQ_BASE, true}, {EVENTQ_PROD, false},     {EVENTQ_CONS, false}, {IRQ_CTRL, false},	 {CR0, false},
};
#define NR_DRIVER_REGS (sizeof(driver_regs) / sizeof(driver_regs[0]))
static uint64_t driver[NR_DRIVER_REGS];

static void save(void)
{
	for (unsigned i = 0; i < NR_DRIVER_REGS; i++)
		driver[i] = driver_regs[i].wide ? rd64(smmu + driver_regs[i].at) : rd32(smmu + driver_regs[i].at);
	wr32(smmu + IRQ_CTRL, 0);
}

static void acknowledge(void)
{
	wr32(smmu + GERRORN, rd32(smmu + GERROR));
}

static void restore(void)
{
	wr32(smmu + CR0, 0);
	acknowledge();
	for (unsigned i = 0; i < NR_DRIVER_REGS; i++) {
		if (driver_regs[i].wide)
			wr64(smmu + driver_regs[i].at, driver[i]);
		else
			wr32(smmu + driver_regs[i].at, (uint32_t)driver[i]);
	}
}

/* Our queues and the stream table given; with the SMMU enabled. */
static void start(uint64_t strtab, uint32_t cfg)
{
	wr32(smmu + CR0, 0);
	acknowledge();
	wr64(smmu + STRTAB_BASE, strtab);
	wr32(smmu + STRTAB_BASE_CFG, cfg);
	wr64(smmu + CMDQ_BASE, cmdq_at | LOG2);
	wr32(smmu + CMDQ_PROD, 0);
	wr32(smmu + CMDQ_CONS, 0);
	wr64(smmu + EVENTQ_BASE, eventq_at | 7);
	wr32(smmu + EVENTQ_PROD, 0);
	wr32(smmu + EVENTQ_CONS, 0);
	memset(eventq, 0, PAGE);
	wr32(smmu + CR0, CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN);
}

static uint32_t error(void)
{
	return (rd32(smmu + GERROR) ^ rd32(smmu + GERRORN)) & GERROR_CMDQ ? rd32(smmu + CMDQ_CONS) >> 24 & 0x7f : 0;
}

static void put(uint32_t index, uint64_t dw0, uint64_t dw1)
{
	cmdq[(index & (MASK >> 1)) * 2] = dw0;
	cmdq[(index & (MASK >> 1)) * 2 + 1] = dw1;
}

/* @n commands of @dw0, then a CMD_SYNC. True when all were consumed without an error. */
static bool issue(uint64_t dw0, uint64_t dw1, unsigned n)
{
	uint32_t prod = rd32(smmu + CMDQ_PROD) & MASK;

	for (unsigned i = 0; i < n; i++)
		put(prod++, dw0, dw1);
	put(prod++, OP_SYNC, 0);
	wr32(smmu + CMDQ_PROD, prod & MASK);
	return !error() && (rd32(smmu + CMDQ_CONS) & MASK) == (prod & MASK);
}

static bool invalidate(uint32_t sid)
{
	return issue(OP_CFGI_STE | (uint64_t)sid << 32, 1, 1);
}

/* True when the queue holds an event @id of @sid about address @fetch. */
static bool event(uint32_t id, uint32_t sid, uint64_t fetch)
{
	uint32_t prod = rd32(smmu + EVENTQ_PROD) & 0xff;

	for (uint32_t i = 0; i < prod; i++)
		if ((eventq[i * 4] & 0xff) == id && eventq[i * 4] >> 32 == sid && eventq[i * 4 + 3] == fetch)
			return true;
	return false;
}

static void stage_stream_tables(void)
{
	static const struct {
		const char *what;
		uint64_t base;
		uint32_t cfg;
		uint64_t fetch;
	} tables[] = {
		{"linear, beyond all RAM", 0xfffffffc00000ull, 16, 0xfffffffc00000ull + SID * 64},
		{"linear, on the GIC", 0x08000000, 16, 0x08000000 + SID * 64},
		{"linear, on the SMMU itself", 0x09000000, 12, 0x09000000 + SID * 64},
		{"linear, log2size 63", RAM_BASE, 63, SID * 64},
		{"two levels, beyond all RAM", 0xfffffffc00000ull, FMT_2LEVEL | 16,
		 0xfffffffc00000ull + (SID >> 8) * 8},
		{"two levels, on the ECAM", ECAM_BASE, FMT_2LEVEL | 16, ECAM_BASE + (SID >> 8) * 8},
		{"two levels, log2size 63", RAM_BASE, FMT_2LEVEL | 63, (SID >> 8) * 8},
	};

	for (unsigned i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		start(tables[i].base, tables[i].cfg);
		bool done = invalidate(SID);

		verdict(done && event(EVT_F_STE_FETCH, SID, tables[i].fetch), "stream table %s", tables[i].what);
	}
}

static void stage_descriptors(void)
{
	static const uint64_t bad[] = {0x09050000, 0x110000000, 0x08000000, 0x3ffffff000};

	start(level1_at, FMT_2LEVEL | 16);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		level1[SID >> 8] = LEVEL2(bad[i]);
		bool done = invalidate(SID);

		verdict(done && event(EVT_F_STE_FETCH, SID, bad[i]), "level 1 descriptor that points to %#lx", bad[i]);
	}
	level1[SID >> 8] = LEVEL2(level2_at);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		level2[0] = STE_S1(bad[i]);
		level2[1] = 0;
		bool done = invalidate(SID);

		verdict(done && event(EVT_F_CD_FETCH, SID, bad[i]), "context descriptors at %#lx", bad[i]);
	}
	for (unsigned n = 0; n < 512; n++) {
		level2[0] = (n & 1) | (uint64_t)(n * 0x9e3779b97f4a7c15ull) << 1;
		level2[1] = n * 0xc2b2ae3d27d4eb4full;
		invalidate(SID);
		acknowledge();
	}
	level2[0] = STE_S1(cds_at);
	level2[1] = 0;
	verdict(invalidate(SID), "512 random stream table entries, then a good one");
}

/* Every opcode that does not exist or may not be used stops the queue, and the next one is reached all the same. */
static void stage_opcodes(void)
{
	unsigned illegal = 0, wrong = 0;

	start(level1_at, FMT_2LEVEL | 16);
	for (uint32_t i = 0; i < 256; i++)
		put(i, i | 0xa5a5a5a500000000ull, 0x5a5a5a5a5a5a5a5aull);
	wr32(smmu + CMDQ_PROD, 255);
	for (unsigned tries = 0; tries < 256 && error(); tries++) {
		uint32_t cons = rd32(smmu + CMDQ_CONS) & MASK;

		illegal++;
		wrong += error() != CERROR_ILL;
		put(cons, OP_SYNC, 0);
		acknowledge();
	}
	acknowledge();
	verdict(illegal > 200 && !wrong && (rd32(smmu + CMDQ_CONS) & MASK) == 255,
		"%u illegal commands of 255, each CERROR_ILL (%u not)", illegal, wrong);
	for (uint32_t i = 0; i < 256; i++)
		put(i, 0xff, ~0ull);
	start(level1_at, FMT_2LEVEL | 16);
	wr32(smmu + CMDQ_PROD, 255);
	for (unsigned tries = 0; tries < 300; tries++)
		acknowledge();
	verdict(error() == CERROR_ILL && (rd32(smmu + CMDQ_CONS) & MASK) == 0, "a queue of illegal commands stays put");
}

static void stage_prod(void)
{
	static const uint32_t far[] = {0xfffff, 0x7ffff, (1u << LOG2) + 7, 0xdeadbeef};
	double began = now();

	for (unsigned i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		start(level1_at, FMT_2LEVEL | 16);
		for (uint32_t n = 0; n < 256; n++)
			put(n, n & 1 ? OP_SYNC : OP_CFGI_ALL, n & 1 ? 0 : 31);
		wr32(smmu + CMDQ_PROD, far[i]);
		uint32_t cons = rd32(smmu + CMDQ_CONS) & MASK;

		verdict(!error() && cons == (far[i] & MASK), "PROD %#x ahead of CONS 0", far[i]);
	}
	wr32(smmu + CR0, 0);
	wr64(smmu + CMDQ_BASE, 0x09000000 | 0x1f);
	wr32(smmu + CMDQ_CONS, 0);
	wr32(smmu + CMDQ_PROD, 0xfffff);
	wr32(smmu + CR0, CR0_SMMUEN | CR0_CMDQEN);
	verdict(error() == 2, "a command queue of log2size 31 on MMIO: CERROR_ABT");
	verdict(now() - began < 5, "far PRODs took %.1f s", now() - began);
}

/* One vCPU rewrites a stream table entry while another has it installed. */
static volatile bool flipping;

static void *flip(void *opaque)
{
	pin(1);
	for (uint64_t n = 0; flipping; n++) {
		static const uint64_t bad[] = {0, 0x09050000, 1ull << 60};

		level2[0] = n & 3 ? STE_S1(cds_at + (n & 7) * 64) : STE_BYPASS;
		level2[1] = n * 0xc2b2ae3d27d4eb4full & 0xff;
		if (n % 5 == 0)
			level1[SID >> 8] = LEVEL2(bad[n % 3]);
		level1[SID >> 8] = LEVEL2(level2_at);
	}
	return opaque;
}

static void stage_flip(void)
{
	pthread_t thread;
	bool good = true;

	start(level1_at, FMT_2LEVEL | 16);
	flipping = true;
	pthread_create(&thread, NULL, flip, NULL);
	for (unsigned i = 0; i < 150; i++)
		good &= issue(OP_CFGI_STE | (uint64_t)SID << 32, 1, 3);
	flipping = false;
	pthread_join(thread, NULL);
	level2[0] = STE_S1(cds_at);
	level2[1] = 0;
	verdict(good && invalidate(SID), "an entry that changes while it is read");
}

/* Two ports with the same bus number give two devices the same StreamID: one of them at most can have it. */
static void stage_same_stream(void)
{
	volatile uint8_t *ports[] = {ecam + (1u << 15), ecam + (2u << 15)};
	uint32_t buses[] = {rd32(ports[0] + 0x18), rd32(ports[1] + 0x18)};
	bool good = true;

	for (unsigned bus = 0; bus < 256; bus++)
		level1[bus] = LEVEL2(level2_at);
	start(level1_at, FMT_2LEVEL | 16);
	for (unsigned i = 0; i < 450; i++) {
		uint32_t bus = 7 + i % 3 * 0x55;

		level2[0] = STE_S1(cds_at + i % 4 * 64);
		wr32(ports[0] + 0x18, bus << 16 | bus << 8);
		wr32(ports[1] + 0x18, bus << 16 | bus << 8);
		good &= issue(OP_CFGI_ALL, 31, 1);
		acknowledge();
	}
	wr32(ports[0] + 0x18, buses[0]);
	wr32(ports[1] + 0x18, buses[1]);
	level2[0] = STE_S1(cds_at);
	verdict(issue(OP_CFGI_ALL, 31, 1), "two devices with one StreamID, then again two (%s errors on the way)",
		good ? "no" : "some");
}

static void stage_forwarded(void)
{
	double began = now();
	bool good = true;

	start(level1_at, FMT_2LEVEL | 16);
	for (unsigned i = 0; i < 8; i++)
		good &= issue(OP_TLBI_NSNH_ALL, 0, 250);
	for (unsigned i = 0; i < 8; i++)
		good &= issue(0x12 | 0xffffull << 48, ~0x3full, 1) || error() == CERROR_ILL;
	acknowledge();
	verdict(good && now() - began < 5, "2000 invalidations in %.1f s", now() - began);
}

int main(void)
{

	smmu = map_physical(SMMU_BASE, SMMU_SIZE);
	ecam = map_physical(ECAM_BASE, 1 << 20);
	cmdq = physical_page(&cmdq_at);
	eventq = physical_page(&eventq_at);
	level1 = physical_page(&level1_at);
	level2 = physical_page(&level2_at);
	cds = physical_page(&cds_at);
	level1[SID2 >> 8] = LEVEL2(level2_at);
	save();
	stage_stream_tables();
	stage_descriptors();
	stage_opcodes();
	stage_prod();
	stage_flip();
	stage_same_stream();
	stage_forwarded();
	restore();
	return failures != 0;
}
