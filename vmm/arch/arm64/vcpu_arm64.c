/* SPDX-License-Identifier: Apache-2.0 */
/* Features, reset and faults of vCPUs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arch_vm.h"
#include "arm_kvm.h"
#include "kvm.h"
#include "log.h"
#include "vm.h"

#define REG_CORE(name) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))
#define REG_MPIDR      ARM64_SYS_REG(3, 0, 0, 0, 5)
#define REG_MMFR0      ARM64_SYS_REG(3, 0, 0, 7, 0)
#define MMFR0_PARANGE  MASK64(3, 0)

static void add_feature(struct kvm_vcpu_init *init, unsigned feature)
{
	init->features[feature / 32] |= BIT32(feature % 32);
}

/* EL2, only where it is asked for: it costs, and changes how the guest boots. The guest's hypervisor has
 * HCR_EL2.E2H set (VHE), the better part of what KVM offers. */
static int choose_el2(const struct vm *vm, struct kvm_vcpu_init *init)
{
	if (!vm->nested)
		return 0;
	if (kvm_check_extension(vm->vm_fd, KVM_CAP_ARM_EL2) <= 0)
		return log_fail(-ENOTSUP,
				"virtual machines inside the guest (machine.nested) need a host whose CPU has "
				"FEAT_NV2 and whose kernel was booted with kvm-arm.mode=nested");
	add_feature(init, KVM_ARM_VCPU_HAS_EL2);
	return 0;
}

/* Everything else that the host can give. */
static void choose_features(int vm_fd, struct kvm_vcpu_init *init)
{
	add_feature(init, KVM_ARM_VCPU_PSCI_0_2);
	if (kvm_check_extension(vm_fd, KVM_CAP_ARM_PMU_V3) > 0)
		add_feature(init, KVM_ARM_VCPU_PMU_V3);
	if (kvm_check_extension(vm_fd, KVM_CAP_ARM_SVE) > 0)
		add_feature(init, KVM_ARM_VCPU_SVE);
	/* Both or none (KVM api.rst, KVM_ARM_VCPU_INIT). */
	if (kvm_check_extension(vm_fd, KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0 &&
	    kvm_check_extension(vm_fd, KVM_CAP_ARM_PTRAUTH_GENERIC) > 0) {
		add_feature(init, KVM_ARM_VCPU_PTRAUTH_ADDRESS);
		add_feature(init, KVM_ARM_VCPU_PTRAUTH_GENERIC);
	}
}

static int init_vcpu(struct vcpu *vcpu, bool off)
{
	struct kvm_vcpu_init init = vcpu->vm->arch->init;

	if (off)
		add_feature(&init, KVM_ARM_VCPU_POWER_OFF);
	int err = kvm_arm_vcpu_init(vcpu->fd, &init);
	if (err)
		return log_fail(err, "cannot initialize vCPU %u (features %#x): %s", vcpu->index, init.features[0],
				strerror(-err));
	return 0;
}

/*
 * The guest's CPUs say that physical addresses are as long as its machine's, not the host's. Its kernel shares page
 * tables with devices only if its SMMU outputs as many bits as its CPUs (Linux arm_smmu_sva_supported()). ID registers
 * are the VM's; the first vCPU's stand for all (kvm_set_vm_id_reg()).
 */
static int limit_addresses(struct vcpu *vcpu, unsigned bits)
{
	static const uint8_t sizes[] = {32, 36, 40, 42, 44, 48, 52};
	uint64_t mmfr0, code = 0;
	int err = kvm_get_one_reg(vcpu->fd, REG_MMFR0, &mmfr0);

	while (code + 1 < ARRAY_LEN(sizes) && sizes[code] < bits)
		code++;
	if (!err && field_get(MMFR0_PARANGE, mmfr0) > code) {
		mmfr0 = (mmfr0 & ~MMFR0_PARANGE) | field_prep(MMFR0_PARANGE, code);
		err = kvm_set_one_reg(vcpu->fd, REG_MMFR0, &mmfr0);
		/* Kernels before 6.7 let nobody write it: such guests do without shared page tables. */
		if (err == -EINVAL)
			return 0;
	}
	if (err)
		return log_fail(err, "cannot limit the physical addresses of the guest's CPUs to %u bits: %s", bits,
				strerror(-err));
	return 0;
}

int arch_vcpus_init(struct vm *vm)
{
	struct arch_vm *arch = vm->arch;

	if (vm->nr_vcpus > VCPUS_MAX)
		return log_fail(-EINVAL, "cannot create %u vCPUs: the machine has room for %u", vm->nr_vcpus,
				VCPUS_MAX);
	int err = kvm_arm_preferred_target(vm->vm_fd, &arch->init);
	if (err)
		return log_fail(err, "KVM does not know this host's CPU: %s", strerror(-err));
	choose_features(vm->vm_fd, &arch->init);
	err = choose_el2(vm, &arch->init);
	if (err)
		return err;
	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];

		err = init_vcpu(vcpu, i != 0);
		if (err)
			return err;
		if (arm64_has_feature(arch, KVM_ARM_VCPU_SVE)) {
			err = kvm_arm_vcpu_finalize(vcpu->fd, KVM_ARM_VCPU_SVE);
			if (err)
				return log_fail(err, "cannot finalize SVE of vCPU %u: %s", i, strerror(-err));
		}
		err = i == 0 ? limit_addresses(vcpu, arch->high.ipa_bits) : 0;
		if (err)
			return err;
		err = kvm_get_one_reg(vcpu->fd, REG_MPIDR, &arch->mpidr[i]);
		if (err)
			return log_fail(err, "cannot read MPIDR_EL1 of vCPU %u: %s", i, strerror(-err));
		arch->mpidr[i] &= MPIDR_AFFINITY;
	}
	return 0;
}

static int set_reg(struct vcpu *vcpu, uint64_t id, const char *name, uint64_t value)
{
	int err = kvm_set_one_reg(vcpu->fd, id, &value);

	if (err)
		return log_fail(err, "cannot set register %s of vCPU %u: %s", name, vcpu->index, strerror(-err));
	return 0;
}

int arch_vcpu_reset(struct vcpu *vcpu, const struct arch_boot *boot)
{
	bool is_boot = vcpu->index == 0;
	int err = init_vcpu(vcpu, !is_boot);

	if (err || !is_boot)
		return err;
	/* Linux Documentation/arch/arm64/booting.rst: x0 = device tree, x1 .. x3 = 0; KVM's reset has EL1h (EL2h if
	 * there is an EL2), MMU and caches off, all of DAIF masked. */
	err = set_reg(vcpu, REG_CORE(regs.pc), "pc", boot->entry.v);
	if (!err)
		err = set_reg(vcpu, REG_CORE(regs.regs[0]), "x0", boot->tables.v);
	return err;
}

/* The access gets no answer: a synchronous external abort, as from a bus error. Only from the vCPU's own thread. */
static bool abort_access(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events = {.exception = {.ext_dabt_pending = 1}};
	int err = kvm_set_vcpu_events(vcpu->fd, &events);

	if (err)
		log_error("cannot inject an external abort into vCPU %u: %s", vcpu->index, strerror(-err));
	return !err;
}

bool arch_vcpu_exit(struct vcpu *vcpu, struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_ARM_NISV:
	case KVM_EXIT_ARM_LDST64B: /* LD64B and the like; the same record, and no device takes 64 bytes */
		log_guest("vCPU %u: access to %#" PRIx64 " by an instruction that cannot be emulated (ISS %#" PRIx64
			  "); it gets an external abort",
			  vcpu->index, (uint64_t)run->arm_nisv.fault_ipa, (uint64_t)run->arm_nisv.esr_iss);
		return abort_access(vcpu);
	case KVM_EXIT_MEMORY_FAULT:
		log_guest("vCPU %u: no memory behind %#" PRIx64
			  ", e.g. a BAR of a device that does not decode; it gets an "
			  "external abort",
			  vcpu->index, (uint64_t)run->memory_fault.gpa);
		return abort_access(vcpu);
	default:
		return false;
	}
}

void arch_vcpu_where(const struct vcpu *vcpu, const struct kvm_run *run, char *out)
{
	uint64_t pc;

	out[0] = '\0';
	if (kvm_get_one_reg(vcpu->fd, REG_CORE(regs.pc), &pc) == 0)
		snprintf(out, ARCH_WHERE_MAX, " at PC %#" PRIx64, pc);
}
