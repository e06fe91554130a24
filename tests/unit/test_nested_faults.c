/* SPDX-License-Identifier: Apache-2.0 */
/* Page faults of assigned devices against the pretended iommufd: who answers what, each exactly once. */
#include <errno.h>
#include <poll.h>

#include <linux/iommufd.h>

#include "nested_fixture.h"
#include "stats.h"
#include "sys.h"
#include "run_suite.h"

static struct nested_fault faults[NESTED_FAULT_BATCH];

static void setup(void)
{
	nested_begin(true);
}

static void build_s1(void)
{
	build();
	ck_assert_int_eq(nested_attach_s1(nd[0], 0x100, S1_STE(1)), 0);
}

static bool raise_group(uint32_t tag, unsigned n)
{
	return fake_fault_raise(fake[0]->dev, fake[0]->attached,
				&(struct fake_fault){
					.tag = tag,
					.n = n,
					.flags = tag & 1 ? IOMMU_PGFAULT_FLAGS_PASID_VALID : 0,
					.pasid = tag & 0xff,
					.grpid = tag & 0x1ff,
					.perm = IOMMU_PGFAULT_PERM_READ | (tag & 2 ? IOMMU_PGFAULT_PERM_WRITE : 0),
					.addr = UINT64_C(0x100000) * tag,
				});
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* What each counter of ours has counted since the last call. */
static struct {
	uint64_t faults, retried, refused, expired, withdrawn, turned_away;
} counted;

static void count(void)
{
	counted.faults = stats.host_faults;
	counted.retried = stats.host_faults_retried;
	counted.refused = stats.host_faults_refused;
	counted.expired = stats.host_faults_expired;
	counted.withdrawn = stats.host_faults_withdrawn;
	counted.turned_away = stats.host_faults_turned_away;
}

START_TEST(only_who_can_stall)
{
	build_s1();
	ck_assert(nested_can_stall(nd[0]));
	ck_assert(!nested_can_stall(nd[1]));
	ck_assert_ptr_nonnull(fake[0]->attached->fault);
	ck_assert_int_eq(nested_attach_s1(nd[1], 0x101, S1_STE(2)), 0);
	ck_assert_ptr_null(fake[1]->attached->fault);
	ck_assert_int_eq(nested_attach_bypass(nd[0]), 0);
	ck_assert_ptr_null(fake[0]->attached->fault);
	ck_assert(!fake[1]->was_bypassed);
	ck_silent();
}
END_TEST

START_TEST(host_that_terminates)
{
	fake_iommu.idr[0] |= 1u << STALL_MODEL_SHIFT;
	build_s1();
	ck_assert(!nested_can_stall(nd[0]));
	ck_assert_int_eq(nested_fault_fd(nested), -1);
	ck_assert_int_eq(nested_timer_fd(nested), -1);
	ck_assert_int_eq(nested_answer(nd[0], 1, true), -ENOENT);
	ck_assert_uint_eq(nested_pending(nested), 0);
	ck_silent();
}
END_TEST

/* With this model every device stalls, whatever the firmware says. */
START_TEST(host_that_always_stalls)
{
	fake_iommu.idr[0] |= 2u << STALL_MODEL_SHIFT;
	build_s1();
	ck_assert(nested_can_stall(nd[0]));
	ck_assert(nested_can_stall(nd[1]));
}
END_TEST

START_TEST(kernel_without_sva)
{
	fake_iommu.no_sva = true;
	build_s1();
	ck_assert(!nested_can_stall(nd[0]));
	ck_said("CONFIG_ARM_SMMU_V3_SVA");
	ck_assert_uint_eq(captured_errors, 0);
	ck_assert_ptr_null(fake[0]->attached->fault);
}
END_TEST

START_TEST(a_fault_and_its_answer)
{
	build_s1();
	ck_assert_int_eq(nested_read_faults(nested, faults), 0);
	ck_assert(!readable(nested_fault_fd(nested)));
	ck_assert(raise_group(3, 1));
	ck_assert(raise_group(4, 1));
	ck_assert(readable(nested_fault_fd(nested)));
	ck_assert_int_eq(nested_read_faults(nested, faults), 2);
	ck_assert(!readable(nested_fault_fd(nested)));
	ck_assert_ptr_eq(faults[0].dev, nd[0]);
	ck_assert_uint_eq(faults[0].pasid, 3);
	ck_assert_uint_eq(faults[0].group, 3);
	ck_assert_uint_eq(faults[0].addr, 0x300000);
	ck_assert(faults[0].last && faults[0].read && faults[0].write && !faults[0].exec && !faults[0].priv);
	ck_assert_uint_eq(faults[1].pasid, NESTED_NO_PASID);
	ck_assert(faults[1].read && !faults[1].write);
	ck_assert_uint_ne(faults[0].handle, faults[1].handle);
	ck_assert_uint_eq(nested_pending(nested), 2);

	ck_assert_int_eq(nested_answer(nd[0], faults[1].handle, true), 0);
	ck_assert_int_eq(nested_answer(nd[0], faults[0].handle, false), 0);
	ck_assert_uint_eq(fake_faults_seen.retried, 1);
	ck_assert_uint_eq(fake_faults_seen.invalid, 1);
	ck_assert_uint_eq(nested_pending(nested), 0);
	/* twice, and never given out */
	ck_assert_int_eq(nested_answer(nd[0], faults[0].handle, true), -ENOENT);
	ck_assert_int_eq(nested_answer(nd[0], 0, true), -ENOENT);
	ck_assert_int_eq(nested_answer(nd[0], UINT32_MAX, true), -ENOENT);
	ck_assert_uint_eq(fake_faults_seen.unknown, 0);
	ck_silent();
}
END_TEST

/* The kernel uses a cookie again at once: an old handle must not answer the new group. */
START_TEST(handles_do_not_come_back)
{
	uint32_t first;

	build_s1();
	ck_assert(raise_group(1, 1));
	ck_assert_int_eq(nested_read_faults(nested, faults), 1);
	first = faults[0].handle;
	ck_assert_int_eq(nested_answer(nd[0], first, true), 0);
	for (uint32_t i = 2; i < 3 * NESTED_MAX_FAULTS; i++) {
		ck_assert(raise_group(i, 1));
		ck_assert_int_eq(nested_read_faults(nested, faults), 1);
		ck_assert_uint_ne(faults[0].handle, first);
		ck_assert_int_eq(nested_answer(nd[0], first, true), -ENOENT);
		ck_assert_int_eq(nested_answer(nd[0], faults[0].handle, true), 0);
	}
}
END_TEST

START_TEST(groups)
{
	build_s1();
	ck_assert(raise_group(1, 3));
	ck_assert(raise_group(2, 2));
	ck_assert_int_eq(nested_read_faults(nested, faults), 5);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(faults[i].last, i == 2 || i == 4);
		ck_assert_uint_eq(faults[i].handle, faults[i < 3 ? 0 : 3].handle);
	}
	ck_assert_uint_ne(faults[0].handle, faults[3].handle);
	ck_assert_uint_eq(faults[1].addr, 0x101000);
	ck_assert_uint_eq(nested_pending(nested), 2);
	ck_assert_int_eq(nested_answer(nd[0], faults[3].handle, true), 0);
	ck_assert_int_eq(nested_answer(nd[0], faults[0].handle, true), 0);
	ck_assert_uint_eq(fake_faults_seen.retried, 2);
}
END_TEST

/* A batch takes whole groups; one that fits into none is refused and does not block those behind it. */
START_TEST(large_groups)
{
	build_s1();
	ck_assert(raise_group(1, NESTED_FAULT_BATCH - 1));
	ck_assert(raise_group(2, 2));
	ck_assert(raise_group(3, NESTED_FAULT_BATCH + 1));
	ck_assert(raise_group(4, 1));
	ck_assert_int_eq(nested_read_faults(nested, faults), NESTED_FAULT_BATCH - 1);
	ck_assert_int_eq(nested_read_faults(nested, faults), 2);
	ck_assert_int_eq(nested_read_faults(nested, faults), 0);
	ck_assert_uint_eq(fake_faults_seen.answers[3], 1);
	ck_assert_uint_eq(fake_faults_seen.unread, 0);
}
END_TEST

START_TEST(no_place_left)
{
	unsigned told = 0;

	build_s1();
	count();
	for (uint32_t i = 0; i < NESTED_MAX_FAULTS + 3; i++) {
		ck_assert(raise_group(i, 1));
		told += (unsigned)nested_read_faults(nested, faults);
	}
	ck_assert_uint_eq(told, NESTED_MAX_FAULTS);
	ck_assert_uint_eq(nested_pending(nested), NESTED_MAX_FAULTS);
	ck_assert_uint_eq(fake_faults_seen.invalid, 3);
	ck_assert_uint_eq(stats.host_faults - counted.faults, NESTED_MAX_FAULTS + 3);
	ck_assert_uint_eq(stats.host_faults_turned_away - counted.turned_away, 3);
	ck_assert_int_eq(nested_attach_abort(nd[0]), 0);
	ck_assert_uint_eq(stats.host_faults_withdrawn - counted.withdrawn, NESTED_MAX_FAULTS);
	ck_assert_uint_eq(nested_pending(nested), 0);
}
END_TEST

/* Every way in which the translation changes ends what came from it; the kernel answers, we forget. */
START_TEST(translation_changes)
{
	for (int way = 0; way < 4; way++) {
		uint32_t tag = (uint32_t)way * 2;

		if (!nested)
			build_s1();
		ck_assert_int_eq(nested_attach_s1(nd[0], 0x100, S1_STE(1)), 0);
		ck_assert(raise_group(tag, 1));
		ck_assert_int_eq(nested_read_faults(nested, faults), 1);
		ck_assert(raise_group(tag + 1, 1)); /* not read yet */
		switch (way) {
		case 0:
			ck_assert_int_eq(nested_attach_s1(nd[0], 0x100, S1_STE(7)), 0);
			break;
		case 1:
			ck_assert_int_eq(nested_attach_abort(nd[0]), 0);
			break;
		case 2:
			ck_assert_int_eq(nested_attach_bypass(nd[0]), 0);
			break;
		default:
			nested_remove(&nd[0]);
		}
		ck_assert_uint_eq(nested_pending(nested), 0);
		ck_assert_uint_eq(fake_faults_seen.open, 0);
		ck_assert_uint_eq(fake_faults_seen.autos, 2 * ((unsigned)way + 1));
		ck_assert_int_eq(nested_read_faults(nested, faults), 0);
		if (nd[0])
			ck_assert_int_eq(nested_answer(nd[0], faults[0].handle, true), -ENOENT);
	}
	ck_assert_uint_eq(fake_faults_seen.unknown, 0);
}
END_TEST

/* The same table again is no attachment, but whoever asks for it relies on the end of what was open. */
START_TEST(nothing_changes)
{
	build_s1();
	ck_assert(raise_group(1, 1));
	ck_assert_int_eq(nested_read_faults(nested, faults), 1);
	ck_assert_int_eq(nested_attach_s1(nd[0], 0x100, S1_STE(1)), 0);
	ck_assert_uint_eq(nested_pending(nested), 0);
	ck_assert_uint_eq(fake_faults_seen.invalid, 1);
	ck_assert_int_eq(nested_answer(nd[0], faults[0].handle, true), -ENOENT);
	ck_assert_uint_eq(fake_faults_seen.unknown, 0);
}
END_TEST

/* Only whose fault it is can answer it. */
START_TEST(answer_of_another)
{
	build_s1();
	ck_assert(raise_group(1, 1));
	ck_assert_int_eq(nested_read_faults(nested, faults), 1);
	ck_assert_int_eq(nested_answer(nd[1], faults[0].handle, true), -ENOENT);
	ck_assert_int_eq(nested_answer(nd[0], faults[0].handle, true), 0);
}
END_TEST

/* Stage 2 has no page there, which only shows by the same fault coming again and again. */
START_TEST(a_page_that_never_comes)
{
	uint32_t n = 0;

	build_s1();
	do {
		ck_assert(fake_fault_raise(fake[0]->dev, fake[0]->attached,
					   &(struct fake_fault){.tag = n++, .addr = 0x123456}));
		if (nested_read_faults(nested, faults) == 0)
			break;
		ck_assert_int_eq(nested_answer(nd[0], faults[0].handle, true), 0);
	} while (n < 2 * NESTED_SAME_PAGE);
	ck_assert_uint_eq(n, NESTED_SAME_PAGE + 1);
	ck_assert_uint_eq(fake_faults_seen.invalid, 1);
	ck_said("0x123000");
	ck_assert(raise_group(n, 1));
	ck_assert_int_eq(nested_read_faults(nested, faults), 1);
}
END_TEST

/* One page that is lent to the device again and again faults as often. */
START_TEST(a_page_that_goes_again)
{
	static const struct {
		uint64_t cmd[2];
		bool counts;
	} cmds[] = {
		{{0x12, 0x123000}, true},
		{{0x13 | 3u << 12 | 1u << 20, 0x11d000 | 1u << 10}, true}, /* 4 << 1 pages of 4 KiB */
		{{0x12, 0x120000 | 2u << 10}, true},			   /* one of 16 KiB */
		{{0x11, 0}, true},
		{{0x12, 0x124000}, false},
		{{0x13 | 3u << 12 | 1u << 20, 0x11b000 | 1u << 10}, false},
		{{0x40, 0x123000}, false},
	};
	uint32_t n = 0, done;

	build_s1();
	do {
		if (n % 100 == 0)
			ck_assert_int_eq(nested_invalidate(nested, &cmds[_i].cmd, 1, &done), 0);
		ck_assert(fake_fault_raise(fake[0]->dev, fake[0]->attached,
					   &(struct fake_fault){.tag = n++, .addr = 0x123456}));
		if (nested_read_faults(nested, faults) == 0)
			break;
		ck_assert_int_eq(nested_answer(nd[0], faults[0].handle, true), 0);
	} while (n < NESTED_SAME_PAGE + 2);
	ck_assert_uint_eq(n, NESTED_SAME_PAGE + (cmds[_i].counts ? 2 : 1));
}
END_TEST

/* No attach and no detach works: the table stays in force, and so do its faults. */
START_TEST(stuck_on_its_table)
{
	build_s1();
	ck_assert(raise_group(1, 1));
	ck_assert_int_eq(nested_read_faults(nested, faults), 1);
	fake[0]->attach_err = EIO;
	fake[0]->detach_err = EIO;
	ck_assert_int_eq(nested_attach_abort(nd[0]), -EIO);
	ck_assert_int_eq(nested_answer(nd[0], faults[0].handle, false), 0);
	ck_assert_uint_eq(fake_faults_seen.invalid, 1);
	fake[0]->attach_err = 0;
	fake[0]->detach_err = 0;
}
END_TEST

START_TEST(time_is_up)
{
	struct nested_fault gone[NESTED_FAULT_BATCH];
	uint64_t begin = nested_now();

	build_s1();
	ck_assert(!readable(nested_timer_fd(nested)));
	ck_assert(raise_group(1, 1));
	ck_assert(raise_group(2, 1));
	ck_assert_int_eq(nested_read_faults(nested, faults), 2);
	ck_assert_int_eq(nested_answer(nd[0], faults[0].handle, true), 0);
	ck_assert(!nested_is_open(nested, nd[0], faults[0].handle));
	ck_assert(nested_is_open(nested, nd[0], faults[1].handle));
	ck_assert(!nested_is_open(nested, nd[1], faults[1].handle));
	ck_assert_uint_eq(nested_expire(nested, begin + (NESTED_FAULT_SECONDS - 1) * UINT64_C(1000000000), gone), 0);
	ck_assert_uint_eq(nested_expire(nested, nested_now() + NESTED_FAULT_SECONDS * UINT64_C(1000000000), gone), 1);
	ck_assert_ptr_eq(gone[0].dev, nd[0]);
	ck_assert_uint_eq(gone[0].handle, faults[1].handle);
	ck_said("0000:00:05.0");
	ck_assert_uint_eq(fake_faults_seen.invalid, 1);
	ck_assert(!nested_is_open(nested, nd[0], faults[1].handle));
	ck_assert_int_eq(nested_answer(nd[0], faults[1].handle, true), -ENOENT);
	ck_assert_uint_eq(fake_faults_seen.unknown, 0);
}
END_TEST

/* The timer itself: it is set for the oldest fault. */
START_TEST(timer_fires)
{
	struct nested_fault gone[NESTED_FAULT_BATCH];

	build_s1();
	ck_assert(raise_group(1, 1));
	ck_assert_int_eq(nested_read_faults(nested, faults), 1);
	/* 1 ms before its time: armed anew for that millisecond */
	ck_assert_uint_eq(
		nested_expire(nested, nested_now() + NESTED_FAULT_SECONDS * UINT64_C(1000000000) - 100000000, gone), 0);
	struct pollfd p = {.fd = nested_timer_fd(nested), .events = POLLIN};
	ck_assert_int_eq(poll(&p, 1, 5000), 1);
}
END_TEST

START_TEST(host_calls_fail)
{
	build_s1();
	ck_assert(raise_group(1, 1));
	fake_fail_nth(1, EIO);
	ck_assert_int_eq(nested_read_faults(nested, faults), -EIO);
	ck_said("cannot read the page faults");
	fake_fail_nth(1, EINTR);
	ck_assert_int_eq(nested_read_faults(nested, faults), 1);
	fake_fail_nth(1, EIO);
	ck_assert_int_eq(nested_answer(nd[0], faults[0].handle, true), -EIO);
	ck_said("cannot answer a page fault");
	fake_fail_nth(0, 0);
	ck_assert_uint_eq(nested_pending(nested), 0); /* the end of the attachment answers it */
	ck_assert_int_eq(nested_attach_abort(nd[0]), 0);
	ck_assert_uint_eq(fake_faults_seen.autos, 1);
}
END_TEST

/* What the kernel did not destroy is not in our books any more. */
static void destroy_leftover(void)
{
	for (uint32_t id = 1; id < 64; id++) {
		struct fake_obj *o = fake_iommu_obj(id);

		if (o && o->type == FAKE_HWPT_NESTED && o->fault)
			ck_assert_int_eq(
				sys_ioctl(iommufd.fd, IOMMU_DESTROY, &(struct iommu_destroy){.size = 8, .id = id}), 0);
	}
}

/* Each call of creation fails in turn: said once, nothing stays. */
START_TEST(create_fails_everywhere)
{
	for (unsigned n = 1;; n++) {
		int err;

		capture_begin();
		fake_fail_nth(n, ENOSPC);
		err = nested_create(&nested, ioas, &dev[0]);
		if (!err)
			err = nested_add(&nd[0], nested, &dev[0]);
		if (!fake_failed())
			break;
		bool destroy = !strcmp(fake_failed_call(), "ioctl IOMMU_DESTROY"); /* of what tried the queue out */

		ck_assert_msg(err == (destroy ? 0 : -ENOSPC), "%s failed: %d", fake_failed_call(), err);
		ck_assert_msg(captured_errors == 1, "%s: %u messages", fake_failed_call(), captured_errors);
		fake_fail_nth(0, 0);
		ck_assert_int_eq(nd[0] != NULL, destroy);
		if (destroy)
			destroy_leftover();
		nested_remove(&nd[0]);
		nested_destroy(&nested);
		ck_assert_uint_eq(fake_iommu_seen.objects, 1);
		ck_assert_ptr_null(fake[0]->attached);
	}
	fake_fail_nth(0, 0);
}
END_TEST

/* 10^5 faults with random answers, batches, changes of the translation and time-outs. */

#define SOAK_FAULTS 100000u

static uint32_t seed = 1;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static void soak_step(uint32_t open[], unsigned *nr_open)
{
	struct nested_fault gone[NESTED_FAULT_BATCH];
	unsigned which;

	switch (rnd(100)) {
	case 0:
		ck_assert_int_eq(nested_attach_abort(nd[0]), 0);
		ck_assert_int_eq(nested_attach_s1(nd[0], 0x100, S1_STE(rnd(8))), 0);
		break;
	case 1:
		ck_assert_int_eq(nested_attach_s1(nd[0], 0x100 + rnd(2), S1_STE(rnd(8))), 0);
		break;
	case 2:
		nested_remove(&nd[0]); /* reset of the device by its owner */
		ck_assert_int_eq(nested_add(&nd[0], nested, &dev[0]), 0);
		ck_assert_int_eq(nested_attach_s1(nd[0], 0x100, S1_STE(1)), 0);
		break;
	case 3:
		nested_expire(nested, rnd(4) ? nested_now() : UINT64_MAX, gone);
		break;
	default:
		for (unsigned n = rnd(12); n && *nr_open; n--) {
			which = rnd(*nr_open);
			nested_answer(nd[0], open[which], rnd(2)); /* some are gone */
			open[which] = open[--*nr_open];
		}
	}
}

START_TEST(soak)
{
	static uint32_t open[SOAK_FAULTS];
	unsigned nr_open = 0;
	uint32_t tag = 0;

	build_s1();
	count();
	while (tag < SOAK_FAULTS) {
		for (unsigned n = rnd(9); n && tag < SOAK_FAULTS; n--)
			if (raise_group(tag, 1 + (rnd(8) == 0)))
				tag++;
		for (int n = rnd(4) ? nested_read_faults(nested, faults) : 0; n > 0; n--)
			if (faults[n - 1].last)
				open[nr_open++] = faults[n - 1].handle;
		soak_step(open, &nr_open);
	}
	ck_assert_int_eq(nested_attach_abort(nd[0]), 0);
	ck_assert_uint_eq(nested_pending(nested), 0);
	ck_assert_uint_eq(fake_faults_seen.open, 0);
	ck_assert_uint_eq(fake_faults_seen.unknown, 0);
	for (uint32_t i = 0; i < SOAK_FAULTS; i++)
		ck_assert_msg(fake_faults_seen.answers[i] == 1, "fault %u was answered %u times", i,
			      fake_faults_seen.answers[i]);
	/* Our books agree with the kernel's. */
	ck_assert_uint_eq(stats.host_faults_retried - counted.retried, fake_faults_seen.retried);
	ck_assert_uint_eq(stats.host_faults - counted.faults,
			  stats.host_faults_retried - counted.retried + stats.host_faults_refused - counted.refused +
				  stats.host_faults_expired - counted.expired + stats.host_faults_withdrawn -
				  counted.withdrawn + stats.host_faults_turned_away - counted.turned_away);
	ck_assert_uint_eq(fake_faults_seen.retried + fake_faults_seen.invalid + fake_faults_seen.autos, SOAK_FAULTS);
	ck_assert_uint_gt(stats.host_faults_expired, counted.expired);
	ck_assert_uint_gt(fake_faults_seen.retried, SOAK_FAULTS / 10);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nested-faults");
	TCase *t = tcase_create("faults");

	tcase_add_checked_fixture(t, setup, nested_end);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, only_who_can_stall);
	tcase_add_test(t, host_that_terminates);
	tcase_add_test(t, host_that_always_stalls);
	tcase_add_test(t, kernel_without_sva);
	tcase_add_test(t, a_fault_and_its_answer);
	tcase_add_test(t, handles_do_not_come_back);
	tcase_add_test(t, groups);
	tcase_add_test(t, large_groups);
	tcase_add_test(t, no_place_left);
	tcase_add_test(t, translation_changes);
	tcase_add_test(t, nothing_changes);
	tcase_add_test(t, answer_of_another);
	tcase_add_test(t, a_page_that_never_comes);
	tcase_add_loop_test(t, a_page_that_goes_again, 0, 7);
	tcase_add_test(t, stuck_on_its_table);
	tcase_add_test(t, time_is_up);
	tcase_add_test(t, timer_fires);
	tcase_add_test(t, host_calls_fail);
	tcase_add_test(t, create_fails_everywhere);
	tcase_add_test(t, soak);
	suite_add_tcase(s, t);
	return run_suite(s);
}
