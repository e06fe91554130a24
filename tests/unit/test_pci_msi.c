/* SPDX-License-Identifier: Apache-2.0 */
/* MSI and INTx state as the guest programs it, and when the owner is told (pci_msi.h). */
#include "pci_msi_fixture.h"
#include "run_suite.h"

#define PORT 8u /* devfn of port 0 */

static const struct {
	bool is_64, maskable;
	unsigned data, mask, end;
} forms[] = {
	{false, false, 0x08, 0, 0x0c},
	{true, false, 0x0c, 0, 0x10},
	{false, true, 0x08, 0x0c, 0x14},
	{true, true, 0x0c, 0x10, 0x18},
};

START_TEST(msi_forms)
{
	bool is_64 = forms[_i].is_64, maskable = forms[_i].maskable;
	unsigned data = MSI + forms[_i].data, mask = MSI + forms[_i].mask;

	/* 32 vectors: MMC 5 */
	ck_assert_int_eq(pci_msi_add(&ep->fn, MSI, 32, is_64, maskable), 0);
	ck_assert_uint_eq(get(MSI, 4), (0x000a0005u | (is_64 ? 0x800000 : 0) | (maskable ? 0x1000000 : 0)));
	ck_assert(!pci_cfg_unclaimed(&ep->fn.cfg, MSI + forms[_i].end - 4, 4));
	ck_assert(pci_cfg_unclaimed(&ep->fn.cfg, MSI + forms[_i].end, 4));

	for (unsigned reg = MSI; reg < MSI + forms[_i].end; reg += 4)
		cfg(reg, 4, UINT32_MAX);
	ck_assert_uint_eq(get(MSI + 2, 2) & ~0x180u, 0x7b); /* enable, MME, MMC read-only */
	ck_assert_uint_eq(get(MSI + 4, 4), 0xfffffffc);
	ck_assert_uint_eq(get(data, 4), 0xffff);
	if (is_64)
		ck_assert_uint_eq(get(MSI + 8, 4), 0xffffffff);
	if (maskable) {
		ck_assert_uint_eq(get(mask, 4), 0xffffffff);
		ck_assert_uint_eq(get(mask + 4, 4), 0);
	}
	/* MME 7 is reserved: all 32 that were offered. */
	ck_assert_uint_eq(pci_irq_vectors(&ep->fn), 32);
	cfg(PCI_COMMAND, 2, MASTER);
	vector(31, !maskable, is_64 ? 0xfffffffffffffffcu : 0xfffffffcu, 0xffff);
	vector(0, !maskable, is_64 ? 0xfffffffffffffffcu : 0xfffffffcu, 0xffe0);
	vector(32, false, 0, 0);

	pci_irq_reset(&ep->fn);
	ck_assert_int_eq(pci_irq_mode(&ep->fn), PCI_IRQ_INTX);
	ck_assert_uint_eq(get(MSI + 4, 4), 0);
	if (maskable)
		ck_assert_uint_eq(get(mask, 4), 0);
}
END_TEST

START_TEST(msi_bad)
{
	static const struct {
		uint16_t offset, vectors;
	} bad[] = {{MSI, 0}, {MSI, 3}, {MSI, 64}, {MSI + 1, 1}, {0x3c, 1}, {0xf4, 1}, {0x100, 1}, {0xfffc, 1}};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(pci_msi_add(&ep->fn, bad[i].offset, bad[i].vectors, true, true), -EINVAL);
	pci_cfg_pass(&ep->fn.cfg, MSI + 0x14, 0, 0, 0); /* in the way of the pending bits */
	ck_assert_int_eq(pci_msi_add(&ep->fn, MSI, 1, true, true), -EINVAL);
	ck_assert_uint_eq(get(PCI_CAPABILITY_LIST, 1), 0);
	ck_assert_int_eq(pci_msi_add(&ep->fn, MSI, 1, true, false), 0);
	ck_assert_int_eq(pci_msi_add(&ep->fn, 0x80, 1, true, false), -EINVAL);
}
END_TEST

/* Data of vector n: the low bits are the function's (7.7.1.5). */
START_TEST(msi_vectors)
{
	static const unsigned given[8] = {1, 2, 4, 8, 8, 8, 8, 8};

	ck_assert_int_eq(pci_msi_add(&ep->fn, MSI, 8, true, false), 0);
	cfg(PCI_COMMAND, 2, MASTER);
	cfg(MSI + 4, 8, 0x0000000108020040u);
	cfg(MSI + 0x0c, 2, 0x4a5f);
	for (unsigned mme = 0; mme < 8; mme++) {
		cfg(MSI + 2, 2, 1 | mme << 4);
		ck_assert_uint_eq(pci_irq_vectors(&ep->fn), given[mme]);
		for (unsigned v = 0; v < given[mme]; v++)
			vector(v, true, 0x108020040u, (0x4a5fu & ~(given[mme] - 1)) | v);
		vector(given[mme], false, 0, 0);
	}
	vector(UINT32_MAX, false, 0, 0);
}
END_TEST

START_TEST(msi_told)
{
	ck_assert_int_eq(pci_msi_add(&ep->fn, MSI, 4, true, true), 0);
	ck_assert_int_eq(pci_irq_mode(&ep->fn), PCI_IRQ_INTX);
	ck_assert_uint_eq(pci_irq_vectors(&ep->fn), 0);

	/* Disabled: nothing that is written matters yet. */
	cfg(MSI + 4, 4, 0x08020040);
	cfg(MSI + 0x0c, 2, 0x20);
	cfg(MSI + 0x10, 4, 0xf);
	cfg(MSI + 2, 2, 0x20);
	told(0);
	cfg(MSI + 2, 2, 0x21); /* enable, 4 vectors */
	told(1);
	ck_assert_int_eq(pci_irq_mode(&ep->fn), PCI_IRQ_MSI);
	cfg(MSI + 2, 2, 0x21);
	told(0);
	vector(1, false, 0x08020040, 0x21); /* masked */
	cfg(MSI + 0x10, 4, 0xd);
	told(1);
	vector(1, false, 0x08020040, 0x21); /* bus master off */
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	told(1);
	vector(1, true, 0x08020040, 0x21);
	vector(0, false, 0x08020040, 0x20);
	cfg(MSI + 0x10, 4, 0xd);
	told(0);
	cfg(MSI + 4, 4, 0x08020080);
	told(1);
	cfg(MSI + 8, 4, 0x1);
	told(1);
	cfg(MSI + 0x0c, 1, 0x40);
	told(1);
	vector(1, true, 0x108020080, 0x41);
	cfg(MSI + 2, 2, 0x11); /* 2 vectors */
	told(1);
	vector(2, false, 0, 0);
	/* The bridge above. */
	fake_cfg_write(&w, 0, PORT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	told(1);
	vector(1, false, 0x108020080, 0x41);
	fake_cfg_write(&w, 0, PORT, PCI_COMMAND, 2, MASTER);
	told(1);
	/* Its bus number is part of the message. */
	fake_cfg_write(&w, 0, PORT, PCI_PRIMARY_BUS, 4, 0x00070700);
	told(1);
	vector(1, true, 0x108020080, 0x41);
	ck_assert_uint_eq(pci_function_rid(&ep->fn), 0x0700);
	fake_cfg_write(&w, 7, 0, MSI + 2, 2, 0x10);
	told(1);
	ck_assert_int_eq(pci_irq_mode(&ep->fn), PCI_IRQ_INTX);
	ck_assert_int_eq(pci_function_reset(&ep->fn), 0);
	ck_assert_uint_ge(ep->irq_changes, 1);
}
END_TEST

START_TEST(msi_pending)
{
	ck_assert_int_eq(pci_msi_add(&ep->fn, MSI, 8, false, true), 0);
	ep->pending = 0xf5;
	ck_assert_uint_eq(get(MSI + 0x10, 4), 0); /* not enabled */
	cfg(MSI + 2, 2, 0x21);
	ck_assert_uint_eq(get(MSI + 0x10, 4), 0x5); /* 4 vectors */
	ck_assert_uint_eq(get(MSI + 0x10, 1), 0x5);
	ck_assert_uint_eq(get(MSI + 0x11, 1), 0);
	cfg(MSI + 0x10, 4, 0);
	cfg(MSI + 2, 2, 0x31);
	ck_assert_uint_eq(get(MSI + 0x10, 4), 0xf5);
}
END_TEST

START_TEST(intx)
{
	ck_assert(!pci_irq_intx_enabled(&ep->fn)); /* no pin */
	ep->fn.irq.intx_pin = 1;
	ck_assert(pci_irq_intx_enabled(&ep->fn));
	cfg(PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	told(1);
	ck_assert(!pci_irq_intx_enabled(&ep->fn));
	cfg(PCI_COMMAND, 2, 0);
	told(1);
	ck_assert_int_eq(pci_msi_add(&ep->fn, MSI, 1, true, false), 0);
	cfg(MSI + 2, 2, 1);
	ck_assert(!pci_irq_intx_enabled(&ep->fn));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_msi");
	TCase *tc = tcase_create("interrupts");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, msi_forms, 0, sizeof(forms) / sizeof(forms[0]));
	tcase_add_test(tc, msi_bad);
	tcase_add_test(tc, msi_vectors);
	tcase_add_test(tc, msi_told);
	tcase_add_test(tc, msi_pending);
	tcase_add_test(tc, intx);
	suite_add_tcase(suite, tc);

	return run_suite(suite);
}
