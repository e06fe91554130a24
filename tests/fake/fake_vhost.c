/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "fake.h"
#include "fake_vhost_priv.h"

struct fake_vhost fake_vhost;

/* Guards all devices: the relay's thread and the test come at the same time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int open_dev(struct fake_file *file, bool vsock)
{
	if (vsock ? fake_vhost.no_vsock : fake_vhost.no_net)
		return -ENOENT;
	if (fake_vhost.nr_devs == FAKE_VHOST_MAX)
		return -EMFILE;
	struct fake_vhost_dev *d = &fake_vhost.dev[fake_vhost.nr_devs++];

	*d = (struct fake_vhost_dev){.open = true, .vsock = vsock};
	for (unsigned i = 0; i < 2; i++)
		d->ring[i].kick = d->ring[i].call = d->ring[i].err = d->ring[i].backend = -1;
	file->state = d;
	return 0;
}

static int open_net(struct fake_file *file, const char *path)
{
	return open_dev(file, false);
}

static int open_vsock(struct fake_file *file, const char *path)
{
	return open_dev(file, true);
}

static void close_dev(struct fake_file *file)
{
	if (file->state)
		((struct fake_vhost_dev *)file->state)->open = false;
}

/* vhost_set_memory() */
static int set_memory(struct fake_vhost_dev *d, const struct vhost_memory *m)
{
	if (m->nregions > 8 || m->padding)
		return -E2BIG;
	for (unsigned i = 0; i < m->nregions; i++)
		if (m->regions[i].guest_phys_addr % 4096 || m->regions[i].memory_size % 4096 ||
		    m->regions[i].userspace_addr % 4096)
			return -EFAULT;
	memcpy(d->regions, m->regions, m->nregions * sizeof(d->regions[0]));
	d->nr_regions = m->nregions;
	return 0;
}

static bool is_active(const struct fake_vhost_dev *d, unsigned index)
{
	return d->vsock ? d->running : d->ring[index].backend >= 0;
}

/* Ring addresses are addresses of the process: they must lie in a region. */
static bool in_memory(const struct fake_vhost_dev *d, uint64_t user)
{
	for (unsigned i = 0; i < d->nr_regions; i++)
		if (user - d->regions[i].userspace_addr < d->regions[i].memory_size)
			return true;
	return false;
}

static int set_ring(struct fake_vhost_dev *d, unsigned long request, void *arg)
{
	const struct vhost_vring_state *state = arg;
	const struct vhost_vring_file *file = arg;
	const struct vhost_vring_addr *addr = arg;

	if (state->index > 1)
		return -ENOBUFS;
	struct fake_vhost_ring *r = &d->ring[state->index];

	switch (request) {
	case VHOST_SET_VRING_NUM:
		if (is_active(d, state->index))
			return -EBUSY;
		if (!state->num || state->num > 0xffff || (state->num & (state->num - 1)))
			return -EINVAL;
		r->num = state->num;
		return 0;
	case VHOST_SET_VRING_BASE:
		if (is_active(d, state->index))
			return -EBUSY;
		r->next_avail = r->next_used = (uint16_t)state->num;
		return 0;
	case VHOST_SET_VRING_ADDR:
		if (addr->flags || addr->avail_user_addr % 2 || addr->used_user_addr % 4 || addr->desc_user_addr % 16 ||
		    !in_memory(d, addr->desc_user_addr) || !in_memory(d, addr->avail_user_addr) ||
		    !in_memory(d, addr->used_user_addr))
			return -EINVAL;
		r->addr = *addr;
		return 0;
	case VHOST_SET_VRING_KICK:
		r->kick = file->fd;
		return 0;
	case VHOST_SET_VRING_CALL:
		r->call = file->fd;
		return 0;
	case VHOST_SET_VRING_ERR:
		r->err = file->fd;
		return 0;
	}
	return -ENOTTY;
}

static int set_net_backend(struct fake_vhost_dev *d, const struct vhost_vring_file *file)
{
	if (d->vsock || file->index > 1)
		return -ENOTTY;
	if (file->fd >= 0 && (!d->ring[file->index].num || !d->ring[file->index].addr.desc_user_addr))
		return -EFAULT;
	d->ring[file->index].backend = file->fd;
	return 0;
}

static int ioctl_locked(struct fake_vhost_dev *d, unsigned long request, void *arg)
{
	if (request == VHOST_SET_OWNER) {
		if (d->owned)
			return -EBUSY;
		d->owned = true;
		return 0;
	}
	if (request == VHOST_GET_FEATURES) {
		*(uint64_t *)arg = fake_vhost.features;
		return 0;
	}
	if (!d->owned)
		return -EPERM;
	switch (request) {
	case VHOST_SET_FEATURES:
		if (*(uint64_t *)arg & ~fake_vhost.features)
			return -EOPNOTSUPP;
		d->acked = *(uint64_t *)arg;
		return 0;
	case VHOST_SET_MEM_TABLE:
		return set_memory(d, arg);
	case VHOST_NET_SET_BACKEND:
		return set_net_backend(d, arg);
	case VHOST_VSOCK_SET_GUEST_CID:
		if (!d->vsock || fake_vhost.cid_taken)
			return -EADDRINUSE;
		d->cid = *(uint64_t *)arg;
		return 0;
	case VHOST_VSOCK_SET_RUNNING:
		if (!d->vsock || (*(int *)arg && (!d->ring[0].addr.desc_user_addr || !d->ring[1].addr.desc_user_addr)))
			return -EFAULT;
		d->running = *(int *)arg;
		return 0;
	}
	return set_ring(d, request, arg);
}

static int ioctl_dev(struct fake_file *file, unsigned long request, void *arg)
{
	pthread_mutex_lock(&lock);
	int ret = ioctl_locked(file->state, request, arg);

	pthread_mutex_unlock(&lock);
	return ret;
}

/* ---- Rings ---- */

static void *at(const struct fake_vhost_dev *d, uint64_t addr, uint32_t len)
{
	for (unsigned i = 0; i < d->nr_regions; i++) {
		uint64_t offset = addr - d->regions[i].guest_phys_addr;

		if (offset < d->regions[i].memory_size && len <= d->regions[i].memory_size - offset)
			return (void *)(d->regions[i].userspace_addr + offset);
	}
	abort();
}

static uint32_t copy_chain(const struct fake_vhost_dev *d, const struct vring_desc *table, unsigned i, uint8_t *out,
			   uint32_t *out_len, const uint8_t *in, uint32_t in_len)
{
	uint32_t room = *out_len, written = 0;

	if (table[i].flags & VRING_DESC_F_INDIRECT) {
		if (!(d->acked >> VIRTIO_RING_F_INDIRECT_DESC & 1))
			abort();
		table = at(d, table[i].addr, table[i].len);
		i = 0;
	}
	*out_len = 0;
	for (;; i = table[i].next) {
		uint8_t *mem = at(d, table[i].addr, table[i].len);
		bool write = table[i].flags & VRING_DESC_F_WRITE;
		uint32_t n = table[i].len, left = write ? in_len - written : room - *out_len;

		n = n < left ? n : left;
		if (write && n)
			memcpy(mem, in + written, n);
		else if (n)
			memcpy(out + *out_len, mem, n);
		if (write)
			written += n;
		else
			*out_len += n;
		if (!(table[i].flags & VRING_DESC_F_NEXT))
			return written;
	}
}

static bool serve_locked(struct fake_vhost_dev *d, unsigned index, void *out, uint32_t *out_len, const void *in,
			 uint32_t in_len)
{
	struct fake_vhost_ring *r = &d->ring[index];
	struct vring_avail *avail = (void *)(uintptr_t)r->addr.avail_user_addr;
	struct vring_used *used = (void *)(uintptr_t)r->addr.used_user_addr;
	uint64_t one = 1;

	if (!is_active(d, index) || __atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) == r->next_avail)
		return false;
	uint16_t head = avail->ring[r->next_avail++ % r->num];
	uint32_t len = copy_chain(d, (void *)(uintptr_t)r->addr.desc_user_addr, head, out, out_len, in, in_len);

	used->ring[r->next_used++ % r->num] = (struct vring_used_elem){head, len};
	__atomic_store_n(&used->idx, r->next_used, __ATOMIC_RELEASE);
	if (r->call >= 0 && write(r->call, &one, sizeof(one)) != sizeof(one))
		abort();
	return true;
}

bool fake_vhost_serve(unsigned n, unsigned index, void *out, uint32_t *out_len, const void *in, uint32_t in_len)
{
	pthread_mutex_lock(&lock);
	bool done = serve_locked(&fake_vhost.dev[n], index, out, out_len, in, in_len);

	pthread_mutex_unlock(&lock);
	return done;
}

void fake_vhost_install(void)
{
	static const struct fake_type net = {
		.prefix = "/dev/vhost-net", .open = open_net, .ioctl = ioctl_dev, .close = close_dev};
	static const struct fake_type vsock = {
		.prefix = "/dev/vhost-vsock", .open = open_vsock, .ioctl = ioctl_dev, .close = close_dev};

	fake_vhost = (struct fake_vhost){
		.features = UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_F_ACCESS_PLATFORM |
			    UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC | UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX |
			    UINT64_C(1) << 27 | UINT64_C(1) << 26 | UINT64_C(1) << 15 | UINT64_C(1) << 1,
	};
	fake_register(&net);
	fake_register(&vsock);
	fake_tap_install();
}

void fake_vhost_uninstall(void)
{
	for (unsigned i = 0; i < fake_vhost.nr_taps; i++)
		close(fake_vhost.tap[i]);
	fake_vhost.nr_taps = 0;
}
