/* SPDX-License-Identifier: Apache-2.0 */
#include "flash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "fdtw.h"
#include "flash_chip.h"
#include "flash_image.h"
#include "log.h"
#include "vm.h"

#define NO_SLOT UINT32_MAX

/* Guarded by the device lock. */
struct flash {
	struct device dev;
	struct vm *vm;
	struct range code_range, vars_range;
	struct flash_image code, vars;
	uint32_t code_slot;
	uint32_t vars_slot; /* NO_SLOT: reads exit */
	struct bus_window window;
	struct flash_chip chip; /* of the variables' bank */
};

static struct flash *flash_of(struct device *dev)
{
	return container_of(dev, struct flash, dev);
}

static int store(void *opaque, uint64_t offset, uint64_t len)
{
	const struct flash *f = opaque;

	return flash_image_store(&f->vars, offset, len);
}

static void hide(struct flash *f)
{
	if (f->vars_slot != NO_SLOT)
		vm_unmap_slot(f->vm, f->vars_slot);
	f->vars_slot = NO_SLOT;
}

/* Contents are memory at once, not when they are first read: firmware reads them with instructions that KVM cannot
 * decode for us (pairs of registers). */
static int show(struct flash *f)
{
	int err = 0;

	if (f->vars_slot == NO_SLOT)
		err = vm_map_rom(f->vm, gpa(f->vars_range.first), f->vars.bytes, f->vars.size, &f->vars_slot);
	if (err < 0)
		f->vars_slot = NO_SLOT;
	return err;
}

/* A mapping that fails in a running machine is logged, and the reads exit. */
static void update_view(struct flash *f)
{
	if (f->chip.view == FLASH_VIEW_ARRAY && f->chip.cycle == FLASH_NEXT_COMMAND)
		show(f);
	else
		hide(f);
}

static enum bus_verdict flash_access(struct bus_window *window, struct bus_access *access)
{
	struct flash *f = container_of(window, struct flash, window);
	enum bus_verdict verdict = flash_chip_access(&f->chip, access);

	if (access->is_write)
		update_view(f);
	return verdict;
}

static int flash_reset(struct device *dev)
{
	struct flash *f = flash_of(dev);

	bus_lock(&f->vm->bus);
	flash_chip_reset(&f->chip);
	int err = show(f);
	bus_unlock(&f->vm->bus);
	return err;
}

/* Firmware takes the banks for itself and hides the node from the OS. */
static void flash_describe(struct device *dev, struct fdtw *fdt)
{
	const struct flash *f = flash_of(dev);

	fdtw_begin(fdt, "flash@%" PRIx64, f->code_range.first);
	fdtw_string(fdt, "compatible", "cfi-flash");
	FDTW_CELLS(fdt, "reg", FDTW_U64(f->code_range.first), FDTW_U64(f->code.size), FDTW_U64(f->vars_range.first),
		   FDTW_U64(f->vars.size));
	fdtw_u32(fdt, "bank-width", FLASH_BANK_WIDTH);
	fdtw_end(fdt);
}

static void flash_free(struct flash *f)
{
	bus_lock(&f->vm->bus);
	bus_remove(&f->vm->bus, &f->window);
	bus_unlock(&f->vm->bus);
	hide(f);
	if (f->code_slot != NO_SLOT)
		vm_unmap_slot(f->vm, f->code_slot);
	flash_image_close(&f->vars);
	flash_image_close(&f->code);
	free(f);
}

static void flash_destroy(struct device *dev)
{
	flash_free(flash_of(dev));
}

static const struct device_class flash_class = {
	.name = "flash",
	.reset = flash_reset,
	.describe = flash_describe,
	.destroy = flash_destroy,
};

static int place(struct flash *f)
{
	int err = vm_map_rom(f->vm, gpa(f->code_range.first), f->code.bytes, f->code.size, &f->code_slot);

	if (err < 0)
		return err;
	f->chip = (struct flash_chip){.array = f->vars.bytes, .size = f->vars.size, .store = store, .opaque = f};
	flash_chip_reset(&f->chip);
	bus_lock(&f->vm->bus);
	err = bus_add(&f->vm->bus, &f->window, f->vars_range.first, f->vars.size);
	bus_unlock(&f->vm->bus);
	if (err == 0)
		return show(f);
	return log_fail(err, "cannot place the firmware's variables at 0x%" PRIx64 ": %s", f->vars_range.first,
			strerror(-err));
}

int flash_create(struct device **out, struct vm *vm, const struct flash_config *config)
{
	struct flash *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return log_fail(-ENOMEM, "out of memory for the firmware's flash");
	*f = (struct flash){
		.dev = {.class = &flash_class, .id = "flash"},
		.vm = vm,
		.code_range = config->code_range,
		.vars_range = config->vars_range,
		.code = {.fd = -1},
		.vars = {.fd = -1},
		.code_slot = NO_SLOT,
		.vars_slot = NO_SLOT,
		.window = {.handler = flash_access, .name = "flash"},
	};
	err = flash_image_firmware(&f->code, config->firmware, range_len(config->code_range));
	if (err == 0)
		err = flash_image_vars(&f->vars, config->vars, range_len(config->vars_range));
	if (err == 0)
		err = place(f);
	if (err < 0) {
		flash_free(f);
		return err;
	}
	*out = &f->dev;
	return 0;
}
