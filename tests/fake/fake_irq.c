/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_irq.h"

#include <poll.h>
#include <stddef.h>

#include "fd.h"

struct fake_irq fake_irq;

int irqchip_create(struct irqchip **out, struct vm *vm)
{
	*out = NULL;
	return 0;
}

void irqchip_destroy(struct irqchip *chip)
{
}

int irq_line_alloc(struct irqchip *chip, struct irq_line *line, bool level)
{
	*line = (struct irq_line){.chip = chip, .level = level};
	return 0;
}

void irq_line_set(const struct irq_line *line, bool high)
{
}

void irq_line_pulse(const struct irq_line *line)
{
}

int irq_line_attach(const struct irq_line *line, int trigger, int resample)
{
	return 0;
}

void irq_line_detach(const struct irq_line *line, int trigger)
{
}

int irq_route_init(struct irq_route *route, struct irqchip *chip)
{
	*route = (struct irq_route){.chip = chip, .eventfd = -1};
	if (fake_irq.init_error != 0)
		return fake_irq.init_error;
	route->eventfd = fd_eventfd();
	if (route->eventfd < 0)
		return route->eventfd;
	fake_irq.routes++;
	return 0;
}

void irq_route_fini(struct irq_route *route)
{
	irq_route_disconnect(route);
	if (route->eventfd >= 0)
		fake_irq.routes--;
	fd_close(&route->eventfd);
}

int irq_route_connect(struct irq_route *route, const struct msi_msg *msg)
{
	fake_irq.connects++;
	fake_irq.last = *msg;
	if (fake_irq.connect_error != 0) {
		irq_route_disconnect(route);
		return fake_irq.connect_error;
	}
	if (!route->connected)
		fake_irq.connected++;
	route->connected = true;
	route->msg = *msg;
	return 0;
}

void irq_route_disconnect(struct irq_route *route)
{
	if (route->connected)
		fake_irq.connected--;
	route->connected = false;
}

void irq_route_signal(const struct irq_route *route)
{
	__atomic_fetch_add(&fake_irq.signals, 1, __ATOMIC_RELAXED);
	fd_signal(route->eventfd);
}

bool irq_route_pending(const struct irq_route *route)
{
	struct pollfd p = {.fd = route->eventfd, .events = POLLIN};

	return fake_irq.pending || (!route->connected && poll(&p, 1, 0) == 1);
}

void irq_route_clear(struct irq_route *route)
{
	fake_irq.pending = false;
	fd_drain(route->eventfd);
}

bool irq_msi_send(struct irqchip *chip, const struct msi_msg *msg)
{
	if (fake_irq.doorbell == 0 || msg->address != fake_irq.doorbell)
		return false;
	fake_irq.messages++;
	fake_irq.sent = *msg;
	return true;
}
