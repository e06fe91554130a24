/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 10^5 faults in one run (by default a quarter of them): four channels that touch pages at random, a driver that
 * answers at random times and in random ways, wrong answers, resets of the function, SMMUEN off and on. In the end
 * nothing is stuck, nothing is left, and every fault has been answered once. AERIE_SOAK_FAULTS sets another number,
 * AERIE_SOAK_SEED another run.
 */
#include "faults_rig.h"
#include "rounds.h"
#include "run_suite.h"

#define FAULTS	  100000u
#define MAX_OPEN  (SMMU_STALL_MAX + 64)
#define SUBSTREAM 4u

static uint64_t seed;
/* Stalls that the driver has read and not answered. */
static struct smmu_event open_events[MAX_OPEN];
static unsigned nr_open;
static uint64_t open_pages[256][2];
static unsigned nr_pages;

static uint32_t dice(uint32_t sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 11) % sides;
}

static void random_request(unsigned channel)
{
	struct testdev_desc d = {
		.op = dice(2) ? TESTDEV_OP_FILL : TESTDEV_OP_CRC32C,
		.src = dice(NR_PAGES) * PAGE + dice(4096),
		.dst = dice(NR_PAGES - 2) * PAGE + dice(4096),
		.len = 1 + dice(2 * (uint32_t)PAGE),
		.operand = seed,
	};

	if (d.op == TESTDEV_OP_CRC32C)
		d.src = d.dst;
	if (dice(2)) {
		d.op |= TESTDEV_F_PASID;
		d.pasid = 1 + dice(SUBSTREAM - 1);
	}
	begin(channel, &d);
}

static void start_requests(void)
{
	for (unsigned n = 0; n < TESTDEV_CHANNELS; n++) {
		if (!busy(n))
			random_request(n);
	}
}

static void read_queues(void)
{
	while (nr_open < MAX_OPEN && rig_event(&open_events[nr_open])) {
		if (open_events[nr_open].dw[1] & EVT1_STALL)
			nr_open++;
	}
	while (nr_pages < ARRAY_LEN(open_pages) && rig_page_request(open_pages[nr_pages]))
		nr_pages++;
}

static unsigned substream_of(const struct smmu_event *e)
{
	return e->dw[0] & EVT0_SSV ? (unsigned)field_get(EVT0_SSID, e->dw[0]) : 0;
}

/* Retried with the page there or without, or terminated; sometimes with a wrong answer before, or the same twice. */
static void answer_stall(void)
{
	unsigned i = dice(nr_open);
	struct smmu_event e = open_events[i];
	uint64_t tag = field_get(EVT1_STAG, e.dw[1]), ac = dice(4) ? CMD0_RESUME_AC : 0;

	open_events[i] = open_events[--nr_open];
	if (ac && dice(8))
		rig_map(substream_of(&e), (unsigned)(e.dw[2] / PAGE), dice(NR_PAGES));
	if (dice(16) == 0)
		rig_command(of_sid(CMD_RESUME) ^ UINT64_C(1) << 32, tag);
	rig_command(of_sid(CMD_RESUME) | ac, tag);
	if (dice(16) == 0)
		rig_command(of_sid(CMD_RESUME) | ac, tag);
}

static void answer_page(void)
{
	unsigned i = dice(nr_pages);
	uint64_t *e = open_pages[i], resp = dice(8) ? PRI_RESP_SUCCESS : dice(2);
	unsigned ssid = e[0] & PRI0_SSV ? (unsigned)field_get(PRI0_SSID, e[0]) : 0;

	if (dice(8))
		rig_map(ssid, (unsigned)(e[1] / PAGE), dice(NR_PAGES));
	rig_command(of_sid(CMD_PRI_RESP) | (e[0] & PRI0_SSV ? CMD0_SSV : 0) | field_prep(CMD0_SSID, ssid),
		    field_get(PRI1_PRGI, e[1]) | field_prep(CMD1_PRI_RESP, resp));
	memcpy(e, open_pages[--nr_pages], PRI_SIZE);
	cfg(PRI_CAP + PCI_PRI_STATUS, 2, PCI_PRI_STATUS_RF | PCI_PRI_STATUS_UPRGI);
}

static void unmap_some(void)
{
	unsigned ssid = dice(SUBSTREAM), n = dice(NR_PAGES);

	rig_map(ssid, n, ~0u);
	rig_invalidate();
	rig_command(of_sid(CMD_ATC_INV) | (ssid ? CMD0_SSV | field_prep(CMD0_SSID, ssid) : 0), n * PAGE);
	rig_command(CMD_SYNC, 0);
}

/* Between stalls and ATS with page requests: what is enabled of the function decides. */
static void device_on(void)
{
	bool ats = dice(2);

	rig_device_on(ats, ats);
	if (!ats)
		cfg(ATS_CAP + PCI_ATS_CTRL, 2, 0);
}

static void trouble(void)
{
	switch (dice(6)) {
	case 0:
		rig_reset_function();
		device_on();
		break;
	case 1:
		rig_command(of_sid(CMD_STALL_TERM), 0);
		nr_open = 0;
		break;
	case 2:
		smmu_wr(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN | CR0_PRIQEN);
		nr_open = 0;
		smmu_wr(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN | CR0_PRIQEN | CR0_SMMUEN | CR0_ATSCHK);
		break;
	case 3:
		store(reg(dice(TESTDEV_CHANNELS), TESTDEV_CH_CONTROL), 4, TESTDEV_CONTROL_ABORT);
		break;
	case 4:
		cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
		device_on();
		break;
	default:
		device_on();
	}
}

static void step(void)
{
	start_requests();
	turn();
	if (dice(4))
		read_queues();
	while (nr_open && dice(3))
		answer_stall();
	while (nr_pages && dice(3))
		answer_page();
	if (dice(8) == 0)
		unmap_some();
	if (dice(64) == 0)
		trouble();
	ck_assert_uint_eq(smmu_rd(SMMU_GERROR) ^ smmu_rd(SMMU_GERRORN), 0);
}

static uint64_t faults_made(void)
{
	return count_of(&stats.smmu_stalls) + count_of(&stats.smmu_page_requests);
}

static bool any_busy(void)
{
	for (unsigned n = 0; n < TESTDEV_CHANNELS; n++) {
		if (busy(n))
			return true;
	}
	return false;
}

/* Answers what is left, until the channels rest. */
static void drain(void)
{
	for (unsigned i = 0; i < 10000 && (any_busy() || nr_open || nr_pages); i++) {
		turn();
		read_queues();
		while (nr_open)
			answer_stall();
		while (nr_pages)
			answer_page();
	}
}

START_TEST(soak)
{
	uint64_t wanted = rounds("AERIE_SOAK_FAULTS", FAULTS / 4, FAULTS);

	seed = setting("AERIE_SOAK_SEED", 20261130);
	while (faults_made() < wanted)
		step();
	drain();
	ck_assert(!any_busy());
	ck_assert_uint_eq(rig.smmu->stalls.used, 0);
	ck_assert(!rig.smmu->stalls.parked);
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_OUTSTANDING), 0);
	/* Each stall that was told of has come to one end. */
	ck_assert_uint_eq(count_of(&stats.smmu_stalls),
			  count_of(&stats.smmu_stalls_retried) + count_of(&stats.smmu_stalls_terminated));
	ck_assert(count_of(&stats.smmu_stalls_retried) > 0);
	ck_assert(count_of(&stats.smmu_stalls_terminated) > 0);
	ck_assert(count_of(&stats.smmu_page_responses) > 0);
	ck_assert(count_of(&stats.smmu_resumes_unmatched) > 0);
}
END_TEST

static void setup(void)
{
	rig_start(&(struct testdev_config){.name = "test", .stall = true, .ats = true, .pri = true, .pasid = true});
}

int main(void)
{
	Suite *suite = suite_create("faults_soak");
	TCase *tc = tcase_create("soak");

	tcase_set_timeout(tc, 280);
	tcase_add_checked_fixture(tc, setup, rig_stop);
	tcase_add_test(tc, soak);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
