/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/kvm and the VM. */
#include "fake_kvm_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

struct fake_kvm fake_kvm = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct {
	unsigned cap;
	int value;
} default_caps[] = {
	{KVM_CAP_USER_MEMORY, 1},
	{KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1},
	{KVM_CAP_IMMEDIATE_EXIT, 1},
	{KVM_CAP_IRQCHIP, 1},
	{KVM_CAP_IRQ_ROUTING, MAX_ROUTES},
	{KVM_CAP_IRQFD, 1},
	{KVM_CAP_IRQFD_RESAMPLE, 1},
	{KVM_CAP_IOEVENTFD, 1},
	{KVM_CAP_SIGNAL_MSI, 1},
	{KVM_CAP_DEVICE_CTRL, 1},
	{KVM_CAP_ONE_REG, 1},
	{KVM_CAP_MAX_VCPUS, MAX_VCPUS},
	{KVM_CAP_NR_MEMSLOTS, MAX_SLOTS},
	{KVM_CAP_ARM_PSCI_0_2, 1},
	{KVM_CAP_ARM_PMU_V3, 1},
	{KVM_CAP_ARM_SVE, 1},
	{KVM_CAP_ARM_PTRAUTH_ADDRESS, 1},
	{KVM_CAP_ARM_PTRAUTH_GENERIC, 1},
	{KVM_CAP_ARM_VM_IPA_SIZE, 48},
	{KVM_CAP_ARM_NISV_TO_USER, 1},
	{KVM_CAP_ARM_INJECT_EXT_DABT, 1},
};

static int check_extension(unsigned long cap)
{
	return cap < MAX_CAPS ? fake_kvm.caps[cap] : 0;
}

static int set_memory(const struct kvm_userspace_memory_region *r)
{
	if (r->slot >= MAX_SLOTS || r->guest_phys_addr % PAGE || r->memory_size % PAGE || r->userspace_addr % PAGE)
		return -EINVAL;
	if (r->memory_size == 0) {
		if (fake_kvm.slots[r->slot].memory_size == 0)
			return -EINVAL;
		fake_kvm.slots[r->slot].memory_size = 0;
		return 0;
	}
	uint64_t last = r->guest_phys_addr + r->memory_size - 1;
	if (last < r->guest_phys_addr || last >> fake_kvm.ipa_bits)
		return -EFAULT;
	for (unsigned i = 0; i < MAX_SLOTS; i++) {
		const struct kvm_userspace_memory_region *o = &fake_kvm.slots[i];

		if (i != r->slot && o->memory_size && r->guest_phys_addr <= o->guest_phys_addr + o->memory_size - 1 &&
		    o->guest_phys_addr <= last)
			return -EEXIST;
	}
	fake_kvm.slots[r->slot] = *r;
	return 0;
}

static int enable_cap(const struct kvm_enable_cap *args)
{
	if (args->cap >= MAX_CAPS || fake_kvm.caps[args->cap] == 0 || args->flags)
		return -EINVAL;
	fake_kvm.enabled[args->cap] = true;
	return 0;
}

static int preferred_target(struct kvm_vcpu_init *init)
{
	*init = (struct kvm_vcpu_init){.target = KVM_ARM_TARGET_GENERIC_V8};
	return 0;
}

static int vm_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	int ret;

	pthread_mutex_lock(&fake_kvm.lock);
	switch ((uint32_t)request) {
	case (uint32_t)KVM_CHECK_EXTENSION:
		ret = check_extension((unsigned long)arg);
		break;
	case (uint32_t)KVM_ENABLE_CAP:
		ret = enable_cap(arg);
		break;
	case (uint32_t)KVM_SET_USER_MEMORY_REGION:
		ret = set_memory(arg);
		break;
	case (uint32_t)KVM_CREATE_VCPU:
		ret = fake_vm_create_vcpu((unsigned)(unsigned long)arg);
		break;
	case (uint32_t)KVM_ARM_PREFERRED_TARGET:
		ret = preferred_target(arg);
		break;
	case (uint32_t)KVM_CREATE_DEVICE:
		ret = fake_vm_create_device(arg);
		break;
	case (uint32_t)KVM_IRQ_LINE:
		ret = fake_vm_irq_line(arg);
		break;
	case (uint32_t)KVM_SET_GSI_ROUTING:
		ret = fake_vm_set_routing(arg);
		break;
	case (uint32_t)KVM_SIGNAL_MSI:
		ret = fake_vm_signal_msi(arg);
		break;
	case (uint32_t)KVM_IRQFD:
		ret = fake_vm_irqfd(arg);
		break;
	case (uint32_t)KVM_IOEVENTFD:
		ret = fake_vm_ioeventfd(arg);
		break;
	default:
		ret = -ENOTTY;
	}
	pthread_mutex_unlock(&fake_kvm.lock);
	return ret;
}

/* The VM lives as long as one descriptor of it, but aerie closes the VM's own last. */
static void vm_close(struct fake_file *file)
{
	fake_kvm.vm = false;
}

static const struct fake_type vm_type = {.ioctl = vm_ioctl, .close = vm_close};

static int create_vm(unsigned long type)
{
	unsigned bits = (unsigned)(type & KVM_VM_TYPE_ARM_IPA_SIZE_MASK);
	int limit = fake_kvm.caps[KVM_CAP_ARM_VM_IPA_SIZE];

	if (type & ~KVM_VM_TYPE_ARM_IPA_SIZE_MASK)
		return -EINVAL;
	if (bits && (limit == 0 || bits < 32 || bits > (unsigned)limit))
		return -EINVAL;
	if (fake_kvm.vm)
		return -EBUSY; /* not the kernel's rule, but this pretence holds one */
	int fd = fake_fd(&vm_type, NULL);
	if (fd < 0)
		return fd;
	memset(fake_kvm.enabled, 0, sizeof(fake_kvm.enabled));
	memset(fake_kvm.slots, 0, sizeof(fake_kvm.slots));
	memset(&fake_kvm.gic, 0, sizeof(fake_kvm.gic));
	memset(fake_kvm.irqfds, 0, sizeof(fake_kvm.irqfds));
	memset(fake_kvm.ioeventfds, 0, sizeof(fake_kvm.ioeventfds));
	memset(fake_kvm.line, 0, sizeof(fake_kvm.line));
	fake_kvm.nr_routes = 0;
	fake_kvm.routing_set = false;
	fake_kvm.nr_msis = 0;
	fake_kvm.vm = true;
	fake_kvm.vm_type = type;
	fake_kvm.ipa_bits = bits ? bits : 40;
	return fd;
}

static int kvm_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	switch ((uint32_t)request) {
	case (uint32_t)KVM_GET_API_VERSION:
		return fake_kvm.api_version;
	case (uint32_t)KVM_CHECK_EXTENSION:
		return check_extension((unsigned long)arg);
	case (uint32_t)KVM_GET_VCPU_MMAP_SIZE:
		return 2 * (int)PAGE;
	case (uint32_t)KVM_CREATE_VM:
		return create_vm((unsigned long)arg);
	default:
		return -ENOTTY;
	}
}

static const struct fake_type kvm_type = {.prefix = "/dev/kvm", .ioctl = kvm_ioctl};

static void name_ioctls(void)
{
	FAKE_NAME(KVM_GET_API_VERSION);
	FAKE_NAME(KVM_CHECK_EXTENSION);
	FAKE_NAME(KVM_GET_VCPU_MMAP_SIZE);
	FAKE_NAME(KVM_CREATE_VM);
	FAKE_NAME(KVM_ENABLE_CAP);
	FAKE_NAME(KVM_SET_USER_MEMORY_REGION);
	FAKE_NAME(KVM_CREATE_VCPU);
	FAKE_NAME(KVM_ARM_PREFERRED_TARGET);
	FAKE_NAME(KVM_ARM_VCPU_INIT);
	FAKE_NAME(KVM_ARM_VCPU_FINALIZE);
	FAKE_NAME(KVM_GET_ONE_REG);
	FAKE_NAME(KVM_SET_ONE_REG);
	FAKE_NAME(KVM_SET_VCPU_EVENTS);
	FAKE_NAME(KVM_RUN);
	FAKE_NAME(KVM_CREATE_DEVICE);
	FAKE_NAME(KVM_SET_DEVICE_ATTR);
	FAKE_NAME(KVM_GET_DEVICE_ATTR);
	FAKE_NAME(KVM_HAS_DEVICE_ATTR);
	FAKE_NAME(KVM_IRQ_LINE);
	FAKE_NAME(KVM_SET_GSI_ROUTING);
	FAKE_NAME(KVM_SIGNAL_MSI);
	FAKE_NAME(KVM_IRQFD);
	FAKE_NAME(KVM_IOEVENTFD);
}

void fake_kvm_install(void)
{
	for (unsigned i = 0; i < MAX_VCPUS; i++)
		free(fake_kvm.vcpus[i].run);
	memset(&fake_kvm, 0, sizeof(fake_kvm));
	pthread_mutex_init(&fake_kvm.lock, NULL);
	fake_kvm.api_version = KVM_API_VERSION;
	fake_kvm.has_gicv3 = true;
	fake_kvm.priority_bits = 5;
	for (unsigned i = 0; i < sizeof(default_caps) / sizeof(default_caps[0]); i++)
		fake_kvm.caps[default_caps[i].cap] = default_caps[i].value;
	fake_register(&kvm_type);
	name_ioctls();
}

void fake_kvm_set_cap(unsigned cap, int value)
{
	fake_kvm.caps[cap] = value;
}

void fake_kvm_set_api_version(int version)
{
	fake_kvm.api_version = version;
}

void fake_kvm_set_gicv3(bool there)
{
	fake_kvm.has_gicv3 = there;
}

void fake_kvm_set_priority_bits(unsigned bits)
{
	fake_kvm.priority_bits = bits;
}

unsigned long fake_kvm_vm_type(void)
{
	return fake_kvm.vm_type;
}

uint64_t fake_kvm_enabled_cap(unsigned cap)
{
	return fake_kvm.enabled[cap];
}

unsigned fake_kvm_slots(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_SLOTS; i++)
		n += fake_kvm.slots[i].memory_size != 0;
	return n;
}

bool fake_kvm_slot(uint32_t slot, struct kvm_userspace_memory_region *region)
{
	if (slot >= MAX_SLOTS || fake_kvm.slots[slot].memory_size == 0)
		return false;
	*region = fake_kvm.slots[slot];
	return true;
}
