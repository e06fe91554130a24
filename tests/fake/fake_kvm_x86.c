/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_kvm_x86.h"

#include "fake_vfio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_SIZE 8192u
#define IO_PAGE	 4096u
#define LEAVES	 150u /* more than a caller's first guess */

struct fake_kvm_x86 fake_kvm_x86;

/* --- vCPU --- */

static int msr_at(uint32_t index)
{
	static const uint32_t list[FAKE_X86_MSRS] = {FAKE_X86_TSC, FAKE_X86_PAT, FAKE_X86_ROM};

	for (int i = 0; i < (int)FAKE_X86_MSRS; i++)
		if (list[i] == index)
			return i;
	return -1;
}

/* Both stop at the first that fails and say how many went well (KVM api.rst). */
static int get_msrs(struct fake_x86_vcpu *v, struct kvm_msrs *msrs)
{
	for (uint32_t i = 0; i < msrs->nmsrs; i++) {
		int at = msr_at(msrs->entries[i].index);

		if (at < 0)
			return (int)i;
		msrs->entries[i].data = v->msrs[at];
	}
	return (int)msrs->nmsrs;
}

static int set_msrs(struct fake_x86_vcpu *v, const struct kvm_msrs *msrs)
{
	for (uint32_t i = 0; i < msrs->nmsrs; i++) {
		int at = msr_at(msrs->entries[i].index);

		if (at < 0 || msrs->entries[i].index == FAKE_X86_ROM)
			return (int)i;
		v->msrs[at] = msrs->entries[i].data;
		v->msr_writes++;
	}
	return (int)msrs->nmsrs;
}

static int set_cpuid(struct fake_x86_vcpu *v, const struct kvm_cpuid2 *cpuid)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			v->apic_id = cpuid->entries[i].ebx >> 24;
	return 0;
}

static void complete_port(struct fake_x86_vcpu *v)
{
	uint64_t value = 0;

	if (!v->port_pending)
		return;
	v->port_pending = false;
	memcpy(&value, (uint8_t *)v->run + IO_PAGE, v->run->io.size);
	if (v->run->io.direction == KVM_EXIT_IO_IN)
		v->port_reads[v->nr_port_reads++] = value;
}

static int run(struct fake_x86_vcpu *v)
{
	complete_port(v);
	while (v->script_pos == v->script_len || *(volatile uint8_t *)&v->run->immediate_exit) {
		if (*(volatile uint8_t *)&v->run->immediate_exit) {
			v->run->exit_reason = KVM_EXIT_INTR;
			return -EINTR;
		}
		usleep(100);
	}
	const struct fake_x86_exit *e = &v->script[v->script_pos++];
	v->run->exit_reason = e->reason;
	if (e->reason == KVM_EXIT_INTERNAL_ERROR)
		v->run->internal.suberror = e->suberror;
	if (e->reason == KVM_EXIT_IO) {
		v->run->io.direction = e->in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
		v->run->io.size = e->size;
		v->run->io.port = e->port;
		v->run->io.count = 1;
		v->run->io.data_offset = IO_PAGE;
		memset((uint8_t *)v->run + IO_PAGE, 0x5a, 8);
		v->port_pending = true;
	}
	return 0;
}

static int vcpu_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	struct fake_x86_vcpu *v = file->state;
	void *part;
	bool set = false;

	switch ((uint32_t)request) {
#define PART(name, GET, SET)                                                                                           \
	case (uint32_t)SET:                                                                                            \
		set = true;                                                                                            \
		/* fallthrough */                                                                                      \
	case (uint32_t)GET:                                                                                            \
		part = &v->name;                                                                                       \
		break;
		PART(regs, KVM_GET_REGS, KVM_SET_REGS)
		PART(sregs, KVM_GET_SREGS, KVM_SET_SREGS)
		PART(lapic, KVM_GET_LAPIC, KVM_SET_LAPIC)
		PART(mp_state, KVM_GET_MP_STATE, KVM_SET_MP_STATE)
		PART(events, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS)
		PART(debugregs, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS)
		PART(xcrs, KVM_GET_XCRS, KVM_SET_XCRS)
		PART(fpu, KVM_GET_FPU, KVM_SET_FPU)
		PART(xsave, KVM_GET_XSAVE, KVM_SET_XSAVE)
#undef PART
	case (uint32_t)KVM_GET_MSRS:
		return get_msrs(v, arg);
	case (uint32_t)KVM_SET_MSRS:
		return set_msrs(v, arg);
	case (uint32_t)KVM_SET_CPUID2:
		return set_cpuid(v, arg);
	case (uint32_t)KVM_RUN:
		return run(v);
	default:
		return -ENOTTY;
	}
	/* _IOC_SIZE is the size of the part */
	if (set)
		memcpy(part, arg, _IOC_SIZE(request));
	else
		memcpy(arg, part, _IOC_SIZE(request));
	return 0;
}

static void *vcpu_mmap(struct fake_file *file, size_t len, off_t offset)
{
	struct fake_x86_vcpu *v = file->state;

	return len == RUN_SIZE && offset == 0 ? v->run : NULL;
}

static void vcpu_close(struct fake_file *file)
{
	struct fake_x86_vcpu *v = file->state;

	free(v->run);
	v->run = NULL;
	v->created = false;
	fake_kvm_x86.nr_vcpus--;
}

static const struct fake_type vcpu_type = {.ioctl = vcpu_ioctl, .mmap = vcpu_mmap, .close = vcpu_close};

/* State after power-on, as far as tests look at it. */
static int create_vcpu(unsigned id)
{
	struct fake_x86_vcpu *v = &fake_kvm_x86.vcpus[id];
	const struct fake_x86_exit *script = v->script;
	unsigned len = v->script_len;
	int fd;

	if (id >= FAKE_X86_VCPUS || v->created)
		return id >= FAKE_X86_VCPUS ? -EINVAL : -EEXIST;
	fd = fake_fd(&vcpu_type, v);
	if (fd < 0)
		return fd;
	*v = (struct fake_x86_vcpu){
		.created = true,
		.run = calloc(1, RUN_SIZE),
		.regs = {.rip = 0xfff0, .rflags = 2},
		.sregs = {.cr0 = 0x60000010, .cr4 = 0, .apic_base = 0xfee00800 | (id == 0 ? 0x100 : 0)},
		.mp_state = {.mp_state = id == 0 ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_UNINITIALIZED},
		.xcrs = {.nr_xcrs = 1},
		.msrs = {1000, 0x0007040600070406, 5},
		.script = script,
		.script_len = len,
	};
	fake_kvm_x86.nr_vcpus++;
	return fd;
}

/* --- VM --- */

static int create_irqchip(void)
{
	if (fake_kvm_x86.irqchip)
		return -EEXIST;
	if (fake_kvm_x86.nr_vcpus)
		return -EINVAL;
	fake_kvm_x86.irqchip = true;
	for (uint32_t i = 0; i < 3; i++) {
		fake_kvm_x86.chips[i].chip_id = i;
		memset(&fake_kvm_x86.chips[i].chip, (int)i + 1, 64);
	}
	return 0;
}

static int irqchip_state(struct kvm_irqchip *chip, bool set)
{
	if (!fake_kvm_x86.irqchip)
		return -ENXIO;
	if (chip->chip_id > 2)
		return -EINVAL;
	if (set) {
		fake_kvm_x86.chips[chip->chip_id] = *chip;
		fake_kvm_x86.chip_writes++;
	} else {
		*chip = fake_kvm_x86.chips[chip->chip_id];
	}
	return 0;
}

static int set_routing(const struct kvm_irq_routing *table)
{
	for (uint32_t i = 0; i < table->nr; i++) {
		const struct kvm_irq_routing_entry *e = &table->entries[i];

		if (e->type == KVM_IRQ_ROUTING_IRQCHIP &&
		    (e->u.irqchip.irqchip != KVM_IRQCHIP_IOAPIC || e->u.irqchip.pin >= 24))
			return -EINVAL;
		if (e->type == KVM_IRQ_ROUTING_MSI && (e->u.msi.address_hi & 0xff))
			return -EINVAL; /* kvm_msi_route_invalid() */
		if (i < 64)
			fake_kvm_x86.routes[i] = *e;
	}
	fake_kvm_x86.nr_routes = table->nr;
	return 0;
}

static int create_device(struct kvm_create_device *args)
{
	int fd = args->type == KVM_DEV_TYPE_VFIO ? fake_fd(&fake_kvm_vfio_type, NULL) : -ENODEV;

	if (fd < 0)
		return fd;
	args->fd = (uint32_t)fd;
	return 0;
}

static int vm_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	const struct kvm_enable_cap *cap = arg;

	switch ((uint32_t)request) {
	case (uint32_t)KVM_CHECK_EXTENSION:
		return (unsigned long)arg < 256 ? fake_kvm_x86.caps[(unsigned long)arg] : 0;
	case (uint32_t)KVM_ENABLE_CAP:
		if (cap->cap != KVM_CAP_X2APIC_API || !fake_kvm_x86.caps[cap->cap])
			return -EINVAL;
		fake_kvm_x86.x2apic_api = cap->args[0];
		return 0;
	case (uint32_t)KVM_SET_IDENTITY_MAP_ADDR:
		fake_kvm_x86.identity_map = *(uint64_t *)arg;
		return fake_kvm_x86.nr_vcpus ? -EINVAL : 0;
	case (uint32_t)KVM_SET_TSS_ADDR:
		fake_kvm_x86.tss = (uint64_t)(uintptr_t)arg;
		return 0;
	case (uint32_t)KVM_CREATE_IRQCHIP:
		return create_irqchip();
	case (uint32_t)KVM_GET_IRQCHIP:
		return irqchip_state(arg, false);
	case (uint32_t)KVM_SET_IRQCHIP:
		return irqchip_state(arg, true);
	case (uint32_t)KVM_SET_USER_MEMORY_REGION:
	case (uint32_t)KVM_SIGNAL_MSI:
	case (uint32_t)KVM_IRQFD:
		return 0;
	case (uint32_t)KVM_CREATE_DEVICE:
		return create_device(arg);
	case (uint32_t)KVM_CREATE_VCPU:
		return create_vcpu((unsigned)(uintptr_t)arg);
	case (uint32_t)KVM_SET_GSI_ROUTING:
		return set_routing(arg);
	case (uint32_t)KVM_IRQ_LINE:
		fake_kvm_x86.last_line = ((struct kvm_irq_level *)arg)->irq << 1 | ((struct kvm_irq_level *)arg)->level;
		return 0;
	default:
		return -ENOTTY;
	}
}

static void vm_close(struct fake_file *file)
{
	fake_kvm_x86.vm = fake_kvm_x86.irqchip = false;
}

static const struct fake_type vm_type = {.ioctl = vm_ioctl, .close = vm_close};

/* --- /dev/kvm --- */

static int supported_cpuid(struct kvm_cpuid2 *cpuid)
{
	if (cpuid->nent < LEAVES)
		return -E2BIG;
	cpuid->nent = LEAVES;
	for (uint32_t i = 0; i < LEAVES; i++)
		cpuid->entries[i] = (struct kvm_cpuid_entry2){.function = 0x20000000 + i};
	cpuid->entries[7].function = 1;
	cpuid->entries[8] = (struct kvm_cpuid_entry2){.function = 0x80000008, .eax = 40};
	return 0;
}

static int msr_list(struct kvm_msr_list *list)
{
	static const uint32_t all[] = {FAKE_X86_TSC, FAKE_X86_PAT, FAKE_X86_ROM, 0x9999 /* not on this CPU */};

	if (list->nmsrs < 4)
		return -E2BIG;
	list->nmsrs = 4;
	memcpy(list->indices, all, sizeof(all));
	return 0;
}

static int kvm_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	int fd;

	switch ((uint32_t)request) {
	case (uint32_t)KVM_GET_API_VERSION:
		return KVM_API_VERSION;
	case (uint32_t)KVM_CHECK_EXTENSION:
		return (unsigned long)arg < 256 ? fake_kvm_x86.caps[(unsigned long)arg] : 0;
	case (uint32_t)KVM_GET_VCPU_MMAP_SIZE:
		return RUN_SIZE;
	case (uint32_t)KVM_GET_SUPPORTED_CPUID:
		return supported_cpuid(arg);
	case (uint32_t)KVM_GET_MSR_INDEX_LIST:
		return msr_list(arg);
	case (uint32_t)KVM_CREATE_VM:
		fd = fake_fd(&vm_type, NULL);
		fake_kvm_x86.vm = fd >= 0;
		return fd;
	default:
		return -ENOTTY;
	}
}

static const struct fake_type kvm_type = {.prefix = "/dev/kvm", .ioctl = kvm_ioctl};

void fake_kvm_x86_install(void)
{
	static const unsigned caps[] = {
		KVM_CAP_USER_MEMORY,	KVM_CAP_DESTROY_MEMORY_REGION_WORKS,
		KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_IRQ_ROUTING,
		KVM_CAP_IRQFD,		KVM_CAP_IRQFD_RESAMPLE,
		KVM_CAP_DEVICE_CTRL,	KVM_CAP_IRQCHIP,
		KVM_CAP_SIGNAL_MSI,	KVM_CAP_EXT_CPUID,
		KVM_CAP_SET_TSS_ADDR,	KVM_CAP_SET_IDENTITY_MAP_ADDR,
		KVM_CAP_MP_STATE,	KVM_CAP_TSC_DEADLINE_TIMER,
	};

	memset(&fake_kvm_x86, 0, sizeof(fake_kvm_x86));
	for (unsigned i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		fake_kvm_x86.caps[caps[i]] = 1;
	fake_kvm_x86.caps[KVM_CAP_X2APIC_API] = 15;
	fake_kvm_x86.caps[KVM_CAP_MAX_VCPUS] = FAKE_X86_VCPUS;
	fake_register(&kvm_type);
}
