/* SPDX-License-Identifier: Apache-2.0 */
/* The root port's registers as PCIe 6.0 and Linux' port drivers expect them. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "fake_irq.h"
#include "fake_pci.h"
#include "log.h"
#include "run_suite.h"

#define PORT0  (1u << 3) /* occupied */
#define PORT1  (2u << 3) /* empty */
#define MASTER (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

static struct fake_pci w;
static struct fake_endpoint *ep;
static unsigned nr_logged;

static void sink(enum log_level level, const char *line, void *opaque)
{
	nr_logged++;
}

static void setup(void)
{
	log_set_sink(sink, NULL);
	nr_logged = 0;
	fake_irq = (struct fake_irq){0};
	fake_pci_start(&w);
	ep = fake_endpoint_new("ep");
	ck_assert_int_eq(fake_pci_place(&w, 0, 0, ep), 0);
}

static void teardown(void)
{
	fake_pci_stop(&w);
	ck_assert_uint_eq(fake_irq.routes, 0);
	log_set_sink(NULL, NULL);
}

static uint32_t get(unsigned devfn, unsigned reg, uint8_t size)
{
	return (uint32_t)fake_cfg_read(&w, 0, devfn, reg, size);
}

static void set(unsigned devfn, unsigned reg, uint8_t size, uint32_t value)
{
	fake_cfg_write(&w, 0, devfn, reg, size, value);
}

static unsigned find_cap(unsigned devfn, uint8_t id)
{
	unsigned at = get(devfn, PCI_CAPABILITY_LIST, 1);

	for (unsigned n = 0; at != 0 && n < 48; n++, at = get(devfn, at + 1, 1)) {
		ck_assert_uint_ge(at, 0x40);
		ck_assert_uint_eq(at % 4, 0);
		if (get(devfn, at, 1) == id)
			return at;
	}
	ck_abort_msg("no capability %#x", id);
}

static unsigned find_ext_cap(unsigned devfn, uint16_t id)
{
	unsigned at = 0x100;

	for (unsigned n = 0; at != 0 && n < 96; n++, at = get(devfn, at, 4) >> 20) {
		ck_assert_uint_ge(at, 0x100);
		if (get(devfn, at, 2) == id)
			return at;
	}
	ck_abort_msg("no extended capability %#x", id);
}

START_TEST(header)
{
	ck_assert_uint_eq(get(PORT0, PCI_VENDOR_ID, 4), 0x000c1b36);
	ck_assert_uint_eq(get(PORT0, PCI_CLASS_REVISION, 4) >> 8, 0x060400);
	ck_assert_uint_eq(get(PORT0, PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_BRIDGE);
	ck_assert_uint_ne(get(PORT0, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, 0);
	ck_assert_uint_eq(get(PORT0, PCI_PRIMARY_BUS, 4), 0x00010100);
	ck_assert_uint_eq(get(PORT0, PCI_INTERRUPT_PIN, 1), 0);

	static const unsigned zero[] = {0x10, 0x14, 0x1c, 0x30, 0x38};

	for (unsigned i = 0; i < sizeof(zero) / sizeof(zero[0]); i++) {
		set(PORT0, zero[i], 4, UINT32_MAX);
		ck_assert_uint_eq(get(PORT0, zero[i], 4), 0);
	}
	/* How Linux probes: 64-bit prefetchable window, both granules of 1 MiB. */
	set(PORT0, PCI_MEMORY_BASE, 4, UINT32_MAX);
	ck_assert_uint_eq(get(PORT0, PCI_MEMORY_BASE, 4), 0xfff0fff0);
	set(PORT0, PCI_PREF_MEMORY_BASE, 4, UINT32_MAX);
	ck_assert_uint_eq(get(PORT0, PCI_PREF_MEMORY_BASE, 4), 0xfff1fff1);
	set(PORT0, PCI_PREF_BASE_UPPER32, 4, UINT32_MAX);
	ck_assert_uint_eq(get(PORT0, PCI_PREF_BASE_UPPER32, 4), UINT32_MAX);
	set(PORT0, PCI_BRIDGE_CONTROL, 2, 0xffbf);
	ck_assert_uint_eq(get(PORT0, PCI_BRIDGE_CONTROL, 2), 0x0003);
}
END_TEST

START_TEST(windows)
{
	struct pci_bridge *b = w.port[0];
	static const struct {
		uint64_t first, last;
		bool in;
	} cases[] = {
		{0x10100000, 0x10100fff, true},
		{0x10100000, 0x102fffff, true},
		{0x100fffff, 0x10100fff, false},
		{0x102ff000, 0x10300000, false},
		{0, UINT64_MAX, false},
		{0x8100000000, 0x81ffffffff, true},
		{0x8100000000, 0x8200000000, false},
		{0x80ffffffff, 0x8100000000, false},
		{0x0010100000, 0x8100000000, false},
		{0x100010100000, 0x100010100fff, false},
	};

	fake_port_open(&w, 0, 0x10100000, 0x102fffff, 0x8100000000, 0x81ffffffff);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct range r = {cases[i].first, cases[i].last};

		ck_assert_int_eq(pci_bridge_forwards(b, r), cases[i].in);
	}
	ck_assert(!pci_bridge_forwards(w.port[1], (struct range){0x10100000, 0x10100fff})); /* closed after reset */
	ck_assert(!pci_bridge_forwards(w.port[1], (struct range){0, 0xfff}));
	ck_assert(!pci_bridge_forwards(w.port[1], (struct range){0xfff00000, 0xfff00fff}));
}
END_TEST

START_TEST(express)
{
	unsigned full = find_cap(PORT0, PCI_CAP_ID_EXP), empty = find_cap(PORT1, PCI_CAP_ID_EXP);
	uint32_t lnkcap = get(PORT1, empty + PCI_EXP_LNKCAP, 4);

	ck_assert_uint_eq(get(PORT0, full + PCI_EXP_FLAGS, 2), 0x0142); /* version 2, root port, slot */
	ck_assert_uint_eq(lnkcap & PCI_EXP_LNKCAP_SLS, PCI_EXP_LNKCAP_SLS_16_0GB);
	ck_assert_uint_eq((lnkcap & PCI_EXP_LNKCAP_MLW) >> 4, 16);
	ck_assert_uint_ne(lnkcap & PCI_EXP_LNKCAP_DLLLARC, 0);
	ck_assert_uint_eq(lnkcap >> 24, 2); /* port number: the slot's */
	ck_assert_uint_eq(get(PORT1, empty + PCI_EXP_SLTCAP, 4) >> 19, 2);
	ck_assert_uint_eq(get(PORT1, empty + PCI_EXP_SLTCAP, 4) & PCI_EXP_SLTCAP_HPC, 0);
	ck_assert_uint_eq(get(PORT0, full + PCI_EXP_LNKCAP2, 4), 0x1e);

	ck_assert_uint_eq(get(PORT0, full + PCI_EXP_SLTSTA, 2) & PCI_EXP_SLTSTA_PDS, PCI_EXP_SLTSTA_PDS);
	ck_assert_uint_eq(get(PORT0, full + PCI_EXP_LNKSTA, 2), 0x3104); /* 16 GT/s x16, slot clock, link active */
	ck_assert_uint_eq(get(PORT1, empty + PCI_EXP_SLTSTA, 2) & PCI_EXP_SLTSTA_PDS, 0);
	ck_assert_uint_eq(get(PORT1, empty + PCI_EXP_LNKSTA, 2) & PCI_EXP_LNKSTA_DLLLA, 0);
}
END_TEST

/* Offset in the capability, size, what ones and then zeros read back as. */
static const struct {
	unsigned reg;
	uint8_t size;
	uint32_t ones, zeros;
} express_rw[] = {
	{PCI_EXP_DEVCTL, 2, 0x79ff, 0},	    {PCI_EXP_DEVSTA, 2, 0, 0},
	{PCI_EXP_SLTCTL, 2, 0x1028, 0},	    {PCI_EXP_RTCTL, 2, 0x000f, 0},
	{PCI_EXP_RTCAP, 2, 0, 0},	    {PCI_EXP_DEVCTL2, 2, 0x0010, 0},
	{PCI_EXP_LNKCTL2, 2, 0x003f, 0},    {PCI_EXP_DEVCAP, 4, 0x8022, 0x8022},
	{PCI_EXP_FLAGS, 2, 0x0142, 0x0142},
};

START_TEST(express_writes)
{
	unsigned exp = find_cap(PORT0, PCI_CAP_ID_EXP), reg = exp + express_rw[_i].reg;

	set(PORT0, reg, express_rw[_i].size, UINT32_MAX);
	ck_assert_uint_eq(get(PORT0, reg, express_rw[_i].size), express_rw[_i].ones);
	set(PORT0, reg, express_rw[_i].size, 0);
	ck_assert_uint_eq(get(PORT0, reg, express_rw[_i].size), express_rw[_i].zeros);
}
END_TEST

START_TEST(link_control)
{
	unsigned exp = find_cap(PORT0, PCI_CAP_ID_EXP), empty = find_cap(PORT1, PCI_CAP_ID_EXP);

	/* Retraining is over at once, reads as 0 and leaves the bandwidth bit, which is cleared by 1. */
	set(PORT0, exp + PCI_EXP_LNKCTL, 2, PCI_EXP_LNKCTL_RL | PCI_EXP_LNKCTL_CCC);
	ck_assert_uint_eq(get(PORT0, exp + PCI_EXP_LNKCTL, 2), PCI_EXP_LNKCTL_CCC);
	ck_assert_uint_eq(get(PORT0, exp + PCI_EXP_LNKSTA, 2), 0x3104 | PCI_EXP_LNKSTA_LBMS);
	set(PORT0, exp + PCI_EXP_LNKSTA, 2, 0xffff);
	ck_assert_uint_eq(get(PORT0, exp + PCI_EXP_LNKSTA, 2), 0x3104);
	set(PORT1, empty + PCI_EXP_LNKCTL, 2, PCI_EXP_LNKCTL_RL);
	ck_assert_uint_eq(get(PORT1, empty + PCI_EXP_LNKCTL, 4), 0x10000000);

	set(PORT0, exp + PCI_EXP_LNKCTL, 2, PCI_EXP_LNKCTL_LD);
	ck_assert_uint_eq(get(PORT0, exp + PCI_EXP_LNKSTA, 2), PCI_EXP_LNKSTA_SLC);
	ck_assert_uint_eq(ep->resets, 1);
	ck_assert_uint_eq(fake_cfg_read(&w, 1, 0, 0, 4), UINT32_MAX);
	ck_assert_uint_ne(get(PORT0, exp + PCI_EXP_SLTSTA, 2) & PCI_EXP_SLTSTA_DLLSC, 0);
	ck_assert_uint_ne(get(PORT0, exp + PCI_EXP_SLTSTA, 2) & PCI_EXP_SLTSTA_PDS, 0); /* it is still plugged in */
	set(PORT0, exp + PCI_EXP_SLTSTA, 2, PCI_EXP_SLTSTA_DLLSC);
	set(PORT0, exp + PCI_EXP_LNKCTL, 2, 0);
	ck_assert_uint_eq(get(PORT0, exp + PCI_EXP_LNKSTA, 2), 0x3104);
	ck_assert_uint_eq(fake_cfg_read(&w, 1, 0, 0, 4), 0x56781234);
	ck_assert_uint_eq(ep->resets, 1);
}
END_TEST

START_TEST(power_states)
{
	unsigned ctl = find_cap(PORT0, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	ck_assert_uint_eq(get(PORT0, ctl - 2, 2) & PCI_PM_CAP_VER_MASK, 3);
	set(PORT0, ctl, 2, 0xffff);
	ck_assert_uint_eq(get(PORT0, ctl, 2), 3 | PCI_PM_CTRL_NO_SOFT_RESET);
	set(PORT0, ctl, 2, 1); /* D1: not offered */
	ck_assert_uint_eq(get(PORT0, ctl, 2) & 3, 3);
	set(PORT0, ctl, 2, 0);
	ck_assert_uint_eq(get(PORT0, ctl, 2) & 3, 0);
	set(PORT0, ctl, 2, 2);
	ck_assert_uint_eq(get(PORT0, ctl, 2) & 3, 0);
}
END_TEST

START_TEST(extended)
{
	unsigned aer = find_ext_cap(PORT0, PCI_EXT_CAP_ID_ERR), acs = find_ext_cap(PORT0, PCI_EXT_CAP_ID_ACS);
	const uint32_t acs_bits = PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF;

	find_ext_cap(PORT0, PCI_EXT_CAP_ID_SECPCI);
	ck_assert_uint_eq(get(PORT0, find_cap(PORT0, PCI_CAP_ID_SSVID) + 4, 4), 0x000c1b36);
	ck_assert_uint_eq(get(PORT0, acs + PCI_ACS_CAP, 2), acs_bits);
	ck_assert_uint_eq(get(PORT0, acs + PCI_ACS_CTRL, 2), 0);
	set(PORT0, acs + PCI_ACS_CTRL, 2, 0xffff);
	ck_assert_uint_eq(get(PORT0, acs + PCI_ACS_CTRL, 2), acs_bits);

	set(PORT0, aer + PCI_ERR_ROOT_COMMAND, 4, UINT32_MAX);
	ck_assert_uint_eq(get(PORT0, aer + PCI_ERR_ROOT_COMMAND, 4), 7);
	pci_cfg_set(&w.port[0]->fn.cfg, (uint16_t)(aer + PCI_ERR_ROOT_STATUS), 4, 0x7f);
	pci_cfg_set(&w.port[0]->fn.cfg, (uint16_t)(aer + PCI_ERR_UNCOR_STATUS), 4, PCI_ERR_UNC_UNSUP | PCI_ERR_UNC_DLP);
	set(PORT0, aer + PCI_ERR_ROOT_STATUS, 4, 0x41);
	ck_assert_uint_eq(get(PORT0, aer + PCI_ERR_ROOT_STATUS, 4), 0x3e);
	set(PORT0, aer + PCI_ERR_UNCOR_STATUS, 4, PCI_ERR_UNC_DLP);
	ck_assert_uint_eq(get(PORT0, aer + PCI_ERR_UNCOR_STATUS, 4), PCI_ERR_UNC_UNSUP);
	/* A mask bit exists for each status bit, and severity too. */
	set(PORT0, aer + PCI_ERR_UNCOR_MASK, 4, UINT32_MAX);
	set(PORT0, aer + PCI_ERR_UNCOR_SEVER, 4, UINT32_MAX);
	ck_assert_uint_eq(get(PORT0, aer + PCI_ERR_UNCOR_MASK, 4), get(PORT0, aer + PCI_ERR_UNCOR_SEVER, 4));
}
END_TEST

START_TEST(own_msi)
{
	unsigned msi = find_cap(PORT0, PCI_CAP_ID_MSI);

	set(PORT0, msi + PCI_MSI_ADDRESS_LO, 4, 0x08090040);
	set(PORT0, msi + PCI_MSI_DATA_64, 2, 0x21);
	ck_assert_uint_eq(fake_irq.connects, 0);
	set(PORT0, msi + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	ck_assert_uint_eq(fake_irq.connected, 0); /* bus master off */
	set(PORT0, PCI_COMMAND, 2, MASTER);
	ck_assert_uint_eq(fake_irq.connected, 1);
	ck_assert_uint_eq(fake_irq.last.address, 0x08090040);
	ck_assert_uint_eq(fake_irq.last.data, 0x21);
	ck_assert_uint_eq(fake_irq.last.requester, PORT0);
	ck_assert(!fake_irq.last.translated);

	set(PORT0, msi + PCI_MSI_MASK_64, 4, 1);
	ck_assert_uint_eq(fake_irq.connected, 0);
	ck_assert_uint_eq(get(PORT0, msi + PCI_MSI_PENDING_64, 4), 0);
	fake_irq.pending = true;
	ck_assert_uint_eq(get(PORT0, msi + PCI_MSI_PENDING_64, 4), 1);
	w.port[0]->translated = true;
	set(PORT0, msi + PCI_MSI_MASK_64, 4, 0);
	ck_assert_uint_eq(fake_irq.connected, 1);
	ck_assert(fake_irq.last.translated);

	fake_irq.connect_error = -EINVAL; /* no doorbell there */
	nr_logged = 0;
	set(PORT0, msi + PCI_MSI_ADDRESS_LO, 4, 0x1000);
	ck_assert_uint_eq(fake_irq.connected, 0);
	ck_assert_uint_eq(nr_logged, 1);
	fake_irq.connect_error = 0;
	set(PORT0, msi + PCI_MSI_ADDRESS_LO, 4, 0x08090040);
	ck_assert_uint_eq(fake_irq.connected, 1);
	ck_assert_int_eq(pci_function_reset(&w.port[0]->fn), 0);
	ck_assert_uint_eq(fake_irq.connected, 0);
}
END_TEST

START_TEST(create_fails)
{
	struct pci_bridge *b = NULL;

	fake_irq.init_error = -EMFILE;
	ck_assert_int_eq(pci_bridge_create(&b, &w.vm, "b", 3, 3), -EMFILE);
	ck_assert_ptr_null(b);
	fake_irq.init_error = 0;
	ck_assert_ptr_null(pci_bridge_of(&ep->fn));
	ck_assert_ptr_eq(pci_bridge_of(&w.port[1]->fn), w.port[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_bridge");
	TCase *tc = tcase_create("root port");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, header);
	tcase_add_test(tc, windows);
	tcase_add_test(tc, express);
	tcase_add_loop_test(tc, express_writes, 0, sizeof(express_rw) / sizeof(express_rw[0]));
	tcase_add_test(tc, link_control);
	tcase_add_test(tc, power_states);
	tcase_add_test(tc, extended);
	tcase_add_test(tc, own_msi);
	tcase_add_test(tc, create_fails);
	suite_add_tcase(suite, tc);

	return run_suite(suite);
}
