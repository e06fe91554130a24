/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest finds in memory when it starts; the same again after each reset. */
#include <errno.h>
#include <inttypes.h>

#include "boot_linux.h"
#include "boot_pvh.h"
#include "efi_kernel.h"
#include "fdtw.h"
#include "log.h"
#include "machine_priv.h"
#include "pc_kernel.h"
#include "reset_port.h"

/* EDK2's ArmVirtQemu has its first stack here, from the start of RAM (PcdCPUCoresStackBase). */
#define FIRMWARE_DTB_MAX 0x7c000u

/* The ways to load a kernel, by what the machine boots. */
static const struct {
	int (*check)(const struct boot_file *file);
	int (*load)(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *out);
} loaders[] = {
	[ARCH_BOOT_ARM64_IMAGE] = {kernel_image_check, kernel_image_load},
	[ARCH_BOOT_PVH] = {pc_kernel_check, pc_kernel_load},
};

int machine_check_kernel(const struct machine *m)
{
	if (!m->config->boot.firmware)
		return loaders[arch_layout.boot].check(&m->boot.kernel);
	if (arch_layout.flash_code.last == 0)
		return log_fail(
			-ENOTSUP,
			"cannot start the firmware \"%s\": machine %s has no flash; leave out boot.firmware and "
			"give boot.kernel",
			m->config->boot.firmware, arch_layout.machine);
	return m->boot.kernel.fd < 0 ? 0 : efi_kernel_check(&m->boot.kernel);
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

/* A PC's ACPI tables have no word for an SMMUv3 (IORT is Arm's). Linux would not see it, and what is behind would pass
 * untranslated, which is not what its owner wants. Payloads find it in the device tree. */
static int check_linux_iommus(const struct machine *m)
{
	for (unsigned i = 0; i < m->config->iommus_count; i++)
		if (m->config->iommus[i].type == IOMMU_TYPE_SMMUV3)
			return log_fail(
				-ENOTSUP,
				"iommu \"%s\": Linux does not find an SMMUv3 in machine %s; use type virtio-iommu",
				m->config->iommus[i].id, arch_layout.machine);
	return 0;
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
	int err = image->protocol == ARCH_BOOT_LINUX64 ? check_linux_iommus(m) : 0;

	if (err < 0)
		return err;
	err = machine_acpi(m, &acpi);
	if (err == 0)
		err = boot_low_acpi(mem, &acpi, &info.rsdp);
	acpi_blobs_free(&acpi);
	if (err == 0)
		err = boot_low_bios(mem, arch_layout.reset_port, RESET_PORT_COMMAND);
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

/* Firmware runs from flash and finds the device tree at the start of RAM, where its stack is close. */
static int load_firmware(struct machine *m, struct arch_boot *boot)
{
	const struct kernel_image image = {
		.entry = gpa(arch_layout.flash_code.first),
		.dtb = gpa(arch_layout.ram_base),
	};
	struct range dtb = {0};
	int err = load_dtb(m, &image, &dtb);

	if (err < 0)
		return err;
	if (range_len(dtb) > FIRMWARE_DTB_MAX)
		return log_fail(-E2BIG,
				"the machine's device tree has %" PRIu64
				" bytes, firmware has room for %u; configure fewer devices",
				range_len(dtb), FIRMWARE_DTB_MAX);
	*boot = (struct arch_boot){.protocol = arch_layout.boot, .entry = image.entry, .tables = image.dtb};
	return 0;
}

int machine_load(struct machine *m, struct arch_boot *boot)
{
	struct kernel_image image;
	struct range ram[2];
	int err;

	if (m->config->boot.firmware)
		return load_firmware(m, boot);
	vm_ram_pieces(m->config->machine.memory_bytes, ram);
	err = loaders[arch_layout.boot].load(&m->vm.gmem, ram[0], &m->boot.kernel, &image);
	if (err == 0 && m->boot.initrd.fd >= 0)
		err = initrd_load(&m->vm.gmem, ram[0], &m->boot.initrd, &image);
	return err < 0 ? err : load_tables(m, &image, boot);
}
