/* SPDX-License-Identifier: Apache-2.0 */
/* Rings that break the rules, and some that look odd but do not (virtio 1.3, 2.7 and 2.8). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "log.h"
#include "run_suite.h"
#include "virtio_driver.h"
#include "virtio_toy.h"

#define SIZE 8u
#define N    VIRTQ_DESC_F_NEXT
#define W    VIRTQ_DESC_F_WRITE
#define I    VIRTQ_DESC_F_INDIRECT
#define END  (VD_RAM + VD_RAM_SIZE)

static struct vd_world w;
static struct vd d;
static struct toy *toy;
static struct virtq *q;
static unsigned lines;

static void sink(enum log_level level, const char *line, void *opaque)
{
	lines += strstr(line, "queue 0 is broken") != NULL;
}

static void setup(void)
{
	log_set_sink(sink, NULL);
	lines = 0;
	vd_world_start(&w);
	toy = toy_new(&w.pci.vm, VIRTIO_KICKS_DEVICE, 1, 1024);
	vd_probe(&d, &w, &toy->dev, 0);
	q = &toy->dev.queues[0];
}

static void teardown(void)
{
	vd_world_stop(&w);
	log_set_sink(NULL, NULL);
}

/* One descriptor: in the ring, or (table true) in the indirect table at TABLE. */
struct row {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next; /* packed: next is the id */
	uint8_t at;
	bool table;
};

#define BUF   (VD_RAM + 0x100000)
#define TABLE (VD_RAM + 0x200000)
#define ROWS  9

struct bad {
	const char *what;
	struct row rows[ROWS];
	uint16_t head;	  /* split: of the only chain */
	uint16_t avail;	  /* split: available index, 0: 1 */
	bool no_indirect; /* not negotiated */
	uint8_t out, in;  /* pieces of a good one; 0 and 0: broken */
};

static const struct bad split_cases[] = {
	{"one readable", {{BUF, 16, 0}}, .out = 1},
	{"unknown flags are ignored", {{BUF, 16, 0xfff8}}, .out = 1},
	{"the last of the table", {{BUF, 16, W, 0, .at = SIZE - 1}}, .head = SIZE - 1, .in = 1},
	{"the whole table",
	 {{BUF, 1, N, 1, 0},
	  {BUF, 1, N, 2, 1},
	  {BUF, 1, N, 3, 2},
	  {BUF, 1, N, 4, 3},
	  {BUF, 1, N, 5, 4},
	  {BUF, 1, N, 6, 5},
	  {BUF, 1, N, 7, 6},
	  {BUF, 1, W, 0, 7}},
	 .out = 7,
	 .in = 1},
	{"head beyond the table", {{BUF, 16, 0}, {BUF, 16, 0, 0, SIZE}}, .head = SIZE},
	{"head far beyond", {{BUF, 16, 0}}, .head = 0xffff},
	{"next beyond the table", {{BUF, 16, N, SIZE}, {BUF, 16, 0, 0, SIZE}}},
	{"next far beyond", {{BUF, 16, N, 0xffff}}},
	{"loop to itself", {{BUF, 16, N, 0}}},
	{"loop of two", {{BUF, 16, N, 1, 0}, {BUF, 16, N, 0, 1}}},
	{"index too far ahead", {{BUF, 16, 0}}, .avail = SIZE + 1},
	{"index went back", {{BUF, 16, 0}}, .avail = 0xffff},
	{"readable after writable", {{BUF, 16, W | N, 1, 0}, {BUF, 16, 0, 0, 1}}},
	{"empty buffer", {{BUF, 0, 0}}},
	{"empty second buffer", {{BUF, 16, N, 1, 0}, {BUF, 0, W, 0, 1}}},
	{"not RAM", {{0x1000, 16, 0}}},
	{"the last bytes of RAM", {{END - 16, 16, 0}}, .out = 1},
	{"one byte beyond RAM", {{END - 15, 16, W}}},
	{"end of the address space", {{UINT64_MAX - 15, 16, 0}}},
	{"wraps around", {{UINT64_MAX - 7, 16, W}}},
	{"longest length", {{BUF, UINT32_MAX, 0}}},
	{"indirect", {{TABLE, 32, I}, {BUF, 16, N, 1, 0, true}, {BUF, 16, W, 0, 1, true}}, .out = 1, .in = 1},
	{"indirect with WRITE, which is ignored", {{TABLE, 16, I | W}, {BUF, 16, 0, 0, 0, true}}, .out = 1},
	{"table after normal descriptors",
	 {{BUF, 1, N, 1, 0}, {TABLE, 16, I, 0, 1}, {BUF, 16, W, 0, 0, true}},
	 .out = 1,
	 .in = 1},
	{"table out of order", {{TABLE, 48, I}, {BUF, 16, N, 2, 0, true}, {BUF, 16, W, 0, 2, true}}, .out = 1, .in = 1},
	{"indirect not negotiated", {{TABLE, 16, I}, {BUF, 16, 0, 0, 0, true}}, .no_indirect = true},
	{"indirect and next", {{TABLE, 16, I | N, 1, 0}, {BUF, 16, 0, 0, 1}, {BUF, 16, 0, 0, 0, true}}},
	{"table in a table", {{TABLE, 16, I}, {TABLE, 16, I, 0, 0, true}}},
	{"table of no bytes", {{TABLE, 0, I}}},
	{"table of a part of a descriptor", {{TABLE, 24, I}, {BUF, 16, 0, 0, 0, true}}},
	{"table too large", {{TABLE, (VIRTQ_MAX_IOV + 1) * 16, I}, {BUF, 16, 0, 0, 0, true}}},
	{"table is not RAM", {{0x1000, 16, I}}},
	{"table beyond RAM", {{END - 16, 32, I}}},
	{"table wraps around", {{UINT64_MAX - 15, 32, I}}},
	{"next beyond the indirect table", {{TABLE, 32, I}, {BUF, 16, N, 2, 0, true}, {BUF, 16, 0, 0, 2, true}}},
	{"loop in a table", {{TABLE, 32, I}, {BUF, 16, N, 1, 0, true}, {BUF, 16, N, 0, 1, true}}},
	{"empty buffer in a table", {{TABLE, 16, I}, {BUF, 0, 0, 0, 0, true}}},
	{"readable after writable in a table",
	 {{TABLE, 32, I}, {BUF, 16, N | W, 1, 0, true}, {BUF, 16, 0, 0, 1, true}}},
};

static void put_row(const struct row *r, uint16_t flags)
{
	uint8_t *at = r->table ? vd_mem(&w, TABLE + 16 * r->at, 16) : d.q[0].ring.desc_mem + 16 * r->at;

	if (d.q[0].ring.packed)
		vr_put_desc(at, r->addr, r->len, r->next, flags);
	else
		vr_put_desc(at, r->addr, r->len, flags, r->next);
}

/* What the driver and the log see of it. */
static void check(const struct bad *c)
{
	bool fine = c->out || c->in;
	int ret = virtq_pop(q, &toy->chain);

	ck_assert_msg(ret == (fine ? 1 : -EPROTO), "%s: %d", c->what, ret);
	ck_assert_int_eq(!!(vd_status(&d) & VIRTIO_CONFIG_S_NEEDS_RESET), !fine);
	ck_assert_uint_eq(vd_interrupts(&d, 0), !fine);
	ck_assert_uint_eq(lines, !fine);
	if (fine) {
		ck_assert_msg(toy->chain.nr_out == c->out && toy->chain.nr_in == c->in, "%s", c->what);
		virtq_push(q, toy->chain.id, toy->chain.nr_descs, 0);
		return;
	}
	/* Nothing but a reset mends it. */
	ck_assert_int_eq(virtq_pop(q, &toy->chain), -EPROTO);
	virtq_push(q, 0, 1, 0);
	virtq_notify(q);
	virtq_want_kicks(q, true);
	ck_assert_uint_eq(vd_interrupts(&d, 0) + vd_interrupts(&d, 1), 0);
	ck_assert_uint_eq(lines, 1);
	ck_assert_uint_eq(vr_get16(d.q[0].ring.device_mem + VIRTQ_USED_IDX), 0);
	ck_assert(vd_init(&d, VD_ALL, SIZE));
	ck_assert_int_eq(virtq_pop(q, &toy->chain), 0);
	ck_assert_int_eq(vd_status(&d) & VIRTIO_CONFIG_S_NEEDS_RESET, 0);
}

START_TEST(split)
{
	const struct bad *c = &split_cases[_i];
	uint64_t features = VD_ALL & ~BIT64(VIRTIO_F_RING_PACKED);

	if (c->no_indirect)
		features &= ~BIT64(VIRTIO_RING_F_INDIRECT_DESC);
	ck_assert(vd_init(&d, features, SIZE));
	for (unsigned i = 0; i < ROWS && c->rows[i].addr; i++)
		put_row(&c->rows[i], c->rows[i].flags);
	vr_put16(d.q[0].ring.driver_mem + VIRTQ_AVAIL_RING, c->head);
	vr_put16(d.q[0].ring.driver_mem + VIRTQ_AVAIL_IDX, c->avail ? c->avail : 1);
	check(c);
}
END_TEST

static const struct bad packed_cases[] = {
	{"one writable", {{BUF, 16, W, 77}}, .in = 1},
	{"list", {{BUF, 16, N, 1, 0}, {BUF, 16, N | W, 2, 1}, {BUF, 16, W, 3, 2}}, .out = 1, .in = 2},
	{"list that does not end",
	 {{BUF, 1, N, 0, 0},
	  {BUF, 1, N, 0, 1},
	  {BUF, 1, N, 0, 2},
	  {BUF, 1, N, 0, 3},
	  {BUF, 1, N, 0, 4},
	  {BUF, 1, N, 0, 5},
	  {BUF, 1, N, 0, 6},
	  {BUF, 1, N, 0, 7}}},
	{"the whole ring",
	 {{BUF, 1, N, 0, 0},
	  {BUF, 1, N, 0, 1},
	  {BUF, 1, N, 0, 2},
	  {BUF, 1, N, 0, 3},
	  {BUF, 1, N, 0, 4},
	  {BUF, 1, N, 0, 5},
	  {BUF, 1, N, 0, 6},
	  {BUF, 1, 0, 0, 7}},
	 .out = 8},
	{"readable after writable", {{BUF, 16, W | N, 0, 0}, {BUF, 16, 0, 0, 1}}},
	{"empty buffer", {{BUF, 0, 0}}},
	{"not RAM", {{0x1000, 16, W}}},
	{"wraps around", {{UINT64_MAX - 7, 16, 0}}},
	{"indirect", {{TABLE, 32, I, 5}, {BUF, 16, 0, 0, 0, true}, {BUF, 16, W, 0, 1, true}}, .out = 1, .in = 1},
	{"all flags but WRITE are ignored in a table",
	 {{TABLE, 32, I | W, 5}, {BUF, 16, 0xfffd, 9, 0, true}, {BUF, 16, 0xffff, 9, 1, true}},
	 .out = 1,
	 .in = 1},
	{"indirect not negotiated", {{TABLE, 16, I}, {BUF, 16, 0, 0, 0, true}}, .no_indirect = true},
	{"indirect and next", {{TABLE, 16, I | N, 0, 0}, {BUF, 16, 0, 0, 1}, {BUF, 16, 0, 0, 0, true}}},
	{"table after normal descriptors", {{BUF, 1, N, 0, 0}, {TABLE, 16, I, 0, 1}, {BUF, 16, W, 0, 0, true}}},
	{"table of no bytes", {{TABLE, 0, I}}},
	{"table of a part of a descriptor", {{TABLE, 17, I}, {BUF, 16, 0, 0, 0, true}}},
	{"table too large", {{TABLE, (VIRTQ_MAX_IOV + 1) * 16, I}, {BUF, 16, 0, 0, 0, true}}},
	{"table is not RAM", {{0x1000, 16, I}}},
	{"readable after writable in a table", {{TABLE, 32, I}, {BUF, 16, W, 0, 0, true}, {BUF, 16, 0, 0, 1, true}}},
};

START_TEST(packed)
{
	const struct bad *c = &packed_cases[_i];
	uint64_t features = VD_ALL;

	if (c->no_indirect)
		features &= ~BIT64(VIRTIO_RING_F_INDIRECT_DESC);
	ck_assert(vd_init(&d, features, SIZE));
	unsigned n = 0;

	while (n < ROWS && c->rows[n].addr)
		n++;
	while (n-- > 0)
		put_row(&c->rows[n], c->rows[n].flags | (c->rows[n].table ? 0 : VIRTQ_DESC_F_AVAIL));
	check(c);
}
END_TEST

/* The ring itself cannot be reached, from the first look or from the first answer on. */
START_TEST(ring_gone)
{
	static const unsigned fields[] = {VIRTIO_PCI_COMMON_Q_DESCLO, VIRTIO_PCI_COMMON_Q_AVAILLO,
					  VIRTIO_PCI_COMMON_Q_USEDLO};
	bool is_packed = _i >= 3;

	ck_assert(vd_negotiate(&d, vd_offered(&d) & ~(is_packed ? 0 : BIT64(VIRTIO_F_RING_PACKED))));
	vd_set(&d, VIRTIO_PCI_COMMON_MSIX, 2, 0);
	vd_queue(&d, 0, SIZE);
	/* Again, with one area at the end of RAM. */
	vd_negotiate(&d, d.features);
	vd_set(&d, VIRTIO_PCI_COMMON_MSIX, 2, 0);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2, SIZE);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 8, d.q[0].ring.desc);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_AVAILLO, 8, d.q[0].ring.driver);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_USEDLO, 8, d.q[0].ring.device);
	vd_set(&d, fields[_i % 3], 8, END);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	vd_driver_ok(&d);
	ck_assert_int_ge(vd_add(&d, 0, &(struct vr_buf){BUF, 16, true}, 1), 0);
	if (virtq_pop(q, &toy->chain) == 1) {
		virtq_push(q, toy->chain.id, toy->chain.nr_descs, 16);
		virtq_notify(q);
	}
	ck_assert_int_eq(virtq_pop(q, &toy->chain), -EPROTO);
	ck_assert_uint_eq(vd_interrupts(&d, 0), 1);
	ck_assert_uint_eq(vd_interrupts(&d, 1), 0);
	ck_assert_uint_eq(lines, 1);
}
END_TEST

/* Where the IOMMU lets the device only read, it can only read. */
START_TEST(read_only)
{
	bool writes = _i & 1, table = _i & 2;
	struct vr_buf bufs[2] = {{BUF - 64, 16, false}, {BUF, 16, writes}};

	vd_translate(&d);
	d.read_only = BUF;
	d.read_only_len = 4096;
	ck_assert(vd_init(&d, VD_ALL & ~(table ? 0 : BIT64(VIRTIO_RING_F_INDIRECT_DESC)), SIZE));
	ck_assert_int_ge(vd_add(&d, 0, bufs, 2), 0);
	ck_assert_int_eq(virtq_pop(q, &toy->chain), writes ? -EPROTO : 1);
	ck_assert_uint_eq(d.faults, writes);
}
END_TEST

/* More chains in flight than there are descriptors, by offering the same one again and again. */
START_TEST(in_flight)
{
	ck_assert(vd_init(&d, VD_ALL & ~BIT64(VIRTIO_F_RING_PACKED), SIZE));
	put_row(&(struct row){BUF, 16, W}, W);
	vr_put16(d.q[0].ring.driver_mem + VIRTQ_AVAIL_IDX, SIZE);
	for (unsigned i = 0; i < SIZE; i++)
		ck_assert_int_eq(virtq_pop(q, &toy->chain), 1);
	ck_assert_int_eq(virtq_pop(q, &toy->chain), 0);
	vr_put16(d.q[0].ring.driver_mem + VIRTQ_AVAIL_IDX, SIZE + 1);
	ck_assert_int_eq(virtq_pop(q, &toy->chain), -EPROTO);
}
END_TEST

/* A packed driver that calls a descriptor available again which the device still has. */
START_TEST(in_flight_packed)
{
	ck_assert(vd_init(&d, VD_ALL, SIZE));
	for (uint8_t i = 0; i < SIZE; i++)
		put_row(&(struct row){BUF, 16, W, i, i}, W | VIRTQ_DESC_F_AVAIL);
	for (unsigned i = 0; i < SIZE; i++)
		ck_assert_int_eq(virtq_pop(q, &toy->chain), 1);
	ck_assert_int_eq(virtq_pop(q, &toy->chain), 0);
	put_row(&(struct row){BUF, 16, W}, W | VIRTQ_DESC_F_USED); /* the other lap */
	ck_assert_int_eq(virtq_pop(q, &toy->chain), -EPROTO);
}
END_TEST

/* More pieces of memory than an array holds: only behind a translator, where each page is one. */
START_TEST(pieces)
{
	struct row rows[2] = {{VD_SHIFT + TABLE, 32, I}};
	uint64_t at = TABLE + 4096;

	vd_translate(&d);
	/* Descriptors do not join, even where they lead to the same place. */
	ck_assert(vd_init(&d, VD_ALL & ~BIT64(VIRTIO_F_RING_PACKED), SIZE));
	rows[0].len = VIRTQ_MAX_IOV * 16;
	for (unsigned i = 0; i < VIRTQ_MAX_IOV; i++)
		vr_put_desc(vd_mem(&w, TABLE + 16 * i, 16), VD_SHIFT + at, 16,
			    (uint16_t)(i + 1 < VIRTQ_MAX_IOV ? N : 0), (uint16_t)(i + 1));
	put_row(&rows[0], I);
	vr_put16(d.q[0].ring.driver_mem + VIRTQ_AVAIL_IDX, 1);
	ck_assert_int_eq(virtq_pop(q, &toy->chain), 1);
	ck_assert_uint_eq(toy->chain.nr_out, VIRTQ_MAX_IOV);
	ck_assert_uint_eq(toy->chain.out_len, VIRTQ_MAX_IOV * 16);
	/* One descriptor in front is one too many. */
	put_row(&(struct row){VD_SHIFT + at, 16, N, 2, 1}, N);
	put_row(&(struct row){VD_SHIFT + TABLE, VIRTQ_MAX_IOV * 16, I, 0, 2}, I);
	vr_put16(d.q[0].ring.driver_mem + VIRTQ_AVAIL_RING + 2, 1);
	vr_put16(d.q[0].ring.driver_mem + VIRTQ_AVAIL_IDX, 2);
	ck_assert_int_eq(virtq_pop(q, &toy->chain), -EPROTO);
}
END_TEST

/* 2.7.5.2: 4 GiB in one chain. */
START_TEST(too_long)
{
	uint32_t len = VD_RAM_SIZE;
	unsigned n = 129; /* of 32 MiB */

	ck_assert(vd_init(&d, VD_ALL & ~BIT64(VIRTIO_F_RING_PACKED), SIZE));
	for (unsigned i = 0; i < n; i++)
		vr_put_desc(vd_mem(&w, TABLE + 16 * i, 16), VD_RAM, len, (uint16_t)(i + 1 < n ? N : 0),
			    (uint16_t)(i + 1));
	put_row(&(struct row){TABLE, n * 16, I}, I);
	vr_put16(d.q[0].ring.driver_mem + VIRTQ_AVAIL_IDX, 1);
	ck_assert_int_eq(virtq_pop(q, &toy->chain), -EPROTO);
}
END_TEST

/* What a queue must look like to be enabled (2.7, 2.8.10.1). */
START_TEST(set_up)
{
	static const struct {
		bool packed;
		uint64_t desc, driver, device;
		bool ok;
	} cases[] = {
		{false, 0x1000, 0x2002, 0x3004, true},
		{false, 0x1008, 0x2000, 0x3000, false},
		{false, 0x1000, 0x2001, 0x3000, false},
		{false, 0x1000, 0x2000, 0x3002, false},
		{true, 0x1010, 0x2004, 0x3004, true},
		{true, 0x1001, 0x2000, 0x3000, false},
		{true, 0x1000, 0x2002, 0x3000, false},
		{true, 0x1000, 0x2000, 0x3002, false},
		{false, UINT64_MAX - 15, 0x2000, 0x3000, false},
		{false, 0x1000, UINT64_MAX - 3, 0x3000, false},
		{false, 0x1000, 0x2000, UINT64_MAX - 7, false},
		{true, UINT64_MAX - 15, 0x2000, 0x3000, false},
		{true, 0x1000, UINT64_MAX - 3, UINT64_MAX - 3, true},
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		vd_negotiate(&d, vd_offered(&d) & ~(cases[i].packed ? 0 : BIT64(VIRTIO_F_RING_PACKED)));
		vd_set(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2, SIZE);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 8, cases[i].desc);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_AVAILLO, 8, cases[i].driver);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_USEDLO, 8, cases[i].device);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
		ck_assert_int_eq((int)vd_get(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), cases[i].ok);
		ck_assert_int_eq(!(vd_status(&d) & VIRTIO_CONFIG_S_NEEDS_RESET), cases[i].ok);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtq_bad");
	TCase *tc = tcase_create("bad");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, split, 0, ARRAY_LEN(split_cases));
	tcase_add_loop_test(tc, packed, 0, ARRAY_LEN(packed_cases));
	tcase_add_loop_test(tc, ring_gone, 0, 6);
	tcase_add_loop_test(tc, read_only, 0, 4);
	tcase_add_test(tc, in_flight);
	tcase_add_test(tc, in_flight_packed);
	tcase_add_test(tc, pieces);
	tcase_add_test(tc, too_long);
	tcase_add_test(tc, set_up);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
