/* SPDX-License-Identifier: Apache-2.0 */
#include "irq.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "fd.h"
#include "kvm.h"
#include "log.h"
#include "stats.h"
#include "vm.h"

/*
 * What the routing table says of one MSI GSI. `installed` is KVM's side: an entry stays in KVM's table after its route
 * has let go of it, until the table is set again; the route that comes back with the same message then needs no new
 * table.
 */
struct msi_slot {
	const struct irq_route *owner; /* NULL: free */
	struct kvm_irq_routing_entry entry;
	bool installed; /* KVM's table has exactly this entry */
	bool stuck;	/* KVM would not let go of its irqfd: never used again */
};

/* Guarded by the device lock, but line_high. */
struct irqchip {
	struct vm *vm;
	unsigned nr_lines;
	_Atomic bool line_high[IRQ_MAX_LINES]; /* by gsi: last level given to KVM */
	unsigned nr_connected;
	struct msi_slot slots[IRQ_MAX_ROUTES]; /* GSI IRQ_MAX_LINES + i */
	struct kvm_irq_routing *table;	       /* scratch of update_table(), room for all entries */
};

int irqchip_create(struct irqchip **out, struct vm *vm)
{
	struct irqchip *chip = calloc(1, sizeof(*chip));

	*out = NULL;
	if (chip)
		chip->table = calloc(1, sizeof(*chip->table) +
						(IRQ_MAX_LINES + IRQ_MAX_ROUTES) * sizeof(chip->table->entries[0]));
	if (!chip || !chip->table) {
		free(chip);
		return log_fail(-ENOMEM, "cannot create the interrupt routing table: out of memory");
	}
	chip->vm = vm;
	*out = chip;
	return 0;
}

void irqchip_destroy(struct irqchip *chip)
{
	if (!chip)
		return;
	free(chip->table);
	free(chip);
}

/* The one place that gives KVM a routing table: every wired line and every MSI that has an owner. */
static int update_table(struct irqchip *chip)
{
	struct kvm_irq_routing *table = chip->table;

	table->nr = 0;
	table->flags = 0;
	for (uint32_t i = 0; i < arch_layout.lines; i++) {
		struct irq_line line;

		arch_line_number(i, &line);
		table->entries[table->nr] = (struct kvm_irq_routing_entry){.gsi = line.gsi};
		arch_line_route(chip->vm, line.gsi, &table->entries[table->nr++]);
	}
	for (uint32_t i = 0; i < IRQ_MAX_ROUTES; i++) {
		if (chip->slots[i].owner)
			table->entries[table->nr++] = chip->slots[i].entry;
	}
	int err = kvm_set_gsi_routing(chip->vm->vm_fd, table);
	if (err)
		return log_fail(err, "cannot set KVM's interrupt routing table (%u entries): %s", table->nr,
				strerror(-err));
	stats_inc(&stats.gsi_table_updates);
	for (uint32_t i = 0; i < IRQ_MAX_ROUTES; i++)
		chip->slots[i].installed = chip->slots[i].owner != NULL;
	return 0;
}

/* --- wired lines --- */

int irq_line_alloc(struct irqchip *chip, struct irq_line *line, bool level)
{
	if (chip->nr_lines == arch_layout.lines)
		return log_fail(-ENOSPC, "all %u wired interrupt lines are in use; configure fewer devices",
				arch_layout.lines);
	*line = (struct irq_line){.level = level};
	arch_line_number(chip->nr_lines++, line);
	line->chip = chip;
	line->level = level;
	return 0;
}

static void drive(const struct irq_line *line, bool high)
{
	int err = arch_line_set(line->chip->vm, line, high);

	if (err)
		log_error("cannot drive interrupt line %u: %s", line->intid, strerror(-err));
}

void irq_line_set(const struct irq_line *line, bool high)
{
	if (atomic_exchange(&line->chip->line_high[line->gsi], high) != high)
		drive(line, high);
}

void irq_line_pulse(const struct irq_line *line)
{
	drive(line, true);
	drive(line, false);
}

int irq_line_attach(const struct irq_line *line, int trigger, int resample)
{
	int err = kvm_irqfd_assign_resample(line->chip->vm->vm_fd, trigger, line->gsi, resample);

	if (err)
		return log_fail(err, "cannot connect an eventfd to interrupt line %u: %s", line->intid, strerror(-err));
	return 0;
}

void irq_line_detach(const struct irq_line *line, int trigger)
{
	int err = kvm_irqfd_deassign(line->chip->vm->vm_fd, trigger, line->gsi);

	if (err)
		log_error("cannot disconnect an eventfd from interrupt line %u: %s", line->intid, strerror(-err));
}

/* --- message-signalled interrupts --- */

int irq_route_init(struct irq_route *route, struct irqchip *chip)
{
	*route = (struct irq_route){.chip = chip, .eventfd = -1};
	int fd = fd_eventfd();
	if (fd < 0)
		return fd;
	route->eventfd = fd;
	return 0;
}

void irq_route_fini(struct irq_route *route)
{
	irq_route_disconnect(route);
	fd_close(&route->eventfd);
}

static struct msi_slot *slot_of(const struct irq_route *route)
{
	return &route->chip->slots[route->gsi - IRQ_MAX_LINES];
}

static bool usable(const struct msi_slot *slot)
{
	return !slot->owner && !slot->stuck;
}

static bool same_entry(const struct kvm_irq_routing_entry *a, const struct kvm_irq_routing_entry *b)
{
	return a->type == b->type && a->flags == b->flags && a->u.msi.address_lo == b->u.msi.address_lo &&
	       a->u.msi.address_hi == b->u.msi.address_hi && a->u.msi.data == b->u.msi.data &&
	       a->u.msi.devid == b->u.msi.devid;
}

/* A free GSI for @route: that of its last connection when nobody took it, as KVM's table may still have its entry. */
static int pick_gsi(const struct irq_route *route, uint32_t *gsi)
{
	struct irqchip *chip = route->chip;

	if (route->gsi >= IRQ_MAX_LINES && usable(slot_of(route))) {
		*gsi = route->gsi;
		return 0;
	}
	for (uint32_t i = 0; i < IRQ_MAX_ROUTES; i++) {
		if (usable(&chip->slots[i])) {
			*gsi = IRQ_MAX_LINES + i;
			return 0;
		}
	}
	log_guest("more than %u message-signalled interrupts are in use at the same time", IRQ_MAX_ROUTES);
	return -ENOSPC;
}

/* Makes the slot of @route say @entry, in KVM too. On failure it says what it said before. */
static int set_entry(struct irq_route *route, const struct kvm_irq_routing_entry *entry)
{
	struct msi_slot *slot = slot_of(route);
	const struct irq_route *old_owner = slot->owner;
	struct kvm_irq_routing_entry old = slot->entry;

	slot->owner = route;
	if (slot->installed && same_entry(&old, entry))
		return 0;
	slot->entry = *entry;
	int err = update_table(route->chip);
	if (err) {
		slot->entry = old;
		slot->owner = old_owner;
	}
	return err;
}

static int connect_new(struct irq_route *route, struct kvm_irq_routing_entry *entry)
{
	struct irqchip *chip = route->chip;
	int err = pick_gsi(route, &entry->gsi);

	if (err)
		return err;
	route->gsi = entry->gsi;
	err = set_entry(route, entry);
	if (err)
		return err;
	err = kvm_irqfd_assign(chip->vm->vm_fd, route->eventfd, route->gsi);
	if (err) {
		slot_of(route)->owner = NULL;
		return log_fail(err, "cannot connect an eventfd to GSI %u: %s", route->gsi, strerror(-err));
	}
	/*
	 * A signal that was waiting has been injected by the assignment, but KVM leaves its count in the eventfd
	 * (kvm_irqfd_assign()), where it would look like a new one after the next disconnect. Signals that came since
	 * were taken out by KVM itself, so this cannot steal one.
	 */
	fd_drain(route->eventfd);
	route->connected = true;
	stats_inc(&stats.msi_routes_connected);
	stats_peak(&stats.msi_routes_peak, ++chip->nr_connected);
	return 0;
}

int irq_route_connect(struct irq_route *route, const struct msi_msg *msg)
{
	struct kvm_irq_routing_entry entry = {0};
	int err = arch_msi_route(route->chip->vm, msg, &entry);

	if (!err && route->connected) {
		entry.gsi = route->gsi;
		err = set_entry(route, &entry);
	} else if (!err) {
		err = connect_new(route, &entry);
	}
	if (err) {
		irq_route_disconnect(route);
		return err;
	}
	route->msg = *msg;
	return 0;
}

void irq_route_disconnect(struct irq_route *route)
{
	if (!route->connected)
		return;
	struct msi_slot *slot = slot_of(route);
	int err = kvm_irqfd_deassign(route->chip->vm->vm_fd, route->eventfd, route->gsi);

	if (err) {
		log_error("cannot disconnect an eventfd from GSI %u: %s", route->gsi, strerror(-err));
		slot->stuck = true;
	}
	slot->owner = NULL;
	route->connected = false;
	route->chip->nr_connected--;
}

void irq_route_signal(const struct irq_route *route)
{
	fd_signal(route->eventfd);
}

bool irq_route_pending(const struct irq_route *route)
{
	struct pollfd pfd = {.fd = route->eventfd, .events = POLLIN};

	return !route->connected && poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLIN);
}

void irq_route_clear(struct irq_route *route)
{
	fd_drain(route->eventfd);
}

bool irq_msi_send(struct irqchip *chip, const struct msi_msg *msg)
{
	struct kvm_irq_routing_entry entry = {0};
	int err;

	if (arch_msi_route(chip->vm, msg, &entry) != 0)
		return false;
	err = kvm_signal_msi(chip->vm->vm_fd, &entry);
	if (err < 0)
		log_guest("requester 0x%" PRIx32 ": MSI to 0x%" PRIx64 " goes nowhere: %s", msg->requester,
			  msg->address, strerror(-err));
	return true;
}
