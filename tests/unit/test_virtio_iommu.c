/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-iommu with emulated endpoints, clause by clause (virtio 1.3, 5.13). */
#include <endian.h>
#include <errno.h>

#include <linux/virtio_ids.h>

#include "run_suite.h"
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

START_TEST(bypass_modes)
{
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ), NOWHERE);
	vd_write(&d, d.config + 36, 1, 1);
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ | DMA_WRITE), PA(3));
	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ), NOWHERE);
	ck_assert_uint_eq(emu_goes(1, PA(3), DMA_READ), PA(3));
	ck_assert_int_eq(attach(2, EMU0, BYPASS), OK);
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ), PA(3));
	vd_write(&d, d.config + 36, 1, 0);
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ), PA(3));
	ck_assert_uint_eq(emu_goes(1, PA(3), DMA_READ), NOWHERE);
	ck_assert_int_eq(detach(2, EMU0), OK);
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ), NOWHERE);
}
END_TEST

/* 5.13.4.2: bypass survives a reset of the device, not one of the system; endpoints are detached by both. */
START_TEST(resets)
{
	vd_write(&d, d.config + 36, 1, 1);
	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), OK);
	vd_reset(&d);
	ck_assert_uint_eq(vd_config(&d, 36, 1), 1);
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ), PA(3));
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_eq(detach(1, EMU0), INVAL);
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), NOENT);
	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	ck_assert_uint_eq(emu_goes(0, 0, DMA_READ), NOWHERE); /* a new, empty domain */
	rig_lock();
	ck_assert_int_eq(pci_function_reset(virtio_iommu_function(viommu)), 0);
	rig_unlock();
	vd_enable_pci(&d);
	ck_assert_uint_eq(vd_config(&d, 36, 1), 0);
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ), NOWHERE);
}
END_TEST

START_TEST(boot_bypass)
{
	rig_defaults();
	rig_config.boot_bypass = true;
	rig_start(false);
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ | DMA_WRITE), PA(3));
	/* "This applies even if the driver does not accept the feature." */
	ck_assert(vd_init(&d, BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_F_ACCESS_PLATFORM), 0));
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ), PA(3));
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_uint_eq(vd_config(&d, 36, 1), 1);
	vd_write(&d, d.config + 36, 1, 0);
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ), NOWHERE);
	vd_reset(&d);
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ), NOWHERE);
	rig_lock();
	ck_assert_int_eq(pci_function_reset(virtio_iommu_function(viommu)), 0);
	rig_unlock();
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_READ), PA(3));
}
END_TEST

/* Cached translations end before the request that takes them away completes. */
START_TEST(caches_are_emptied)
{
	uint64_t seen;

	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	ck_assert_int_eq(attach(1, EMU1, 0), OK);
	ck_assert_int_eq(map(1, 0, END(7), PA(0), R | W), OK);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(dma_read(&emu[i].user, PAGE(3), &seen, 8), 0);
		ck_assert_uint_eq(seen, PA(3));
		emu[i].invalidated = 0;
	}
	ck_assert_int_eq(unmap(1, 0, END(7)), OK);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_ge(emu[i].invalidated, 1);
		ck_assert_int_eq(dma_read(&emu[i].user, PAGE(3), &seen, 8), -EFAULT);
	}
	ck_assert_int_eq(map(1, 0, END(7), PA(8), R | W), OK);
	ck_assert_int_eq(dma_read(&emu[0].user, PAGE(3), &seen, 8), 0);
	ck_assert_uint_eq(seen, PA(11));
	ck_assert_int_eq(attach(2, EMU0, 0), OK);
	ck_assert_int_eq(dma_read(&emu[0].user, PAGE(3), &seen, 8), -EFAULT);
	ck_assert_int_eq(dma_read(&emu[1].user, PAGE(3), &seen, 8), 0);
	emu[0].invalidated = 0;
	ck_assert_int_eq(detach(1, EMU1), OK);
	ck_assert_int_eq(dma_read(&emu[1].user, PAGE(3), &seen, 8), -EFAULT);
	ck_assert_uint_eq(emu[0].invalidated, 0); /* not its domain */
}
END_TEST

/* Messages pass untranslated; nothing else reaches, or leaves, the window. */
START_TEST(msi_window)
{
	struct dma_target t;

	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	ck_assert_uint_eq(emu_goes(0, MSI_PAGE + 0x40, DMA_WRITE), MSI_PAGE + 0x40);
	ck_assert_uint_eq(emu_goes(0, MSI_PAGE + 0xffff, DMA_WRITE), MSI_PAGE + 0xffff);
	ck_assert_uint_eq(emu_goes(0, MSI_PAGE + 0x40, DMA_READ), NOWHERE);
	ck_assert_uint_eq(emu_goes(0, MSI_PAGE + 0x10000, DMA_WRITE), NOWHERE);
	ck_assert_uint_eq(emu_goes(0, MSI_PAGE - 1, DMA_WRITE), NOWHERE);
	ck_assert_int_eq(dma_translate(&emu[0].space, 5, MSI_PAGE, DMA_WRITE, &t), -EFAULT); /* no PASIDs */
	ck_assert_int_eq(detach(1, EMU0), OK);
	ck_assert_uint_eq(emu_goes(0, MSI_PAGE + 0x40, DMA_WRITE), NOWHERE);
}
END_TEST

START_TEST(bus_numbers_move)
{
	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), OK);
	emu[0].rid = 0x708;
	ck_assert_int_eq(detach(1, EMU0), NOENT);
	ck_assert_uint_eq(emu_goes(0, 0, DMA_READ), PA(0)); /* it is still the same device */
	ck_assert_int_eq(detach(1, 0x708), OK);
}
END_TEST

static struct virtio_iommu_fault event(unsigned n, uint64_t at)
{
	struct virtio_iommu_fault f;
	uint16_t id;
	uint32_t len;

	(void)n;
	ck_assert(vd_used(&d, 1, &id, &len));
	ck_assert_uint_eq(len, sizeof(f));
	memcpy(&f, vd_mem(&w, at, sizeof(f)), sizeof(f));
	ck_assert(!f.reserved[0] && !f.reserved[1] && !f.reserved[2]);
	ck_assert(!f.reserved2[0] && !f.reserved2[1] && !f.reserved2[2] && !f.reserved2[3]);
	return f;
}

START_TEST(fault_reports)
{
	uint64_t at = vd_alloc(&w, 1024, 8), dropped = stats.viommu_faults_dropped, all = stats.viommu_faults;
	struct virtio_iommu_fault f;
	struct dma_target t;
	uint16_t id;
	uint32_t len;
	uint64_t x = 0;

	/* Without a buffer: dropped, nothing waits. */
	ck_assert_int_eq(dma_read(&emu[0].user, 0x5008, &x, 8), -EFAULT);
	ck_assert_uint_eq(stats.viommu_faults - all, 1);
	ck_assert_uint_eq(stats.viommu_faults_dropped - dropped, 1);
	for (unsigned i = 0; i < 8; i++) {
		memset(vd_mem(&w, at + i * 64, 64), 0xee, 64);
		ck_assert_int_ge(vd_add(&d, 1, &(struct vr_buf){at + i * 64, i == 6 ? 23 : 64, true}, 1), 0);
	}
	vd_kick(&d, 1);
	vd_interrupts(&d, 2);

	ck_assert_int_eq(dma_read(&emu[0].user, 0x5008, &x, 8), -EFAULT);
	f = event(0, at);
	ck_assert_uint_eq(f.reason, VIRTIO_IOMMU_FAULT_R_DOMAIN);
	ck_assert_uint_eq(le32toh(f.flags), VIRTIO_IOMMU_FAULT_F_READ | VIRTIO_IOMMU_FAULT_F_ADDRESS);
	ck_assert_uint_eq(le32toh(f.endpoint), EMU0);
	ck_assert_uint_eq(le64toh(f.address), 0x5008);
	ck_assert_uint_eq(vd_interrupts(&d, 2), 1);

	ck_assert_int_eq(attach(1, EMU1, 0), OK);
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), OK);
	ck_assert_int_eq(dma_write(&emu[1].user, 0xabc, &x, 8), -EFAULT);
	f = event(1, at + 64);
	ck_assert_uint_eq(f.reason, VIRTIO_IOMMU_FAULT_R_MAPPING);
	ck_assert_uint_eq(le32toh(f.flags), VIRTIO_IOMMU_FAULT_F_WRITE | VIRTIO_IOMMU_FAULT_F_ADDRESS);
	ck_assert_uint_eq(le32toh(f.endpoint), EMU1);
	ck_assert_uint_eq(le64toh(f.address), 0xabc);

	emu[1].rid = 0x999; /* the id of the moment */
	ck_assert_int_eq(dma_write(&emu[1].user, UINT64_MAX - 7, &x, 8), -EFAULT);
	f = event(2, at + 128);
	ck_assert_uint_eq(le32toh(f.endpoint), 0x999);
	ck_assert_uint_eq(le64toh(f.address), UINT64_MAX - 7);
	ck_assert_int_eq(dma_translate(&emu[1].space, 1, 0, DMA_READ, &t), -EFAULT);
	ck_assert_uint_eq(event(3, at + 192).reason, VIRTIO_IOMMU_FAULT_R_UNKNOWN);

	/* A question is no access. */
	ck_assert_uint_eq(emu_goes(1, 0x123000, DMA_READ), NOWHERE);
	ck_assert(!vd_used(&d, 1, &id, &len));

	/* A buffer that is too small comes back empty, and the event is lost. */
	ck_assert_int_eq(dma_read(&emu[0].user, 0x1000, &x, 8), -EFAULT);
	event(4, at + 256);
	ck_assert_int_eq(dma_read(&emu[0].user, 0x2000, &x, 8), -EFAULT);
	event(5, at + 320);
	dropped = stats.viommu_faults_dropped;
	ck_assert_int_eq(dma_read(&emu[0].user, 0x3000, &x, 8), -EFAULT);
	ck_assert(vd_used(&d, 1, &id, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_uint_eq(stats.viommu_faults_dropped - dropped, 1);
	ck_assert_int_eq(dma_read(&emu[0].user, 0x4000, &x, 8), -EFAULT);
	ck_assert_uint_eq(le64toh(event(7, at + 448).address), 0x4000);

	/* Neither does a device without a driver say anything. */
	vd_reset(&d);
	ck_assert_int_eq(dma_read(&emu[0].user, 0x4000, &x, 8), -EFAULT);
}
END_TEST

struct property {
	uint16_t type, length;
	uint8_t subtype, reserved[3];
	uint64_t start, end;
};

START_TEST(probe_requests)
{
	uint8_t out[72] = {VIRTIO_IOMMU_T_PROBE}, in[500];
	struct property p[2];
	uint32_t ep = EMU1;

	memset(out + 8, 0xff, 64); /* "MUST ignore reserved" */
	memcpy(out + 4, &ep, 4);
	ck_assert_int_eq(rig_call(out, 72, in, 388), 388);
	ck_assert_uint_eq(in[384], OK);
	memcpy(p, in, sizeof(p));
	ck_assert_uint_eq(p[0].type, VIRTIO_IOMMU_PROBE_T_RESV_MEM);
	ck_assert_uint_eq(p[0].length, 20);
	ck_assert_uint_eq(p[0].subtype, VIRTIO_IOMMU_RESV_MEM_T_MSI);
	ck_assert_uint_eq(p[0].start, MSI_PAGE);
	ck_assert_uint_eq(p[0].end, MSI_PAGE + 0xffff);
	ck_assert_uint_eq(p[1].subtype, VIRTIO_IOMMU_RESV_MEM_T_RESERVED);
	ck_assert_uint_eq(p[1].start, 0x100000); /* two that touch are one */
	ck_assert_uint_eq(p[1].end, 0x2fffff);
	for (unsigned i = 48; i < 384; i++)
		ck_assert_uint_eq(in[i], 0);
	ep = NOBODY;
	memcpy(out + 4, &ep, 4);
	ck_assert_int_eq(rig_call(out, 72, in, 500), 388);
	ck_assert_uint_eq(in[384], NOENT);
	for (unsigned i = 0; i < 384; i++)
		ck_assert_uint_eq(in[i], 0);
	ck_assert_uint_eq(in[388], 0xee);

	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	ck_assert_int_eq(map(1, 0x100000, 0x100fff, PA(0), R), INVAL);
	ck_assert_int_eq(map(1, 0x2ff000, 0x300fff, PA(0), R), INVAL);
	ck_assert_int_eq(map(1, 0x300000, 0x300fff, PA(0), R), OK);
}
END_TEST

static void setup_reserved(void)
{
	rig_defaults();
	rig_config.nr_reserved = 2;
	rig_config.reserved[0] = (struct range){0x200000, 0x2fffff};
	rig_config.reserved[1] = (struct range){0x100000, 0x1fffff};
	rig_start(false);
	ck_assert(vd_init(&d, VD_ALL, 0));
}

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

int main(void)
{
	Suite *suite = suite_create("virtio_iommu");
	TCase *off = tcase_create("no driver"), *tc = tcase_create("requests"), *boot = tcase_create("boot bypass"),
	      *reserved = tcase_create("reserved"), *narrow = tcase_create("narrow");

	tcase_add_checked_fixture(off, bare, teardown);
	tcase_add_test(off, identity);
	tcase_add_test(off, refused_configurations);
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
	tcase_add_test(tc, bypass_modes);
	tcase_add_test(tc, resets);
	tcase_add_test(tc, caches_are_emptied);
	tcase_add_test(tc, msi_window);
	tcase_add_test(tc, bus_numbers_move);
	tcase_add_test(tc, fault_reports);
	tcase_add_test(tc, endpoints_leave);
	tcase_add_test(tc, every_domain);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(boot, NULL, teardown);
	tcase_add_test(boot, boot_bypass);
	suite_add_tcase(suite, boot);
	tcase_add_checked_fixture(reserved, setup_reserved, teardown);
	tcase_add_test(reserved, probe_requests);
	suite_add_tcase(suite, reserved);
	tcase_add_checked_fixture(narrow, setup_narrow, teardown);
	tcase_add_test(narrow, input_range_and_granule);
	suite_add_tcase(suite, narrow);
	return run_suite(suite);
}
