/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree of the machine: what belongs to no single device, and the order of the rest. */
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "fdtw.h"
#include "log.h"
#include "machine_priv.h"

/* Seeds for the guest's KASLR and random pool, fresh at each boot (Linux Documentation/devicetree/bindings/chosen). */
static void describe_seeds(struct fdtw *fdt)
{
	uint32_t seed[2 + 16];

	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return;
	fdtw_u32s(fdt, "kaslr-seed", seed, 2);
	fdtw_u32s(fdt, "rng-seed", seed + 2, 16);
}

static void describe_chosen(struct machine *m, struct range initrd, struct fdtw *fdt)
{
	char serial[32];

	snprintf(serial, sizeof(serial), "/serial@%llx", (unsigned long long)arch_layout.serial_base);
	fdtw_begin(fdt, "chosen");
	fdtw_string(fdt, "bootargs", m->config->boot.cmdline);
	fdtw_string(fdt, "stdout-path", serial);
	if (initrd.last) {
		fdtw_u64(fdt, "linux,initrd-start", initrd.first);
		fdtw_u64(fdt, "linux,initrd-end", initrd.last + 1);
	}
	describe_seeds(fdt);
	fdtw_end(fdt);
}

static void describe_memory(struct machine *m, struct fdtw *fdt)
{
	for (unsigned i = 0; i < m->vm.gmem.nr_regions; i++) {
		const struct gmem_region *r = &m->vm.gmem.regions[i];

		fdtw_begin(fdt, "memory@%llx", (unsigned long long)r->base.v);
		fdtw_string(fdt, "device_type", "memory");
		fdtw_reg(fdt, r->base.v, r->size);
		fdtw_end(fdt);
	}
}

/*
 * The window that the host uses for the doorbells of assigned devices must be mapped 1:1 in the guest's stage 1 (see
 * docs/data-flow.md). A reserved-memory node with `iommu-addresses` says that (Linux of_iommu_get_resv_regions(), 6.3
 * and later). The IOVA in that property is written with the cell counts of the endpoint's parent, a PCI bus: 3 and 2.
 * One node for each endpoint, since Linux loses its place in a list that names several.
 */
static void describe_reserved(struct machine *m, struct fdtw *fdt)
{
	const struct range w = arch_layout.msi_window;

	fdtw_begin(fdt, "reserved-memory");
	fdtw_u32(fdt, "#address-cells", 2);
	fdtw_u32(fdt, "#size-cells", 2);
	fdtw_empty(fdt, "ranges");
	for (unsigned i = 0; i < m->nr_endpoints; i++) {
		const struct pci_function *fn = m->endpoints[i].fn;

		if (!fn->dt_memory_region)
			continue;
		fdtw_begin(fdt, "msi-doorbells-%u@%llx", i, (unsigned long long)w.first);
		fdtw_reg(fdt, w.first, range_len(w));
		fdtw_empty(fdt, "no-map");
		FDTW_CELLS(fdt, "iommu-addresses", fn->dt_phandle, MACHINE_PCI_MEM32, FDTW_U64(w.first),
			   FDTW_U64(range_len(w)));
		fdtw_u32(fdt, "phandle", fn->dt_memory_region);
		fdtw_end(fdt);
	}
	fdtw_end(fdt);
}

int machine_describe(struct machine *m, struct range initrd, struct fdtw *fdt, size_t *len)
{
	int err = fdtw_start(fdt);

	if (err < 0)
		return err;
	fdtw_begin(fdt, "%s", "");
	fdtw_string(fdt, "compatible", arch_layout.machine);
	fdtw_string(fdt, "model", arch_layout.machine);
	fdtw_u32(fdt, "#address-cells", 2);
	fdtw_u32(fdt, "#size-cells", 2);
	fdtw_u32(fdt, "interrupt-parent", FDTW_PHANDLE_GIC);
	fdtw_empty(fdt, "dma-coherent");
	describe_chosen(m, initrd, fdt);
	describe_memory(m, fdt);
	describe_reserved(m, fdt);
	arch_describe(&m->vm, fdt);
	for (unsigned i = 0; i < m->nr_devices; i++)
		if (m->devices[i]->class->describe)
			m->devices[i]->class->describe(m->devices[i], fdt);
	fdtw_end(fdt);
	return fdtw_finish(fdt, len);
}
