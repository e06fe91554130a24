/* SPDX-License-Identifier: Apache-2.0 */
/* What locking, running and stopping mean for an emulated endpoint, and the report on its BARs (PCIe 6.1, 11.3). */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/random.h>

#include "bits.h"
#include "tdi_priv.h"

#define PAGE	      (UINT64_C(1) << TDISP_PAGE_SHIFT)
#define LOCK_FLAGS    (TDISP_LOCK_NO_FW_UPDATE | TDISP_LOCK_MSIX | TDISP_LOCK_BIND_P2P)
#define ADDRESS_WIDTH 64u
#define MAX_EXT_CAPS  960u

const struct tdisp_responder_config tdi_device_config = {
	.lock_flags = LOCK_FLAGS,
	.addr_width = ADDRESS_WIDTH,
	.req_this = 1,
	.req_all = 1,
};

uint16_t tdi_find_ext_cap(const struct pci_function *fn, uint16_t id)
{
	uint32_t offset = PCI_CFG_SPACE_SIZE;

	for (unsigned i = 0; offset >= PCI_CFG_SPACE_SIZE && i < MAX_EXT_CAPS; i++) {
		uint32_t header = pci_cfg_get(&fn->cfg, (uint16_t)offset, 4);

		if (PCI_EXT_CAP_ID(header) == id)
			return (uint16_t)offset;
		offset = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

/* The pages [first, end) of a BAR. */
struct pages {
	uint64_t first, end;
};

static bool has_page(struct pages p, uint64_t page)
{
	return page >= p.first && page < p.end;
}

static struct pages pages_of(uint64_t offset, uint64_t len)
{
	return (struct pages){offset >> TDISP_PAGE_SHIFT, (offset + len + PAGE - 1) >> TDISP_PAGE_SHIFT};
}

/* Pages of BAR @bar that hold the MSI-X table and the PBA; empty when they are elsewhere. */
static void msix_pages(const struct pci_function *fn, unsigned bar, struct pages *table, struct pages *pba)
{
	const struct pci_irq *irq = &fn->irq;

	*table = *pba = (struct pages){0, 0};
	if (irq->msix_cap == 0)
		return;
	if (irq->table_bar == bar)
		*table = pages_of(irq->table_offset, irq->msix_vectors * 16u);
	if (irq->pba_bar == bar)
		*pba = pages_of(irq->pba_offset, (irq->msix_vectors + 63u) / 64 * 8);
}

/* The next page behind @page at which the kind of memory changes. */
static uint64_t next_cut(uint64_t page, uint64_t end, struct pages table, struct pages pba)
{
	uint64_t cuts[] = {table.first, table.end, pba.first, pba.end};

	for (unsigned i = 0; i < ARRAY_LEN(cuts); i++)
		if (cuts[i] > page && cuts[i] < end)
			end = cuts[i];
	return end;
}

/* 11.3.11: the table and the array are part of the TEE's memory when they are locked, else they are not. */
static uint16_t attributes_of(uint64_t page, struct pages table, struct pages pba, bool msix_locked)
{
	uint16_t kind = (uint16_t)((has_page(table, page) ? TDISP_RANGE_MSIX_TABLE : 0) |
				   (has_page(pba, page) ? TDISP_RANGE_PBA : 0));

	if (kind == 0)
		return TDISP_RANGE_UPDATABLE;
	return msix_locked ? kind : TDISP_RANGE_NON_TEE;
}

static void report_bar(struct pci_tdi *tdi, unsigned bar, const struct tdisp_lock *lock)
{
	const struct pci_function *fn = &tdi->ep->fn;
	struct tdisp_report *report = &tdi->report;
	uint64_t addr = pci_bar_programmed(fn, bar) + lock->mmio_offset;
	uint64_t end = fn->bars[bar].size >> TDISP_PAGE_SHIFT, page = 0;
	struct pages table, pba;

	tdi->base_page[bar] = addr >> TDISP_PAGE_SHIFT;
	msix_pages(fn, bar, &table, &pba);
	while (page < end && report->nr_ranges < TDISP_MAX_RANGES) {
		uint64_t next = next_cut(page, end, table, pba);

		report->ranges[report->nr_ranges++] = (struct tdisp_range){
			.first_page = (addr >> TDISP_PAGE_SHIFT) + page,
			.pages = (uint32_t)(next - page),
			.attributes = attributes_of(page, table, pba, lock->flags & TDISP_LOCK_MSIX),
			.id = (uint16_t)bar,
		};
		page = next;
	}
}

static bool enabled(const struct pci_function *fn, uint16_t id, unsigned reg, uint16_t bit)
{
	uint16_t cap = tdi_find_ext_cap(fn, id);

	return cap && (pci_cfg_get(&fn->cfg, (uint16_t)(cap + reg), 2) & bit);
}

static uint16_t interface_info(const struct pci_function *fn, const struct tdisp_lock *lock)
{
	bool pasid = enabled(fn, PCI_EXT_CAP_ID_PASID, PCI_PASID_CTRL, PCI_PASID_CTRL_ENABLE);

	return (uint16_t)((lock->flags & TDISP_LOCK_NO_FW_UPDATE ? TDISP_INFO_NO_UPDATE : 0) | TDISP_INFO_DMA_NO_PASID |
			  (pasid ? TDISP_INFO_DMA_PASID : 0) |
			  (enabled(fn, PCI_EXT_CAP_ID_ATS, PCI_ATS_CTRL, PCI_ATS_CTRL_ENABLE) ? TDISP_INFO_ATS : 0) |
			  (enabled(fn, PCI_EXT_CAP_ID_PRI, PCI_PRI_CTRL, PCI_PRI_CTRL_ENABLE) ? TDISP_INFO_PRS : 0));
}

static int device_report(void *opaque, const struct tdisp_lock *lock, uint8_t *buf, size_t cap)
{
	struct pci_tdi *tdi = opaque;
	const struct pci_function *fn = &tdi->ep->fn;

	tdi->report = (struct tdisp_report){.info = interface_info(fn, lock)};
	if (fn->irq.msix_cap)
		tdi->report.msix_control =
			(uint16_t)pci_cfg_get(&fn->cfg, (uint16_t)(fn->irq.msix_cap + PCI_MSIX_FLAGS), 2);
	for (unsigned bar = 0; bar < PCI_NR_BARS; bar++)
		if (fn->bars[bar].size)
			report_bar(tdi, bar, lock);
	return tdisp_report_write(&tdi->report, buf, cap);
}

/* 11.3.8: BARs have addresses, whole pages, and do not lie over each other. */
static bool bars_in_order(const struct pci_function *fn)
{
	bool memory = pci_function_memory_enabled(fn);
	struct range all[PCI_NR_BARS];
	unsigned n = 0;

	for (unsigned bar = 0; bar < PCI_NR_BARS; bar++) {
		if (fn->bars[bar].size == 0)
			continue;
		uint64_t addr = pci_bar_programmed(fn, bar);

		if (addr == 0 || fn->bars[bar].size < PAGE || (memory && !fn->bars[bar].decoding) ||
		    !range_make(&all[n], addr, fn->bars[bar].size))
			return false;
		for (unsigned i = 0; i < n; i++)
			if (range_overlaps(all[i], all[n]))
				return false;
		n++;
	}
	return true;
}

static enum tdisp_error check_lock(void *opaque, const struct tdisp_lock *lock, uint32_t session)
{
	const struct pci_tdi *tdi = opaque;

	if (!pci_ide_selective_secure(&tdi->ide, lock->stream, session))
		return TDISP_ERR_INVALID_REQUEST;
	return bars_in_order(&tdi->ep->fn) ? TDISP_OK : TDISP_ERR_INVALID_CONFIGURATION;
}

static void state_changed(void *opaque, enum tdisp_state from, enum tdisp_state to)
{
	struct pci_tdi *tdi = opaque;

	if (to != TDISP_RUN)
		pci_endpoint_block_dma(tdi->ep, true);
	if (to == TDISP_IN_ERROR || to == TDISP_UNLOCKED)
		memset(tdi->peers, 0, sizeof(tdi->peers));
	/* 11.2.1: what belongs to the TEE is wiped before anybody else gets the device. */
	if (to == TDISP_UNLOCKED)
		tdi->ep->ops->reset(tdi->ep);
	if (to == TDISP_RUN || to == TDISP_UNLOCKED)
		pci_endpoint_block_dma(tdi->ep, false);
}

static int random_bytes(void *opaque, uint8_t *buf, size_t len)
{
	return getrandom(buf, len, GRND_NONBLOCK) == (ssize_t)len ? 0 : -EAGAIN;
}

static enum tdisp_error bind_p2p(void *opaque, uint8_t stream, bool bind, uint32_t session)
{
	struct pci_tdi *tdi = opaque;
	uint64_t *word = &tdi->peers[stream / 64], bit = BIT64(stream % 64);

	if (bind ? !pci_ide_selective_secure(&tdi->ide, stream, session) : !(*word & bit))
		return TDISP_ERR_INVALID_REQUEST;
	*word = bind ? *word | bit : *word & ~bit;
	return TDISP_OK;
}

/* 11.3.18: a range that was reported as one that may change; what changes is whether it is the TEE's. */
static enum tdisp_error set_mmio_attribute(void *opaque, const struct tdisp_range *range)
{
	struct pci_tdi *tdi = opaque;

	for (unsigned i = 0; i < tdi->report.nr_ranges; i++) {
		struct tdisp_range *r = &tdi->report.ranges[i];

		if (r->first_page != range->first_page || r->pages != range->pages || r->id != range->id)
			continue;
		if (!(r->attributes & TDISP_RANGE_UPDATABLE))
			return TDISP_ERR_INVALID_REQUEST;
		r->attributes =
			(uint16_t)((r->attributes & ~TDISP_RANGE_NON_TEE) | (range->attributes & TDISP_RANGE_NON_TEE));
		return TDISP_OK;
	}
	return TDISP_ERR_INVALID_REQUEST;
}

const struct tdisp_device_ops tdi_device_ops = {
	.check_lock = check_lock,
	.report = device_report,
	.changed = state_changed,
	.random = random_bytes,
	.bind_p2p = bind_p2p,
	.set_mmio_attribute = set_mmio_attribute,
};

void tdi_stream_insecure(void *opaque, uint8_t stream)
{
	struct pci_tdi *tdi = opaque;

	if (tdi->peers[stream / 64] & BIT64(stream % 64))
		tdisp_responder_fail(&tdi->tdisp);
	tdisp_responder_stream_insecure(&tdi->tdisp, stream);
}

bool tdi_reachable(const struct pci_tdi *tdi, unsigned bar, uint64_t offset)
{
	uint64_t page;

	if (tdi->tdisp.state == TDISP_UNLOCKED || tdi->tdisp.state == TDISP_RUN)
		return true;
	page = offset >> TDISP_PAGE_SHIFT;
	for (unsigned i = 0; i < tdi->report.nr_ranges; i++) {
		const struct tdisp_range *r = &tdi->report.ranges[i];
		uint64_t first = r->first_page - tdi->base_page[bar];

		if (r->id == bar && (r->attributes & TDISP_RANGE_NON_TEE) && page >= first && page - first < r->pages)
			return true;
	}
	return false;
}
