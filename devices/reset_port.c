/* SPDX-License-Identifier: Apache-2.0 */
#include "reset_port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "device.h"
#include "log.h"
#include "vm.h"

#define PULSE	  MASK32(7, 4) /* all ones */
#define NOT_RESET BIT32(0)

/* Guarded by the device lock; without state of its own. */
struct reset_port {
	struct device dev;
	struct bus_window window;
	struct vm *vm;
};

static enum bus_verdict port_access(struct bus_window *window, struct bus_access *access)
{
	struct reset_port *p = container_of(window, struct reset_port, window);

	if (!access->is_write)
		return BUS_UNHANDLED;
	if ((access->value & PULSE) == PULSE && !(access->value & NOT_RESET))
		vm_stop(p->vm, VM_STOP_RESET);
	return BUS_HANDLED;
}

static int port_reset(struct device *dev)
{
	return 0;
}

static void port_destroy(struct device *dev)
{
	struct reset_port *p = container_of(dev, struct reset_port, dev);

	bus_lock(&p->vm->bus);
	bus_remove(&p->vm->bus, &p->window);
	bus_unlock(&p->vm->bus);
	free(p);
}

static const struct device_class port_class = {
	.name = "reset-port",
	.reset = port_reset,
	.destroy = port_destroy,
};

int reset_port_create(struct device **out, struct vm *vm, uint64_t base)
{
	struct reset_port *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return log_fail(-ENOMEM, "out of memory for the reset port");
	*p = (struct reset_port){.dev = {.class = &port_class, .id = "reset-port"},
				 .window = {.handler = port_access, .name = "reset port"},
				 .vm = vm};
	bus_lock(&vm->bus);
	err = bus_add(&vm->bus, &p->window, base, 1);
	bus_unlock(&vm->bus);
	if (err) {
		free(p);
		return log_fail(err, "cannot place the reset port: %s", strerror(-err));
	}
	*out = &p->dev;
	return 0;
}
