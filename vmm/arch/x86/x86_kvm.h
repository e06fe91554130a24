/* SPDX-License-Identifier: Apache-2.0 */
/* The KVM ioctls of this architecture, in the manner of kvm.h: 0 or -errno (a count where it says so), nothing logged.
 */
#ifndef AERIE_X86_KVM_H
#define AERIE_X86_KVM_H

#include <linux/kvm.h>
#include <stdint.h>

/* --- /dev/kvm --- */

/** What KVM can give a guest (KVM_GET_SUPPORTED_CPUID), with room for KVM_X86_CPUID_SPARE entries more. *@out is the
 * caller's to free(). */
#define KVM_X86_CPUID_SPARE 4u
int kvm_x86_supported_cpuid(int kvm_fd, struct kvm_cpuid2 **out);

/** The MSRs that make up a vCPU's state. *@out is the caller's to free(). */
int kvm_x86_msr_index_list(int kvm_fd, struct kvm_msr_list **out);

/* --- a VM --- */

/** Where KVM keeps pages of its own on CPUs that cannot run real mode: four below 4 GiB. */
int kvm_x86_set_tss(int vm_fd, uint64_t tss, uint64_t identity_map);

/** PIC, I/O APIC and a local APIC for each vCPU that is created from now on. */
int kvm_x86_create_irqchip(int vm_fd);
int kvm_x86_get_irqchip(int vm_fd, struct kvm_irqchip *chip);
int kvm_x86_set_irqchip(int vm_fd, const struct kvm_irqchip *chip);

/* --- a vCPU --- */

int kvm_x86_set_cpuid(int vcpu_fd, struct kvm_cpuid2 *cpuid);
int kvm_x86_get_regs(int vcpu_fd, struct kvm_regs *regs);
int kvm_x86_set_regs(int vcpu_fd, const struct kvm_regs *regs);
int kvm_x86_get_sregs(int vcpu_fd, struct kvm_sregs *sregs);
int kvm_x86_set_sregs(int vcpu_fd, const struct kvm_sregs *sregs);
int kvm_x86_get_lapic(int vcpu_fd, struct kvm_lapic_state *apic);
int kvm_x86_set_lapic(int vcpu_fd, const struct kvm_lapic_state *apic);
int kvm_x86_get_mp_state(int vcpu_fd, struct kvm_mp_state *state);
int kvm_x86_set_mp_state(int vcpu_fd, const struct kvm_mp_state *state);
int kvm_x86_get_events(int vcpu_fd, struct kvm_vcpu_events *events);
int kvm_x86_set_events(int vcpu_fd, const struct kvm_vcpu_events *events);
int kvm_x86_get_debugregs(int vcpu_fd, struct kvm_debugregs *regs);
int kvm_x86_set_debugregs(int vcpu_fd, const struct kvm_debugregs *regs);
int kvm_x86_get_xcrs(int vcpu_fd, struct kvm_xcrs *xcrs);
int kvm_x86_set_xcrs(int vcpu_fd, const struct kvm_xcrs *xcrs);
int kvm_x86_get_fpu(int vcpu_fd, struct kvm_fpu *fpu);
int kvm_x86_set_fpu(int vcpu_fd, const struct kvm_fpu *fpu);

/** All of the extended state (vector registers and so on), in a buffer of kvm_x86_xsave_size() bytes; 0: this KVM has
 * no such call. */
uint32_t kvm_x86_xsave_size(int vm_fd);
int kvm_x86_get_xsave(int vcpu_fd, void *state, uint32_t size);
int kvm_x86_set_xsave(int vcpu_fd, const void *state);

/** Both return how many of the list were read or written, from its start. */
int kvm_x86_get_msrs(int vcpu_fd, struct kvm_msrs *msrs);
int kvm_x86_set_msrs(int vcpu_fd, struct kvm_msrs *msrs);

#endif
