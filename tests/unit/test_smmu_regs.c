/* SPDX-License-Identifier: Apache-2.0 */
/* Every register: reset value, writable bits, halves, and what locks it. */
#include <check.h>

#include "smmu_fixture.h"
#include "run_suite.h"

/* The registers as the architecture lists them; written down apart from the model's own table. */
static const struct expect {
	const char *name;
	uint32_t offset;
	uint8_t width;
	uint64_t reset;
	uint64_t rw;
	/* what makes writes be ignored: CR0 or IRQ_CTRL bits */
	uint32_t cr0_lock, irq_lock;
} regs[] = {
	{"IIDR", 0x18, 4, 0, 0},
	{"AIDR", 0x1c, 4, 2, 0},
	{"CR0ACK", 0x24, 4, 0, 0},
	{"CR1", 0x28, 4, 0, 0xfff},
	{"CR2", 0x2c, 4, 0, 0x6, CR0_SMMUEN},
	{"STATUSR", 0x40, 4, 0, 0},
	{"AGBPA", 0x48, 4, 0, 0},
	{"IRQ_CTRLACK", 0x54, 4, 0, 0},
	{"GERROR", 0x60, 4, 0, 0},
	{"GERROR_IRQ_CFG0", 0x68, 8, 0, UINT64_C(0xffffffffffffc), 0, IRQ_CTRL_GERROR},
	{"GERROR_IRQ_CFG1", 0x70, 4, 0, UINT32_MAX, 0, IRQ_CTRL_GERROR},
	{"GERROR_IRQ_CFG2", 0x74, 4, 0, 0x3f, 0, IRQ_CTRL_GERROR},
	{"STRTAB_BASE", 0x80, 8, 0, UINT64_C(0x400fffffffffffc0), CR0_SMMUEN},
	{"STRTAB_BASE_CFG", 0x88, 4, 0, 0x307ff, CR0_SMMUEN},
	{"CMDQ_BASE", 0x90, 8, 0, UINT64_C(0x400fffffffffffff), CR0_CMDQEN},
	{"CMDQ_CONS", 0x9c, 4, 0, 0x7f0fffff, CR0_CMDQEN},
	{"EVENTQ_BASE", 0xa0, 8, 0, UINT64_C(0x400fffffffffffff), CR0_EVENTQEN},
	{"EVENTQ_IRQ_CFG0", 0xb0, 8, 0, UINT64_C(0xffffffffffffc), 0, IRQ_CTRL_EVENTQ},
	{"EVENTQ_IRQ_CFG1", 0xb8, 4, 0, UINT32_MAX, 0, IRQ_CTRL_EVENTQ},
	{"EVENTQ_IRQ_CFG2", 0xbc, 4, 0, 0x3f, 0, IRQ_CTRL_EVENTQ},
	{"PIDR4", 0xfd0, 4, 0, 0},
	{"PIDR2", 0xfe8, 4, 0, 0},
	{"CIDR0", 0xff0, 4, 0x0d, 0},
	{"CIDR1", 0xff4, 4, 0xf0, 0},
	{"CIDR2", 0xff8, 4, 0x05, 0},
	{"CIDR3", 0xffc, 4, 0xb1, 0},
	{"EVENTQ_PROD", 0x100a8, 4, 0, 0x800fffff, CR0_EVENTQEN},
	{"EVENTQ_CONS", 0x100ac, 4, 0, 0x800fffff},
};

START_TEST(test_table)
{
	ck_assert(regtable_check(smmu_rows, R_COUNT));
}
END_TEST

START_TEST(test_reset_and_mask)
{
	const struct expect *r = &regs[_i];
	uint64_t all = r->width == 8 ? UINT64_MAX : UINT32_MAX;

	ck_assert_msg(rd(r->offset, r->width) == r->reset, "%s resets to %llx", r->name,
		      (unsigned long long)rd(r->offset, r->width));
	bus_write(&fx.bus, MMIO + r->offset, r->width, all);
	ck_assert_msg(rd(r->offset, r->width) == ((r->reset & ~r->rw) | r->rw), "%s reads %llx", r->name,
		      (unsigned long long)rd(r->offset, r->width));
	bus_write(&fx.bus, MMIO + r->offset, r->width, 0);
	ck_assert_uint_eq(rd(r->offset, r->width), r->reset & ~r->rw);
	/* Guest reset brings the value back. */
	bus_write(&fx.bus, MMIO + r->offset, r->width, all);
	ck_assert_int_eq(smmu_device(fx.smmu)->class->reset(smmu_device(fx.smmu)), 0);
	ck_assert_uint_eq(rd(r->offset, r->width), r->reset);
}
END_TEST

START_TEST(test_halves)
{
	const struct expect *r = &regs[_i];
	uint64_t value = UINT64_C(0xfedcba9876543210);

	if (r->width != 8)
		return;
	wr32(r->offset, (uint32_t)value);
	ck_assert_uint_eq(rd(r->offset, 8), value & r->rw & UINT32_MAX);
	wr32(r->offset + 4, (uint32_t)(value >> 32));
	ck_assert_uint_eq(rd(r->offset, 8), value & r->rw);
	ck_assert_uint_eq(rd32(r->offset), (uint32_t)(value & r->rw));
	ck_assert_uint_eq(rd32(r->offset + 4), (uint32_t)((value & r->rw) >> 32));
}
END_TEST

/* A locked register keeps its value, whole and in halves, and is free again afterwards. */
START_TEST(test_locks)
{
	const struct expect *r = &regs[_i];
	uint64_t before;

	if (!r->cr0_lock && !r->irq_lock)
		return;
	bus_write(&fx.bus, MMIO + r->offset, r->width, 0);
	wr32(SMMU_CR0, r->cr0_lock);
	wr32(SMMU_IRQ_CTRL, r->irq_lock);
	before = rd(r->offset, r->width);
	bus_write(&fx.bus, MMIO + r->offset, r->width, UINT64_MAX);
	ck_assert_msg(rd(r->offset, r->width) == before, "%s is not locked", r->name);
	wr32(r->offset, UINT32_MAX);
	if (r->width == 8)
		wr32(r->offset + 4, UINT32_MAX);
	ck_assert_uint_eq(rd(r->offset, r->width), before);
	wr32(SMMU_CR0, 0);
	wr32(SMMU_IRQ_CTRL, 0);
	bus_write(&fx.bus, MMIO + r->offset, r->width, UINT64_MAX);
	ck_assert_uint_eq(rd(r->offset, r->width), r->rw);
}
END_TEST

/* The other enables do not lock it. */
START_TEST(test_locks_are_exact)
{
	const struct expect *r = &regs[_i];
	uint32_t cr0 = (CR0_SMMUEN | CR0_CMDQEN | CR0_EVENTQEN) & ~r->cr0_lock;

	if (r->rw == 0 || r->offset == 0x28)
		return;
	wr32(SMMU_CR0, cr0);
	wr32(SMMU_IRQ_CTRL, (IRQ_CTRL_EVENTQ | IRQ_CTRL_GERROR) & ~r->irq_lock);
	bus_write(&fx.bus, MMIO + r->offset, r->width, UINT64_MAX);
	ck_assert_msg(rd(r->offset, r->width) == r->rw, "%s", r->name);
}
END_TEST

START_TEST(test_cr0_and_ack)
{
	wr32(SMMU_CR0, UINT32_MAX);
	ck_assert_uint_eq(rd32(SMMU_CR0), CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN);
	ck_assert_uint_eq(rd32(SMMU_CR0ACK), rd32(SMMU_CR0));
	wr32(SMMU_CR0ACK, 0);
	ck_assert_uint_eq(rd32(SMMU_CR0ACK), rd32(SMMU_CR0));
	wr32(SMMU_CR0, 0);
	ck_assert_uint_eq(rd32(SMMU_CR0ACK), 0);
}
END_TEST

START_TEST(test_cr1_fields_lock_apart)
{
	wr32(SMMU_CR1, 0);
	wr32(SMMU_CR0, CR0_SMMUEN);
	wr32(SMMU_CR1, UINT32_MAX);
	ck_assert_uint_eq(rd32(SMMU_CR1), CR1_QUEUE);
	wr32(SMMU_CR0, CR0_EVENTQEN);
	wr32(SMMU_CR1, CR1_TABLE);
	ck_assert_uint_eq(rd32(SMMU_CR1), CR1_QUEUE | CR1_TABLE);
	wr32(SMMU_CR0, CR0_CMDQEN);
	wr32(SMMU_CR1, 0);
	ck_assert_uint_eq(rd32(SMMU_CR1), CR1_QUEUE);
}
END_TEST

START_TEST(test_irq_ctrl_ack)
{
	wr32(SMMU_IRQ_CTRL, UINT32_MAX);
	ck_assert_uint_eq(rd32(SMMU_IRQ_CTRL), IRQ_CTRL_EVENTQ | IRQ_CTRL_GERROR);
	ck_assert_uint_eq(rd32(SMMU_IRQ_CTRLACK), rd32(SMMU_IRQ_CTRL));
}
END_TEST

START_TEST(test_gbpa_needs_update)
{
	ck_assert_uint_eq(rd32(SMMU_GBPA), 0x1000);
	wr32(SMMU_GBPA, GBPA_ABORT);
	ck_assert_uint_eq(rd32(SMMU_GBPA), 0x1000);
	wr32(SMMU_GBPA, UINT32_MAX);
	ck_assert_uint_eq(rd32(SMMU_GBPA), GBPA_ABORT | 0x3000);
	wr32(SMMU_GBPA, GBPA_UPDATE);
	ck_assert_uint_eq(rd32(SMMU_GBPA), 0);
}
END_TEST

/* Reserved offsets are RES0; wrong sizes do nothing; nothing outside the two pages is claimed. */
START_TEST(test_reserved_and_sizes)
{
	static const uint32_t reserved[] = {0x30,    0x3c,    0x4c,    0x58,	0x8c,	0xa8,	0xac,
					    0xc0,    0xcc,    0x100,   0xe00,	0xfcc,	0x1000, 0xfffc,
					    0x10000, 0x10020, 0x100a4, 0x100c8, 0x1fffc};
	static const struct {
		uint32_t offset;
		uint8_t size;
	} bad[] = {{0x20, 1}, {0x20, 2}, {0x21, 1}, {0x22, 2}, {0x20, 8}, {0x84, 8}, {0x98, 8}, {0x80, 2}};

	for (unsigned i = 0; i < ARRAY_LEN(reserved); i++) {
		wr32(reserved[i], UINT32_MAX);
		ck_assert_uint_eq(rd32(reserved[i]), 0);
	}
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		bus_write(&fx.bus, MMIO + bad[i].offset, bad[i].size, 1);
		ck_assert_uint_eq(rd32(SMMU_CR0), 0);
		ck_assert_uint_eq(rd(SMMU_STRTAB_BASE, 8), 0);
		ck_assert_uint_eq(rd32(SMMU_CMDQ_PROD), 0);
	}
	ck_assert_uint_eq(rd(SMMU_MMIO_SIZE, 4), UINT32_MAX);
}
END_TEST

START_TEST(test_idrs_are_read_only_and_survive_reset)
{
	uint32_t before[6];

	for (unsigned i = 0; i < 6; i++) {
		before[i] = rd32(SMMU_IDR0 + i * 4);
		wr32(SMMU_IDR0 + i * 4, ~before[i]);
	}
	ck_assert_int_eq(smmu_device(fx.smmu)->class->reset(smmu_device(fx.smmu)), 0);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(rd32(SMMU_IDR0 + i * 4), before[i]);
	ck_assert_uint_ne(before[0], 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-regs");
	TCase *tc = tcase_create("regs");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_table);
	tcase_add_loop_test(tc, test_reset_and_mask, 0, ARRAY_LEN(regs));
	tcase_add_loop_test(tc, test_halves, 0, ARRAY_LEN(regs));
	tcase_add_loop_test(tc, test_locks, 0, ARRAY_LEN(regs));
	tcase_add_loop_test(tc, test_locks_are_exact, 0, ARRAY_LEN(regs));
	tcase_add_test(tc, test_cr0_and_ack);
	tcase_add_test(tc, test_cr1_fields_lock_apart);
	tcase_add_test(tc, test_irq_ctrl_ack);
	tcase_add_test(tc, test_gbpa_needs_update);
	tcase_add_test(tc, test_reserved_and_sizes);
	tcase_add_test(tc, test_idrs_are_read_only_and_survive_reset);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
