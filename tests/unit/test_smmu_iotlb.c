/* SPDX-License-Identifier: Apache-2.0 */
/* Emulated endpoints: what the IOTLB keeps, and what makes it and devices forget. */
#include <check.h>
#include <pthread.h>
#include <unistd.h>

#include "smmu_soft_fixture.h"
#include "run_suite.h"

#define VA 0x123000u

static struct tables t;

/* Stream 0x10 at stage 1: VA goes to DATA. */
static void setup_s1(void)
{
	setup_soft();
	t = new_tables(12, 39);
	map_page(&t, VA, DATA, LEAF_S1);
	stream_s1(0x10, 0, 1, 5, &t);
	start();
}

/* A changed table is seen after the TLBI and not before, by the IOTLB and by devices; hits are counted. */
START_TEST(test_iotlb_caches)
{
	uint64_t hits = counter(&stats.smmu_tlb_hits), walks = counter(&stats.smmu_walks), value;

	put64(DATA, 1);
	put64(DATA2, 2);
	ck_assert_int_eq(dma_read(&soft[0].user, VA, &value, sizeof(value)), 0);
	map_page(&t, VA, DATA2, LEAF_S1);
	ck_assert_uint_eq(pa_of(0, VA), DATA);
	ck_assert_uint_eq(pa_of(0, VA + 0x800), DATA + 0x800);
	ck_assert_uint_eq(counter(&stats.smmu_tlb_hits) - hits, 2);
	ck_assert_uint_eq(counter(&stats.smmu_walks) - walks, 1);
	issue_sync(asid_cmd(CMD_TLBI_NH_VA, 1, 5), (VA + 0x1000) | 1);
	ck_assert_uint_eq(soft[0].invalidated, 0);
	ck_assert_int_eq(dma_read(&soft[0].user, VA, &value, sizeof(value)), 0);
	ck_assert_uint_eq(value, 1);
	/* no CMD_SYNC: commands are complete when their index has moved */
	issue(asid_cmd(CMD_TLBI_NH_VA, 1, 5), VA | 1);
	ck_assert_uint_eq(soft[0].invalidated, 1);
	ck_assert_uint_eq(soft[1].invalidated, 1);
	ck_assert_int_eq(dma_read(&soft[0].user, VA, &value, sizeof(value)), 0);
	ck_assert_uint_eq(value, 2);
	ck_assert_uint_eq(pa_of(0, VA), DATA2);
}
END_TEST

/* What a device was told in answer to a question, and keeps, ends with the TLBI too: that of an interrupt's message. */
START_TEST(test_questions)
{
	struct dma_target target;

	ck_assert_int_eq(dma_translate(&soft[0].space, DMA_NO_PASID, VA, DMA_WRITE | DMA_PROBE, &target), 0);
	ck_assert_uint_eq(fx.smmu->tlb.used, 0);
	issue_sync(asid_cmd(CMD_TLBI_NH_VA, 1, 5), VA | 1);
	ck_assert_uint_eq(soft[0].invalidated, 1);
	issue_sync(asid_cmd(CMD_TLBI_NH_VA, 1, 5), VA | 1);
	ck_assert_uint_eq(soft[0].invalidated, 1);
}
END_TEST

/* Two endpoints with one address space share entries; with other ASIDs they do not. */
START_TEST(test_iotlb_is_shared_by_tag)
{
	struct tables other = new_tables(12, 39);

	stream_s1(0x11, 0, 1, 5, &t);
	ck_assert_uint_eq(pa_of(0, VA), DATA);
	map_page(&t, VA, DATA2, LEAF_S1);
	ck_assert_uint_eq(pa_of(1, VA), DATA);
	map_page(&other, VA, DATA2, LEAF_S1);
	stream_s1(0x11, 1, 1, 6, &other);
	issue_sync(sid_cmd(CMD_CFGI_STE, 0x11), 1);
	ck_assert_uint_eq(pa_of(1, VA), DATA2);
	stream_s1(0x11, 1, 2, 5, &other);
	issue_sync(sid_cmd(CMD_CFGI_STE, 0x11), 1);
	ck_assert_uint_eq(pa_of(1, VA), DATA2);
	ck_assert_uint_eq(fx.smmu->tlb.used, 3);
}
END_TEST

/* 3.13: access flag and dirty state are set by the walk that needs it, and a clean page's first write walks again. */
START_TEST(test_dirty_state)
{
	uint64_t at = desc_at(&t, VA, 3), leaf = (LEAF_S1_RO & ~PT_AF) | PT_DBM, walks;
	struct dma_target target;

	put_cd(CDTAB, 5, &t, CD0_HA | CD0_HD);
	put64(at, DATA | leaf | 3);
	/* a question leaves no trace */
	ck_assert_int_eq(dma_translate(&soft[0].space, DMA_NO_PASID, VA, DMA_READ | DMA_PROBE, &target), 0);
	ck_assert_uint_eq(target.pa.v, DATA);
	ck_assert_uint_eq(get64(at), DATA | leaf | 3);
	ck_assert_uint_eq(fx.smmu->tlb.used, 0);
	ck_assert_int_eq(dma_translate(&soft[0].space, DMA_NO_PASID, VA, DMA_READ, &target), 0);
	ck_assert_uint_eq(target.perms & RW, DMA_READ);
	ck_assert_uint_eq(get64(at), DATA | leaf | PT_AF | 3);
	walks = counter(&stats.smmu_walks);
	ck_assert_int_eq(dma_translate(&soft[0].space, DMA_NO_PASID, VA, DMA_WRITE, &target), 0);
	ck_assert_uint_eq(target.perms & RW, RW);
	ck_assert_uint_eq(get64(at), (DATA | leaf | PT_AF | 3) & ~PT_S1_RO);
	ck_assert_int_eq(dma_translate(&soft[0].space, DMA_NO_PASID, VA, DMA_WRITE, &target), 0);
	ck_assert_uint_eq(counter(&stats.smmu_walks) - walks, 1);
	ck_assert_uint_eq(fx.smmu->tlb.used, 1);
	/* what the driver cleans without a TLBI stays dirty to the IOTLB */
	put64(at, DATA | leaf | PT_AF | 3);
	ck_assert_int_eq(dma_translate(&soft[0].space, DMA_NO_PASID, VA, DMA_WRITE, &target), 0);
	ck_assert_uint_eq(get64(at), DATA | leaf | PT_AF | 3);
	issue_sync(asid_cmd(CMD_TLBI_NH_ASID, 1, 5), 0);
	ck_assert_int_eq(dma_translate(&soft[0].space, DMA_NO_PASID, VA, DMA_WRITE, &target), 0);
	ck_assert_uint_eq(get64(at), (DATA | leaf | PT_AF | 3) & ~PT_S1_RO);
	ck_assert_uint_eq(nr_events(), 0);
}
END_TEST

/* Permissions that were raised show at once; those that were taken away stay until the TLBI. */
START_TEST(test_permissions_change)
{
	uint64_t pa;

	map_page(&t, VA, DATA, LEAF_S1_RO);
	ck_assert_int_eq(xlate(0, DMA_NO_PASID, VA, DMA_READ, &pa), 0);
	ck_assert_int_eq(xlate(0, DMA_NO_PASID, VA, DMA_WRITE, &pa), -EFAULT);
	map_page(&t, VA, DATA, LEAF_S1);
	ck_assert_int_eq(xlate(0, DMA_NO_PASID, VA, DMA_WRITE, &pa), 0);
	map_page(&t, VA, DATA, LEAF_S1_RO);
	ck_assert_int_eq(xlate(0, DMA_NO_PASID, VA, DMA_WRITE, &pa), 0);
	issue_sync(vmid_cmd(CMD_TLBI_NH_ALL, 1), 0);
	ck_assert_int_eq(xlate(0, DMA_NO_PASID, VA, DMA_WRITE, &pa), -EFAULT);
	ck_assert_uint_eq(nr_events(), 2);
}
END_TEST

/* TBI: the top byte makes no difference, to a walk, a hit and a TLBI; without it, it does. */
START_TEST(test_top_byte)
{
	uint64_t tagged = UINT64_C(0xa5) << 56 | VA, walks = counter(&stats.smmu_walks);

	ck_assert_uint_eq(pa_of(0, VA), DATA);
	ck_assert_uint_eq(pa_of(0, tagged), 0);
	put_cd(CDTAB, 5, &t, CD0_TBI0);
	issue_sync(sid_cmd(CMD_CFGI_CD, 0x10), 1);
	ck_assert_uint_eq(pa_of(0, tagged + 4), DATA + 4);
	ck_assert_uint_eq(counter(&stats.smmu_walks) - walks, 2);
	issue_sync(asid_cmd(CMD_TLBI_NH_VA, 1, 5), UINT64_C(0x33) << 56 | VA);
	ck_assert_uint_eq(fx.smmu->tlb.used, 0);
}
END_TEST

/* Upper half: TTB1, with an ASID of the CD and addresses that begin with ones. */
START_TEST(test_upper_half)
{
	struct tables up = new_tables(12, 39);
	uint64_t va = MASK64(63, 39) | VA;
	struct smmu_cd cd;

	map_page(&up, va, DATA2, LEAF_S1);
	ck_assert_int_eq(gmem_read(&fx.mem, gpa(CDTAB), &cd, sizeof(cd)), 0);
	cd.dw[0] &= ~CD0_EPD1;
	cd.dw[0] |= field_prep(CD0_T1SZ, 25) | field_prep(CD0_TG1, TG1_4K);
	cd.dw[2] = up.root;
	put(CDTAB, &cd, sizeof(cd));
	ck_assert_uint_eq(pa_of(0, va + 4), DATA2 + 4);
	ck_assert_uint_eq(pa_of(0, VA + 4), DATA + 4);
	map_page(&up, va, DATA, LEAF_S1);
	issue_sync(asid_cmd(CMD_TLBI_NH_VA, 1, 5), VA);
	ck_assert_uint_eq(pa_of(0, va + 4), DATA2 + 4);
	issue_sync(asid_cmd(CMD_TLBI_NH_VA, 1, 5), va);
	ck_assert_uint_eq(pa_of(0, va + 4), DATA + 4);
}
END_TEST

/* STRW: EL2 and, with CR2.E2H, EL2-E2H; entries of one are not those of another. */
START_TEST(test_el2)
{
	bool e2h = _i;

	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
	wr32(SMMU_CR2, CR2_RECINVSID | (e2h ? CR2_E2H : 0));
	ck_assert_uint_eq(!!(rd32(SMMU_CR2) & CR2_E2H), e2h);
	enable_smmu();
	put_ste_words(0x10, ste_s1(CDTAB), field_prep(STE1_STRW, STE_STRW_EL2), 0, 0);
	/* privileged EL2 knows AP[1] as 1; E2H as EL1 does */
	put_cd(CDTAB, 5, &t, 0);
	ck_assert_uint_eq(pa_of(0, VA), DATA);
	ck_assert_uint_eq(fx.smmu->tlb.entries[0].tag.world, e2h ? SMMU_WORLD_EL2_E2H : SMMU_WORLD_EL2);
	ck_assert_uint_eq(fx.smmu->tlb.entries[0].global, !e2h);
	map_page(&t, VA, DATA2, LEAF_S1);
	issue_sync(CMD_TLBI_NSNH_ALL, 0);
	issue_sync(asid_cmd(CMD_TLBI_EL2_ASID, 0, e2h ? 6 : 5), 0);
	ck_assert_uint_eq(pa_of(0, VA), DATA);
	issue_sync(asid_cmd(CMD_TLBI_EL2_VA, 0, 5), VA);
	ck_assert_uint_eq(pa_of(0, VA), DATA2);
	ck_assert_uint_eq(cmdq_err(), 0);
}
END_TEST

/* More pages than the IOTLB has entries: it stays bounded, and what it lost is lost to devices after any TLBI. */
START_TEST(test_displacement)
{
	uint64_t value = 0;

	t = new_tables(16, 39);
	map_at(&t, UINT64_C(1) << 29, RAM_BASE, 2, LEAF_S1);
	for (unsigned i = 0; i < 8192; i++)
		map_page(&t, (uint64_t)i << 16, DATA, LEAF_S1);
	stream_s1(0x10, 0, 1, 5, &t);
	put64(DATA, 1);
	put64(DATA2, 2);
	ck_assert_int_eq(dma_read(&soft[0].user, 0, &value, sizeof(value)), 0);
	for (unsigned i = 1; i < 8192; i++)
		ck_assert_uint_ne(pa_of(0, (uint64_t)i << 16), 0);
	ck_assert_uint_eq(fx.smmu->tlb.used, SMMU_TLB_ENTRIES);
	ck_assert_uint_eq(soft[0].invalidated, 0);
	map_page(&t, 0, DATA2, LEAF_S1);
	issue_sync(asid_cmd(CMD_TLBI_NH_VA, 1, 5), 0);
	ck_assert_uint_eq(soft[0].invalidated, 1);
	/* and once only */
	issue_sync(asid_cmd(CMD_TLBI_NH_VA, 1, 77), 0);
	ck_assert_uint_eq(soft[0].invalidated, 1);
	ck_assert_int_eq(dma_read(&soft[0].user, 0, &value, sizeof(value)), 0);
	ck_assert_uint_eq(value, 2);
}
END_TEST

/*
 * A device's thread reads through its own cache while the driver maps one page after the other to the same address:
 * after an invalidation is complete nobody begins to read an older page.
 */
#define ROUNDS 0x40u

static _Atomic uint64_t complete;
static _Atomic bool stop;

static void *reader(void *arg)
{
	struct soft_ep *s = arg;
	uint64_t value, before;

	do {
		before = atomic_load(&complete);
		if (dma_read(&s->user, VA, &value, sizeof(value)) || value < before)
			return s;
	} while (!atomic_load(&stop));
	return NULL;
}

START_TEST(test_threads)
{
	pthread_t thread[2];
	void *bad;

	atomic_store(&complete, 0);
	atomic_store(&stop, false);
	stream_s1(0x11, 0, 1, 5, &t);
	for (uint64_t i = 0; i < ROUNDS; i++)
		put64(DATA + i * 0x1000, i);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, reader, &soft[i]), 0);
	for (uint64_t i = 1; i < ROUNDS; i++) {
		bus_lock(&fx.bus);
		map_page(&t, VA, DATA + i * 0x1000, LEAF_S1);
		bus_unlock(&fx.bus);
		issue(asid_cmd(CMD_TLBI_NH_VA, 1, 5), VA | 1);
		atomic_store(&complete, i);
		usleep(200);
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_join(thread[i], &bad), 0);
		ck_assert_ptr_null(bad);
	}
	ck_assert_uint_eq(nr_events(), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-iotlb");
	TCase *tc = tcase_create("iotlb");

	tcase_add_checked_fixture(tc, setup_s1, teardown);
	tcase_add_test(tc, test_iotlb_caches);
	tcase_add_test(tc, test_questions);
	tcase_add_test(tc, test_iotlb_is_shared_by_tag);
	tcase_add_test(tc, test_dirty_state);
	tcase_add_test(tc, test_permissions_change);
	tcase_add_test(tc, test_top_byte);
	tcase_add_test(tc, test_upper_half);
	tcase_add_loop_test(tc, test_el2, 0, 2);
	tcase_add_test(tc, test_displacement);
	tcase_add_test(tc, test_threads);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
