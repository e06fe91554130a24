/* SPDX-License-Identifier: Apache-2.0 */
/* After a reset no register of the interrupt controller may remember the previous guest. */
#include <errno.h>

#include "bits.h"
#include "gic_regs.h"
#include "vm_fixture.h"

#define DIST   KVM_DEV_ARM_VGIC_GRP_DIST_REGS
#define REDIST KVM_DEV_ARM_VGIC_GRP_REDIST_REGS
#define ICC    KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS
#define CPUS   18u /* the last two have Aff1 = 1 */

static void setup(void)
{
	fixture_vm(CPUS);
}

static uint64_t affinity(unsigned vcpu)
{
	return ((uint64_t)(vcpu / 16) << 8 | vcpu % 16) << 32;
}

static void expect(uint32_t group, uint64_t attr, uint64_t value)
{
	uint64_t got;

	ck_assert_msg(fake_kvm_gic_reg(group, attr, &got), "group %u register %#llx left alone", group,
		      (unsigned long long)attr);
	ck_assert_msg(got == value, "group %u register %#llx is %#llx", group, (unsigned long long)attr,
		      (unsigned long long)got);
}

static void expect_untouched(uint32_t group, uint64_t attr)
{
	uint64_t got;

	ck_assert(!fake_kvm_gic_reg(group, attr, &got));
}

START_TEST(distributor)
{
	ck_assert_int_eq(arch_irqchip_reset(&vm), 0);
	ck_assert_uint_eq(fake_kvm_its_resets(), 1);
	expect(DIST, GICD_CTLR, 0);
	for (uint32_t word = 1; word <= IRQ_MAX_LINES / 32; word++) {
		expect(DIST, GICD_ICENABLER + 4 * word, UINT32_MAX);
		expect(DIST, GICD_ISPENDR + 4 * word, 0);
		expect(DIST, GICD_ICACTIVER + 4 * word, UINT32_MAX);
		expect(DIST, GICD_IGROUPR + 4 * word, UINT32_MAX);
	}
	for (uint32_t intid = 32; intid < 32 + IRQ_MAX_LINES; intid++) {
		expect(DIST, GICD_IPRIORITYR + align_down(intid, 4), 0);
		expect(DIST, GICD_ICFGR + intid / 16 * 4, 0);
		expect(DIST, GICD_IROUTER + 8 * intid, 0);
	}
	/* Private interrupts are the redistributors', and there is nothing beyond the last line. */
	expect_untouched(DIST, GICD_ICENABLER);
	expect_untouched(DIST, GICD_IROUTER + 8 * 31);
	expect_untouched(DIST, GICD_ICENABLER + 4 * (1 + IRQ_MAX_LINES / 32));
	ck_assert_uint_eq(nr_errors, 0);
}
END_TEST

START_TEST(redistributors)
{
	ck_assert_int_eq(arch_irqchip_reset(&vm), 0);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		uint64_t aff = affinity(cpu);

		expect(REDIST, aff | GICR_CTLR, 0); /* EnableLPIs */
		expect(REDIST, aff | GICR_PROPBASER, 0);
		expect(REDIST, aff | (GICR_PROPBASER + 4), 0);
		expect(REDIST, aff | GICR_PENDBASER, 0);
		expect(REDIST, aff | (GICR_PENDBASER + 4), 0);
		expect(REDIST, aff | GICR_ICENABLER0, UINT32_MAX);
		expect(REDIST, aff | GICR_ISPENDR0, 0);
		expect(REDIST, aff | GICR_ICACTIVER0, UINT32_MAX);
		for (uint32_t i = 0; i < 32; i += 4)
			expect(REDIST, aff | (GICR_IPRIORITYR + i), 0);
	}
}
END_TEST

/* The number of active-priority registers follows the priority bits; KVM refuses those that are not there. */
START_TEST(cpu_interface)
{
	static const unsigned nr_apr[] = {[5] = 1, [6] = 2, [7] = 4};
	uint64_t ctlr;

	fake_kvm_set_priority_bits((unsigned)_i);
	ck_assert_int_eq(arch_irqchip_reset(&vm), 0);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		uint64_t aff = affinity(cpu);

		expect(ICC, aff | ICC_PMR_EL1, 0);
		expect(ICC, aff | ICC_BPR0_EL1, 0);
		expect(ICC, aff | ICC_BPR1_EL1, 0);
		expect(ICC, aff | ICC_IGRPEN0_EL1, 0);
		expect(ICC, aff | ICC_IGRPEN1_EL1, 0);
		ck_assert(fake_kvm_gic_reg(ICC, aff | ICC_CTLR_EL1, &ctlr));
		ck_assert_uint_eq(ctlr & (ICC_CTLR_EL1_CBPR | ICC_CTLR_EL1_EOIMODE), 0);
		ck_assert_uint_eq(field_get(ICC_CTLR_EL1_PRIBITS, ctlr) + 1, (unsigned)_i);
		for (unsigned n = 0; n < nr_apr[_i]; n++) {
			expect(ICC, aff | ICC_AP0R_EL1(n), 0);
			expect(ICC, aff | ICC_AP1R_EL1(n), 0);
		}
	}
	ck_assert_uint_eq(nr_errors, 0);
}
END_TEST

/* A reset that KVM refuses halfway is an error with one message, and can be tried again. */
START_TEST(failures)
{
	unsigned calls = fake_calls();

	ck_assert_int_eq(arch_irqchip_reset(&vm), 0);
	calls = fake_calls() - calls;
	for (unsigned n = 1; n <= calls; n += 7) {
		nr_errors = 0;
		fake_fail_nth(n, EBUSY);
		ck_assert_int_eq(arch_irqchip_reset(&vm), -EBUSY);
		ck_assert(fake_failed());
		ck_assert_uint_eq(nr_errors, 1);
	}
	fake_fail_nth(0, 0);
	ck_assert_int_eq(arch_irqchip_reset(&vm), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arm64_reset");
	TCase *tc = tcase_create("arm64_reset");

	tcase_add_checked_fixture(tc, setup, fixture_vm_end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, distributor);
	tcase_add_test(tc, redistributors);
	tcase_add_loop_test(tc, cpu_interface, 5, 8);
	tcase_add_test(tc, failures);
	suite_add_tcase(suite, tc);
	return fixture_run_suite(suite);
}
