/* SPDX-License-Identifier: Apache-2.0 */
/* ATS at emulated endpoints (3.9.1, 4.5.1, 13.6, 13.7), clause by clause. */
#include <check.h>

#include "smmu_soft_fixture.h"
#include "run_suite.h"

#define VA  0x123000u
#define SID (UINT64_C(0x10) << 32)

static struct tables t;
static struct dma_target got;

/* The ATC's side. */
static struct {
	struct dma_ats_invalidation last;
	unsigned n;
	int answer;
} atc;

static int invalidate(void *opaque, const struct dma_ats_invalidation *inv)
{
	atc.last = *inv;
	atc.n++;
	return atc.answer;
}

static void page_response(void *opaque, const struct dma_page_response *response)
{
}

static const struct dma_ats_ops ops = {.invalidate = invalidate, .page_response = page_response};

static void ste(uint64_t cfg, uint64_t dw1)
{
	put_ste_words(0x10, cfg, dw1, field_prep(STE2_S2VMID, 1), 0);
}

static uint64_t eats(unsigned value)
{
	return field_prep(STE1_EATS, value);
}

/* Stream 0x10 at stage 1 with EATS = 0b01: VA goes to DATA. */
static void setup_ats(void)
{
	setup_soft();
	memset(&atc, 0, sizeof(atc));
	soft[0].space.ats = &ops;
	t = new_tables(12, 39);
	map_page(&t, VA, DATA, LEAF_S1);
	put_cd(CDTAB, 5, &t, 0);
	ste(ste_s1(CDTAB), eats(STE_EATS_FULL));
	start();
}

static int ask(uint32_t pasid, uint64_t iova, unsigned access)
{
	return dma_ats_translate(&soft[0].space, pasid, iova, access, &got);
}

static int translated(uint64_t addr, unsigned access)
{
	return dma_ats_access(&soft[0].space, addr, access, &got);
}

START_TEST(test_id)
{
	ck_assert(rd32(SMMU_IDR0) & IDR0_ATS);
	wr32(SMMU_CR0, rd32(SMMU_CR0) | CR0_ATSCHK);
	ck_assert(rd32(SMMU_CR0ACK) & CR0_ATSCHK);
	/* with devices of the host neither is there */
	teardown();
	setup();
	ck_assert_uint_eq(rd32(SMMU_IDR0) & (IDR0_ATS | IDR0_PRI), 0);
	wr32(SMMU_CR0, UINT32_MAX);
	ck_assert_uint_eq(rd32(SMMU_CR0ACK) & (CR0_ATSCHK | CR0_PRIQEN), 0);
}
END_TEST

START_TEST(test_success)
{
	ck_assert_int_eq(ask(DMA_NO_PASID, VA + 8, DMA_READ | DMA_WRITE), 0);
	ck_assert_uint_eq(got.iovas.first, VA);
	ck_assert_uint_eq(got.iovas.last, VA + 0xfff);
	ck_assert_uint_eq(got.pa.v, DATA);
	ck_assert_uint_eq(got.perms, DMA_READ | DMA_WRITE);
	ck_assert_uint_eq(nr_events(), 0);
}
END_TEST

/* 3.9.1.2, first table; SMMUEN and EATS. */
static const struct treq_case {
	bool off, atschk;
	uint64_t cfg, dw1;
	int err;
	enum smmu_event_id event;
} treqs[] = {
	{.off = true, .cfg = STE_CFG_S1, .err = -EOPNOTSUPP, .event = EVT_F_BAD_ATS_TREQ},
	{.cfg = STE_CFG_ABORT, .err = -EOPNOTSUPP},
	{.cfg = STE_CFG_BYPASS, .dw1 = 1, .err = -EOPNOTSUPP, .event = EVT_F_BAD_ATS_TREQ},
	{.cfg = STE_CFG_S1, .dw1 = 0, .err = -EOPNOTSUPP, .event = EVT_F_BAD_ATS_TREQ},
	{.cfg = STE_CFG_S1, .dw1 = 3, .err = -EOPNOTSUPP, .event = EVT_F_BAD_ATS_TREQ},
	{.cfg = STE_CFG_S1, .dw1 = 2, .err = -EIO}, /* ILLEGAL: split needs two stages */
	{.cfg = STE_CFG_S1, .dw1 = 1, .err = 0},
	{.cfg = STE_CFG_S1, .dw1 = 1, .atschk = true, .err = 0},
};

START_TEST(test_treq_config)
{
	const struct treq_case *c = &treqs[_i];

	if (c->off)
		wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
	else if (c->atschk)
		wr32(SMMU_CR0, rd32(SMMU_CR0) | CR0_ATSCHK);
	ste(c->cfg == STE_CFG_S1 ? ste_s1(CDTAB) : ste_cfg(c->cfg), eats((unsigned)c->dw1));
	issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	ck_assert_int_eq(ask(7, VA + 0x8, DMA_READ), c->err == 0 ? -EIO : c->err); /* no substreams: CA */
	ck_assert_int_eq(ask(DMA_NO_PASID, VA + 0x8, DMA_READ), c->err);
	ck_assert_uint_eq(nr_events(), c->event ? 2 : 0);
	if (!c->event)
		return;
	ck_assert_uint_eq(event_at(0).dw[0], c->event | SID | EVT0_SSV | 7u << 12);
	ck_assert_uint_eq(event_at(1).dw[0], c->event | SID);
	ck_assert_uint_eq(event_at(1).dw[2], VA);
}
END_TEST

/* 3.9.1.2, second table: what an ordinary transaction would have been told. No event in any case. */
START_TEST(test_treq_faults)
{
	static const int errs[] = {-EIO, -EIO, -EIO, -EIO, -EIO, 0, 0, 0, 0};

	switch (_i) {
	case 0: /* C_BAD_STREAMID */
		soft[0].rid = 0xffff;
		break;
	case 1: /* C_BAD_STE */
		ste(0, eats(1));
		break;
	case 2: /* C_BAD_CD */
		put64(CDTAB, 0);
		break;
	case 3: /* F_CD_FETCH */
		ste(ste_s1(OUTSIDE), eats(1));
		break;
	case 4: /* F_WALK_EABT */
		put64(t.root, OUTSIDE | 3);
		break;
	case 5: /* F_TRANSLATION */
		put64(desc_at(&t, VA, 3), 0);
		break;
	case 6: /* F_ACCESS */
		map_page(&t, VA, DATA, LEAF_S1 & ~PT_AF);
		break;
	case 7: /* F_ADDR_SIZE */
		map_page(&t, VA, UINT64_C(1) << 45, LEAF_S1);
		put64(CDTAB, (get64(CDTAB) & ~CD0_IPS) | field_prep(CD0_IPS, 4));
		break;
	default: /* F_PERMISSION: nothing for the unprivileged */
		map_page(&t, VA, DATA, LEAF_S1 & ~PT_S1_USER);
	}
	issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	ck_assert_int_eq(ask(DMA_NO_PASID, VA, DMA_READ | DMA_WRITE), errs[_i]);
	if (errs[_i] == 0) {
		ck_assert_uint_eq(got.perms, 0);
		ck_assert_uint_eq(got.iovas.first, VA);
		ck_assert_uint_eq(got.iovas.last, VA + 0xfff);
	}
	ck_assert_uint_eq(nr_events(), 0);
}
END_TEST

#define RW_ALL	  LEAF_S1
#define USER_RO	  (LEAF_S1 | PT_S1_RO)
#define NO_EXEC	  (LEAF_S1 | PT_S1_UXN | PT_S1_PXN)
#define PRIV_ONLY (LEAF_S1 & ~PT_S1_USER)

/* 13.7: permissions granted; with PASID 1, for exec and priv. */
static const struct perm_case {
	uint64_t leaf, inst, priv;
	unsigned access, perms;
} perms[] = {
	{RW_ALL, 0, 0, DMA_READ, DMA_READ | DMA_WRITE}, /* permitted though not asked for */
	{RW_ALL, 0, 0, DMA_READ | DMA_WRITE, DMA_READ | DMA_WRITE},
	{USER_RO, 0, 0, DMA_READ | DMA_WRITE, DMA_READ},
	{RW_ALL, 0, 0, DMA_READ | DMA_EXEC, DMA_READ | DMA_WRITE | DMA_EXEC},
	{NO_EXEC, 0, 0, DMA_READ | DMA_EXEC, DMA_READ | DMA_WRITE},
	{PRIV_ONLY, 0, 0, DMA_READ | DMA_WRITE, 0},
	{PRIV_ONLY, 0, 0, DMA_READ | DMA_WRITE | DMA_PRIV, DMA_READ | DMA_WRITE},
	{PRIV_ONLY, 0, STE_CFG_ON, DMA_READ, DMA_READ | DMA_WRITE},
	{PRIV_ONLY, 0, STE_CFG_OFF, DMA_READ | DMA_PRIV, 0},
	{NO_EXEC, STE_CFG_OFF, 0, DMA_READ | DMA_EXEC, DMA_READ | DMA_WRITE | DMA_EXEC},
	{NO_EXEC, STE_CFG_ON, 0, DMA_READ | DMA_EXEC, 0},
	{RW_ALL, STE_CFG_ON, 0, DMA_READ | DMA_EXEC, DMA_READ | DMA_WRITE | DMA_EXEC},
	{RW_ALL, STE_CFG_ON, 0, DMA_READ, DMA_READ | DMA_WRITE},
};

START_TEST(test_permissions)
{
	const struct perm_case *c = &perms[_i];

	put_cd(CDTAB + CD_SIZE, 5, &t, 0);
	ste(ste_s1(CDTAB) | field_prep(STE0_S1CDMAX, 1), eats(1) | field_prep(STE1_S1DSS, STE_S1DSS_SSID0) |
								 field_prep(STE1_INSTCFG, c->inst) |
								 field_prep(STE1_PRIVCFG, c->priv));
	map_page(&t, VA, DATA, c->leaf);
	issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	ck_assert_int_eq(ask(1, VA, c->access), 0);
	/* INST: a write cannot be an instruction, and W is W */
	if (c->inst == STE_CFG_ON && c->perms == 0)
		ck_assert_uint_eq(got.perms & ~DMA_WRITE, 0);
	else
		ck_assert_uint_eq(got.perms, c->perms);
}
END_TEST

/* 13.7: No Write must not make a page dirty; a write request must. */
START_TEST(test_dirty)
{
	uint64_t leaf = (LEAF_S1 & ~PT_AF) | PT_S1_RO | PT_DBM, at = desc_at(&t, VA, 3);

	put_cd(CDTAB, 5, &t, CD0_HA | CD0_HD);
	map_page(&t, VA, DATA, leaf);
	issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	ck_assert_int_eq(ask(DMA_NO_PASID, VA, DMA_READ), 0);
	ck_assert_uint_eq(got.perms, DMA_READ);
	ck_assert_uint_eq(get64(at) & (PT_AF | PT_S1_RO), PT_AF | PT_S1_RO);
	ck_assert_int_eq(ask(DMA_NO_PASID, VA, DMA_READ | DMA_WRITE), 0);
	ck_assert_uint_eq(got.perms, DMA_READ | DMA_WRITE);
	ck_assert_uint_eq(get64(at) & PT_S1_RO, 0);
}
END_TEST

/* CD.S and CD.A mean nothing to Translation Requests (5.5). */
START_TEST(test_stall_config)
{
	put_cd(CDTAB, 5, &t, CD0_S);
	issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	ck_assert_int_eq(ask(DMA_NO_PASID, VA + 0x1000, DMA_READ), 0);
	ck_assert_uint_eq(got.perms, 0);
	ck_assert_uint_eq(nr_events(), 0);
}
END_TEST

/* Substreams, and 13.6.4: without one, stage 1 is skipped. */
START_TEST(test_substreams)
{
	struct tables other = new_tables(12, 39);

	map_page(&other, VA, DATA2, LEAF_S1);
	put_cd(CDTAB + CD_SIZE, 6, &other, 0);
	ste(ste_s1(CDTAB) | field_prep(STE0_S1CDMAX, 1), eats(1) | field_prep(STE1_S1DSS, STE_S1DSS_BYPASS));
	issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	ck_assert_int_eq(ask(1, VA, DMA_READ), 0);
	ck_assert_uint_eq(got.pa.v, DATA2);
	ck_assert_int_eq(ask(2, VA, DMA_READ), -EIO);
	ck_assert_int_eq(ask(DMA_NO_PASID, VA, DMA_READ), 0);
	ck_assert_uint_eq(got.pa.v + (VA - got.iovas.first), VA);
	ck_assert_uint_eq(got.perms, DMA_READ | DMA_WRITE);
	ck_assert_uint_eq(got.iovas.last, BIT64(48) - 1);
	ck_assert_int_eq(ask(DMA_NO_PASID, BIT64(48), DMA_READ), 0);
	ck_assert_uint_eq(got.perms, 0);
}
END_TEST

/* 3.9.1.3: translated accesses. */
static const struct tt_case {
	bool off, atschk;
	uint64_t cfg;
	unsigned eats;
	uint64_t addr;
	int err;
	enum smmu_event_id event;
} tts[] = {
	{.off = true, .cfg = STE_CFG_S1, .eats = 1, .addr = DATA, .err = -EFAULT, .event = EVT_F_TRANSL_FORBIDDEN},
	{.cfg = STE_CFG_ABORT, .addr = DATA},
	{.cfg = STE_CFG_ABORT, .addr = DATA, .atschk = true, .err = -EFAULT},
	{.cfg = STE_CFG_BYPASS, .addr = DATA},
	{.cfg = STE_CFG_BYPASS, .addr = DATA, .atschk = true, .err = -EFAULT, .event = EVT_F_TRANSL_FORBIDDEN},
	{.cfg = STE_CFG_S1, .eats = 0, .addr = DATA},
	{.cfg = STE_CFG_S1, .eats = 0, .addr = DATA, .atschk = true, .err = -EFAULT, .event = EVT_F_TRANSL_FORBIDDEN},
	{.cfg = STE_CFG_S1, .eats = 1, .addr = DATA, .atschk = true},
	{.cfg = STE_CFG_S1, .eats = 1, .addr = UINT64_C(1) << 48, .err = -EFAULT},
	{.cfg = STE_CFG_S1, .eats = 1, .addr = UINT64_C(1) << 48, .atschk = true, .err = -EFAULT},
	{.cfg = STE_CFG_S1, .eats = 2, .addr = DATA, .atschk = true, .err = -EFAULT}, /* C_BAD_STE, not recorded */
};

START_TEST(test_translated)
{
	const struct tt_case *c = &tts[_i];

	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN | (c->off ? 0 : CR0_SMMUEN) | (c->atschk ? CR0_ATSCHK : 0));
	ste(c->cfg == STE_CFG_S1 ? ste_s1(CDTAB) : ste_cfg(c->cfg), eats(c->eats));
	issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	ck_assert_int_eq(translated(c->addr + 8, DMA_WRITE), c->err);
	if (c->err == 0)
		ck_assert_uint_eq(got.pa.v + (c->addr - got.iovas.first), c->addr);
	ck_assert_uint_eq(nr_events(), c->event != 0);
	if (c->event) {
		ck_assert_uint_eq(event_at(0).dw[0], c->event | SID);
		ck_assert_uint_eq(event_at(0).dw[1], 0);
		ck_assert_uint_eq(event_at(0).dw[2], c->addr + 8);
		translated(c->addr, DMA_READ);
		ck_assert_uint_eq(event_at(1).dw[1], EVT1_RNW);
	}
}
END_TEST

/* 13.6.3: split-stage; full ATS of two stages beside it. */
START_TEST(test_two_stages)
{
	bool split = _i;
	struct tables s2 = identity_s2(), s1 = new_tables(12, 39);

	map_page(&s2, 0x5000, DATA, LEAF_S2);
	map_page(&s1, VA, 0x5000, LEAF_S1);
	stream_nested(0x10, 1, 3, 5, &s1, &s2);
	put64(STRTAB + 0x10 * STE_SIZE + 8, eats(split ? STE_EATS_SPLIT : STE_EATS_FULL));
	if (split) {
		/* without ATSCHK it is 0b00 */
		issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
		ck_assert_int_eq(ask(DMA_NO_PASID, VA, DMA_READ), -EOPNOTSUPP);
		ck_assert_uint_eq(nr_events(), 1);
	}
	wr32(SMMU_CR0, rd32(SMMU_CR0) | CR0_ATSCHK);
	issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(ask(DMA_NO_PASID, VA, DMA_READ | DMA_WRITE), 0);
		ck_assert_uint_eq(got.pa.v, split ? 0x5000 : DATA);
		ck_assert_uint_eq(got.perms, DMA_READ | DMA_WRITE);
	}
	ck_assert_int_eq(translated(split ? 0x5008 : DATA + 8, DMA_WRITE), 0);
	ck_assert_uint_eq(got.pa.v + ((split ? 0x5008 : DATA + 8) - got.iovas.first), DATA + 8);
	if (!split)
		return;
	/* a fault at stage 2 is reported as of an ordinary transaction */
	ck_assert_int_eq(translated(0x9000, DMA_WRITE), -EFAULT);
	ck_assert_uint_eq(nr_events(), 2);
	ck_assert_uint_eq(event_at(1).dw[0], EVT_F_TRANSLATION | SID);
	ck_assert(event_at(1).dw[1] & EVT1_S2);
	ck_assert_uint_eq(event_at(1).dw[3], 0x9000);
}
END_TEST

/* 4.5.1 */
static const struct inv_case {
	uint64_t dw0, dw1;
	bool sent;
	struct dma_ats_invalidation inv;
} invs[] = {
	{SID, VA, true, {DMA_NO_PASID, {VA, VA + 0xfff}, false, 0}},
	{SID, VA | 1, true, {DMA_NO_PASID, {VA & ~0x1fffu, VA | 0x1fff}, false, 0}},
	{SID, VA | 20, true, {DMA_NO_PASID, {0, UINT32_MAX}, false, 0}},
	{SID, UINT64_MAX << 12 | 52, true, {DMA_NO_PASID, {0, UINT64_MAX}, false, 0}},
	{SID | CMD0_SSV | 9u << 12, VA, true, {9, {VA, VA + 0xfff}, false, 0}},
	{SID | CMD0_SSV | CMD0_ATC_GLOBAL | 9u << 12, VA, true, {9, {VA, VA + 0xfff}, true, 0}},
	{SID | CMD0_ATC_GLOBAL | 9u << 12, VA, true, {DMA_NO_PASID, {VA, VA + 0xfff}, false, 0}},
	{UINT64_C(0x11) << 32, VA, false, {0}}, /* no ATC */
	{UINT64_C(0x99) << 32, VA, false, {0}}, /* nobody */
};

START_TEST(test_invalidate)
{
	const struct inv_case *c = &invs[_i];

	issue_sync(CMD_ATC_INV | c->dw0, c->dw1);
	ck_assert_uint_eq(cmdq_err(), 0);
	ck_assert_uint_eq(atc.n, c->sent);
	ck_assert_uint_eq(atc.last.pasid, c->inv.pasid);
	ck_assert_uint_eq(atc.last.iovas.first, c->inv.iovas.first);
	ck_assert_uint_eq(atc.last.iovas.last, c->inv.iovas.last);
	ck_assert_int_eq(atc.last.global, c->inv.global);
	/* IGNORED without SMMUEN */
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
	issue_sync(CMD_ATC_INV | c->dw0, c->dw1);
	ck_assert_uint_eq(cmdq_err(), 0);
	ck_assert_uint_eq(atc.n, c->sent);
}
END_TEST

START_TEST(test_invalidate_illegal)
{
	issue(CMD_ATC_INV | SID | (_i ? CMD0_SSEC : 0), _i ? 0 : 53);
	ck_assert_uint_eq(cmdq_err(), CERROR_ILL);
}
END_TEST

/* A CMD_SYNC waits for all Invalidate Completions; commands behind it wait too. */
START_TEST(test_completion)
{
	uint32_t prod = 0, tag;

	atc.answer = -EINPROGRESS;
	for (unsigned i = 0; i < 3; i++)
		prod = queue_cmd(prod, CMD_ATC_INV | SID, VA);
	prod = queue_cmd(prod, CMD_SYNC | 1u << 12, 0);
	prod = queue_cmd(prod, CMD_TLBI_NSNH_ALL, 0);
	wr32(SMMU_CMDQ_PROD, prod);
	ck_assert_uint_eq(atc.n, 3);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 3);
	ck_assert_uint_eq(fx.timer, SMMU_ATC_TIMEOUT_MS);
	tag = atc.last.tag;
	dma_ats_invalidated(&soft[0].space, tag);
	dma_ats_invalidated(&soft[0].space, tag + 1);
	dma_ats_invalidated(&soft[0].space, tag);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 3);
	/* more commands do not disturb */
	wr32(SMMU_CMDQ_PROD, prod);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 3);
	ck_assert_uint_eq(fx.pulses[2], 0);
	dma_ats_invalidated(&soft[0].space, tag);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), prod);
	ck_assert_uint_eq(fx.pulses[2], 1);
	ck_assert_uint_eq(fx.timer, 0);
	ck_assert(!gerror_has(GERROR_CMDQ));
	/* too many answers */
	dma_ats_invalidated(&soft[0].space, tag);
	smmu_timeout(fx.smmu);
	ck_assert(!gerror_has(GERROR_CMDQ));
}
END_TEST

/* 3.9.1.4, 7.1: the CMD_SYNC fails, stays where it is, and completes when it is repeated. */
START_TEST(test_timeout)
{
	uint32_t tag;

	atc.answer = -EINPROGRESS;
	issue_sync(CMD_ATC_INV | SID, VA);
	tag = atc.last.tag;
	ck_assert(!gerror_has(GERROR_CMDQ));
	smmu_timeout(fx.smmu);
	ck_assert(gerror_has(GERROR_CMDQ));
	ck_assert_uint_eq(cmdq_err(), CERROR_ATC_INV_SYNC);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS) & QUEUE_INDEX, 1);
	ck_assert_uint_eq(fx.pulses[1], 1);
	gerror_ack();
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS) & QUEUE_INDEX, 2);
	/* the late answer completes nobody else's */
	issue_sync(CMD_ATC_INV | SID, VA);
	dma_ats_invalidated(&soft[0].space, tag);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS) & QUEUE_INDEX, 3);
	dma_ats_invalidated(&soft[0].space, atc.last.tag);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS) & QUEUE_INDEX, 4);
}
END_TEST

/* The queue is stopped while a CMD_SYNC waits, and the answer comes then: the next CMD_SYNC has its own time. */
START_TEST(test_stopped_queue)
{
	uint32_t cr0 = rd32(SMMU_CR0);

	atc.answer = -EINPROGRESS;
	issue_sync(CMD_ATC_INV | SID, VA);
	wr32(SMMU_CR0, cr0 & ~CR0_CMDQEN);
	dma_ats_invalidated(&soft[0].space, atc.last.tag);
	ck_assert_uint_eq(fx.timer, 0);
	wr32(SMMU_CR0, cr0);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 2);
	issue_sync(CMD_ATC_INV | SID, VA);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 3);
	ck_assert_uint_eq(fx.timer, SMMU_ATC_TIMEOUT_MS);
	smmu_timeout(fx.smmu);
	ck_assert_uint_eq(cmdq_err(), CERROR_ATC_INV_SYNC);
	/* the same with another command in the place of the CMD_SYNC */
	gerror_ack();
	issue_sync(CMD_ATC_INV | SID, VA);
	wr32(SMMU_CR0, cr0 & ~CR0_CMDQEN);
	dma_ats_invalidated(&soft[0].space, atc.last.tag);
	wr32(SMMU_CMDQ_PROD, rd32(SMMU_CMDQ_CONS));
	wr32(SMMU_CR0, cr0);
	issue_sync(CMD_ATC_INV | SID, VA);
	ck_assert_uint_eq(fx.timer, SMMU_ATC_TIMEOUT_MS);
}
END_TEST

START_TEST(test_reset)
{
	atc.answer = -EINPROGRESS;
	issue_sync(CMD_ATC_INV | SID, VA);
	smmu_device(fx.smmu)->class->reset(smmu_device(fx.smmu));
	ck_assert_uint_eq(fx.timer, 0);
	start();
	issue_sync(CMD_TLBI_NSNH_ALL, 0);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 2);
	smmu_timeout(fx.smmu);
	ck_assert(!gerror_has(GERROR_CMDQ));
}
END_TEST

/* The function has no bus mastering, or nothing above it. */
START_TEST(test_no_way)
{
	dma_space_enable(&soft[0].space, false);
	ck_assert_int_eq(ask(DMA_NO_PASID, VA, DMA_READ), -EPERM);
	ck_assert_int_eq(translated(VA, DMA_READ), -EPERM);
	dma_space_enable(&soft[0].space, true);
	dma_space_set_translator(&soft[0].space, NULL, NULL);
	ck_assert_int_eq(ask(DMA_NO_PASID, VA, DMA_READ), -EOPNOTSUPP);
	ck_assert_int_eq(translated(VA, DMA_READ), -EFAULT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-ats");
	TCase *tc = tcase_create("ats");

	tcase_add_checked_fixture(tc, setup_ats, teardown);
	tcase_add_test(tc, test_id);
	tcase_add_test(tc, test_success);
	tcase_add_loop_test(tc, test_treq_config, 0, ARRAY_LEN(treqs));
	tcase_add_loop_test(tc, test_treq_faults, 0, 9);
	tcase_add_loop_test(tc, test_permissions, 0, ARRAY_LEN(perms));
	tcase_add_test(tc, test_dirty);
	tcase_add_test(tc, test_stall_config);
	tcase_add_test(tc, test_substreams);
	tcase_add_loop_test(tc, test_translated, 0, ARRAY_LEN(tts));
	tcase_add_loop_test(tc, test_two_stages, 0, 2);
	tcase_add_loop_test(tc, test_invalidate, 0, ARRAY_LEN(invs));
	tcase_add_loop_test(tc, test_invalidate_illegal, 0, 2);
	tcase_add_test(tc, test_completion);
	tcase_add_test(tc, test_timeout);
	tcase_add_test(tc, test_stopped_queue);
	tcase_add_test(tc, test_reset);
	tcase_add_test(tc, test_no_way);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
