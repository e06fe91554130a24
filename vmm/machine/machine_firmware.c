/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine that boots through firmware has beside the others: the flash, and fw_cfg with what firmware asks for.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_loader.h"
#include "flash.h"
#include "fw_cfg.h"
#include "fw_cfg_regs.h"
#include "log.h"
#include "machine_priv.h"

static int build_flash(struct machine *m)
{
	struct device *dev;
	int err = flash_create(&dev, &m->vm,
			       &(struct flash_config){
				       .code_range = arch_layout.flash_code,
				       .vars_range = arch_layout.flash_vars,
				       .firmware = m->config->boot.firmware,
				       .vars = m->config->boot.vars,
			       });

	return err < 0 ? err : machine_add_device(m, dev);
}

/* A file of the host as a pair of items: its size and its bytes. */
static int add_boot_file(struct fw_cfg *cfg, uint16_t size_key, uint16_t data_key, const struct boot_file *file)
{
	const uint32_t size = htole32((uint32_t)file->size);
	int err;

	if (file->fd < 0)
		return 0;
	if (file->size > UINT32_MAX)
		return log_fail(-EFBIG, "cannot hand \"%s\" to the firmware: it is larger than 4 GiB", file->path);
	err = fw_cfg_add(cfg, size_key, &size, sizeof(size));
	return err < 0 ? err : fw_cfg_add_fd(cfg, data_key, file->fd, (uint32_t)file->size);
}

/* A kernel that is given beside the firmware: the firmware loads it instead of what is on the disks. */
static int add_kernel(struct fw_cfg *cfg, const struct machine *m)
{
	const char *cmdline = m->config->boot.cmdline;
	const uint32_t len = htole32((uint32_t)strlen(cmdline) + 1);
	int err = add_boot_file(cfg, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, &m->boot.kernel);

	if (err == 0)
		err = add_boot_file(cfg, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, &m->boot.initrd);
	if (err == 0)
		err = fw_cfg_add(cfg, FW_CFG_CMDLINE_SIZE, &len, sizeof(len));
	return err < 0 ? err : fw_cfg_add(cfg, FW_CFG_CMDLINE_DATA, cmdline, strlen(cmdline) + 1);
}

int machine_build_firmware(struct machine *m)
{
	int err;

	if (!m->config->boot.firmware)
		return 0;
	err = build_flash(m);
	if (err == 0)
		err = fw_cfg_create(&m->fw_cfg, &m->vm, arch_layout.fw_cfg_base, (uint16_t)m->vm.nr_vcpus);
	if (err == 0)
		err = machine_add_device(m, fw_cfg_device(m->fw_cfg));
	return err == 0 && m->boot.kernel.fd >= 0 ? add_kernel(m->fw_cfg, m) : err;
}

static int add_tables(struct fw_cfg *cfg, const struct acpi_blobs *blobs)
{
	size_t len = 0;
	uint8_t *script = acpi_loader_script(blobs, &len);
	int err = script ? fw_cfg_add_file(cfg, ACPI_LOADER_TABLES, blobs->tables, blobs->tables_len) : -ENOMEM;

	if (err == 0)
		err = fw_cfg_add_file(cfg, ACPI_LOADER_RSDP, blobs->rsdp, sizeof(blobs->rsdp));
	if (err == 0)
		err = fw_cfg_add_file(cfg, ACPI_LOADER_SCRIPT, script, len);
	free(script);
	return err;
}

int machine_finish_firmware(struct machine *m)
{
	struct acpi_blobs blobs;
	int err;

	if (!m->fw_cfg)
		return 0;
	err = machine_acpi(m, &blobs);
	if (err < 0)
		return err;
	err = add_tables(m->fw_cfg, &blobs);
	acpi_blobs_free(&blobs);
	return err;
}
