/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GUEST_X86_H
#define GUEST_X86_H

#include "rt.h"

#define MSR_APIC_BASE	    0x1bu
#define MSR_KVM_SYSTEM_TIME 0x4b564d01u
#define CPUID_X2APIC	    BIT32(21) /* leaf 1, ecx */

struct pvh_start_info;
extern const struct pvh_start_info *boot_info;
/** IA32_APIC_BASE before irq_init(). */
extern uint64_t apic_base_at_start;

uint64_t tsc(void);
void cpuid(uint32_t leaf, uint32_t sub, uint32_t out[4]);
uint64_t rdmsr(uint32_t msr);
void wrmsr(uint32_t msr, uint64_t value);

/** An interrupt has been taken (apic.c). */
void irq_taken(unsigned vector);

#endif
