/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the fw_cfg device. */
#ifndef AERIE_FW_CFG_PRIV_H
#define AERIE_FW_CFG_PRIV_H

#include "bus.h"
#include "device.h"
#include "fw_cfg.h"
#include "fw_cfg_regs.h"
#include "gmem.h"

#define FW_CFG_MAX_ITEMS 32u
#define FW_CFG_MAX_FILES 16u

/* A read may go on behind the end of an item, where there are zeroes; this far in one transfer, so that no request
 * keeps the device lock for long. */
#define FW_CFG_PAST_END (64u << 10)

struct fw_cfg_item {
	uint16_t key;
	uint8_t *data; /* owned; NULL: the bytes are in fd */
	int fd;	       /* borrowed; -1: none */
	uint32_t len;
};

/* Guarded by the device lock. */
struct fw_cfg {
	struct device dev;
	struct bus *bus;
	const struct gmem *mem;
	struct bus_window window;
	uint64_t base;

	struct fw_cfg_item items[FW_CFG_MAX_ITEMS];
	unsigned nr_items;
	struct fw_cfg_file files[FW_CFG_MAX_FILES]; /* as the guest reads them */
	unsigned nr_files;

	/* What the guest has selected (NULL: nothing that exists) and how far it has read. */
	const struct fw_cfg_item *selected;
	uint32_t offset;
	uint32_t dma_high; /* first half of the address of a transfer */
};

void fw_cfg_select(struct fw_cfg *cfg, uint16_t key);

/** Copies @len bytes of the selected item from where the guest is to @to, zeroes behind its end, and moves on. 0, or
 *  -errno when a file cannot be read (logged). */
int fw_cfg_read(struct fw_cfg *cfg, uint8_t *to, uint32_t len);

/** Moves on by @len bytes, at most to the end of the item. */
void fw_cfg_skip(struct fw_cfg *cfg, uint32_t len);

/** Bytes of the selected item that are left. */
uint32_t fw_cfg_left(const struct fw_cfg *cfg);

/** Performs the transfer that the struct fw_cfg_dma at @addr asks for, and writes its outcome there. */
void fw_cfg_transfer(struct fw_cfg *cfg, gpa_t addr);

#endif
