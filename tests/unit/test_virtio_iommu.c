/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-iommu with emulated endpoints, clause by clause (virtio 1.3, 5.13). */
#include <endian.h>
#include <errno.h>

#include <libfdt.h>

#include "fdtw.h"
#include "run_suite.h"
#include "virtio_iommu_priv.h"
#include "virtio_iommu_rig.h"

#define PAGE(n) (UINT64_C(0x1000) * (n))
#define END(n)	(PAGE((n) + 1) - 1)
#define PA(n)	(VD_RAM + PAGE(n))
#define LAST_ID (VIRTIO_IOMMU_MAX_DOMAINS - 1)

enum {
	INVAL = VIRTIO_IOMMU_S_INVAL,
	RANGE = VIRTIO_IOMMU_S_RANGE,
	NOENT = VIRTIO_IOMMU_S_NOENT,
	FAULT = VIRTIO_IOMMU_S_FAULT,
	NOMEM = VIRTIO_IOMMU_S_NOMEM,
};

static void bare(void)
{
	rig_defaults();
	rig_start(false);
}

static void setup(void)
{
	bare();
	ck_assert(vd_init(&d, VD_ALL, 0));
}

static void teardown(void)
{
	rig_stop();
}

START_TEST(identity)
{
	const uint64_t mine = BIT64(VIRTIO_IOMMU_F_INPUT_RANGE) | BIT64(VIRTIO_IOMMU_F_DOMAIN_RANGE) |
			      BIT64(VIRTIO_IOMMU_F_MAP_UNMAP) | BIT64(VIRTIO_IOMMU_F_PROBE) |
			      BIT64(VIRTIO_IOMMU_F_MMIO) | BIT64(VIRTIO_IOMMU_F_BYPASS_CONFIG);

	ck_assert_uint_eq(vd_cfg_read(&d, PCI_VENDOR_ID, 4), 0x10571af4);
	ck_assert_uint_eq(vd_cfg_read(&d, PCI_CLASS_DEVICE, 2), 0x0806);
	ck_assert_uint_eq(vd_offered(&d) & 0xffffff, mine); /* never BYPASS, 5.13.3.2 */
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_NUMQ, 2), 2);
	ck_assert_uint_eq(virtio_iommu_function(viommu)->dt_phandle, 0x1000);
}
END_TEST

START_TEST(configuration_space)
{
	ck_assert_uint_eq(d.config_len, 40);
	ck_assert_uint_eq(vd_config(&d, 0, 8), ~UINT64_C(0xfff));
	ck_assert_uint_eq(vd_config(&d, 8, 8), 0);
	ck_assert_uint_eq(vd_config(&d, 16, 8), UINT64_MAX);
	ck_assert_uint_eq(vd_config(&d, 24, 4), 0);
	ck_assert_uint_eq(vd_config(&d, 28, 4), LAST_ID);
	ck_assert_uint_eq(vd_config(&d, 32, 4), 24 * VIRTIO_IOMMU_MAX_REGIONS);
	ck_assert_uint_eq(vd_config(&d, 36, 4), 0);
	/* Only `bypass` takes writes, and only 0 and 1. */
	for (unsigned i = 0; i < 40; i++)
		if (i != 36)
			vd_write(&d, d.config + i, 1, 0x5a);
	vd_write(&d, d.config + 36, 1, 2);
	vd_write(&d, d.config + 36, 1, 0xff);
	ck_assert_uint_eq(vd_config(&d, 0, 8), ~UINT64_C(0xfff));
	ck_assert_uint_eq(vd_config(&d, 16, 8), UINT64_MAX);
	ck_assert_uint_eq(vd_config(&d, 36, 4), 0);
	vd_write(&d, d.config + 36, 4, 0x33221101);
	ck_assert_uint_eq(vd_config(&d, 36, 4), 1);
	vd_write(&d, d.config + 36, 1, 0);
	ck_assert_uint_eq(vd_config(&d, 36, 4), 0);
}
END_TEST

START_TEST(refused_configurations)
{
	struct virtio_iommu *v;
	struct virtio_iommu_config c = rig_config;

	c.page_sizes = 0;
	ck_assert_int_eq(virtio_iommu_create(&v, &w.pci.vm, &c), -EINVAL);
	c.page_sizes = 0x800 | 0x1000;
	ck_assert_int_eq(virtio_iommu_create(&v, &w.pci.vm, &c), -EINVAL);
	c = rig_config;
	c.input.last = 0x17ff;
	ck_assert_int_eq(virtio_iommu_create(&v, &w.pci.vm, &c), -EINVAL);
	c = rig_config;
	c.nr_reserved = VIRTIO_IOMMU_MAX_REGIONS;
	ck_assert_int_eq(virtio_iommu_create(&v, &w.pci.vm, &c), -EINVAL);
	ck_assert_ptr_null(v);
	ck_assert_uint_eq(captured_errors, 4);
}
END_TEST

/* One request after the other; the state before each row is what the rows above have left. */
struct row {
	enum { ATTACH, DETACH, MAP, UNMAP } what;
	uint32_t domain;
	uint64_t a, b, c; /* endpoint, flags | first, last, pa */
	uint32_t flags;
	int status;
};

static void run(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		int status = r->what == ATTACH	 ? attach(r->domain, (uint32_t)r->a, (uint32_t)r->b)
			     : r->what == DETACH ? detach(r->domain, (uint32_t)r->a)
			     : r->what == MAP	 ? map(r->domain, r->a, r->b, r->c, r->flags)
						 : unmap(r->domain, r->a, r->b);

		ck_assert_msg(status == r->status, "row %zu: status %d, not %d", i, status, r->status);
	}
}

START_TEST(attach_and_detach)
{
	static const struct row rows[] = {
		{ATTACH, 1, NOBODY, 0, .status = NOENT},
		{ATTACH, 1, UINT32_MAX, 0, .status = NOENT},
		{ATTACH, 1, 0x10000 | EMU0, 0, .status = NOENT},
		{ATTACH, 1, EMU0, 2, .status = INVAL},
		{ATTACH, 1, EMU0, 0x80000001, .status = INVAL},
		{ATTACH, LAST_ID + 1, EMU0, 0, .status = RANGE},
		{ATTACH, UINT32_MAX, EMU0, 0, .status = RANGE},
		{DETACH, 1, EMU0, .status = INVAL}, /* no such domain */
		{DETACH, 1, NOBODY, .status = NOENT},
		{DETACH, UINT32_MAX, EMU0, .status = INVAL},
		{ATTACH, 1, EMU0, 0, .status = OK},
		{ATTACH, 1, EMU0, 0, .status = OK},
		{ATTACH, 1, EMU0, BYPASS, .status = INVAL}, /* inconsistent */
		{ATTACH, 1, EMU1, BYPASS, .status = INVAL},
		{DETACH, 2, EMU0, .status = INVAL},
		{DETACH, 1, EMU1, .status = INVAL},	  /* not attached to it */
		{ATTACH, LAST_ID, EMU0, 0, .status = OK}, /* moves; 1 is gone */
		{DETACH, 1, EMU0, .status = INVAL},
		{MAP, 1, PAGE(0), END(0), PA(0), R, NOENT},
		{ATTACH, 1, EMU0, BYPASS, .status = OK}, /* so 1 may be another kind now */
		{ATTACH, 1, EMU1, 0, .status = INVAL},
		{ATTACH, 1, EMU1, BYPASS, .status = OK},
		{MAP, 1, PAGE(0), END(0), PA(0), R, INVAL}, /* a bypass domain */
		{UNMAP, 1, PAGE(0), END(0), .status = INVAL},
		{DETACH, 1, EMU0, .status = OK},
		{DETACH, 1, EMU0, .status = INVAL},
		{DETACH, 1, EMU1, .status = OK},
		{UNMAP, 1, PAGE(0), END(0), .status = NOENT},
	};

	run(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(map_requests)
{
	static const struct row rows[] = {
		{MAP, 1, PAGE(0), END(0), PA(0), R, NOENT},
		{MAP, UINT32_MAX, PAGE(0), END(0), PA(0), R, NOENT},
		{ATTACH, 1, EMU0, 0, .status = OK},
		{MAP, 1, PAGE(0), END(0), PA(0), 8, INVAL},
		{MAP, 1, PAGE(0), END(0), PA(0), 0x80000001, INVAL},
		{MAP, 1, PAGE(1), PAGE(1), PA(0), R, RANGE},
		{MAP, 1, PAGE(1), END(0), PA(0), R, INVAL}, /* empty */
		{MAP, 1, PAGE(2), PAGE(1), PA(0), R, INVAL},
		{MAP, 1, UINT64_MAX, 0, PA(0), R, INVAL},
		{MAP, 1, PAGE(1) + 1, END(1), PA(0), R, RANGE},
		{MAP, 1, PAGE(1), END(1) - 1, PA(0), R, RANGE},
		{MAP, 1, PAGE(1), END(1) + 1, PA(0), R, RANGE},
		{MAP, 1, PAGE(1), END(1), PA(0) + 0x800, R, RANGE},
		{MAP, 1, PAGE(1), END(2), ~UINT64_C(0xfff), R, FAULT}, /* phys_end wraps */
		{MAP, 1, 0, UINT64_MAX, 0, R, INVAL},		       /* touches the MSI window */
		{MAP, 1, MSI_PAGE, MSI_PAGE + 0xfff, PA(0), R, INVAL},
		{MAP, 1, MSI_PAGE + 0xf000, MSI_PAGE + 0x10fff, PA(0), R, INVAL},
		{MAP, 1, PAGE(4), END(7), PA(4), R | W, OK},
		{MAP, 1, PAGE(4), END(7), PA(4), R | W, INVAL}, /* a mapping exists */
		{MAP, 1, PAGE(7), END(7), PA(4), R, INVAL},
		{MAP, 1, PAGE(3), END(4), PA(4), R, INVAL},
		{MAP, 1, PAGE(0), END(9), PA(4), R, INVAL},
		{MAP, 1, PAGE(3), END(3), PA(4), R, OK},
		{MAP, 1, PAGE(8), END(8), PA(4), W, OK},
		{MAP, 1, PAGE(9), END(9), 0x9000000, R | W | MMIO, OK},
		{MAP, 1, PAGE(10), END(10), 0x9000000, MMIO, OK}, /* no access, but taken */
		{MAP, 1, PAGE(10), END(10), PA(0), R, INVAL},
		{MAP, 1, ~UINT64_C(0xfff), UINT64_MAX, PA(4), R, OK},
		{MAP, 1, PAGE(12), END(12), ~UINT64_C(0xfff), R, OK}, /* nothing there: for the DMA to find out */
	};

	run(rows, ARRAY_LEN(rows));
	ck_assert_uint_eq(emu_goes(0, PAGE(5) + 5, DMA_READ | DMA_WRITE), PA(5) + 5);
	ck_assert_uint_eq(emu_goes(0, PAGE(3), DMA_READ), PA(4));
	ck_assert_uint_eq(emu_goes(0, PAGE(3), DMA_WRITE), NOWHERE);
	ck_assert_uint_eq(emu_goes(0, PAGE(3), DMA_READ | DMA_WRITE), NOWHERE);
	ck_assert_uint_eq(emu_goes(0, PAGE(8), DMA_READ), NOWHERE);
	ck_assert_uint_eq(emu_goes(0, PAGE(8), DMA_WRITE), PA(4));
	ck_assert_uint_eq(emu_goes(0, PAGE(9) + 8, DMA_WRITE), 0x9000008);
	ck_assert_uint_eq(emu_goes(0, PAGE(10), DMA_READ), NOWHERE);
	ck_assert_uint_eq(emu_goes(0, UINT64_MAX, DMA_READ), PA(4) + 0xfff);
	ck_assert_uint_eq(emu_goes(0, PAGE(2), DMA_READ), NOWHERE);
	ck_assert_uint_eq(emu_goes(1, PAGE(5), DMA_READ), NOWHERE);
}
END_TEST

/* The examples of 5.13.6.6, one page for each address. */
START_TEST(unmap_requests)
{
	static const struct row rows[] = {
		{UNMAP, 1, PAGE(0), END(4), .status = NOENT},
		{ATTACH, 1, EMU0, 0, .status = OK},
		{UNMAP, 1, PAGE(0), END(4), .status = OK}, /* (1) */
		{MAP, 1, PAGE(0), END(9), PA(0), R, OK},   /* (2) */
		{UNMAP, 1, PAGE(0), END(9), .status = OK},
		{MAP, 1, PAGE(0), END(4), PA(0), R, OK}, /* (3) */
		{MAP, 1, PAGE(5), END(9), PA(5), R, OK},
		{UNMAP, 1, PAGE(0), END(9), .status = OK},
		{MAP, 1, PAGE(0), END(9), PA(0), R, OK}, /* (4) */
		{UNMAP, 1, PAGE(0), END(4), .status = RANGE},
		{UNMAP, 1, PAGE(5), END(9), .status = RANGE},
		{UNMAP, 1, PAGE(5), END(5), .status = RANGE},
		{UNMAP, 1, PAGE(5), UINT64_MAX, .status = RANGE},
		{UNMAP, 1, 0, UINT64_MAX, .status = OK},
		{MAP, 1, PAGE(0), END(4), PA(0), R, OK}, /* (5) */
		{MAP, 1, PAGE(5), END(9), PA(5), R, OK},
		{UNMAP, 1, PAGE(0), END(4), .status = OK},
		{MAP, 1, PAGE(0), END(4), PA(0), R, OK}, /* a was gone; b is not */
		{MAP, 1, PAGE(5), END(9), PA(5), R, INVAL},
		{UNMAP, 1, PAGE(3), END(9), .status = RANGE}, /* removes nothing */
		{MAP, 1, PAGE(9), END(9), PA(5), R, INVAL},
		{UNMAP, 1, 1, UINT64_MAX, .status = RANGE},
		{UNMAP, 1, PAGE(9), END(8), .status = INVAL},
		{UNMAP, 1, PAGE(9), PAGE(1), .status = INVAL},
		{UNMAP, 1, 0, UINT64_MAX, .status = OK},
		{MAP, 1, PAGE(0), END(4), PA(0), R, OK}, /* (7) */
		{MAP, 1, PAGE(10), END(14), PA(0), R, OK},
		{UNMAP, 1, 0, END(14) + 17, .status = OK}, /* (6): may spill over, aligned or not */
		{UNMAP, 1, 0, UINT64_MAX, .status = OK},
		{UNMAP, 1, 5, 5, .status = OK},
	};
	struct virtio_iommu_req_unmap req = {.head.type = VIRTIO_IOMMU_T_UNMAP, .domain = 1, .reserved = {[3] = 1}};

	run(rows, ARRAY_LEN(rows));
	ck_assert_uint_eq(emu_goes(0, 0, DMA_READ), NOWHERE);
	ck_assert_int_eq(rig_request(&req, offsetof(struct virtio_iommu_req_unmap, tail)), INVAL);
}
END_TEST

START_TEST(reserved_fields_of_attach)
{
	for (unsigned i = 0; i < 4; i++) {
		struct virtio_iommu_req_attach req = {.head.type = VIRTIO_IOMMU_T_ATTACH, .endpoint = EMU0};

		req.reserved[i] = 0x80;
		ck_assert_int_eq(rig_request(&req, offsetof(struct virtio_iommu_req_attach, tail)), INVAL);
	}
	ck_assert_int_eq(detach(0, EMU0), INVAL);
}
END_TEST

/* 5.13.6.2: what cannot be parsed comes back as it was. */
START_TEST(malformed_requests)
{
	static const struct {
		uint8_t type;
		uint32_t out, in;
		int64_t used; /* 4: INVAL in a tail */
	} rows[] = {
		{0, 64, 64, 0}, {6, 64, 64, 0}, {0x80, 64, 64, 0}, {255, 64, 64, 0},  {1, 20, 0, 0},	 {1, 20, 1, 0},
		{1, 20, 3, 0},	{1, 3, 4, 0},	{1, 0, 4, 0},	   {1, 4, 4, 4},      {1, 19, 4, 4},	 {2, 19, 4, 4},
		{3, 35, 4, 4},	{4, 27, 4, 4},	{3, 1, 4, 0},	   {5, 71, 388, 388}, {5, 72, 387, 387}, {5, 72, 4, 4},
		{5, 72, 3, 0},	{5, 72, 0, 0},	{5, 71, 500, 388},
	};
	uint8_t out[128] = {0}, in[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t used;

		memset(in, 0, sizeof(in));
		out[0] = rows[i].type;
		used = rig_call(out, rows[i].out, in, rows[i].in);
		ck_assert_msg(used == rows[i].used, "row %zu: used %lld", i, (long long)used);
		for (int64_t j = 0; j < used - 4; j++)
			ck_assert_msg(in[j] == 0, "row %zu", i); /* no property */
		if (used)
			ck_assert_msg(in[used - 4] == INVAL && !in[used - 3], "row %zu: status %u", i, in[used - 4]);
		for (uint32_t j = (uint32_t)used; j < rows[i].in; j++)
			ck_assert_msg(in[j] == 0xee, "row %zu: byte %u written", i, j);
	}
	/* Longer ones than we know are fine: the tail is where it belongs. */
	memset(out, 0, sizeof(out));
	out[0] = VIRTIO_IOMMU_T_DETACH;
	ck_assert_int_eq(rig_call(out, 128, in, 64), 4);
	ck_assert_uint_eq(in[0], NOENT);
	ck_assert_uint_eq(in[4], 0xee);
	ck_assert_int_eq(attach(1, EMU0, 0), OK); /* and the queue goes on */
}
END_TEST

/* Requests come in pieces of any size. */
START_TEST(scattered_request)
{
	struct virtio_iommu_req_attach req = {.head.type = VIRTIO_IOMMU_T_ATTACH, .domain = 7, .endpoint = EMU0};
	const uint32_t len = offsetof(struct virtio_iommu_req_attach, tail);
	uint64_t at = vd_alloc(&w, 64, 8);
	struct vr_buf bufs[24];
	uint16_t id;
	uint32_t used;
	unsigned n = 0;

	memcpy(vd_mem(&w, at, len), &req, len);
	for (; n < len; n++)
		bufs[n] = (struct vr_buf){at + n, 1, false};
	for (; n < len + 4; n++)
		bufs[n] = (struct vr_buf){at + 32 + n, 1, true};
	ck_assert_int_ge(vd_add(&d, 0, bufs, n), 0);
	vd_kick(&d, 0);
	ck_assert(vd_used(&d, 0, &id, &used));
	ck_assert_uint_eq(used, 4);
	ck_assert_uint_eq(*(uint8_t *)vd_mem(&w, at + 32 + len, 1), OK);
	ck_assert_int_eq(detach(7, EMU0), OK);
}
END_TEST

/* 5.13.6: requests and flags come with their features. */
START_TEST(without_features)
{
	const uint64_t none = BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_F_ACCESS_PLATFORM);
	uint8_t probe[72] = {VIRTIO_IOMMU_T_PROBE}, in[512];

	ck_assert(vd_init(&d, none, 0));
	ck_assert_int_eq(attach(1, EMU0, BYPASS), INVAL);
	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), -1);
	ck_assert_int_eq(unmap(1, 0, END(0)), -1);
	ck_assert_int_eq(rig_call(probe, 72, in, 388), 0);
	vd_write(&d, d.config + 36, 1, 1);
	ck_assert_uint_eq(vd_config(&d, 36, 1), 0);
	ck_assert(vd_init(&d, none | BIT64(VIRTIO_IOMMU_F_MAP_UNMAP), 0));
	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	ck_assert_int_eq(map(1, 0, END(0), 0x9000000, R | MMIO), INVAL);
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), OK);
	ck_assert_uint_eq(emu_goes(0, 0, DMA_READ), PA(0));
}
END_TEST

/* "All requests complete inside the notification": nothing of ours runs in between. */
START_TEST(requests_are_synchronous)
{
	struct virtio_iommu_req_attach req = {.head.type = VIRTIO_IOMMU_T_ATTACH, .domain = 3, .endpoint = EMU1};
	uint64_t at = vd_alloc(&w, 64, 8);
	struct vr_buf bufs[] = {{at, offsetof(struct virtio_iommu_req_attach, tail), false}, {at + 32, 4, true}};
	uint16_t id;
	uint32_t used;

	memcpy(vd_mem(&w, at, sizeof(req)), &req, sizeof(req));
	for (unsigned i = 0; i < 500; i++) {
		ck_assert_int_ge(vd_add(&d, 0, bufs, 2), 0);
		vd_kick_if_wanted(&d, 0);
		ck_assert(vd_used(&d, 0, &id, &used));
	}
}
END_TEST

static void setup_narrow(void)
{
	rig_defaults();
	rig_config.input = (struct range){0x10000, 0xffffffff};
	rig_config.page_sizes = 0x10000 | 0x2000000;
	rig_start(false);
	ck_assert(vd_init(&d, VD_ALL, 0));
}

START_TEST(input_range_and_granule)
{
	static const struct row rows[] = {
		{ATTACH, 1, EMU0, 0, .status = OK},
		{MAP, 1, 0, 0xffff, PA(0), R, RANGE},
		{MAP, 1, 0, 0x1ffff, PA(0), R, RANGE},
		{MAP, 1, 0x10000, 0x1ffff, PA(0), R, OK},
		{MAP, 1, 0x20000, 0x20fff, PA(0), R, RANGE},
		{MAP, 1, 0x20000, 0x2ffff, PA(1), R, RANGE},
		{MAP, 1, 0xffff0000, 0xffffffff, PA(0), R, OK},
		{MAP, 1, 0xfffe0000, 0x10000ffff, PA(0), R, RANGE},
		{MAP, 1, 0x100000000, 0x10000ffff, PA(0), R, RANGE},
		{UNMAP, 1, 0, UINT64_MAX, .status = OK},
	};

	run(rows, ARRAY_LEN(rows));
	ck_assert_uint_eq(vd_config(&d, 8, 8), 0x10000);
	ck_assert_uint_eq(vd_config(&d, 16, 8), 0xffffffff);
}
END_TEST

START_TEST(endpoints_leave)
{
	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	rig_lock();
	virtio_iommu_remove(viommu, &emu[0].rid);
	virtio_iommu_remove(viommu, &emu[0].rid);
	rig_unlock();
	ck_assert_int_eq(attach(1, EMU0, 0), NOENT);
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), NOENT);
	ck_assert_uint_eq(emu_goes(0, PA(0), DMA_READ), PA(0)); /* in front of memory, as without the vIOMMU */
}
END_TEST

/* As many as there are ids; each is free again with its last endpoint. */
START_TEST(every_domain)
{
	for (uint32_t id = 0; id <= LAST_ID; id++)
		ck_assert_int_eq(attach(id, id & 1 ? EMU0 : EMU1, 0), OK);
	for (uint32_t id = 0; id < LAST_ID - 1; id++)
		ck_assert_int_eq(map(id, 0, END(0), PA(0), R), NOENT);
	ck_assert_int_eq(map(LAST_ID, 0, END(0), PA(0), R), OK);
}
END_TEST

START_TEST(too_many_mappings)
{
	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	viommu->nr_mappings = VIRTIO_IOMMU_MAX_MAPPINGS - 1;
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), OK);
	ck_assert_int_eq(map(1, PAGE(1), END(1), PA(0), R), NOMEM);
	ck_assert_int_eq(unmap(1, 0, END(0)), OK);
	ck_assert_int_eq(map(1, PAGE(1), END(1), PA(0), R), OK);
	viommu->nr_mappings = 1;
	ck_assert_int_eq(map(1, PAGE(2), END(2), PA(0), R), OK);
	ck_assert_int_eq(detach(1, EMU0), OK);
	ck_assert_uint_eq(viommu->nr_mappings, 0);
}
END_TEST

START_TEST(device_tree)
{
	struct pci_function *fn = virtio_iommu_function(viommu);
	struct fdtw fdt;
	size_t len;
	int node;

	ck_assert_int_eq(fdtw_start(&fdt), 0);
	fdtw_begin(&fdt, "%s", "");
	fdtw_begin(&fdt, "iommu@1,0");
	fn->ops->describe(fn, &fdt);
	fdtw_end(&fdt);
	fdtw_end(&fdt);
	ck_assert_int_eq(fdtw_finish(&fdt, &len), 0);
	node = fdt_path_offset(fdt.buf, "/iommu@1,0");
	ck_assert_int_eq(fdt_node_check_compatible(fdt.buf, node, "virtio,pci-iommu"), 0);
	ck_assert_uint_eq(fdt32_to_cpu(*(const fdt32_t *)fdt_getprop(fdt.buf, node, "#iommu-cells", NULL)), 1);
	fdtw_free(&fdt);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio_iommu");
	TCase *off = tcase_create("no driver"), *tc = tcase_create("requests"), *narrow = tcase_create("narrow");

	tcase_add_checked_fixture(off, bare, teardown);
	tcase_add_test(off, identity);
	tcase_add_test(off, refused_configurations);
	tcase_add_test(off, device_tree);
	tcase_add_test(off, without_features);
	suite_add_tcase(suite, off);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, configuration_space);
	tcase_add_test(tc, attach_and_detach);
	tcase_add_test(tc, map_requests);
	tcase_add_test(tc, unmap_requests);
	tcase_add_test(tc, reserved_fields_of_attach);
	tcase_add_test(tc, malformed_requests);
	tcase_add_test(tc, scattered_request);
	tcase_add_test(tc, requests_are_synchronous);
	tcase_add_test(tc, endpoints_leave);
	tcase_add_test(tc, every_domain);
	tcase_add_test(tc, too_many_mappings);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(narrow, setup_narrow, teardown);
	tcase_add_test(narrow, input_range_and_granule);
	suite_add_tcase(suite, narrow);
	return run_suite(suite);
}
