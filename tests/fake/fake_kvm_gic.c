/* SPDX-License-Identifier: Apache-2.0 */
/* In-kernel devices: GICv3, ITS, the link to VFIO (arch/arm64/kvm/vgic/vgic-kvm-device.c, vgic-its.c). */
#include "fake_kvm_priv.h"
#include "fake_vfio.h"

#include <errno.h>
#include <string.h>

#define SZ_64K 0x10000u

#define ICC(op0, op1, crn, crm, op2) ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

int fake_vm_create_device(struct kvm_create_device *args)
{
	struct fake_gic *gic = &fake_kvm.gic;
	const struct fake_type *type;

	switch (args->type) {
	case KVM_DEV_TYPE_ARM_VGIC_V3:
		if (!fake_kvm.has_gicv3)
			return -ENODEV;
		if (gic->created)
			return -EEXIST;
		for (unsigned i = 0; i < MAX_VCPUS; i++)
			if (fake_kvm.vcpus[i].has_run)
				return -EBUSY;
		gic->created = true;
		type = &fake_gic_type;
		break;
	case KVM_DEV_TYPE_ARM_VGIC_ITS:
		if (!fake_kvm.has_gicv3)
			return -ENODEV;
		gic->its_created = true;
		type = &fake_its_type;
		break;
	case KVM_DEV_TYPE_VFIO:
		type = &fake_kvm_vfio_type;
		break;
	default:
		return -ENODEV;
	}
	int fd = fake_fd(type, NULL);
	if (fd < 0)
		return fd;
	args->fd = (uint32_t)fd;
	return 0;
}

/* vgic_check_iorange() */
static int check_range(uint64_t old, uint64_t addr, uint64_t size)
{
	if (old)
		return -EEXIST;
	if (addr % SZ_64K || size % SZ_64K)
		return -EINVAL;
	if (addr + size < addr || (addr + size) >> fake_kvm.ipa_bits)
		return -E2BIG;
	return 0;
}

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static int add_redist(uint64_t value)
{
	struct fake_gic *gic = &fake_kvm.gic;
	unsigned count = (unsigned)(value >> 52), index = (unsigned)(value & 0xfff);
	uint64_t base = value & 0x000fffffffff0000;
	uint64_t size = count * (uint64_t)KVM_VGIC_V3_REDIST_SIZE;

	if (!count || (value & 0xf000) || index != gic->nr_redist || index >= 4)
		return -EINVAL;
	for (unsigned i = 0; i < gic->nr_redist; i++)
		if (overlaps(base, size, gic->redist[i].base, gic->redist[i].count * (uint64_t)KVM_VGIC_V3_REDIST_SIZE))
			return -EINVAL;
	if (gic->dist && overlaps(base, size, gic->dist, KVM_VGIC_V3_DIST_SIZE))
		return -EINVAL;
	int err = check_range(0, base, size);
	if (err)
		return err;
	gic->redist[index].base = base;
	gic->redist[index].count = count;
	gic->nr_redist++;
	return 0;
}

static int set_addr(const struct kvm_device_attr *attr)
{
	struct fake_gic *gic = &fake_kvm.gic;
	uint64_t value = *(const uint64_t *)(uintptr_t)attr->addr;

	if (attr->attr == KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION)
		return add_redist(value);
	if (attr->attr != KVM_VGIC_V3_ADDR_TYPE_DIST)
		return -ENXIO;
	int err = check_range(gic->dist, value, KVM_VGIC_V3_DIST_SIZE);
	if (!err)
		gic->dist = value;
	return err;
}

static int set_nr_irqs(uint32_t nr)
{
	if (nr < 64 || nr > 1024 || nr % 32)
		return -EINVAL;
	if (fake_kvm.gic.nr_irqs)
		return -EBUSY;
	fake_kvm.gic.nr_irqs = nr;
	return 0;
}

static bool known_mpidr(uint64_t attr)
{
	uint64_t packed = attr >> 32;

	for (unsigned i = 0; i < MAX_VCPUS; i++) {
		uint64_t m = fake_mpidr(i);

		if (fake_kvm.vcpus[i].created && packed == ((m & 0xffffff) | (m >> 32 & 0xff) << 24))
			return true;
	}
	return false;
}

/* Slot of a register in the hash; a new one when it was never written. */
static unsigned reg_slot(uint32_t group, uint64_t attr)
{
	uint64_t h = (attr ^ attr >> 29 ^ (uint64_t)group << 13) * UINT64_C(0x9e3779b97f4a7c15);
	unsigned i = (unsigned)(h >> 40) % MAX_GIC_REGS;

	while (fake_kvm.gic.regs[i].used && (fake_kvm.gic.regs[i].group != group || fake_kvm.gic.regs[i].attr != attr))
		i = (i + 1) % MAX_GIC_REGS;
	return i;
}

static int check_icc(uint64_t reg)
{
	unsigned max_apr = fake_kvm.priority_bits == 7 ? 3 : fake_kvm.priority_bits == 6 ? 1 : 0;

	for (unsigned n = 0; n < 4; n++)
		if (reg == (uint64_t)ICC(3, 0, 12, 8, 4 + n) || reg == (uint64_t)ICC(3, 0, 12, 9, n))
			return n <= max_apr ? 0 : -EINVAL;
	switch (reg) {
	case ICC(3, 0, 4, 6, 0):   /* PMR */
	case ICC(3, 0, 12, 8, 3):  /* BPR0 */
	case ICC(3, 0, 12, 12, 3): /* BPR1 */
	case ICC(3, 0, 12, 12, 4): /* CTLR */
	case ICC(3, 0, 12, 12, 6): /* IGRPEN0 */
	case ICC(3, 0, 12, 12, 7): /* IGRPEN1 */
		return 0;
	default:
		return -ENXIO;
	}
}

/* vgic_v3_attr_regs_access() */
static int access_reg(const struct kvm_device_attr *attr, bool write)
{
	bool is_icc = attr->group == KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS;
	uint64_t offset = attr->attr & UINT32_MAX;
	void *user = (void *)(uintptr_t)attr->addr;

	if (attr->group != KVM_DEV_ARM_VGIC_GRP_DIST_REGS && !known_mpidr(attr->attr))
		return -EINVAL;
	for (unsigned i = 0; i < MAX_VCPUS; i++)
		if (fake_kvm.vcpus[i].in_run)
			return -EBUSY;
	if (!fake_kvm.gic.initialized)
		return -EBUSY;
	int err = is_icc ? check_icc(offset) : offset % 4 ? -ENXIO : 0;
	if (!is_icc && offset >= (attr->group == KVM_DEV_ARM_VGIC_GRP_DIST_REGS ? SZ_64K : 2 * SZ_64K))
		err = -ENXIO;
	if (err)
		return err;
	unsigned i = reg_slot(attr->group, attr->attr);
	if (!write) {
		uint64_t value = fake_kvm.gic.regs[i].used ? fake_kvm.gic.regs[i].value : 0;

		if (is_icc && offset == ICC(3, 0, 12, 12, 4))
			value = (value & ~UINT64_C(0x700)) | (fake_kvm.priority_bits - 1) << 8;
		memcpy(user, &value, is_icc ? 8 : 4);
		return 0;
	}
	fake_kvm.gic.regs[i].used = true;
	fake_kvm.gic.regs[i].group = attr->group;
	fake_kvm.gic.regs[i].attr = attr->attr;
	fake_kvm.gic.regs[i].value = 0;
	memcpy(&fake_kvm.gic.regs[i].value, user, is_icc ? 8 : 4);
	return 0;
}

static int gic_set_attr(const struct kvm_device_attr *attr)
{
	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		return set_addr(attr);
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		return set_nr_irqs(*(const uint32_t *)(uintptr_t)attr->addr);
	case KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ:
		if (fake_kvm.gic.initialized)
			return -EBUSY;
		fake_kvm.gic.maintenance = *(const uint32_t *)(uintptr_t)attr->addr;
		return fake_kvm.gic.maintenance >= 16 && fake_kvm.gic.maintenance < 32 ? 0 : -EINVAL;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		if (attr->attr != KVM_DEV_ARM_VGIC_CTRL_INIT)
			return -ENXIO;
		fake_kvm.gic.initialized = true;
		return 0;
	case KVM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case KVM_DEV_ARM_VGIC_GRP_REDIST_REGS:
	case KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
		return access_reg(attr, true);
	default:
		return -ENXIO;
	}
}

static int its_set_attr(const struct kvm_device_attr *attr)
{
	if (attr->group == KVM_DEV_ARM_VGIC_GRP_ADDR && attr->attr == KVM_VGIC_ITS_ADDR_TYPE) {
		uint64_t base = *(const uint64_t *)(uintptr_t)attr->addr;
		int err = check_range(fake_kvm.gic.its, base, KVM_VGIC_V3_ITS_SIZE);

		if (!err)
			fake_kvm.gic.its = base;
		return err;
	}
	if (attr->group != KVM_DEV_ARM_VGIC_GRP_CTRL)
		return -ENXIO;
	if (attr->attr == KVM_DEV_ARM_VGIC_CTRL_INIT)
		return 0;
	if (attr->attr != KVM_DEV_ARM_ITS_CTRL_RESET)
		return -ENXIO;
	for (unsigned i = 0; i < MAX_VCPUS; i++)
		if (fake_kvm.vcpus[i].in_run)
			return -EBUSY;
	fake_kvm.gic.its_resets++;
	return 0;
}

static int gic_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	int ret = -ENOTTY;

	pthread_mutex_lock(&fake_kvm.lock);
	if ((uint32_t)request == (uint32_t)KVM_SET_DEVICE_ATTR)
		ret = gic_set_attr(arg);
	else if ((uint32_t)request == (uint32_t)KVM_GET_DEVICE_ATTR)
		ret = access_reg(arg, false);
	pthread_mutex_unlock(&fake_kvm.lock);
	return ret;
}

static int its_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	int ret = -ENOTTY;

	pthread_mutex_lock(&fake_kvm.lock);
	if ((uint32_t)request == (uint32_t)KVM_SET_DEVICE_ATTR)
		ret = its_set_attr(arg);
	pthread_mutex_unlock(&fake_kvm.lock);
	return ret;
}

const struct fake_type fake_gic_type = {.ioctl = gic_ioctl};
const struct fake_type fake_its_type = {.ioctl = its_ioctl};

bool fake_kvm_gic_reg(uint32_t group, uint64_t attr, uint64_t *value)
{
	unsigned i = reg_slot(group, attr);

	*value = fake_kvm.gic.regs[i].value;
	return fake_kvm.gic.regs[i].used;
}

uint32_t fake_kvm_maintenance(void)
{
	return fake_kvm.gic.maintenance;
}

unsigned fake_kvm_its_resets(void)
{
	return fake_kvm.gic.its_resets;
}
