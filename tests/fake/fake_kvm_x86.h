/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pretended KVM of an x86-64 host: the kernel's rules of order and what one VM was told. Parts of a vCPU's state
 * are kept as they were set; vCPUs play a script of exits.
 */
#ifndef AERIE_FAKE_KVM_X86_H
#define AERIE_FAKE_KVM_X86_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "fake.h"

#define FAKE_X86_VCPUS 4u
#define FAKE_X86_MSRS  3u
#define FAKE_X86_TSC   0x10u
#define FAKE_X86_PAT   0x277u /* takes any value */
#define FAKE_X86_ROM   0x17u  /* takes none */

/* One return of KVM_RUN. */
struct fake_x86_exit {
	uint32_t reason;
	uint16_t port; /* KVM_EXIT_IO, one element of @size */
	uint8_t size;
	bool in;
	uint32_t suberror; /* KVM_EXIT_INTERNAL_ERROR */
};

/* struct kvm_xsave without its flexible end. */
struct fake_xsave {
	uint32_t region[1024];
};
_Static_assert(sizeof(struct fake_xsave) == sizeof(struct kvm_xsave), "KVM_GET_XSAVE");

struct fake_x86_vcpu {
	bool created;
	struct kvm_run *run;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp_state;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debugregs;
	struct kvm_xcrs xcrs;
	struct kvm_fpu fpu;
	struct fake_xsave xsave;      /* with KVM_CAP_XSAVE */
	uint64_t msrs[FAKE_X86_MSRS]; /* TSC, PAT, ROM */
	unsigned msr_writes;
	uint32_t apic_id; /* leaf 1, 31:24 */
	const struct fake_x86_exit *script;
	unsigned script_len, script_pos;
	uint64_t port_reads[8];
	unsigned nr_port_reads;
	bool port_pending;
};

/* Knobs (caps) and observations; tests read what they like. */
extern struct fake_kvm_x86 {
	int caps[256];
	bool vm, irqchip;
	unsigned nr_vcpus;
	uint64_t tss, identity_map, x2apic_api;
	struct kvm_irqchip chips[3];
	unsigned chip_writes;
	unsigned nr_routes;
	struct kvm_irq_routing_entry routes[64];
	uint32_t last_line;
	struct fake_x86_vcpu vcpus[FAKE_X86_VCPUS];
} fake_kvm_x86;

void fake_kvm_x86_install(void);

#endif
