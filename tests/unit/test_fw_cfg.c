/* SPDX-License-Identifier: Apache-2.0 */
/* fw_cfg as firmware reads it (QEMU docs/specs/fw_cfg), and requests that no firmware makes. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "fw_cfg.h"
#include "fw_cfg_regs.h"
#include "log.h"
#include "run_suite.h"
#include "vm.h"

#define BASE UINT64_C(0x09020000)
#define RAM  UINT64_C(0x40000000)
#define MIB  UINT64_C(0x100000)

static struct vm vm;
static struct fw_cfg *cfg;
static unsigned guest_errors;

static void sink(enum log_level level, const char *line, void *opaque)
{
	guest_errors++;
}

static void setup(void)
{
	guest_errors = 0;
	log_set_sink(sink, NULL);
	vm = (struct vm){.vm_fd = -1};
	bus_init(&vm.bus);
	gmem_init(&vm.gmem);
	ck_assert_int_eq(gmem_add(&vm.gmem, gpa(RAM), 2 * MIB, GMEM_PAGES_NORMAL), 0);
	ck_assert_int_eq(fw_cfg_create(&cfg, &vm, BASE, 3), 0);
}

static void teardown(void)
{
	struct device *dev = fw_cfg_device(cfg);

	dev->class->destroy(dev);
	ck_assert_uint_eq(vm.bus.nr_windows, 0);
	gmem_fini(&vm.gmem);
	bus_fini(&vm.bus);
	log_set_sink(NULL, NULL);
}

static void choose(uint16_t key)
{
	bus_write(&vm.bus, BASE + FW_CFG_REG_SELECTOR, 2, htobe16(key));
}

static uint64_t data(uint8_t size)
{
	uint64_t value;

	bus_read(&vm.bus, BASE + FW_CFG_REG_DATA, size, &value);
	return value;
}

/* A transfer whose descriptor is at @at; returns the control word afterwards. */
static uint32_t transfer(uint64_t at, uint32_t control, uint32_t len, uint64_t address, bool halves)
{
	struct fw_cfg_dma dma = {htobe32(control), htobe32(len), htobe64(address)};

	gmem_write(&vm.gmem, gpa(at), &dma, sizeof(dma));
	if (halves) {
		bus_write(&vm.bus, BASE + FW_CFG_REG_DMA, 4, htobe32((uint32_t)(at >> 32)));
		bus_write(&vm.bus, BASE + FW_CFG_REG_DMA + 4, 4, htobe32((uint32_t)at));
	} else {
		bus_write(&vm.bus, BASE + FW_CFG_REG_DMA, 8, htobe64(at));
	}
	gmem_read(&vm.gmem, gpa(at), &dma, sizeof(dma));
	return be32toh(dma.control);
}

static uint32_t get(uint16_t key, uint64_t to, uint32_t len)
{
	return transfer(RAM, (uint32_t)key << 16 | FW_CFG_DMA_SELECT | FW_CFG_DMA_READ, len, to, false);
}

START_TEST(signature)
{
	uint64_t value;

	ck_assert_uint_eq(data(4), 0x554d4551); /* selected at power-on */
	choose(FW_CFG_SIGNATURE);
	ck_assert_uint_eq(data(1), 'Q');
	ck_assert_uint_eq(data(2), 0x4d45);
	ck_assert_uint_eq(data(8), 'U');
	ck_assert_uint_eq(data(8), 0); /* behind the end */
	choose(FW_CFG_ID);
	ck_assert_uint_eq(data(4), FW_CFG_ID_TRADITIONAL | FW_CFG_ID_DMA);
	bus_read(&vm.bus, BASE + FW_CFG_REG_DMA, 8, &value);
	ck_assert_uint_eq(be64toh(value), FW_CFG_DMA_SIGNATURE);
	bus_read(&vm.bus, BASE + FW_CFG_REG_DMA + 4, 4, &value);
	ck_assert_uint_eq(be32toh((uint32_t)value), (uint32_t)FW_CFG_DMA_SIGNATURE);
}
END_TEST

START_TEST(common_items)
{
	choose(FW_CFG_RAM_SIZE);
	ck_assert_uint_eq(data(8), 2 * MIB);
	choose(FW_CFG_NB_CPUS);
	ck_assert_uint_eq(data(2), 3);
	choose(FW_CFG_MAX_CPUS);
	ck_assert_uint_eq(data(2), 3);
	choose(FW_CFG_FILE_DIR);
	ck_assert_uint_eq(data(4), 0);
	choose(0x4711);
	ck_assert_uint_eq(data(8), 0);
}
END_TEST

START_TEST(files)
{
	struct fw_cfg_file entry;
	char text[6];

	ck_assert_int_eq(fw_cfg_add_file(cfg, "etc/one", "first", 5), 0);
	ck_assert_int_eq(fw_cfg_add_file(cfg, "etc/two", "second", 6), 0);
	choose(FW_CFG_FILE_DIR);
	ck_assert_uint_eq(be32toh((uint32_t)data(4)), 2);
	ck_assert_uint_eq(get(FW_CFG_FILE_DIR, RAM + 0x1000, 4 + 2 * sizeof(entry)), 0);
	gmem_read(&vm.gmem, gpa(RAM + 0x1004 + sizeof(entry)), &entry, sizeof(entry));
	ck_assert_str_eq(entry.name, "etc/two");
	ck_assert_uint_eq(be32toh(entry.size), 6);
	ck_assert_uint_eq(get(be16toh(entry.key), RAM + 0x2000, 6), 0);
	gmem_read(&vm.gmem, gpa(RAM + 0x2000), text, 6);
	ck_assert_mem_eq(text, "second", 6);
}
END_TEST

START_TEST(items_that_cannot_be)
{
	char name[FW_CFG_FILE_NAME + 1];

	memset(name, 'x', FW_CFG_FILE_NAME);
	name[FW_CFG_FILE_NAME] = '\0';
	ck_assert_int_eq(fw_cfg_add_file(cfg, name, "", 0), -ENOSPC);
	ck_assert_int_eq(fw_cfg_add(cfg, FW_CFG_ID, "", 0), -EEXIST);
	ck_assert_uint_eq(guest_errors, 2);
}
END_TEST

START_TEST(skip_and_go_on)
{
	char text[4] = "....";

	ck_assert_int_eq(fw_cfg_add(cfg, 0x11, "0123456789", 10), 0);
	ck_assert_uint_eq(transfer(RAM, 0x11u << 16 | FW_CFG_DMA_SELECT, 0, 0, true), 0);
	ck_assert_uint_eq(transfer(RAM, FW_CFG_DMA_SKIP, 4, 0, true), 0);
	ck_assert_uint_eq(data(1), '4');
	ck_assert_uint_eq(transfer(RAM, FW_CFG_DMA_READ, 2, RAM + 0x100, true), 0);
	gmem_read(&vm.gmem, gpa(RAM + 0x100), text, 2);
	ck_assert_mem_eq(text, "56", 2);
	ck_assert_uint_eq(transfer(RAM, FW_CFG_DMA_SKIP, UINT32_MAX, 0, true), 0);
	/* Behind the end there are zeroes. */
	ck_assert_uint_eq(transfer(RAM, FW_CFG_DMA_READ, 4, RAM + 0x100, true), 0);
	gmem_read(&vm.gmem, gpa(RAM + 0x100), text, 4);
	ck_assert_mem_eq(text, "\0\0\0\0", 4);
	ck_assert_uint_eq(guest_errors, 0);
}
END_TEST

static const struct {
	uint32_t control, len;
	uint64_t address;
} bad_transfers[] = {
	{FW_CFG_DMA_READ, 16, 0},			    /* no RAM there */
	{FW_CFG_DMA_READ, 16, RAM + 2 * MIB - 8},	    /* beyond its end */
	{FW_CFG_DMA_READ, 16, UINT64_MAX - 4},		    /* wraps */
	{FW_CFG_DMA_READ, UINT32_MAX, RAM},		    /* far behind the end of the item */
	{FW_CFG_DMA_READ, MIB, RAM + 0x1000},		    /* fits RAM, and still far behind the end */
	{FW_CFG_DMA_WRITE, 4, RAM + 0x1000},		    /* nothing can be written */
	{FW_CFG_DMA_READ | FW_CFG_DMA_WRITE, 16, RAM - 16}, /* read has precedence */
};

START_TEST(bad_transfer)
{
	choose(FW_CFG_SIGNATURE);
	ck_assert_uint_eq(transfer(RAM + 0x8000, bad_transfers[_i].control, bad_transfers[_i].len,
				   bad_transfers[_i].address, false),
			  FW_CFG_DMA_ERROR);
	ck_assert_uint_eq(guest_errors, 1);
	ck_assert_uint_eq(data(4), 0x554d4551); /* nothing was consumed */
}
END_TEST

/* The descriptor itself is nowhere, or half of it. */
START_TEST(bad_descriptor)
{
	static const uint64_t at[] = {0, RAM - 8, RAM + 2 * MIB - 8, UINT64_MAX, UINT64_MAX - 7};

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		bus_write(&vm.bus, BASE + FW_CFG_REG_DMA, 8, htobe64(at[i]));
	ck_assert_uint_eq(guest_errors, sizeof(at) / sizeof(at[0]));
}
END_TEST

/* Data over the descriptor: the outcome is written last. */
START_TEST(over_itself)
{
	ck_assert_uint_eq(transfer(RAM, FW_CFG_DMA_READ, 16, RAM, false), 0);
}
END_TEST

START_TEST(bad_accesses)
{
	uint64_t value;

	bus_read(&vm.bus, BASE + FW_CFG_REG_SELECTOR, 4, &value);
	ck_assert_uint_eq(value, UINT32_MAX);
	bus_write(&vm.bus, BASE + FW_CFG_REG_SELECTOR, 1, 0x19);
	bus_write(&vm.bus, BASE + FW_CFG_REG_DMA, 2, 0);
	bus_write(&vm.bus, BASE + FW_CFG_REG_DATA + 1, 2, 0);
	bus_write(&vm.bus, BASE + FW_CFG_REG_DATA, 4, 0); /* ignored */
	ck_assert_uint_eq(data(4), 0x554d4551);
	ck_assert_uint_eq(guest_errors, 0);
}
END_TEST

START_TEST(from_a_file)
{
	char path[] = "/tmp/aerie-fw-cfg-XXXXXX", text[8];
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	unlink(path);
	ck_assert_int_eq((int)write(fd, "kernel!", 7), 7);
	ck_assert_int_eq(fw_cfg_add_fd(cfg, FW_CFG_KERNEL_DATA, fd, 7), 0);
	ck_assert_uint_eq(get(FW_CFG_KERNEL_DATA, RAM + 0x100, 7), 0);
	gmem_read(&vm.gmem, gpa(RAM + 0x100), text, 7);
	ck_assert_mem_eq(text, "kernel!", 7);
	/* Somebody cuts it: the firmware hears of it, and so does the user. */
	ck_assert_int_eq(ftruncate(fd, 3), 0);
	ck_assert_uint_eq(get(FW_CFG_KERNEL_DATA, RAM + 0x100, 7), FW_CFG_DMA_ERROR);
	ck_assert_uint_eq(guest_errors, 2);
	close(fd);
}
END_TEST

START_TEST(reset)
{
	struct device *dev = fw_cfg_device(cfg);

	choose(FW_CFG_RAM_SIZE);
	bus_write(&vm.bus, BASE + FW_CFG_REG_DMA, 4, htobe32(0x1234));
	dev->class->reset(dev);
	ck_assert_uint_eq(data(4), 0x554d4551);
	/* The high half from before is forgotten, so this is address RAM. */
	struct fw_cfg_dma dma = {htobe32(FW_CFG_DMA_SELECT), 0, 0};
	gmem_write(&vm.gmem, gpa(RAM), &dma, sizeof(dma));
	bus_write(&vm.bus, BASE + FW_CFG_REG_DMA + 4, 4, htobe32((uint32_t)RAM));
	gmem_read(&vm.gmem, gpa(RAM), &dma, sizeof(dma));
	ck_assert_uint_eq(dma.control, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fw_cfg");
	TCase *t = tcase_create("fw_cfg");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, signature);
	tcase_add_test(t, common_items);
	tcase_add_test(t, files);
	tcase_add_test(t, items_that_cannot_be);
	tcase_add_test(t, skip_and_go_on);
	tcase_add_loop_test(t, bad_transfer, 0, sizeof(bad_transfers) / sizeof(bad_transfers[0]));
	tcase_add_test(t, bad_descriptor);
	tcase_add_test(t, over_itself);
	tcase_add_test(t, bad_accesses);
	tcase_add_test(t, from_a_file);
	tcase_add_test(t, reset);
	suite_add_tcase(s, t);
	return run_suite(s);
}
