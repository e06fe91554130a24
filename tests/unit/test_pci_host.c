/* SPDX-License-Identifier: Apache-2.0 */
/* The ECAM window, the tree behind it, resets. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "device.h"
#include "fake_irq.h"
#include "fake_pci.h"
#include "log.h"
#include "run_suite.h"

#define PORT0 (1u << 3)
#define PORT1 (2u << 3)
#define EP_ID 0x56781234u
#define RP_ID 0x000c1b36u
#define NONE  0xffffffffu

static struct fake_pci w;
static struct fake_endpoint *ep[3]; /* port 0: functions 0 and 3; port 1: function 0 */
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
	for (unsigned i = 0; i < 3; i++)
		ep[i] = fake_endpoint_new("ep");
	ck_assert_int_eq(fake_pci_place(&w, 0, 0, ep[0]), 0);
	ck_assert_int_eq(fake_pci_place(&w, 0, 3, ep[1]), 0);
	ck_assert_int_eq(fake_pci_place(&w, 1, 0, ep[2]), 0);
}

static void teardown(void)
{
	fake_pci_stop(&w);
	ck_assert_uint_eq(fake_irq.routes, 0);
	log_set_sink(NULL, NULL);
}

static uint32_t id(unsigned bus, unsigned devfn)
{
	return (uint32_t)fake_cfg_read(&w, bus, devfn, PCI_VENDOR_ID, 4);
}

static void buses(unsigned port_devfn, uint8_t secondary, uint8_t subordinate)
{
	fake_cfg_write(&w, 0, port_devfn, PCI_PRIMARY_BUS, 4, (uint32_t)subordinate << 16 | (uint32_t)secondary << 8);
}

/* All of the 65536 RIDs: exactly the functions that were placed answer. */
START_TEST(who_answers)
{
	unsigned found = 0;

	for (unsigned rid = 0; rid < 0x10000; rid++)
		found += id(rid >> 8, rid & 0xff) != NONE;
	ck_assert_uint_eq(found, 6);
	ck_assert_uint_eq(id(0, 0), 0x00081b36);
	ck_assert_uint_eq(id(0, PORT0), RP_ID);
	ck_assert_uint_eq(id(0, PORT1), RP_ID);
	ck_assert_uint_eq(id(1, 0), EP_ID);
	ck_assert_uint_eq(id(1, 3), EP_ID);
	ck_assert_uint_eq(id(2, 0), EP_ID);
	ck_assert_ptr_eq(pci_host_find(w.host, 0x0103), &ep[1]->fn);
	ck_assert_ptr_null(pci_host_find(w.host, 0x0108));
	ck_assert_ptr_null(pci_host_find(w.host, 0xffff));
}
END_TEST

/* Every size at every offset of function @devfn of @bus, against the bytes of the dwords. */
static void sweep_reads(unsigned bus, unsigned devfn, bool present)
{
	static const uint8_t sizes[] = {1, 2, 4, 8};
	uint8_t bytes[PCI_CFG_SIZE + 8];

	memset(bytes, 0xff, sizeof(bytes));
	for (unsigned reg = 0; reg < PCI_CFG_SIZE; reg += 4) {
		uint32_t v = (uint32_t)fake_cfg_read(&w, bus, devfn, reg, 4);

		memcpy(bytes + reg, &v, 4);
	}
	/* An 8-byte access at the end goes on in the next function's first dword. */
	if (devfn < 255) {
		uint32_t next = id(bus, devfn + 1);

		memcpy(bytes + PCI_CFG_SIZE, &next, 4);
	}
	for (unsigned s = 0; s < 4; s++)
		for (unsigned reg = 0; reg < PCI_CFG_SIZE; reg++) {
			bool legal = sizes[s] == 8 ? reg % 4 == 0 : reg % 4 + sizes[s] <= 4;
			uint64_t want = 0, got = fake_cfg_read(&w, bus, devfn, reg, sizes[s]);

			memcpy(&want, bytes + reg, sizes[s]);
			if (!legal || !present)
				want = sizes[s] == 8 ? UINT64_MAX : (UINT64_C(1) << (sizes[s] * 8)) - 1;
			if (!present && sizes[s] == 8 && reg == PCI_CFG_SIZE - 4)
				continue; /* its upper half is another function's */
			ck_assert_msg(got == want, "%02x:%02x reg %#x size %u: %#llx, not %#llx", bus, devfn, reg,
				      sizes[s], (unsigned long long)got, (unsigned long long)want);
		}
}

START_TEST(ecam_reads)
{
	static const struct {
		unsigned bus, devfn;
		bool present;
	} where[] = {
		{0, 0, true},  {0, PORT0, true},      {0, PORT1, true},	 {1, 0, true},
		{1, 3, true},  {1, 1, false},	      {1, 8, false},	 {3, 0, false},
		{0, 1, false}, {0, PORT0 + 1, false}, {255, 255, false},
	};

	sweep_reads(where[_i].bus, where[_i].devfn, where[_i].present);
}
END_TEST

/* Writes of every size at every offset, of ones and of zeros: nothing but the value may change, and what crosses a
 * dword changes nothing. */
START_TEST(ecam_writes)
{
	static const uint8_t sizes[] = {1, 2, 4, 8};
	static const unsigned where[][2] = {{0, 0}, {0, PORT0}, {1, 0}, {1, 3}, {1, 1}, {9, 9}, {255, 255}};

	for (unsigned f = 0; f < sizeof(where) / sizeof(where[0]); f++)
		for (unsigned s = 0; s < 4; s++)
			for (unsigned reg = 0; reg < PCI_CFG_SIZE; reg++) {
				fake_cfg_write(&w, where[f][0], where[f][1], reg, sizes[s], UINT64_MAX);
				fake_cfg_write(&w, where[f][0], where[f][1], reg, sizes[s], 0);
			}
	ck_assert_uint_eq(id(0, PORT0), RP_ID);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT0, PCI_HEADER_TYPE, 1), 1);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT0, PCI_CAPABILITY_LIST, 1), 0x40);

	/* The port has no I/O window. */
	fake_cfg_write(&w, 0, PORT0, PCI_IO_BASE, 2, 0xe0f0);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT0, PCI_IO_BASE, 2), 0);

	buses(PORT0, 0x34, 0x34);
	fake_cfg_write(&w, 0, PORT0, PCI_SECONDARY_BUS - 1, 4, 0x11223344); /* 0x18: aligned */
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT0, PCI_PRIMARY_BUS, 4), 0x00223344);
	fake_cfg_write(&w, 0, PORT0, PCI_SECONDARY_BUS, 4, 0x99999999); /* crosses */
	fake_cfg_write(&w, 0, PORT0, PCI_SECONDARY_BUS, 8, 0x99999999);
	fake_cfg_write(&w, 0, PORT0, 0x1b, 2, 0x9999);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT0, PCI_PRIMARY_BUS, 4), 0x00223344);
	/* 8 bytes are two dwords: buses, and an I/O window that is not there. */
	fake_cfg_write(&w, 0, PORT0, PCI_PRIMARY_BUS, 8, 0xffffffff00aabbcc);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT0, PCI_PRIMARY_BUS, 8), 0x0000000000aabbcc);
}
END_TEST

START_TEST(renumbering)
{
	buses(PORT0, 7, 9);
	ck_assert_uint_eq(id(1, 0), NONE);
	ck_assert_uint_eq(id(7, 0), EP_ID);
	ck_assert_uint_eq(id(7, 3), EP_ID);
	ck_assert_uint_eq(id(7, 8), NONE);
	ck_assert_uint_eq(id(8, 0), NONE); /* forwarded as type 1; nobody is there */
	ck_assert_uint_eq(pci_function_rid(&ep[1]->fn), 0x0703);
	ck_assert_ptr_eq(pci_host_find(w.host, 0x0703), &ep[1]->fn);

	buses(PORT0, 7, 6); /* an empty range forwards nothing */
	ck_assert_uint_eq(id(7, 0), NONE);
	buses(PORT0, 0, 255); /* bus 0 is the root bus and nothing else */
	ck_assert_uint_eq(id(0, 0), 0x00081b36);
	ck_assert_uint_eq(id(0, 3), NONE);
	buses(PORT0, 2, 2); /* the number of port 1: the lower port has it */
	ck_assert_ptr_eq(pci_host_find(w.host, 0x0200), &ep[0]->fn);
	ck_assert_ptr_eq(pci_host_find(w.host, 0x0203), &ep[1]->fn);
	buses(PORT0, 255, 255);
	ck_assert_ptr_eq(pci_host_find(w.host, 0x0200), &ep[2]->fn);
	ck_assert_uint_eq(id(255, 3), EP_ID);
	/* Byte by byte, as some firmware does. */
	fake_cfg_write(&w, 0, PORT0, PCI_SECONDARY_BUS, 1, 4);
	ck_assert_uint_eq(id(4, 0), EP_ID);
	fake_cfg_write(&w, 0, PORT0, PCI_SUBORDINATE_BUS, 1, 3);
	ck_assert_uint_eq(id(4, 0), NONE);
}
END_TEST

START_TEST(multi_function)
{
	ck_assert_uint_eq(fake_cfg_read(&w, 1, 0, PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_MFD);
	ck_assert_uint_eq(fake_cfg_read(&w, 1, 3, PCI_HEADER_TYPE, 1), 0);
	ck_assert_uint_eq(fake_cfg_read(&w, 2, 0, PCI_HEADER_TYPE, 1), 0);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, 0, PCI_HEADER_TYPE, 1), 0);
	fake_cfg_write(&w, 1, 0, PCI_CACHE_LINE_SIZE, 4, 0);
	ck_assert_int_eq(pci_function_reset(&ep[0]->fn), 0);
	ck_assert_uint_eq(fake_cfg_read(&w, 1, 0, PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_MFD);

	/* The other order; on the root bus, with the header type passed from a device. */
	struct fake_endpoint *f1 = fake_endpoint_new("f1"), *f0 = fake_endpoint_new("f0");

	pci_cfg_pass(&f0->fn.cfg, PCI_CACHE_LINE_SIZE, 0xff, 0, 0);
	ck_assert_int_eq(pci_host_place(w.host, NULL, 0x29, &f1->fn), 0);
	ck_assert_int_eq(pci_host_check(w.host), -EINVAL);
	ck_assert_int_eq(pci_host_place(w.host, NULL, 0x28, &f0->fn), 0);
	ck_assert_int_eq(pci_host_check(w.host), 0);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, 0x28, PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_MFD);
}
END_TEST

START_TEST(placing)
{
	struct fake_endpoint *e = fake_endpoint_new("e");
	struct pci_bridge *loose, *second;

	ck_assert_int_eq(fake_pci_place(&w, 0, 0, e), -EEXIST);
	ck_assert_int_eq(fake_pci_place(&w, 0, 3, e), -EEXIST);
	ck_assert_int_eq(fake_pci_place(&w, 0, 8, e), -EINVAL);
	ck_assert_int_eq(pci_host_place(w.host, NULL, 0, &e->fn), -EEXIST);
	ck_assert_int_eq(pci_host_place(w.host, NULL, PORT0, &e->fn), -EEXIST);
	ck_assert_int_eq(pci_host_place(w.host, NULL, 0x30, &ep[0]->fn), -EINVAL);
	ck_assert_int_eq(pci_bridge_create(&loose, &w.vm, "loose", 3, 3), 0);
	ck_assert_int_eq(pci_host_place(w.host, loose, 0, &e->fn), -EINVAL);
	ck_assert_int_eq(pci_host_place(w.host, w.port[0], 1, &loose->fn), -EINVAL);
	ck_assert_uint_eq(nr_logged, 8);
	ck_assert_ptr_null(e->fn.host);
	ck_assert_int_eq(pci_host_check(w.host), 0);
	loose->fn.ops->destroy(&loose->fn);

	ck_assert_int_eq(pci_bridge_create(&second, &w.vm, "second", 3, 3), 0);
	ck_assert_int_eq(pci_host_place(w.host, NULL, 0x18, &second->fn), 0);
	ck_assert_int_eq(pci_host_place(w.host, second, 1, &e->fn), 0);
	ck_assert_int_eq(pci_host_check(w.host), -EINVAL); /* no function 0 below "second" */
	ck_assert_uint_eq(id(3, 1), EP_ID);
}
END_TEST

START_TEST(too_many)
{
	unsigned placed = 6; /* host bridge, two ports, three endpoints */
	struct fake_endpoint *e = NULL;

	for (unsigned devfn = 0x18; devfn < 256 && placed < PCI_MAX_FUNCTIONS; devfn++, placed++)
		ck_assert_int_eq(pci_host_place(w.host, NULL, (uint8_t)devfn, &fake_endpoint_new("e")->fn), 0);
	for (uint8_t fn = 1; fn < 8 && placed < PCI_MAX_FUNCTIONS; fn++, placed++)
		ck_assert_int_eq(fake_pci_place(&w, 1, fn, fake_endpoint_new("e")), 0);
	for (uint8_t fn = 1; fn < 8 && placed < PCI_MAX_FUNCTIONS; fn++)
		if (fn != 3) {
			ck_assert_int_eq(fake_pci_place(&w, 0, fn, fake_endpoint_new("e")), 0);
			placed++;
		}
	for (unsigned devfn = 1; devfn < 8 && placed < PCI_MAX_FUNCTIONS; devfn++, placed++)
		ck_assert_int_eq(pci_host_place(w.host, NULL, (uint8_t)devfn, &fake_endpoint_new("e")->fn), 0);
	ck_assert_uint_eq(placed, PCI_MAX_FUNCTIONS);
	e = fake_endpoint_new("one too many");
	ck_assert_int_eq(pci_host_place(w.host, NULL, 7, &e->fn), -ENOSPC);
	fake_endpoint_free(e);
	ck_assert_int_eq(pci_host_check(w.host), 0);
}
END_TEST

START_TEST(iommu_maps_capped)
{
	const struct pci_iommu_map map = {.count = 1};

	for (unsigned i = 0; i < PCI_MAX_IOMMU_MAPS; i++)
		ck_assert_int_eq(pci_host_add_iommu_map(w.host, &map), 0);
	ck_assert_int_eq(pci_host_add_iommu_map(w.host, &map), -ENOSPC);
}
END_TEST

START_TEST(intx_lines)
{
	/* On bus 0 by the slot; below a port turned by the port's slot, as device 0 turns nothing. */
	for (uint8_t pin = 1; pin <= 4; pin++) {
		ck_assert_uint_eq(pci_host_intx_line(w.host, &w.port[0]->fn, pin)->intid, 35 + (pin - 1 + 1) % 4);
		ck_assert_uint_eq(pci_host_intx_line(w.host, &ep[0]->fn, pin)->intid, 35 + (pin - 1 + 1) % 4);
		ck_assert_uint_eq(pci_host_intx_line(w.host, &ep[1]->fn, pin)->intid, 35 + (pin - 1 + 1) % 4);
		ck_assert_uint_eq(pci_host_intx_line(w.host, &ep[2]->fn, pin)->intid, 35 + (pin - 1 + 2) % 4);
	}
	ck_assert_ptr_null(pci_host_intx_line(w.host, &ep[0]->fn, 0));
	ck_assert_ptr_null(pci_host_intx_line(w.host, &ep[0]->fn, 5));
}
END_TEST

START_TEST(secondary_bus_reset)
{
	ck_assert_int_eq(pci_bar_define(&ep[1]->fn, 0, 0x1000, false, false), 0);
	fake_port_open(&w, 0, 0x10000000, 0x100fffff, UINT64_MAX, 0);
	fake_cfg_write(&w, 1, 3, PCI_BASE_ADDRESS_0, 4, 0x10000000);
	fake_cfg_write(&w, 1, 3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	fake_cfg_write(&w, 2, 0, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	ck_assert(ep[1]->bar[0].mapped);

	fake_cfg_write(&w, 0, PORT0, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	ck_assert_uint_eq(ep[0]->resets, 1);
	ck_assert_uint_eq(ep[1]->resets, 1);
	ck_assert_uint_eq(ep[2]->resets, 0);
	ck_assert(!ep[1]->bar[0].mapped);
	ck_assert_uint_eq(id(1, 0), NONE); /* in reset: nobody answers */
	ck_assert_uint_eq(id(2, 0), EP_ID);
	fake_cfg_write(&w, 0, PORT0, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	ck_assert_uint_eq(ep[0]->resets, 1);

	fake_cfg_write(&w, 0, PORT0, PCI_BRIDGE_CONTROL, 2, 0);
	ck_assert_uint_eq(ep[0]->resets, 1);
	ck_assert_uint_eq(id(1, 3), EP_ID);
	ck_assert_uint_eq(fake_cfg_read(&w, 1, 3, PCI_COMMAND, 2), 0);
	ck_assert_uint_eq(fake_cfg_read(&w, 1, 3, PCI_BASE_ADDRESS_0, 4), 0);
	ck_assert_uint_eq(fake_cfg_read(&w, 2, 0, PCI_COMMAND, 2), PCI_COMMAND_MASTER);
	/* The port kept its windows and buses. */
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT0, PCI_MEMORY_BASE, 4), 0x10001000);
}
END_TEST

START_TEST(host_reset)
{
	struct device *dev = pci_host_device(w.host);

	ck_assert_int_eq(pci_bar_define(&ep[0]->fn, 0, 0x1000, false, false), 0);
	buses(PORT0, 0x55, 0x66);
	fake_port_open(&w, 0, 0x10000000, 0x100fffff, 0x8000000000, 0x80000fffff);
	fake_cfg_write(&w, 0x55, 0, PCI_BASE_ADDRESS_0, 4, 0x10000000);
	fake_cfg_write(&w, 0x55, 0, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert(ep[0]->bar[0].mapped);

	ck_assert_int_eq(dev->class->reset(dev), 0);
	ck_assert(!ep[0]->bar[0].mapped);
	ck_assert_uint_eq(w.vm.bus.nr_windows, 1);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(ep[i]->resets, 1);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT0, PCI_PRIMARY_BUS, 4), 0x00010100);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT1, PCI_PRIMARY_BUS, 4), 0x00020200);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT0, PCI_COMMAND, 2), 0);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT0, PCI_MEMORY_BASE, 4), 0x0000fff0);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT0, PCI_PREF_MEMORY_BASE, 4), 0x0001fff1);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, PORT0, PCI_PREF_BASE_UPPER32, 8), 0);
	ck_assert_uint_eq(id(1, 3), EP_ID);
	ck_assert_uint_eq(id(0x55, 0), NONE);
}
END_TEST

START_TEST(create_bad)
{
	static const uint64_t bytes[] = {0x1000, 0x180000, 512ull << 20};
	struct pci_host *host;

	for (unsigned i = 0; i < 3; i++) {
		struct pci_host_config config = {.ecam = {0, bytes[i] - 1}};

		ck_assert_int_eq(pci_host_create(&host, &w.vm, &config), -EINVAL);
	}
	struct pci_host_config taken = {.ecam = {FAKE_ECAM + (1u << 20), FAKE_ECAM + (2u << 20) - 1}};

	ck_assert_int_eq(pci_host_create(&host, &w.vm, &taken), -EEXIST);
	ck_assert_uint_eq(nr_logged, 4);
}
END_TEST

START_TEST(destroys_all)
{
	/* Nothing is given back twice or never (ASan); BARs go before their functions. */
	ck_assert_int_eq(pci_bar_define(&ep[2]->fn, 0, 0x1000, false, false), 0);
	fake_port_open(&w, 1, 0x10000000, 0x100fffff, UINT64_MAX, 0);
	fake_cfg_write(&w, 2, 0, PCI_BASE_ADDRESS_0, 4, 0x10000000);
	fake_cfg_write(&w, 2, 0, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert(ep[2]->bar[0].mapped);
	fake_pci_stop(&w);
	ck_assert_uint_eq(fake_pci_destroyed, 3);
	ck_assert_uint_eq(fake_irq.routes, 0);
	fake_pci_start(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_host");
	TCase *tc = tcase_create("tree");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, who_answers);
	tcase_add_loop_test(tc, ecam_reads, 0, 11);
	tcase_add_test(tc, ecam_writes);
	tcase_add_test(tc, renumbering);
	tcase_add_test(tc, multi_function);
	tcase_add_test(tc, placing);
	tcase_add_test(tc, too_many);
	tcase_add_test(tc, iommu_maps_capped);
	tcase_add_test(tc, intx_lines);
	tcase_add_test(tc, secondary_bus_reset);
	tcase_add_test(tc, host_reset);
	tcase_add_test(tc, create_bad);
	tcase_add_test(tc, destroys_all);
	suite_add_tcase(suite, tc);

	return run_suite(suite);
}
