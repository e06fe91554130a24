/* SPDX-License-Identifier: Apache-2.0 */
/* The event queue, global errors and interrupts. */
#include <check.h>

#include "smmu_fixture.h"
#include "stats.h"
#include "run_suite.h"

static void setup_s1(void)
{
	setup();
	start_queues(8);
	put_ste(0x100, ste_s1(CDTAB), 0);
	enable_smmu();
	forget();
}

static struct smmu_event translation_fault(uint64_t va)
{
	return (struct smmu_event){
		.dw = {EVT_F_TRANSLATION | UINT64_C(0x100) << 32, EVT1_RNW | EVT1_CLASS, va, 0},
	};
}

static void host_event(uint64_t va)
{
	struct smmu_event e = translation_fault(va);

	smmu_host_event(fx.smmu, &e);
}

static uint32_t prod(void)
{
	return rd32(SMMU_EVENTQ_PROD);
}

START_TEST(test_event_reaches_guest)
{
	host_event(UINT64_C(0xdeadbeef000));
	ck_assert_uint_eq(prod(), 1);
	ck_assert_uint_eq(event_at(0).dw[0], EVT_F_TRANSLATION | UINT64_C(0x100) << 32);
	ck_assert_uint_eq(event_at(0).dw[1], EVT1_RNW | EVT1_CLASS);
	ck_assert_uint_eq(event_at(0).dw[2], UINT64_C(0xdeadbeef000));
	ck_assert_uint_eq(fx.pulses[0], 1);
}
END_TEST

/* Which host events pass, and which of their fields. */
START_TEST(test_host_event_fields)
{
	unsigned id = (unsigned)_i;
	bool config = id == 0x04 || id == 0x06 || id == 0x08 || id == 0x0a, fault = id >= 0x10 && id <= 0x13;
	struct smmu_event e = {.dw = {(UINT64_C(0x100) << 32) | 0xffffff00u | id, UINT64_MAX, UINT64_MAX, UINT64_MAX}};

	smmu_host_event(fx.smmu, &e);
	ck_assert_uint_eq(prod(), config || fault);
	if (config || fault) {
		ck_assert_uint_eq(event_at(0).dw[0], (UINT64_C(0x100) << 32) | 0xfffff800u | id);
		ck_assert_uint_eq(event_at(0).dw[1], fault ? UINT64_C(0x30e00000000) : 0);
		ck_assert_uint_eq(event_at(0).dw[2], fault ? UINT64_MAX : 0);
		ck_assert_uint_eq(event_at(0).dw[3], 0);
	}
}
END_TEST

START_TEST(test_foreign_stream)
{
	struct smmu_event e = translation_fault(0);
	uint64_t lost = stats.smmu_events_lost;

	e.dw[0] = EVT_F_TRANSLATION | UINT64_C(0x101) << 32;
	smmu_host_event(fx.smmu, &e);
	ck_assert_uint_eq(prod(), 0);
	ck_assert_uint_eq(stats.smmu_events_lost, lost + 1);
}
END_TEST

START_TEST(test_disabled)
{
	uint64_t lost = stats.smmu_events_lost;

	wr32(SMMU_CR0, CR0_CMDQEN | CR0_SMMUEN);
	host_event(0);
	smmu_host_events_lost(fx.smmu, 3);
	ck_assert_uint_eq(prod(), 0);
	ck_assert_uint_eq(stats.smmu_events_lost, lost + 4);
	ck_assert_uint_eq(fx.pulses[0], 0);
}
END_TEST

/* Each LOG2SIZE of the field: holds 2^n events (at most 2^10), overflow toggles once per acknowledgement. */
START_TEST(test_sizes_and_overflow)
{
	uint32_t field = (uint32_t)_i, n = field > 10 ? 10 : field, size = 1u << n, mask = 2 * size - 1;
	uint32_t p;

	wr32(SMMU_CR0, CR0_CMDQEN | CR0_SMMUEN);
	wr64(SMMU_EVENTQ_BASE, EVTQ | field);
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_SMMUEN | CR0_EVENTQEN);
	for (uint32_t i = 0; i < size; i++)
		host_event(i);
	ck_assert_uint_eq(prod(), size);
	ck_assert_uint_eq(event_at(size - 1).dw[2], size - 1);
	/* full: the flag flips once, however many are lost; the queue is untouched */
	host_event(1000);
	ck_assert_uint_eq(prod(), size | QUEUE_OVERFLOW);
	host_event(1001);
	ck_assert_uint_eq(prod(), size | QUEUE_OVERFLOW);
	ck_assert_uint_eq(event_at(0).dw[2], 0);
	/* room again, still not acknowledged: events are written, the flag stays */
	wr32(SMMU_EVENTQ_CONS, size);
	host_event(2000);
	p = ((size + 1) & mask) | QUEUE_OVERFLOW;
	ck_assert_uint_eq(prod(), p);
	ck_assert_uint_eq(event_at(0).dw[2], 2000);
	/* acknowledged: the next overflow flips it back */
	wr32(SMMU_EVENTQ_CONS, size | QUEUE_OVERFLOW);
	for (uint32_t i = 1; i < size; i++)
		host_event(i);
	ck_assert_uint_eq(prod(), QUEUE_OVERFLOW);
	host_event(1);
	ck_assert_uint_eq(prod(), 0);
	host_event(1);
	ck_assert_uint_eq(prod(), 0);
}
END_TEST

/* A CONS that makes no sense makes the queue full, nothing worse. */
START_TEST(test_insane_cons)
{
	wr32(SMMU_EVENTQ_CONS, 5); /* ahead of PROD: pretends more than 16 events */
	host_event(0);
	ck_assert_uint_eq(prod(), QUEUE_OVERFLOW);
	wr32(SMMU_EVENTQ_CONS, UINT32_MAX);
	host_event(0);
	ck_assert_uint_eq(prod() & QUEUE_INDEX, 1);
}
END_TEST

START_TEST(test_lost_by_host)
{
	smmu_host_events_lost(fx.smmu, 0);
	ck_assert_uint_eq(prod(), 0);
	smmu_host_events_lost(fx.smmu, 2);
	ck_assert_uint_eq(prod(), QUEUE_OVERFLOW);
	smmu_host_events_lost(fx.smmu, 2);
	ck_assert_uint_eq(prod(), QUEUE_OVERFLOW);
	wr32(SMMU_EVENTQ_CONS, QUEUE_OVERFLOW);
	smmu_host_events_lost(fx.smmu, 2);
	ck_assert_uint_eq(prod(), 0);
}
END_TEST

START_TEST(test_queue_outside_ram)
{
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_SMMUEN);
	wr64(SMMU_EVENTQ_BASE, OUTSIDE | 4);
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_SMMUEN | CR0_EVENTQEN);
	host_event(0);
	ck_assert_uint_eq(prod(), 0);
	ck_assert(gerror_has(GERROR_EVENTQ_ABT));
	ck_assert_uint_eq(fx.pulses[1], 1);
	/* nothing is written until the error is acknowledged, not even to a good queue */
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_SMMUEN);
	wr64(SMMU_EVENTQ_BASE, EVTQ | 4);
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_SMMUEN | CR0_EVENTQEN);
	host_event(0);
	ck_assert_uint_eq(prod(), 0);
	gerror_ack();
	host_event(0);
	ck_assert_uint_eq(prod(), 1);
}
END_TEST

/* The interrupt comes when the queue stops being empty, if enabled. */
START_TEST(test_eventq_interrupt)
{
	host_event(0);
	host_event(1);
	ck_assert_uint_eq(fx.pulses[0], 1);
	wr32(SMMU_EVENTQ_CONS, 1);
	host_event(2);
	ck_assert_uint_eq(fx.pulses[0], 1);
	wr32(SMMU_EVENTQ_CONS, 3);
	host_event(3);
	ck_assert_uint_eq(fx.pulses[0], 2);
	wr32(SMMU_EVENTQ_CONS, 4);
	wr32(SMMU_IRQ_CTRL, 0);
	host_event(4);
	ck_assert_uint_eq(fx.pulses[0], 2);
}
END_TEST

START_TEST(test_eventq_msi)
{
	wr32(SMMU_IRQ_CTRL, 0);
	wr64(SMMU_EVENTQ_IRQ_CFG0, RAM_BASE + 0x9000);
	wr32(SMMU_EVENTQ_IRQ_CFG1, 0x1234);
	wr32(SMMU_IRQ_CTRL, IRQ_CTRL_EVENTQ | IRQ_CTRL_GERROR);
	host_event(0);
	ck_assert_uint_eq(get64(RAM_BASE + 0x9000), 0x1234);
	ck_assert_uint_eq(fx.pulses[0], 0);
	/* to a doorbell */
	wr32(SMMU_IRQ_CTRL, IRQ_CTRL_GERROR);
	wr64(SMMU_EVENTQ_IRQ_CFG0, 0x8090040);
	wr32(SMMU_IRQ_CTRL, IRQ_CTRL_EVENTQ | IRQ_CTRL_GERROR);
	wr32(SMMU_EVENTQ_CONS, 1);
	host_event(0);
	ck_assert_uint_eq(fx.nr_msi, 1);
	ck_assert_uint_eq(fx.msi.data, 0x1234);
	/* to nowhere */
	fx.smmu->config.msi = NULL;
	wr32(SMMU_EVENTQ_CONS, 2);
	host_event(0);
	ck_assert_uint_eq(prod(), 3);
	ck_assert(gerror_has(GERROR_MSI_EVENTQ_ABT));
	ck_assert_uint_eq(fx.pulses[1], 1);
}
END_TEST

START_TEST(test_gerror_msi)
{
	wr32(SMMU_IRQ_CTRL, 0);
	wr64(SMMU_GERROR_IRQ_CFG0, RAM_BASE + 0x9008);
	wr32(SMMU_GERROR_IRQ_CFG1, 0x4321);
	wr32(SMMU_IRQ_CTRL, IRQ_CTRL_GERROR);
	issue(0, 0);
	ck_assert_uint_eq(get64(RAM_BASE + 0x9008), 0x4321);
	ck_assert_uint_eq(fx.pulses[1], 0);
	skip_bad_command();
	wr32(SMMU_IRQ_CTRL, 0);
	wr64(SMMU_GERROR_IRQ_CFG0, OUTSIDE);
	wr32(SMMU_IRQ_CTRL, IRQ_CTRL_GERROR);
	fx.smmu->config.msi = NULL;
	issue(0, 0);
	ck_assert(gerror_has(GERROR_CMDQ));
	ck_assert(gerror_has(GERROR_MSI_GERROR_ABT));
}
END_TEST

/* An error is active while GERROR and GERRORN differ; toggling an inactive one does nothing. */
START_TEST(test_gerror_protocol)
{
	for (unsigned round = 0; round < 3; round++) {
		ck_assert(!gerror_has(GERROR_CMDQ));
		issue(0, 0);
		ck_assert(gerror_has(GERROR_CMDQ));
		ck_assert_uint_eq(rd32(SMMU_GERROR) & GERROR_CMDQ, round % 2 == 0);
		ck_assert_uint_eq(fx.pulses[1], round + 1);
		/* writing back the old value, or other bits, acknowledges nothing */
		wr32(SMMU_GERRORN, rd32(SMMU_GERRORN));
		wr32(SMMU_GERRORN, rd32(SMMU_GERRORN) ^ ~GERROR_CMDQ);
		ck_assert_uint_eq(rd32(SMMU_GERROR) ^ rd32(SMMU_GERRORN), GERROR_CMDQ);
		skip_bad_command();
		wr32(SMMU_GERRORN, ~rd32(SMMU_GERRORN));
		ck_assert_uint_eq(rd32(SMMU_GERROR) ^ rd32(SMMU_GERRORN), 0);
	}
	wr32(SMMU_IRQ_CTRL, 0);
	issue(0, 0);
	ck_assert(gerror_has(GERROR_CMDQ));
	ck_assert_uint_eq(fx.pulses[1], 3);
}
END_TEST

START_TEST(test_stats)
{
	uint64_t events = stats.smmu_events, lost = stats.smmu_events_lost;

	for (unsigned i = 0; i < 20; i++)
		host_event(i);
	ck_assert_uint_eq(stats.smmu_events, events + 16);
	ck_assert_uint_eq(stats.smmu_events_lost, lost + 4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-events");
	TCase *tc = tcase_create("events");

	tcase_add_checked_fixture(tc, setup_s1, teardown);
	tcase_add_test(tc, test_event_reaches_guest);
	tcase_add_loop_test(tc, test_host_event_fields, 0, 256);
	tcase_add_test(tc, test_foreign_stream);
	tcase_add_test(tc, test_disabled);
	tcase_add_loop_test(tc, test_sizes_and_overflow, 0, 32);
	tcase_add_test(tc, test_insane_cons);
	tcase_add_test(tc, test_lost_by_host);
	tcase_add_test(tc, test_queue_outside_ram);
	tcase_add_test(tc, test_eventq_interrupt);
	tcase_add_test(tc, test_eventq_msi);
	tcase_add_test(tc, test_gerror_msi);
	tcase_add_test(tc, test_gerror_protocol);
	tcase_add_test(tc, test_stats);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
