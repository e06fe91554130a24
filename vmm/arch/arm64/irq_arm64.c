/* SPDX-License-Identifier: Apache-2.0 */
/* How lines and messages are named to KVM and to the guest. */
#include <errno.h>

#include "arch_vm.h"
#include "kvm.h"
#include "vm.h"

int arch_msi_route(const struct vm *vm, const struct msi_msg *msg, struct kvm_irq_routing_entry *entry)
{
	if (!msg->translated && msg->address != ITS_DOORBELL)
		return -EINVAL;
	/* The one doorbell of the machine, and the DeviceID beside it: without VALID_DEVID KVM refuses messages to an
	 * ITS. */
	*entry = (struct kvm_irq_routing_entry){
		.type = KVM_IRQ_ROUTING_MSI,
		.flags = KVM_MSI_VALID_DEVID,
		.u.msi =
			{
				.address_lo = (uint32_t)ITS_DOORBELL,
				.address_hi = (uint32_t)(ITS_DOORBELL >> 32),
				.data = msg->data,
				.devid = msg->requester,
			},
	};
	return 0;
}

bool arch_msi_shares_doorbell(uint64_t address)
{
	return address == ITS_DOORBELL;
}

/* KVM's pin n of the only irqchip is SPI n (vgic_irqfd_set_irq()). */
void arch_line_route(const struct vm *vm, uint32_t gsi, struct kvm_irq_routing_entry *entry)
{
	*entry = (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = {.irqchip = 0, .pin = gsi},
	};
}

void arch_line_number(unsigned index, struct irq_line *line)
{
	line->gsi = index;
	line->intid = SPI_FIRST + index;
	line->gsiv = line->intid;
}

int arch_line_set(struct vm *vm, const struct irq_line *line, bool high)
{
	uint32_t irq = (uint32_t)KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | line->intid;

	return kvm_irq_line(vm->vm_fd, irq, high);
}
