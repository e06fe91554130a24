/* SPDX-License-Identifier: Apache-2.0 */
/* The test endpoint as a PCI function: identity, BARs, registers, capabilities, interrupts, resets. */
#include "crc32c.h"
#include "run_suite.h"
#include "testdev_fixture.h"

#define VECTORS 100u
#define SERIAL	UINT64_C(0x0011223344556677)
#define MSIX	(PCI_ENDPOINT_CAP_MSIX + PCI_MSIX_FLAGS)
#define PMCSR	(PCI_ENDPOINT_CAP_PM + PCI_PM_CTRL)
#define DEVCTL	(PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL)
#define DEVSTA	(PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVSTA)
#define AER	0x100u

static void setup(void)
{
	static const struct testdev_config config = {
		.name = "test0",
		.vectors = VECTORS,
		.memory = 0x10000,
		.pasid = true,
		.aer = true,
		.serial = SERIAL,
	};

	start(&config);
}

START_TEST(identity)
{
	ck_assert_uint_eq(get(PCI_VENDOR_ID, 4), TESTDEV_VENDOR_ID | TESTDEV_DEVICE_ID << 16);
	ck_assert_uint_eq(get(PCI_CLASS_REVISION, 4) >> 8, TESTDEV_CLASS_CODE);
	ck_assert_uint_eq(load(REGS + TESTDEV_ID, 4), TESTDEV_ID_VALUE);
	ck_assert_uint_eq(load(REGS + TESTDEV_VERSION, 4), 1);
	ck_assert_uint_eq(load(REGS + TESTDEV_CAPS, 4),
			  TESTDEV_CHANNELS | TESTDEV_CAPS_PASID | TESTDEV_CAPS_AER | VECTORS << 16);
	ck_assert_uint_eq(load(REGS + TESTDEV_MEMORY_SIZE, 8), 0x10000);
}
END_TEST

/* Type and size of each BAR as a guest finds them (PCIe 7.5.1.2.1). */
START_TEST(bars)
{
	static const struct {
		unsigned reg;
		uint32_t sized;
	} expect[] = {
		{PCI_BASE_ADDRESS_0, 0xfffe0004}, {PCI_BASE_ADDRESS_1, 0xffffffff}, {PCI_BASE_ADDRESS_2, 0xffff000c},
		{PCI_BASE_ADDRESS_3, 0xffffffff}, {PCI_BASE_ADDRESS_4, 0xfffff000}, {PCI_BASE_ADDRESS_5, 0},
	};

	cfg(PCI_COMMAND, 2, 0);
	for (unsigned i = 0; i < ARRAY_LEN(expect); i++) {
		cfg(expect[i].reg, 4, UINT32_MAX);
		ck_assert_uint_eq(get(expect[i].reg, 4), expect[i].sized);
	}
}
END_TEST

START_TEST(registers)
{
	store(REGS + TESTDEV_SCRATCH, 4, 0x12345678);
	store(REGS + TESTDEV_SCRATCH + 1, 1, 0xaa);
	ck_assert_uint_eq(load(REGS + TESTDEV_SCRATCH, 4), 0x1234aa78);
	store(REGS + TESTDEV_ID, 4, 0);
	ck_assert_uint_eq(load(REGS + TESTDEV_ID, 4), TESTDEV_ID_VALUE);
	store(reg(3, TESTDEV_CH_DESC + 8), 8, 0x1122334455667788);
	ck_assert_uint_eq(load(reg(3, TESTDEV_CH_DESC + 8), 4), 0x55667788);
	ck_assert_uint_eq(load(reg(2, TESTDEV_CH_DESC + 8), 8), 0);
	ck_assert_uint_eq(load(REGS + 0x800, 4), UINT32_MAX);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_CODE), 8), UINT64_MAX);
}
END_TEST

START_TEST(memory)
{
	store(MEMORY + 1, 8, 0x1122334455667788);
	ck_assert_uint_eq(load(MEMORY + 4, 4), 0x22334455);
	ck_assert_uint_eq(load(MEMORY + 0x10000 - 1, 1), 0);
	ck_assert_uint_eq(load(MEMORY + 0x10000 - 4, 8), UINT64_MAX);
}
END_TEST

START_TEST(port)
{
	store(PORT + 0x100, 2, 0xbeef);
	ck_assert_uint_eq(load(PORT + 0x101, 1), 0xbe);
	ck_assert_uint_eq(load(REGS + TESTDEV_PORT_COUNT, 4), 2);
	ck_assert_uint_eq(load(REGS + TESTDEV_PORT_INFO, 4), 1 | 0x101 << 16);
	ck_assert_uint_eq(load(REGS + TESTDEV_PORT_VALUE, 8), 0xbeef);
	store(REGS + TESTDEV_PORT_COUNT, 4, 0);
	ck_assert_uint_eq(load(REGS + TESTDEV_PORT_COUNT, 4), 0);
	ck_assert_uint_eq(load(REGS + TESTDEV_PORT_INFO, 4), 0);
}
END_TEST

static unsigned find_ext(unsigned id)
{
	unsigned at = 0x100;

	for (unsigned i = 0; i < 10 && at; i++) {
		uint32_t header = get(at, 4);

		if ((header & 0xffff) == id)
			return at;
		at = header >> 20;
	}
	return 0;
}

START_TEST(capabilities)
{
	unsigned dsn = find_ext(PCI_EXT_CAP_ID_DSN);

	ck_assert_uint_eq(find_ext(PCI_EXT_CAP_ID_ERR), AER);
	ck_assert_uint_eq(find_ext(PCI_EXT_CAP_ID_PASID), PASID);
	ck_assert_uint_eq(get(dsn + 4, 4) | (uint64_t)get(dsn + 8, 4) << 32, SERIAL);
	ck_assert_uint_eq(get(PASID + PCI_PASID_CAP, 2), PCI_PASID_CAP_EXEC | PCI_PASID_CAP_PRIV | 20 << 8);
	cfg(PASID + PCI_PASID_CTRL, 2, 0xffff);
	ck_assert_uint_eq(get(PASID + PCI_PASID_CTRL, 2), 7);
	ck_assert(get(PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCAP2, 4) & PCI_EXP_DEVCAP2_EE_PREFIX);
}
END_TEST

/* PCIe 6.0, 6.2.3.2, 6.2.5: status bits by severity, First Error Pointer, write 1 to clear. */
START_TEST(errors)
{
	store(REGS + TESTDEV_INJECT_CE, 4, PCI_ERR_COR_RCVR | BIT32(31));
	ck_assert_uint_eq(get(AER + PCI_ERR_COR_STATUS, 4), PCI_ERR_COR_RCVR);
	ck_assert_uint_eq(get(DEVSTA, 2), PCI_EXP_DEVSTA_CED);
	store(REGS + TESTDEV_INJECT_UE, 4, PCI_ERR_UNC_COMP_ABORT);
	store(REGS + TESTDEV_INJECT_UE, 4, PCI_ERR_UNC_MALF_TLP);
	ck_assert_uint_eq(get(AER + PCI_ERR_UNCOR_STATUS, 4), PCI_ERR_UNC_COMP_ABORT | PCI_ERR_UNC_MALF_TLP);
	ck_assert_uint_eq(get(DEVSTA, 2), PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED);
	ck_assert_uint_eq(get(AER + PCI_ERR_CAP, 4) & 31, 15);
	cfg(AER + PCI_ERR_UNCOR_STATUS, 4, PCI_ERR_UNC_COMP_ABORT);
	ck_assert_uint_eq(get(AER + PCI_ERR_UNCOR_STATUS, 4), PCI_ERR_UNC_MALF_TLP);
}
END_TEST

START_TEST(interrupts)
{
	store(REGS + TESTDEV_RAISE, 4, 7);
	ck_assert_uint_eq(fake_irq.signals, 1);
	store(REGS + TESTDEV_RAISE, 4, VECTORS);
	store(REGS + TESTDEV_RAISE, 4, UINT32_MAX);
	ck_assert_uint_eq(fake_irq.signals, 1);
	/* PBA: the page behind the table */
	ck_assert_uint_eq(load(REGS + TESTDEV_MSIX_OFFSET + 0x1000, 8), BIT64(7));
	for (unsigned v = 0; v < VECTORS; v++) {
		store(REGS + TESTDEV_MSIX_OFFSET + v * 16, 8, DOORBELL);
		store(REGS + TESTDEV_MSIX_OFFSET + v * 16 + 8, 8, v);
	}
	cfg(MSIX, 2, PCI_MSIX_FLAGS_ENABLE);
	ck_assert_uint_eq(fake_irq.connected, VECTORS);
}
END_TEST

static void fill_with_state(void)
{
	switch_on();
	store(REGS + TESTDEV_SCRATCH, 4, 1);
	store(MEMORY + 8, 8, 5);
	store(PORT, 4, 5);
	store(reg(1, TESTDEV_CH_RING_BASE), 8, RAM);
	store(reg(1, TESTDEV_CH_RING_SIZE), 4, 4);
	store(reg(1, TESTDEV_CH_CONTROL), 4, TESTDEV_CONTROL_ENABLE);
	store(reg(1, TESTDEV_CH_TAIL), 4, 2);
	begin(0, &(struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = RAM, .len = 64, .operand = UINT64_MAX});
	ck_assert(busy(0) && busy(1));
}

static void must_be_reset(unsigned resets)
{
	switch_on();
	turn();
	ck_assert(!busy(0) && !busy(1));
	ck_assert_uint_eq(load(REGS + TESTDEV_RESETS, 4), resets);
	ck_assert_uint_eq(load(REGS + TESTDEV_SCRATCH, 4), 0);
	ck_assert_uint_eq(load(REGS + TESTDEV_PORT_COUNT, 4), 0);
	ck_assert_uint_eq(load(MEMORY + 8, 8), 0);
	ck_assert_uint_eq(load(PORT, 4), 0);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_DESC), 8), 0);
	ck_assert_uint_eq(load(reg(1, TESTDEV_CH_CONTROL), 4), 0);
	ck_assert_uint_eq(load(reg(1, TESTDEV_CH_DONE), 4), 0);
	ck_assert_uint_eq(*(uint64_t *)host(RAM), 0);
}

START_TEST(resets)
{
	fill_with_state();
	cfg(DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	must_be_reset(1);
	fill_with_state();
	cfg(PMCSR, 2, 3);
	ck_assert_uint_eq(load(REGS + TESTDEV_ID, 4), UINT32_MAX);
	cfg(PMCSR, 2, 0);
	must_be_reset(2);
}
END_TEST

/* RFC 3720, B.4, and a sum of two parts. */
START_TEST(checksum)
{
	uint8_t buf[32] = {0};

	ck_assert_uint_eq(crc32c(0, buf, 32), 0x8a9136aa);
	memset(buf, 0xff, 32);
	ck_assert_uint_eq(crc32c(0, buf, 32), 0x62a8ab43);
	ck_assert_uint_eq(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}
END_TEST

START_TEST(refused)
{
	static const struct testdev_config bad[] = {
		{.name = "x", .vectors = 2049},
		{.name = "x", .memory = 2048},
		{.name = "x", .memory = 12288},
		{.name = "x", .memory = TESTDEV_MEMORY_MAX * 2},
	};
	struct pci_function *fn;
	unsigned routes = fake_irq.routes;

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(testdev_create(&fn, &w.vm, &bad[i]), -EINVAL);
	fake_irq.init_error = -EMFILE;
	ck_assert_int_eq(testdev_create(&fn, &w.vm, &(struct testdev_config){.name = "x"}), -EMFILE);
	ck_assert_uint_eq(fake_irq.routes, routes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("testdev");
	TCase *tc = tcase_create("testdev");

	tcase_add_checked_fixture(tc, setup, stop);
	tcase_add_test(tc, identity);
	tcase_add_test(tc, bars);
	tcase_add_test(tc, registers);
	tcase_add_test(tc, memory);
	tcase_add_test(tc, port);
	tcase_add_test(tc, capabilities);
	tcase_add_test(tc, errors);
	tcase_add_test(tc, interrupts);
	tcase_add_test(tc, resets);
	tcase_add_test(tc, checksum);
	tcase_add_test(tc, refused);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
