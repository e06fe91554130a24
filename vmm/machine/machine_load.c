/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest finds in memory when it starts; the same again after each reset. */
#include <errno.h>
#include <inttypes.h>

#include "fdtw.h"
#include "log.h"
#include "machine_priv.h"

static int load_dtb(struct machine *m, const struct kernel_image *image)
{
	struct fdtw fdt;
	size_t len;
	int err = machine_describe(m, image->initrd, &fdt, &len);

	if (err == 0)
		err = gmem_write(&m->vm.gmem, image->dtb, fdt.buf, len);
	fdtw_free(&fdt);
	return err;
}

int machine_load(struct machine *m, struct arch_boot *boot)
{
	struct kernel_image image;
	struct range ram;

	range_make(&ram, arch_layout.ram_base, m->config->machine.memory_bytes);

	int err = kernel_image_load(&m->vm.gmem, ram, &m->boot.kernel, &image);

	if (err == 0 && m->boot.initrd.fd >= 0)
		err = initrd_load(&m->vm.gmem, ram, &m->boot.initrd, &image);
	if (err == 0)
		err = load_dtb(m, &image);
	if (err < 0)
		return err;
	*boot = (struct arch_boot){.entry = image.entry, .tables = image.dtb};
	return 0;
}
