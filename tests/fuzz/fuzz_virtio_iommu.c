/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-iommu's request queue with emulated and assigned endpoints, on a host that fails when the input says so. The
 * input is a list of actions: requests as raw bytes or well-formed ones with random fields, DMA, buffers for events,
 * writes of the configuration, resets.
 *
 * Always true: an assigned device that is in front of RAM itself got there by bypass, and what it reaches in a domain
 * an emulated endpoint of the same domain reaches too.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define virtio_iommu_config virtio_iommu_config_space
#include <linux/virtio_iommu.h>
#undef virtio_iommu_config

#include "fake.h"
#include "fake_vfio.h"
#include "host_dev.h"
#include "log.h"
#include "virtio_driver.h"
#include "virtio_iommu.h"

#define EPS   4u /* two emulated, two assigned */
#define SPACE UINT64_C(0x20000)

static struct vd_world w;
static struct vd d;
static struct virtio_iommu *viommu;
static struct iommufd iommufd;
static struct iommu_obj *ram;
static struct dma_space space[2];
static struct dma_user user[2];
static struct host_dev dev[2];
static struct fake_vfio_dev fake[2];
static uint16_t rids[EPS] = {0x108, 0x110, 0x200, 0x208};
static uint64_t base; /* of memory for requests */

struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static void bytes(struct input *in, void *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)to)[i] = byte(in);
}

static void silent(enum log_level level, const char *line, void *opaque)
{
}

static uint16_t rid(void *owner)
{
	return *(uint16_t *)owner;
}

static void start(void)
{
	static const char *const bdfs[] = {"0000:00:05.0", "0000:00:06.0"};
	static struct virtio_iommu_config config = {
		.id = "viommu0",
		.input = {0, UINT64_MAX},
		.page_sizes = ~UINT64_C(0xfff),
		.has_msi = true,
		.msi = {0x8000000, 0x800ffff},
		.iommufd = &iommufd,
	};
	const struct gmem_region *r;

	log_set_sink(silent, NULL);
	fake_reset();
	fake_sysfs_create();
	fake_iommu_install();
	fake_vfio_install();
	vd_world_start(&w);
	r = &w.pci.vm.gmem.regions[0];
	vd_must(iommufd_open(&iommufd, -1) == 0 && ioas_create(&iommufd, &ram) == 0);
	vd_must(ioas_map_file(ram, iova(r->base.v), r->fd, 0, r->size) == 0);
	config.ram_ioas = ram;
	vd_must(virtio_iommu_create(&viommu, &w.pci.vm, &config) == 0);
	for (unsigned i = 0; i < EPS; i++) {
		struct viommu_endpoint ep = {.name = "ep", .rid = rid, .owner = &rids[i]};

		if (i < 2) {
			dma_space_init(&space[i], "ep", &w.pci.vm.gmem, &w.pci.vm.bus);
			dma_space_enable(&space[i], true);
			dma_user_init(&user[i], &space[i], NULL);
			vd_must(virtio_iommu_add_emulated(viommu, &ep, &space[i]) == 0);
		} else {
			fake_vfio_nvme(&fake[i - 2], NULL);
			fake_vfio_add(&fake[i - 2], bdfs[i - 2]);
			vd_must(host_dev_open(&dev[i - 2], bdfs[i - 2], &iommufd) == 0);
			vd_must(virtio_iommu_add_assigned(viommu, &ep, &dev[i - 2]) == 0);
		}
	}
	vd_probe(&d, &w, virtio_of(virtio_iommu_function(viommu)), 0);
	base = w.next_free;
}

static void stop(void)
{
	bus_lock(&w.pci.vm.bus);
	virtio_iommu_remove_all(viommu);
	bus_unlock(&w.pci.vm.bus);
	vd_world_stop(&w);
	for (unsigned i = 0; i < 2; i++)
		host_dev_close(&dev[i]);
	iommu_obj_destroy(&ram);
	iommufd_close(&iommufd);
	fake_sysfs_remove();
	vd_must(fake_leaks() == 0);
}

/* A request with fields of few values, so that it often means something. */
static uint32_t make_request(struct input *in, uint8_t *out)
{
	uint8_t how = byte(in), a = byte(in), b = byte(in), c = byte(in);
	struct virtio_iommu_req_attach attach = {
		.head.type = 1 + (how & 1),
		.domain = a & 3,
		.endpoint = rids[b & 3],
		.flags = (c & 7) == 0,
	};
	struct virtio_iommu_req_map map = {
		.head.type = VIRTIO_IOMMU_T_MAP,
		.domain = a & 3,
		.virt_start = (b & 31) * UINT64_C(0x1000),
		.phys_start = (c & 0x80 ? 0x9000000 : VD_RAM) + (c & 15) * UINT64_C(0x1000),
		.flags = c >> 4 & 7,
	};

	map.virt_end = map.virt_start + (b >> 5) * UINT64_C(0x1000) + 0xfff;
	if (how % 8 == 2) {
		map.head.type = VIRTIO_IOMMU_T_UNMAP;
		map.phys_start = 0;
	} else if (how % 8 < 2) {
		memcpy(out, &attach, sizeof(attach));
		return offsetof(struct virtio_iommu_req_attach, tail);
	}
	memcpy(out, &map, sizeof(map));
	return map.head.type == VIRTIO_IOMMU_T_MAP ? offsetof(struct virtio_iommu_req_map, tail)
						   : offsetof(struct virtio_iommu_req_unmap, tail);
}

static void request(struct input *in, bool raw)
{
	uint8_t out[96] = {0}, answer[512];
	uint32_t len, room = sizeof(struct virtio_iommu_req_tail);

	w.next_free = base + 0x100000;
	if (raw) {
		len = byte(in) % sizeof(out);
		room = 2u * byte(in);
		bytes(in, out, len);
	} else {
		len = make_request(in, out);
	}
	if (len == 0 && room == 0)
		return;
	vd_must(vd_call(&d, 0, out, len, answer, room) <= (int64_t)room);
}

static void do_dma(struct input *in)
{
	uint8_t what = byte(in);
	uint64_t at = what & 2 ? 0x8000040 : byte(in) * UINT64_C(0x400), x = 0;

	if (what & 1)
		dma_write(&user[what >> 7], at, &x, sizeof(x));
	else
		dma_read(&user[what >> 7], at, &x, sizeof(x));
}

/* What an assigned device reaches while it is not in front of RAM as a whole. */
static void check(void)
{
	for (unsigned i = 0; i < 2; i++) {
		uint64_t pa;

		if (!fake[i].attached || fake[i].attached->id == ram->id)
			continue;
		vd_must(!fake_iommu_translate(fake[i].attached, VD_RAM, false, &pa));
		for (uint64_t at = 0; at < SPACE; at += 0x1000)
			if (fake_iommu_translate(fake[i].attached, at, false, &pa))
				vd_must(gmem_contains(&w.pci.vm.gmem, gpa(pa), 0x1000));
	}
}

static void act(struct input *in)
{
	switch (byte(in) % 16) {
	case 0:
		request(in, true);
		break;
	case 1:
		do_dma(in);
		break;
	case 2:
		vd_add(&d, 1, &(struct vr_buf){base, 8u * (byte(in) % 8) + 1, true}, 1);
		vd_kick(&d, 1);
		break;
	case 3:
		vd_write(&d, d.config + byte(in) % 40, (uint8_t)(1u << byte(in) % 4), byte(in));
		break;
	case 4:
		w.next_free = base;
		vd_init(&d, byte(in) & 1 ? VD_ALL : VD_ALL & ~(uint64_t)byte(in), 0);
		break;
	case 5:
		fake_fail_nth(byte(in) % 4, byte(in) & 1 ? ENOMEM : EBUSY);
		break;
	case 6:
		rids[byte(in) % EPS] = (uint16_t)(0x100 | byte(in));
		break;
	default:
		request(in, false);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t first_rids[EPS] = {0x108, 0x110, 0x200, 0x208};
	struct input in = {data, size};
	static bool started;

	if (!started)
		start();
	started = true;
	memcpy(rids, first_rids, sizeof(rids));
	w.next_free = base;
	vd_must(vd_init(&d, VD_ALL, 0));
	for (unsigned i = 0; in.left > 0 && i < 256; i++) {
		act(&in);
		check();
	}
	fake_fail_nth(0, 0);
	vd_reset(&d);
	bus_lock(&w.pci.vm.bus);
	vd_must(pci_function_reset(virtio_iommu_function(viommu)) == 0);
	bus_unlock(&w.pci.vm.bus);
	vd_enable_pci(&d);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t pa;

		vd_must(!fake[i].attached || !fake_iommu_translate(fake[i].attached, 0, false, &pa));
	}
	/* What the host was told not to destroy piles up. */
	if (fake_iommu_seen.objects > 100) {
		stop();
		started = false;
	}
	return 0;
}
