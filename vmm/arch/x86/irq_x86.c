/* SPDX-License-Identifier: Apache-2.0 */
/* How lines and messages are named to KVM and to the guest. */
#include <errno.h>

#include "arch_vm.h"
#include "fdtw.h"
#include "kvm.h"
#include "vm.h"
#include "x86_regs.h"

int arch_msi_route(const struct vm *vm, const struct msi_msg *msg, struct kvm_irq_routing_entry *entry)
{
	uint32_t low = (uint32_t)msg->address, more = field_get32(MSI_ADDRESS_MORE, low);

	/* There is no one doorbell: the address says which CPU. What lies behind an IOMMU of the guest's has been
	 * translated or is in the window that no IOMMU translates. */
	if (msg->address >> 32 || field_get32(MSI_ADDRESS_WHAT, low) != MSI_ADDRESS_APIC)
		return -EINVAL;
	if (!vm->arch->wide_destinations)
		more = 0;
	*entry = (struct kvm_irq_routing_entry){
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = {.address_lo = low & ~MSI_ADDRESS_MORE,
			  .address_hi = field_prep32(MSI_UPPER_DEST, more),
			  .data = msg->data},
	};
	return 0;
}

/* Messages are not translated here, by the host neither. */
bool arch_msi_shares_doorbell(uint64_t address)
{
	return false;
}

void arch_line_route(const struct vm *vm, uint32_t gsi, struct kvm_irq_routing_entry *entry)
{
	*entry = (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = {.irqchip = KVM_IRQCHIP_IOAPIC, .pin = gsi},
	};
}

/* A GSI is a pin of the only I/O APIC. The device tree counts as the GIC's does (fdtw.h): pin n is "SPI" n. */
void arch_line_number(unsigned index, struct irq_line *line)
{
	line->gsi = IOAPIC_FIRST_PIN + index;
	line->intid = FDTW_FIRST_SPI + line->gsi;
	line->gsiv = line->gsi;
}

int arch_line_set(struct vm *vm, const struct irq_line *line, bool high)
{
	return kvm_irq_line(vm->vm_fd, line->gsi, high);
}
