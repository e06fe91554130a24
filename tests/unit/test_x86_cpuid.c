/* SPDX-License-Identifier: Apache-2.0 */
/* The x86 machine where it needs no KVM: what CPUs say of themselves, the map, names of messages and lines. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch_vm.h"
#include "cpuid.h"
#include "irq.h"
#include "log.h"
#include "run_suite.h"
#include "vm.h"
#include "x86_regs.h"

#define GIB UINT64_C(0x40000000)

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void setup(void)
{
	log_set_sink(quiet, NULL);
}

static void teardown(void)
{
	log_set_sink(NULL, NULL);
}

/* --- CPUID --- */

/* Every bit set where the policy must clear, as a KVM with everything would offer it. */
static struct kvm_cpuid2 *offer(void)
{
	static const struct kvm_cpuid_entry2 entries[] = {
		{.function = 0, .eax = 0x1f},
		{.function = 1,
		 .ebx = UINT32_MAX,
		 .ecx = CPUID_1_ECX_VMX | CPUID_1_ECX_CX16 | CPUID_1_ECX_PDCM,
		 .edx = UINT32_MAX},
		{.function = 4, .index = 0, .eax = 0xfffffc21}, /* L1 data */
		{.function = 4, .index = 3, .eax = 0xfffffc63}, /* L3 */
		{.function = 4, .index = 4, .eax = 0},
		{.function = 0xa, .eax = 0x7300403},
		{.function = 0xb, .index = 0, .eax = 7, .ebx = 9, .edx = 77},
		{.function = 0xb, .index = 1, .eax = 7, .ebx = 9, .edx = 77},
		{.function = 0xb, .index = 2, .eax = 7, .ebx = 9, .edx = 77},
		{.function = 0x1f, .index = 0, .eax = 7, .ebx = 9},
		{.function = 0x40000001, .eax = 1},
		{.function = 0x80000001,
		 .ecx = CPUID_EXT_1_ECX_SVM | CPUID_EXT_1_ECX_CMP_LEGACY | CPUID_EXT_1_ECX_PERF | 1},
		{.function = 0x80000008, .eax = 0x3028, .ecx = 0xffff},
		{.function = 0x8000000a, .eax = 1, .ebx = 16},
		{.function = 0x8000001e, .eax = 99, .ebx = 0x10001, .ecx = 0x101},
	};
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + sizeof(entries) + 2 * sizeof(entries[0]));

	cpuid->nent = ARRAY_LEN(entries);
	memcpy(cpuid->entries, entries, sizeof(entries));
	return cpuid;
}

static const struct kvm_cpuid_entry2 *leaf(const struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function && cpuid->entries[i].index == index)
			return &cpuid->entries[i];
	ck_abort_msg("no leaf");
}

static const struct {
	unsigned cpus, shift;
} sizes[] = {{1, 0}, {2, 1}, {3, 2}, {4, 2}, {64, 6}, {255, 8}, {300, 9}};

START_TEST(policy_of_cpuid)
{
	const struct cpuid_policy policy = {.nr_vcpus = sizes[_i].cpus, .deadline_timer = true, .wide_messages = true};
	struct kvm_cpuid2 *c = offer();
	unsigned cpus = policy.nr_vcpus, id = cpus - 1;

	for (unsigned twice = 0; twice < 2; twice++) {
		cpuid_filter(c, &policy);
		cpuid_personal(c, &policy, id);
	}
	const struct kvm_cpuid_entry2 *e = leaf(c, 1, 0);
	ck_assert_uint_eq(e->ecx,
			  CPUID_1_ECX_CX16 | CPUID_1_ECX_X2APIC | CPUID_1_ECX_DEADLINE | CPUID_1_ECX_HYPERVISOR);
	ck_assert_uint_eq(e->ebx >> 24, id & 0xff);
	ck_assert_uint_eq(e->ebx >> 16 & 0xff, cpus > 255 ? 255 : cpus);
	ck_assert_int_eq((e->edx & CPUID_1_EDX_HTT) != 0, cpus > 1);
	ck_assert_uint_eq(leaf(c, 4, 0)->eax >> 14 & 0xfff, 0);
	ck_assert_uint_eq(leaf(c, 4, 3)->eax >> 14 & 0xfff, (1u << sizes[_i].shift) - 1);
	ck_assert_uint_eq(leaf(c, 4, 4)->eax, 0);
	ck_assert_uint_eq(leaf(c, 0xa, 0)->eax | leaf(c, 0x1f, 0)->ebx | leaf(c, 0x8000000a, 0)->eax, 0);
	ck_assert_uint_eq(leaf(c, 0xb, 0)->ebx, 1);
	ck_assert_uint_eq(leaf(c, 0xb, 0)->ecx, 0x100);
	ck_assert_uint_eq(leaf(c, 0xb, 1)->eax, sizes[_i].shift);
	ck_assert_uint_eq(leaf(c, 0xb, 1)->ebx, cpus);
	ck_assert_uint_eq(leaf(c, 0xb, 1)->ecx, 0x201);
	ck_assert_uint_eq(leaf(c, 0xb, 2)->ecx, 2);
	ck_assert_uint_eq(leaf(c, 0xb, 2)->ebx, 0);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_uint_eq(leaf(c, 0xb, i)->edx, id);
	ck_assert_uint_eq(leaf(c, 0x40000001, 0)->eax, 1 | CPUID_KVM_MSI_EXT_DEST_ID);
	ck_assert_uint_eq(leaf(c, 0x80000001, 0)->ecx, 1 | (cpus > 1 ? CPUID_EXT_1_ECX_CMP_LEGACY : 0));
	ck_assert_uint_eq(leaf(c, 0x80000008, 0)->ecx >> 12, sizes[_i].shift);
	ck_assert_uint_eq(leaf(c, 0x8000001e, 0)->eax, id);
	ck_assert_uint_eq(cpuid_physical_bits(c), 40);
	free(c);
}
END_TEST

START_TEST(cpuid_poor_host)
{
	const struct cpuid_policy policy = {.nr_vcpus = 1};
	struct kvm_cpuid2 *c = offer();

	cpuid_filter(c, &policy);
	ck_assert_uint_eq(leaf(c, 1, 0)->ecx & CPUID_1_ECX_DEADLINE, 0);
	ck_assert_uint_eq(leaf(c, 0x40000001, 0)->eax, 1);
	c->nent = 3;
	ck_assert_uint_eq(cpuid_physical_bits(c), 36);
	cpuid_filter(c, &(struct cpuid_policy){.nr_vcpus = 5}); /* now without leaf 0xb */
	ck_assert_uint_eq(c->nent, 5);
	ck_assert_uint_eq(leaf(c, CPUID_TOPOLOGY, 0)->ecx, 0x100);
	ck_assert_uint_eq(leaf(c, CPUID_TOPOLOGY, 1)->eax, 3);
	ck_assert_uint_eq(leaf(c, CPUID_TOPOLOGY, 1)->ebx, 5);
	ck_assert_uint_eq(leaf(c, CPUID_TOPOLOGY, 1)->flags, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	free(c);
}
END_TEST

/* --- the map --- */

START_TEST(nothing_overlaps)
{
	const struct arch_layout *l = &arch_layout;
	const struct range places[] = {
		{0, 3 * GIB - 1}, /* RAM */
		l->pci_mmio32,
		arch_pci_ecam(NULL),
		{l->serial_base, l->serial_base + 0xfff},
		{l->power_base, l->power_base + 0xfff},
		{l->smmu_base, l->smmu_base + l->smmu_max * l->smmu_stride - 1},
		{IOAPIC_BASE, IOAPIC_BASE + IOAPIC_SIZE - 1},
		l->msi_doorbell,
		{IDENTITY_MAP, TSS_BASE + 3 * 4096 - 1},
	};

	for (unsigned i = 0; i < ARRAY_LEN(places); i++)
		for (unsigned j = 0; j < i; j++)
			ck_assert_msg(!range_overlaps(places[i], places[j]), "%u and %u", i, j);
	ck_assert(range_contains(l->ram_hole, (struct range){places[1].first, places[8].last}));
	ck_assert_uint_eq(l->lines, 20);
}
END_TEST

START_TEST(pieces_of_ram)
{
	struct range r[2];

	ck_assert_uint_eq(vm_ram_pieces(3 * GIB, r), 1);
	ck_assert_uint_eq(r[0].last, 3 * GIB - 1);
	ck_assert_uint_eq(vm_ram_pieces(3 * GIB + 4096, r), 2);
	ck_assert_uint_eq(r[0].last, 3 * GIB - 1);
	ck_assert_uint_eq(r[1].first, 4 * GIB);
	ck_assert_uint_eq(range_len(r[1]), 4096);
	ck_assert_uint_eq(vm_ram_pieces(64 * GIB, r), 2);
	ck_assert_uint_eq(r[1].last, 65 * GIB - 1);
}
END_TEST

START_TEST(window64)
{
	struct range w;

	ck_assert_int_eq(layout_mmio64(&w, GIB, 40), 0);
	ck_assert_uint_eq(w.first, 4 * GIB);
	ck_assert_uint_eq(range_len(w), 256 * GIB);
	ck_assert_int_eq(layout_mmio64(&w, 64 * GIB, 40), 0);
	ck_assert_uint_eq(w.first, 68 * GIB);
	ck_assert_int_eq(layout_mmio64(&w, GIB, 36), 0);
	ck_assert_uint_eq(w.last, 64 * GIB - 1);
	ck_assert_int_eq(layout_mmio64(&w, 59 * GIB, 36), 0);
	ck_assert_uint_eq(range_len(w), 4 * GIB);
	ck_assert_int_eq(layout_mmio64(&w, 59 * GIB + 4096, 36), -EINVAL);
	ck_assert_int_eq(layout_mmio64(&w, GIB, 32), -EINVAL);
	ck_assert_int_eq(layout_mmio64(&w, UINT64_MAX, 52), -EINVAL);
}
END_TEST

/* --- messages and lines --- */

static const struct {
	uint64_t address;
	bool wide;
	int err;
	uint32_t low, high;
} messages[] = {
	{0xfee00000, true, 0, 0xfee00000, 0},	   {0xfeeff00c, true, 0, 0xfeeff00c, 0}, /* APIC 255, logical */
	{0xfee01020, true, 0, 0xfee01000, 0x100},					 /* APIC 257 */
	{0xfee00fe0, true, 0, 0xfee00000, 0x7f00},					 /* the highest */
	{0xfee00fe0, false, 0, 0xfee00000, 0},	   {0xfed00000, true, -EINVAL, 0, 0},
	{0xfef00000, true, -EINVAL, 0, 0},	   {0x1000, true, -EINVAL, 0, 0},
	{0x1fee00000, true, -EINVAL, 0, 0},
};

START_TEST(message)
{
	struct arch_vm arch = {.wide_destinations = messages[_i].wide};
	const struct vm vm = {.arch = &arch};
	const struct msi_msg msg = {.address = messages[_i].address, .data = 0x4041};
	struct kvm_irq_routing_entry e = {0};

	ck_assert_int_eq(arch_msi_route(&vm, &msg, &e), messages[_i].err);
	if (messages[_i].err)
		return;
	ck_assert_uint_eq(e.type, KVM_IRQ_ROUTING_MSI);
	ck_assert_uint_eq(e.flags, 0);
	ck_assert_uint_eq(e.u.msi.address_lo, messages[_i].low);
	ck_assert_uint_eq(e.u.msi.address_hi, messages[_i].high);
	ck_assert_uint_eq(e.u.msi.data, 0x4041);
}
END_TEST

START_TEST(lines)
{
	for (unsigned i = 0; i < arch_layout.lines; i++) {
		struct kvm_irq_routing_entry e;
		struct irq_line line;

		arch_line_number(i, &line);
		ck_assert_uint_lt(line.gsi, 24);
		ck_assert_uint_eq(line.intid, 32 + line.gsi);
		arch_line_route(NULL, line.gsi, &e);
		ck_assert_uint_eq(e.gsi, line.gsi);
		ck_assert_uint_eq(e.u.irqchip.irqchip, KVM_IRQCHIP_IOAPIC);
		ck_assert_uint_eq(e.u.irqchip.pin, line.gsi);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("x86_cpuid");
	TCase *tc = tcase_create("x86");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, policy_of_cpuid, 0, ARRAY_LEN(sizes));
	tcase_add_test(tc, cpuid_poor_host);
	tcase_add_test(tc, nothing_overlaps);
	tcase_add_test(tc, pieces_of_ram);
	tcase_add_test(tc, window64);
	tcase_add_loop_test(tc, message, 0, ARRAY_LEN(messages));
	tcase_add_test(tc, lines);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
