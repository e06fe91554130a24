/* SPDX-License-Identifier: Apache-2.0 */
/* The stall model (3.12.2, 4.7): every answer, hostile ones too. */
#include "waits.h"

#define WAIT_US 3000000u

static uint64_t channel(unsigned n, unsigned reg)
{
	return dev.regs + TESTDEV_CHAN(n) + reg;
}

void waits_write(unsigned n, uint64_t iova, uint64_t value, uint32_t flags, uint32_t pasid)
{
	const struct testdev_desc d = {
		.op = TESTDEV_OP_FILL | flags, .pasid = pasid, .dst = iova, .len = 8, .operand = value};
	uint64_t words[8];

	memcpy(words, &d, sizeof(words));
	for (unsigned i = 0; i < 8; i++)
		write64(channel(n, TESTDEV_CH_DESC + 8 * i), words[i]);
	write32(channel(n, TESTDEV_CH_GO), 1);
}

uint32_t waits_status(unsigned n)
{
	return read32(channel(n, TESTDEV_CH_STATUS));
}

enum testdev_kind waits_end(unsigned n)
{
	if (!WAIT_FOR(!(waits_status(n) & TESTDEV_STATUS_BUSY), WAIT_US)) {
		fail("channel %u does not end: status 0x%x", n, waits_status(n));
		write32(channel(n, TESTDEV_CH_CONTROL), TESTDEV_CONTROL_ABORT);
		return TESTDEV_KIND_NONE;
	}
	return (enum testdev_kind)field_get32(TESTDEV_CODE_KIND, read32(channel(n, TESTDEV_CH_CODE)));
}

bool waits_event(struct smmu_ev *ev)
{
	if (WAIT_FOR(smmu_event(&smmu, ev), WAIT_US))
		return true;
	fail("no event");
	return false;
}

struct pt *waits_stream(uint64_t more, uint64_t dw1)
{
	struct pt *pt = pages(1);
	uint64_t *cd = pages(1);

	pt_init(pt, 12, 48, -1);
	pt_entry(pt, VA, 3);
	cd_set(cd, pt, NULL, ASID, more);
	cd_set(cd + 8, pt, NULL, ASID + 1, more);
	smmu_set_ste(&smmu, sid, pa(cd) | T0_V | T0_CONFIG(T_S1) | T0_S1CDMAX(1), T1_CACHED | T1_S1DSS(2) | dw1, 0, 0);
	return pt;
}

void waits_map(struct pt *pt, unsigned n, bool there)
{
	if (there)
		pt_map(pt, VA + n * PAGE, pa(data) + n * PAGE, 3, S1_RW);
	else
		*pt_entry(pt, VA + n * PAGE, 3) = 0;
	barrier();
}

uint32_t dev_get(uint32_t reg)
{
	return read32(dev.regs + reg);
}

void dev_set(uint32_t reg, uint32_t value)
{
	write32(dev.regs + reg, value);
}

static uint64_t stag(const struct smmu_ev *ev)
{
	if (!(ev->dw[1] & E1_STALL))
		fail("the event 0x%llx says nothing of a stall", (unsigned long long)ev->dw[0]);
	return ev->dw[1] & E1_STAG;
}

static void resume(uint32_t stream, uint64_t tag, uint64_t response)
{
	smmu_do(&smmu, OP_RESUME | (uint64_t)stream << 32 | response << 12, tag);
}

static uint64_t page_value(unsigned n)
{
	return *(volatile uint64_t *)((uint8_t *)data + n * PAGE);
}

static void retry(void)
{
	struct smmu_ev ev;
	struct pt *pt;

	rig_reset();
	pt = waits_stream(D0_S, 0);
	for (unsigned n = 0; n < 2; n++) {
		waits_write(0, VA + n * PAGE, 7 + n, n ? TESTDEV_F_PASID : 0, n);
		if (!waits_event(&ev))
			return;
		if (ev.dw[0] != (E_F_TRANSLATION | (uint64_t)sid << 32 | (n ? E0_SSV | 1u << 12 : 0)))
			fail("event 0x%llx", (unsigned long long)ev.dw[0]);
		if (ev.dw[2] != VA + n * PAGE || waits_status(0) != (TESTDEV_STATUS_BUSY | TESTDEV_STATUS_STALLED))
			fail("address 0x%llx, status 0x%x", (unsigned long long)ev.dw[2], waits_status(0));
		/* once more without the page: another stall */
		resume(sid, stag(&ev), 1);
		if (!waits_event(&ev))
			return;
		waits_map(pt, n, true);
		tlb_clean();
		resume(sid, stag(&ev), 1);
		if (waits_end(0) != TESTDEV_KIND_OK || page_value(n) != 7 + n)
			fail("the access did not arrive");
	}
}

static void terminate(void)
{
	struct smmu_ev ev;

	rig_reset();
	waits_stream(D0_S, 0);
	for (unsigned resp = 0; resp < 3; resp += 2) {
		waits_write(0, VA, 1, 0, 0);
		if (!waits_event(&ev))
			return;
		resume(sid, stag(&ev), resp);
		if (waits_end(0) != TESTDEV_KIND_FAULT)
			fail("response %u does not end the access", resp);
	}
}

/* 4.7.1: tags that do not exist, of another stream, twice; a device that has gone. */
static void unmatched(void)
{
	struct smmu_ev ev, later;
	struct pt *pt;

	rig_reset();
	pt = waits_stream(D0_S, 0);
	resume(sid, 0, 1);
	waits_write(0, VA, 1, 0, 0);
	if (!waits_event(&ev))
		return;
	resume(sid ^ 1, stag(&ev), 1);
	resume(sid, stag(&ev) ^ 1, 1);
	resume(sid, stag(&ev) ^ 0x8000, 1);
	if (waits_status(0) != (TESTDEV_STATUS_BUSY | TESTDEV_STATUS_STALLED))
		fail("a wrong answer has an effect");
	resume(sid, stag(&ev), 0);
	if (waits_end(0) != TESTDEV_KIND_FAULT)
		fail("not terminated");
	waits_write(0, VA, 1, 0, 0);
	if (!waits_event(&later))
		return;
	resume(sid, stag(&ev), 1);
	if (!(waits_status(0) & TESTDEV_STATUS_STALLED))
		fail("the old tag hits the new stall");
	pci_flr(dev.fn);
	pci_restore(dev.fn);
	tdev_enable(&dev);
	waits_map(pt, 0, true);
	resume(sid, stag(&later), 1);
	if (page_value(0) == 1 || waits_status(0) != 0)
		fail("the access outlives the reset");
}

static void stall_term(void)
{
	struct smmu_ev ev;

	rig_reset();
	for (unsigned way = 0; way < 2; way++) {
		waits_stream(D0_S, 0);
		for (unsigned n = 0; n < 4; n++)
			waits_write(n, VA + n * PAGE, 1, 0, 0);
		for (unsigned n = 0; n < 4; n++) {
			if (!waits_event(&ev))
				return;
		}
		if (way == 0)
			smmu_do(&smmu, OP_STALL_TERM | (uint64_t)sid << 32, 0);
		else
			smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN);
		for (unsigned n = 0; n < 4; n++) {
			if (waits_end(n) != TESTDEV_KIND_FAULT)
				fail("channel %u is not terminated", n);
		}
		resume(sid, stag(&ev), 1);
	}
}

/* 7.2.1, 7.4: a full queue loses no stall. */
static void queue_full(void)
{
	struct smmu_ev ev;
	struct pt *pt;

	rig_reset();
	smmu_cr0(&smmu, S_CR0_CMDQEN);
	smmu_evtq(&smmu, 0, 1);
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
	pt = waits_stream(D0_S, 0);
	for (unsigned n = 0; n < 4; n++)
		waits_write(n, VA + n * PAGE, 1 + n, 0, 0);
	for (unsigned n = 0; n < 4; n++) {
		if (!waits_event(&ev))
			return;
		waits_map(pt, (unsigned)((ev.dw[2] - VA) / PAGE), true);
		resume(sid, stag(&ev), 1);
	}
	for (unsigned n = 0; n < 4; n++) {
		if (waits_end(n) != TESTDEV_KIND_OK || page_value(n) != 1 + n)
			fail("channel %u", n);
	}
	if (read32(smmu.base + S_EVENTQ_PROD) & S_OVERFLOW)
		fail("stalls make the queue overflow");
}

/* Many: each with an answer that does not help, but the last. */
static void many(void)
{
	struct smmu_ev ev;
	struct pt *pt;

	rig_reset();
	pt = waits_stream(D0_S, 0);
	waits_write(0, VA, 9, 0, 0);
	for (unsigned i = 0; i < 2000; i++) {
		if (!waits_event(&ev))
			return;
		waits_map(pt, 0, i == 1999);
		resume(sid, stag(&ev), 1);
	}
	if (waits_end(0) != TESTDEV_KIND_OK || page_value(0) != 9)
		fail("the access did not arrive");
}

/* S1STALLD forbids CD.S (5.5). */
static void forbidden(void)
{
	struct smmu_ev ev;

	rig_reset();
	waits_stream(D0_S, T1_S1STALLD);
	waits_write(0, VA, 9, 0, 0);
	if (waits_event(&ev) && (ev.dw[0] & E0_ID) != E_C_BAD_CD)
		fail("event 0x%llx", (unsigned long long)ev.dw[0]);
	if (waits_end(0) != TESTDEV_KIND_FAULT)
		fail("no fault");
}

const struct guest_case stall_cases[] = {
	{"stall retry", retry},
	{"stall terminate", terminate},
	{"stall wrong answers", unmatched},
	{"stall STALL_TERM, SMMUEN", stall_term},
	{"stall queue full", queue_full},
	{"stall many", many},
	{"stall S1STALLD", forbidden},
};
const unsigned nr_stall = ARRAY_LEN(stall_cases);
