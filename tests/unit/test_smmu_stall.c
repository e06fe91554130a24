/* SPDX-License-Identifier: Apache-2.0 */
/* The stall model (3.12.2, 4.7, 5.5, 7.2.1), clause by clause, at emulated endpoints. */
#include <check.h>
#include <pthread.h>

#include "smmu_soft_fixture.h"
#include "run_suite.h"

#define VA   0x123000u
#define SID  (UINT64_C(0x10) << 32)
#define NREQ (SMMU_STALL_MAX + 64)

/* A transaction that can wait. */
struct req {
	struct dma_stall stall;
	unsigned retried, terminated;
};

static struct req reqs[NREQ];
static struct tables t;

static void ended(struct dma_stall *stall, enum dma_outcome outcome)
{
	struct req *r = container_of(stall, struct req, stall);

	if (outcome == DMA_RETRY)
		r->retried++;
	else
		r->terminated++;
}

static unsigned ends(unsigned i)
{
	return reqs[i].retried + reqs[i].terminated;
}

/* Stream 0x10 at stage 1 with CD.S; nothing is mapped. */
static void setup_stall(void)
{
	setup_soft();
	memset(reqs, 0, sizeof(reqs));
	for (unsigned i = 0; i < NREQ; i++)
		reqs[i].stall.ended = ended;
	t = new_tables(12, 39);
	stream_s1(0x10, 0, 1, 5, &t);
	put_cd(CDTAB, 5, &t, CD0_S);
	stream_s1(0x11, 1, 1, 6, &t);
	put_cd(CDTAB + 0x1000, 6, &t, CD0_S);
	start();
}

static int go(unsigned i, unsigned ep, uint64_t iova, unsigned access)
{
	struct dma_target out;

	return dma_translate_or_stall(&soft[ep].space, DMA_NO_PASID, iova, access, &out, &reqs[i].stall);
}

static uint32_t stag(unsigned event)
{
	ck_assert(event_at(event).dw[1] & EVT1_STALL);
	return (uint32_t)field_get(EVT1_STAG, event_at(event).dw[1]);
}

static void resume(uint32_t sid, uint32_t tag, bool retry)
{
	issue(sid_cmd(CMD_RESUME, sid) | (retry ? CMD0_RESUME_AC : 0), tag);
	ck_assert_uint_eq(cmdq_err(), 0);
}

/* Software reads all events. */
static void consume(void)
{
	wr32(SMMU_EVENTQ_CONS, rd32(SMMU_EVENTQ_PROD));
}

START_TEST(test_id)
{
	ck_assert_uint_eq(field_get32(IDR0_STALL_MODEL, rd32(SMMU_IDR0)), IDR0_STALL_BOTH);
	ck_assert_uint_eq(field_get32(IDR5_STALL_MAX, rd32(SMMU_IDR5)), SMMU_STALL_MAX);
}
END_TEST

/* 7.3: the record; 3.12.2: no response to the client before the answer, then it goes on with what is there now. */
START_TEST(test_retry)
{
	ck_assert_int_eq(go(0, 0, VA + 8, DMA_WRITE), -EINPROGRESS);
	ck_assert_uint_eq(nr_events(), 1);
	ck_assert_uint_eq(event_at(0).dw[0], EVT_F_TRANSLATION | SID);
	ck_assert_uint_eq(event_at(0).dw[1] & ~EVT1_STAG, EVT1_STALL | field_prep(EVT1_CLASS, SMMU_CLASS_IN));
	ck_assert_uint_eq(event_at(0).dw[2], VA + 8);
	ck_assert_uint_eq(event_at(0).dw[3], 0);
	map_page(&t, VA, DATA, LEAF_S1);
	issue_sync(CMD_TLBI_NSNH_ALL, 0);
	issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	ck_assert_uint_eq(ends(0), 0);
	ck_assert(reqs[0].stall.pending);
	resume(0x10, stag(0), true);
	ck_assert_uint_eq(reqs[0].retried, 1);
	ck_assert(!reqs[0].stall.pending);
	ck_assert_int_eq(go(0, 0, VA + 8, DMA_WRITE), 0);
	ck_assert_uint_eq(nr_events(), 1);
}
END_TEST

/* A retry that fails again stalls anew, with a record of its own. */
START_TEST(test_retry_again)
{
	for (unsigned i = 0; i < 8; i++) {
		ck_assert_int_eq(go(0, 0, VA, DMA_READ), -EINPROGRESS);
		ck_assert_uint_eq(nr_events(), i + 1);
		resume(0x10, stag(i), true);
		ck_assert_uint_eq(reqs[0].retried, i + 1);
	}
}
END_TEST

/* 4.7.1: Ab is IGNORED with TERM_MODEL = 1. */
START_TEST(test_terminate)
{
	for (unsigned ab = 0; ab < 2; ab++) {
		ck_assert_int_eq(go(0, 0, VA, DMA_READ), -EINPROGRESS);
		issue(sid_cmd(CMD_RESUME, 0x10) | (ab ? CMD0_RESUME_AB : 0), stag(ab));
		ck_assert_uint_eq(reqs[0].terminated, ab + 1);
	}
	ck_assert_uint_eq(cmdq_err(), 0);
	ck_assert_uint_eq(nr_events(), 2);
}
END_TEST

/* 4.7.1: only the transaction that both name; twice is once. */
START_TEST(test_unmatched)
{
	uint64_t misses = counter(&stats.smmu_resumes_unmatched);

	resume(0x10, 0, true);
	ck_assert_int_eq(go(0, 0, VA, DMA_READ), -EINPROGRESS);
	resume(0x11, stag(0), true);
	resume(0x10, stag(0) ^ 1, true);
	resume(0x10, stag(0) ^ 0x100, true);
	resume(0xffff, 0xffff, false);
	ck_assert_uint_eq(ends(0), 0);
	resume(0x10, stag(0), true);
	ck_assert_uint_eq(ends(0), 1);
	resume(0x10, stag(0), true);
	ck_assert_uint_eq(ends(0), 1);
	ck_assert_uint_eq(counter(&stats.smmu_resumes_unmatched) - misses, 6);
}
END_TEST

/* 4.1.6: no Secure streams here; 4.7: ILLEGAL without the stall model. */
START_TEST(test_illegal)
{
	uint64_t op = _i & 1 ? CMD_RESUME : CMD_STALL_TERM;

	if (_i & 2) {
		teardown();
		setup();
		start();
		issue(op, 0);
	} else {
		issue(op | CMD0_SSEC, 0);
	}
	ck_assert_uint_eq(cmdq_err(), CERROR_ILL);
}
END_TEST

/* 5.5: what S, A, R and S1STALLD make of a fault. */
static const struct ars {
	uint64_t cd, ste1;
	bool waits; /* the requester can */
	enum smmu_event_id event;
	bool stall;
} ars[] = {
	{CD0_A, 0, true, EVT_NONE, false},
	{CD0_A | CD0_R, 0, true, EVT_F_TRANSLATION, false},
	{CD0_A | CD0_S, 0, true, EVT_F_TRANSLATION, true},
	{CD0_A | CD0_S | CD0_R, 0, true, EVT_F_TRANSLATION, true},
	{CD0_A | CD0_S, 0, false, EVT_F_TRANSLATION, false},
	{CD0_S, 0, true, EVT_C_BAD_CD, false},
	{0, 0, true, EVT_C_BAD_CD, false},
	{CD0_A | CD0_S, STE1_S1STALLD, true, EVT_C_BAD_CD, false},
	{CD0_A | CD0_R, STE1_S1STALLD, true, EVT_F_TRANSLATION, false},
};

START_TEST(test_ars)
{
	const struct ars *c = &ars[_i];
	struct dma_target out;
	int err;

	put64(CDTAB, (get64(CDTAB) & ~(CD0_A | CD0_R | CD0_S)) | c->cd);
	put_ste_words(0x10, ste_s1(CDTAB), c->ste1, field_prep(STE2_S2VMID, 1), 0);
	err = c->waits ? go(0, 0, VA, DMA_READ) : dma_translate(&soft[0].space, DMA_NO_PASID, VA, DMA_READ, &out);
	ck_assert_int_eq(err, c->stall ? -EINPROGRESS : -EFAULT);
	ck_assert_uint_eq(nr_events(), c->event != EVT_NONE);
	ck_assert_uint_eq(field_get(EVT0_ID, event_at(0).dw[0]), c->event);
	ck_assert_uint_eq(!!(event_at(0).dw[1] & EVT1_STALL), c->stall);
	/* a question is no transaction */
	if (c->waits)
		ck_assert_int_eq(go(1, 0, VA + 0x5000, DMA_READ | DMA_PROBE), -EFAULT);
	ck_assert_uint_eq(nr_events(), c->event != EVT_NONE);
}
END_TEST

/* 3.12: the four faults stall, at either stage by its own S; others terminate. */
static const struct kind {
	bool s2s;
	uint64_t s1, s2; /* leaves, 0: none */
	uint64_t oa;
	unsigned access;
	enum smmu_event_id event;
	bool stall, stage2;
} kinds[] = {
	{false, 0, 0, 0x5000, DMA_READ, EVT_F_TRANSLATION, true, false},
	{false, LEAF_S1 & ~PT_AF, 0, 0x5000, DMA_READ, EVT_F_ACCESS, true, false},
	{false, LEAF_S1_RO, 0, 0x5000, DMA_WRITE, EVT_F_PERMISSION, true, false},
	{false, LEAF_S1, 0, UINT64_C(1) << 45, DMA_READ, EVT_F_ADDR_SIZE, true, false},
	{false, LEAF_S1, 0, 0x5000, DMA_READ, EVT_F_TRANSLATION, false, true},
	{true, LEAF_S1, 0, 0x5000, DMA_READ, EVT_F_TRANSLATION, true, true},
	{true, LEAF_S1, LEAF_S2 & ~PT_AF, 0x5000, DMA_READ, EVT_F_ACCESS, true, true},
	{true, LEAF_S1, LEAF_S2 & ~PT_S2_WRITE, 0x5000, DMA_WRITE, EVT_F_PERMISSION, true, true},
	{true, 0, 0, 0x5000, DMA_READ, EVT_F_TRANSLATION, true, false},
};

START_TEST(test_kinds)
{
	const struct kind *k = &kinds[_i];
	struct tables s2 = identity_s2(), s1 = new_tables(12, 39);
	uint64_t stall = k->stage2 ? 0 : CD0_S;

	if (k->s1)
		map_page(&s1, VA, k->oa, k->s1);
	else
		desc_at(&s1, VA, 3);
	if (k->s2)
		map_page(&s2, k->oa, DATA, k->s2);
	stream_nested(0x10, 2, 3, 5, &s1, &s2);
	/* IPS of 44 bits, so that an address of 46 bits is too large */
	put_cd(CDTAB + 0x2000, 5, &s1, stall);
	put64(CDTAB + 0x2000, (get64(CDTAB + 0x2000) & ~CD0_IPS) | field_prep(CD0_IPS, 4));
	if (k->s2s)
		put64(STRTAB + 0x10 * STE_SIZE + 16, get64(STRTAB + 0x10 * STE_SIZE + 16) | STE2_S2S);
	issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	ck_assert_int_eq(go(0, 0, VA, k->access), k->stall ? -EINPROGRESS : -EFAULT);
	ck_assert_uint_eq(nr_events(), 1);
	ck_assert_uint_eq(field_get(EVT0_ID, event_at(0).dw[0]), k->event);
	ck_assert_uint_eq(!!(event_at(0).dw[1] & EVT1_STALL), k->stall);
	ck_assert_uint_eq(!!(event_at(0).dw[1] & EVT1_S2), k->stage2);
	if (k->stage2)
		ck_assert_uint_eq(event_at(0).dw[3], k->oa);
	if (k->stall)
		resume(0x10, stag(0), false);
	ck_assert_uint_eq(reqs[0].terminated, k->stall);
}
END_TEST

/* 3.12.2.1: one record for transactions of the same page, privilege, kind and type; retried with its answer. */
START_TEST(test_duplicates)
{
	const struct {
		uint64_t iova;
		unsigned ep, access;
		bool same;
	} like[] = {
		{VA + 0x10, 0, DMA_READ, true},
		{VA + 0xfff, 0, DMA_READ, true},
		{VA + 0x1000, 0, DMA_READ, false},
		{VA, 0, DMA_WRITE, false},
		{VA, 0, DMA_READ | DMA_PRIV, false},
		{VA, 0, DMA_READ | DMA_EXEC, false},
		{VA, 1, DMA_READ, false},
	};
	unsigned n = 1;

	ck_assert_int_eq(go(0, 0, VA, DMA_READ), -EINPROGRESS);
	for (unsigned i = 0; i < ARRAY_LEN(like); i++) {
		ck_assert_int_eq(go(i + 1, like[i].ep, like[i].iova, like[i].access), -EINPROGRESS);
		n += !like[i].same;
		ck_assert_uint_eq(nr_events(), n);
	}
	/* Whatever the answer, the others are retried. */
	resume(0x10, stag(0), _i);
	ck_assert_uint_eq(reqs[0].retried, (unsigned)_i);
	for (unsigned i = 0; i < ARRAY_LEN(like); i++)
		ck_assert_uint_eq(reqs[i + 1].retried, like[i].same);
	/* And the first of them to fail again makes a record. */
	ck_assert_int_eq(go(1, 0, VA + 0x10, DMA_READ), -EINPROGRESS);
	ck_assert_uint_eq(nr_events(), n + 1);
}
END_TEST

/* 7.2.1, 7.4: a full queue loses no stall and does not overflow by one. */
START_TEST(test_queue_full)
{
	for (unsigned i = 0; i < 20; i++)
		ck_assert_int_eq(go(i, 0, VA + i * 0x1000, DMA_READ), -EINPROGRESS);
	ck_assert_uint_eq(nr_events(), 16);
	ck_assert_uint_eq(rd32(SMMU_EVENTQ_PROD) & QUEUE_OVERFLOW, 0);
	/* a termination does */
	put64(CDTAB + 0x1000, get64(CDTAB + 0x1000) & ~CD0_S);
	issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	ck_assert_int_eq(go(30, 1, VA, DMA_READ), -EFAULT);
	ck_assert_uint_ne(rd32(SMMU_EVENTQ_PROD) & QUEUE_OVERFLOW, 0);
	for (unsigned i = 0; i < 20; i++)
		ck_assert_uint_eq(ends(i), 0);
	/* room: those without a record are retried, and only those */
	wr32(SMMU_EVENTQ_CONS, 1 | QUEUE_OVERFLOW);
	for (unsigned i = 0; i < 20; i++)
		ck_assert_uint_eq(reqs[i].retried, i >= 16);
	ck_assert_int_eq(go(17, 0, VA + 17 * 0x1000, DMA_READ), -EINPROGRESS);
	ck_assert_int_eq(go(16, 0, VA + 16 * 0x1000, DMA_READ), -EINPROGRESS);
	ck_assert_uint_eq(nr_events(), 17);
	ck_assert_uint_eq(event_at(0).dw[2], VA + 17 * 0x1000);
	consume();
	ck_assert_uint_eq(reqs[16].retried, 2);
	ck_assert_uint_eq(reqs[17].retried, 1);
}
END_TEST

/* 7.2.1: the queue is disabled, or an abort is not acknowledged. */
START_TEST(test_queue_unwritable)
{
	if (_i == 0) {
		wr32(SMMU_CR0, CR0_SMMUEN | CR0_CMDQEN);
		ck_assert_int_eq(go(0, 0, VA, DMA_READ), -EINPROGRESS);
		ck_assert_uint_eq(nr_events(), 0);
		wr32(SMMU_CR0, CR0_SMMUEN | CR0_CMDQEN | CR0_EVENTQEN);
	} else {
		wr32(SMMU_CR0, CR0_SMMUEN | CR0_CMDQEN);
		wr64(SMMU_EVENTQ_BASE, OUTSIDE | 4);
		wr32(SMMU_CR0, CR0_SMMUEN | CR0_CMDQEN | CR0_EVENTQEN);
		ck_assert_int_eq(go(0, 0, VA, DMA_READ), -EINPROGRESS);
		ck_assert(gerror_has(GERROR_EVENTQ_ABT));
		ck_assert_uint_eq(fx.smmu->stalls.used, 0);
		wr32(SMMU_CR0, CR0_SMMUEN | CR0_CMDQEN);
		wr64(SMMU_EVENTQ_BASE, EVTQ | 4);
		wr32(SMMU_CR0, CR0_SMMUEN | CR0_CMDQEN | CR0_EVENTQEN);
		ck_assert_uint_eq(ends(0), 0);
		gerror_ack();
	}
	ck_assert_uint_eq(reqs[0].retried, 1);
	ck_assert_int_eq(go(0, 0, VA, DMA_READ), -EINPROGRESS);
	ck_assert_uint_eq(nr_events(), 1);
	resume(0x10, stag(0), false);
	ck_assert_uint_eq(reqs[0].terminated, 1);
}
END_TEST

/* IDR5.STALL_MAX: one more waits until a tag is free. Tags are distinct. */
START_TEST(test_stall_max)
{
	bool seen[SMMU_STALL_MAX] = {false};
	uint32_t first = 0;

	for (unsigned i = 0; i < SMMU_STALL_MAX; i++) {
		ck_assert_int_eq(go(i, 0, VA + i * 0x1000, DMA_READ), -EINPROGRESS);
		first = i == 0 ? stag(0) : first;
		ck_assert(!seen[stag(i % 16) & 0xff]);
		seen[stag(i % 16) & 0xff] = true;
		consume();
	}
	ck_assert_int_eq(go(SMMU_STALL_MAX, 0, VA + SMMU_STALL_MAX * 0x1000, DMA_READ), -EINPROGRESS);
	consume();
	ck_assert_uint_eq(ends(SMMU_STALL_MAX), 0);
	ck_assert_uint_eq(counter(&stats.smmu_stalls_peak), SMMU_STALL_MAX);
	resume(0x10, first, true);
	ck_assert_uint_eq(reqs[0].retried, 1);
	ck_assert_uint_eq(reqs[SMMU_STALL_MAX].retried, 1);
	ck_assert_uint_eq(ends(1), 0);
}
END_TEST

/* 4.7.2 */
START_TEST(test_stall_term)
{
	for (unsigned i = 0; i < 20; i++)
		ck_assert_int_eq(go(i, i & 1, VA + i * 0x1000, DMA_READ), -EINPROGRESS);
	ck_assert_int_eq(go(20, 0, VA, DMA_READ), -EINPROGRESS);
	issue(sid_cmd(CMD_STALL_TERM, 0x77), 0);
	ck_assert_uint_eq(ends(0), 0);
	issue(sid_cmd(CMD_STALL_TERM, 0x10), 0);
	for (unsigned i = 0; i < 20; i++)
		ck_assert_uint_eq(reqs[i].terminated, !(i & 1));
	ck_assert_uint_eq(reqs[20].terminated, 1);
	/* its tags are free, others' are not */
	resume(0x10, stag(0), true);
	ck_assert_uint_eq(ends(0), 1);
	resume(0x11, stag(1), true);
	ck_assert_uint_eq(reqs[1].retried, 1);
	ck_assert_uint_eq(fx.smmu->stalls.used, 7);
}
END_TEST

/* 6.3.9.6, and the reset of the machine: all terminated, all tags free. */
START_TEST(test_disable)
{
	for (unsigned i = 0; i < 18; i++)
		ck_assert_int_eq(go(i, i & 1, VA + i * 0x1000, DMA_READ), -EINPROGRESS);
	if (_i)
		smmu_device(fx.smmu)->class->reset(smmu_device(fx.smmu));
	else
		wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
	for (unsigned i = 0; i < 18; i++)
		ck_assert_uint_eq(reqs[i].terminated, 1);
	ck_assert_uint_eq(fx.smmu->stalls.used, 0);
	ck_assert_ptr_null(fx.smmu->stalls.parked);
	/* by GBPA now */
	ck_assert_int_eq(go(0, 0, VA, DMA_READ), 0);
}
END_TEST

/* The requester is reset: its tag stays taken until the answer, which hits nobody. */
START_TEST(test_requester_reset)
{
	ck_assert_int_eq(go(0, 0, VA, DMA_READ), -EINPROGRESS);
	ck_assert_int_eq(go(1, 0, VA + 8, DMA_READ), -EINPROGRESS);
	ck_assert_int_eq(go(2, 1, VA, DMA_READ), -EINPROGRESS);
	for (unsigned i = 3; i < 20; i++)
		ck_assert_int_eq(go(i, i & 1, VA + i * 0x1000, DMA_READ), -EINPROGRESS);
	if (_i == 0)
		dma_stall_cancel(&soft[0].space, NULL);
	else
		dma_space_enable(&soft[0].space, false);
	ck_assert_uint_eq(ends(0), 1);
	ck_assert_uint_eq(ends(1), 1);
	for (unsigned i = 2; i < 20; i++)
		ck_assert_uint_eq(reqs[i].terminated, i > 2 && !(i & 1));
	ck_assert_uint_eq(fx.smmu->stalls.used, 16);
	resume(0x10, stag(0), true);
	ck_assert_uint_eq(fx.smmu->stalls.used, 15);
	ck_assert_uint_eq(ends(0), 1);
	ck_assert_uint_eq(ends(2), 0);
}
END_TEST

/* One access of several is given up; its likes are not. */
START_TEST(test_cancel_one)
{
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(go(i, 0, VA, DMA_READ), -EINPROGRESS);
	dma_stall_cancel(&soft[0].space, &reqs[1].stall);
	ck_assert_uint_eq(reqs[1].terminated, 1);
	ck_assert_uint_eq(ends(0) + ends(2), 0);
	dma_stall_cancel(&soft[0].space, &reqs[0].stall);
	ck_assert_uint_eq(reqs[0].terminated, 1);
	ck_assert_uint_eq(reqs[2].retried, 1);
	/* what is idle is left alone */
	dma_stall_cancel(&soft[0].space, &reqs[0].stall);
	ck_assert_uint_eq(ends(0), 1);
}
END_TEST

/* 3.12.2: the STE changes while a transaction is stalled: the retry sees the new one. */
START_TEST(test_ste_change)
{
	ck_assert_int_eq(go(0, 0, VA, DMA_READ), -EINPROGRESS);
	put_ste(0x10, ste_cfg(STE_CFG_ABORT), 0);
	issue_sync(sid_cmd(CMD_CFGI_STE, 0x10), 1);
	ck_assert_uint_eq(ends(0), 0);
	resume(0x10, stag(0), true);
	ck_assert_uint_eq(reqs[0].retried, 1);
	ck_assert_int_eq(go(0, 0, VA, DMA_READ), -EFAULT);
	ck_assert_uint_eq(nr_events(), 1);
}
END_TEST

/* 7.3.1: merged only with MEV, only when the same, only while software has not read it; never stalls. */
START_TEST(test_merging)
{
	for (unsigned i = 0; i < 2; i++) {
		put64(CDTAB + i * 0x1000, get64(CDTAB + i * 0x1000) & ~CD0_S);
		put_ste_words(0x10 + i, ste_s1(CDTAB + i * 0x1000), i ? STE1_MEV : 0, field_prep(STE2_S2VMID, 1), 0);
	}
	issue_sync(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(go(0, 0, VA, DMA_READ), -EFAULT);
	ck_assert_uint_eq(nr_events(), 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(go(0, 1, VA, DMA_READ), -EFAULT);
	ck_assert_uint_eq(nr_events(), 4);
	ck_assert_int_eq(go(0, 1, VA + 8, DMA_READ), -EFAULT);
	ck_assert_int_eq(go(0, 1, VA, DMA_READ), -EFAULT);
	ck_assert_uint_eq(nr_events(), 6);
	consume();
	ck_assert_int_eq(go(0, 1, VA, DMA_READ), -EFAULT);
	ck_assert_uint_eq(nr_events(), 7);
}
END_TEST

/* A thread that waits without the lock. */
static void *reader(void *opaque)
{
	struct dma_waiter waiter;
	uint64_t *value = opaque;
	int err;

	dma_waiter_init(&waiter);
	soft[0].user.stall = &waiter.stall;
	do
		err = dma_read(&soft[0].user, VA, value, sizeof(*value));
	while (err == -EINPROGRESS && dma_waiter_wait(&waiter) == 0);
	soft[0].user.stall = NULL;
	dma_waiter_fini(&waiter);
	return err == 0 ? value : NULL;
}

START_TEST(test_thread)
{
	pthread_t thread;
	uint64_t value = 0;
	void *result;

	put64(DATA, 77);
	ck_assert_int_eq(pthread_create(&thread, NULL, reader, &value), 0);
	while (nr_events() == 0)
		sched_yield();
	if (_i == 0) {
		map_page(&t, VA, DATA, LEAF_S1);
		resume(0x10, stag(0), true);
	} else if (_i == 1) {
		resume(0x10, stag(0), false);
	} else {
		bus_lock(&fx.bus);
		dma_space_enable(&soft[0].space, false);
		bus_unlock(&fx.bus);
	}
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_eq(result, _i == 0 ? &value : NULL);
	ck_assert_uint_eq(value, _i == 0 ? 77 : 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-stall");
	TCase *tc = tcase_create("stall");

	tcase_add_checked_fixture(tc, setup_stall, teardown);
	tcase_add_test(tc, test_id);
	tcase_add_test(tc, test_retry);
	tcase_add_test(tc, test_retry_again);
	tcase_add_test(tc, test_terminate);
	tcase_add_test(tc, test_unmatched);
	tcase_add_loop_test(tc, test_illegal, 0, 4);
	tcase_add_loop_test(tc, test_ars, 0, ARRAY_LEN(ars));
	tcase_add_loop_test(tc, test_kinds, 0, ARRAY_LEN(kinds));
	tcase_add_loop_test(tc, test_duplicates, 0, 2);
	tcase_add_test(tc, test_queue_full);
	tcase_add_loop_test(tc, test_queue_unwritable, 0, 2);
	tcase_add_test(tc, test_stall_max);
	tcase_add_test(tc, test_stall_term);
	tcase_add_loop_test(tc, test_disable, 0, 2);
	tcase_add_loop_test(tc, test_requester_reset, 0, 2);
	tcase_add_test(tc, test_cancel_one);
	tcase_add_test(tc, test_ste_change);
	tcase_add_test(tc, test_merging);
	tcase_add_loop_test(tc, test_thread, 0, 3);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
