/* SPDX-License-Identifier: Apache-2.0 */
#include "debug_exit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "device.h"
#include "log.h"
#include "vm.h"

/* Guarded by the device lock. */
struct debug_exit {
	struct device dev;
	struct bus_window window;
	struct vm *vm;
	bool written; /* the first byte counts */
	uint8_t byte;
};

static enum bus_verdict exit_access(struct bus_window *window, struct bus_access *access)
{
	struct debug_exit *d = container_of(window, struct debug_exit, window);

	if (!access->is_write)
		return BUS_UNHANDLED;
	if (!d->written)
		d->byte = (uint8_t)access->value;
	d->written = true;
	vm_stop(d->vm, VM_STOP_DEBUG_EXIT);
	return BUS_HANDLED;
}

static int exit_reset(struct device *dev)
{
	container_of(dev, struct debug_exit, dev)->written = false;
	return 0;
}

static void exit_destroy(struct device *dev)
{
	struct debug_exit *d = container_of(dev, struct debug_exit, dev);

	bus_lock(&d->vm->bus);
	bus_remove(&d->vm->bus, &d->window);
	bus_unlock(&d->vm->bus);
	free(d);
}

static const struct device_class exit_class = {
	.name = "debug-exit",
	.reset = exit_reset,
	.destroy = exit_destroy,
};

int debug_exit_create(struct device **out, struct vm *vm, uint64_t base)
{
	struct debug_exit *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return log_fail(-ENOMEM, "out of memory for the debug exit port");
	*d = (struct debug_exit){.dev = {.class = &exit_class, .id = "debug-exit"},
				 .window = {.handler = exit_access, .name = "debug exit"},
				 .vm = vm};
	bus_lock(&vm->bus);
	err = bus_add(&vm->bus, &d->window, base, DEBUG_EXIT_PORTS);
	bus_unlock(&vm->bus);
	if (err) {
		free(d);
		return log_fail(err, "cannot place the debug exit port: %s", strerror(-err));
	}
	*out = &d->dev;
	return 0;
}

int debug_exit_status(const struct device *dev)
{
	return (uint8_t)(container_of(dev, struct debug_exit, dev)->byte << 1 | 1);
}
