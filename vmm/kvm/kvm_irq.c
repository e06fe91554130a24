/* SPDX-License-Identifier: Apache-2.0 */
#include "kvm.h"
#include "kvm_call.h"

int kvm_irq_line(int vm_fd, uint32_t irq, bool high)
{
	struct kvm_irq_level level = {.irq = irq, .level = high};

	return kvm_call(vm_fd, KVM_IRQ_LINE, &level);
}

int kvm_set_gsi_routing(int vm_fd, struct kvm_irq_routing *table)
{
	return kvm_call(vm_fd, KVM_SET_GSI_ROUTING, table);
}

static int irqfd(int vm_fd, int eventfd, uint32_t gsi, uint32_t flags, int resample)
{
	struct kvm_irqfd args = {
		.fd = (uint32_t)eventfd,
		.gsi = gsi,
		.flags = flags,
		.resamplefd = (uint32_t)resample,
	};

	return kvm_call(vm_fd, KVM_IRQFD, &args);
}

int kvm_irqfd_assign(int vm_fd, int eventfd, uint32_t gsi)
{
	return irqfd(vm_fd, eventfd, gsi, 0, 0);
}

int kvm_irqfd_assign_resample(int vm_fd, int eventfd, uint32_t gsi, int resample)
{
	return irqfd(vm_fd, eventfd, gsi, KVM_IRQFD_FLAG_RESAMPLE, resample);
}

int kvm_irqfd_deassign(int vm_fd, int eventfd, uint32_t gsi)
{
	return irqfd(vm_fd, eventfd, gsi, KVM_IRQFD_FLAG_DEASSIGN, 0);
}

static int ioeventfd(int vm_fd, uint64_t addr, int eventfd, uint32_t flags)
{
	struct kvm_ioeventfd args = {.addr = addr, .fd = eventfd, .flags = flags};

	return kvm_call(vm_fd, KVM_IOEVENTFD, &args);
}

int kvm_ioeventfd_assign(int vm_fd, uint64_t addr, int eventfd)
{
	return ioeventfd(vm_fd, addr, eventfd, 0);
}

int kvm_ioeventfd_deassign(int vm_fd, uint64_t addr, int eventfd)
{
	return ioeventfd(vm_fd, addr, eventfd, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

int kvm_signal_msi(int vm_fd, const struct kvm_irq_routing_entry *entry)
{
	struct kvm_msi msi = {
		.address_lo = entry->u.msi.address_lo,
		.address_hi = entry->u.msi.address_hi,
		.data = entry->u.msi.data,
		.flags = entry->flags & KVM_MSI_VALID_DEVID,
		.devid = entry->u.msi.devid,
	};

	return kvm_call(vm_fd, KVM_SIGNAL_MSI, &msi);
}
