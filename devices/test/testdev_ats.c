/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ATS of the test endpoint (PCI Express 6.0, 10.2 and 10.3): an address translation cache that really caches. What it
 * holds is used until an Invalidate Request names it, ATS is disabled or the function is reset, so that software that
 * forgets one sees old data.
 */
#include <errno.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "testdev_priv.h"

static bool enabled(const struct testdev *dev)
{
	return testdev_ats_control(dev) & PCI_ATS_CTRL_ENABLE;
}

static void empty(struct testdev *dev)
{
	memset(dev->ats.atc, 0, sizeof(dev->ats.atc));
}

void testdev_ats_reset(struct testdev *dev)
{
	dev->ats = (struct testdev_ats){0};
}

/* 10.5.1.3: enabled, the ATC begins empty. */
void testdev_ats_cap_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	struct pci_endpoint *ep = pci_endpoint_of(fn);

	if ((old ^ now) & (uint32_t)PCI_ATS_CTRL_ENABLE << 16)
		empty(container_of(ep, struct testdev, ep));
}

static struct testdev_atc_entry *find(struct testdev *dev, struct testdev_attr attr, uint64_t iova)
{
	for (unsigned i = 0; i < TESTDEV_ATC_ENTRIES; i++) {
		struct testdev_atc_entry *e = &dev->ats.atc[i];

		if (e->valid && e->pasid == attr.pasid && e->priv == !!(attr.mode & DMA_PRIV) &&
		    iova >= e->target.iovas.first && iova <= e->target.iovas.last)
			return e;
	}
	return NULL;
}

/* A place for a translation of @iova: that of the one it replaces, else the oldest. */
static struct testdev_atc_entry *place(struct testdev *dev, struct testdev_attr attr, uint64_t iova)
{
	struct testdev_atc_entry *e = find(dev, attr, iova);

	if (!e)
		e = &dev->ats.atc[dev->ats.next++ % TESTDEV_ATC_ENTRIES];
	return e;
}

/* What an access needs of a translation. */
static unsigned needed(unsigned access)
{
	return access & DMA_WRITE ? access & (DMA_READ | DMA_WRITE) : access & (DMA_READ | DMA_EXEC);
}

/* 10.2.3: Unsupported Request and Completer Abort give nothing. */
static int request(struct testdev *dev, struct testdev_attr attr, uint64_t iova, unsigned access,
		   struct dma_target *out)
{
	int err = dma_ats_translate(&dev->ep.dma, attr.pasid, iova, DMA_READ | access | (attr.mode & DMA_PRIV), out);

	dev->ats.requests++;
	if (err || out->perms == 0)
		return err;
	*place(dev, attr, iova) = (struct testdev_atc_entry){
		.valid = true,
		.priv = attr.mode & DMA_PRIV,
		.pasid = attr.pasid,
		.target = *out,
	};
	return 0;
}

/* The access itself, marked as translated: the IOMMU may look at it once more. */
static int send(struct testdev *dev, const struct dma_target *at, uint64_t iova, unsigned access,
		struct dma_target *out)
{
	uint64_t addr = at->pa.v + (iova - at->iovas.first), rest = at->iovas.last - iova;
	struct dma_target t;
	int err = dma_ats_access(&dev->ep.dma, addr, access & (DMA_READ | DMA_WRITE), &t);

	if (err)
		return err;
	if (t.iovas.last - addr < rest)
		rest = t.iovas.last - addr;
	*out = (struct dma_target){
		.iovas = {iova, iova + rest},
		.pa = gpa(t.pa.v + (addr - t.iovas.first)),
		.perms = at->perms,
	};
	return 0;
}

int testdev_ats_find(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr, uint64_t iova,
		     unsigned access, struct dma_target *out)
{
	const struct testdev_atc_entry *e = find(dev, attr, iova);
	unsigned need = needed(access);
	struct dma_target t;
	int err;

	if (e && (need & ~e->target.perms) == 0) {
		dev->ats.hits++;
		ch->page_tries = 0;
		return send(dev, &e->target, iova, access, out);
	}
	err = request(dev, attr, iova, access, &t);
	if (err)
		return err == -EPERM ? err : -EFAULT;
	if (need & ~t.perms)
		return testdev_pri_ask(dev, ch, attr, iova, access);
	ch->page_tries = 0;
	return send(dev, &t, iova, access, out);
}

/* 10.3: without a PASID those without one; Global: whatever their PASID. */
static bool hits(const struct dma_ats_invalidation *inv, const struct testdev_atc_entry *e)
{
	bool pasid = inv->pasid == e->pasid || (inv->global && e->pasid != DMA_NO_PASID);

	return pasid && e->target.iovas.first <= inv->iovas.last && inv->iovas.first <= e->target.iovas.last;
}

static void carry_out(struct testdev *dev, const struct dma_ats_invalidation *inv)
{
	for (unsigned i = 0; i < TESTDEV_ATC_ENTRIES; i++) {
		if (hits(inv, &dev->ats.atc[i]))
			dev->ats.atc[i].valid = false;
	}
}

/* Accesses end within a step, so none is under way by an old translation. */
static int invalidate(void *opaque, const struct dma_ats_invalidation *inv)
{
	struct testdev *dev = opaque;

	dev->ats.invalidations++;
	if (!(testdev_mmio_value(dev, TESTDEV_ATS_CONTROL) & TESTDEV_ATS_HOLD)) {
		carry_out(dev, inv);
		return 0;
	}
	/* More than the queue takes are never answered. */
	if (dev->ats.nr_held < TESTDEV_HELD)
		dev->ats.held[dev->ats.nr_held++] = *inv;
	return -EINPROGRESS;
}

void testdev_ats_release(struct testdev *dev)
{
	uint32_t n = dev->ats.nr_held;

	dev->ats.nr_held = 0;
	for (uint32_t i = 0; i < n; i++) {
		carry_out(dev, &dev->ats.held[i]);
		dma_ats_invalidated(&dev->ep.dma, dev->ats.held[i].tag);
	}
}

const struct dma_ats_ops testdev_ats_ops = {
	.invalidate = invalidate,
	.page_response = testdev_pri_response,
};

static uint32_t kind_of(int err)
{
	switch (err) {
	case 0:
		return TESTDEV_TREQ_SUCCESS;
	case -EIO:
		return TESTDEV_TREQ_CA;
	case -EPERM:
		return TESTDEV_TREQ_DISABLED;
	default:
		return TESTDEV_TREQ_UR;
	}
}

void testdev_ats_ask(struct testdev *dev, uint64_t iova, uint32_t pasid, uint32_t flags)
{
	struct testdev_attr attr = {
		.pasid = pasid & TESTDEV_PASID_VALID ? pasid & TESTDEV_RING_PASID_MASK : DMA_NO_PASID,
		.mode = flags & TESTDEV_TREQ_PRIV ? DMA_PRIV : 0,
	};
	unsigned access = (flags & TESTDEV_TREQ_WRITE ? DMA_WRITE : 0) | (flags & TESTDEV_TREQ_EXEC ? DMA_EXEC : 0);
	struct dma_target t = {0};
	int err = enabled(dev) ? request(dev, attr, iova, access, &t) : -EPERM;

	dev->ats.treq_status = field_prep32(TESTDEV_TREQ_KIND, kind_of(err));
	dev->ats.treq_result = 0;
	dev->ats.treq_size = 0;
	if (err)
		return;
	dev->ats.treq_status |= (t.perms & DMA_READ ? TESTDEV_TREQ_READ_OK : 0) |
				(t.perms & DMA_WRITE ? TESTDEV_TREQ_WRITE_OK : 0) |
				(t.perms & DMA_EXEC ? TESTDEV_TREQ_EXEC_OK : 0);
	dev->ats.treq_size = 64u - (uint32_t)__builtin_clzll(t.iovas.last - t.iovas.first);
	if (t.perms)
		dev->ats.treq_result = t.pa.v + (iova - t.iovas.first);
}
