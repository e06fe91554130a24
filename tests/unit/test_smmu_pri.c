/* SPDX-License-Identifier: Apache-2.0 */
/* The PRI queue (chapter 8, 4.5.2, 6.3.36), clause by clause, at emulated endpoints. */
#include <check.h>

#include "smmu_soft_fixture.h"
#include "run_suite.h"

#define SID (UINT64_C(0x10) << 32)

/* What the endpoint got. */
static struct dma_page_response responses[64];
static unsigned nr_responses;

static int invalidate(void *opaque, const struct dma_ats_invalidation *inv)
{
	return 0;
}

static void page_response(void *opaque, const struct dma_page_response *response)
{
	responses[nr_responses++ % 64] = *response;
}

static const struct dma_ats_ops ops = {.invalidate = invalidate, .page_response = page_response};

/* A queue of 4 requests, as wire and event. */
static void setup_pri(void)
{
	setup_soft();
	nr_responses = 0;
	soft[0].space.ats = &ops;
	put_ste_words(0x10, ste_cfg(STE_CFG_BYPASS), STE1_PPAR, 0, 0);
	start();
	wr64(SMMU_PRIQ_BASE, PRIQ | 2);
	wr32(SMMU_PRIQ_PROD, 0);
	wr32(SMMU_PRIQ_CONS, 0);
	wr32(SMMU_IRQ_CTRL, IRQ_CTRL_GERROR | IRQ_CTRL_PRIQ);
	wr32(SMMU_CR0, rd32(SMMU_CR0) | CR0_PRIQEN);
	forget();
}

static const struct dma_page_request plain = {
	.pasid = DMA_NO_PASID, .page = 0x123456789000, .prgi = 0x1ff, .read = true, .write = true, .last = true};

static void send(struct dma_page_request r)
{
	ck_assert_int_eq(dma_ats_page_request(&soft[0].space, &r), 0);
}

static uint64_t entry(unsigned n, unsigned word)
{
	return get64(PRIQ + n * PRI_SIZE + word * 8);
}

static uint32_t queued(void)
{
	return rd32(SMMU_PRIQ_PROD) & QUEUE_INDEX;
}

static bool overflow(void)
{
	return (rd32(SMMU_PRIQ_PROD) ^ rd32(SMMU_PRIQ_CONS)) & QUEUE_OVERFLOW;
}

static void expect(unsigned n, uint32_t pasid, enum dma_page_answer answer)
{
	ck_assert_uint_eq(nr_responses, n);
	ck_assert_uint_eq(responses[n - 1].pasid, pasid);
	ck_assert_uint_eq(responses[n - 1].prgi, plain.prgi);
	ck_assert_int_eq(responses[n - 1].answer, answer);
}

START_TEST(test_registers)
{
	ck_assert(rd32(SMMU_IDR0) & IDR0_PRI);
	ck_assert_uint_eq(field_get32(IDR1_PRIQS, rd32(SMMU_IDR1)), SMMU_PRIQS);
	/* 6.3.9.5: guarded by PRIQEN as it is, IRQ_CFG by PRIQ_IRQEN */
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN | CR0_PRIQEN);
	wr64(SMMU_PRIQ_BASE, 0);
	wr32(SMMU_PRIQ_PROD, 7);
	wr64(SMMU_PRIQ_IRQ_CFG0, 0x1000);
	ck_assert_uint_eq(rd(SMMU_PRIQ_BASE, 8), PRIQ | 2);
	ck_assert_uint_eq(rd32(SMMU_PRIQ_PROD), 0);
	ck_assert_uint_eq(rd(SMMU_PRIQ_IRQ_CFG0, 8), 0);
	wr32(SMMU_CR0, CR0_CMDQEN);
	wr32(SMMU_IRQ_CTRL, 0);
	wr64(SMMU_PRIQ_BASE, OUTSIDE | 3);
	wr64(SMMU_PRIQ_IRQ_CFG0, 0x1000);
	wr32(SMMU_PRIQ_IRQ_CFG2, UINT32_MAX);
	ck_assert_uint_eq(rd(SMMU_PRIQ_BASE, 8), OUTSIDE | 3);
	ck_assert_uint_eq(rd(SMMU_PRIQ_IRQ_CFG0, 8), 0x1000);
	ck_assert_uint_eq(rd32(SMMU_PRIQ_IRQ_CFG2), PRIQ_IRQ_CFG2_LO | 0x3f);
	/* RES0 without IDR0.PRI */
	teardown();
	setup();
	wr64(SMMU_PRIQ_BASE, PRIQ | 2);
	wr32(SMMU_PRIQ_PROD, 3);
	wr32(SMMU_PRIQ_CONS, 3);
	wr32(SMMU_IRQ_CTRL, UINT32_MAX);
	ck_assert_uint_eq(rd(SMMU_PRIQ_BASE, 8) | rd32(SMMU_PRIQ_PROD) | rd32(SMMU_PRIQ_CONS), 0);
	ck_assert_uint_eq(rd32(SMMU_IRQ_CTRLACK), IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ);
}
END_TEST

/* Every flag, with a PASID and without. */
START_TEST(test_entry)
{
	struct dma_page_request r = plain;

	send(r);
	ck_assert_uint_eq(entry(0, 0), 0x10 | PRI0_LAST | PRI0_READ | PRI0_WRITE);
	ck_assert_uint_eq(entry(0, 1), 0x123456789000 | 0x1ff);
	r.exec = r.priv = true;
	r.last = r.write = false;
	send(r);
	ck_assert_uint_eq(entry(1, 0), 0x10 | PRI0_READ);
	r.pasid = 0xabcde;
	send(r);
	ck_assert_uint_eq(entry(2, 0), 0x10 | UINT64_C(0xabcde) << 32 | PRI0_READ | PRI0_EXEC | PRI0_PRIV | PRI0_SSV);
	/* a Stop Marker is an entry like others */
	send((struct dma_page_request){.pasid = 5, .last = true});
	ck_assert_uint_eq(entry(3, 0), 0x10 | UINT64_C(5) << 32 | PRI0_LAST | PRI0_SSV);
	ck_assert_uint_eq(nr_responses, 0);
	/* 3.18, LO = 0: once, when it became non-empty */
	ck_assert_uint_eq(fx.pulses[3], 1);
}
END_TEST

/* 6.3.36 */
START_TEST(test_last_only)
{
	struct dma_page_request r = plain;

	wr32(SMMU_IRQ_CTRL, 0);
	wr32(SMMU_PRIQ_IRQ_CFG2, PRIQ_IRQ_CFG2_LO);
	if (_i) {
		wr64(SMMU_PRIQ_IRQ_CFG0, DATA);
		wr32(SMMU_PRIQ_IRQ_CFG1, 77);
	}
	wr32(SMMU_IRQ_CTRL, IRQ_CTRL_PRIQ);
	r.last = false;
	send(r);
	ck_assert_uint_eq(fx.pulses[3], 0);
	for (unsigned i = 0; i < 3; i++)
		send(plain);
	ck_assert_uint_eq(fx.pulses[3], _i ? 0 : 3);
	ck_assert_uint_eq(get64(DATA), _i ? 77 : 0);
	put64(DATA, 0);
	/* lost to overflow: still told */
	send(r);
	ck_assert(overflow());
	ck_assert_uint_eq(get64(DATA), 0);
	send(plain);
	ck_assert_uint_eq(get64(DATA), _i ? 77 : 0);
	ck_assert_uint_eq(fx.pulses[3], _i ? 0 : 4);
}
END_TEST

START_TEST(test_msi_abort)
{
	wr32(SMMU_IRQ_CTRL, 0);
	fx.smmu->config.msi = NULL;
	wr64(SMMU_PRIQ_IRQ_CFG0, OUTSIDE);
	wr32(SMMU_IRQ_CTRL, IRQ_CTRL_PRIQ);
	send(plain);
	ck_assert(gerror_has(GERROR_MSI_PRIQ_ABT));
	ck_assert_uint_eq(queued(), 1);
}
END_TEST

/* 8.1 */
START_TEST(test_overflow)
{
	struct dma_page_request r = plain;

	for (unsigned i = 0; i < 4; i++)
		send(plain);
	ck_assert(!overflow());
	r.last = false;
	send(r);
	ck_assert(overflow());
	ck_assert_uint_eq(nr_responses, 0);
	send((struct dma_page_request){.pasid = 5, .last = true});
	ck_assert_uint_eq(nr_responses, 0);
	send(plain);
	expect(1, DMA_NO_PASID, DMA_PAGE_SUCCESS);
	/* room, but the overflow is not acknowledged: nothing is written */
	wr32(SMMU_PRIQ_CONS, 2);
	send(plain);
	expect(2, DMA_NO_PASID, DMA_PAGE_SUCCESS);
	ck_assert_uint_eq(queued(), 4);
	wr32(SMMU_PRIQ_CONS, 2 | (rd32(SMMU_PRIQ_PROD) & QUEUE_OVERFLOW));
	send(plain);
	ck_assert_uint_eq(queued(), 5);
	ck_assert_uint_eq(nr_responses, 2);
	/* and the next time the flag flips back */
	send(plain);
	send(plain);
	ck_assert(overflow());
	expect(3, DMA_NO_PASID, DMA_PAGE_SUCCESS);
}
END_TEST

/* 8.1: the PASID of automatic responses (IDR3.PPS = 0). */
START_TEST(test_ppar)
{
	static const struct {
		uint64_t dw0, dw1;
		uint32_t pasid;
		enum dma_page_answer answer;
	} cases[] = {
		{STE0_V | STE_CFG_BYPASS << 1, STE1_PPAR, 9, DMA_PAGE_SUCCESS},
		{STE0_V | STE_CFG_BYPASS << 1, 0, DMA_NO_PASID, DMA_PAGE_SUCCESS},
		{STE0_V, STE1_PPAR, 9, DMA_PAGE_SUCCESS},
		{0, STE1_PPAR, DMA_NO_PASID, DMA_PAGE_FAILURE},
	};
	struct dma_page_request r = plain;

	put_ste_words(0x10, cases[_i].dw0, cases[_i].dw1, 0, 0);
	for (unsigned i = 0; i < 4; i++)
		send(plain);
	r.pasid = 9;
	send(r);
	expect(1, cases[_i].pasid, cases[_i].answer);
	ck_assert_uint_eq(nr_events(), 0);
}
END_TEST

/* 8.2: PRIQEN or SMMUEN 0, an abort that is not acknowledged: Failure, without a PASID, Last or not. */
START_TEST(test_disabled)
{
	struct dma_page_request r = plain;

	r.pasid = 9;
	r.last = false;
	if (_i == 0) {
		wr32(SMMU_CR0, CR0_SMMUEN | CR0_EVENTQEN);
	} else if (_i == 1) {
		wr32(SMMU_CR0, CR0_PRIQEN);
		ck_assert(rd32(SMMU_CR0ACK) & CR0_PRIQEN);
	} else {
		wr32(SMMU_CR0, CR0_SMMUEN);
		wr64(SMMU_PRIQ_BASE, OUTSIDE | 2);
		wr32(SMMU_CR0, CR0_SMMUEN | CR0_PRIQEN);
		send(r);
		expect(1, DMA_NO_PASID, DMA_PAGE_FAILURE);
		ck_assert(gerror_has(GERROR_PRIQ_ABT));
		ck_assert_uint_eq(fx.pulses[1], 1);
		nr_responses = 0;
	}
	send(r);
	expect(1, DMA_NO_PASID, DMA_PAGE_FAILURE);
	send((struct dma_page_request){.pasid = 5, .last = true});
	ck_assert_uint_eq(nr_responses, 1);
	ck_assert_uint_eq(queued(), 0);
	if (_i == 2) {
		gerror_ack();
		send(r);
		expect(2, DMA_NO_PASID, DMA_PAGE_FAILURE);
		ck_assert(gerror_has(GERROR_PRIQ_ABT));
	}
}
END_TEST

/* 4.5.2 */
START_TEST(test_responses)
{
	static const enum dma_page_answer answers[] = {DMA_PAGE_FAILURE, DMA_PAGE_INVALID, DMA_PAGE_SUCCESS};

	for (unsigned i = 0; i < 3; i++) {
		issue(CMD_PRI_RESP | SID, 0x1ff | i << 12);
		expect(2 * i + 1, DMA_NO_PASID, answers[i]);
		issue(CMD_PRI_RESP | SID | CMD0_SSV | 9u << 12, 0x1ff | i << 12);
		expect(2 * i + 2, 9, answers[i]);
	}
	/* to nobody, to one without page requests; IGNORED without SMMUEN */
	issue(sid_cmd(CMD_PRI_RESP, 0x77), 2u << 12);
	issue(sid_cmd(CMD_PRI_RESP, 0x11), 2u << 12);
	wr32(SMMU_CR0, CR0_CMDQEN);
	issue(CMD_PRI_RESP | SID, 2u << 12);
	ck_assert_uint_eq(cmdq_err(), 0);
	ck_assert_uint_eq(nr_responses, 6);
}
END_TEST

START_TEST(test_responses_illegal)
{
	if (_i == 2) {
		teardown();
		setup();
		start();
	}
	issue(CMD_PRI_RESP | SID | (_i == 1 ? CMD0_SSEC : 0), _i == 0 ? 3u << 12 : 0);
	ck_assert_uint_eq(cmdq_err(), CERROR_ILL);
}
END_TEST

/* Nobody above takes page requests. */
START_TEST(test_no_way)
{
	dma_space_set_translator(&soft[0].space, NULL, NULL);
	ck_assert_int_eq(dma_ats_page_request(&soft[0].space, &plain), -EOPNOTSUPP);
	dma_space_enable(&soft[0].space, false);
	ck_assert_int_eq(dma_ats_page_request(&soft[0].space, &plain), -EPERM);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-pri");
	TCase *tc = tcase_create("pri");

	tcase_add_checked_fixture(tc, setup_pri, teardown);
	tcase_add_test(tc, test_registers);
	tcase_add_test(tc, test_entry);
	tcase_add_loop_test(tc, test_last_only, 0, 2);
	tcase_add_test(tc, test_msi_abort);
	tcase_add_test(tc, test_overflow);
	tcase_add_loop_test(tc, test_ppar, 0, 4);
	tcase_add_loop_test(tc, test_disabled, 0, 3);
	tcase_add_test(tc, test_responses);
	tcase_add_loop_test(tc, test_responses_illegal, 0, 3);
	tcase_add_test(tc, test_no_way);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
