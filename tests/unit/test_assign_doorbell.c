/* SPDX-License-Identifier: Apache-2.0 */
/* The device's own MSI-X table behind a guest IOMMU: its entries get the guest's address, and only when that is right.
 */
#include "assign_rig.h"

#define TABLE	  (RIG_BAR + 0x2000)
#define HOST	  0x08000040ull /* what the host's kernel wrote: the doorbell where stage 2 maps it */
#define GUEST	  0xfff80040ull /* where the guest's stage 1 maps it */
#define HOST_DATA 0x1234u

bool arch_msi_shares_doorbell(uint64_t address)
{
	return address == HOST;
}

static uint32_t *entry(unsigned v)
{
	return (uint32_t *)(void *)(bar0 + 0x2000 + v * 16);
}

static uint64_t address_of(unsigned v)
{
	return entry(v)[0] | (uint64_t)entry(v)[1] << 32;
}

/* What the kernel does when MSI-X is enabled. */
static void host_writes(uint64_t address)
{
	for (unsigned v = 0; v < 65; v++) {
		entry(v)[0] = (uint32_t)address;
		entry(v)[1] = (uint32_t)(address >> 32);
		entry(v)[2] = HOST_DATA;
		entry(v)[3] = 0;
	}
}

static void begin(bool translated)
{
	rig_start(translated);
	guest_enable();
	host_writes(HOST);
	cfg_write(0xb2, 2, PCI_MSIX_FLAGS_ENABLE);
}

static void unmask(unsigned v, uint64_t address)
{
	mem_write(TABLE + v * 16, 8, address);
	mem_write(TABLE + v * 16 + 8, 8, 5);
}

static void teardown(void)
{
	rig_end();
}

START_TEST(points_at_unmask)
{
	begin(true);
	ck_assert_uint_eq(address_of(3), HOST);
	unmask(3, GUEST);
	ck_assert_uint_eq(address_of(3), GUEST);
	ck_assert_uint_eq(entry(3)[2], HOST_DATA); /* the host's interrupt, whatever the guest says */
	ck_assert_uint_eq(entry(3)[3], 0);
	ck_assert_uint_eq(address_of(2), HOST);
	/* the guest moves it: again */
	mem_write(TABLE + 3 * 16, 8, GUEST + 0x10000);
	ck_assert_uint_eq(address_of(3), GUEST + 0x10000);
	/* the guest's table in front is its own */
	ck_assert_uint_eq(mem_read(TABLE + 3 * 16 + 8, 4), 5);
}
END_TEST

START_TEST(only_the_shared_doorbell)
{
	begin(true);
	host_writes(HOST + 0x1000); /* another page: a second ITS; stage 1 does not lead there */
	unmask(0, GUEST);
	ck_assert_uint_eq(address_of(0), HOST + 0x1000);
}
END_TEST

START_TEST(not_without_a_guest_iommu)
{
	begin(false);
	unmask(0, GUEST);
	ck_assert_uint_eq(address_of(0), HOST);
	ck_assert_ptr_null(a->doorbell.host);
}
END_TEST

/* Touching the table while the device does not decode would be SIGBUS. */
START_TEST(not_while_memory_is_off)
{
	begin(true);
	unmask(0, GUEST);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	host_writes(HOST);
	assign_irq_reconcile(&a->fn);
	ck_assert_uint_eq(address_of(0), HOST);
}
END_TEST

START_TEST(enabled_anew)
{
	begin(true);
	unmask(0, GUEST);
	cfg_write(0xb2, 2, 0);
	host_writes(HOST);
	cfg_write(0xb2, 2, PCI_MSIX_FLAGS_ENABLE);
	ck_assert_uint_eq(address_of(0), GUEST);
}
END_TEST

START_TEST(table_that_cannot_be_mapped)
{
	rig_begin();
	fake_vfio_nvme(dev, bar0);
	dev->regions[0].sparse[0].size = 0x2000;
	dev->regions[0].nr_sparse = 1;
	fake_vfio_add(dev, RIG_BDF);
	ck_assert_int_eq(rig_create(true), 0);
	rig_place();
	guest_enable();
	host_writes(HOST);
	cfg_write(0xb2, 2, PCI_MSIX_FLAGS_ENABLE);
	unmask(0, GUEST);
	ck_assert_uint_eq(address_of(0), HOST);
	ck_assert_uint_eq(irqs.connected, 1);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, points_at_unmask);
	tcase_add_test(t, only_the_shared_doorbell);
	tcase_add_test(t, not_without_a_guest_iommu);
	tcase_add_test(t, not_while_memory_is_off);
	tcase_add_test(t, enabled_anew);
	tcase_add_test(t, table_that_cannot_be_mapped);
}

RIG_MAIN("assign_doorbell", add_tests)
