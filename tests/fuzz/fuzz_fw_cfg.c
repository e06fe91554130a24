/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fw_cfg under any access, with transfers whose descriptors are anywhere. Input: records of u8 kind, u32 a, u32 b, u64
 * c. The items themselves never change.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "fw_cfg_priv.h"
#include "log.h"
#include "vm.h"

#define BASE	    UINT64_C(0x09020000)
#define RAM	    UINT64_C(0x40000000)
#define RAM_SIZE    UINT64_C(0x10000)
#define RECORD	    17u
#define MAX_RECORDS 256u

static const char item[] = "a table that firmware reads";

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

static uint64_t take(const uint8_t *from, unsigned len)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < len; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

/* Addresses in and around RAM as well as anywhere. */
static uint64_t address(uint8_t kind, uint64_t value)
{
	return kind & 0x40 ? value : RAM - 0x100 + value % (RAM_SIZE + 0x200);
}

static void one(struct vm *vm, const uint8_t *rec)
{
	const uint32_t a = (uint32_t)take(rec + 1, 4), b = (uint32_t)take(rec + 5, 4);
	const uint64_t at = address(rec[0], take(rec + 9, 8));
	const uint8_t size = (uint8_t)(1u << (rec[0] >> 4 & 3));
	struct fw_cfg_dma dma = {htobe32(a), htobe32(b),
				 htobe64(address((uint8_t)(rec[0] << 1), take(rec + 9, 8) >> 9))};
	uint64_t value;

	switch (rec[0] & 3) {
	case 0:
		bus_read(&vm->bus, BASE + a % FW_CFG_SIZE, size, &value);
		break;
	case 1:
		bus_write(&vm->bus, BASE + a % FW_CFG_SIZE, size, take(rec + 9, 8));
		break;
	case 2:
		bus_write(&vm->bus, BASE + FW_CFG_REG_SELECTOR, 2, htobe16((uint16_t)(a % 0x30)));
		break;
	default:
		gmem_write(&vm->gmem, gpa(at), &dma, sizeof(dma));
		bus_write(&vm->bus, BASE + FW_CFG_REG_DMA, 8, htobe64(at));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vm vm;
	struct fw_cfg *cfg;

	log_set_sink(quiet, NULL);
	vm = (struct vm){.vm_fd = -1};
	bus_init(&vm.bus);
	gmem_init(&vm.gmem);
	must(gmem_add(&vm.gmem, gpa(RAM), RAM_SIZE, GMEM_PAGES_NORMAL) == 0);
	must(fw_cfg_create(&cfg, &vm, BASE, 1) == 0);
	must(fw_cfg_add_file(cfg, "etc/table", item, sizeof(item)) == 0);
	for (unsigned n = 0; size >= RECORD && n < MAX_RECORDS; n++, data += RECORD, size -= RECORD) {
		one(&vm, data);
		must(!cfg->selected || cfg->offset <= cfg->selected->len);
	}
	for (unsigned i = 0; i < cfg->nr_items; i++)
		if (cfg->items[i].key == FW_CFG_FILE_FIRST)
			must(cfg->items[i].len == sizeof(item) && memcmp(cfg->items[i].data, item, sizeof(item)) == 0);
	fw_cfg_device(cfg)->class->destroy(fw_cfg_device(cfg));
	gmem_fini(&vm.gmem);
	bus_fini(&vm.bus);
	return 0;
}
