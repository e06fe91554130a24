/* SPDX-License-Identifier: Apache-2.0 */
/* What the test endpoint's requests do in memory, and how they fail. */
#include "run_suite.h"
#include "testdev_fixture.h"

/* Identity for RAM .. RAM + 4 pages, but with holes; accesses are written down. */
static struct {
	uint64_t hole; /* page that faults */
	unsigned access, count;
	uint32_t pasid;
} iommu;

static int translate(void *owner, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out)
{
	uint64_t page = iova & ~(PAGE - 1);

	iommu.access = access;
	iommu.pasid = pasid;
	iommu.count++;
	if (page == iommu.hole)
		return -EFAULT;
	*out = (struct dma_target){{page, page + PAGE - 1}, gpa(page), DMA_READ | DMA_WRITE};
	return 0;
}

static const struct dma_translator translator = {translate};

static void setup(void)
{
	static const struct testdev_config config = {.name = "test0", .vectors = 4, .memory = 0x100000, .pasid = true};

	memset(&iommu, 0, sizeof(iommu));
	start(&config);
	dma_space_set_translator(&ep->dma, &translator, NULL);
}

static void bytes(uint64_t addr, unsigned len, unsigned seed)
{
	uint8_t *p = host(addr);

	for (unsigned i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7 + seed + i / 256);
}

/* An odd length from an odd address, across pages. */
START_TEST(moves)
{
	uint64_t src = RAM + 0xffd, dst = RAM + 0x20001;
	unsigned len = 3 * 4096 + 11;

	bytes(src, len, 1);
	ck_assert_uint_eq(run(&(struct testdev_desc){.op = TESTDEV_OP_COPY, .src = src, .dst = dst, .len = len}), OK);
	ck_assert_mem_eq(host(src), host(dst), len);
	ck_assert_uint_eq(*(uint8_t *)host(dst + len), 0);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_BYTES), 8), len);
	ck_assert_uint_eq(run(&(struct testdev_desc){.op = TESTDEV_OP_READ, .src = src, .dst = 5, .len = len}), OK);
	ck_assert_uint_eq(load(MEMORY + 5, 1), *(uint8_t *)host(src));
	ck_assert_uint_eq(run(&(struct testdev_desc){.op = TESTDEV_OP_WRITE, .src = 5, .dst = RAM, .len = len}), OK);
	ck_assert_uint_eq(run(&(struct testdev_desc){.op = TESTDEV_OP_NOP}), OK);
	ck_assert_uint_eq(run(&(struct testdev_desc){.op = TESTDEV_OP_COPY}), OK);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_DONE), 4), 5);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_FAILED), 4), 0);
}
END_TEST

START_TEST(fills)
{
	struct testdev_desc fill = {.op = TESTDEV_OP_FILL, .dst = RAM + 3, .len = 8189, .operand = 0x0807060504030201};

	ck_assert_uint_eq(run(&fill), OK);
	for (unsigned i = 0; i < 8189; i++)
		ck_assert_uint_eq(((uint8_t *)host(RAM + 3))[i], i % 8 + 1);
	ck_assert_uint_eq(*(uint8_t *)host(RAM + 2), 0);
	ck_assert_uint_eq(*(uint8_t *)host(RAM + 3 + 8189), 0);
}
END_TEST

START_TEST(checksums)
{
	memcpy(host(RAM + 0xffc), "123456789", 9);
	struct testdev_desc crc = {.op = TESTDEV_OP_CRC32C, .src = RAM + 0xffc, .len = 9};

	ck_assert_uint_eq(run(&crc), OK);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_RESULT), 8), 0xe3069283);
}
END_TEST

static uint64_t atomic(uint32_t op, uint64_t at, uint64_t len, uint64_t operand, uint64_t compare)
{
	struct testdev_desc desc = {.op = op, .dst = at, .len = len, .operand = operand, .src = compare};

	ck_assert_uint_eq(run(&desc), OK);
	return load(reg(0, TESTDEV_CH_RESULT), 8);
}

START_TEST(atomics)
{
	uint64_t *p = host(RAM + 8);

	cfg(ATOMICS, 2, PCI_EXP_DEVCTL2_ATOMIC_REQ);
	*p = UINT64_C(0x1ffffffff);
	ck_assert_uint_eq(atomic(TESTDEV_OP_FETCH_ADD, RAM + 8, 4, 2, 0), 0xffffffff);
	ck_assert_uint_eq(*p, UINT64_C(0x100000001));
	ck_assert_uint_eq(iommu.access, DMA_READ | DMA_WRITE);
	ck_assert_uint_eq(atomic(TESTDEV_OP_FETCH_ADD, RAM + 8, 8, UINT64_MAX, 0), UINT64_C(0x100000001));
	ck_assert_uint_eq(*p, UINT64_C(0x100000000));
	ck_assert_uint_eq(atomic(TESTDEV_OP_SWAP, RAM + 8, 8, 42, 0), UINT64_C(0x100000000));
	ck_assert_uint_eq(atomic(TESTDEV_OP_CAS, RAM + 8, 8, 43, 41), 42);
	ck_assert_uint_eq(*p, 42);
	ck_assert_uint_eq(atomic(TESTDEV_OP_CAS, RAM + 8, 4, 43, 42), 42);
	ck_assert_uint_eq(*p, 43);
	ck_assert_uint_eq(atomic(TESTDEV_OP_SWAP, RAM + 12, 4, 1, 0), 0);
	ck_assert_uint_eq(*p, UINT64_C(0x10000002b));
}
END_TEST

START_TEST(lists)
{
	static const struct testdev_sg src[] = {{RAM + 0x1000, 1, 0}, {RAM + 0x2ffe, 4, 0}, {RAM + 0x5000, 4096, 0}};
	static const struct testdev_sg dst[] = {{RAM + 0x10000, 4000, 0}, {RAM + 0x20000, 1000, 0}};
	struct testdev_desc desc = {
		.op = TESTDEV_OP_COPY | TESTDEV_F_SRC_LIST | TESTDEV_F_DST_LIST,
		.src = RAM + 0x80ff8, /* the second entry crosses a page */
		.dst = RAM + 0x90000,
		.len = 4100,
	};

	memcpy(host(desc.src), src, sizeof(src));
	memcpy(host(desc.dst), dst, sizeof(dst));
	bytes(RAM + 0x1000, 1, 9);
	bytes(RAM + 0x2ffe, 4, 10);
	bytes(RAM + 0x5000, 4096, 11);
	ck_assert_uint_eq(run(&desc), OK);
	ck_assert_mem_eq(host(RAM + 0x10000), host(RAM + 0x1000), 1);
	ck_assert_mem_eq(host(RAM + 0x10001), host(RAM + 0x2ffe), 4);
	ck_assert_mem_eq(host(RAM + 0x10005), host(RAM + 0x5000), 3995);
	ck_assert_mem_eq(host(RAM + 0x20000), host(RAM + 0x5000 + 3995), 100);
	ck_assert_uint_eq(*(uint8_t *)host(RAM + 0x20000 + 100), 0);
}
END_TEST

START_TEST(status_and_interrupt)
{
	struct testdev_status *s = host(RAM + 0x5000);
	struct testdev_desc desc = {
		.op = TESTDEV_OP_CRC32C | TESTDEV_F_STATUS | TESTDEV_F_INTERRUPT,
		.src = RAM,
		.len = 32,
		.status = RAM + 0x5000,
		.vector = 3,
		.cookie = 0xc00c1e,
	};

	ck_assert_uint_eq(run(&desc), OK);
	ck_assert_uint_eq(s->code, OK);
	ck_assert_uint_eq(s->cookie, 0xc00c1e);
	ck_assert_uint_eq(s->result, 0x8a9136aa);
	ck_assert_uint_eq(s->bytes, 32);
	ck_assert_uint_eq(fake_irq.signals, 1);
	iommu.hole = RAM;
	ck_assert_uint_eq(run(&desc), code(TESTDEV_KIND_FAULT, TESTDEV_AT_SOURCE));
	ck_assert_uint_eq(s->code, code(TESTDEV_KIND_FAULT, TESTDEV_AT_SOURCE));
	ck_assert_uint_eq(s->fault, RAM);
	ck_assert_uint_eq(s->bytes, 0);
	ck_assert_uint_eq(fake_irq.signals, 2);
	iommu.hole = RAM + 0x5000;
	ck_assert_uint_eq(run(&desc), code(TESTDEV_KIND_FAULT, TESTDEV_AT_STATUS));
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_FAULT), 8), RAM + 0x5004);
}
END_TEST

/* Each transaction asks once for what it is, and a fault is not asked for twice: it would be recorded twice. */
START_TEST(faults)
{
	struct testdev_desc copy = {.op = TESTDEV_OP_COPY, .src = RAM + 0xf00, .dst = RAM + 0x10f00, .len = 0x200};

	iommu.hole = RAM + 0x1000;
	ck_assert_uint_eq(run(&copy), code(TESTDEV_KIND_FAULT, TESTDEV_AT_SOURCE));
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_FAULT), 8), RAM + 0x1000);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_BYTES), 8), 0x100);
	ck_assert_uint_eq(iommu.count, 3);
	ck_assert_uint_eq(iommu.access, DMA_READ);
	iommu.hole = RAM + 0x11000;
	ck_assert_uint_eq(run(&copy), code(TESTDEV_KIND_FAULT, TESTDEV_AT_DESTINATION));
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_FAULT), 8), RAM + 0x11000);
	ck_assert_uint_eq(iommu.access, DMA_WRITE);
	copy.op |= TESTDEV_F_SRC_LIST;
	iommu.hole = RAM;
	ck_assert_uint_eq(run(&copy), code(TESTDEV_KIND_FAULT, TESTDEV_AT_LIST));
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_FAILED), 4), 3);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(run(&copy), code(TESTDEV_KIND_DISABLED, TESTDEV_AT_LIST));
}
END_TEST

START_TEST(pasids)
{
	static const struct {
		uint16_t control;
		uint32_t flags, pasid;
		bool good;
		unsigned access;
	} cases[] = {
		{0, TESTDEV_F_PASID, 1, false, 0},
		{1, TESTDEV_F_PASID, 1, true, DMA_READ},
		{1, TESTDEV_F_PASID, 0xfffff, true, DMA_READ},
		{1, TESTDEV_F_PASID, 0x100000, false, 0},
		{1, TESTDEV_F_PASID | TESTDEV_F_EXEC, 1, false, 0},
		{3, TESTDEV_F_PASID | TESTDEV_F_EXEC, 1, true, DMA_READ | DMA_EXEC},
		{3, TESTDEV_F_PASID | TESTDEV_F_PRIV, 1, false, 0},
		{7, TESTDEV_F_PASID | TESTDEV_F_PRIV | TESTDEV_F_EXEC, 5, true, DMA_READ | DMA_EXEC | DMA_PRIV},
		{7, TESTDEV_F_PRIV, 0, false, 0},
		{7, TESTDEV_F_EXEC, 0, false, 0},
		{7, 0, 77, true, DMA_READ},
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct testdev_desc desc = {.op = TESTDEV_OP_CRC32C | cases[i].flags, .src = RAM, .len = 4};

		desc.pasid = cases[i].pasid;
		cfg(PASID + PCI_PASID_CTRL, 2, cases[i].control);
		iommu.count = 0;
		ck_assert_uint_eq(run(&desc),
				  cases[i].good ? OK : code(TESTDEV_KIND_BAD_REQUEST, TESTDEV_AT_DESCRIPTOR));
		ck_assert_uint_eq(iommu.count, cases[i].good);
		if (!cases[i].good)
			continue;
		ck_assert_uint_eq(iommu.access, cases[i].access);
		ck_assert_uint_eq(iommu.pasid, cases[i].flags & TESTDEV_F_PASID ? cases[i].pasid : DMA_NO_PASID);
	}
}
END_TEST

/* A write is never an instruction fetch. */
START_TEST(writes_do_not_execute)
{
	struct testdev_desc desc = {.op = TESTDEV_OP_FILL | TESTDEV_F_PASID | TESTDEV_F_EXEC, .dst = RAM, .len = 4};

	cfg(PASID + PCI_PASID_CTRL, 2, 7);
	ck_assert_uint_eq(run(&desc), OK);
	ck_assert_uint_eq(iommu.access, DMA_WRITE);
}
END_TEST

START_TEST(bad_requests)
{
	static const struct testdev_desc bad[] = {
		{.op = TESTDEV_NR_OPS},
		{.op = 0xff},
		{.op = TESTDEV_OP_NOP | BIT32(31)},
		{.op = TESTDEV_OP_NOP, .reserved = 1},
		{.op = TESTDEV_OP_WRITE | TESTDEV_F_SRC_LIST, .dst = RAM, .len = 4},
		{.op = TESTDEV_OP_READ | TESTDEV_F_DST_LIST, .src = RAM, .len = 4},
		{.op = TESTDEV_OP_NOP | TESTDEV_F_STATUS, .status = RAM + 4},
		{.op = TESTDEV_OP_NOP | TESTDEV_F_INTERRUPT, .vector = 4},
		{.op = TESTDEV_OP_FILL, .dst = RAM, .len = TESTDEV_LEN_MAX + 1},
		{.op = TESTDEV_OP_FILL, .dst = UINT64_MAX, .len = 2},
		{.op = TESTDEV_OP_CRC32C, .src = UINT64_MAX - 3, .len = 5},
		{.op = TESTDEV_OP_SWAP, .dst = RAM, .len = 2},
		{.op = TESTDEV_OP_SWAP, .dst = RAM + 4, .len = 8},
		{.op = TESTDEV_OP_SWAP | TESTDEV_F_DST_LIST, .dst = RAM, .len = 8},
	};

	cfg(ATOMICS, 2, PCI_EXP_DEVCTL2_ATOMIC_REQ);
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_uint_eq(run(&bad[i]), code(TESTDEV_KIND_BAD_REQUEST, TESTDEV_AT_DESCRIPTOR));
	ck_assert_uint_eq(iommu.count, 0);
	ck_assert_uint_eq(fake_irq.signals, 0);
	cfg(ATOMICS, 2, 0);
	ck_assert_uint_eq(run(&(struct testdev_desc){.op = TESTDEV_OP_SWAP, .dst = RAM, .len = 8}),
			  code(TESTDEV_KIND_BAD_REQUEST, TESTDEV_AT_DESCRIPTOR));
}
END_TEST

START_TEST(bad_targets)
{
	static const struct testdev_desc bad[] = {
		{.op = TESTDEV_OP_READ, .src = RAM, .dst = 0xfffff, .len = 2},
		{.op = TESTDEV_OP_READ, .src = RAM, .dst = UINT64_MAX, .len = 2},
		{.op = TESTDEV_OP_WRITE, .dst = RAM, .src = 0x100000, .len = 1},
		{.op = TESTDEV_OP_WRITE, .dst = RAM, .src = 0, .len = 0x100001},
		{.op = TESTDEV_OP_SWAP, .dst = MEMORY, .len = 4},
		{.op = TESTDEV_OP_SWAP, .dst = 0x1000, .len = 4},
	};

	cfg(ATOMICS, 2, PCI_EXP_DEVCTL2_ATOMIC_REQ);
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_uint_eq(run(&bad[i]) & TESTDEV_CODE_KIND, TESTDEV_KIND_BAD_TARGET);
}
END_TEST

START_TEST(bad_lists)
{
	static const struct testdev_sg bad[] = {
		{RAM, 0, 0},
		{RAM, 4, 1},
		{UINT64_MAX, 2, 0},
	};
	struct testdev_desc desc = {.op = TESTDEV_OP_CRC32C | TESTDEV_F_SRC_LIST, .src = RAM + 0x1000, .len = 4};

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		memcpy(host(desc.src), &bad[i], sizeof(bad[i]));
		ck_assert_uint_eq(run(&desc), code(TESTDEV_KIND_BAD_REQUEST, TESTDEV_AT_LIST));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("testdev_dma");
	TCase *tc = tcase_create("testdev_dma");

	tcase_add_checked_fixture(tc, setup, stop);
	tcase_add_test(tc, moves);
	tcase_add_test(tc, fills);
	tcase_add_test(tc, checksums);
	tcase_add_test(tc, atomics);
	tcase_add_test(tc, lists);
	tcase_add_test(tc, status_and_interrupt);
	tcase_add_test(tc, faults);
	tcase_add_test(tc, pasids);
	tcase_add_test(tc, writes_do_not_execute);
	tcase_add_test(tc, bad_requests);
	tcase_add_test(tc, bad_targets);
	tcase_add_test(tc, bad_lists);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
