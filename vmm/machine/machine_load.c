/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest finds in memory when it starts; the same again after each reset. */
#include <errno.h>
#include <inttypes.h>

#include "boot_linux.h"
#include "boot_pvh.h"
#include "fdtw.h"
#include "log.h"
#include "machine_priv.h"
#include "pc_kernel.h"

/* The ways to load a kernel, by what the machine boots. */
static const struct {
	int (*check)(const struct boot_file *file);
	int (*load)(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *out);
} loaders[] = {
	[ARCH_BOOT_ARM64_IMAGE] = {kernel_image_check, kernel_image_load},
	[ARCH_BOOT_PVH] = {pc_kernel_check, pc_kernel_load},
};

int machine_check_kernel(const struct boot_file *kernel)
{
	return loaders[arch_layout.boot].check(kernel);
}

static int load_dtb(struct machine *m, const struct kernel_image *image, struct range *dtb)
{
	struct fdtw fdt;
	size_t len;
	int err = machine_describe(m, image->initrd, &fdt, &len);

	if (err == 0)
		err = gmem_write(&m->vm.gmem, image->dtb, fdt.buf, len);
	if (err == 0)
		*dtb = (struct range){.first = image->dtb.v, .last = image->dtb.v + len - 1};
	fdtw_free(&fdt);
	return err;
}

/* ACPI tables, and those of the protocol that name them. */
static int load_with_acpi(struct machine *m, const struct kernel_image *image, struct range dtb, struct arch_boot *boot)
{
	const struct gmem *mem = &m->vm.gmem;
	struct boot_info info = {
		.cmdline = m->config->boot.cmdline,
		.initrd = image->initrd,
		.dtb = dtb,
		.ecam = arch_pci_ecam(&m->vm),
	};
	struct acpi_blobs acpi;
	int err = machine_acpi(m, &acpi);

	if (err == 0)
		err = boot_low_acpi(mem, &acpi, &info.rsdp);
	acpi_blobs_free(&acpi);
	if (err < 0)
		return err;
	if (image->protocol == ARCH_BOOT_PVH)
		return boot_pvh_write(mem, &info, &boot->tables);
	boot->page_tables = gpa(BOOT_LOW_PAGE_TABLES);
	boot->gdt = gpa(BOOT_LOW_GDT);
	boot->gdt_size = BOOT_LINUX_GDT_SIZE;
	return boot_linux_write(mem, &info, image, &boot->tables);
}

/* The tables that the boot vCPU is told of. */
static int load_tables(struct machine *m, const struct kernel_image *image, struct arch_boot *boot)
{
	struct range dtb = {0};
	int err = load_dtb(m, image, &dtb);

	*boot = (struct arch_boot){.protocol = image->protocol, .entry = image->entry, .tables = image->dtb};
	if (err < 0 || image->protocol == ARCH_BOOT_ARM64_IMAGE)
		return err;
	return load_with_acpi(m, image, dtb, boot);
}

int machine_load(struct machine *m, struct arch_boot *boot)
{
	struct kernel_image image;
	struct range ram[2];
	int err;

	vm_ram_pieces(m->config->machine.memory_bytes, ram);
	err = loaders[arch_layout.boot].load(&m->vm.gmem, ram[0], &m->boot.kernel, &image);
	if (err == 0 && m->boot.initrd.fd >= 0)
		err = initrd_load(&m->vm.gmem, ram[0], &m->boot.initrd, &image);
	return err < 0 ? err : load_tables(m, &image, boot);
}
