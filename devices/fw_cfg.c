/* SPDX-License-Identifier: Apache-2.0 */
#include "fw_cfg.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fdtw.h"
#include "fw_cfg_priv.h"
#include "log.h"
#include "sys.h"
#include "vm.h"

/* --- items --- */

static struct fw_cfg_item *find(struct fw_cfg *cfg, uint16_t key)
{
	for (unsigned i = 0; i < cfg->nr_items; i++)
		if (cfg->items[i].key == key)
			return &cfg->items[i];
	return NULL;
}

static int add(struct fw_cfg *cfg, const struct fw_cfg_item *item)
{
	if (find(cfg, item->key))
		return log_fail(-EEXIST, "fw_cfg: there are two items with the key 0x%x", item->key);
	if (cfg->nr_items == FW_CFG_MAX_ITEMS)
		return log_fail(-ENOSPC, "fw_cfg: more than %u items", FW_CFG_MAX_ITEMS);
	cfg->items[cfg->nr_items++] = *item;
	return 0;
}

int fw_cfg_add(struct fw_cfg *cfg, uint16_t key, const void *data, size_t len)
{
	struct fw_cfg_item item = {.key = key, .data = malloc(len ? len : 1), .fd = -1, .len = (uint32_t)len};
	int err;

	if (!item.data || len > UINT32_MAX) {
		free(item.data);
		return log_fail(-ENOMEM, "fw_cfg: no memory for an item of %zu bytes", len);
	}
	if (len)
		memcpy(item.data, data, len);
	err = add(cfg, &item);
	if (err < 0)
		free(item.data);
	return err;
}

int fw_cfg_add_fd(struct fw_cfg *cfg, uint16_t key, int fd, uint32_t len)
{
	return add(cfg, &(struct fw_cfg_item){.key = key, .fd = fd, .len = len});
}

/* The directory item is made anew with each file. */
static int update_directory(struct fw_cfg *cfg)
{
	size_t len = sizeof(uint32_t) + cfg->nr_files * sizeof(cfg->files[0]);
	struct fw_cfg_item *dir = find(cfg, FW_CFG_FILE_DIR);
	const uint32_t count = htobe32(cfg->nr_files);
	uint8_t *data = malloc(len);

	if (!data)
		return log_fail(-ENOMEM, "fw_cfg: no memory for the directory");
	memcpy(data, &count, sizeof(count));
	memcpy(data + sizeof(count), cfg->files, len - sizeof(count));
	if (!dir) {
		int err = add(cfg, &(struct fw_cfg_item){
					   .key = FW_CFG_FILE_DIR, .data = data, .fd = -1, .len = (uint32_t)len});

		if (err < 0)
			free(data);
		return err;
	}
	free(dir->data);
	dir->data = data;
	dir->len = (uint32_t)len;
	return 0;
}

int fw_cfg_add_file(struct fw_cfg *cfg, const char *name, const void *data, size_t len)
{
	uint16_t key = (uint16_t)(FW_CFG_FILE_FIRST + cfg->nr_files);
	struct fw_cfg_file *file = &cfg->files[cfg->nr_files];
	int err;

	if (cfg->nr_files == FW_CFG_MAX_FILES || strlen(name) >= FW_CFG_FILE_NAME)
		return log_fail(-ENOSPC, "fw_cfg: no room for the file \"%s\"", name);
	err = fw_cfg_add(cfg, key, data, len);
	if (err < 0)
		return err;
	*file = (struct fw_cfg_file){.size = htobe32((uint32_t)len), .key = htobe16(key)};
	strcpy(file->name, name);
	cfg->nr_files++;
	return update_directory(cfg);
}

/* --- what the guest reads --- */

void fw_cfg_select(struct fw_cfg *cfg, uint16_t key)
{
	cfg->selected = find(cfg, key);
	cfg->offset = 0;
}

uint32_t fw_cfg_left(const struct fw_cfg *cfg)
{
	return cfg->selected ? cfg->selected->len - cfg->offset : 0;
}

void fw_cfg_skip(struct fw_cfg *cfg, uint32_t len)
{
	cfg->offset += len < fw_cfg_left(cfg) ? len : fw_cfg_left(cfg);
}

/* A file that has become shorter meanwhile cannot be read whole. */
static int read_fd(const struct fw_cfg_item *item, uint8_t *to, uint32_t offset, uint32_t len)
{
	while (len > 0) {
		ssize_t n = sys_pread(item->fd, to, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return log_fail(n < 0 ? -errno : -EIO, "cannot read a boot file for the guest's firmware: %s",
					n < 0 ? strerror(errno) : "it has become shorter");
		to += n;
		offset += (uint32_t)n;
		len -= (uint32_t)n;
	}
	return 0;
}

int fw_cfg_read(struct fw_cfg *cfg, uint8_t *to, uint32_t len)
{
	uint32_t n = len < fw_cfg_left(cfg) ? len : fw_cfg_left(cfg);
	int err = 0;

	if (n > 0 && cfg->selected->data)
		memcpy(to, cfg->selected->data + cfg->offset, n);
	else if (n > 0)
		err = read_fd(cfg->selected, to, cfg->offset, n);
	memset(to + n, 0, len - n);
	cfg->offset += n;
	return err;
}

/* --- registers --- */

/* The data register gives as many bytes as are asked for, in the order of memory. A file that cannot be read reads as
 * what came until then; the DMA interface can tell. */
static enum bus_verdict access_data(struct fw_cfg *cfg, struct bus_access *access)
{
	uint8_t bytes[8] = {0};

	if (access->is_write)
		return BUS_HANDLED; /* writable items are a thing of the past */
	fw_cfg_read(cfg, bytes, access->size);
	access->value = 0;
	for (unsigned i = 0; i < access->size; i++)
		access->value |= (uint64_t)bytes[i] << (8 * i);
	return BUS_HANDLED;
}

static enum bus_verdict access_dma(struct fw_cfg *cfg, struct bus_access *access, uint64_t offset)
{
	if (!access->is_write) {
		uint64_t value = htobe64(FW_CFG_DMA_SIGNATURE) >> (offset * 8);

		access->value = access->size == 8 ? value : value & (BIT64(access->size * 8) - 1);
		return BUS_HANDLED;
	}
	if (access->size < 4)
		return BUS_BAD;
	if (access->size == 8) {
		cfg->dma_high = 0;
		fw_cfg_transfer(cfg, gpa(be64toh(access->value)));
		return BUS_HANDLED;
	}
	uint32_t half = be32toh((uint32_t)access->value);

	if (offset == 0) {
		cfg->dma_high = half;
		return BUS_HANDLED;
	}
	gpa_t addr = gpa((uint64_t)cfg->dma_high << 32 | half);

	cfg->dma_high = 0;
	fw_cfg_transfer(cfg, addr);
	return BUS_HANDLED;
}

/* No register table: the data register is a stream, and half of the DMA register acts by itself. */
static enum bus_verdict fw_cfg_access(struct bus_window *window, struct bus_access *access)
{
	struct fw_cfg *cfg = container_of(window, struct fw_cfg, window);

	if (access->offset % access->size)
		return BUS_BAD;
	if (access->offset < FW_CFG_REG_SELECTOR)
		return access_data(cfg, access);
	if (access->offset >= FW_CFG_REG_DMA)
		return access_dma(cfg, access, access->offset - FW_CFG_REG_DMA);
	if (access->offset != FW_CFG_REG_SELECTOR || access->size != 2)
		return BUS_BAD;
	if (access->is_write)
		fw_cfg_select(cfg, be16toh((uint16_t)access->value));
	else
		access->value = 0;
	return BUS_HANDLED;
}

/* --- the device --- */

static int fw_cfg_reset(struct device *dev)
{
	struct fw_cfg *cfg = container_of(dev, struct fw_cfg, dev);

	bus_lock(cfg->bus);
	fw_cfg_select(cfg, FW_CFG_SIGNATURE);
	cfg->dma_high = 0;
	bus_unlock(cfg->bus);
	return 0;
}

static void fw_cfg_describe(struct device *dev, struct fdtw *fdt)
{
	const struct fw_cfg *cfg = container_of(dev, struct fw_cfg, dev);

	fdtw_begin(fdt, "fw-cfg@%" PRIx64, cfg->base);
	fdtw_string(fdt, "compatible", "qemu,fw-cfg-mmio");
	fdtw_reg(fdt, cfg->base, FW_CFG_SIZE);
	fdtw_empty(fdt, "dma-coherent");
	fdtw_end(fdt);
}

static void fw_cfg_destroy(struct device *dev)
{
	struct fw_cfg *cfg = container_of(dev, struct fw_cfg, dev);

	bus_lock(cfg->bus);
	bus_remove(cfg->bus, &cfg->window);
	bus_unlock(cfg->bus);
	for (unsigned i = 0; i < cfg->nr_items; i++)
		free(cfg->items[i].data);
	free(cfg);
}

static const struct device_class fw_cfg_class = {
	.name = "fw-cfg",
	.reset = fw_cfg_reset,
	.describe = fw_cfg_describe,
	.destroy = fw_cfg_destroy,
};

static int add_common(struct fw_cfg *cfg, uint16_t cpus)
{
	const uint32_t id = htole32(FW_CFG_ID_TRADITIONAL | FW_CFG_ID_DMA);
	const uint64_t ram = htole64(gmem_size(cfg->mem));
	const uint16_t count = htole16(cpus);
	int err = fw_cfg_add(cfg, FW_CFG_SIGNATURE, "QEMU", 4);

	if (err == 0)
		err = fw_cfg_add(cfg, FW_CFG_ID, &id, sizeof(id));
	if (err == 0)
		err = fw_cfg_add(cfg, FW_CFG_RAM_SIZE, &ram, sizeof(ram));
	if (err == 0)
		err = fw_cfg_add(cfg, FW_CFG_NB_CPUS, &count, sizeof(count));
	if (err == 0)
		err = fw_cfg_add(cfg, FW_CFG_MAX_CPUS, &count, sizeof(count));
	return err < 0 ? err : update_directory(cfg);
}

int fw_cfg_create(struct fw_cfg **out, struct vm *vm, uint64_t base, uint16_t cpus)
{
	struct fw_cfg *cfg = calloc(1, sizeof(*cfg));
	int err;

	if (!cfg)
		return log_fail(-ENOMEM, "out of memory for the firmware configuration device");
	*cfg = (struct fw_cfg){
		.dev = {.class = &fw_cfg_class, .id = "fw-cfg"},
		.bus = &vm->bus,
		.mem = &vm->gmem,
		.base = base,
		.window = {.handler = fw_cfg_access, .name = "fw-cfg"},
	};
	err = add_common(cfg, cpus);
	if (err == 0) {
		bus_lock(cfg->bus);
		err = bus_add(cfg->bus, &cfg->window, base, FW_CFG_SIZE);
		bus_unlock(cfg->bus);
		if (err < 0)
			log_error("cannot place the firmware configuration device at 0x%" PRIx64 ": %s", base,
				  strerror(-err));
	}
	if (err < 0) {
		fw_cfg_destroy(&cfg->dev);
		return err;
	}
	fw_cfg_select(cfg, FW_CFG_SIGNATURE);
	*out = cfg;
	return 0;
}

struct device *fw_cfg_device(struct fw_cfg *cfg)
{
	return &cfg->dev;
}
