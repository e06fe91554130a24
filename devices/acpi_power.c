/* SPDX-License-Identifier: Apache-2.0 */
#include "acpi_power.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "acpi.h"
#include "acpi_power_regs.h"
#include "device.h"
#include "fdtw.h"
#include "log.h"
#include "vm.h"

/* Guarded by the device lock; without state of its own: what is written takes effect or is forgotten. */
struct acpi_power {
	struct device dev;
	struct bus_window window;
	struct vm *vm;
	uint64_t base;
};

static void write_reg(struct acpi_power *p, uint64_t reg, uint32_t value)
{
	if (reg == ACPI_POWER_RESET && value == ACPI_POWER_RESET_VALUE)
		vm_stop(p->vm, VM_STOP_RESET);
	if (reg != ACPI_POWER_SLEEP_CONTROL || !(value & ACPI_SLEEP_CONTROL_ENABLE))
		return;
	if (field_get32(ACPI_SLEEP_CONTROL_TYPE, value) == ACPI_SLEEP_TYPE_S5)
		vm_stop(p->vm, VM_STOP_POWEROFF);
	else
		log_guest("sleep type %u is none that the machine has", field_get32(ACPI_SLEEP_CONTROL_TYPE, value));
}

static enum bus_verdict power_access(struct bus_window *window, struct bus_access *access)
{
	struct acpi_power *p = container_of(window, struct acpi_power, window);

	if (access->offset > ACPI_POWER_RESET)
		return BUS_UNHANDLED;
	if (access->size != 1)
		return BUS_BAD;
	if (access->is_write)
		write_reg(p, access->offset, (uint32_t)access->value);
	else
		access->value = 0; /* awake since power-on; SLP_EN reads as 0 */
	return BUS_HANDLED;
}

static int power_reset(struct device *dev)
{
	return 0;
}

static void power_describe(struct device *dev, struct fdtw *fdt)
{
	const struct acpi_power *p = container_of(dev, struct acpi_power, dev);

	fdtw_begin(fdt, "power@%" PRIx64, p->base);
	fdtw_string(fdt, "compatible", "aerie,acpi-power");
	fdtw_reg(fdt, p->base, ACPI_POWER_SIZE);
	fdtw_end(fdt);
}

static void power_describe_acpi(struct device *dev, struct acpi *acpi)
{
	const struct acpi_power *p = container_of(dev, struct acpi_power, dev);

	acpi->fadt.sleep_control = p->base + ACPI_POWER_SLEEP_CONTROL;
	acpi->fadt.sleep_status = p->base + ACPI_POWER_SLEEP_STATUS;
	acpi->fadt.reset = p->base + ACPI_POWER_RESET;
	acpi->fadt.reset_value = ACPI_POWER_RESET_VALUE;
	acpi->fadt.sleep_type = ACPI_SLEEP_TYPE_S5;
}

static void power_destroy(struct device *dev)
{
	struct acpi_power *p = container_of(dev, struct acpi_power, dev);

	bus_lock(&p->vm->bus);
	bus_remove(&p->vm->bus, &p->window);
	bus_unlock(&p->vm->bus);
	free(p);
}

static const struct device_class power_class = {
	.name = "acpi-power",
	.reset = power_reset,
	.describe = power_describe,
	.describe_acpi = power_describe_acpi,
	.destroy = power_destroy,
};

int acpi_power_create(struct device **out, struct vm *vm, uint64_t base)
{
	struct acpi_power *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return log_fail(-ENOMEM, "out of memory for the sleep and reset registers");
	*p = (struct acpi_power){.dev = {.class = &power_class, .id = "power"},
				 .window = {.handler = power_access, .name = "acpi-power"},
				 .vm = vm,
				 .base = base};
	bus_lock(&vm->bus);
	err = bus_add(&vm->bus, &p->window, base, ACPI_POWER_SIZE);
	bus_unlock(&vm->bus);
	if (err) {
		free(p);
		return log_fail(err, "cannot place the sleep and reset registers at 0x%" PRIx64 ": %s", base,
				strerror(-err));
	}
	*out = &p->dev;
	return 0;
}
