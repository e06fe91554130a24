/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration mechanism #1: the same functions as by ECAM, and nothing else. */
#include <check.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "device.h"
#include "fake_irq.h"
#include "fake_pci.h"
#include "pci_host.h"
#include "run_suite.h"
#include "vm.h"

#define PORTS	(UINT64_C(1) << 52)
#define ADDRESS (PORTS + 0xcf8)
#define DATA	(PORTS + 0xcfc)
#define HOST_ID 0x00081b36u

static struct vm vm;
static struct pci_host *host;

static uint32_t in(uint64_t port, uint8_t size)
{
	uint64_t value;

	bus_read(&vm.bus, port, size, &value);
	return (uint32_t)value;
}

static void out(uint64_t port, uint8_t size, uint32_t value)
{
	bus_write(&vm.bus, port, size, value);
}

static void build(uint64_t port_base)
{
	const struct pci_host_config config = {.ecam = {0x40000000, 0x4fefffff},
					       .mmio32 = {0x10000000, 0x1fffffff},
					       .mmio64 = {UINT64_C(1) << 33, (UINT64_C(1) << 34) - 1},
					       .port_base = port_base};

	bus_init(&vm.bus);
	ck_assert_int_eq(pci_host_create(&host, &vm, &config), 0);
}

static void teardown(void)
{
	struct device *dev = pci_host_device(host);

	dev->class->destroy(dev);
	ck_assert_uint_eq(vm.bus.nr_windows, 0);
	bus_fini(&vm.bus);
}

static void setup(void)
{
	build(PORTS);
}

/* The way of Linux' pci_check_type1(). */
START_TEST(found)
{
	out(ADDRESS + 3, 1, 1);
	ck_assert_uint_eq(in(ADDRESS, 4), 0);
	out(ADDRESS, 4, 0x80000000);
	ck_assert_uint_eq(in(ADDRESS, 4), 0x80000000);
	ck_assert_uint_eq(in(DATA, 4), HOST_ID);
	ck_assert_uint_eq(in(DATA, 2), HOST_ID & 0xffff);
	ck_assert_uint_eq(in(DATA + 2, 2), HOST_ID >> 16);
	ck_assert_uint_eq(in(DATA + 3, 1), HOST_ID >> 24);
	out(ADDRESS, 4, 0x80000000 | PCI_CLASS_REVISION);
	ck_assert_uint_eq(in(DATA + 2, 2), 0x0600);
}
END_TEST

START_TEST(writes)
{
	out(ADDRESS, 4, 0x80000000 | PCI_CACHE_LINE_SIZE);
	out(DATA, 1, 0x10);
	ck_assert_uint_eq(in(DATA, 1), 0x10);
	uint64_t value;

	bus_read(&vm.bus, 0x40000000 + PCI_CACHE_LINE_SIZE, 1, &value);
	ck_assert_uint_eq(value, 0x10);
}
END_TEST

/* What is not enabled, not there, not a dword or of a wrong size reads as ones and is not written. */
START_TEST(refused)
{
	out(ADDRESS, 4, PCI_CACHE_LINE_SIZE);
	out(DATA, 1, 0x10);
	ck_assert_uint_eq(in(DATA, 4), UINT32_MAX);
	out(ADDRESS, 4, 0x80000000 | PCI_CACHE_LINE_SIZE);
	ck_assert_uint_eq(in(DATA, 1), 0);
	ck_assert_uint_eq(in(ADDRESS, 2), 0xffff);
	ck_assert_uint_eq(in(ADDRESS + 1, 1), 0xff);
	ck_assert_uint_eq(in(DATA + 1, 4), UINT32_MAX); /* over the end of the dword */
	ck_assert_uint_eq(in(DATA + 3, 2), 0xffff);
	out(ADDRESS, 4, UINT32_MAX); /* reserved bits stay 0; function ff:1f.7 is not there */
	ck_assert_uint_eq(in(ADDRESS, 4), 0x80fffffc);
	ck_assert_uint_eq(in(DATA, 4), UINT32_MAX);
	out(DATA, 4, 0);
}
END_TEST

START_TEST(reset)
{
	struct device *dev = pci_host_device(host);

	out(ADDRESS, 4, 0x80000000);
	ck_assert_int_eq(dev->class->reset(dev), 0);
	ck_assert_uint_eq(in(ADDRESS, 4), 0);
}
END_TEST

START_TEST(no_ports)
{
	teardown();
	build(0);
	ck_assert_uint_eq(vm.bus.nr_windows, 1);
	ck_assert_uint_eq(in(ADDRESS, 4), UINT32_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_ports");
	TCase *tc = tcase_create("pci_ports");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, found);
	tcase_add_test(tc, writes);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, reset);
	tcase_add_test(tc, no_ports);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
