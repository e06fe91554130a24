/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page requests of the test endpoint (PCI Express 6.0, 10.4 and 10.5.2). A channel whose Translation Request was denied
 * asks for the page, if the Page Request capability allows it, and goes on with the response. Software may have any
 * request sent, those too that are against the rules.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "testdev_priv.h"

static uint32_t status_of(const struct testdev *dev)
{
	return pci_cfg_get(&dev->ep.fn.cfg, dev->pri_cap + PCI_PRI_STATUS, 2);
}

static bool enabled(const struct testdev *dev)
{
	return dev->pri_cap && (pci_cfg_get(&dev->ep.fn.cfg, dev->pri_cap + PCI_PRI_CTRL, 2) & PCI_PRI_CTRL_ENABLE) &&
	       !(status_of(dev) & PCI_PRI_STATUS_RF);
}

/* 10.5.2.3: Stopped is set when no more will be sent and all have been answered. */
static void set_status(struct testdev *dev, uint32_t more)
{
	struct pci_cfg *cfg = &dev->ep.fn.cfg;
	bool stopped =
		!(pci_cfg_get(cfg, dev->pri_cap + PCI_PRI_CTRL, 2) & PCI_PRI_CTRL_ENABLE) && dev->pri.outstanding == 0;
	uint32_t status = (status_of(dev) & ~(uint32_t)PCI_PRI_STATUS_STOPPED) | more;

	pci_cfg_set(cfg, dev->pri_cap + PCI_PRI_STATUS, 2, status | (stopped ? PCI_PRI_STATUS_STOPPED : 0));
}

static uint32_t allocation(const struct testdev *dev)
{
	uint32_t n = pci_cfg_get(&dev->ep.fn.cfg, dev->pri_cap + PCI_PRI_ALLOC_REQ, 4);

	return n < TESTDEV_PAGES ? n : TESTDEV_PAGES;
}

/* A credit has come back: who waits for one tries again. */
static void wake_waiting(struct testdev *dev)
{
	for (unsigned n = 0; n < TESTDEV_CHANNELS; n++) {
		if (dev->channels[n].wait == TESTDEV_WAIT_CREDIT)
			testdev_wake(&dev->channels[n], false);
	}
}

/* The group is answered, one way or other. */
static void end_group(struct testdev *dev, struct testdev_group *g, bool refused)
{
	int channel = g->channel;

	dev->pri.outstanding -= g->requests;
	g->requests = 0;
	if (channel >= 0 && dev->channels[channel].wait == TESTDEV_WAIT_PAGE)
		testdev_wake(&dev->channels[channel], refused);
}

static void end_all(struct testdev *dev)
{
	for (unsigned i = 0; i < TESTDEV_GROUPS; i++) {
		if (dev->pri.groups[i].requests)
			end_group(dev, &dev->pri.groups[i], true);
	}
	for (unsigned n = 0; n < TESTDEV_CHANNELS; n++) {
		if (dev->channels[n].wait == TESTDEV_WAIT_CREDIT)
			testdev_wake(&dev->channels[n], true);
	}
}

void testdev_pri_reset(struct testdev *dev)
{
	dev->pri = (struct testdev_pri){0};
}

/* 10.5.2.2: Reset, with Enable clear, forgets what is outstanding; it reads as 0. */
void testdev_pri_cap_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	struct testdev *dev = container_of(pci_endpoint_of(fn), struct testdev, ep);

	pci_cfg_set(&fn->cfg, dev->pri_cap + PCI_PRI_CTRL, 2, now & PCI_PRI_CTRL_ENABLE);
	if ((now & PCI_PRI_CTRL_RESET) && !(now & PCI_PRI_CTRL_ENABLE))
		end_all(dev);
	set_status(dev, 0);
}

/* 10.4.2: responses match by index, and by PASID where they have to have one. Failures that an IOMMU makes itself have
 * none. */
static bool matches(const struct testdev_group *g, const struct dma_page_response *r)
{
	return g->requests > 0 && (r->pasid == g->pasid || r->answer == DMA_PAGE_FAILURE);
}

void testdev_pri_response(void *opaque, const struct dma_page_response *r)
{
	struct testdev *dev = opaque;
	struct testdev_group *g = &dev->pri.groups[r->prgi % TESTDEV_GROUPS];

	dev->pri.responses++;
	dev->pri.last =
		field_prep32(TESTDEV_PRESP_PRGI, r->prgi) | field_prep32(TESTDEV_PRESP_CODE, (uint32_t)r->answer);
	dev->pri.last_pasid = r->pasid == DMA_NO_PASID ? 0 : TESTDEV_PASID_VALID | r->pasid;
	if (!dev->pri_cap || (status_of(dev) & PCI_PRI_STATUS_RF))
		return;
	if (!matches(g, r)) {
		dev->pri.unexpected++;
		set_status(dev, PCI_PRI_STATUS_UPRGI);
		return;
	}
	end_group(dev, g, r->answer != DMA_PAGE_SUCCESS);
	/* 10.5.2.3: after a Response Failure no response is expected any more, and nothing is sent. */
	if (r->answer == DMA_PAGE_FAILURE) {
		set_status(dev, PCI_PRI_STATUS_RF);
		end_all(dev);
	}
	set_status(dev, 0);
	wake_waiting(dev);
}

/* The group is there before the message is sent: the response may come at once. */
static void send(struct testdev *dev, int channel, const struct dma_page_request *r)
{
	struct testdev_group *g = &dev->pri.groups[r->prgi];

	if (g->requests == 0)
		*g = (struct testdev_group){.channel = (int8_t)channel, .pasid = r->pasid};
	g->requests++;
	dev->pri.outstanding++;
	dev->pri.sent++;
	set_status(dev, 0);
	if (dma_ats_page_request(&dev->ep.dma, r) == 0)
		return;
	end_group(dev, g, true);
	wake_waiting(dev);
}

int testdev_pri_ask(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr, uint64_t iova,
		    unsigned access)
{
	unsigned n = (unsigned)(ch - dev->channels);
	struct dma_page_request r = {
		.pasid = attr.pasid,
		.page = iova & ~UINT64_C(0xfff),
		.prgi = (uint16_t)(TESTDEV_CHANNEL_PRGI + n),
		.read = access & DMA_READ,
		.write = access & DMA_WRITE,
		.exec = access & DMA_EXEC,
		.priv = attr.mode & DMA_PRIV,
		.last = true,
	};

	if (!enabled(dev) || allocation(dev) == 0 || ch->page_tries >= TESTDEV_PAGE_TRIES) {
		ch->page_tries = 0;
		return -EFAULT;
	}
	/* 10.4.1.1: an index that waits for its response is not used again, also when who asked has given up. */
	if (dev->pri.outstanding >= allocation(dev) || dev->pri.groups[r.prgi].requests > 0) {
		ch->wait = TESTDEV_WAIT_CREDIT;
		return -EINPROGRESS;
	}
	ch->page_tries++;
	ch->wait = TESTDEV_WAIT_PAGE;
	send(dev, (int)n, &r);
	return -EINPROGRESS;
}

/* 10.4.1.2: a Stop Marker is no request: nobody answers it. */
void testdev_pri_send(struct testdev *dev, uint64_t addr, uint32_t pasid, uint32_t prgi, uint32_t flags)
{
	struct dma_page_request r = {
		.pasid = pasid & TESTDEV_PASID_VALID ? pasid & TESTDEV_RING_PASID_MASK : DMA_NO_PASID,
		.page = addr,
		.prgi = (uint16_t)(prgi % TESTDEV_GROUPS),
		.read = flags & TESTDEV_PREQ_READ,
		.write = flags & TESTDEV_PREQ_WRITE,
		.exec = flags & TESTDEV_PREQ_EXEC,
		.priv = flags & TESTDEV_PREQ_PRIV,
		.last = flags & TESTDEV_PREQ_LAST,
	};
	bool marker = r.last && !r.read && !r.write && r.pasid != DMA_NO_PASID;

	if (!dev->pri_cap)
		return;
	if (!(flags & TESTDEV_PREQ_FORCE) && (!enabled(dev) || (!marker && dev->pri.outstanding >= allocation(dev))))
		return;
	if (!marker) {
		send(dev, -1, &r);
		return;
	}
	dev->pri.sent++;
	dma_ats_page_request(&dev->ep.dma, &r);
}

void testdev_pri_forget(struct testdev *dev, const struct testdev_channel *ch)
{
	for (unsigned i = 0; i < TESTDEV_GROUPS; i++) {
		struct testdev_group *g = &dev->pri.groups[i];

		/* The response is still to come; it will find nobody. */
		if (g->requests && g->channel == ch - dev->channels)
			g->channel = -1;
	}
}
