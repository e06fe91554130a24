/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers between items and guest memory (specification, "Guest-side DMA interface"). */
#include <endian.h>
#include <inttypes.h>
#include <stddef.h>

#include "fw_cfg_priv.h"
#include "log.h"

/* Reads straight into guest memory. */
static bool read_item(struct fw_cfg *cfg, gpa_t to, uint32_t len)
{
	uint8_t *host;

	if (len == 0)
		return true;
	if (len > fw_cfg_left(cfg) && len - fw_cfg_left(cfg) > FW_CFG_PAST_END)
		return false;
	host = gmem_host(cfg->mem, to, len);
	return host && fw_cfg_read(cfg, host, len) == 0;
}

/* No item can be written. A transfer with neither bit only selects. */
static bool perform(struct fw_cfg *cfg, uint32_t control, uint32_t len, gpa_t address)
{
	if (control & FW_CFG_DMA_SELECT)
		fw_cfg_select(cfg, (uint16_t)field_get32(FW_CFG_DMA_KEY, control));
	if (control & FW_CFG_DMA_READ)
		return read_item(cfg, address, len);
	if (control & FW_CFG_DMA_WRITE)
		return false;
	if (control & FW_CFG_DMA_SKIP)
		fw_cfg_skip(cfg, len);
	return true;
}

void fw_cfg_transfer(struct fw_cfg *cfg, gpa_t addr)
{
	struct fw_cfg_dma dma;
	bool done;

	if (gmem_read(cfg->mem, addr, &dma, sizeof(dma)) < 0) {
		log_guest("fw_cfg: the transfer at 0x%" PRIx64 " is not in RAM; ignored", addr.v);
		return;
	}
	done = perform(cfg, be32toh(dma.control), be32toh(dma.length), gpa(be64toh(dma.address)));
	if (!done)
		log_guest("fw_cfg: a transfer of 0x%" PRIx32 " bytes at 0x%" PRIx64 " (control 0x%" PRIx32 ") fails",
			  be32toh(dma.length), (uint64_t)be64toh(dma.address), be32toh(dma.control));
	dma.control = htobe32(done ? 0 : FW_CFG_DMA_ERROR);
	/* Written last, the data may be where the request was. */
	gmem_write(cfg->mem, addr, &dma.control, sizeof(dma.control));
}
