/* SPDX-License-Identifier: Apache-2.0 */
/* The command queue and every command. */
#include <check.h>

#include "smmu_fixture.h"
#include "stats.h"
#include "run_suite.h"

/* What arm_vsmmu_convert_user_cmd() of Linux 7.2 accepts. */
static const uint8_t kernel_accepts[] = {0x05, 0x06, 0x10, 0x11, 0x12, 0x13, 0x30, 0x40};
/* Carried out by the model for emulated endpoints, where IDR0 has EL2 or stage 2. */
static const uint8_t soft_only[] = {0x20, 0x21, 0x22, 0x23, 0x28, 0x2a, CMD_PRI_RESP, CMD_RESUME, CMD_STALL_TERM};
/* Carried out or ignored by the model. */
static const uint8_t ours[] = {0x01, 0x02, 0x03, 0x04, 0x46};

static bool in(const uint8_t *set, size_t n, unsigned op)
{
	for (size_t i = 0; i < n; i++) {
		if (set[i] == op)
			return true;
	}
	return false;
}

/* An SMMU whose endpoint 0x100 is at stage 1, so that commands about its CDs are forwarded. */
static void setup_s1(void)
{
	setup();
	start_queues(8);
	put_ste(0x100, ste_s1(CDTAB), 0);
	enable_smmu();
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
	forget();
}

START_TEST(test_opcode_classes)
{
	unsigned op = (unsigned)_i;
	enum smmu_cmd_class class = smmu_cmd_class((uint8_t)op);
	bool forward = in(kernel_accepts, ARRAY_LEN(kernel_accepts), op);
	bool mine = in(ours, ARRAY_LEN(ours), op) || in(soft_only, ARRAY_LEN(soft_only), op);

	ck_assert_int_eq(class == CMD_CLASS_FORWARD || class == CMD_CLASS_BOTH, forward);
	ck_assert_int_eq(smmu_cmd_class((uint8_t)op) == CMD_CLASS_ILLEGAL, !forward && !mine);
	ck_assert(!(forward || mine) || smmu_cmd_name((uint8_t)op));
}
END_TEST

/* Each opcode through the queue. ATC_INV is of the forward class but illegal while IDR0.ATS is 0. */
START_TEST(test_opcode_execution)
{
	unsigned op = (unsigned)_i;
	bool forward = in(kernel_accepts, ARRAY_LEN(kernel_accepts), op) && op != CMD_ATC_INV;
	bool good = forward || in(ours, ARRAY_LEN(ours), op);

	queue_cmd(queue_cmd(0, sid_cmd(op, 0x100), 0), CMD_SYNC, 0);
	wr32(SMMU_CMDQ_PROD, 2);
	if (good) {
		ck_assert(!gerror_has(GERROR_CMDQ));
		ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 2);
		ck_assert_uint_eq(fx.nr_cmds, forward || op == CMD_CFGI_STE || op == CMD_CFGI_STE_RANGE);
		return;
	}
	ck_assert(gerror_has(GERROR_CMDQ));
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 0 | CERROR_ILL << 24);
	ck_assert_uint_eq(fx.pulses[1], 1);
	ck_assert_uint_eq(fx.nr_cmds, 0);
	/* nothing moves before the acknowledgement, then the SYNC that replaced it and the one behind are consumed */
	wr32(SMMU_CMDQ_PROD, 2);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS) & QUEUE_INDEX, 0);
	skip_bad_command();
	ck_assert(!gerror_has(GERROR_CMDQ));
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 2);
}
END_TEST

#define SID	(UINT64_C(0x100) << 32)
#define ALL1	UINT64_MAX
#define NONE	0
#define VA	(UINT64_C(0xfff0123456789) << 12)
#define ASID	(UINT64_C(0xabcd) << 48)
#define TG(n)	((uint64_t)(n) << 10)
#define TTL(n)	((uint64_t)(n) << 8)
#define NUM(n)	((uint64_t)(n) << 12)
#define SCL(n)	((uint64_t)(n) << 20)
#define SSID(n) ((uint64_t)(n) << 12)
#define VMID	(UINT64_C(0x1234) << 32)

enum feature {
	F_RIL = 1,
	F_ASID16 = 2,
	F_ATS = 4,
	F_ALL = 7,
};

/* One command in; verdict and what reaches the host. */
static const struct field_case {
	uint64_t dw0, dw1;
	unsigned features;
	enum smmu_cerror err;
	bool forwarded;
	uint64_t out0, out1;
} fields[] = {
	/* reserved bits are dropped */
	{0x30 | (ALL1 & ~UINT64_C(0xff)), ALL1, F_ALL, CERROR_NONE, true, 0x30, 0},
	{0x10 | (ALL1 & ~UINT64_C(0xff)), ALL1, F_ALL, CERROR_NONE, true, 0x10, 0},
	/* VMID is nothing to a guest without stage 2 */
	{0x11 | VMID | ASID, 0, F_ALL, CERROR_NONE, true, 0x11 | ASID, 0},
	{0x11 | ASID, 0, F_ALL & ~F_ASID16, CERROR_NONE, true, 0x11 | UINT64_C(0xcd) << 48, 0},
	{0x12 | VMID | ASID, VA | 1, F_ALL, CERROR_NONE, true, 0x12 | ASID, VA | 1},
	{0x12 | ASID, VA | 0xfe, F_ALL, CERROR_NONE, true, 0x12 | ASID, VA},
	{0x13 | ASID | VMID, VA | 1, F_ALL, CERROR_NONE, true, 0x13, VA | 1},
	/* range invalidation and level hint */
	{0x12 | NUM(31) | SCL(31), VA | TG(1) | TTL(3) | 1, F_ALL, CERROR_NONE, true, 0x12 | NUM(31) | SCL(31),
	 VA | TG(1) | TTL(3) | 1},
	{0x13 | NUM(1), VA | TG(3), F_ALL, CERROR_NONE, true, 0x13 | NUM(1), VA | TG(3)},
	{0x12 | SCL(1), VA | TG(2) | TTL(2), F_ALL, CERROR_NONE, true, 0x12 | SCL(1), VA | TG(2) | TTL(2)},
	{0x12, VA | TG(1) | TTL(1), F_ALL, CERROR_NONE, true, 0x12, VA | TG(1) | TTL(1)},
	/* 16 KiB has no level 1 leaves: hint dropped, and with no range left a reserved encoding */
	{0x12 | NUM(2), VA | TG(2) | TTL(1), F_ALL, CERROR_NONE, true, 0x12 | NUM(2), VA | TG(2)},
	{0x12, VA | TG(2) | TTL(1), F_ALL, CERROR_ILL, false, 0, 0},
	{0x12, VA | TG(1), F_ALL, CERROR_ILL, false, 0, 0},
	{0x13, VA | TG(3), F_ALL, CERROR_ILL, false, 0, 0},
	/* TG 0: the rest is RES0 */
	{0x12 | NUM(7) | SCL(7), VA | TTL(2), F_ALL, CERROR_NONE, true, 0x12, VA},
	/* SCALE has five bits */
	{0x12 | NUM(1) | SCL(32), VA | TG(1), F_ALL, CERROR_NONE, true, 0x12 | NUM(1), VA | TG(1)},
	/* without RIL none of them may be used */
	{0x12 | NUM(1), VA, F_ALL & ~F_RIL, CERROR_ILL, false, 0, 0},
	{0x12 | SCL(1), VA, F_ALL & ~F_RIL, CERROR_ILL, false, 0, 0},
	{0x12, VA | TG(1), F_ALL & ~F_RIL, CERROR_ILL, false, 0, 0},
	{0x13, VA | TTL(1), F_ALL & ~F_RIL, CERROR_ILL, false, 0, 0},
	{0x12 | ASID, VA | 1, F_ALL & ~F_RIL, CERROR_NONE, true, 0x12 | ASID, VA | 1},
	/* CDs */
	{0x05 | SID | SSID(0xfffff) | 0x200, ALL1, F_ALL, CERROR_NONE, true, 0x05 | SID | SSID(0xfffff), 1},
	{0x05 | SID, 0, F_ALL, CERROR_NONE, true, 0x05 | SID, 0},
	{0x05 | SID | CMD0_SSEC, 0, F_ALL, CERROR_ILL, false, 0, 0},
	{0x06 | SID | SSID(9), ALL1, F_ALL, CERROR_NONE, true, 0x06 | SID, 0},
	{0x06 | SID | CMD0_SSEC, 0, F_ALL, CERROR_ILL, false, 0, 0},
	/* streams that the host does not know */
	{0x05 | UINT64_C(0x101) << 32, 0, F_ALL, CERROR_NONE, false, 0, 0},
	{0x06 | UINT64_C(0xffffffff) << 32, 0, F_ALL, CERROR_NONE, false, 0, 0},
	/* ATC */
	{0x40 | SID, 52, F_ALL & ~F_ATS, CERROR_ILL, false, 0, 0},
	{0x40 | SID, VA | 52, F_ALL, CERROR_NONE, true, 0x40 | SID, VA | 52},
	{0x40 | SID | SSID(3), VA, F_ALL, CERROR_NONE, true, 0x40 | SID, VA},
	{0x40 | SID | SSID(3) | CMD0_SSV | CMD0_ATC_GLOBAL, VA, F_ALL, CERROR_NONE, true,
	 0x40 | SID | SSID(3) | CMD0_SSV | CMD0_ATC_GLOBAL, VA},
	{0x40 | SID | CMD0_SSEC, VA, F_ALL, CERROR_ILL, false, 0, 0},
	{0x40 | UINT64_C(0x200) << 32, VA, F_ALL, CERROR_NONE, false, 0, 0},
	/* SSec of the local and ignored ones */
	{0x01 | SID | CMD0_SSEC, 0, F_ALL, CERROR_ILL, false, 0, 0},
	{0x02 | SID | CMD0_SSEC, 0, F_ALL, CERROR_ILL, false, 0, 0},
	{0x03 | SID | CMD0_SSEC, 0, F_ALL, CERROR_ILL, false, 0, 0},
	{0x04 | SID | CMD0_SSEC, 31, F_ALL, CERROR_ILL, false, 0, 0},
	{0x02 | SID | NUM(1), VA | TG(1), F_ALL, CERROR_NONE, false, 0, 0},
	/* CMD_SYNC */
	{0x46 | 3u << 12, 0, F_ALL, CERROR_ILL, false, 0, 0},
	{0x46 | 2u << 12, 0, F_ALL, CERROR_NONE, false, 0, 0},
};

START_TEST(test_fields)
{
	const struct field_case *c = &fields[_i];

	if (!(c->features & F_RIL))
		fx.smmu->regs[R_IDR3] &= ~(uint64_t)IDR3_RIL;
	if (!(c->features & F_ASID16))
		fx.smmu->regs[R_IDR0] &= ~(uint64_t)IDR0_ASID16;
	if (c->features & F_ATS)
		fx.smmu->regs[R_IDR0] |= IDR0_ATS;
	issue(c->dw0, c->dw1);
	ck_assert_uint_eq(cmdq_err(), c->err);
	ck_assert_uint_eq(gerror_has(GERROR_CMDQ), c->err != CERROR_NONE);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS) & QUEUE_INDEX, c->err ? 0 : 1);
	ck_assert_uint_eq(fx.nr_cmds, c->forwarded);
	if (c->forwarded) {
		ck_assert_uint_eq(fx.cmds[0].dw[0], c->out0);
		ck_assert_uint_eq(fx.cmds[0].dw[1], c->out1);
	}
}
END_TEST

/* CFGI_CD for a SubstreamID that SSIDSIZE does not hold has no effect. */
START_TEST(test_ssid_out_of_range)
{
	fx.smmu->regs[R_IDR1] &= ~(uint64_t)IDR1_SSIDSIZE;
	issue(0x05 | SID | SSID(1), 0);
	ck_assert_uint_eq(fx.nr_cmds, 0);
	issue(0x05 | SID, 0);
	ck_assert_uint_eq(fx.nr_cmds, 1);
	ck_assert(!gerror_has(GERROR_CMDQ));
}
END_TEST

/* N invalidations and a SYNC: one call. */
START_TEST(test_batch_is_one_call)
{
	uint32_t prod = 0;

	for (unsigned i = 0; i < 100; i++)
		prod = queue_cmd(prod, CMD_TLBI_NH_ASID | (uint64_t)i << 48, 0);
	prod = queue_cmd(prod, CMD_SYNC, 0);
	wr32(SMMU_CMDQ_PROD, prod);
	ck_assert_uint_eq(count(CALL_INVALIDATE), 1);
	ck_assert_uint_eq(fx.log[0].n, 100);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_uint_eq(fx.cmds[i].dw[0], CMD_TLBI_NH_ASID | (uint64_t)i << 48);
}
END_TEST

/* One per SYNC; none for a SYNC with nothing before it; the rest at the end of the run. */
START_TEST(test_batch_windows)
{
	uint32_t prod = queue_cmd(0, CMD_TLBI_NH_ALL, 0);

	prod = queue_cmd(prod, CMD_TLBI_NH_ALL, 0);
	prod = queue_cmd(prod, CMD_SYNC, 0);
	prod = queue_cmd(prod, CMD_SYNC, 0);
	prod = queue_cmd(prod, CMD_TLBI_NH_ALL, 0);
	wr32(SMMU_CMDQ_PROD, prod);
	ck_assert_uint_eq(count(CALL_INVALIDATE), 2);
	ck_assert_uint_eq(fx.log[0].n, 2);
	ck_assert_uint_eq(fx.log[1].n, 1);
}
END_TEST

/* A full batch goes out; what was gathered goes out before an STE is looked at. */
START_TEST(test_batch_cap_and_order)
{
	uint32_t prod = 0;

	wr32(SMMU_CR0, 0);
	start_queues(10);
	enable_smmu();
	forget();
	for (unsigned i = 0; i < SMMU_BATCH_MAX + 3; i++)
		prod = queue_cmd(prod, CMD_TLBI_NH_ALL, 0);
	put_ste(0x100, ste_cfg(STE_CFG_ABORT), 0);
	prod = queue_cmd(prod, sid_cmd(CMD_CFGI_STE, 0x100), 0);
	prod = queue_cmd(prod, CMD_SYNC, 0);
	wr32(SMMU_CMDQ_PROD, prod);
	ck_assert_uint_eq(fx.nr_log, 3);
	ck_assert_uint_eq(fx.log[0].n, SMMU_BATCH_MAX);
	ck_assert_uint_eq(fx.log[1].n, 3);
	ck_assert_int_eq(fx.log[2].call, CALL_ABORT);
}
END_TEST

/* The host refuses a batch: CERROR_ABT, back to its first command, and all of it again after the acknowledgement. */
START_TEST(test_host_refusal)
{
	uint32_t prod = queue_cmd(0, CMD_SYNC, 0);

	for (unsigned i = 0; i < 5; i++)
		prod = queue_cmd(prod, CMD_TLBI_NH_ASID | (uint64_t)i << 48, 0);
	prod = queue_cmd(prod, CMD_SYNC | 1u << 12, 0);
	fx.fail[CALL_INVALIDATE] = 1;
	wr32(SMMU_CMDQ_PROD, prod);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 1 | CERROR_ABT << 24);
	ck_assert(gerror_has(GERROR_CMDQ));
	ck_assert_uint_eq(fx.pulses[2], 0); /* the SYNC did not complete */
	gerror_ack();
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), prod);
	ck_assert_uint_eq(fx.nr_cmds, 5);
	ck_assert_uint_eq(fx.pulses[2], 1);
}
END_TEST

/* The refusal comes while a full batch is sent, and while commands before an illegal one are. */
START_TEST(test_host_refusal_elsewhere)
{
	uint32_t prod = 0;

	wr32(SMMU_CR0, 0);
	start_queues(10);
	forget();
	for (unsigned i = 0; i < SMMU_BATCH_MAX + 1; i++)
		prod = queue_cmd(prod, CMD_TLBI_NH_ALL, 0);
	fx.fail[CALL_INVALIDATE] = 1;
	wr32(SMMU_CMDQ_PROD, prod);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 0 | CERROR_ABT << 24);
	gerror_ack();
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), prod);
	ck_assert_uint_eq(fx.nr_cmds, SMMU_BATCH_MAX + 1);

	uint32_t start = prod;

	prod = queue_cmd(prod, CMD_TLBI_NH_ALL, 0);
	prod = queue_cmd(prod, 0xff, 0);
	fx.fail[CALL_INVALIDATE] = 1;
	wr32(SMMU_CMDQ_PROD, prod);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), start | CERROR_ABT << 24);
	gerror_ack();
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), (start + 1) | CERROR_ILL << 24);
	skip_bad_command();
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), prod);
}
END_TEST

/* Commands before an illegal one have their effect. */
START_TEST(test_illegal_behind_good)
{
	uint32_t prod = queue_cmd(queue_cmd(0, CMD_TLBI_NH_ALL, 0), CMD_RESUME, 0);

	wr32(SMMU_CMDQ_PROD, prod);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 1 | CERROR_ILL << 24);
	ck_assert_uint_eq(fx.nr_cmds, 1);
}
END_TEST

/* Each LOG2SIZE that the field holds: above 10 it acts as 10. Fill, consume, wrap, twice around. */
START_TEST(test_queue_sizes)
{
	uint32_t field = (uint32_t)_i, n = field > 10 ? 10 : field;
	uint32_t size = 1u << n, mask = 2 * size - 1, prod = 0;
	uint64_t forwarded = 0;

	wr32(SMMU_CR0, 0);
	wr64(SMMU_CMDQ_BASE, CMDQ | field);
	wr32(SMMU_CMDQ_PROD, 0);
	wr32(SMMU_CMDQ_CONS, 0);
	wr32(SMMU_CR0, CR0_CMDQEN);
	for (unsigned round = 0; round < 4; round++) {
		fx.nr_cmds = 0;
		for (uint32_t i = 0; i < size; i++)
			prod = queue_cmd(prod, CMD_TLBI_NH_ASID | (uint64_t)i << 48, 0);
		ck_assert_uint_eq(prod, ((round + 1) * size) & mask);
		wr32(SMMU_CMDQ_PROD, prod);
		ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), prod);
		ck_assert_uint_eq(fx.nr_cmds, size);
		ck_assert_uint_eq(fx.cmds[size - 1].dw[0], CMD_TLBI_NH_ASID | (uint64_t)(size - 1) << 48);
		forwarded += fx.nr_cmds;
	}
	ck_assert_uint_eq(forwarded, 4 * (uint64_t)size);
}
END_TEST

/* PROD further ahead than the queue is long, and garbage above the wrap bit: bounded, no error, CONS arrives. */
START_TEST(test_prod_far_ahead)
{
	uint32_t n = (uint32_t)_i, mask = (2u << n) - 1;

	wr32(SMMU_CR0, 0);
	wr64(SMMU_CMDQ_BASE, CMDQ | n);
	for (uint32_t i = 0; i < 1u << n; i++)
		queue_cmd(i, CMD_TLBI_NH_ALL, 0);
	wr32(SMMU_CMDQ_CONS, 1);
	wr32(SMMU_CMDQ_PROD, 1);
	wr32(SMMU_CR0, CR0_CMDQEN);
	ck_assert_uint_eq(fx.nr_cmds, 0);
	wr32(SMMU_CMDQ_PROD, UINT32_MAX & ~mask); /* index 0: all the way round */
	ck_assert(!gerror_has(GERROR_CMDQ));
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 0);
	ck_assert_uint_eq(fx.nr_cmds, mask);
}
END_TEST

START_TEST(test_queue_outside_ram)
{
	wr32(SMMU_CR0, 0);
	wr64(SMMU_CMDQ_BASE, OUTSIDE | 8);
	wr32(SMMU_CR0, CR0_CMDQEN);
	wr32(SMMU_CMDQ_PROD, 3);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 0 | CERROR_ABT << 24);
	ck_assert(gerror_has(GERROR_CMDQ));
	/* the fetch is tried again */
	gerror_ack();
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 0 | CERROR_ABT << 24);
	ck_assert(gerror_has(GERROR_CMDQ));
	ck_assert_uint_eq(fx.pulses[1], 2);
}
END_TEST

/* Commands wait for CMDQEN; disabling stops; an error stays in force over a disable. */
START_TEST(test_enable)
{
	wr32(SMMU_CR0, 0);
	wr32(SMMU_CMDQ_PROD, 0);
	wr32(SMMU_CMDQ_CONS, 0);
	issue(CMD_TLBI_NH_ALL, 0);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 0);
	wr32(SMMU_CR0, CR0_CMDQEN);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 1);
	issue(0, 0);
	wr32(SMMU_CR0, 0);
	wr32(SMMU_CR0, CR0_CMDQEN);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 1 | CERROR_ILL << 24);
	ck_assert(gerror_has(GERROR_CMDQ));
}
END_TEST

START_TEST(test_sync_by_memory)
{
	uint64_t slot = CMDQ + 16; /* as Linux does it: the second double word's half of the command's own slot */

	put64(RAM_BASE + 0x8000, UINT64_MAX);
	issue(CMD_TLBI_NH_ALL, 0);
	issue(CMD_SYNC | 1u << 12, slot);
	ck_assert_uint_eq(get64(slot) & UINT32_MAX, 0);
	ck_assert_uint_eq(get64(slot) >> 32, 0);
	issue(CMD_SYNC | 1u << 12 | UINT64_C(0xcafe0123) << 32, (RAM_BASE + 0x8000) | 3);
	ck_assert_uint_eq(get64(RAM_BASE + 0x8000), UINT64_C(0xffffffffcafe0123));
	ck_assert_uint_eq(fx.pulses[2], 0);
	ck_assert_uint_eq(fx.nr_msi, 0);
}
END_TEST

START_TEST(test_sync_signals)
{
	issue(CMD_SYNC, RAM_BASE); /* SIG_NONE: the address means nothing */
	ck_assert_uint_eq(fx.pulses[2], 0);
	issue(CMD_SYNC | 1u << 12 | UINT64_C(5) << 32, 0);
	ck_assert_uint_eq(fx.pulses[2], 1);
	issue(CMD_SYNC | 1u << 12 | UINT64_C(77) << 32, 0x8090040);
	ck_assert_uint_eq(fx.nr_msi, 1);
	ck_assert_uint_eq(fx.msi.addr, 0x8090040);
	ck_assert_uint_eq(fx.msi.data, 77);
	/* nowhere to go: the command completes, the abort is a global error */
	fx.smmu->config.msi = NULL;
	issue(CMD_SYNC | 1u << 12, OUTSIDE);
	ck_assert(gerror_has(GERROR_MSI_CMDQ_ABT));
	ck_assert(!gerror_has(GERROR_CMDQ));
	ck_assert_uint_eq(rd32(SMMU_CMDQ_CONS), 4);
	/* an error that is active stays so when it happens again, and interrupts once */
	issue(CMD_SYNC | 1u << 12, OUTSIDE);
	ck_assert(gerror_has(GERROR_MSI_CMDQ_ABT));
	ck_assert_uint_eq(fx.pulses[1], 1);
}
END_TEST

/* The counters by which the lab proves nesting. */
START_TEST(test_stats)
{
	uint64_t commands = stats.smmu_commands, forwarded = stats.smmu_commands_forwarded, syncs = stats.smmu_syncs,
		 errors = stats.smmu_command_errors;
	uint32_t prod = queue_cmd(queue_cmd(queue_cmd(0, CMD_TLBI_NH_ALL, 0), CMD_SYNC, 0), 0x99, 0);

	wr32(SMMU_CMDQ_PROD, prod);
	ck_assert_uint_eq(stats.smmu_commands, commands + 3);
	ck_assert_uint_eq(stats.smmu_commands_forwarded, forwarded + 1);
	ck_assert_uint_eq(stats.smmu_syncs, syncs + 1);
	ck_assert_uint_eq(stats.smmu_command_errors, errors + 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-cmd");
	TCase *tc = tcase_create("cmd");

	tcase_add_checked_fixture(tc, setup_s1, teardown);
	tcase_add_loop_test(tc, test_opcode_classes, 0, 256);
	tcase_add_loop_test(tc, test_opcode_execution, 0, 256);
	tcase_add_loop_test(tc, test_fields, 0, ARRAY_LEN(fields));
	tcase_add_test(tc, test_ssid_out_of_range);
	tcase_add_test(tc, test_batch_is_one_call);
	tcase_add_test(tc, test_batch_windows);
	tcase_add_test(tc, test_batch_cap_and_order);
	tcase_add_test(tc, test_host_refusal);
	tcase_add_test(tc, test_host_refusal_elsewhere);
	tcase_add_test(tc, test_illegal_behind_good);
	tcase_add_loop_test(tc, test_queue_sizes, 0, 32);
	tcase_add_loop_test(tc, test_prod_far_ahead, 0, 11);
	tcase_add_test(tc, test_queue_outside_ram);
	tcase_add_test(tc, test_enable);
	tcase_add_test(tc, test_sync_by_memory);
	tcase_add_test(tc, test_sync_signals);
	tcase_add_test(tc, test_stats);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
