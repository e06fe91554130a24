/* SPDX-License-Identifier: Apache-2.0 */
/* The test endpoint's translation requests and its ATC, before a real SMMU. */
#include "run_suite.h"
#include "testdev_faults_fixture.h"

static void setup(void)
{
	rig_start(&(struct testdev_config){.name = "test", .ats = true, .pasid = true});
}

/* Without `stall` CD.S terminates: PCI Express functions do not stall (3.12.1). */
START_TEST(test_no_stall)
{
	struct testdev_desc d = fill(VA, 8, 1);
	struct smmu_event e;

	rig_stream(true, STE_EATS_NONE);
	cfg(ATS_CAP + PCI_ATS_CTRL, 2, 0);
	ck_assert_uint_eq(run(&d), code(TESTDEV_KIND_FAULT, TESTDEV_AT_DESTINATION));
	ck_assert(rig_event(&e));
	ck_assert_uint_eq(e.dw[1] & EVT1_STALL, 0);
}
END_TEST

/* The ATC caches: what is missing is an invalidation, and the wrong page is written. */
START_TEST(test_atc)
{
	struct testdev_desc d = fill(VA, 8, 1);

	rig_map(0, 5, 1);
	ck_assert_uint_eq(run(&d), OK);
	rig_map(0, 5, 2);
	rig_invalidate(); /* of the IOTLB, which is not enough */
	d.operand = 2;
	ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(ram64(PAGES + PAGE), 2);
	ck_assert_uint_eq(ram64(PAGES + 2 * PAGE), 0);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_REQUESTS), 1);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_HITS), 1);
	/* another page's, another PASID's */
	rig_command(of_sid(CMD_ATC_INV), VA + PAGE);
	rig_command(of_sid(CMD_ATC_INV) | CMD0_SSV | 3u << 12, VA);
	ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_REQUESTS), 1);
	rig_command(of_sid(CMD_ATC_INV), VA);
	d.operand = 3;
	ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(ram64(PAGES + 2 * PAGE), 3);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATS_INVALIDATIONS), 3);
	/* off and on again: empty */
	cfg(ATS_CAP + PCI_ATS_CTRL, 2, 0);
	cfg(ATS_CAP + PCI_ATS_CTRL, 2, PCI_ATS_CTRL_ENABLE);
	ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_REQUESTS), 3);
}
END_TEST

/* PASIDs are apart in the ATC; Global reaches all of them. */
START_TEST(test_atc_pasid)
{
	struct testdev_desc d = fill(VA, 8, 1);

	d.op |= TESTDEV_F_PASID;
	for (d.pasid = 1; d.pasid <= 3; d.pasid++) {
		rig_map(d.pasid, 5, d.pasid);
		ck_assert_uint_eq(run(&d), OK);
		ck_assert_uint_eq(ram64(PAGES + d.pasid * PAGE), 1);
	}
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_REQUESTS), 3);
	rig_command(of_sid(CMD_ATC_INV) | CMD0_SSV | 2u << 12, VA);
	for (d.pasid = 1; d.pasid <= 3; d.pasid++)
		ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_REQUESTS), 4);
	rig_command(of_sid(CMD_ATC_INV) | CMD0_SSV | CMD0_ATC_GLOBAL, 52);
	for (d.pasid = 1; d.pasid <= 3; d.pasid++)
		ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_REQUESTS), 7);
}
END_TEST

/* Held invalidations: CMD_SYNC waits; released it completes, otherwise it times out. */
START_TEST(test_invalidation_held)
{
	dev_wr(TESTDEV_ATS_CONTROL, TESTDEV_ATS_HOLD);
	rig_command(of_sid(CMD_ATC_INV), VA);
	rig_command(CMD_SYNC, 0);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATS_HELD), 1);
	ck_assert_uint_ne(smmu_rd(SMMU_CMDQ_CONS), rig.cmd);
	ck_assert_uint_ne(rig.timer, 0);
	if (_i == 0) {
		dev_wr(TESTDEV_ATS_RELEASE, 1);
		ck_assert_uint_eq(smmu_rd(SMMU_CMDQ_CONS), rig.cmd);
		return;
	}
	if (_i == 2)
		rig_reset_function();
	smmu_timeout(rig.smmu);
	ck_assert_uint_eq(field_get32(CMDQ_CONS_ERR, smmu_rd(SMMU_CMDQ_CONS)), CERROR_ATC_INV_SYNC);
	smmu_wr(SMMU_GERRORN, smmu_rd(SMMU_GERROR));
	ck_assert_uint_eq(smmu_rd(SMMU_CMDQ_CONS) & QUEUE_INDEX, rig.cmd);
}
END_TEST

/* What the response says, as software sees it. */
START_TEST(test_translation_request)
{
	static const struct {
		uint32_t page, flags, status;
	} cases[] = {
		{5, TESTDEV_TREQ_WRITE, TESTDEV_TREQ_SUCCESS | TESTDEV_TREQ_READ_OK | TESTDEV_TREQ_WRITE_OK},
		{6, 0, TESTDEV_TREQ_SUCCESS},
		{5, TESTDEV_TREQ_EXEC | TESTDEV_TREQ_PRIV,
		 TESTDEV_TREQ_SUCCESS | TESTDEV_TREQ_READ_OK | TESTDEV_TREQ_WRITE_OK},
	};

	rig_map(7, 5, 4);
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		store(REGS + TESTDEV_TREQ_ADDR, 8, cases[i].page * PAGE);
		dev_wr(TESTDEV_TREQ_FLAGS, cases[i].flags);
		dev_wr(TESTDEV_TREQ_PASID, TESTDEV_PASID_VALID | 7);
		dev_wr(TESTDEV_TREQ_GO, 1);
		ck_assert_uint_eq(dev_rd(TESTDEV_TREQ_STATUS), cases[i].status);
		ck_assert_uint_eq(dev_rd(TESTDEV_TREQ_SIZE), 12);
		ck_assert_uint_eq(load(REGS + TESTDEV_TREQ_RESULT, 8),
				  cases[i].status & TESTDEV_TREQ_READ_OK ? PAGES + 4 * PAGE : 0);
	}
	rig_stream(false, STE_EATS_NONE);
	dev_wr(TESTDEV_TREQ_GO, 1);
	ck_assert_uint_eq(dev_rd(TESTDEV_TREQ_STATUS), TESTDEV_TREQ_UR);
	cfg(ATS_CAP + PCI_ATS_CTRL, 2, 0);
	dev_wr(TESTDEV_TREQ_GO, 1);
	ck_assert_uint_eq(dev_rd(TESTDEV_TREQ_STATUS), TESTDEV_TREQ_DISABLED);
}
END_TEST

/* A device that lies about its addresses: stopped where CR0.ATSCHK and EATS say so. */
START_TEST(test_forged)
{
	struct testdev_desc d = fill(PAGES + 3 * PAGE, 8, 9);
	struct smmu_event e;

	d.op |= TESTDEV_F_TRANSLATED;
	ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(ram64(PAGES + 3 * PAGE), 9);
	rig_stream(false, STE_EATS_NONE);
	ck_assert_uint_eq(run(&d), code(TESTDEV_KIND_FAULT, TESTDEV_AT_DESTINATION));
	ck_assert(rig_event(&e));
	ck_assert_uint_eq(field_get(EVT0_ID, e.dw[0]), EVT_F_TRANSL_FORBIDDEN);
	/* and ordinary accesses go on, also while ATS is enabled */
	d = fill(VA, 8, 7);
	d.op |= TESTDEV_F_UNTRANSLATED;
	rig_map(0, 5, 6);
	ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(ram64(PAGES + 6 * PAGE), 7);
	d.op |= TESTDEV_F_TRANSLATED;
	ck_assert_uint_eq(run(&d), code(TESTDEV_KIND_BAD_REQUEST, TESTDEV_AT_DESCRIPTOR));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("testdev_ats");
	TCase *tc = tcase_create("ats");

	tcase_add_checked_fixture(tc, setup, rig_stop);
	tcase_add_test(tc, test_no_stall);
	tcase_add_test(tc, test_atc);
	tcase_add_test(tc, test_atc_pasid);
	tcase_add_loop_test(tc, test_invalidation_held, 0, 3);
	tcase_add_test(tc, test_translation_request);
	tcase_add_test(tc, test_forged);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
