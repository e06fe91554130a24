/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device security of an emulated endpoint, through its registers: the way to RUN, what it means for DMA and BARs, and
 * each thing a guest can do that ends it. SPDM is the double of tests/fake: sessions without cryptography.
 */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "doe_mailbox.h"
#include "fake_irq.h"
#include "fake_pci.h"
#include "fake_spdm.h"
#include "ide_km.h"
#include "log.h"
#include "pci_endpoint.h"
#include "pci_tdi.h"
#include "run_suite.h"
#include "tdisp_requester.h"
#include "wire.h"

#define DOE	   0x260u
#define IDE	   0x300u
#define PASID	   0x160u
#define STREAM_CTL (IDE + 0x18)
#define MSIX_CTL   (PCI_ENDPOINT_CAP_MSIX + PCI_MSIX_FLAGS)
#define DEVCTL	   (PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL)
#define PMCSR	   (PCI_ENDPOINT_CAP_PM + PCI_PM_CTRL)
#define BAR0	   UINT64_C(0x10000000)
#define BAR2	   UINT64_C(0x8000000000)
#define MSIX_AT	   0x10000u
#define SESSION	   0x10002u
#define OTHER	   0x20003u
#define STREAM	   6u

static struct fake_pci w;
static struct loop loop;
static struct doe_mailbox mb;
static struct tdisp_requester tsm;
static struct tdisp_report report;

static struct device_under_test {
	struct pci_endpoint ep;
	struct pci_tdi *tdi;
	unsigned resets;
	/* config space at the moment DMA went off the last time */
	uint32_t command, bar0, bar0_now;
} dut;

static enum bus_verdict dut_bar(struct pci_endpoint *ep, unsigned bar, struct bus_access *access)
{
	access->value = 0x55;
	return BUS_HANDLED;
}

static void dut_master(struct pci_endpoint *ep, bool on)
{
	if (on)
		return;
	dut.command = pci_cfg_get(&ep->fn.cfg, PCI_COMMAND, 2);
	dut.bar0 = pci_cfg_get(&ep->fn.cfg, PCI_BASE_ADDRESS_0, 4);
	dut.bar0_now = (uint32_t)ep->fn.bars[0].addr;
}

static void dut_reset(struct pci_endpoint *ep)
{
	ck_assert(!ep->dma.enabled);
	dut.resets++;
}

static void dut_destroy(struct pci_endpoint *ep)
{
	pci_tdi_destroy(dut.tdi);
	pci_endpoint_fini(ep);
}

static const struct pci_endpoint_ops dut_ops = {
	.bar_access = dut_bar, .bus_master = dut_master, .reset = dut_reset, .destroy = dut_destroy};

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void cfg(unsigned reg, uint8_t size, uint64_t value)
{
	fake_cfg_write(&w, 1, 0, reg, size, value);
}

static uint32_t get(unsigned reg, uint8_t size)
{
	return (uint32_t)fake_cfg_read(&w, 1, 0, reg, size);
}

static uint32_t load(uint64_t addr)
{
	uint64_t value;

	bus_read(&w.vm.bus, addr, 4, &value);
	return (uint32_t)value;
}

static int guest_read(void *opaque, uint16_t offset, uint32_t *value)
{
	*value = get(offset, 4);
	return 0;
}

static int guest_write(void *opaque, uint16_t offset, uint32_t value)
{
	cfg(offset, 4, value);
	return 0;
}

static void guest_sleep(void *opaque, unsigned us)
{
	nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

static const struct doe_cfg_ops guest_ops = {guest_read, guest_write, guest_sleep};

/* One message to the double of SPDM. Bytes of the payload of its answer; -EBADMSG: refused; -ETIMEDOUT: none. */
static int spdm(enum fake_spdm_op op, uint32_t session, const uint8_t *payload, size_t len, uint8_t *rsp, size_t cap)
{
	uint8_t buf[2048];
	struct wire_out out = wire_out(buf, sizeof(buf));

	wire_put_u8(&out, (uint8_t)op);
	wire_put_u32(&out, session);
	wire_put_u16(&out, (uint16_t)len);
	wire_put(&out, payload, len);
	int n = doe_exchange(&mb, 1, 1, buf, out.len, buf, sizeof(buf));

	if (n < 0)
		return n;
	struct wire_in in = wire_in(buf, (size_t)n);

	ck_assert_uint_eq(wire_u8(&in), op);
	ck_assert_uint_eq(wire_u32(&in), session);
	uint16_t got = wire_u16(&in);

	if (got == 0xffff)
		return -EBADMSG;
	ck_assert_uint_le(got, cap);
	wire_copy(&in, rsp, got);
	return got;
}

static int exchange(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	return spdm(FAKE_SPDM_VENDOR, *(uint32_t *)opaque, req, len, rsp, cap);
}

static uint32_t session = SESSION, other = OTHER;

static void open_session(uint32_t id)
{
	ck_assert_int_eq(spdm(FAKE_SPDM_BEGIN, id, NULL, 0, NULL, 0), 0);
}

static void give_keys(uint32_t *id)
{
	struct ide_keys keys;

	ck_assert_int_eq(ide_keys_generate(&keys), 0);
	cfg(STREAM_CTL, 4, STREAM << 24);
	ck_assert_int_eq(ide_km_start_stream("dut", 0, STREAM, 0, &keys, exchange, id), 0);
	cfg(STREAM_CTL, 4, STREAM << 24 | 1);
	ck_assert_uint_eq(get(STREAM_CTL + 4, 4), 2);
}

static int lock(uint16_t flags)
{
	struct tdisp_lock l = {.flags = flags, .stream = STREAM, .mmio_offset = 0x100000};

	return tdisp_lock_interface(&tsm, "dut", &l, exchange, &session, &report);
}

static void switch_on(void)
{
	cfg(PCI_BASE_ADDRESS_0, 4, BAR0);
	cfg(PCI_BASE_ADDRESS_2, 4, (uint32_t)BAR2);
	cfg(PCI_BASE_ADDRESS_3, 4, BAR2 >> 32);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void setup(void)
{
	static const struct pci_endpoint_config config = {
		.name = "dut", .vendor = 0x1234, .device = 1, .class_code = 0xff0000, .vectors = 3};
	static const struct pci_tdi_config tdi = {.certificates = "chain",
						  .key = "key",
						  .ide = true,
						  .tdisp = true,
						  .doe_offset = DOE,
						  .ide_offset = IDE};

	log_set_sink(quiet, NULL);
	fake_irq = (struct fake_irq){0};
	fake_spdm = (struct fake_spdm){0};
	memset(&dut, 0, sizeof(dut));
	fake_pci_start(&w);
	ck_assert_int_eq(loop_init(&loop), 0);
	w.vm.loop = &loop;
	ck_assert_int_eq(pci_endpoint_init(&dut.ep, &w.vm, &config, &dut_ops), 0);
	ck_assert_int_eq(pci_bar_define(&dut.ep.fn, 0, 0x20000, false, false), 0);
	ck_assert_int_eq(pci_endpoint_add_msix(&dut.ep, 0, MSIX_AT), 0);
	ck_assert_int_eq(pci_bar_define(&dut.ep.fn, 2, 0x100000, true, true), 0);
	ck_assert_int_eq(pci_cfg_add_ext_cap(&dut.ep.fn.cfg, PCI_EXT_CAP_ID_PASID, 1, PASID), 0);
	pci_cfg_emulate(&dut.ep.fn.cfg, PASID + 4, 0x1400, 1u << 16, 0, NULL);
	ck_assert_int_eq(pci_tdi_create(&dut.tdi, &dut.ep, &tdi), 0);
	ck_assert_int_eq(pci_host_place(w.host, w.port[0], 0, &dut.ep.fn), 0);
	fake_port_open(&w, 0, 0x10000000, 0x10ffffff, BAR2, BAR2 + 0xffffff);
	switch_on();
	ck_assert_int_eq(doe_open_spdm(&mb, &guest_ops, NULL, "dut", 0), 0);
	tdisp_requester_init(&tsm, 0x0100, -1);
}

static void teardown(void)
{
	fake_pci_stop(&w);
	loop_fini(&loop);
	ck_assert_uint_eq(fake_spdm.responders, 0);
}

static void lock_it(uint16_t flags)
{
	open_session(session);
	give_keys(&session);
	ck_assert_int_eq(lock(flags), 0);
	ck_assert_int_eq(pci_tdi_state(dut.tdi), TDISP_LOCKED);
}

static void run_it(uint16_t flags)
{
	lock_it(flags);
	ck_assert_int_eq(tdisp_start_interface(&tsm, "dut", exchange, &session), 0);
	ck_assert_int_eq(pci_tdi_state(dut.tdi), TDISP_RUN);
	ck_assert(dut.ep.dma.enabled);
}

START_TEST(to_run)
{
	struct tdisp_bar bars[TDISP_NR_BARS] = {{BAR0, 0x20000}, {0}, {BAR2, 0x100000}};
	const char *why = NULL;

	ck_assert_uint_eq(mb.offset, DOE);
	ck_assert(get(PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_TEE);
	lock_it(0);
	ck_assert_int_eq(tdisp_report_check(&report, bars, 0x100000, &why), 0);
	/* BAR 0 up to the table, table, pending bits, the rest; BAR 2. */
	ck_assert_uint_eq(report.nr_ranges, 5);
	ck_assert_uint_eq(report.ranges[0].pages, 0x10);
	ck_assert_uint_eq(report.ranges[1].attributes, TDISP_RANGE_NON_TEE);
	ck_assert_uint_eq(report.ranges[2].attributes, TDISP_RANGE_NON_TEE);
	ck_assert_uint_eq(report.ranges[3].pages, 0xe);
	ck_assert_uint_eq(report.ranges[4].id, 2);
	ck_assert_uint_eq(report.info, TDISP_INFO_DMA_NO_PASID);
	ck_assert_uint_eq(report.msix_control, 2);
	/* Locked: neither DMA nor the TEE's memory; what is not the TEE's stays. */
	ck_assert(!dut.ep.dma.enabled);
	ck_assert_uint_eq(load(BAR0), UINT32_MAX);
	ck_assert_uint_eq(load(BAR2 + 0xfffff0), UINT32_MAX);
	ck_assert_uint_eq(load(BAR0 + MSIX_AT + 0xc), 1); /* a masked vector */
	ck_assert_int_eq(tdisp_start_interface(&tsm, "dut", exchange, &session), 0);
	ck_assert(dut.ep.dma.enabled);
	ck_assert_uint_eq(load(BAR0), 0x55);
	ck_assert_uint_eq(load(BAR2), 0x55);
	ck_assert_int_eq(tdisp_stop_interface(&tsm, "dut", exchange, &session), 0);
	ck_assert(dut.ep.dma.enabled);
	ck_assert_uint_eq(dut.resets, 1);
	ck_assert_uint_eq(load(BAR0), 0x55);
}
END_TEST

START_TEST(msix_locked)
{
	lock_it(TDISP_LOCK_MSIX);
	ck_assert_uint_eq(report.ranges[1].attributes, TDISP_RANGE_MSIX_TABLE);
	ck_assert_uint_eq(report.ranges[2].attributes, TDISP_RANGE_PBA);
	ck_assert_uint_eq(load(BAR0 + MSIX_AT + 0xc), UINT32_MAX);
}
END_TEST

START_TEST(lock_refused)
{
	open_session(session);
	open_session(other);
	/* No keys; those of another session. */
	ck_assert_int_eq(lock(0), -EREMOTEIO);
	ck_assert_uint_eq(tsm.error, TDISP_ERR_INVALID_REQUEST);
	give_keys(&other);
	ck_assert_int_eq(lock(0), -EREMOTEIO);
	ck_assert_uint_eq(tsm.error, TDISP_ERR_INVALID_REQUEST);
	ck_assert_int_eq(spdm(FAKE_SPDM_END, other, NULL, 0, NULL, 0), 0);
	give_keys(&session);
	/* A BAR without an address; one that does not decode; two that overlap. */
	cfg(PCI_BASE_ADDRESS_0, 4, 0);
	ck_assert_int_eq(lock(0), -EREMOTEIO);
	ck_assert_uint_eq(tsm.error, TDISP_ERR_INVALID_CONFIGURATION);
	cfg(PCI_BASE_ADDRESS_0, 4, 0x20000000);
	ck_assert_int_eq(lock(0), -EREMOTEIO);
	cfg(PCI_BASE_ADDRESS_0, 4, BAR0);
	cfg(PCI_BASE_ADDRESS_2, 4, BAR0);
	cfg(PCI_BASE_ADDRESS_3, 4, 0);
	cfg(PCI_COMMAND, 2, 0);
	ck_assert_int_eq(lock(0), -EREMOTEIO);
	ck_assert_uint_eq(tsm.error, TDISP_ERR_INVALID_CONFIGURATION);
	switch_on();
	ck_assert_int_eq(lock(0), 0);
}
END_TEST

static void bme_off(void)
{
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(dut.command, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void mse_off(void)
{
	cfg(PCI_COMMAND, 1, PCI_COMMAND_MASTER);
	ck_assert_uint_eq(dut.command, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void bar_moved(void)
{
	cfg(PCI_BASE_ADDRESS_0, 4, BAR0 + 0x100000);
	ck_assert_uint_eq(dut.bar0, BAR0);
	ck_assert_uint_eq(dut.bar0_now, BAR0);
}

static void bar_byte(void)
{
	cfg(PCI_BASE_ADDRESS_3 + 1, 1, 1);
}

static void msix_control(void)
{
	cfg(MSIX_CTL, 2, PCI_MSIX_FLAGS_ENABLE);
}

static void msix_table(void)
{
	bus_write(&w.vm.bus, BAR0 + MSIX_AT, 4, 0x1000);
}

static void pasid_on(void)
{
	cfg(PASID + 6, 2, 1);
}

static void flr(void)
{
	cfg(DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	ck_assert_uint_eq(dut.command, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_uint_eq(get(STREAM_CTL + 4, 4), 2); /* IDE is as before */
}

static void d3_and_back(void)
{
	cfg(PMCSR, 2, 3);
	cfg(PMCSR, 2, 0);
}

static void stream_off(void)
{
	cfg(STREAM_CTL, 4, STREAM << 24);
}

static void stream_broken(void)
{
	bus_lock(&w.vm.bus);
	pci_tdi_break_stream(dut.tdi, STREAM);
	bus_unlock(&w.vm.bus);
}

static void key_stopped(void)
{
	struct ide_km_requester rq = {0};
	uint8_t buf[64];
	int n = ide_km_ask_stop(&rq, 0, STREAM, 0, 3, buf, sizeof(buf));

	ck_assert_int_gt(exchange(&session, buf, (size_t)n, buf, sizeof(buf)), 0);
}

static void session_over(void)
{
	ck_assert_int_eq(spdm(FAKE_SPDM_END, session, NULL, 0, NULL, 0), 0);
}

static void device_fails(void)
{
	bus_lock(&w.vm.bus);
	pci_tdi_fail(dut.tdi);
	bus_unlock(&w.vm.bus);
}

static void bus_renumbered(void)
{
	fake_cfg_write(&w, 0, 1 << 3, PCI_SUBORDINATE_BUS, 1, 9);
	fake_cfg_write(&w, 0, 1 << 3, PCI_SECONDARY_BUS, 1, 9);
}

/* 11.4.5, 11.4.6: each ends in ERROR, from LOCKED and from RUN, with DMA off before it takes effect. */
START_TEST(breaks)
{
	static void (*const actions[])(void) = {
		bme_off,     mse_off,	 bar_moved,	bar_byte,    msix_control, msix_table,	 pasid_on,	 flr,
		d3_and_back, stream_off, stream_broken, key_stopped, session_over, device_fails, bus_renumbered,
	};

	for (unsigned run = 0; run < 2; run++) {
		if (run)
			run_it(TDISP_LOCK_MSIX);
		else
			lock_it(TDISP_LOCK_MSIX);
		/* In LOCKED the table cannot even be reached. */
		if (!run && actions[_i] == msix_table)
			return;
		dut.command = run ? 0 : dut.command;
		actions[_i]();
		ck_assert_int_eq(pci_tdi_state(dut.tdi), TDISP_IN_ERROR);
		ck_assert(!dut.ep.dma.enabled);
		if (actions[_i] == bus_renumbered)
			return;
		/* Not even a guest that switches everything on again gets it back. */
		switch_on();
		ck_assert(!dut.ep.dma.enabled);
		ck_assert_uint_eq(load(BAR0), UINT32_MAX);
		teardown();
		setup();
	}
}
END_TEST

/* And what does not matter, does not. */
START_TEST(harmless)
{
	run_it(0);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_SERR);
	cfg(PCI_BASE_ADDRESS_0, 4, BAR0);
	cfg(PCI_INTERRUPT_LINE, 1, 9);
	cfg(PCI_CACHE_LINE_SIZE, 1, 16);
	cfg(MSIX_CTL, 2, PCI_MSIX_FLAGS_ENABLE); /* not locked */
	bus_write(&w.vm.bus, BAR0 + MSIX_AT, 4, 0x1000);
	cfg(STREAM_CTL, 4, STREAM << 24 | 1);
	cfg(IDE + 0x18 + 0x20, 4, 1u << 24); /* the other stream */
	cfg(DEVCTL, 2, PCI_EXP_DEVCTL_RELAX_EN);
	open_session(other);
	ck_assert_int_eq(spdm(FAKE_SPDM_END, other, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(pci_tdi_state(dut.tdi), TDISP_RUN);
	ck_assert(dut.ep.dma.enabled);
}
END_TEST

/* From ERROR by STOP, and the whole way again. */
START_TEST(again)
{
	run_it(0);
	cfg(DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	switch_on();
	ck_assert_int_eq(tdisp_look(&tsm, "dut", exchange, &session), TDISP_IN_ERROR);
	ck_assert_int_eq(lock(0), 0); /* stops first; the keys are still there */
	ck_assert_int_eq(tdisp_start_interface(&tsm, "dut", exchange, &session), 0);
	ck_assert(dut.ep.dma.enabled);
	ck_assert_uint_eq(load(BAR0), 0x55);
}
END_TEST

/* A conventional reset takes everything: state, keys and sessions. */
START_TEST(conventional_reset)
{
	run_it(0);
	fake_cfg_write(&w, 0, 1 << 3, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	fake_cfg_write(&w, 0, 1 << 3, PCI_BRIDGE_CONTROL, 2, 0);
	ck_assert_int_eq(pci_tdi_state(dut.tdi), TDISP_UNLOCKED);
	ck_assert(!dut.ep.dma.enabled); /* bus mastering is off */
	switch_on();
	ck_assert(dut.ep.dma.enabled);
	ck_assert_uint_eq(get(STREAM_CTL, 4), 0);
	/* The old session is none any more: no answer. */
	mb.timeout_ms = 50;
	ck_assert_int_eq(tdisp_look(&tsm, "dut", exchange, &session), -ETIMEDOUT);
	ck_assert_uint_eq(fake_spdm.resets, 1);
}
END_TEST

START_TEST(peer_to_peer)
{
	struct ide_keys keys;
	uint8_t buf[64];

	run_it(TDISP_LOCK_BIND_P2P);
	int n = tdisp_ask_bind_p2p(&tsm, STREAM + 1, true, buf, sizeof(buf));

	n = exchange(&session, buf, (size_t)n, buf, sizeof(buf));
	ck_assert_int_eq(tdisp_take(&tsm, buf, (size_t)n), -EREMOTEIO); /* no such stream */
	/* With keys of its own the other stream can be bound, and takes the interface along when it breaks. */
	ck_assert_int_eq(ide_keys_generate(&keys), 0);
	cfg(STREAM_CTL + 0x20, 4, (STREAM + 1) << 24);
	ck_assert_int_eq(ide_km_start_stream("dut", 0, STREAM + 1, 0, &keys, exchange, &session), 0);
	cfg(STREAM_CTL + 0x20, 4, (STREAM + 1) << 24 | 1);
	n = tdisp_ask_bind_p2p(&tsm, STREAM + 1, true, buf, sizeof(buf));
	n = exchange(&session, buf, (size_t)n, buf, sizeof(buf));
	ck_assert_int_eq(tdisp_take(&tsm, buf, (size_t)n), 0);
	ck_assert_int_eq(pci_tdi_state(dut.tdi), TDISP_RUN);
	cfg(STREAM_CTL + 0x20, 4, 0);
	ck_assert_int_eq(pci_tdi_state(dut.tdi), TDISP_IN_ERROR);
	ck_assert(!dut.ep.dma.enabled);
}
END_TEST

START_TEST(mmio_attribute)
{
	struct tdisp_range range;
	uint8_t buf[64];

	run_it(0);
	range = report.ranges[4];
	range.attributes = TDISP_RANGE_NON_TEE;
	for (unsigned i = 0; i < 2; i++) {
		int n = tdisp_ask_mmio_attribute(&tsm, &range, buf, sizeof(buf));

		n = exchange(&session, buf, (size_t)n, buf, sizeof(buf));
		ck_assert_int_eq(tdisp_take(&tsm, buf, (size_t)n), i ? -EREMOTEIO : 0);
		range.pages--; /* no range of the report */
	}
	/* What is not the TEE's is reachable in ERROR. */
	device_fails();
	ck_assert_uint_eq(load(BAR2), 0x55);
	ck_assert_uint_eq(load(BAR0), UINT32_MAX);
}
END_TEST

START_TEST(outside_of_a_session)
{
	mb.timeout_ms = 50;
	ck_assert_int_eq(tdisp_look(&tsm, "dut", exchange, &session), -ETIMEDOUT);
}
END_TEST

START_TEST(refused_config)
{
	struct pci_tdi_config bad = {.certificates = "a", .key = "b", .tdisp = true, .doe_offset = 0x500};
	struct pci_tdi *tdi;

	ck_assert_int_eq(pci_tdi_create(&tdi, &dut.ep, &bad), -EINVAL);
	bad.tdisp = false;
	bad.key = NULL;
	ck_assert_int_eq(pci_tdi_create(&tdi, &dut.ep, &bad), -EINVAL);
	bad.key = "b";
	fake_spdm.identity_error = -ENOENT;
	ck_assert_int_eq(pci_tdi_create(&tdi, &dut.ep, &bad), -ENOENT);
	fake_spdm.identity_error = 0;
	bad.doe_offset = DOE; /* taken */
	ck_assert_int_eq(pci_tdi_create(&tdi, &dut.ep, &bad), -EINVAL);
	ck_assert_uint_eq(fake_spdm.responders, 1);
	/* Without files there is an identity all the same: two certificates. */
	bad.certificates = bad.key = NULL;
	ck_assert_int_eq(pci_tdi_create(&tdi, &dut.ep, &bad), -EINVAL);
	ck_assert_uint_gt(fake_spdm.ders_len, 600);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_tdi");
	TCase *tc = tcase_create("tdi");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, to_run);
	tcase_add_test(tc, msix_locked);
	tcase_add_test(tc, lock_refused);
	tcase_add_loop_test(tc, breaks, 0, 15);
	tcase_add_test(tc, harmless);
	tcase_add_test(tc, again);
	tcase_add_test(tc, conventional_reset);
	tcase_add_test(tc, peer_to_peer);
	tcase_add_test(tc, mmio_attribute);
	tcase_add_test(tc, outside_of_a_session);
	tcase_add_test(tc, refused_config);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
