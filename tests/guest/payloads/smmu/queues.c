/* SPDX-License-Identifier: Apache-2.0 */
/* Command and event queue: wrapping, errors, overflow, completion messages (Arm IHI 0070, 3.5, 4.7, 7.1, 7.2). */
#include "rig.h"

#define SYNC_MSI(data) (OP_SYNC | 1ull << 12 | (uint64_t)(data) << 32)

static uint32_t gerror(void)
{
	return read32(smmu.base + S_GERROR) ^ read32(smmu.base + S_GERRORN);
}

static void wrap(void)
{
	rig_reset();
	for (unsigned i = 0; i < 3u << SMMU_QUEUE; i++) {
		smmu_cmd(&smmu, OP_TLBI_NSNH_ALL, 0);
		if (i % 64 == 63 && !smmu_sync(&smmu))
			return;
	}
	CHECK_EQ(gerror(), 0);
}

/* CS = SIG_IRQ with an address: the SMMU writes MSIData there (4.7.3). */
static void sync_message(void)
{
	volatile uint32_t *word = (volatile uint32_t *)(data + 64);

	rig_reset();
	if (!(smmu.idr0 & S_IDR0_MSI))
		return;
	*word = 0;
	barrier();
	smmu_do(&smmu, SYNC_MSI(0xcafe1234), pa((const void *)(data + 64)));
	CHECK(WAIT_FOR(*word == 0xcafe1234, 5000000), "the word is 0x%x", *word);
}

/* 7.1: the queue stops at the bad command, says why, and goes on when the error has been acknowledged. */
static void bad_commands(void)
{
	static const uint64_t bad[] = {0x00, 0x0f, 0x47, 0xff, OP_SYNC | 3ull << 12};

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		uint32_t at, error;

		step("command 0x%llx", (unsigned long long)bad[i]);
		rig_reset();
		at = smmu.cmd_prod;
		smmu_cmd(&smmu, bad[i], 0);
		CHECK(WAIT_FOR(gerror() & S_GERROR_CMDQ, 5000000), "no GERROR.CMDQ_ERR");
		error = read32(smmu.base + S_CMDQ_CONS);
		CHECK_EQ(field_get32(S_CONS_ERR, error), S_ERR_ILL);
		CHECK_EQ(error & 0xfffff, at);
		/* nothing is consumed until GERRORN */
		smmu_cmd(&smmu, OP_TLBI_NSNH_ALL, 0);
		CHECK_EQ(read32(smmu.base + S_CMDQ_CONS) & 0xfffff, at);
		((uint64_t *)smmu.cmdq)[2 * at] = OP_TLBI_NSNH_ALL;
		barrier();
		write32(smmu.base + S_GERRORN, read32(smmu.base + S_GERROR));
		smmu_sync(&smmu);
		STOP_IF_FAILED();
		CHECK_EQ(gerror(), 0);
	}
}

static void command_fetch_abort(void)
{
	rig_reset();
	smmu_cr0(&smmu, 0);
	write64(smmu.base + S_CMDQ_BASE, NOWHERE | SMMU_QUEUE);
	write32(smmu.base + S_CMDQ_PROD, 0);
	write32(smmu.base + S_CMDQ_CONS, 0);
	smmu_cr0(&smmu, S_CR0_CMDQEN);
	write32(smmu.base + S_CMDQ_PROD, 1);
	CHECK(WAIT_FOR(gerror() & S_GERROR_CMDQ, 5000000), "no GERROR.CMDQ_ERR");
	CHECK_EQ(field_get32(S_CONS_ERR, read32(smmu.base + S_CMDQ_CONS)), S_ERR_ABT);
}

/* 7.2.1: a full queue loses events and says so by OVFLG; after OVACKFLG it goes on. */
static void event_overflow(void)
{
	struct smmu_ev ev;
	unsigned n = 0;

	rig_reset();
	smmu_cr0(&smmu, S_CR0_CMDQEN);
	smmu_evtq(&smmu, 0, 2);
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
	for (unsigned i = 0; i < 4; i++)
		tdev_read8(&dev, 0x1000 * (i + 1), 0, 0);
	CHECK_EQ(read32(smmu.base + S_EVENTQ_PROD), 4); /* full: the wrap bit differs */
	tdev_read8(&dev, 0x9000, 0, 0);
	tdev_read8(&dev, 0xa000, 0, 0);
	CHECK_EQ(read32(smmu.base + S_EVENTQ_PROD), 4 | S_OVERFLOW);
	while (smmu_event(&smmu, &ev)) {
		CHECK_EQ(field_get(E0_ID, ev.dw[0]), E_C_BAD_STE);
		n++;
	}
	CHECK_EQ(n, 4);
	smmu.evt_cons |= S_OVERFLOW;
	write32(smmu.base + S_EVENTQ_CONS, smmu.evt_cons);
	FAULTS(.id = E_C_BAD_STE, .iova = 0xb000);
	STOP_IF_FAILED();
	/* a second overflow turns the flag back */
	for (unsigned i = 0; i < 5; i++)
		tdev_read8(&dev, 0x1000 * (i + 1), 0, 0);
	CHECK_EQ(read32(smmu.base + S_EVENTQ_PROD) & S_OVERFLOW, 0);
}

static void event_queue_wraps(void)
{
	rig_reset();
	smmu_cr0(&smmu, S_CR0_CMDQEN);
	smmu_evtq(&smmu, 0, 1);
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
	for (unsigned i = 0; i < 9; i++)
		FAULTS(.id = E_C_BAD_STE, .iova = 0x1000 * i);
}

/* 7.2: an event that cannot be written. */
static void event_write_abort(void)
{
	rig_reset();
	smmu_cr0(&smmu, S_CR0_CMDQEN);
	smmu_evtq(&smmu, NOWHERE, 4);
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
	CHECK_EQ(tdev_read8(&dev, 0x1000, 0, 0), TESTDEV_KIND_FAULT);
	CHECK(gerror() & S_GERROR_EVENTQ, "no GERROR.EVENTQ_ABT_ERR");
	write32(smmu.base + S_GERRORN, read32(smmu.base + S_GERROR));
	CHECK_EQ(gerror(), 0);
}

/* EVENTQEN = 0: faults are lost. */
static void events_off(void)
{
	struct smmu_ev ev;

	rig_reset();
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_SMMUEN);
	CHECK_EQ(tdev_read8(&dev, 0x1000, 0, 0), TESTDEV_KIND_FAULT);
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
	CHECK(!smmu_event(&smmu, &ev), "an event from before");
}

/* Commands that name what does not exist do no harm. */
static void harmless(void)
{
	rig_reset();
	smmu_set_ste(&smmu, sid, T0_V | T0_CONFIG(T_BYPASS), T1_SHCFG_IN, 0, 0);
	smmu_cmd(&smmu, OP_CFGI_STE | 0xffffffffull << 32, 1);
	smmu_cmd(&smmu, OP_CFGI_CD | 0xfffffull << 12 | 0xfffeull << 32, 1);
	smmu_cmd(&smmu, OP_TLBI_NH_VA | 0xffffull << 48 | 0xffffull << 32, ~0xfffull);
	smmu_cmd(&smmu, OP_TLBI_S2_IPA | 0xffffull << 32, MASK64(51, 12));
	if (smmu.idr3 & S_IDR3_RIL)
		smmu_cmd(&smmu, OP_TLBI_NH_VAA | 31ull << 12 | 31ull << 20, ~0xfffull | 3ull << 10);
	smmu_sync(&smmu);
	gives(pa(data), MAGIC);
}

const struct guest_case queue_cases[] = {
	{"smmu CMDQ wraps", wrap},
	{"smmu CMD_SYNC message", sync_message},
	{"smmu CERROR_ILL", bad_commands},
	{"smmu CERROR_ABT", command_fetch_abort},
	{"smmu EVTQ overflow", event_overflow},
	{"smmu EVTQ wraps", event_queue_wraps},
	{"smmu EVTQ abort", event_write_abort},
	{"smmu EVTQ off", events_off},
	{"smmu commands to nobody", harmless},
};
const unsigned nr_queue = ARRAY_LEN(queue_cases);
