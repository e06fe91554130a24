/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "log.h"
#include "pci_priv.h"
#include "stats.h"
#include "vm.h"

/* ECAM address (PCIe 6.0, 7.2.2): bus, device and function, register. */
#define ECAM_BUS       MASK64(27, 20)
#define ECAM_DEVFN     MASK64(19, 12)
#define ECAM_REGISTER  MASK64(11, 0)
#define ECAM_MAX_BYTES (256 * PCI_ECAM_BUS_SIZE)

#define CLASS_HOST_BRIDGE   0x060000u
#define HEADER_MULTI_FN	    ((uint32_t)PCI_HEADER_TYPE_MFD << 16) /* in the dword of the cache line size */
#define DEVFN_DEVICE(devfn) ((unsigned)(devfn) >> 3)
#define DEVFN_FN(devfn)	    ((devfn)&7u)

static struct pci_host *to_host(struct device *dev)
{
	return container_of(dev, struct pci_host, dev);
}

struct pci_function *pci_host_find(struct pci_host *host, uint16_t rid)
{
	uint8_t bus = (uint8_t)(rid >> 8), devfn = (uint8_t)rid;

	if (bus == 0)
		return host->root[devfn];
	if (DEVFN_DEVICE(devfn) != 0)
		return NULL;
	for (unsigned i = 0; i < ARRAY_LEN(host->root); i++) {
		struct pci_bridge *bridge = host->root[i] ? pci_bridge_of(host->root[i]) : NULL;

		if (bridge && pci_bridge_reaches(bridge, bus))
			return bridge->children[DEVFN_FN(devfn)];
	}
	return NULL;
}

uint32_t pci_host_cfg(struct pci_host *host, uint16_t rid, uint16_t reg, uint8_t size, bool is_write, uint32_t value)
{
	struct pci_function *fn = pci_host_find(host, rid);

	if (!fn)
		return pci_size_mask(size);
	if (!is_write)
		return pci_function_cfg_read(fn, reg, size);
	pci_function_cfg_write(fn, reg, size, value);
	return value;
}

static uint32_t ecam_dword(struct pci_host *host, uint64_t at, uint8_t size, bool is_write, uint32_t value)
{
	uint16_t rid = (uint16_t)(field_get(ECAM_BUS, at) << 8 | field_get(ECAM_DEVFN, at));

	if (at >= range_len(host->config.ecam))
		return pci_size_mask(size);
	return pci_host_cfg(host, rid, (uint16_t)field_get(ECAM_REGISTER, at), size, is_write, value);
}

static enum bus_verdict ecam_access(struct bus_window *window, struct bus_access *access)
{
	struct pci_host *host = container_of(window, struct pci_host, ecam);
	uint64_t at = access->offset;

	stats_inc(&stats.pci_cfg_accesses);
	if (access->size == 8 && at % 4 == 0) {
		uint64_t low = ecam_dword(host, at, 4, access->is_write, (uint32_t)access->value);
		uint64_t high = ecam_dword(host, at + 4, 4, access->is_write, (uint32_t)(access->value >> 32));

		access->value = high << 32 | low;
		return BUS_HANDLED;
	}
	if (access->size > 4 || at % 4 + access->size > 4) {
		access->value = UINT64_MAX;
		return BUS_BAD;
	}
	access->value = ecam_dword(host, at, access->size, access->is_write, (uint32_t)access->value);
	return BUS_HANDLED;
}

/* Header type bit 7 of function 0 says that the device has more (7.5.1.1.9). */
static void mark_multi_function(struct pci_function *const *device)
{
	bool more = false;

	for (unsigned i = 1; i < 8; i++)
		more |= device[i] != NULL;
	if (device[0] && more)
		pci_cfg_own(&device[0]->cfg, PCI_CACHE_LINE_SIZE, HEADER_MULTI_FN, HEADER_MULTI_FN);
}

int pci_host_place(struct pci_host *host, struct pci_bridge *parent, uint8_t devfn, struct pci_function *fn)
{
	struct pci_function **slot = parent ? &parent->children[DEVFN_FN(devfn)] : &host->root[devfn];

	if (fn->host || (parent && parent->fn.host != host))
		return log_fail(-EINVAL, "%s: placed twice, or below a port that is not placed; this is a bug of aerie",
				fn->name);
	if (parent && (DEVFN_DEVICE(devfn) != 0 || pci_bridge_of(fn)))
		return log_fail(-EINVAL, "%s: only an endpoint that is device 0 can be below root port %s, not %02x.%u",
				fn->name, parent->fn.name, DEVFN_DEVICE(devfn), DEVFN_FN(devfn));
	if (*slot)
		return log_fail(-EEXIST,
				"%s: %s is in slot %02x.%u %s%s already; give one of them another slot or function",
				fn->name, (*slot)->name, DEVFN_DEVICE(devfn), DEVFN_FN(devfn),
				parent ? "below " : "of bus 0", parent ? parent->fn.name : "");
	if (host->nr_functions == PCI_MAX_FUNCTIONS)
		return log_fail(-ENOSPC, "%s: more than %u PCI functions; remove some", fn->name, PCI_MAX_FUNCTIONS);

	*slot = fn;
	fn->host = host;
	fn->parent = parent;
	fn->devfn = devfn;
	host->by_rid[host->nr_functions] = fn;
	host->functions[host->nr_functions++] = fn;
	mark_multi_function(parent ? parent->children : &host->root[devfn & ~7u]);
	if (parent)
		pci_bridge_occupied(parent);
	return 0;
}

int pci_host_check(const struct pci_host *host)
{
	for (unsigned i = 0; i < host->nr_functions; i++) {
		const struct pci_function *fn = host->functions[i];

		if (fn->parent ? !fn->parent->children[0] : !host->root[fn->devfn & ~7u])
			return log_fail(
				-EINVAL,
				"%s: is function %u of a device without a function 0, which no guest would find; "
				"make one of the device's functions number 0",
				fn->name, DEVFN_FN(fn->devfn));
	}
	return 0;
}

int pci_host_add_iommu_map(struct pci_host *host, const struct pci_iommu_map *map)
{
	if (host->nr_iommu_maps == PCI_MAX_IOMMU_MAPS)
		return -ENOSPC;
	host->iommu_maps[host->nr_iommu_maps++] = *map;
	return 0;
}

const struct irq_line *pci_host_intx_line(const struct pci_host *host, const struct pci_function *fn, uint8_t pin)
{
	if (pin < 1 || pin > 4)
		return NULL;
	/* Each bridge turns the pins by the device number below it; so does the root bus (PCIe 6.0, 2.2.8.1, table
	 * 2-19). */
	for (; fn->parent; fn = &fn->parent->fn)
		pin = (uint8_t)(pci_root_line(DEVFN_DEVICE(fn->devfn), pin) + 1);
	return &host->config.intx[pci_root_line(DEVFN_DEVICE(fn->devfn), pin)];
}

struct vm *pci_host_vm(const struct pci_host *host)
{
	return host->vm;
}

struct device *pci_host_device(struct pci_host *host)
{
	return &host->dev;
}

static int host_reset(struct device *dev)
{
	struct pci_host *host = to_host(dev);
	int result = 0;

	host->port_address = 0;
	for (unsigned i = 0; i < host->nr_functions; i++) {
		int err = pci_function_reset(host->functions[i]);

		if (result == 0)
			result = err;
	}
	return result;
}

static void host_destroy(struct device *dev)
{
	struct pci_host *host = to_host(dev);

	pci_host_unmap_all(host);
	/* A port was placed before what is below it, so the reverse order destroys children first. */
	while (host->nr_functions > 0) {
		struct pci_function *fn = host->functions[--host->nr_functions];

		fn->ops->destroy(fn);
	}
	bus_remove(&host->vm->bus, &host->ecam);
	bus_remove(&host->vm->bus, &host->ports);
	free(host);
}

static const struct device_class host_class = {
	.name = "pci-host",
	.reset = host_reset,
	.describe = pci_host_describe,
	.describe_acpi = pci_host_describe_acpi,
	.destroy = host_destroy,
};

static const struct pci_function_ops self_ops = {
	.destroy = pci_function_fini,
};

/* Function 00:00.0, so that software finds a host bridge where it expects one. It does nothing. */
static void init_self(struct pci_function *fn)
{
	pci_function_init(fn, "PCI host bridge", &self_ops);
	pci_cfg_emulate(&fn->cfg, PCI_VENDOR_ID, PCI_VENDOR_REDHAT | PCI_DEVICE_HOST_BRIDGE << 16, 0, 0, NULL);
	pci_cfg_emulate(&fn->cfg, PCI_CLASS_REVISION, CLASS_HOST_BRIDGE << 8, 0, 0, NULL);
	pci_cfg_emulate(&fn->cfg, PCI_CACHE_LINE_SIZE, 0, MASK32(7, 0), 0, NULL);
	pci_cfg_emulate(&fn->cfg, PCI_SUBSYSTEM_VENDOR_ID, PCI_VENDOR_REDHAT | PCI_DEVICE_HOST_BRIDGE << 16, 0, 0,
			NULL);
}

int pci_host_create(struct pci_host **out, struct vm *vm, const struct pci_host_config *config)
{
	uint64_t bytes = range_len(config->ecam);
	struct pci_host *host;
	int err;

	if (bytes < PCI_ECAM_BUS_SIZE || bytes > ECAM_MAX_BYTES || bytes % PCI_ECAM_BUS_SIZE != 0)
		return log_fail(-EINVAL,
				"the PCI configuration window has %#llx bytes, not 1 MiB for each of 1 to 256 buses",
				(unsigned long long)bytes);
	host = calloc(1, sizeof(*host));
	if (!host)
		return log_fail(-ENOMEM, "no memory for the PCI host bridge");
	host->dev.class = &host_class;
	host->dev.id = "pci";
	host->vm = vm;
	host->config = *config;
	host->ecam.handler = ecam_access;
	host->ecam.name = "PCI configuration space";
	init_self(&host->self);
	err = bus_add(&vm->bus, &host->ecam, config->ecam.first, bytes);
	if (err != 0) {
		free(host);
		return log_fail(err, "cannot put the PCI configuration window at %#llx: %s",
				(unsigned long long)config->ecam.first, strerror(-err));
	}
	err = pci_host_add_ports(host, &vm->bus);
	if (err != 0)
		log_fail(err, "cannot put the PCI configuration ports at 0x%x: %s", PCI_PORTS, strerror(-err));
	else
		err = pci_host_place(host, NULL, 0, &host->self);
	if (err != 0) {
		host_destroy(&host->dev);
		return err;
	}
	*out = host;
	return 0;
}
