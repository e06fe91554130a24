/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest driver for any virtio device, for tests: a world with RAM, a bus, a PCI host bridge and an event loop, and a
 * driver that finds the device's structures through config space, negotiates, sets up rings in guest memory, notifies
 * and collects. All accesses go through the bus, as a guest's do.
 *
 *	struct vd_world w;		vd_world_start(&w);
 *	struct vd d;			virtio_rng_create(&dev, &w.pci.vm, "rng0");
 *	vd_probe(&d, &w, dev, 0);	(vd_translate(&d) puts it behind a translator)
 *	vd_init(&d, VD_ALL, 64);	(reset .. DRIVER_OK, all queues)
 *	len = vd_call(&d, 0, out, out_len, in, in_len);
 *	vd_world_stop(&w);		(destroys the devices too)
 *
 * Whatever the harness itself cannot do aborts. Link dep_virtio and dep_fake_pci.
 */
#ifndef AERIE_VIRTIO_DRIVER_H
#define AERIE_VIRTIO_DRIVER_H

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "fake_irq.h"
#include "fake_pci.h"
#include "fd.h"
#include "virtio.h"
#include "virtio_driver_ring.h"

#define VD_RAM	     UINT64_C(0x40000000)
#define VD_RAM_SIZE  UINT64_C(0x2000000)
#define VD_DOORBELL  UINT64_C(0x08010040)
#define VD_SHIFT     UINT64_C(0x700000000000) /* IOVA - gpa behind the translator */
#define VD_ALL	     UINT64_MAX
#define VD_BARS	     UINT64_C(0x8000000000)
#define VD_BAR_SPACE UINT64_C(0x10000000) /* for each function */

#define vd_must(x)                                                                                                     \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

struct vd_world {
	struct fake_pci pci;
	struct loop loop;
	uint64_t next_free; /* RAM below is taken */
};

struct vd_queue {
	struct vr ring;
	uint64_t notify; /* bus address */
	uint64_t tables[VR_MAX];
};

struct vd {
	struct vd_world *w;
	struct virtio_device *dev;
	unsigned devfn;			      /* on bus 1 */
	uint64_t common, isr, config, notify; /* bus addresses; 0: no such structure */
	uint32_t config_len, multiplier;
	unsigned window, msix;		   /* offsets of capabilities */
	uint64_t features;		   /* accepted */
	uint64_t shift;			   /* IOVA - gpa */
	uint64_t read_only, read_only_len; /* gpas that it does not let the device write */
	uint64_t hole, hole_len;	   /* IOVAs that the translator refuses */
	unsigned translations, faults;
	struct vd_queue q[VIRTIO_MAX_QUEUES];
};

/* ---- World ---- */

static inline void vd_world_start(struct vd_world *w)
{
	fake_irq = (struct fake_irq){.doorbell = VD_DOORBELL};
	fake_pci_start(&w->pci);
	vd_must(loop_init(&w->loop) == 0);
	w->pci.vm.loop = &w->loop;
	w->pci.vm.vm_fd = -1;
	gmem_init(&w->pci.vm.gmem);
	vd_must(gmem_add(&w->pci.vm.gmem, gpa(VD_RAM), VD_RAM_SIZE, GMEM_PAGES_NORMAL) == 0);
	w->next_free = VD_RAM;
	fake_port_open(&w->pci, 0, UINT32_MAX, 0, VD_BARS, VD_BARS + 8 * VD_BAR_SPACE - 1);
}

static inline void vd_world_stop(struct vd_world *w)
{
	fake_pci_stop(&w->pci);
	gmem_fini(&w->pci.vm.gmem);
	loop_fini(&w->loop);
	vd_must(fake_irq.routes == 0);
}

/** Guest RAM, cleared; never given back. Returns the gpa. */
static inline uint64_t vd_alloc(struct vd_world *w, uint64_t len, uint64_t align)
{
	uint64_t at = (w->next_free + align - 1) & ~(align - 1);

	vd_must(at + len <= VD_RAM + VD_RAM_SIZE);
	w->next_free = at + len;
	return at;
}

static inline void *vd_mem(struct vd_world *w, uint64_t addr, uint64_t len)
{
	void *host = gmem_host(&w->pci.vm.gmem, gpa(addr), len);

	vd_must(host);
	return host;
}

/** Runs handlers of the event loop until none is due. Returns how many ran. */
static inline unsigned vd_pump(struct vd_world *w)
{
	struct epoll_event ev;
	unsigned n = 0;

	while (n < 10000 && epoll_wait(w->loop.epoll_fd, &ev, 1, 0) == 1) {
		struct loop_source *src = ev.data.ptr;

		src->handler(src);
		n++;
	}
	return n;
}

/* ---- Registers ---- */

static inline uint64_t vd_read(struct vd *d, uint64_t addr, uint8_t size)
{
	uint64_t value;

	bus_read(&d->w->pci.vm.bus, addr, size, &value);
	return value;
}

static inline void vd_write(struct vd *d, uint64_t addr, uint8_t size, uint64_t value)
{
	bus_write(&d->w->pci.vm.bus, addr, size, value);
}

static inline uint32_t vd_cfg_read(struct vd *d, unsigned reg, uint8_t size)
{
	return (uint32_t)fake_cfg_read(&d->w->pci, 1, d->devfn, reg, size);
}

static inline void vd_cfg_write(struct vd *d, unsigned reg, uint8_t size, uint32_t value)
{
	fake_cfg_write(&d->w->pci, 1, d->devfn, reg, size, value);
}

/** Fields of the common configuration by their VIRTIO_PCI_COMMON_* offset. */
static inline uint64_t vd_get(struct vd *d, unsigned field, uint8_t size)
{
	return vd_read(d, d->common + field, size);
}

static inline void vd_set(struct vd *d, unsigned field, uint8_t size, uint64_t value)
{
	vd_write(d, d->common + field, size, value);
}

static inline uint8_t vd_status(struct vd *d)
{
	return (uint8_t)vd_get(d, VIRTIO_PCI_COMMON_STATUS, 1);
}

/** Device-specific configuration. */
static inline uint64_t vd_config(struct vd *d, unsigned offset, uint8_t size)
{
	return vd_read(d, d->config + offset, size);
}

static inline void vd_cap(struct vd *d, unsigned cap)
{
	uint64_t bar = VD_BARS + (d->devfn & 7) * VD_BAR_SPACE + vd_cfg_read(d, cap + 4, 1) * 0x1000000u;
	uint64_t at = bar + vd_cfg_read(d, cap + 8, 4);

	switch (vd_cfg_read(d, cap + 3, 1)) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		d->common = at;
		break;
	case VIRTIO_PCI_CAP_ISR_CFG:
		d->isr = at;
		break;
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		d->config = at;
		d->config_len = vd_cfg_read(d, cap + 12, 4);
		break;
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		d->notify = at;
		d->multiplier = vd_cfg_read(d, cap + 16, 4);
		break;
	case VIRTIO_PCI_CAP_PCI_CFG:
		d->window = cap;
		break;
	}
}

/** Bus addresses, memory decoding, bus mastering, MSI-X with vector v sending data v. Also after a function reset. */
static inline void vd_enable_pci(struct vd *d)
{
	uint64_t base = VD_BARS + (d->devfn & 7) * VD_BAR_SPACE;
	uint64_t table = base + 2 * 0x1000000u + (vd_cfg_read(d, d->msix + PCI_MSIX_TABLE, 4) & ~7u);
	unsigned vectors = (vd_cfg_read(d, d->msix + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1u;

	for (unsigned bar = 0; bar < 4; bar += 2) {
		vd_cfg_write(d, PCI_BASE_ADDRESS_0 + 4 * bar, 4, (uint32_t)(base + bar * 0x1000000u));
		vd_cfg_write(d, PCI_BASE_ADDRESS_0 + 4 * bar + 4, 4, (uint32_t)(base >> 32));
	}
	vd_cfg_write(d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	for (unsigned v = 0; v < vectors; v++) {
		vd_write(d, table + 16 * v, 4, (uint32_t)(VD_DOORBELL + d->shift));
		vd_write(d, table + 16 * v + 4, 4, (VD_DOORBELL + d->shift) >> 32);
		vd_write(d, table + 16 * v + 8, 4, v);
		vd_write(d, table + 16 * v + 12, 4, 0);
	}
	vd_cfg_write(d, d->msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
}

/** Places @dev as function @fn (0 .. 7) behind the first port, and finds everything. The world owns it from here. */
static inline void vd_probe(struct vd *d, struct vd_world *w, struct virtio_device *dev, uint8_t fn)
{
	memset(d, 0, sizeof(*d));
	d->w = w;
	d->dev = dev;
	d->devfn = fn;
	vd_must(pci_host_place(w->pci.host, w->pci.port[0], fn, &dev->ep.fn) == 0);
	for (unsigned cap = vd_cfg_read(d, PCI_CAPABILITY_LIST, 1); cap; cap = vd_cfg_read(d, cap + 1, 1)) {
		if (vd_cfg_read(d, cap, 1) == PCI_CAP_ID_VNDR)
			vd_cap(d, cap);
		if (vd_cfg_read(d, cap, 1) == PCI_CAP_ID_MSIX)
			d->msix = cap;
	}
	vd_must(d->common && d->isr && d->notify && d->window && d->msix);
	vd_enable_pci(d);
}

/* ---- Translation ---- */

/* Pages at gpa + VD_SHIFT, but for the hole and what is read-only. */
static inline int vd_translate_one(void *owner, uint32_t pasid, uint64_t addr, unsigned access, struct dma_target *out)
{
	struct vd *d = owner;
	uint64_t page = addr & ~UINT64_C(4095);

	d->translations++;
	if (page < VD_SHIFT || (d->hole_len > 0 && page + 4095 >= d->hole && page < d->hole + d->hole_len)) {
		d->faults += !(access & DMA_PROBE);
		return -EFAULT;
	}
	if ((access & DMA_WRITE) && page - VD_SHIFT - d->read_only < d->read_only_len) {
		d->faults++;
		return -EFAULT;
	}
	*out = (struct dma_target){.iovas = {page, page + 4095}, .pa = gpa(page - VD_SHIFT), .perms = DMA_READ};
	if (access & DMA_WRITE)
		out->perms |= DMA_WRITE;
	return 0;
}

/** Puts the device behind a translator; before vd_init(). */
static inline void vd_translate(struct vd *d)
{
	static const struct dma_translator translator = {.translate = vd_translate_one};

	d->shift = VD_SHIFT;
	bus_lock(&d->w->pci.vm.bus);
	dma_space_set_translator(&d->dev->ep.dma, &translator, d);
	bus_unlock(&d->w->pci.vm.bus);
	vd_enable_pci(d);
}

/** Refuses [@gpa, @gpa + @len) from now on; @len 0: nothing any more. */
static inline void vd_hole(struct vd *d, uint64_t at, uint64_t len)
{
	bus_lock(&d->w->pci.vm.bus);
	d->hole = at + d->shift;
	d->hole_len = len;
	dma_space_invalidate(&d->dev->ep.dma);
	bus_unlock(&d->w->pci.vm.bus);
}

/* ---- Life ---- */

/** Writes 0 to device_status and waits, for devices with threads up to 10 s, until it reads 0. */
static inline void vd_reset(struct vd *d)
{
	vd_set(d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	for (unsigned i = 0; vd_status(d) != 0; i++) {
		vd_must(i < 10000);
		if (vd_pump(d->w) == 0)
			usleep(1000);
	}
}

static inline uint64_t vd_offered(struct vd *d)
{
	uint64_t features = 0;

	for (unsigned i = 0; i < 2; i++) {
		vd_set(d, VIRTIO_PCI_COMMON_DFSELECT, 4, i);
		features |= vd_get(d, VIRTIO_PCI_COMMON_DF, 4) << (32 * i);
	}
	return features;
}

static inline void vd_accept(struct vd *d, uint64_t features)
{
	for (unsigned i = 0; i < 2; i++) {
		vd_set(d, VIRTIO_PCI_COMMON_GFSELECT, 4, i);
		vd_set(d, VIRTIO_PCI_COMMON_GF, 4, features >> (32 * i) & UINT32_MAX);
	}
	d->features = features;
}

/** Reset, ACKNOWLEDGE, DRIVER, exactly @features, FEATURES_OK. True when the device agrees. */
static inline bool vd_negotiate(struct vd *d, uint64_t features)
{
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE;

	vd_reset(d);
	vd_set(d, VIRTIO_PCI_COMMON_STATUS, 1, status);
	status |= VIRTIO_CONFIG_S_DRIVER;
	vd_set(d, VIRTIO_PCI_COMMON_STATUS, 1, status);
	vd_accept(d, features);
	vd_set(d, VIRTIO_PCI_COMMON_STATUS, 1, status | VIRTIO_CONFIG_S_FEATURES_OK);
	return vd_status(d) & VIRTIO_CONFIG_S_FEATURES_OK;
}

static inline bool vd_has(const struct vd *d, unsigned feature)
{
	return d->features >> feature & 1;
}

static inline void *vd_table(void *owner, uint16_t id, uint32_t len, uint64_t *at)
{
	struct vd *d = owner;
	uint64_t table = vd_alloc(d->w, len, 16);

	*at = table + d->shift;
	return vd_mem(d->w, table, len);
}

/* An area of a ring, with room behind it that belongs to nobody. */
static inline uint64_t vd_area(struct vd *d, uint64_t len, uint8_t **mem)
{
	uint64_t at = vd_alloc(d->w, len + 64, 16);

	*mem = vd_mem(d->w, at, len);
	return at + d->shift;
}

/** Sets up queue @index with @size entries (0: as many as the device has) and vector index + 1, and enables it. */
static inline void vd_queue(struct vd *d, unsigned index, uint16_t size)
{
	struct vd_queue *q = &d->q[index];
	struct vr *r = &q->ring;

	vd_set(d, VIRTIO_PCI_COMMON_Q_SELECT, 2, index);
	if (size)
		vd_set(d, VIRTIO_PCI_COMMON_Q_SIZE, 2, size);
	*r = (struct vr){
		.packed = vd_has(d, VIRTIO_F_RING_PACKED),
		.event_idx = vd_has(d, VIRTIO_RING_F_EVENT_IDX),
		.indirect = vd_has(d, VIRTIO_RING_F_INDIRECT_DESC),
		.size = (uint16_t)vd_get(d, VIRTIO_PCI_COMMON_Q_SIZE, 2),
		.table = vd_table,
		.owner = d,
	};
	vd_must(r->size > 0 && r->size <= VR_MAX);
	r->desc = vd_area(d, 16u * r->size, &r->desc_mem);
	r->driver = vd_area(d, r->packed ? 4 : virtq_avail_size(r->size), &r->driver_mem);
	r->device = vd_area(d, r->packed ? 4 : virtq_used_size(r->size), &r->device_mem);
	vr_reset(r);
	vd_set(d, VIRTIO_PCI_COMMON_Q_DESCLO, 8, r->desc);
	vd_set(d, VIRTIO_PCI_COMMON_Q_AVAILLO, 8, r->driver);
	vd_set(d, VIRTIO_PCI_COMMON_Q_USEDLO, 8, r->device);
	vd_set(d, VIRTIO_PCI_COMMON_Q_MSIX, 2, index + 1);
	q->notify = d->notify + vd_get(d, VIRTIO_PCI_COMMON_Q_NOFF, 2) * d->multiplier;
	vd_set(d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

static inline void vd_driver_ok(struct vd *d)
{
	vd_set(d, VIRTIO_PCI_COMMON_STATUS, 1, vd_status(d) | VIRTIO_CONFIG_S_DRIVER_OK);
}

/** Everything from reset to DRIVER_OK: those of @features that are offered, all queues with @size entries (0: the
 *  most). False when the device refuses the features. */
static inline bool vd_init(struct vd *d, uint64_t features, uint16_t size)
{
	if (!vd_negotiate(d, features & vd_offered(d)))
		return false;
	vd_set(d, VIRTIO_PCI_COMMON_MSIX, 2, 0);
	for (unsigned i = 0; i < vd_get(d, VIRTIO_PCI_COMMON_NUMQ, 2); i++)
		vd_queue(d, i, size);
	vd_driver_ok(d);
	return true;
}

/* ---- Requests ---- */

/** Makes pieces of RAM available (.iova of @bufs is a gpa here); the id, or -1. At most 64 pieces. */
static inline int vd_add(struct vd *d, unsigned index, const struct vr_buf *bufs, unsigned n)
{
	struct vr_buf moved[64];

	vd_must(n <= 64);
	for (unsigned i = 0; i < n; i++) {
		moved[i] = bufs[i];
		moved[i].iova += d->shift;
	}
	return vr_add(&d->q[index].ring, moved, n);
}

/** Notifies, whether the device asked for it or not. */
static inline void vd_kick(struct vd *d, unsigned index)
{
	vr_kicks(&d->q[index].ring);
	vd_write(d, d->q[index].notify, 2, index);
}

/** Notifies if the device asked for it, as real drivers do. */
static inline void vd_kick_if_wanted(struct vd *d, unsigned index)
{
	if (vr_kicks(&d->q[index].ring))
		vd_write(d, d->q[index].notify, 2, index);
}

static inline bool vd_used(struct vd *d, unsigned index, uint16_t *id, uint32_t *len)
{
	return vr_used(&d->q[index].ring, id, len);
}

/** Waits for the next used request: @ms milliseconds, with the event loop running. */
static inline bool vd_wait(struct vd *d, unsigned index, uint16_t *id, uint32_t *len, unsigned ms)
{
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	for (;;) {
		vd_pump(d->w);
		if (vd_used(d, index, id, len))
			return true;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > end.tv_sec + 1)
			return false;
		usleep(100);
	}
}

/** Interrupts of @vector since the last call. */
static inline uint64_t vd_interrupts(struct vd *d, unsigned vector)
{
	return fd_drain(pci_endpoint_vector_fd(&d->dev->ep, vector));
}

/** One request with @out before @in, each in one piece. Returns the used length, or -1 if it is not done in 10 s. */
static inline int64_t vd_call(struct vd *d, unsigned index, const void *out, uint32_t out_len, void *in,
			      uint32_t in_len)
{
	uint64_t from = vd_alloc(d->w, out_len, 8), to = vd_alloc(d->w, in_len, 8);
	struct vr_buf bufs[2];
	unsigned n = 0;
	uint16_t id;
	uint32_t len;

	if (out_len > 0) {
		memcpy(vd_mem(d->w, from, out_len), out, out_len);
		bufs[n++] = (struct vr_buf){from, out_len, false};
	}
	if (in_len > 0)
		bufs[n++] = (struct vr_buf){to, in_len, true};
	int made = vd_add(d, index, bufs, n);

	vd_must(made >= 0);
	vd_kick_if_wanted(d, index);
	if (!vd_wait(d, index, &id, &len, 10000))
		return -1;
	vd_must(id == made);
	if (in_len > 0)
		memcpy(in, vd_mem(d->w, to, in_len), in_len);
	return len;
}

#endif
