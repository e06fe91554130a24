/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest's CPUs say of themselves: KVM's offer, less what aerie does not do, plus who each CPU is. */
#ifndef AERIE_X86_CPUID_H
#define AERIE_X86_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

/* What the policy must know beside KVM's offer. */
struct cpuid_policy {
	unsigned nr_vcpus;
	bool deadline_timer; /* KVM_CAP_TSC_DEADLINE_TIMER: KVM does it, but does not list it */
	bool wide_messages;  /* messages may name CPUs above 254 */
};

/** Changes KVM's offer @cpuid into what all vCPUs are given; idempotent. Adds at most two entries. */
void cpuid_filter(struct kvm_cpuid2 *cpuid, const struct cpuid_policy *policy);

/** Writes what is @apic_id's own into a filtered @cpuid. */
void cpuid_personal(struct kvm_cpuid2 *cpuid, const struct cpuid_policy *policy, uint32_t apic_id);

/** Physical address bits of the guest's CPUs. */
unsigned cpuid_physical_bits(const struct kvm_cpuid2 *cpuid);

#endif
