/* SPDX-License-Identifier: Apache-2.0 */
#include "x86_kvm.h"

#include <stdlib.h>

#include "kvm.h"
#include "kvm_call.h"

#define FIRST_GUESS 128u
#define MOST	    4096u

int kvm_x86_supported_cpuid(int kvm_fd, struct kvm_cpuid2 **out)
{
	*out = NULL;
	/* -E2BIG: there are more (KVM api.rst) */
	for (uint32_t n = FIRST_GUESS; n <= MOST; n *= 2) {
		struct kvm_cpuid2 *cpuid =
			calloc(1, sizeof(*cpuid) + (n + KVM_X86_CPUID_SPARE) * sizeof(cpuid->entries[0]));
		int err;

		if (!cpuid)
			return -ENOMEM;
		cpuid->nent = n;
		err = kvm_call(kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid);
		if (err == 0) {
			*out = cpuid;
			return 0;
		}
		free(cpuid);
		if (err != -E2BIG)
			return err;
	}
	return -E2BIG;
}

int kvm_x86_msr_index_list(int kvm_fd, struct kvm_msr_list **out)
{
	*out = NULL;
	for (uint32_t n = FIRST_GUESS; n <= MOST; n *= 2) {
		struct kvm_msr_list *list = calloc(1, sizeof(*list) + n * sizeof(list->indices[0]));
		int err;

		if (!list)
			return -ENOMEM;
		list->nmsrs = n;
		err = kvm_call(kvm_fd, KVM_GET_MSR_INDEX_LIST, list);
		if (err == 0) {
			*out = list;
			return 0;
		}
		free(list);
		if (err != -E2BIG)
			return err;
	}
	return -E2BIG;
}

int kvm_x86_set_tss(int vm_fd, uint64_t tss, uint64_t identity_map)
{
	int err = kvm_call(vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);

	return err ? err : kvm_call_n(vm_fd, KVM_SET_TSS_ADDR, tss);
}

int kvm_x86_create_irqchip(int vm_fd)
{
	return kvm_call_n(vm_fd, KVM_CREATE_IRQCHIP, 0);
}

int kvm_x86_get_irqchip(int vm_fd, struct kvm_irqchip *chip)
{
	return kvm_call(vm_fd, KVM_GET_IRQCHIP, chip);
}

int kvm_x86_set_irqchip(int vm_fd, const struct kvm_irqchip *chip)
{
	struct kvm_irqchip copy = *chip;

	return kvm_call(vm_fd, KVM_SET_IRQCHIP, &copy);
}

int kvm_x86_set_cpuid(int vcpu_fd, struct kvm_cpuid2 *cpuid)
{
	return kvm_call(vcpu_fd, KVM_SET_CPUID2, cpuid);
}

int kvm_x86_get_msrs(int vcpu_fd, struct kvm_msrs *msrs)
{
	return kvm_call(vcpu_fd, KVM_GET_MSRS, msrs);
}

int kvm_x86_set_msrs(int vcpu_fd, struct kvm_msrs *msrs)
{
	return kvm_call(vcpu_fd, KVM_SET_MSRS, msrs);
}

/* KVM_CAP_XSAVE2 says how much there is where that may be more than the 4 KiB of the older call. */
uint32_t kvm_x86_xsave_size(int vm_fd)
{
	int size = kvm_check_extension(vm_fd, KVM_CAP_XSAVE2);

	if (size > 0)
		return (uint32_t)size;
	return kvm_check_extension(vm_fd, KVM_CAP_XSAVE) > 0 ? sizeof(struct kvm_xsave) : 0;
}

int kvm_x86_get_xsave(int vcpu_fd, void *state, uint32_t size)
{
	return kvm_call(vcpu_fd, size > sizeof(struct kvm_xsave) ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, state);
}

int kvm_x86_set_xsave(int vcpu_fd, const void *state)
{
	return kvm_call(vcpu_fd, KVM_SET_XSAVE, (void *)(uintptr_t)state);
}

/* The two directions of a part of a vCPU's state. */
#define STATE(name, type, GET, SET)                                                                                    \
	int kvm_x86_get_##name(int vcpu_fd, struct type *state)                                                        \
	{                                                                                                              \
		return kvm_call(vcpu_fd, GET, state);                                                                  \
	}                                                                                                              \
	int kvm_x86_set_##name(int vcpu_fd, const struct type *state)                                                  \
	{                                                                                                              \
		struct type copy = *state;                                                                             \
                                                                                                                       \
		return kvm_call(vcpu_fd, SET, &copy);                                                                  \
	}

STATE(regs, kvm_regs, KVM_GET_REGS, KVM_SET_REGS)
STATE(sregs, kvm_sregs, KVM_GET_SREGS, KVM_SET_SREGS)
STATE(lapic, kvm_lapic_state, KVM_GET_LAPIC, KVM_SET_LAPIC)
STATE(mp_state, kvm_mp_state, KVM_GET_MP_STATE, KVM_SET_MP_STATE)
STATE(events, kvm_vcpu_events, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS)
STATE(debugregs, kvm_debugregs, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS)
STATE(xcrs, kvm_xcrs, KVM_GET_XCRS, KVM_SET_XCRS)
STATE(fpu, kvm_fpu, KVM_GET_FPU, KVM_SET_FPU)
