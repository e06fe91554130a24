/* SPDX-License-Identifier: Apache-2.0 */
/* A guard sees config writes, MSI-X writes and resets before they take effect, and BAR accesses before the device. */
#include <check.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "fake_irq.h"
#include "fake_pci.h"
#include "log.h"
#include "pci_endpoint.h"
#include "pci_guard.h"
#include "run_suite.h"

#define BAR    UINT64_C(0x10000000)
#define DEVCTL (PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL)
#define PMCSR  (PCI_ENDPOINT_CAP_PM + PCI_PM_CTRL)

static struct fake_pci w;
static struct loop loop;
static struct pci_endpoint ep;
static unsigned accesses, ep_resets;

static struct {
	struct pci_guard guard;
	unsigned writes, msix, resets, dones, renames;
	uint16_t offset;
	uint32_t old, now;
	bool was_decoding, dma_was_on; /* at the time of the call */
	uint32_t entry;		       /* of the MSI-X table then */
	enum pci_reset kind;
	bool block;
} g;

static enum bus_verdict bar(struct pci_endpoint *e, unsigned index, struct bus_access *access)
{
	accesses++;
	access->value = 0x55;
	return BUS_HANDLED;
}

static void ep_reset(struct pci_endpoint *e)
{
	ck_assert_uint_eq(g.dones, g.resets);
	ep_resets++;
}

static void destroy(struct pci_endpoint *e)
{
	pci_endpoint_fini(e);
}

static const struct pci_endpoint_ops ops = {.bar_access = bar, .reset = ep_reset, .destroy = destroy};

static void see(void)
{
	g.was_decoding = ep.fn.bars[0].decoding;
	g.dma_was_on = ep.dma.enabled;
}

static void on_write(struct pci_guard *guard, uint16_t offset, uint32_t old, uint32_t now)
{
	ck_assert_ptr_eq(guard, &g.guard);
	ck_assert_uint_eq(pci_cfg_get(&ep.fn.cfg, offset, 4), old);
	g.writes++;
	g.offset = offset;
	g.old = old;
	g.now = now;
	see();
}

static void on_msix(struct pci_guard *guard)
{
	g.msix++;
	g.entry = ep.fn.irq.table[0].data;
}

static void on_reset(struct pci_guard *guard, enum pci_reset kind)
{
	g.resets++;
	g.kind = kind;
	see();
}

static void on_done(struct pci_guard *guard, enum pci_reset kind)
{
	ck_assert_int_eq(kind, g.kind);
	ck_assert_uint_eq(pci_cfg_get(&ep.fn.cfg, PCI_COMMAND, 2), 0);
	g.dones++;
}

static bool on_access(struct pci_guard *guard, unsigned index, const struct bus_access *access)
{
	ck_assert_uint_eq(index, 0);
	return !g.block;
}

static void on_rename(struct pci_guard *guard)
{
	g.renames++;
}

static const struct pci_guard_ops guard_ops = {on_write, on_msix, on_reset, on_done, on_access, on_rename};

static void cfg(unsigned reg, uint8_t size, uint64_t value)
{
	fake_cfg_write(&w, 1, 0, reg, size, value);
}

static uint64_t load(uint64_t addr)
{
	uint64_t value;

	bus_read(&w.vm.bus, addr, 4, &value);
	return value;
}

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void setup(void)
{
	static const struct pci_endpoint_config config = {
		.name = "ep", .vendor = 0x1234, .device = 1, .class_code = 0xff0000, .vectors = 2};

	log_set_sink(quiet, NULL);
	fake_irq = (struct fake_irq){0};
	fake_pci_start(&w);
	ck_assert_int_eq(loop_init(&loop), 0);
	w.vm.loop = &loop;
	memset(&g, 0, sizeof(g));
	g.guard.ops = &guard_ops;
	accesses = 0;
	ep_resets = 0;
	ck_assert_int_eq(pci_endpoint_init(&ep, &w.vm, &config, &ops), 0);
	ck_assert_int_eq(pci_bar_define(&ep.fn, 0, 0x4000, false, false), 0);
	ck_assert_int_eq(pci_endpoint_add_msix(&ep, 0, 0x2000), 0);
	ck_assert_int_eq(pci_host_place(w.host, w.port[0], 0, &ep.fn), 0);
	fake_port_open(&w, 0, 0x10000000, 0x10ffffff, 0x8000000000, 0x8000ffffff);
	cfg(PCI_BASE_ADDRESS_0, 4, BAR);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ep.fn.guard = &g.guard;
}

static void teardown(void)
{
	fake_pci_stop(&w);
	loop_fini(&loop);
	log_set_sink(NULL, NULL);
}

START_TEST(config_writes)
{
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_uint_eq(g.writes, 0); /* nothing changes */
	cfg(PCI_VENDOR_ID, 4, 0);
	ck_assert_uint_eq(g.writes, 0); /* read-only */
	cfg(0x800, 4, 1);
	ck_assert_uint_eq(g.writes, 0); /* hidden */
	cfg(PCI_COMMAND, 1, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(g.writes, 1);
	ck_assert_uint_eq(g.offset, PCI_COMMAND);
	ck_assert_uint_eq(g.old & ~g.now, PCI_COMMAND_MASTER);
	ck_assert(g.dma_was_on && !ep.dma.enabled);
	cfg(PCI_BASE_ADDRESS_0 + 2, 2, 0x1008);
	ck_assert_uint_eq(g.offset, PCI_BASE_ADDRESS_0);
	ck_assert_uint_eq(g.now, 0x10080000);
	ck_assert(g.was_decoding);
	ck_assert_uint_eq(ep.fn.bars[0].addr, 0x10080000);
}
END_TEST

START_TEST(msix_writes)
{
	bus_write(&w.vm.bus, BAR + 0x2008, 4, 77);
	ck_assert_uint_eq(g.msix, 1);
	ck_assert_uint_eq(g.entry, 0);
	ck_assert_uint_eq(ep.fn.irq.table[0].data, 77);
	bus_write(&w.vm.bus, BAR + 0x2009, 1, 1); /* not defined: nothing happens */
	bus_write(&w.vm.bus, BAR + 0x3000, 4, 1); /* pending bits are read-only */
	ck_assert_uint_eq(g.msix, 1);
}
END_TEST

START_TEST(resets)
{
	cfg(DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	ck_assert_uint_eq(g.resets, 1);
	ck_assert_int_eq(g.kind, PCI_RESET_FUNCTION);
	ck_assert(g.was_decoding && g.dma_was_on);
	ck_assert_uint_eq(ep_resets, 1);
	cfg(PMCSR, 2, 3);
	cfg(PMCSR, 2, 0);
	ck_assert_uint_eq(g.resets, 2);
	ck_assert_int_eq(g.kind, PCI_RESET_FUNCTION);
	/* Secondary bus reset. */
	fake_cfg_write(&w, 0, 1 << 3, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	ck_assert_uint_eq(g.resets, 3);
	ck_assert_int_eq(g.kind, PCI_RESET_CONVENTIONAL);
	ck_assert_uint_eq(g.dones, 3);
}
END_TEST

START_TEST(accesses_)
{
	ck_assert_uint_eq(load(BAR), 0x55);
	g.block = true;
	ck_assert_uint_eq(load(BAR), UINT32_MAX);
	ck_assert_uint_eq(load(BAR + 0x2000), UINT32_MAX);
	bus_write(&w.vm.bus, BAR + 0x2008, 4, 77);
	ck_assert_uint_eq(ep.fn.irq.table[0].data, 0);
	ck_assert_uint_eq(accesses, 1);
	g.block = false;
	ck_assert_uint_eq(load(BAR + 0x2008), 0);
}
END_TEST

START_TEST(renamed)
{
	fake_cfg_write(&w, 0, 1 << 3, PCI_SECONDARY_BUS, 1, 5);
	ck_assert_uint_eq(g.renames, 1);
}
END_TEST

/* DMA and messages go, whatever bus mastering says; and come back. */
START_TEST(blocked)
{
	ck_assert(ep.dma.enabled);
	pci_endpoint_block_dma(&ep, true);
	ck_assert(!ep.dma.enabled);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert(!ep.dma.enabled);
	cfg(DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	ck_assert(!ep.dma.enabled);
	pci_endpoint_block_dma(&ep, false);
	ck_assert(ep.dma.enabled);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_guard");
	TCase *tc = tcase_create("guard");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, config_writes);
	tcase_add_test(tc, msix_writes);
	tcase_add_test(tc, resets);
	tcase_add_test(tc, accesses_);
	tcase_add_test(tc, renamed);
	tcase_add_test(tc, blocked);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
