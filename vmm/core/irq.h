/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts into the guest. Devices hold a line or a route, never a GSI number.
 *
 * irq_line  - a wired input of the interrupt controller (arm64: an SPI).
 * irq_route - one message-signalled interrupt: an eventfd that exists from the start, and, while connected, a GSI with
 * an MSI route and a KVM irqfd. Signals that arrive while it is not connected stay pending in the eventfd and are
 *             delivered at connect: exactly the pending bit of MSI-X.
 *
 * The GSI routing table is rebuilt in one place (irq.c). Guarded by the device lock, except irq_line_set() and
 * irq_route_signal(), which any thread may call.
 */
#ifndef AERIE_IRQ_H
#define AERIE_IRQ_H

#include <stdbool.h>
#include <stdint.h>

struct vm;
struct irqchip;

struct irq_line {
	struct irqchip *chip;
	uint32_t gsi;	/* number by which KVM routing and irqfd know the line */
	uint32_t intid; /* number by which the firmware tables know it (arm64: INTID, SPI n = 32 + n) */
	uint32_t gsiv;	/* number by which ACPI tables know it (arm64: INTID; x86: the I/O APIC's pin) */
	bool level;	/* level- or edge-triggered */
};

struct msi_msg {
	uint64_t address; /* as the guest wrote it; behind a translating IOMMU this is an IOVA and not used for routing
			   */
	uint32_t data;
	uint32_t requester; /* requester id (RID) of the function, the ITS DeviceID */
	bool translated;    /* behind a vIOMMU: route to the machine's doorbell whatever address says */
};

struct irq_route {
	struct irqchip *chip;
	int eventfd;  /* owned, non-blocking; may be given to VFIO as trigger; -1 before init */
	uint32_t gsi; /* of the present connection, else of the last one (0: none) */
	bool connected;
	struct msi_msg msg; /* of the present connection */
};

/* All interrupt state of a VM. */
#define IRQ_MAX_LINES  96u
#define IRQ_MAX_ROUTES (4096u - IRQ_MAX_LINES) /* MSI routes connected at the same time; KVM_MAX_IRQ_ROUTES is 4096 */

/** Creates the state for @vm. The in-kernel controller itself is made by arch_irqchip_create(). 0 or -errno (logged).
 */
int irqchip_create(struct irqchip **out, struct vm *vm);
void irqchip_destroy(struct irqchip *chip);

/** Allocates the next free wired line. Returns 0 or -ENOSPC (logged). Lines live as long as the VM. */
int irq_line_alloc(struct irqchip *chip, struct irq_line *line, bool level);

/** Drives a level line, any thread, idempotent (KVM is told of changes only). Not for lines with irq_line_attach(). */
void irq_line_set(const struct irq_line *line, bool high);

/** One edge on an edge-triggered line, any thread. */
void irq_line_pulse(const struct irq_line *line);

/** Connects (or disconnects) a host eventfd pair to a level line: @trigger asserts the line until the guest's EOI,
 * which signals @resample (KVM_IRQFD_FLAG_RESAMPLE). Returns 0 or -errno (logged). */
int irq_line_attach(const struct irq_line *line, int trigger, int resample);
void irq_line_detach(const struct irq_line *line, int trigger);

/** Opens the eventfd. Returns 0 or -errno (logged). */
int irq_route_init(struct irq_route *route, struct irqchip *chip);

/** Disconnects and closes. Safe on a route whose eventfd is -1. */
void irq_route_fini(struct irq_route *route);

/** Routes the eventfd to @msg; a connected route is moved atomically, an identical message is a no-op.
 *  Returns 0; -ENOSPC (IRQ_MAX_ROUTES); -EINVAL (the address is no doorbell of this machine, not logged as host error);
 *  other -errno (logged). On failure the route is disconnected. */
int irq_route_connect(struct irq_route *route, const struct msi_msg *msg);

/** Idempotent. Later signals stay pending in the eventfd. */
void irq_route_disconnect(struct irq_route *route);

/** Raises the interrupt. Any thread. */
void irq_route_signal(const struct irq_route *route);

/** True when a signal waits in the eventfd of a disconnected route (the PBA bit). */
bool irq_route_pending(const struct irq_route *route);

/** Forgets a waiting signal. */
void irq_route_clear(struct irq_route *route);

/** Delivers one message of an emulated requester at once, without a route (KVM_SIGNAL_MSI). False, and nothing happens,
 * when the address is no doorbell of this machine. */
bool irq_msi_send(struct irqchip *chip, const struct msi_msg *msg);

#endif
