/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest is told of transactions that fail (7.3), field by field, and of which it is not. */
#include <check.h>

#include "smmu_soft_fixture.h"
#include "run_suite.h"

#define VA	UINT64_C(0x123000)
#define SID	(UINT64_C(0x10) << 32)
#define IN	(UINT64_C(2) << 40)
#define TTD	(UINT64_C(1) << 40)
#define CD_	UINT64_C(0)
#define RNW	EVT1_RNW
#define S2	EVT1_S2
#define IPA_OUT UINT64_C(0x7000000000) /* nothing is there, in stage 2 */

static struct tables s1, s2;

/* Stream 0x10 nested, ASID 5, VMID 3; VA is mapped for all access at both stages. */
static void setup_nested(void)
{
	setup_soft();
	s2 = identity_s2();
	s1 = new_tables(12, 39);
	map_page(&s1, VA, DATA, LEAF_S1);
	stream_nested(0x10, 0, 3, 5, &s1, &s2);
	start();
}

static void expect(uint64_t dw0, uint64_t dw1, uint64_t dw2, uint64_t dw3)
{
	struct smmu_event e = event_at(0);

	ck_assert_uint_eq(nr_events(), 1);
	ck_assert_uint_eq(e.dw[0], dw0);
	ck_assert_uint_eq(e.dw[1], dw1);
	ck_assert_uint_eq(e.dw[2], dw2);
	ck_assert_uint_eq(e.dw[3], dw3);
}

static void fails(uint32_t pasid, uint64_t iova, unsigned access)
{
	uint64_t pa, faults = counter(&stats.smmu_faults), used = fx.smmu->tlb.used;

	ck_assert_int_eq(xlate(0, pasid, iova, access, &pa), -EFAULT);
	ck_assert_uint_eq(counter(&stats.smmu_faults) - faults, 1);
	ck_assert_uint_eq(fx.smmu->tlb.used, used);
}

static void s2_page(uint64_t ipa, uint64_t pa, uint64_t leaf)
{
	map_page(&s2, ipa, pa, leaf);
}

/* 7.3.13 to 7.3.16: faults of the transaction's own address. @leaf of VA at stage 1, 0: none; @s2leaf of its IPA. */
#define IPA UINT64_C(0x5000)
static const struct in_case {
	uint64_t leaf, s2leaf;
	unsigned access;
	uint64_t dw0, dw1;
} in[] = {
	{0, LEAF_S2, DMA_READ, EVT_F_TRANSLATION, IN | RNW},
	{0, LEAF_S2, DMA_WRITE, EVT_F_TRANSLATION, IN},
	{0, LEAF_S2, DMA_READ | DMA_EXEC, EVT_F_TRANSLATION, IN | RNW | EVT1_IND},
	{0, LEAF_S2, DMA_READ | DMA_PRIV, EVT_F_TRANSLATION, IN | RNW | EVT1_PNU},
	{0, LEAF_S2, DMA_WRITE | DMA_PRIV, EVT_F_TRANSLATION, IN | EVT1_PNU},
	{LEAF_S1_RO, LEAF_S2, DMA_WRITE, EVT_F_PERMISSION, IN},
	{LEAF_S1_RO, LEAF_S2, RW, EVT_F_PERMISSION, IN},
	{LEAF_S1 & ~PT_S1_USER, LEAF_S2, DMA_READ, EVT_F_PERMISSION, IN | RNW},
	{LEAF_S1 | PT_S1_UXN, LEAF_S2, DMA_READ | DMA_EXEC, EVT_F_PERMISSION, IN | RNW | EVT1_IND},
	{LEAF_S1 & ~PT_AF, LEAF_S2, DMA_READ, EVT_F_ACCESS, IN | RNW},
	{LEAF_S1, 0, DMA_READ, EVT_F_TRANSLATION, IN | RNW | S2},
	{LEAF_S1, 0, DMA_WRITE, EVT_F_TRANSLATION, IN | S2},
	{LEAF_S1, LEAF_S2 & ~PT_AF, DMA_READ, EVT_F_ACCESS, IN | RNW | S2},
	{LEAF_S1, LEAF_S2 & ~PT_S2_WRITE, DMA_WRITE, EVT_F_PERMISSION, IN | S2},
	{LEAF_S1, LEAF_S2 & ~PT_S2_READ, DMA_READ, EVT_F_PERMISSION, IN | RNW | S2},
};

START_TEST(test_faults_of_the_address)
{
	const struct in_case *c = &in[_i];

	if (c->leaf)
		map_page(&s1, VA, IPA, c->leaf);
	else
		put64(desc_at(&s1, VA, 3), 0);
	if (c->s2leaf)
		s2_page(IPA, DATA, c->s2leaf);
	fails(DMA_NO_PASID, VA + 0xabc, c->access);
	expect(c->dw0 | SID, c->dw1, VA + 0xabc, c->dw1 & S2 ? IPA : 0);
}
END_TEST

/* With a substream: the record says which. */
START_TEST(test_substream_in_the_record)
{
	put_cd(CDTAB + CD_SIZE, 6, &s1, 0);
	put_ste_words(0x10, ste_cfg(STE_CFG_NESTED) | CDTAB | field_prep(STE0_S1CDMAX, 1), 0, ste2(&s2, 3), s2.root);
	fails(1, VA + 0x1000, DMA_READ);
	expect(EVT_F_TRANSLATION | EVT0_SSV | 1u << 12 | SID, IN | RNW, VA + 0x1000, 0);
}
END_TEST

/* Output addresses that are too large (3.4): of stage 1, of stage 2, of a bypassed stage 1. */
START_TEST(test_address_size)
{
	put_cd(CDTAB, 5, &s1, 0);
	if (_i == 0) {
		struct smmu_cd cd;

		ck_assert_int_eq(gmem_read(&fx.mem, gpa(CDTAB), &cd, sizeof(cd)), 0);
		cd.dw[0] &= ~CD0_IPS; /* 32 bits */
		put(CDTAB, &cd, sizeof(cd));
		map_page(&s1, VA, BIT64(32), LEAF_S1);
	} else if (_i == 1) {
		put_ste_words(0x10, ste_cfg(STE_CFG_NESTED) | CDTAB, 0, ste2(&s2, 3) & ~STE2_S2PS, s2.root);
		map_page(&s1, VA, IPA, LEAF_S1);
		s2_page(IPA, BIT64(32), LEAF_S2);
	}
	if (_i < 2) {
		fails(DMA_NO_PASID, VA, DMA_READ);
		expect(EVT_F_ADDR_SIZE | SID, IN | RNW | (_i ? S2 : 0), VA, _i ? IPA : 0);
		return;
	}
	stream_s2(0x10, 3, &s2);
	fails(DMA_NO_PASID, BIT64(48) | VA, DMA_READ);
	expect(EVT_F_ADDR_SIZE | SID, IN | RNW, BIT64(48) | VA, 0);
}
END_TEST

/* Class TTD: stage 2 has no place, or no permission, for a table of stage 1. */
START_TEST(test_faults_of_stage_1_tables)
{
	uint64_t desc = desc_at(&s1, VA, 1);

	if (_i == 0) {
		put64(desc, IPA_OUT | 3);
		fails(DMA_NO_PASID, VA, DMA_WRITE);
		expect(EVT_F_TRANSLATION | SID, TTD | S2, VA, IPA_OUT | ((VA >> 21 & 511) * 8 & ~0xfffu));
		return;
	}
	/* write-only at stage 2: the descriptor cannot be read */
	put64(desc, 0x9000 | 3);
	s2_page(0x9000, TABLES, LEAF_S2 & ~PT_S2_READ);
	fails(DMA_NO_PASID, VA, DMA_WRITE);
	expect(EVT_F_PERMISSION | SID, TTD | S2 | EVT1_TTRNW, VA, 0x9000);
}
END_TEST

/* Class CD: stage 2 has no place for the CD. */
START_TEST(test_faults_of_the_cd)
{
	put_ste_words(0x10, ste_cfg(STE_CFG_NESTED) | IPA_OUT, 0, ste2(&s2, 3), s2.root);
	fails(DMA_NO_PASID, VA, DMA_READ);
	expect(EVT_F_TRANSLATION | SID, CD_ | RNW | S2, VA, IPA_OUT);
}
END_TEST

/* What is not memory: STE, CD, descriptors of both stages. */
START_TEST(test_external_aborts)
{
	switch (_i) {
	case 0:
		wr32(SMMU_CR0, 0);
		wr64(SMMU_STRTAB_BASE, OUTSIDE);
		start_queues(8);
		wr64(SMMU_STRTAB_BASE, OUTSIDE);
		enable_smmu();
		fails(DMA_NO_PASID, VA, DMA_READ);
		expect(EVT_F_STE_FETCH | SID, 0, 0, OUTSIDE + 0x10 * STE_SIZE);
		break;
	case 1:
		put_ste_words(0x10, ste_s1(OUTSIDE), 0, 0, 0);
		fails(DMA_NO_PASID, VA, DMA_READ);
		expect(EVT_F_CD_FETCH | SID, 0, 0, OUTSIDE);
		break;
	case 2:
		put_ste_words(0x10, ste_s1(CDTAB), 0, 0, 0);
		put64(desc_at(&s1, VA, 2), OUTSIDE | 3);
		fails(DMA_NO_PASID, VA, DMA_WRITE);
		expect(EVT_F_WALK_EABT | SID, TTD, VA, OUTSIDE + (VA >> 12 & 511) * 8);
		break;
	default:
		stream_s2(0x10, 3, &s2);
		put64(desc_at(&s2, IPA, 2), OUTSIDE | 3);
		fails(DMA_NO_PASID, IPA, DMA_READ);
		ck_assert_uint_eq(event_at(0).dw[0], EVT_F_WALK_EABT | SID);
		ck_assert_uint_eq(event_at(0).dw[3], OUTSIDE + (IPA >> 12 & 511) * 8);
		ck_assert(event_at(0).dw[1] & S2);
	}
}
END_TEST

/* Bad configurations, each with nothing but its name. */
START_TEST(test_configuration_errors)
{
	switch (_i) {
	case 0:
		put_ste(0x10, 0, 0);
		fails(DMA_NO_PASID, VA, DMA_READ);
		expect(EVT_C_BAD_STE | SID, 0, 0, 0);
		break;
	case 1:
		put64(CDTAB, 0);
		fails(DMA_NO_PASID, VA, DMA_READ);
		expect(EVT_C_BAD_CD | SID, 0, 0, 0);
		break;
	case 2: /* TERM_MODEL 1: CD.A = 0 is ILLEGAL */
		put64(CDTAB, get64(CDTAB) & ~CD0_A);
		fails(DMA_NO_PASID, VA, DMA_READ);
		expect(EVT_C_BAD_CD | SID, 0, 0, 0);
		break;
	case 3: /* S1STALLD */
		put64(CDTAB, get64(CDTAB) | CD0_S);
		put_ste_words(0x10, ste_s1(CDTAB), STE1_S1STALLD, field_prep(STE2_S2VMID, 1), 0);
		fails(DMA_NO_PASID, VA, DMA_READ);
		expect(EVT_C_BAD_CD | SID, 0, 0, 0);
		break;
	default: /* beyond the table, with a substream */
		soft[0].rid = 0xffff;
		fails(9, VA, DMA_READ);
		expect(EVT_C_BAD_STREAMID | UINT64_C(0xffff) << 32 | EVT0_SSV | 9u << 12, 0, 0, 0);
	}
}
END_TEST

/* 6.3.12: C_BAD_STREAMID only with RECINVSID. */
START_TEST(test_recinvsid)
{
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
	wr32(SMMU_CR2, 0);
	enable_smmu();
	soft[0].rid = 0xffff;
	fails(DMA_NO_PASID, VA, DMA_READ);
	ck_assert_uint_eq(nr_events(), 0);
}
END_TEST

/* CD.R and STE.S2R: faults of their stage are not recorded; everything else is. */
START_TEST(test_record_bits)
{
	put64(CDTAB, get64(CDTAB) & ~CD0_R);
	fails(DMA_NO_PASID, VA + 0x1000, DMA_READ);
	ck_assert_uint_eq(nr_events(), 0);
	put_ste_words(0x10, ste_cfg(STE_CFG_NESTED) | CDTAB, 0, ste2(&s2, 3) & ~STE2_S2R, s2.root);
	issue_sync(sid_cmd(CMD_CFGI_STE, 0x10), 1);
	map_page(&s1, VA + 0x1000, IPA_OUT, LEAF_S1);
	fails(DMA_NO_PASID, VA + 0x1000, DMA_READ);
	ck_assert_uint_eq(nr_events(), 0);
	/* a descriptor outside RAM is no fault of a stage */
	put64(desc_at(&s2, CDTAB, 2), 0);
	map_at(&s2, align_down(CDTAB, 0x200000), align_down(CDTAB, 0x200000), 2, LEAF_S2);
	put_ste_words(0x10, ste_s1(CDTAB), 0, 0, 0);
	put64(desc_at(&s1, VA, 2), OUTSIDE | 3);
	issue_sync(sid_cmd(CMD_CFGI_STE, 0x10), 1);
	fails(DMA_NO_PASID, VA + 0x1000, DMA_READ);
	ck_assert_uint_eq(nr_events(), 1);
	ck_assert_uint_eq(field_get(EVT0_ID, event_at(0).dw[0]), EVT_F_WALK_EABT);
}
END_TEST

/* One record for each transaction; a probe has none; a full queue overflows, a disabled one is silent. */
START_TEST(test_record_keeping)
{
	uint64_t value, pa, lost = counter(&stats.smmu_events_lost);

	ck_assert_int_eq(xlate(0, DMA_NO_PASID, VA + 0x1000, DMA_READ | DMA_PROBE, &pa), -EFAULT);
	ck_assert_uint_eq(nr_events(), 0);
	ck_assert_int_eq(dma_read(&soft[0].user, VA + 0xffc, &value, sizeof(value)), -EFAULT);
	ck_assert_uint_eq(nr_events(), 1);
	ck_assert_uint_eq(event_at(0).dw[2], VA + 0x1000);
	ck_assert_uint_eq(fx.pulses[0], 1);
	for (unsigned i = 1; i < 16; i++)
		fails(DMA_NO_PASID, VA + 0x1000, DMA_READ);
	ck_assert_uint_eq(nr_events(), 16);
	fails(DMA_NO_PASID, VA + 0x1000, DMA_READ);
	ck_assert_uint_eq(rd32(SMMU_EVENTQ_PROD), 16 | QUEUE_OVERFLOW);
	wr32(SMMU_CR0, rd32(SMMU_CR0) & ~CR0_EVENTQEN);
	fails(DMA_NO_PASID, VA + 0x1000, DMA_READ);
	ck_assert_uint_eq(counter(&stats.smmu_events_lost) - lost, 2);
	ck_assert_uint_eq(fx.pulses[0], 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-fault");
	TCase *tc = tcase_create("fault");

	tcase_add_checked_fixture(tc, setup_nested, teardown);
	tcase_add_loop_test(tc, test_faults_of_the_address, 0, ARRAY_LEN(in));
	tcase_add_test(tc, test_substream_in_the_record);
	tcase_add_loop_test(tc, test_address_size, 0, 3);
	tcase_add_loop_test(tc, test_faults_of_stage_1_tables, 0, 2);
	tcase_add_test(tc, test_faults_of_the_cd);
	tcase_add_loop_test(tc, test_external_aborts, 0, 4);
	tcase_add_loop_test(tc, test_configuration_errors, 0, 5);
	tcase_add_test(tc, test_recinvsid);
	tcase_add_test(tc, test_record_bits);
	tcase_add_test(tc, test_record_keeping);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
