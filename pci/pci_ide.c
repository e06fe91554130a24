/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_ide.h"

#include <errno.h>

#include "log.h"
#include "pci_bridge.h"
#include "pci_function.h"
#include "wire.h"

#define IDE_CAP_VERSION 1u

_Static_assert(PCI_IDE_MAX_DWORDS * 4 >=
		       IDE_LINK_FIRST + IDE_LINK_BLOCK + PCI_IDE_MAX_SELECTIVE * (IDE_SEL_BLOCK + 3 * IDE_ADDR_BLOCK),
	       "the largest capability");

/* Where a stream's registers are. */
struct block {
	uint16_t ctl, status;
	bool selective;
};

static unsigned nr_blocks(const struct pci_ide_config *config)
{
	return (config->link ? 1 : 0) + config->selective;
}

static uint32_t selective_size(const struct pci_ide_config *config)
{
	return IDE_SEL_BLOCK + config->addresses * IDE_ADDR_BLOCK;
}

uint32_t pci_ide_size(const struct pci_ide_config *config)
{
	return IDE_LINK_FIRST + (config->link ? IDE_LINK_BLOCK : 0) + config->selective * selective_size(config);
}

/* Offset of selective block @n. */
static uint16_t selective_at(const struct pci_ide_config *config, unsigned n)
{
	return (uint16_t)(config->offset + IDE_LINK_FIRST + (config->link ? IDE_LINK_BLOCK : 0) +
			  n * selective_size(config));
}

static struct block block_at(const struct pci_ide_config *config, unsigned index)
{
	uint16_t at = (uint16_t)(config->offset + IDE_LINK_FIRST);

	if (config->link && index == 0)
		return (struct block){(uint16_t)(at + IDE_LINK_CTL), (uint16_t)(at + IDE_LINK_STATUS), false};
	at = selective_at(config, index - (config->link ? 1 : 0));
	return (struct block){(uint16_t)(at + IDE_SEL_CTL), (uint16_t)(at + IDE_SEL_STATUS), true};
}

static uint32_t control_of(const struct pci_ide *ide, unsigned index)
{
	return pci_cfg_get(&ide->fn->cfg, block_at(&ide->config, index).ctl, 4);
}

static uint8_t stream_of(uint32_t control)
{
	return (uint8_t)field_get32(IDE_STREAM_ID, control);
}

/*
 * The keys of a root port come from the platform, not through a mailbox. Here aerie is the platform: the port has those
 * of the stream with the same id of a function below it, as soon as that has them.
 */
static bool has_keys(const struct pci_ide *ide, uint8_t stream)
{
	const struct pci_bridge *port = pci_bridge_of(ide->fn);

	for (unsigned i = 0; port && i < ARRAY_LEN(port->children); i++)
		if (port->children[i] && port->children[i]->ide &&
		    ide_km_secure(&port->children[i]->ide->km, stream, NULL))
			return true;
	return ide_km_secure(&ide->km, stream, NULL);
}

/* Brings the status registers in line with enables and keys, and tells who wants to know. */
static void update(struct pci_ide *ide)
{
	for (unsigned i = 0; i < nr_blocks(&ide->config); i++) {
		struct block block = block_at(&ide->config, i);
		uint32_t control = control_of(ide, i);
		uint32_t status = pci_cfg_get(&ide->fn->cfg, block.status, 4) & ~IDE_STREAM_STATE;
		bool was = ide->secure[i];
		bool now = (control & IDE_STREAM_ENABLE) && has_keys(ide, stream_of(control));

		ide->secure[i] = now;
		pci_cfg_set(&ide->fn->cfg, block.status, 4, status | (now ? IDE_STATE_SECURE : IDE_STATE_INSECURE));
		if (was && !now && ide->config.insecure)
			ide->config.insecure(ide->config.opaque, stream_of(control));
	}
}

/* 6.33.4: the registers of a stream that is enabled stay; clearing Enable ends the stream and its keys. */
static void control_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	struct pci_ide *ide = fn->ide;
	bool was = old & IDE_STREAM_ENABLE;

	if (was && (now & IDE_STREAM_ENABLE)) {
		pci_cfg_set(&fn->cfg, offset, 4, old);
	} else if (was) {
		/* What is lost is lost under its old id. */
		pci_cfg_set(&fn->cfg, offset, 4, old & ~IDE_STREAM_ENABLE);
		ide_km_drop_stream(&ide->km, stream_of(old));
		update(ide);
		pci_cfg_set(&fn->cfg, offset, 4, now);
	}
	update(ide);
}

static bool has_stream(void *opaque, uint8_t stream)
{
	const struct pci_ide *ide = opaque;

	for (unsigned i = 0; i < nr_blocks(&ide->config); i++)
		if (stream_of(control_of(ide, i)) == stream)
			return true;
	return false;
}

static int registers(void *opaque, uint8_t *buf, size_t cap)
{
	const struct pci_ide *ide = opaque;
	struct wire_out out = wire_out(buf, cap);

	for (uint32_t at = IDE_CAP; at < pci_ide_size(&ide->config); at += 4)
		wire_put_u32(&out, pci_cfg_get(&ide->fn->cfg, (uint16_t)(ide->config.offset + at), 4));
	return out.bad ? -EMSGSIZE : (int)out.len;
}

static int key_changed(void *opaque, uint8_t stream, unsigned key_set, unsigned number, const struct ide_key *key)
{
	return 0;
}

static void keys_changed(void *opaque, uint8_t stream, bool secure)
{
	struct pci_ide *ide = opaque;

	update(ide);
	if (ide->fn->parent && ide->fn->parent->fn.ide)
		update(ide->fn->parent->fn.ide);
}

static const struct ide_km_ops km_ops = {
	.has_stream = has_stream,
	.registers = registers,
	.key = key_changed,
	.secure = keys_changed,
};

static void add_selective(struct pci_cfg *cfg, const struct pci_ide_config *config, unsigned n)
{
	uint16_t at = selective_at(config, n);

	pci_cfg_emulate(cfg, (uint16_t)(at + IDE_SEL_CAP), field_prep32(IDE_SEL_CAP_NR_ADDR, config->addresses), 0, 0,
			NULL);
	pci_cfg_emulate(cfg, (uint16_t)(at + IDE_SEL_CTL), 0, IDE_SEL_CTL_WRITE, 0, control_written);
	pci_cfg_emulate(cfg, (uint16_t)(at + IDE_SEL_STATUS), 0, 0, IDE_STATUS_CHECK, NULL);
	pci_cfg_emulate(cfg, (uint16_t)(at + IDE_SEL_RID1), 0, IDE_SEL_RID1_LIMIT, 0, NULL);
	pci_cfg_emulate(cfg, (uint16_t)(at + IDE_SEL_RID2), 0, IDE_SEL_RID2_WRITE, 0, NULL);
	for (unsigned i = 0; i < config->addresses; i++) {
		uint16_t addr = (uint16_t)(at + IDE_SEL_BLOCK + i * IDE_ADDR_BLOCK);

		pci_cfg_emulate(cfg, addr, 0, IDE_ADDR1_WRITE, 0, NULL);
		pci_cfg_emulate(cfg, (uint16_t)(addr + 4), 0, UINT32_MAX, 0, NULL);
		pci_cfg_emulate(cfg, (uint16_t)(addr + 8), 0, UINT32_MAX, 0, NULL);
	}
}

int pci_ide_add(struct pci_ide *ide, struct pci_function *fn, const struct pci_ide_config *config)
{
	struct pci_cfg *cfg = &fn->cfg;
	uint16_t link = (uint16_t)(config->offset + IDE_LINK_FIRST);
	uint32_t cap = IDE_CAP_KM | IDE_CAP_TEE_LIMITED;

	*ide = (struct pci_ide){.fn = fn, .config = *config};
	if (config->selective > PCI_IDE_MAX_SELECTIVE || config->addresses > 3 || nr_blocks(config) == 0 ||
	    !pci_cfg_unclaimed(cfg, config->offset, pci_ide_size(config)) ||
	    pci_cfg_add_ext_cap(cfg, IDE_CAP_ID, IDE_CAP_VERSION, config->offset) != 0)
		return log_fail(-EINVAL, "%s: no IDE capability of that kind at 0x%03x; this is a bug of aerie",
				fn->name, config->offset);
	if (config->link)
		cap |= IDE_CAP_LINK;
	if (config->selective)
		cap |= IDE_CAP_SELECTIVE | field_prep32(IDE_CAP_NR_SELECTIVE, config->selective - 1);
	pci_cfg_emulate(cfg, (uint16_t)(config->offset + IDE_CAP), cap, 0, 0, NULL);
	pci_cfg_emulate(cfg, (uint16_t)(config->offset + IDE_CTL), 0, 0, 0, NULL);
	if (config->link) {
		pci_cfg_emulate(cfg, (uint16_t)(link + IDE_LINK_CTL), 0, IDE_LINK_CTL_WRITE, 0, control_written);
		pci_cfg_emulate(cfg, (uint16_t)(link + IDE_LINK_STATUS), 0, 0, IDE_STATUS_CHECK, NULL);
	}
	for (unsigned n = 0; n < config->selective; n++)
		add_selective(cfg, config, n);
	ide_km_responder_init(&ide->km, &km_ops, ide);
	fn->ide = ide;
	return 0;
}

int pci_ide_respond(struct pci_ide *ide, uint32_t session, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	ide->km.rid = pci_function_rid(ide->fn);
	return ide_km_respond(&ide->km, session, req, len, rsp, cap);
}

bool pci_ide_selective_secure(const struct pci_ide *ide, uint8_t stream, uint32_t session)
{
	uint32_t owner;

	if (!ide_km_secure(&ide->km, stream, &owner) || owner != session)
		return false;
	for (unsigned i = 0; i < nr_blocks(&ide->config); i++)
		if (ide->secure[i] && block_at(&ide->config, i).selective && stream_of(control_of(ide, i)) == stream)
			return true;
	return false;
}

void pci_ide_session_ended(struct pci_ide *ide, uint32_t session)
{
	ide_km_session_ended(&ide->km, session);
}

void pci_ide_fail_stream(struct pci_ide *ide, uint8_t stream)
{
	struct pci_cfg *cfg = &ide->fn->cfg;

	for (unsigned i = 0; i < nr_blocks(&ide->config); i++) {
		uint16_t status = block_at(&ide->config, i).status;

		if (ide->secure[i] && stream_of(control_of(ide, i)) == stream)
			pci_cfg_set(cfg, status, 4, pci_cfg_get(cfg, status, 4) | IDE_STATUS_CHECK);
	}
	ide_km_drop_stream(&ide->km, stream);
}

/* 6.6.2: registers of IDE are not affected by a function level reset. What the reset puts back is what is there now. */
void pci_ide_before_reset(struct pci_ide *ide, enum pci_reset kind)
{
	struct pci_cfg_dword *d = &ide->fn->cfg.dwords[ide->config.offset / 4];

	if (kind == PCI_RESET_CONVENTIONAL) {
		ide_km_responder_reset(&ide->km);
		return;
	}
	for (uint32_t i = 1; i < pci_ide_size(&ide->config) / 4; i++)
		ide->kept[i] = d[i].value;
}

void pci_ide_after_reset(struct pci_ide *ide, enum pci_reset kind)
{
	struct pci_cfg_dword *d = &ide->fn->cfg.dwords[ide->config.offset / 4];

	for (uint32_t i = 1; kind == PCI_RESET_FUNCTION && i < pci_ide_size(&ide->config) / 4; i++)
		d[i].value = ide->kept[i];
	update(ide);
}
