/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/vhost.h>

#include "fd.h"
#include "log.h"
#include "sys.h"
#include "virtq_regs.h"

static int fail(const struct vhost_kernel *vk, const char *what)
{
	int err = -errno;

	return log_fail(err, "%s: the kernel's vhost device refuses %s: %s", vk->name, what, strerror(-err));
}

int vhost_kernel_open(struct vhost_kernel *vk, const char *path, const char *module, const char *name, bool quiet)
{
	*vk = (struct vhost_kernel){.fd = sys_open(path, O_RDWR), .name = name};
	if (vk->fd < 0) {
		int err = -errno;

		if (quiet)
			return err;
		return log_fail(err, "%s: cannot open %s: %s; load the module %s and give your user access to the file",
				name, path, strerror(-err), module);
	}
	int err = 0;

	if (sys_ioctl(vk->fd, VHOST_SET_OWNER, NULL) < 0)
		err = fail(vk, "an owner");
	else if (sys_ioctl(vk->fd, VHOST_GET_FEATURES, &vk->features) < 0)
		err = fail(vk, "to tell its features");
	if (err)
		fd_close(&vk->fd);
	return err;
}

void vhost_kernel_close(struct vhost_kernel *vk)
{
	fd_close(&vk->fd);
}

int vhost_kernel_begin(struct vhost_kernel *vk, uint64_t features, const struct relay_region *regions, unsigned n)
{
	_Alignas(struct vhost_memory)
		uint8_t room[sizeof(struct vhost_memory) + RELAY_MAX_REGIONS * sizeof(struct vhost_memory_region)] = {
			0};
	struct vhost_memory *memory = (struct vhost_memory *)room;

	memory->nregions = n;
	for (unsigned i = 0; i < n; i++)
		memory->regions[i] = (struct vhost_memory_region){
			.guest_phys_addr = regions[i].addr,
			.memory_size = regions[i].size,
			.userspace_addr = (uintptr_t)regions[i].host,
		};
	features &= vk->features;
	if (sys_ioctl(vk->fd, VHOST_SET_FEATURES, &features) < 0)
		return fail(vk, "the features of the guest's driver");
	if (sys_ioctl(vk->fd, VHOST_SET_MEM_TABLE, memory) < 0)
		return fail(vk, "the table of guest memory");
	return 0;
}

static int set_file(struct vhost_kernel *vk, unsigned long request, unsigned index, int fd)
{
	struct vhost_vring_file file = {.index = index, .fd = fd};

	return sys_ioctl(vk->fd, request, &file);
}

int vhost_kernel_call(struct vhost_kernel *vk, unsigned index, int call)
{
	return set_file(vk, VHOST_SET_VRING_CALL, index, call) < 0 ? fail(vk, "an eventfd for interrupts") : 0;
}

int vhost_kernel_ring(struct vhost_kernel *vk, const struct relay_ring *ring)
{
	struct vhost_vring_state num = {ring->index, ring->size}, base = {ring->index, 0};
	struct vhost_vring_addr addr = {
		.index = ring->index,
		.desc_user_addr = (uintptr_t)ring->desc,
		.used_user_addr = (uintptr_t)ring->used,
		.avail_user_addr = (uintptr_t)ring->avail,
	};

	if (sys_ioctl(vk->fd, VHOST_SET_VRING_NUM, &num) < 0)
		return fail(vk, "a queue's size");
	if (sys_ioctl(vk->fd, VHOST_SET_VRING_BASE, &base) < 0)
		return fail(vk, "a queue's base");
	if (sys_ioctl(vk->fd, VHOST_SET_VRING_ADDR, &addr) < 0)
		return fail(vk, "a queue's addresses");
	if (set_file(vk, VHOST_SET_VRING_ERR, ring->index, ring->err) < 0)
		return fail(vk, "an eventfd for errors");
	if (set_file(vk, VHOST_SET_VRING_KICK, ring->index, ring->kick) < 0)
		return fail(vk, "an eventfd for notifications");
	return vhost_kernel_call(vk, ring->index, ring->call);
}

unsigned vhost_kernel_ram(const struct gmem *mem, struct relay_region regions[static RELAY_MAX_REGIONS])
{
	for (unsigned i = 0; i < mem->nr_regions; i++)
		regions[i] = (struct relay_region){
			.addr = mem->regions[i].base.v,
			.size = mem->regions[i].size,
			.host = mem->regions[i].host,
			.fd = mem->regions[i].fd,
		};
	return mem->nr_regions;
}

bool vhost_kernel_can_direct(const struct virtio_device *dev)
{
	return !dev->ep.dma.translator && !virtio_has(dev, VIRTIO_F_RING_PACKED);
}

int vhost_kernel_direct(const struct virtq *q, struct relay_ring *ring)
{
	const struct gmem *mem = q->dma.space->gmem;
	int vector = atomic_load(&q->vector);

	*ring = (struct relay_ring){
		.index = q->index,
		.size = q->size,
		.desc = gmem_host(mem, gpa(q->desc), (uint64_t)VIRTQ_DESC_SIZE * q->size),
		.avail = gmem_host(mem, gpa(q->driver), virtq_avail_size(q->size)),
		.used = gmem_host(mem, gpa(q->device), virtq_used_size(q->size)),
		.kick = q->kick,
		.call = vector < 0 ? -1 : pci_endpoint_vector_fd(&q->dev->ep, (unsigned)vector),
		.err = -1,
	};
	if (ring->desc && ring->avail && ring->used)
		return 0;
	log_guest("%s: the rings of queue %u are not in the guest's RAM", q->dev->config.name, q->index);
	return -EFAULT;
}
