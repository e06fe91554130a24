/* SPDX-License-Identifier: Apache-2.0 */
/* MSI-X capability, table and pending bits, and when the owner is told (pci_msi.h). */
#include "pci_msi_fixture.h"
#include "run_suite.h"

#define MSIX	 0x90u
#define MSIX_CTL (MSIX + PCI_MSIX_FLAGS)
#define VECTORS	 70u
#define TABLE	 0x1000u /* BAR 2 */
#define PBA	 0x2000u /* BAR 2 */

START_TEST(msix_bad)
{
	static const struct {
		uint16_t offset, vectors;
		uint8_t tbar;
		uint32_t toff;
		uint8_t pbar;
		uint32_t poff;
	} bad[] = {
		{MSIX, 0, 2, TABLE, 2, PBA},	    {MSIX, 2049, 2, 0, 2, 0x8008},	{MSIX, 4, 0, TABLE, 2, PBA},
		{MSIX, 4, 3, TABLE, 2, PBA}, /* upper half of BAR 2 */
		{MSIX, 4, 2, TABLE, 6, PBA},	    {MSIX, 4, 255, TABLE, 2, PBA},	{MSIX, 4, 2, TABLE + 4, 2, PBA},
		{MSIX, 4, 2, TABLE, 2, PBA + 1},    {MSIX, 4, 2, 0x3fc8, 2, PBA},	{MSIX, 4, 2, TABLE, 2, 0x4000},
		{MSIX, 4, 2, 0xfffffff8, 2, PBA},   {MSIX, 4, 2, TABLE, 2, 0xfffffff8}, {MSIX, 4, 2, TABLE, 2, TABLE},
		{MSIX, 4, 2, TABLE, 2, TABLE + 56}, {MSIX, 65, 2, TABLE, 2, TABLE - 8}, {MSIX + 2, 4, 2, TABLE, 2, PBA},
		{0x3c, 4, 2, TABLE, 2, PBA},	    {0xf8, 4, 2, TABLE, 2, PBA},	{0x100, 4, 2, TABLE, 2, PBA},
		{0xfffc, 4, 2, TABLE, 2, PBA},
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(pci_msix_add(&ep->fn, bad[i].offset, bad[i].vectors, bad[i].tbar, bad[i].toff,
					      bad[i].pbar, bad[i].poff),
				 -EINVAL);
		ck_assert_uint_eq(ep->fn.irq.msix_cap, 0);
		ck_assert_ptr_null(ep->fn.irq.table);
	}
	/* Back to back is fine, at the very end of the BAR too; a second capability is not. */
	ck_assert_int_eq(pci_msix_add(&ep->fn, MSIX, 64, 2, 0x4000 - 64 * 16 - 8, 2, 0x3ff8), 0);
	ck_assert_int_eq(pci_msix_add(&ep->fn, 0xa0, 4, 2, TABLE, 2, PBA), -EINVAL);
	ck_assert_uint_eq(ep->fn.irq.msix_vectors, 64);
}
END_TEST

static struct bus_access access_at(uint64_t offset, uint8_t size, bool write, uint64_t value)
{
	return (struct bus_access){.offset = offset, .size = size, .is_write = write, .value = value};
}

static void tw(uint64_t offset, uint8_t size, uint64_t value)
{
	struct bus_access a = access_at(TABLE + offset, size, true, value);

	ck_assert(pci_msix_access(&ep->fn, 2, &a));
}

static uint64_t tr(uint64_t offset, uint8_t size)
{
	struct bus_access a = access_at(offset, size, false, UINT64_MAX);

	ck_assert(pci_msix_access(&ep->fn, 2, &a));
	return a.value;
}

static void add_msix(void)
{
	ck_assert_int_eq(pci_msix_add(&ep->fn, MSIX, VECTORS, 2, TABLE, 2, PBA), 0);
}

START_TEST(msix_capability)
{
	add_msix();
	ck_assert_uint_eq(get(MSIX, 4), (VECTORS - 1) << 16 | PCI_CAP_ID_MSIX);
	ck_assert_uint_eq(get(MSIX + 4, 4), TABLE | 2);
	ck_assert_uint_eq(get(MSIX + 8, 4), PBA | 2);
	for (unsigned i = 0; i < 12; i += 4)
		cfg(MSIX + i, 4, UINT32_MAX);
	ck_assert_uint_eq(get(MSIX, 4), 0xc0000000 | (VECTORS - 1) << 16 | PCI_CAP_ID_MSIX);
	ck_assert_uint_eq(get(MSIX + 4, 4), TABLE | 2);
	ck_assert_uint_eq(get(MSIX + 8, 4), PBA | 2);
	for (unsigned v = 0; v < VECTORS; v++)
		ck_assert_uint_eq(tr(TABLE + v * 16 + 12, 4), 1);
}
END_TEST

/* Every size at every offset around entry 1: only aligned 4 and 8 byte writes take, reads are right byte by byte. */
START_TEST(msix_table_accesses)
{
	static const uint8_t sizes[] = {1, 2, 4, 8};
	/* What can be stored in each byte of an entry. */
	static const uint8_t may[16] = {0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					0xff, 0xff, 0xff, 0xff, 0x01, 0,    0,	  0};

	add_msix();
	for (unsigned s = 0; s < 4; s++)
		for (unsigned off = 16; off < 32; off++) {
			bool takes = sizes[s] >= 4 && off % sizes[s] == 0;

			pci_irq_reset(&ep->fn);
			tw(off, sizes[s], UINT64_MAX);
			for (unsigned b = 16; b < 32; b++) {
				unsigned reset = b == 28 ? 1 : 0;
				bool hit = takes && b >= off && b < off + sizes[s];

				ck_assert_uint_eq(tr(TABLE + b, 1), hit ? may[b - 16] : reset);
			}
			for (unsigned b = 8; b < 16; b++)
				ck_assert_uint_eq(tr(TABLE + b, 1), b == 12 ? 1 : 0);
			for (unsigned b = 32; b < 44; b++)
				ck_assert_uint_eq(tr(TABLE + b, 1), 0);
		}
	tw(16, 8, 0x1122334455667788);
	tw(24, 8, 0x00000000cafef00d);
	for (unsigned off = 8; off < 32; off++)
		for (unsigned s = 0; s < 4; s++) {
			uint64_t want = 0;

			for (unsigned b = 0; b < sizes[s]; b++)
				want |= tr(TABLE + off + b, 1) << (b * 8);
			ck_assert_uint_eq(tr(TABLE + off, sizes[s]), want);
		}
	ck_assert_uint_eq(tr(TABLE + 18, 4), 0x33445566);
}
END_TEST

START_TEST(msix_edges)
{
	struct bus_access a;
	static const uint64_t outside[] = {0,	     TABLE - 8,	     TABLE + VECTORS * 16, PBA - 8,
					   PBA + 16, UINT64_MAX - 7, UINT64_MAX,	   0x3ff8};

	add_msix();
	for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		a = access_at(outside[i], 8, false, 0);
		ck_assert(!pci_msix_access(&ep->fn, 2, &a));
	}
	a = access_at(TABLE, 4, false, 0);
	ck_assert(!pci_msix_access(&ep->fn, 0, &a));
	ck_assert(!pci_msix_access(&ep->fn, 77, &a));
	/* Straddling accesses are ours, and safe. */
	ck_assert_uint_eq(tr(TABLE - 4, 8), 0);
	ck_assert_uint_eq(tr(TABLE + VECTORS * 16 - 1, 8), 0);
	ck_assert_uint_eq(tr(TABLE + VECTORS * 16 - 4, 8), 1);
	a = access_at(TABLE - 4, 8, true, UINT64_MAX);
	ck_assert(pci_msix_access(&ep->fn, 2, &a));
	ck_assert_uint_eq(tr(TABLE, 4), 0);
}
END_TEST

START_TEST(msix_pba)
{
	add_msix();
	ep->pending = 0x8000000000000105;
	ck_assert_uint_eq(tr(PBA, 8), 0x8000000000000105);
	ck_assert_uint_eq(tr(PBA + 8, 8), 0);
	ck_assert_uint_eq(tr(PBA, 1), 0x05);
	ck_assert_uint_eq(tr(PBA + 1, 2), 0x0001);
	ck_assert_uint_eq(tr(PBA + 4, 8), 0x80000000);
	struct bus_access a = access_at(PBA, 8, true, 0);
	ck_assert(pci_msix_access(&ep->fn, 2, &a));
	ck_assert_uint_eq(tr(PBA, 8), 0x8000000000000105);
	ep->fn.irq.pending = NULL;
	ck_assert_uint_eq(tr(PBA, 8), 0);
}
END_TEST

/* Bits beyond the last vector are 0, whatever the owner says. */
START_TEST(msix_pba_end)
{
	ck_assert_int_eq(pci_msix_add(&ep->fn, MSIX, 33, 2, TABLE, 2, PBA), 0);
	ep->pending = UINT64_MAX;
	ck_assert_uint_eq(tr(PBA, 8), 0x1ffffffff);
	ck_assert_uint_eq(tr(PBA + 4, 1), 1);
}
END_TEST

/* Every transition of an entry, with the capability disabled, masked and live. */
START_TEST(msix_told)
{
	enum { DISABLED, MASKED_ALL, LIVE, NR };
	static const uint16_t control[NR] = {0, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, PCI_MSIX_FLAGS_ENABLE};

	add_msix();
	for (unsigned state = 0; state < NR; state++) {
		unsigned live = state == LIVE;

		pci_irq_reset(&ep->fn);
		cfg(MSIX_CTL, 2, control[state]);
		ep->irq_changes = 0;
		/* masked entry */
		tw(32, 4, 0x08020040);
		tw(36, 4, 0x1);
		tw(40, 4, 77);
		tw(44, 4, 1);
		told(0);
		/* unmask, once and again */
		tw(44, 4, 0);
		told(live);
		tw(44, 4, 0);
		told(0);
		tw(44, 4, 0xfffffffe); /* reserved bits */
		told(0);
		/* open entry: each part */
		tw(32, 4, 0x08020040);
		told(0);
		tw(32, 4, 0x08020080);
		told(live);
		tw(36, 4, 0x2);
		told(live);
		tw(40, 4, 78);
		told(live);
		tw(32, 8, 0x108020040);
		told(live);
		tw(40, 8, 79);
		told(live);
		tw(40, 8, 79);
		told(0);
		/* what is undefined changes nothing and tells nobody */
		tw(40, 2, 1);
		tw(44, 1, 1);
		tw(34, 4, 0);
		tw(36, 8, 0);
		told(0);
		/* mask, together with new data: one change */
		tw(40, 8, 0x100000050);
		told(live);
		tw(40, 8, 0x100000051);
		told(0);
		tw(40, 8, 0x51);
		told(live);
		vector(2, false, state == DISABLED ? 0 : 0x108020040, state == DISABLED ? 0 : 0x51);
	}
}
END_TEST

START_TEST(msix_control_told)
{
	add_msix();
	ck_assert_int_eq(pci_msi_add(&ep->fn, MSI, 1, true, false), 0);
	tw(0, 8, 0x08020040);
	tw(8, 8, 5);
	told(0);
	cfg(PCI_COMMAND, 2, MASTER);
	told(1);
	cfg(MSIX_CTL, 2, PCI_MSIX_FLAGS_MASKALL);
	told(0);
	cfg(MSIX_CTL, 2, PCI_MSIX_FLAGS_MASKALL | PCI_MSIX_FLAGS_ENABLE);
	told(1);
	ck_assert_int_eq(pci_irq_mode(&ep->fn), PCI_IRQ_MSIX);
	ck_assert_uint_eq(pci_irq_vectors(&ep->fn), VECTORS);
	vector(0, false, 0x08020040, 5);
	cfg(MSIX_CTL + 1, 1, PCI_MSIX_FLAGS_ENABLE >> 8);
	told(1);
	vector(0, true, 0x08020040, 5);
	vector(1, false, 0, 0);
	vector(VECTORS, false, 0, 0);
	/* MSI-X wins over MSI. */
	cfg(MSI + 2, 2, 1);
	ck_assert_int_eq(pci_irq_mode(&ep->fn), PCI_IRQ_MSIX);
	ep->irq_changes = 0;
	cfg(MSI + 4, 4, 0x1000);
	told(0);
	cfg(MSIX_CTL, 2, 0);
	told(1);
	ck_assert_int_eq(pci_irq_mode(&ep->fn), PCI_IRQ_MSI);
	vector(0, true, 0x1000, 0);
	ck_assert_int_eq(pci_function_reset(&ep->fn), 0);
	ck_assert_int_eq(pci_irq_mode(&ep->fn), PCI_IRQ_INTX);
	ck_assert_uint_eq(tr(TABLE, 8), 0);
	ck_assert_uint_eq(tr(TABLE + 12, 4), 1);
}
END_TEST

/* Through the bus: the table is trapped in front of the owner's own accesses. */
START_TEST(msix_on_the_bus)
{
	uint64_t value, base = 0x10400000;

	add_msix();
	cfg(PCI_BASE_ADDRESS_2, 8, base);
	cfg(PCI_COMMAND, 2, MASTER);
	bus_write(&w.vm.bus, base + TABLE + 8, 4, 0x1234);
	bus_read(&w.vm.bus, base + TABLE + 8, 8, &value);
	ck_assert_uint_eq(value, 0x100001234);
	ck_assert_uint_eq(ep->bar_accesses, 0);
	bus_write(&w.vm.bus, base + TABLE - 8, 8, 1);
	ck_assert_uint_eq(ep->bar_accesses, 1);
	ck_assert_uint_eq(ep->last_access.offset, TABLE - 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_msix");
	TCase *tc = tcase_create("interrupts");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, msix_bad);
	tcase_add_test(tc, msix_capability);
	tcase_add_test(tc, msix_table_accesses);
	tcase_add_test(tc, msix_edges);
	tcase_add_test(tc, msix_pba);
	tcase_add_test(tc, msix_pba_end);
	tcase_add_test(tc, msix_told);
	tcase_add_test(tc, msix_control_told);
	tcase_add_test(tc, msix_on_the_bus);
	suite_add_tcase(suite, tc);

	return run_suite(suite);
}
