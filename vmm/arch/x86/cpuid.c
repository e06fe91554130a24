/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy: everything that KVM offers, but nested virtualization and performance counters' descriptions, which
 * promise what aerie does not set up. Every vCPU is a core of its own in one package, with its number as APIC id.
 */
#include "cpuid.h"

#include "x86_regs.h"

static unsigned bits_for(unsigned n)
{
	unsigned bits = 0;

	while (BIT32(bits) < n)
		bits++;
	return bits;
}

static void put(uint32_t *reg, uint32_t mask, uint32_t value)
{
	*reg = (*reg & ~mask) | field_prep32(mask, value);
}

static void clear(struct kvm_cpuid_entry2 *e)
{
	e->eax = e->ebx = e->ecx = e->edx = 0;
}

static void basic_features(struct kvm_cpuid_entry2 *e, const struct cpuid_policy *policy)
{
	unsigned cpus = policy->nr_vcpus;

	e->ecx &= ~(CPUID_1_ECX_VMX | CPUID_1_ECX_PDCM);
	e->ecx |= CPUID_1_ECX_HYPERVISOR | CPUID_1_ECX_X2APIC | (policy->deadline_timer ? CPUID_1_ECX_DEADLINE : 0);
	e->edx = cpus > 1 ? e->edx | CPUID_1_EDX_HTT : e->edx & ~CPUID_1_EDX_HTT;
	put(&e->ebx, CPUID_1_EBX_CPUS, cpus > 255 ? 255 : cpus);
}

/* A cache of level 3 is everybody's, others are each core's own. */
static void cache(struct kvm_cpuid_entry2 *e, unsigned cpus)
{
	unsigned last = (unsigned)BIT32(bits_for(cpus)) - 1;

	if (field_get32(CPUID_4_EAX_TYPE, e->eax) == 0)
		return;
	put(&e->eax, CPUID_4_EAX_SHARING, field_get32(CPUID_4_EAX_LEVEL, e->eax) >= 3 ? last : 0);
	if (e->function == 4)
		put(&e->eax, CPUID_4_EAX_CORES, last > 63 ? 63 : last);
}

static void topology(struct kvm_cpuid_entry2 *e, unsigned cpus)
{
	clear(e);
	e->ecx = e->index;
	if (e->index == 0) {
		e->ebx = 1;
		put(&e->ecx, CPUID_B_ECX_TYPE, CPUID_B_SMT);
	} else if (e->index == 1) {
		e->eax = bits_for(cpus);
		e->ebx = cpus;
		put(&e->ecx, CPUID_B_ECX_TYPE, CPUID_B_CORE);
	}
}

/* Newer KVMs offer leaf 0xb without the levels (Linux 6.2, __do_cpuid_func()): they are ours to fill in. */
static void need_topology(struct kvm_cpuid2 *cpuid, uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == CPUID_TOPOLOGY && cpuid->entries[i].index == index)
			return;
	cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2){
		.function = CPUID_TOPOLOGY, .index = index, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX};
}

void cpuid_filter(struct kvm_cpuid2 *cpuid, const struct cpuid_policy *policy)
{
	unsigned cpus = policy->nr_vcpus;

	need_topology(cpuid, 0);
	need_topology(cpuid, 1);
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		switch (e->function) {
		case 1:
			basic_features(e, policy);
			break;
		case 4:
		case 0x8000001d:
			cache(e, cpus);
			break;
		case 0xa:	 /* performance counters, Intel */
		case 0x1f:	 /* topology with more levels than we have: leaf 0xb says it all */
		case 0x8000000a: /* SVM */
		case 0x80000022: /* performance counters, AMD */
			clear(e);
			break;
		case CPUID_TOPOLOGY:
			topology(e, cpus);
			break;
		case CPUID_KVM_FEATURES:
			if (policy->wide_messages)
				e->eax |= CPUID_KVM_MSI_EXT_DEST_ID;
			break;
		case 0x80000001:
			e->ecx &= ~(CPUID_EXT_1_ECX_SVM | CPUID_EXT_1_ECX_PERF);
			e->ecx = cpus > 1 ? e->ecx | CPUID_EXT_1_ECX_CMP_LEGACY : e->ecx & ~CPUID_EXT_1_ECX_CMP_LEGACY;
			break;
		case 0x80000008:
			put(&e->ecx, CPUID_EXT_8_ECX_CORES, cpus > 256 ? 255 : cpus - 1);
			put(&e->ecx, CPUID_EXT_8_ECX_APIC_BITS, bits_for(cpus));
			break;
		default:
			break;
		}
	}
}

void cpuid_personal(struct kvm_cpuid2 *cpuid, const struct cpuid_policy *policy, uint32_t apic_id)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		switch (e->function) {
		case 1:
			put(&e->ebx, CPUID_1_EBX_APIC_ID, apic_id & 0xff);
			break;
		case CPUID_TOPOLOGY:
			e->edx = apic_id;
			break;
		case 0x8000001e: /* APIC id; one thread in each core, one node */
			clear(e);
			e->eax = apic_id;
			e->ebx = apic_id & 0xff;
			break;
		default:
			break;
		}
	}
}

unsigned cpuid_physical_bits(const struct kvm_cpuid2 *cpuid)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 0x80000008)
			return field_get32(CPUID_EXT_8_EAX_PHYSICAL, cpuid->entries[i].eax);
	return CPUID_PHYSICAL_BITS_DEFAULT;
}
