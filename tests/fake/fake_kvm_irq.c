/* SPDX-License-Identifier: Apache-2.0 */
/* Lines, the GSI routing table, irqfds and ioeventfds (virt/kvm/irqchip.c, virt/kvm/eventfd.c). */
#include "fake_kvm_priv.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define SPI_FIRST 32u
#define NR_PINS	  988u /* KVM_IRQCHIP_NUM_PINS */

static void set_line(uint32_t intid, bool high)
{
	if (high && !fake_kvm.line[intid])
		fake_kvm.rises[intid]++;
	fake_kvm.line[intid] = high;
}

int fake_vm_irq_line(const struct kvm_irq_level *args)
{
	uint32_t type = args->irq >> KVM_ARM_IRQ_TYPE_SHIFT & KVM_ARM_IRQ_TYPE_MASK;
	uint32_t intid = args->irq & KVM_ARM_IRQ_NUM_MASK;

	if (!fake_kvm.gic.initialized)
		return -ENXIO;
	if (type != KVM_ARM_IRQ_TYPE_SPI || intid < SPI_FIRST || intid >= fake_kvm.gic.nr_irqs)
		return -EINVAL;
	set_line(intid, args->level);
	return 0;
}

static int check_entry(const struct kvm_irq_routing_entry *e)
{
	switch (e->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		return e->flags || e->u.irqchip.irqchip != 0 || e->u.irqchip.pin >= NR_PINS ? -EINVAL : 0;
	case KVM_IRQ_ROUTING_MSI:
		return e->flags & ~KVM_MSI_VALID_DEVID ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

int fake_vm_set_routing(const struct kvm_irq_routing *table)
{
	static bool seen[MAX_ROUTES];

	if (table->nr > MAX_ROUTES || table->flags)
		return -EINVAL;
	for (unsigned i = 0; i < MAX_ROUTES; i++)
		seen[i] = false;
	for (unsigned i = 0; i < table->nr; i++) {
		const struct kvm_irq_routing_entry *e = &table->entries[i];

		/* One entry for each GSI: KVM allows more only for several irqchips. */
		if (e->gsi >= MAX_ROUTES || seen[e->gsi] || check_entry(e))
			return -EINVAL;
		seen[e->gsi] = true;
	}
	for (unsigned i = 0; i < table->nr; i++)
		fake_kvm.routes[i] = table->entries[i];
	fake_kvm.nr_routes = table->nr;
	fake_kvm.routing_set = true;
	return 0;
}

/* The entry of @gsi; before the first table the default one: GSI n is SPI n. */
static bool find_route(uint32_t gsi, struct kvm_irq_routing_entry *entry)
{
	for (unsigned i = 0; i < fake_kvm.nr_routes; i++) {
		if (fake_kvm.routes[i].gsi == gsi) {
			*entry = fake_kvm.routes[i];
			return true;
		}
	}
	*entry = (struct kvm_irq_routing_entry){.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip.pin = gsi};
	return !fake_kvm.routing_set && gsi < NR_PINS;
}

/* vgic_msi_to_its(), vgic_its_resolve_lpi(): only with a DeviceID of 16 bits, only to the doorbell of an ITS. */
static bool deliver_msi(uint64_t address, uint32_t data, uint32_t flags, uint32_t devid)
{
	if (!(flags & KVM_MSI_VALID_DEVID) || devid > UINT16_MAX || !fake_kvm.gic.its ||
	    address != fake_kvm.gic.its + 0x10040 || fake_kvm.nr_msis == MAX_MSIS)
		return false;
	fake_kvm.msis[fake_kvm.nr_msis++] = (struct fake_kvm_msi){address, data, devid};
	return true;
}

int fake_vm_signal_msi(const struct kvm_msi *msi)
{
	if (msi->flags & ~KVM_MSI_VALID_DEVID)
		return -EINVAL;
	return deliver_msi((uint64_t)msi->address_hi << 32 | msi->address_lo, msi->data, msi->flags, msi->devid)
		       ? 1
		       : -EINVAL;
}

static void inject(const struct fake_irqfd *irqfd)
{
	struct kvm_irq_routing_entry e;

	if (!find_route(irqfd->gsi, &e))
		return;
	if (e.type == KVM_IRQ_ROUTING_IRQCHIP) {
		set_line(e.u.irqchip.pin + SPI_FIRST, true);
		if (irqfd->resample < 0)
			set_line(e.u.irqchip.pin + SPI_FIRST, false);
		return;
	}
	deliver_msi((uint64_t)e.u.msi.address_hi << 32 | e.u.msi.address_lo, e.u.msi.data, e.flags, e.u.msi.devid);
}

static bool readable(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, 0) == 1;
}

static int deassign(const struct kvm_irqfd *args)
{
	for (unsigned i = 0; i < MAX_IRQFDS; i++) {
		struct fake_irqfd *irqfd = &fake_kvm.irqfds[i];

		if (!irqfd->used || irqfd->eventfd != (int)args->fd || irqfd->gsi != args->gsi)
			continue;
		if (irqfd->resample >= 0)
			set_line(irqfd->gsi + SPI_FIRST, false);
		irqfd->used = false;
	}
	return 0;
}

int fake_vm_irqfd(const struct kvm_irqfd *args)
{
	unsigned slot = MAX_IRQFDS;

	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		return deassign(args);
	if (!fake_kvm.gic.initialized)
		return -EAGAIN;
	for (unsigned i = 0; i < MAX_IRQFDS; i++) {
		if (fake_kvm.irqfds[i].used && fake_kvm.irqfds[i].eventfd == (int)args->fd)
			return -EBUSY;
		if (!fake_kvm.irqfds[i].used && slot == MAX_IRQFDS)
			slot = i;
	}
	bool resample = args->flags & KVM_IRQFD_FLAG_RESAMPLE;
	struct fake_irqfd *irqfd = &fake_kvm.irqfds[slot];
	*irqfd = (struct fake_irqfd){
		.used = true,
		.eventfd = (int)args->fd,
		.resample = resample ? (int)args->resamplefd : -1,
		.gsi = args->gsi,
	};
	/* A waiting signal is injected, but its count stays in the eventfd (kvm_irqfd_assign()). */
	if (readable(irqfd->eventfd))
		inject(irqfd);
	return 0;
}

/* As ioeventfd_check_collision() and kvm_deassign_ioeventfd_idx(); no data matching, nobody here uses it. */
int fake_vm_ioeventfd(const struct kvm_ioeventfd *args)
{
	unsigned slot = MAX_IOEVENTFDS;
	bool deassign = args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN;

	if (args->flags & ~KVM_IOEVENTFD_FLAG_DEASSIGN || args->len > 8 || (args->len & (args->len - 1)) ||
	    args->addr + args->len < args->addr)
		return -EINVAL;
	for (unsigned i = 0; i < MAX_IOEVENTFDS; i++) {
		struct fake_ioeventfd *e = &fake_kvm.ioeventfds[i];
		bool here = e->used && e->addr == args->addr;

		if (!e->used && slot == MAX_IOEVENTFDS)
			slot = i;
		if (!deassign && here && (!e->len || !args->len || e->len == args->len))
			return -EEXIST;
		if (deassign && here && e->len == args->len && e->eventfd == args->fd) {
			e->used = false;
			return 0;
		}
	}
	if (deassign)
		return -ENOENT;
	if (slot == MAX_IOEVENTFDS)
		return -ENOSPC;
	fake_kvm.ioeventfds[slot] = (struct fake_ioeventfd){args->addr, args->len, args->fd, true};
	return 0;
}

bool fake_ioeventfd_write(uint64_t addr, uint32_t len)
{
	const uint64_t one = 1;

	for (unsigned i = 0; i < MAX_IOEVENTFDS; i++) {
		const struct fake_ioeventfd *e = &fake_kvm.ioeventfds[i];

		if (e->used && e->addr == addr && (!e->len || e->len == len))
			return write(e->eventfd, &one, sizeof(one)) == sizeof(one);
	}
	return false;
}

unsigned fake_kvm_ioeventfds(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_IOEVENTFDS; i++)
		n += fake_kvm.ioeventfds[i].used;
	return n;
}

bool fake_kvm_guest_write(uint64_t addr, uint32_t len)
{
	pthread_mutex_lock(&fake_kvm.lock);
	bool taken = fake_ioeventfd_write(addr, len);

	pthread_mutex_unlock(&fake_kvm.lock);
	return taken;
}

void fake_kvm_pump(void)
{
	pthread_mutex_lock(&fake_kvm.lock);
	for (unsigned i = 0; i < MAX_IRQFDS; i++) {
		uint64_t count;

		if (fake_kvm.irqfds[i].used && read(fake_kvm.irqfds[i].eventfd, &count, sizeof(count)) == sizeof(count))
			inject(&fake_kvm.irqfds[i]);
	}
	pthread_mutex_unlock(&fake_kvm.lock);
}

void fake_kvm_eoi(uint32_t intid)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&fake_kvm.lock);
	for (unsigned i = 0; i < MAX_IRQFDS; i++) {
		const struct fake_irqfd *irqfd = &fake_kvm.irqfds[i];

		if (!irqfd->used || irqfd->resample < 0 || irqfd->gsi + SPI_FIRST != intid)
			continue;
		set_line(intid, false);
		if (write(irqfd->resample, &one, sizeof(one)) < 0)
			break;
	}
	pthread_mutex_unlock(&fake_kvm.lock);
}

unsigned fake_kvm_routes(void)
{
	return fake_kvm.nr_routes;
}

bool fake_kvm_route(uint32_t gsi, struct kvm_irq_routing_entry *entry)
{
	return find_route(gsi, entry);
}

unsigned fake_kvm_irqfds(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_IRQFDS; i++)
		n += fake_kvm.irqfds[i].used;
	return n;
}

bool fake_kvm_irqfd(int eventfd, uint32_t *gsi)
{
	for (unsigned i = 0; i < MAX_IRQFDS; i++) {
		if (fake_kvm.irqfds[i].used && fake_kvm.irqfds[i].eventfd == eventfd) {
			*gsi = fake_kvm.irqfds[i].gsi;
			return true;
		}
	}
	return false;
}

unsigned fake_kvm_msis(void)
{
	return fake_kvm.nr_msis;
}

struct fake_kvm_msi fake_kvm_msi(unsigned nth)
{
	return fake_kvm.msis[nth];
}

bool fake_kvm_line(uint32_t intid)
{
	return fake_kvm.line[intid];
}

unsigned fake_kvm_line_rises(uint32_t intid)
{
	return fake_kvm.rises[intid];
}
