/* SPDX-License-Identifier: Apache-2.0 */
/* The nested backend against the pretended iommufd: objects and their order, transitions, every failure on the way. */
#include <errno.h>

#include <linux/iommufd.h>

#include "nested_fixture.h"
#include "run_suite.h"
#include "stats.h"

static void setup(void)
{
	nested_begin(false);
}

/* What a device is attached to, in one letter: - detached, a abort, b bypass, s stage 1. */
static char state_of(const struct fake_vfio_dev *f)
{
	if (!f->attached)
		return '-';
	ck_assert_int_eq(f->attached->type, FAKE_HWPT_NESTED);
	switch (f->attached->ste[0] & 0xf) {
	case 1:
		return 'a';
	case 9:
		return 'b';
	case 0xb:
		return 's';
	default:
		return '?';
	}
}

START_TEST(probe)
{
	struct nested_info info;

	ck_assert_int_eq(nested_probe(&dev[0], &info), 0);
	ck_assert_uint_eq(info.idr[1], fake_iommu.idr[1]);
	ck_assert_uint_eq(info.idr[5], fake_iommu.idr[5]);
	ck_assert_uint_eq(info.capabilities, IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED);
	ck_silent();

	fake_iommu.idr[0] &= ~1u;
	ck_assert_int_eq(nested_probe(&dev[0], &info), -ENOTSUP);
	ck_said("stage 2 (IDR0.S2P)");
	fake_iommu.idr[0] ^= 3;
	ck_assert_int_eq(nested_probe(&dev[0], &info), -ENOTSUP);
	ck_said("stage 1 (IDR0.S1P)");
	fake_iommu.hw_type = IOMMU_HW_INFO_TYPE_NONE;
	ck_assert_int_eq(nested_probe(&dev[0], &info), -ENOTSUP);
	ck_said("CONFIG_ARM_SMMU_V3_IOMMUFD");
	fake_iommu.hw_type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
	ck_assert_int_eq(nested_probe(&dev[0], &info), -ENOTSUP);
	ck_said("no Arm SMMUv3");
	ck_assert_uint_eq(captured_errors, 4);
}
END_TEST

START_TEST(create_and_destroy)
{
	ck_assert_int_eq(nested_create(&nested, ioas, &dev[0]), 0);
	/* IOAS, stage 2, vIOMMU, abort, bypass, vEVENTQ */
	ck_assert_uint_eq(fake_iommu_seen.objects, 6);
	ck_assert_uint_eq(iommufd.objects, 6);
	ck_assert_uint_eq(fake_iommu_seen.nested, 2);
	ck_assert_int_ge(nested_event_fd(nested), 0);
	ck_assert_ptr_null(fake[0]->attached);
	nested_destroy(&nested);
	ck_assert_ptr_null(nested);
	ck_assert_uint_eq(fake_iommu_seen.objects, 1);
	nested_destroy(&nested);
	ck_silent();
}
END_TEST

START_TEST(create_refusals)
{
	fake_iommu.no_nest_parent = true;
	ck_assert_int_eq(nested_create(&nested, ioas, &dev[0]), -EOPNOTSUPP);
	ck_assert_ptr_null(nested);
	ck_said("errata");
	fake_iommu.no_nest_parent = false;
	fake_iommu.no_viommu = true;
	ck_assert_int_eq(nested_create(&nested, ioas, &dev[0]), -EOPNOTSUPP);
	ck_said("CONFIG_ARM_SMMU_V3_IOMMUFD");
	fake_iommu.idr[3] &= ~0x100u;
	ck_assert_int_eq(nested_create(&nested, ioas, &dev[0]), -EOPNOTSUPP);
	ck_said("CANWBS");
	ck_said("FWB");
	ck_assert_uint_eq(captured_errors, 3);
	ck_assert_uint_eq(fake_iommu_seen.objects, 1);
}
END_TEST

/* Each call of creation fails in turn: an error is said once, nothing stays. */
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
		fake_fail_nth(0, 0);
		ck_assert_msg(err == -ENOSPC, "%s failed: %d", fake_failed_call(), err);
		ck_assert_msg(captured_errors == 1, "%s: %u messages", fake_failed_call(), captured_errors);
		ck_assert_ptr_null(nd[0]);
		nested_destroy(&nested);
		ck_assert_uint_eq(fake_iommu_seen.objects, 1);
		ck_assert_int_eq(state_of(fake[0]), '-');
	}
	fake_fail_nth(0, 0);
	ck_assert_int_eq(state_of(fake[0]), 'a');
}
END_TEST

START_TEST(add_begins_blocked)
{
	build();
	ck_assert_int_eq(state_of(fake[0]), 'a');
	ck_assert_int_eq(state_of(fake[1]), 'a');
	ck_assert(!fake[0]->was_bypassed);
	ck_silent();
}
END_TEST

START_TEST(another_smmu_is_refused)
{
	ck_assert_int_eq(nested_create(&nested, ioas, &dev[0]), 0);
	snprintf(dev[1].iommu, sizeof(dev[1].iommu), "smmu3.0x0000000009070000");
	ck_assert_int_eq(nested_add(&nd[1], nested, &dev[1]), -EINVAL);
	ck_said("smmu3.0x0000000009070000");
	ck_said("IOMMU of its own");
	ck_assert_ptr_null(nd[1]);
}
END_TEST

START_TEST(attach_s1)
{
	uint64_t hwpts;

	build();
	ck_assert_int_eq(nested_attach_s1(nd[0], 0x100, S1_STE(1)), 0);
	ck_assert_int_eq(state_of(fake[0]), 's');
	ck_assert_int_eq(fake[0]->vsid, 0x100);
	ck_assert_uint_eq(fake[0]->attached->ste[0], S1_STE(1)[0]);
	ck_assert_uint_eq(fake[0]->attached->ste[1], S1_STE(1)[1]);
	ck_assert_int_eq(state_of(fake[1]), 'a');

	/* the same again: not one call */
	unsigned calls = fake_calls();
	ck_assert_int_eq(nested_attach_s1(nd[0], 0x100, S1_STE(1)), 0);
	ck_assert_uint_eq(fake_calls(), calls);

	/* another table: one allocation, one attach, the old one gone, never through anything else */
	hwpts = stats.iommufd_hwpt_alloc;
	unsigned attaches = fake[0]->attaches;
	ck_assert_int_eq(nested_attach_s1(nd[0], 0x100, S1_STE(2)), 0);
	ck_assert_uint_eq(fake[0]->attached->ste[0], S1_STE(2)[0]);
	ck_assert_uint_eq(stats.iommufd_hwpt_alloc, hwpts + 1);
	ck_assert_uint_eq(fake[0]->attaches, attaches + 1);
	ck_assert_uint_eq(fake_iommu_seen.nested, 3);
	ck_assert(!fake[0]->was_bypassed);
	ck_silent();
}
END_TEST

START_TEST(stream_id_changes)
{
	build();
	ck_assert_int_eq(nested_attach_s1(nd[0], 0x100, S1_STE(1)), 0);
	unsigned attaches = fake[0]->attaches;
	ck_assert_int_eq(nested_attach_s1(nd[0], 0x200, S1_STE(1)), 0);
	ck_assert_int_eq(fake[0]->vsid, 0x200);
	ck_assert_uint_eq(fake[0]->attaches, attaches + 2); /* abort while no vDEVICE names the stream */
	ck_assert_int_eq(state_of(fake[0]), 's');
	ck_assert(!fake[0]->was_bypassed);

	/* the other device may take the number that is free now, but not one in use */
	ck_assert_int_eq(nested_attach_s1(nd[1], 0x100, S1_STE(3)), 0);
	ck_assert_int_eq(fake[1]->vsid, 0x100);
	ck_assert_int_eq(nested_attach_s1(nd[1], 0x200, S1_STE(3)), -EEXIST);
	ck_said("StreamID 0x200");
	ck_assert_int_eq(state_of(fake[1]), 'a');
	ck_assert_int_eq(state_of(fake[0]), 's');

	/* and recovers */
	ck_assert_int_eq(nested_attach_s1(nd[1], 0x300, S1_STE(3)), 0);
	ck_assert_int_eq(fake[1]->vsid, 0x300);
}
END_TEST

/* From every state to every state, twice. */
static int go(char to, unsigned table)
{
	switch (to) {
	case 'a':
		return nested_attach_abort(nd[0]);
	case 'b':
		return nested_attach_bypass(nd[0]);
	default:
		return nested_attach_s1(nd[0], 0x108, S1_STE(table));
	}
}

START_TEST(transitions)
{
	static const char states[] = "abs";

	build();
	for (unsigned from = 0; from < 3; from++)
		for (unsigned to = 0; to < 3; to++) {
			unsigned attaches;

			ck_assert_int_eq(go(states[from], 1), 0);
			ck_assert_int_eq(state_of(fake[0]), states[from]);
			fake[0]->was_bypassed = false;
			attaches = fake[0]->attaches;
			ck_assert_int_eq(go(states[to], 1), 0);
			ck_assert_int_eq(state_of(fake[0]), states[to]);
			ck_assert_uint_eq(fake[0]->attaches, attaches + (from != to));
			ck_assert_int_eq(fake[0]->was_bypassed, states[to] == 'b' && from != to);
			ck_assert_uint_eq(fake_iommu_seen.nested, 2 + (states[to] == 's'));
		}
	ck_assert_uint_le(fake_iommu_seen.nested_peak, 2 + 2);
	ck_silent();
}
END_TEST

/* Each call of each transition fails in turn, once and (attach_err) also with no attach working any more: the device is
 * on its old translation only where nothing was asked of the kernel, else blocked; never bypassing; nothing leaks; and
 * the next try works. */
START_TEST(transitions_fail_everywhere)
{
	static const char states[] = "abs";
	bool no_attach = _i;

	build();
	for (unsigned from = 0; from < 3; from++)
		for (unsigned to = 0; to < 3; to++)
			for (unsigned n = 1;; n++) {
				int err;

				ck_assert_int_eq(go(states[from], 1), 0);
				fake[0]->was_bypassed = false;
				fake[0]->attach_err = no_attach ? EBUSY : 0;
				fake_fail_nth(n, ENOSPC);
				err = go(states[to], 2);
				bool failed = fake_failed();
				/* attach and then detach fail too: nothing is left to try, see nothing_works_any_more
				 */
				bool hopeless = no_attach && strstr(fake_failed_call(), "DETACH");
				fake_fail_nth(0, 0);
				fake[0]->attach_err = 0;
				if (err && hopeless) {
					ck_assert_int_eq(state_of(fake[0]), states[from]);
				} else if (err) {
					char now = state_of(fake[0]);

					ck_assert_msg(now == 'a' || now == '-', "%c to %c, call %u: now %c",
						      states[from], states[to], n, now);
					ck_assert(!no_attach || now == '-' || states[from] == 'a');
					ck_assert(!fake[0]->was_bypassed);
				} else {
					ck_assert_int_eq(state_of(fake[0]), states[to]);
				}
				ck_assert_int_eq(go('s', 3), 0);
				ck_assert_uint_eq(fake[0]->attached->ste[0], S1_STE(3)[0]);
				ck_assert_int_eq(go('a', 0), 0);
				ck_assert_uint_le(fake_iommu_seen.nested,
						  2 + 1);	     /* a destroy may have been the failure */
				while (fake_iommu_seen.nested > 2) { /* what the kernel kept then is not in our books */
					for (uint32_t id = 1; id < 512; id++) {
						struct fake_obj *o = fake_iommu_obj(id);

						if (o && o->type == FAKE_HWPT_NESTED && !o->users &&
						    (o->ste[0] & 0xf) == 0xb) {
							o->type = FAKE_FREE;
							o->parent->users--;
							fake_iommu_seen.nested--;
							fake_iommu_seen.objects--;
						}
					}
				}
				if (!failed)
					break;
			}
}
END_TEST

/* Even the detach fails: the table stays known, and goes when the device does. */
START_TEST(nothing_works_any_more)
{
	build();
	ck_assert_int_eq(go('s', 1), 0);
	fake[0]->attach_err = EIO;
	fake[0]->detach_err = EIO;
	ck_assert_int_eq(nested_attach_abort(nd[0]), -EIO);
	ck_said("cannot detach");
	ck_assert_int_eq(state_of(fake[0]), 's');
	fake[0]->attach_err = 0;
	fake[0]->detach_err = 0;
	ck_assert_int_eq(nested_attach_abort(nd[0]), 0);
	ck_assert_uint_eq(fake_iommu_seen.nested, 2);
}
END_TEST

START_TEST(bad_ste_is_blocked)
{
	const uint64_t bad[2] = {S1_STE(1)[0], 1ull << 44};

	build();
	ck_assert_int_eq(go('b', 0), 0);
	ck_assert_int_eq(nested_attach_s1(nd[0], 0x100, bad), -EIO);
	ck_said("refuses the stream table entry");
	ck_assert_int_eq(state_of(fake[0]), 'a');
}
END_TEST

START_TEST(invalidations)
{
	uint64_t cmds[4][2] = {{0x11, 0}, {0x12, 0x1000}, {0x05, 0}, {0x30, 0}};
	uint64_t before;
	uint32_t done = 99;

	build();
	before = stats.iommufd_invalidate;
	ck_assert_int_eq(nested_invalidate(nested, cmds, 0, &done), 0);
	ck_assert_uint_eq(done, 0);
	ck_assert_uint_eq(stats.iommufd_invalidate, before);
	ck_assert_int_eq(nested_invalidate(nested, cmds, 4, &done), 0);
	ck_assert_uint_eq(done, 4);
	ck_assert_uint_eq(fake_iommu_seen.invalidates, 1);
	ck_assert_uint_eq(fake_iommu_seen.cmds[1][1], 0x1000);
	ck_silent();

	fake_iommu.invalidate_fail_at = 2;
	ck_assert_int_eq(nested_invalidate(nested, cmds, 4, &done), -EIO);
	ck_assert_uint_eq(done, 2);
	ck_said("command 2 of 4");
}
END_TEST

/* The event queue */

struct record {
	uint32_t flags, sequence;
	uint64_t dw[4];
};

static void feed(uint32_t sequence, uint64_t tag)
{
	const struct record r = {0, sequence, {tag, tag + 1, tag + 2, tag + 3}};

	fake_iommu_feed(&r, sizeof(r));
}

static void feed_lost(uint32_t sequence)
{
	const uint32_t header[2] = {IOMMU_VEVENTQ_FLAG_LOST_EVENTS, sequence};

	fake_iommu_feed(header, sizeof(header));
}

static struct nested_event events[NESTED_EVENT_BATCH];

START_TEST(events_in_order)
{
	uint32_t lost;

	build();
	ck_assert_int_eq(nested_read_events(nested, events, &lost), 0);
	feed(0, 0x10);
	feed(1, 0x20);
	ck_assert_int_eq(nested_read_events(nested, events, &lost), 2);
	ck_assert_uint_eq(lost, 0);
	ck_assert_uint_eq(events[0].dw[0], 0x10);
	ck_assert_uint_eq(events[1].dw[3], 0x23);
	ck_assert_int_eq(nested_read_events(nested, events, &lost), 0);
	ck_silent();
}
END_TEST

START_TEST(events_lost)
{
	uint32_t lost;

	build();
	feed(2, 0x10); /* 0 and 1 never came */
	ck_assert_int_eq(nested_read_events(nested, events, &lost), 1);
	ck_assert_uint_eq(lost, 2);
	feed(3, 0x20);
	feed_lost(5); /* 4 and 5 dropped at the tail */
	ck_assert_int_eq(nested_read_events(nested, events, &lost), 1);
	ck_assert_uint_eq(lost, 2);
	feed(6, 0x30); /* continues where the header said */
	ck_assert_int_eq(nested_read_events(nested, events, &lost), 1);
	ck_assert_uint_eq(lost, 0);
	feed_lost(7);
	ck_assert_int_eq(nested_read_events(nested, events, &lost), 0);
	ck_assert_uint_eq(lost, 1);
}
END_TEST

START_TEST(events_wrap)
{
	uint32_t lost;

	build();
	feed(0x7ffffffe, 1);
	ck_assert_int_eq(nested_read_events(nested, events, &lost), 1);
	ck_assert_uint_eq(lost, 0x7ffffffe);
	feed(0x7fffffff, 2);
	feed(0, 3);
	feed(2, 4);
	ck_assert_int_eq(nested_read_events(nested, events, &lost), 3);
	ck_assert_uint_eq(lost, 1);
	/* three gaps of nearly 2^31 do not fit 32 bits: the count stays at its end */
	feed(1, 5);
	feed(0, 6);
	feed(0x7fffffff, 7);
	ck_assert_int_eq(nested_read_events(nested, events, &lost), 3);
	ck_assert_uint_eq(lost, UINT32_MAX);
}
END_TEST

START_TEST(events_in_pieces)
{
	const struct record r[2] = {{0, 0, {1, 2, 3, 4}}, {0, 1, {5, 6, 7, 8}}};
	const uint8_t *bytes = (const uint8_t *)r;
	uint32_t lost, total = 0;
	int n;

	build();
	for (unsigned i = 0; i < sizeof(r); i++) {
		fake_iommu_feed(bytes + i, 1);
		n = nested_read_events(nested, events, &lost);
		ck_assert_int_eq(n, (i + 1) % sizeof(r[0]) == 0);
		ck_assert_uint_eq(lost, 0);
		if (n)
			ck_assert_uint_eq(events[0].dw[3], r[total++].dw[3]);
	}
	ck_assert_uint_eq(total, 2);
}
END_TEST

START_TEST(events_batch)
{
	uint32_t lost, next = 0;
	const uint8_t head[3] = {0, 0, 0};

	build();
	for (uint32_t i = 0; i < 200; i++)
		feed(i, i);
	while (next < 200) {
		int n = nested_read_events(nested, events, &lost);

		ck_assert_int_gt(n, 0);
		ck_assert_int_le(n, (int)NESTED_EVENT_BATCH);
		ck_assert_uint_eq(lost, 0);
		for (int i = 0; i < n; i++)
			ck_assert_uint_eq(events[i].dw[0], next++);
	}
	/* a full batch behind the rest of a record */
	fake_iommu_feed(head, sizeof(head));
	ck_assert_int_eq(nested_read_events(nested, events, &lost), 0);
	ck_assert_uint_eq(lost, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nested");
	TCase *t = tcase_create("nested");

	tcase_add_checked_fixture(t, setup, nested_end);
	tcase_add_test(t, probe);
	tcase_add_test(t, create_and_destroy);
	tcase_add_test(t, create_refusals);
	tcase_add_test(t, create_fails_everywhere);
	tcase_add_test(t, add_begins_blocked);
	tcase_add_test(t, another_smmu_is_refused);
	tcase_add_test(t, attach_s1);
	tcase_add_test(t, stream_id_changes);
	tcase_add_test(t, transitions);
	tcase_add_loop_test(t, transitions_fail_everywhere, 0, 2);
	tcase_add_test(t, nothing_works_any_more);
	tcase_add_test(t, bad_ste_is_blocked);
	tcase_add_test(t, invalidations);
	tcase_add_test(t, events_in_order);
	tcase_add_test(t, events_lost);
	tcase_add_test(t, events_wrap);
	tcase_add_test(t, events_in_pieces);
	tcase_add_test(t, events_batch);
	suite_add_tcase(s, t);
	return run_suite(s);
}
