/* SPDX-License-Identifier: Apache-2.0 */
/* What virtio-iommu does to emulated endpoints: bypass, resets, caches, messages, fault reports, and what PROBE tells.
 */
#include <endian.h>
#include <errno.h>

#include "run_suite.h"
#include "virtio_iommu_rig.h"

#define PAGE(n) (UINT64_C(0x1000) * (n))
#define END(n)	(PAGE((n) + 1) - 1)
#define PA(n)	(VD_RAM + PAGE(n))

enum {
	INVAL = VIRTIO_IOMMU_S_INVAL,
	NOENT = VIRTIO_IOMMU_S_NOENT,
};

static void setup(void)
{
	rig_defaults();
	rig_start(false);
	ck_assert(vd_init(&d, VD_ALL, 0));
}

static void teardown(void)
{
	rig_stop();
}

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

static struct virtio_iommu_fault event(uint64_t at)
{
	struct virtio_iommu_fault f;
	uint16_t id;
	uint32_t len;

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
	f = event(at);
	ck_assert_uint_eq(f.reason, VIRTIO_IOMMU_FAULT_R_DOMAIN);
	ck_assert_uint_eq(le32toh(f.flags), VIRTIO_IOMMU_FAULT_F_READ | VIRTIO_IOMMU_FAULT_F_ADDRESS);
	ck_assert_uint_eq(le32toh(f.endpoint), EMU0);
	ck_assert_uint_eq(le64toh(f.address), 0x5008);
	ck_assert_uint_eq(vd_interrupts(&d, 2), 1);

	ck_assert_int_eq(attach(1, EMU1, 0), OK);
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), OK);
	ck_assert_int_eq(dma_write(&emu[1].user, 0xabc, &x, 8), -EFAULT);
	f = event(at + 64);
	ck_assert_uint_eq(f.reason, VIRTIO_IOMMU_FAULT_R_MAPPING);
	ck_assert_uint_eq(le32toh(f.flags), VIRTIO_IOMMU_FAULT_F_WRITE | VIRTIO_IOMMU_FAULT_F_ADDRESS);
	ck_assert_uint_eq(le32toh(f.endpoint), EMU1);
	ck_assert_uint_eq(le64toh(f.address), 0xabc);

	emu[1].rid = 0x999; /* the id of the moment */
	ck_assert_int_eq(dma_write(&emu[1].user, UINT64_MAX - 7, &x, 8), -EFAULT);
	f = event(at + 128);
	ck_assert_uint_eq(le32toh(f.endpoint), 0x999);
	ck_assert_uint_eq(le64toh(f.address), UINT64_MAX - 7);
	ck_assert_int_eq(dma_translate(&emu[1].space, 1, 0, DMA_READ, &t), -EFAULT);
	ck_assert_uint_eq(event(at + 192).reason, VIRTIO_IOMMU_FAULT_R_UNKNOWN);

	/* A question is no access. */
	ck_assert_uint_eq(emu_goes(1, 0x123000, DMA_READ), NOWHERE);
	ck_assert(!vd_used(&d, 1, &id, &len));

	/* A buffer that is too small comes back empty, and the event is lost. */
	ck_assert_int_eq(dma_read(&emu[0].user, 0x1000, &x, 8), -EFAULT);
	event(at + 256);
	ck_assert_int_eq(dma_read(&emu[0].user, 0x2000, &x, 8), -EFAULT);
	event(at + 320);
	dropped = stats.viommu_faults_dropped;
	ck_assert_int_eq(dma_read(&emu[0].user, 0x3000, &x, 8), -EFAULT);
	ck_assert(vd_used(&d, 1, &id, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_uint_eq(stats.viommu_faults_dropped - dropped, 1);
	ck_assert_int_eq(dma_read(&emu[0].user, 0x4000, &x, 8), -EFAULT);
	ck_assert_uint_eq(le64toh(event(at + 448).address), 0x4000);

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

int main(void)
{
	Suite *suite = suite_create("virtio_iommu_dma");
	TCase *tc = tcase_create("dma"), *boot = tcase_create("boot bypass"), *reserved = tcase_create("reserved");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, bypass_modes);
	tcase_add_test(tc, resets);
	tcase_add_test(tc, caches_are_emptied);
	tcase_add_test(tc, msi_window);
	tcase_add_test(tc, bus_numbers_move);
	tcase_add_test(tc, fault_reports);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(boot, NULL, teardown);
	tcase_add_test(boot, boot_bypass);
	suite_add_tcase(suite, boot);
	tcase_add_checked_fixture(reserved, setup_reserved, teardown);
	tcase_add_test(reserved, probe_requests);
	suite_add_tcase(suite, reserved);
	return run_suite(suite);
}
