/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_kvm_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BIT(n)	  (1u << (n))
#define RUN_SIZE  (2 * 4096u)
#define REG_MPIDR ARM64_SYS_REG(3, 0, 0, 0, 5)
#define REG_MMFR0 ARM64_SYS_REG(3, 0, 0, 7, 0)

uint64_t fake_mpidr(unsigned vcpu)
{
	return (vcpu & 0xf) | ((uint64_t)(vcpu >> 4) & 0xff) << 8 | UINT64_C(1) << 31;
}

int fake_vm_create_vcpu(unsigned id)
{
	if (id >= MAX_VCPUS || fake_kvm.nr_vcpus >= (unsigned)fake_kvm.caps[KVM_CAP_MAX_VCPUS])
		return -EINVAL;
	if (fake_kvm.gic.created && fake_kvm.gic.initialized)
		return -EBUSY;
	struct fake_vcpu *vcpu = &fake_kvm.vcpus[id];
	if (vcpu->created)
		return -EEXIST;
	int fd = fake_fd(&fake_vcpu_type, vcpu);
	if (fd < 0)
		return fd;
	*vcpu = (struct fake_vcpu){
		.created = true, .run = vcpu->run, .script = vcpu->script, .script_len = vcpu->script_len};
	fake_kvm.nr_vcpus++;
	return fd;
}

static uint32_t supported_features(void)
{
	const int *caps = fake_kvm.caps;
	uint32_t f = BIT(KVM_ARM_VCPU_PSCI_0_2);

	if (caps[KVM_CAP_ARM_PMU_V3])
		f |= BIT(KVM_ARM_VCPU_PMU_V3);
	if (caps[KVM_CAP_ARM_SVE])
		f |= BIT(KVM_ARM_VCPU_SVE);
	if (caps[KVM_CAP_ARM_PTRAUTH_ADDRESS])
		f |= BIT(KVM_ARM_VCPU_PTRAUTH_ADDRESS);
	if (caps[KVM_CAP_ARM_PTRAUTH_GENERIC])
		f |= BIT(KVM_ARM_VCPU_PTRAUTH_GENERIC);
	if (caps[KVM_CAP_ARM_EL2])
		f |= BIT(KVM_ARM_VCPU_HAS_EL2);
	return f;
}

/* kvm_arch_vcpu_ioctl_vcpu_init() */
static int vcpu_init(struct fake_vcpu *vcpu, const struct kvm_vcpu_init *init)
{
	uint32_t features = init->features[0] & ~BIT(KVM_ARM_VCPU_POWER_OFF);

	if (init->target != KVM_ARM_TARGET_GENERIC_V8 || features & ~supported_features())
		return -EINVAL;
	if (!(features & BIT(KVM_ARM_VCPU_PTRAUTH_ADDRESS)) != !(features & BIT(KVM_ARM_VCPU_PTRAUTH_GENERIC)))
		return -EINVAL;
	if (vcpu->initialized && vcpu->features != features)
		return -EINVAL;
	/* All vCPUs of a VM have the same features (KVM_ARCH_FLAG_VCPU_FEATURES_CONFIGURED). */
	for (unsigned i = 0; i < MAX_VCPUS; i++)
		if (fake_kvm.vcpus[i].initialized && fake_kvm.vcpus[i].features != features)
			return -EINVAL;
	vcpu->initialized = true;
	vcpu->features = features;
	vcpu->last_features = init->features[0];
	vcpu->inits++;
	vcpu->nr_regs = 0;
	return 0;
}

static int finalize(struct fake_vcpu *vcpu, int feature)
{
	if (!vcpu->initialized)
		return -ENOEXEC;
	if (feature != KVM_ARM_VCPU_SVE || !(vcpu->features & BIT(KVM_ARM_VCPU_SVE)))
		return -EINVAL;
	if (vcpu->sve_finalized)
		return -EPERM;
	vcpu->sve_finalized = true;
	return 0;
}

static bool finalized(const struct fake_vcpu *vcpu)
{
	return vcpu->sve_finalized || !(vcpu->features & BIT(KVM_ARM_VCPU_SVE));
}

static int get_one_reg(struct fake_vcpu *vcpu, const struct kvm_one_reg *reg)
{
	uint64_t value = 0;

	if (!vcpu->initialized)
		return -ENOEXEC;
	if (!finalized(vcpu))
		return -EPERM;
	if (reg->id == REG_MPIDR)
		value = fake_mpidr((unsigned)(vcpu - fake_kvm.vcpus));
	if (reg->id == REG_MMFR0)
		value = 0x1126; /* PARange: 52 bits */
	for (unsigned i = 0; i < vcpu->nr_regs; i++)
		if (vcpu->regs[i].id == reg->id)
			value = vcpu->regs[i].value;
	memcpy((void *)(uintptr_t)reg->addr, &value, sizeof(value));
	return 0;
}

static int set_one_reg(struct fake_vcpu *vcpu, const struct kvm_one_reg *reg)
{
	if (!vcpu->initialized)
		return -ENOEXEC;
	if (!finalized(vcpu))
		return -EPERM;
	if (vcpu->nr_regs == MAX_REGS)
		return -ENOMEM;
	vcpu->regs[vcpu->nr_regs].id = reg->id;
	memcpy(&vcpu->regs[vcpu->nr_regs++].value, (void *)(uintptr_t)reg->addr, sizeof(uint64_t));
	return 0;
}

/* kvm_arm_pmu_v3_set_attr() */
static int set_attr(struct fake_vcpu *vcpu, const struct kvm_device_attr *attr)
{
	if (attr->group != KVM_ARM_VCPU_PMU_V3_CTRL || !(vcpu->features & BIT(KVM_ARM_VCPU_PMU_V3)))
		return -ENXIO;
	if (vcpu->pmu_ready)
		return -EBUSY;
	if (attr->attr == KVM_ARM_VCPU_PMU_V3_IRQ) {
		int irq = *(const int *)(uintptr_t)attr->addr;

		if (irq < 16 || irq > 31)
			return -EINVAL;
		if (vcpu->pmu_irq_set)
			return -EBUSY;
		vcpu->pmu_irq_set = true;
		return 0;
	}
	if (attr->attr != KVM_ARM_VCPU_PMU_V3_INIT)
		return -ENXIO;
	if (!fake_kvm.gic.initialized)
		return -ENODEV;
	if (!vcpu->pmu_irq_set)
		return -ENXIO;
	vcpu->pmu_ready = true;
	return 0;
}

/* kvm_arch_vcpu_run_pid_change(), vgic_v3_map_resources() */
static int check_runnable(struct fake_vcpu *vcpu)
{
	unsigned room = 0;

	if (!vcpu->initialized)
		return -ENOEXEC;
	if (!finalized(vcpu))
		return -EPERM;
	for (unsigned i = 0; i < fake_kvm.gic.nr_redist; i++)
		room += fake_kvm.gic.redist[i].count;
	if (fake_kvm.gic.created && (!fake_kvm.gic.dist || room < fake_kvm.nr_vcpus))
		return -ENXIO;
	if (fake_kvm.gic.created && !fake_kvm.gic.initialized)
		return -EBUSY;
	if ((vcpu->features & BIT(KVM_ARM_VCPU_PMU_V3)) && !vcpu->pmu_ready)
		return -EINVAL;
	vcpu->has_run = true;
	return 0;
}

static void complete_mmio(struct fake_vcpu *vcpu)
{
	if (!vcpu->mmio_pending)
		return;
	vcpu->mmio_pending = false;
	vcpu->completed++;
	if (vcpu->mmio_is_write || vcpu->nr_reads == MAX_READS)
		return;
	uint64_t value = 0;
	memcpy(&value, vcpu->run->mmio.data, vcpu->run->mmio.len <= 8 ? vcpu->run->mmio.len : 8);
	vcpu->reads[vcpu->nr_reads++] = value;
}

static int play(struct fake_vcpu *vcpu, const struct fake_kvm_exit *exit)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = exit->reason;
	switch (exit->reason) {
	case KVM_EXIT_MMIO:
		run->mmio.phys_addr = exit->addr;
		run->mmio.len = exit->len;
		run->mmio.is_write = exit->is_write;
		memcpy(run->mmio.data, &exit->data, sizeof(exit->data));
		vcpu->mmio_pending = true;
		vcpu->mmio_is_write = exit->is_write;
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		run->system_event.type = exit->event;
		break;
	case KVM_EXIT_MEMORY_FAULT:
		run->memory_fault.gpa = exit->addr;
		break;
	case KVM_EXIT_ARM_NISV:
	case KVM_EXIT_ARM_LDST64B:
		run->arm_nisv.fault_ipa = exit->addr;
		break;
	default:
		break;
	}
	return exit->err;
}

/* Completes the pending access first, then looks at immediate_exit, as kvm_arch_vcpu_ioctl_run() does. */
static int run(struct fake_vcpu *vcpu)
{
	int ret;

	pthread_mutex_lock(&fake_kvm.lock);
	ret = check_runnable(vcpu);
	if (!ret) {
		vcpu->in_run = true;
		complete_mmio(vcpu);
	}
	while (!ret) {
		if (*(volatile uint8_t *)&vcpu->run->immediate_exit) {
			vcpu->run->exit_reason = KVM_EXIT_INTR;
			ret = -EINTR;
			break;
		}
		if (vcpu->script_pos < vcpu->script_len) {
			const struct fake_kvm_exit *next = &vcpu->script[vcpu->script_pos];

			if (next->reason == KVM_EXIT_MMIO && next->is_write && !next->err &&
			    fake_ioeventfd_write(next->addr, next->len)) {
				vcpu->script_pos++;
				continue;
			}
			ret = play(vcpu, &vcpu->script[vcpu->script_pos++]);
			break;
		}
		pthread_mutex_unlock(&fake_kvm.lock);
		usleep(100);
		pthread_mutex_lock(&fake_kvm.lock);
	}
	vcpu->in_run = false;
	pthread_mutex_unlock(&fake_kvm.lock);
	return ret;
}

static int vcpu_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	struct fake_vcpu *vcpu = file->state;
	int ret;

	if ((uint32_t)request == (uint32_t)KVM_RUN)
		return run(vcpu);
	pthread_mutex_lock(&fake_kvm.lock);
	switch ((uint32_t)request) {
	case (uint32_t)KVM_ARM_VCPU_INIT:
		ret = vcpu_init(vcpu, arg);
		break;
	case (uint32_t)KVM_ARM_VCPU_FINALIZE:
		ret = finalize(vcpu, *(int *)arg);
		break;
	case (uint32_t)KVM_GET_ONE_REG:
		ret = get_one_reg(vcpu, arg);
		break;
	case (uint32_t)KVM_SET_ONE_REG:
		ret = set_one_reg(vcpu, arg);
		break;
	case (uint32_t)KVM_SET_DEVICE_ATTR:
		ret = set_attr(vcpu, arg);
		break;
	case (uint32_t)KVM_SET_VCPU_EVENTS:
		vcpu->aborts += ((struct kvm_vcpu_events *)arg)->exception.ext_dabt_pending;
		ret = 0;
		break;
	default:
		ret = -ENOTTY;
	}
	pthread_mutex_unlock(&fake_kvm.lock);
	return ret;
}

static void *vcpu_mmap(struct fake_file *file, size_t len, off_t offset)
{
	struct fake_vcpu *vcpu = file->state;

	if (len > RUN_SIZE || offset != 0)
		return NULL;
	if (!vcpu->run)
		vcpu->run = calloc(1, RUN_SIZE);
	return vcpu->run;
}

static void vcpu_close(struct fake_file *file)
{
	struct fake_vcpu *vcpu = file->state;

	vcpu->created = false;
	fake_kvm.nr_vcpus--;
}

const struct fake_type fake_vcpu_type = {.ioctl = vcpu_ioctl, .mmap = vcpu_mmap, .close = vcpu_close};

void fake_kvm_script(unsigned vcpu, const struct fake_kvm_exit *exits, unsigned n)
{
	struct fake_vcpu *v = &fake_kvm.vcpus[vcpu];

	pthread_mutex_lock(&fake_kvm.lock);
	v->script = exits;
	v->script_len = n;
	v->script_pos = 0;
	v->completed = 0;
	v->nr_reads = 0;
	pthread_mutex_unlock(&fake_kvm.lock);
}

static unsigned locked(const unsigned *value)
{
	pthread_mutex_lock(&fake_kvm.lock);
	unsigned copy = *value;
	pthread_mutex_unlock(&fake_kvm.lock);
	return copy;
}

unsigned fake_kvm_script_pos(unsigned vcpu)
{
	return locked(&fake_kvm.vcpus[vcpu].script_pos);
}

unsigned fake_kvm_completed(unsigned vcpu)
{
	return locked(&fake_kvm.vcpus[vcpu].completed);
}

uint64_t fake_kvm_read_value(unsigned vcpu, unsigned nth)
{
	return fake_kvm.vcpus[vcpu].reads[nth];
}

unsigned fake_kvm_vcpu_inits(unsigned vcpu)
{
	return fake_kvm.vcpus[vcpu].inits;
}

uint32_t fake_kvm_vcpu_features(unsigned vcpu)
{
	return fake_kvm.vcpus[vcpu].last_features;
}

uint64_t fake_kvm_reg(unsigned vcpu, uint64_t id)
{
	const struct fake_vcpu *v = &fake_kvm.vcpus[vcpu];

	for (unsigned i = v->nr_regs; i-- > 0;)
		if (v->regs[i].id == id)
			return v->regs[i].value;
	return 0;
}

unsigned fake_kvm_aborts(unsigned vcpu)
{
	return locked(&fake_kvm.vcpus[vcpu].aborts);
}
