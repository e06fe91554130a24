/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest finds in memory when it starts; the same again after each reset. */
#include <errno.h>
#include <inttypes.h>

#include "boot_pvh.h"
#include "elf_kernel.h"
#include "fdtw.h"
#include "log.h"
#include "machine_priv.h"

/* The ways to load a kernel, by enum arch_boot_protocol. */
static const struct {
	int (*check)(const struct boot_file *file);
	int (*load)(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *out);
} loaders[] = {
	[ARCH_BOOT_ARM64_IMAGE] = {kernel_image_check, kernel_image_load},
	[ARCH_BOOT_PVH] = {elf_kernel_check, elf_kernel_load},
};

int machine_check_kernel(const struct boot_file *kernel)
{
	return loaders[arch_layout.boot].check(kernel);
}

static int load_dtb(struct machine *m, const struct kernel_image *image, size_t *len)
{
	struct fdtw fdt;
	int err = machine_describe(m, image->initrd, &fdt, len);

	if (err == 0)
		err = gmem_write(&m->vm.gmem, image->dtb, fdt.buf, *len);
	fdtw_free(&fdt);
	return err;
}

/* The tables that the boot vCPU is told of. */
static int load_tables(struct machine *m, const struct kernel_image *image, struct arch_boot *boot)
{
	size_t len;
	int err = load_dtb(m, image, &len);

	*boot = (struct arch_boot){.entry = image->entry, .tables = image->dtb};
	if (err < 0 || arch_layout.boot != ARCH_BOOT_PVH)
		return err;
	return boot_pvh_write(&m->vm.gmem,
			      &(struct boot_pvh){
				      .cmdline = m->config->boot.cmdline,
				      .initrd = image->initrd,
				      .dtb = {.first = image->dtb.v, .last = image->dtb.v + len - 1},
			      },
			      &boot->tables);
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
