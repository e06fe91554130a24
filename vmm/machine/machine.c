/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered build of a machine, its start and stop, and its end. */
#include "machine.h"

#include <errno.h>
#include <stdlib.h>

#include "acpi_button.h"
#include "acpi_power.h"
#include "control.h"
#include "debug_exit.h"
#include "fd.h"
#include "log.h"
#include "machine_priv.h"
#include "pl011.h"
#include "pl031.h"
#include "reset_port.h"
#include "stats.h"
#include "uart16550.h"

int machine_add_device(struct machine *m, struct device *dev)
{
	if (m->nr_devices == MACHINE_MAX_DEVICES) {
		dev->class->destroy(dev);
		return log_fail(-ENOSPC, "%s: more than %u devices in one machine", dev->id, MACHINE_MAX_DEVICES);
	}
	m->devices[m->nr_devices++] = dev;
	return 0;
}

static int build_vm(struct machine *m)
{
	const struct config_machine *cfg = &m->config->machine;
	enum gmem_pages pages = cfg->hugepages == HUGEPAGES_2M ? GMEM_PAGES_HUGE_2M : GMEM_PAGES_NORMAL;
	struct range ram[2];
	unsigned n = vm_ram_pieces(cfg->memory_bytes, ram);
	int err = vm_create(&m->vm, &m->loop, -1, cfg->memory_bytes);

	if (err < 0)
		return err;
	m->vm_created = true;
	m->vm.nested = cfg->nested;
	for (unsigned i = 0; err == 0 && i < n; i++)
		err = gmem_add(&m->vm.gmem, gpa(ram[i].first), range_len(ram[i]), pages);
	if (err == 0)
		err = vm_map_ram(&m->vm);
	if (err == 0)
		err = vm_create_vcpus(&m->vm, cfg->cpus);
	return err;
}

static int add_serial(struct machine *m)
{
	struct irq_line line;
	struct device *dev;
	int err = machine_open_console(m, m->config->console.type, m->config->console.path, &m->console);

	if (err == 0)
		err = irq_line_alloc(m->vm.irqchip, &line, true);
	if (err < 0)
		return err;
	switch (arch_layout.serial) {
	case ARCH_SERIAL_PL011:
		err = pl011_create(&dev, &m->vm.bus, arch_layout.serial_base, &line, m->console);
		break;
	case ARCH_SERIAL_16550:
		err = uart16550_create(&dev, &m->vm.bus,
				       &(struct uart16550_place){.base = arch_layout.serial_base,
								 .port_base = arch_layout.port_base,
								 .port = arch_layout.serial_port},
				       &line, m->console);
		break;
	}
	return err < 0 ? err : machine_add_device(m, dev);
}

static int add_clock(struct machine *m)
{
	struct irq_line line;
	struct device *dev;
	int err = irq_line_alloc(m->vm.irqchip, &line, true);

	if (err == 0)
		err = pl031_create(&dev, &m->vm.bus, &m->loop, arch_layout.rtc_base, &line);
	return err < 0 ? err : machine_add_device(m, dev);
}

static int add_power(struct machine *m)
{
	struct device *dev;
	int err = acpi_power_create(&dev, &m->vm, arch_layout.power_base);

	return err < 0 ? err : machine_add_device(m, dev);
}

static int add_reset_port(struct machine *m)
{
	struct device *dev;
	int err = reset_port_create(&dev, &m->vm, arch_layout.port_base + arch_layout.reset_port);

	return err < 0 ? err : machine_add_device(m, dev);
}

static int add_debug_exit(struct machine *m)
{
	struct device *dev;
	int err;

	if (!arch_layout.port_base)
		return log_fail(
			-EINVAL,
			"machine.debug-exit: machine %s has no I/O ports; leave it out, payloads have PSCI there",
			arch_layout.machine);
	err = debug_exit_create(&dev, &m->vm, arch_layout.port_base + arch_layout.exit_port);
	if (err == 0)
		err = machine_add_device(m, dev);
	if (err == 0)
		m->debug_exit = dev;
	return err;
}

int machine_debug_status(const struct machine *m)
{
	return debug_exit_status(m->debug_exit);
}

/* Its line comes after those of all others, whose numbers do not depend on it. */
static int add_button(struct machine *m)
{
	struct irq_line line;
	struct device *dev;
	int err = irq_line_alloc(m->vm.irqchip, &line, false);

	if (err == 0)
		err = acpi_button_create(&dev, &line);
	if (err == 0)
		err = machine_add_device(m, dev);
	if (err == 0)
		m->power_button = dev;
	return err;
}

void machine_power_button(struct machine *m)
{
	if (m->power_button)
		acpi_button_press(m->power_button);
}

/* What every machine of the architecture has. */
static int build_platform(struct machine *m)
{
	int err = add_serial(m);

	if (err == 0 && arch_layout.rtc_base)
		err = add_clock(m);
	if (err == 0 && arch_layout.power_base)
		err = add_power(m);
	if (err == 0 && arch_layout.reset_port)
		err = add_reset_port(m);
	if (err == 0 && m->config->machine.debug_exit)
		err = add_debug_exit(m);
	return err;
}

int machine_build(struct machine **out, const struct config *config)
{
	struct machine *m = calloc(1, sizeof(*m));

	*out = NULL;
	if (!m)
		return log_fail(-ENOMEM, "no memory for the machine's state");
	m->config = config;
	m->iommufd.fd = m->iommufd.kvm_vfio = -1;
	boot_files_init(&m->boot);
	fd_raise_limit();

	int err = loop_init(&m->loop);

	if (err < 0) {
		free(m);
		return err;
	}
	err = machine_build_signals(m);
	if (err == 0)
		err = boot_files_open(&m->boot, config->boot.kernel, config->boot.initrd);
	if (err == 0)
		err = machine_check_kernel(m);
	if (err == 0)
		err = build_vm(m);
	if (err == 0)
		err = build_platform(m);
	if (err == 0)
		err = machine_build_firmware(m);
	if (err == 0)
		err = machine_build_pci(m);
	if (err == 0)
		err = machine_build_iommus(m);
	if (err == 0)
		err = add_button(m);
	if (err == 0)
		err = machine_finish_firmware(m); /* ACPI tables, which describe all devices */
	if (err == 0)
		err = machine_build_control(m);
	if (err == 0)
		err = machine_build_trust(m);
	if (err < 0) {
		machine_destroy(&m);
		return err;
	}
	stats_stamp(&stats.phase.vm_built);
	*out = m;
	return 0;
}

int machine_start(struct machine *m)
{
	struct arch_boot boot;
	int err = machine_load(m, &boot);

	for (unsigned i = 0; err == 0 && i < m->vm.nr_vcpus; i++)
		err = arch_vcpu_reset(&m->vm.vcpus[i], &boot);
	if (err == 0)
		err = machine_start_trust(m);
	m->iommufd.running = true;
	log_set_capped(true);
	return err < 0 ? err : vm_start(&m->vm);
}

enum vm_stop machine_run(struct machine *m)
{
	enum vm_stop why = (enum vm_stop)loop_run(&m->loop);

	vm_pause(&m->vm);
	if (why == VM_STOP_RESET) {
		stats_inc(&stats.resets);
		return why;
	}
	log_set_capped(false); /* a guest that restarts without end is still at it */
	stats_stamp(&stats.phase.guest_stopped);
	return why;
}

int machine_reset(struct machine *m)
{
	int err = 0;

	machine_trust_before_reset(m);
	bus_lock(&m->vm.bus);
	for (unsigned i = 0; err == 0 && i < m->nr_devices; i++)
		err = m->devices[i]->class->reset(m->devices[i]);
	bus_unlock(&m->vm.bus);
	if (err == 0)
		err = arch_irqchip_reset(&m->vm);
	return err < 0 ? err : machine_trust_after_reset(m);
}

/* The last built goes first: front ends, then what they stood on. */
static void destroy_devices(struct machine *m, unsigned keep)
{
	while (m->nr_devices > keep) {
		struct device *dev = m->devices[--m->nr_devices];

		dev->class->destroy(dev);
	}
}

/* I/O threads, and devices whose guest did not stop them, run on until they go, which is after the IOMMUs that
 * translate for them. */
static void stop_dma(struct machine *m)
{
	bus_lock(&m->vm.bus);
	for (unsigned i = 0; i < m->nr_endpoints; i++) {
		struct machine_endpoint *ep = &m->endpoints[i];

		if (ep->assigned)
			assigned_stop(ep->assigned);
		else
			dma_space_enable(&pci_endpoint_of(ep->fn)->dma, false);
	}
	bus_unlock(&m->vm.bus);
}

void machine_destroy(struct machine **machine)
{
	struct machine *m = *machine;

	if (!m)
		return;
	*machine = NULL;
	if (m->vm_created) {
		vm_pause(&m->vm);
		machine_drop_trust(m);
		stop_dma(m);
	}
	log_set_capped(false);
	destroy_devices(m, m->nr_before_iommus);
	machine_drop_iommus(m);
	destroy_devices(m, 0);
	iommu_obj_destroy(&m->ram_ioas);
	iommufd_close(&m->iommufd);
	console_close(m->console);
	for (unsigned i = 0; i < m->nr_port_consoles; i++)
		console_close(m->port_consoles[i]);
	if (m->vm_created)
		vm_destroy(&m->vm);
	boot_files_close(&m->boot);
	control_destroy(&m->control);
	machine_drop_signals(m);
	loop_fini(&m->loop);
	free(m);
}
