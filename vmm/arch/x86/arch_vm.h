/* SPDX-License-Identifier: Apache-2.0 */
/* What only x86 knows of a VM. Private to this folder. */
#ifndef AERIE_X86_ARCH_VM_H
#define AERIE_X86_ARCH_VM_H

#include <linux/kvm.h>
#include <stdbool.h>

#include "layout.h"

struct vcpu_snapshot;

struct arch_vm {
	struct range mmio64;
	struct kvm_cpuid2 *cpuid;	 /* what KVM can give guests; owned */
	bool wide_destinations;		 /* messages name APIC ids of 32 bits (KVM_CAP_X2APIC_API) */
	struct vcpu_snapshot **power_on; /* one for each vCPU, as KVM made it; owned */
	unsigned nr_power_on;
	struct kvm_irqchip ioapic, pic[2]; /* the same for the VM's interrupt controllers */
};

#endif
