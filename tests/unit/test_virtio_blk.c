/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of virtio-blk, driven as a guest does (virtio 1.3, 5.2). */
#include "run_suite.h"
#include "virtio_blk_fixture.h"

static const uint64_t feature_sets[] = {
	BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_F_ACCESS_PLATFORM),
	VD_ALL & ~BIT64(VIRTIO_F_RING_PACKED),
	VD_ALL,
};

/* ---- what the device says of itself ---- */

START_TEST(identity)
{
	config.queues = 3;
	disk();
	ck_assert_uint_eq(vd_cfg_read(&d, PCI_VENDOR_ID, 4), 0x10421af4);
	ck_assert_uint_eq(vd_cfg_read(&d, PCI_CLASS_REVISION, 4) >> 8, 0x018000);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_NUMQ, 2), 3);
	ck_assert_uint_eq(vd_config(&d, 0, 4), SECTORS);
	ck_assert_uint_eq(vd_config(&d, 4, 4), 0);
	ck_assert_uint_ge(vd_config(&d, 8, 4), 65536);	  /* size_max: a page of any guest */
	ck_assert_uint_le(vd_config(&d, 12, 4), 256 - 2); /* seg_max: fits the ring without indirect */
	ck_assert_uint_eq(vd_config(&d, 20, 4), 512);	  /* blk_size */
	ck_assert_uint_eq(vd_config(&d, 32, 1), 1);	  /* writeback */
	ck_assert_uint_eq(vd_config(&d, 34, 2), 3);	  /* num_queues */
	ck_assert_uint_gt(vd_config(&d, 40, 4), 0);	  /* max_discard_seg */
	ck_assert_uint_gt(vd_config(&d, 52, 4), 0);	  /* max_write_zeroes_seg */
	ck_assert_uint_eq(vd_config(&d, 56, 1), 1);	  /* write_zeroes_may_unmap */
	uint64_t want = BIT64(BLK_F_SEG_MAX) | BIT64(BLK_F_SIZE_MAX) | BIT64(BLK_F_BLK_SIZE) | BIT64(BLK_F_FLUSH) |
			BIT64(BLK_F_TOPOLOGY) | BIT64(BLK_F_CONFIG_WCE) | BIT64(BLK_F_MQ) | BIT64(BLK_F_WRITE_ZEROES);

	ck_assert_uint_eq(vd_offered(&d) & want, want);
	ck_assert_uint_eq(vd_offered(&d) & BIT64(BLK_F_RO), 0);
	ck_silent();
}
END_TEST

/* 5.2.5: the writeback field is the driver's with CONFIG_WCE, and follows FLUSH without. */
START_TEST(write_cache)
{
	const uint64_t flush = BIT64(BLK_F_FLUSH), wce = BIT64(BLK_F_CONFIG_WCE);
	struct blk *blk = disk();

	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert(!blk->writethrough);
	vd_write(&d, d.config + 32, 1, 0);
	ck_assert_uint_eq(vd_config(&d, 32, 1), 0);
	ck_assert(blk->writethrough);
	vd_write(&d, d.config + 32, 1, 1);
	ck_assert(!blk->writethrough);
	vd_write(&d, d.config + 0, 4, 77); /* all else is read-only */
	ck_assert_uint_eq(vd_config(&d, 0, 4), SECTORS);
	ck_assert(vd_init(&d, VD_ALL & ~flush, 0));
	ck_assert_uint_eq(vd_config(&d, 32, 1), 0); /* 5.2.5.2: nothing but writethrough without FLUSH */
	ck_assert(blk->writethrough);
	ck_assert(vd_init(&d, VD_ALL & ~flush & ~wce, 0));
	ck_assert(blk->writethrough);
	ck_assert(vd_init(&d, VD_ALL & ~wce, 0));
	ck_assert(!blk->writethrough);
	vd_write(&d, d.config + 32, 1, 0); /* not negotiated */
	ck_assert(!blk->writethrough);
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_uint_eq(vd_config(&d, 32, 1), 1); /* as after reset */
	ck_assert(!blk->writethrough);
}
END_TEST

/* ---- data ---- */

static const struct shape shapes[] = {
	{"plain", 0, 0, 0},
	{"header in pieces", 5, 0, 0},
	{"one sector each", 0, 512, 0},
	{"odd pieces", 3, 1171, 0},
	{"odd address", 0, 0, 3},
	{"odd both", 1, 777, 1},
	{"half sectors", 0, 256, 256},
};

#define DATA_BYTES (24u * BLK_SECTOR)

/* Writes, reads back in one piece and in the same pieces, and looks at the file. */
static void round_trip(const struct shape *shape, uint64_t sector, unsigned seed)
{
	uint64_t out = vd_alloc(&w, DATA_BYTES + 8192, 4096) + shape->shift;
	uint64_t in = vd_alloc(&w, DATA_BYTES + 8192, 4096) + shape->shift;
	uint8_t file[DATA_BYTES];

	fill(out, DATA_BYTES, seed);
	ck_assert_uint_eq(request(&(struct op){BLK_T_OUT, sector, out, DATA_BYTES}, shape), BLK_S_OK);
	ck_assert_uint_eq(request(&(struct op){BLK_T_IN, sector, in, DATA_BYTES}, shape), BLK_S_OK);
	ck_same(out, in, DATA_BYTES);
	ck_assert_uint_eq(simple(BLK_T_FLUSH, 0, 0, 0), BLK_S_OK);
	int fd = open(path, O_RDONLY);

	ck_assert_int_eq(pread(fd, file, sizeof(file), (off_t)(sector * BLK_SECTOR)), sizeof(file));
	close(fd);
	ck_assert_mem_eq(file, vd_mem(&w, out, DATA_BYTES), DATA_BYTES);
	/* Neither neighbour was touched. */
	if (sector > 0)
		ck_assert_int_eq(on_disk(sector - 1), fresh(sector - 1));
	if (sector + DATA_BYTES / BLK_SECTOR < SECTORS)
		ck_assert_int_eq(on_disk(sector + DATA_BYTES / BLK_SECTOR), fresh(sector + DATA_BYTES / BLK_SECTOR));
}

/* _i: bit 0 translated, bits 1-2 cache mode and write cache, then features. */
START_TEST(data)
{
	config.cache = _i & 2 ? BLK_CACHE_BUFFERED : BLK_CACHE_AUTO;
	disk();
	if (_i & 1)
		vd_translate(&d);
	ck_assert(vd_init(&d, feature_sets[_i / 8], 128));
	if (_i & 4)
		vd_write(&d, d.config + 32, 1, 0);
	for (unsigned s = 0; s < ARRAY_LEN(shapes); s++) {
		round_trip(&shapes[s], 64 * s, 3 + s);
		round_trip(&shapes[s], 64 * s + 31, 5 + s); /* not on a page of the file */
	}
	round_trip(&shapes[0], SECTORS - DATA_BYTES / BLK_SECTOR, 9); /* up to the last byte */
	ck_silent();
}
END_TEST

/* Direct I/O that takes only whole blocks of 4 KiB: smaller writes change only what they say. */
START_TEST(coarse)
{
	struct blk *blk = disk();

	if (!blk->image.direct)
		return;
	blk->image.offset_align = 4096;
	blk->image.mem_align = _i ? 4096 : 512;
	ck_assert(vd_init(&d, VD_ALL, 128));
	for (unsigned s = 0; s < ARRAY_LEN(shapes); s++) {
		round_trip(&shapes[s], 64 * s, 3 + s);
		round_trip(&shapes[s], 64 * s + 31, 5 + s);
	}
	round_trip(&shapes[0], SECTORS - DATA_BYTES / BLK_SECTOR, 9);
	round_trip(&shapes[1], 501, 10);
	ck_silent();
}
END_TEST

/* More than the bounce buffer holds, and pieces far apart. */
START_TEST(large)
{
	const uint32_t len = 512u << 10;
	uint64_t out = vd_alloc(&w, len + 4096, 4096) + (unsigned)_i,
		 in = vd_alloc(&w, len + 4096, 4096) + (unsigned)_i;
	const struct shape pieces = {.cut = 16384};

	disk();
	ck_assert(vd_init(&d, VD_ALL, 0));
	fill(out, len, 1);
	ck_assert_uint_eq(request(&(struct op){BLK_T_OUT, 7, out, len}, &pieces), BLK_S_OK);
	ck_assert_uint_eq(simple(BLK_T_IN, 7, in, len), BLK_S_OK);
	ck_same(out, in, len);
	ck_assert_int_eq(on_disk(6), fresh(6));
}
END_TEST

/* ---- refusals ---- */

static const struct {
	const char *name;
	struct op op;
	bool readonly;
	uint8_t status;
} refused[] = {
	{"beyond the end", {BLK_T_IN, SECTORS, 0, 512}, false, BLK_S_IOERR},
	{"across the end", {BLK_T_IN, SECTORS - 1, 0, 1024}, false, BLK_S_IOERR},
	{"write across the end", {BLK_T_OUT, SECTORS - 1, 0, 1024}, false, BLK_S_IOERR},
	{"nothing at the end", {BLK_T_IN, SECTORS, 0, 0}, false, BLK_S_OK},
	{"nothing beyond the end", {BLK_T_IN, SECTORS + 1, 0, 0}, false, BLK_S_IOERR},
	{"sector that wraps in bytes", {BLK_T_IN, UINT64_C(1) << 55, 0, 512}, false, BLK_S_IOERR},
	{"sector that wraps to 0", {BLK_T_OUT, UINT64_C(1) << 56, 0, 512}, false, BLK_S_IOERR},
	{"last sector of all", {BLK_T_OUT, UINT64_MAX, 0, 512}, false, BLK_S_IOERR},
	{"part of a sector", {BLK_T_IN, 0, 0, 511}, false, BLK_S_IOERR},
	{"more than a sector", {BLK_T_OUT, 0, 0, 513}, false, BLK_S_IOERR},
	{"write to a read-only disk", {BLK_T_OUT, 0, 0, 512}, true, BLK_S_IOERR},
	{"read of a read-only disk", {BLK_T_IN, 0, 0, 512}, true, BLK_S_OK},
	{"flush of a read-only disk", {BLK_T_FLUSH, 0, 0, 0}, true, BLK_S_OK},
	{"discard on a read-only disk", {BLK_T_DISCARD, 0, 0, 16}, true, BLK_S_UNSUPP},
	{"secure erase", {14, 0, 0, 16}, false, BLK_S_UNSUPP},
	{"SCSI command", {2, 0, 0, 512}, false, BLK_S_UNSUPP},
	{"unknown type", {0xdeadbeef, 0, 0, 512}, false, BLK_S_UNSUPP},
	{"barrier bit", {BLK_T_OUT | 0x80000000u, 0, 0, 512}, false, BLK_S_UNSUPP},
};

START_TEST(refusals)
{
	struct op op = refused[_i].op;

	config.readonly = refused[_i].readonly;
	disk();
	ck_assert_uint_eq(vd_offered(&d) >> BLK_F_RO & 1, config.readonly);
	ck_assert(vd_init(&d, VD_ALL, 0));
	op.data = vd_alloc(&w, 4096, 4096);
	fill(op.data, 4096, 1);
	ck_assert_msg(request(&op, NULL) == refused[_i].status, "%s", refused[_i].name);
	for (unsigned i = 0; i < SECTORS; i += SECTORS - 1)
		ck_assert_int_eq(on_disk(i), fresh(i));
	/* The queue goes on. */
	ck_assert_uint_eq(simple(BLK_T_IN, 0, op.data, 512), BLK_S_OK);
	ck_assert_uint_eq(*(uint8_t *)vd_mem(&w, op.data, 1), fresh(0));
	ck_silent();
}
END_TEST

/* A header that is too short is answered; a request without a place for the status cannot be. */
START_TEST(no_header)
{
	uint8_t in[2] = {0}, out[20] = {0};

	disk();
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_ge(vd_call(&d, 0, out, 15, in, 1), 1);
	ck_assert_uint_eq(in[0], BLK_S_IOERR);
	in[0] = 0;
	ck_assert_int_ge(vd_call(&d, 0, NULL, 0, in, 1), 1);
	ck_assert_uint_eq(in[0], BLK_S_IOERR);
	ck_silent();
	vd_add(&d, 0, &(struct vr_buf){vd_alloc(&w, 16, 16), 16, false}, 1);
	vd_kick(&d, 0);
	for (unsigned i = 0; i < 5000 && !(vd_status(&d) & VIRTIO_CONFIG_S_NEEDS_RESET); i++)
		usleep(1000);
	ck_assert_uint_eq(vd_status(&d) & VIRTIO_CONFIG_S_NEEDS_RESET, VIRTIO_CONFIG_S_NEEDS_RESET);
	ck_said("status");
	/* A reset makes it work again. */
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_uint_eq(simple(BLK_T_IN, 0, vd_alloc(&w, 512, 512), 512), BLK_S_OK);
}
END_TEST

/* ---- the rest ---- */

static const struct {
	const char *serial;
	uint32_t len;
} ids[] = {{"AERIE-0123456789-XYZ", 20}, {"short", 20}, {NULL, 20}, {"AERIE-0123456789-XYZ", 7}, {"short", 40}};

START_TEST(serial)
{
	uint8_t want[64] = {0}, *got;
	uint64_t at = vd_alloc(&w, 64, 64);

	config.serial = ids[_i].serial;
	disk();
	ck_assert(vd_init(&d, VD_ALL, 0));
	memset(want, 0xaa, sizeof(want));
	memset(want, 0, ids[_i].len < 20 ? ids[_i].len : 20);
	if (config.serial)
		memcpy(want, config.serial, strlen(config.serial) < ids[_i].len ? strlen(config.serial) : ids[_i].len);
	got = vd_mem(&w, at, 64);
	memset(got, 0xaa, 64);
	ck_assert_uint_eq(simple(BLK_T_GET_ID, 0, at, ids[_i].len), BLK_S_OK);
	ck_assert_mem_eq(got, want, 64);
}
END_TEST

static const struct {
	const char *name;
	uint32_t type;
	unsigned n;
	struct blk_segment segs[3];
	uint8_t status;
	struct {
		unsigned first, last;
	} zero[2]; /* sectors; {0, 0}: none */
} segment_cases[] = {
	{"discard", BLK_T_DISCARD, 1, {{8, 16, 0}}, BLK_S_OK, {{8, 23}}},
	{"discard two", BLK_T_DISCARD, 2, {{8, 8, 0}, {64, 8, 0}}, BLK_S_OK, {{8, 15}, {64, 71}}},
	{"discard with unmap", BLK_T_DISCARD, 1, {{8, 16, 1}}, BLK_S_UNSUPP, {{0}}},
	{"unknown flag in the second", BLK_T_DISCARD, 2, {{8, 8, 0}, {64, 8, 2}}, BLK_S_UNSUPP, {{0}}},
	{"discard beyond the end", BLK_T_DISCARD, 1, {{SECTORS - 1, 2, 0}}, BLK_S_IOERR, {{0}}},
	{"discard that wraps", BLK_T_DISCARD, 1, {{UINT64_MAX, 2, 0}}, BLK_S_IOERR, {{0}}},
	{"nothing", BLK_T_DISCARD, 1, {{5, 0, 0}}, BLK_S_OK, {{0}}},
	{"too much", BLK_T_DISCARD, 1, {{0, UINT32_MAX, 0}}, BLK_S_IOERR, {{0}}},
	{"no segment", BLK_T_DISCARD, 0, {{0}}, BLK_S_IOERR, {{0}}},
	{"zeroes", BLK_T_WRITE_ZEROES, 1, {{9, 16, 0}}, BLK_S_OK, {{9, 24}}},
	{"zeroes with unmap", BLK_T_WRITE_ZEROES, 1, {{9, 17, 1}}, BLK_S_OK, {{9, 25}}},
	{"zeroes, three",
	 BLK_T_WRITE_ZEROES,
	 3,
	 {{1, 1, 0}, {0, 0, 0}, {SECTORS - 9, 9, 1}},
	 BLK_S_OK,
	 {{1, 1}, {SECTORS - 9, SECTORS - 1}}},
	{"zeroes with unknown flag", BLK_T_WRITE_ZEROES, 1, {{9, 16, 4}}, BLK_S_UNSUPP, {{0}}},
	{"zeroes across the end", BLK_T_WRITE_ZEROES, 2, {{9, 1, 0}, {SECTORS - 1, 2, 0}}, BLK_S_IOERR, {{0}}},
};
#define NR_SEGMENT_CASES ARRAY_LEN(segment_cases)

/* Each way of making zeroes, the last being to write them; with a durable cache or not. */
START_TEST(zeroes)
{
	unsigned c = (unsigned)_i % NR_SEGMENT_CASES, way = (unsigned)_i / NR_SEGMENT_CASES;
	struct blk *blk = disk();

	blk->image.no_punch = way >= 1;
	blk->image.no_zero_range = way >= 2;
	if (way == 3 && blk->image.direct)
		blk->image.offset_align = 4096;
	ck_assert(vd_init(&d, VD_ALL, 0));
	if (way == 2)
		vd_write(&d, d.config + 32, 1, 0);
	if (segment_cases[c].type == BLK_T_DISCARD && !vd_has(&d, BLK_F_DISCARD))
		return;
	ck_assert_msg(segments(segment_cases[c].type, segment_cases[c].segs, segment_cases[c].n) ==
			      segment_cases[c].status,
		      "%s", segment_cases[c].name);
	for (unsigned s = 0; s < SECTORS; s++) {
		bool zero = false;

		for (unsigned i = 0; i < 2; i++)
			zero |= segment_cases[c].zero[i].last && s >= segment_cases[c].zero[i].first &&
				s <= segment_cases[c].zero[i].last;
		if (segment_cases[c].type == BLK_T_DISCARD && way > 0 && zero)
			continue; /* a discard promises nothing */
		ck_assert_msg(on_disk(s) == (zero ? 0 : fresh(s)), "%s: sector %u", segment_cases[c].name, s);
	}
	ck_silent();
}
END_TEST

/* A whole disk in one segment, written because the file can do nothing better. */
START_TEST(zeroes_large)
{
	const struct blk_segment all = {1, SECTORS - 2, 0};
	struct blk *blk = disk();

	blk->image.no_zero_range = true;
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_uint_eq(segments(BLK_T_WRITE_ZEROES, &all, 1), BLK_S_OK);
	for (unsigned s = 0; s < SECTORS; s++)
		ck_assert_int_eq(on_disk(s), s == 0 || s == SECTORS - 1 ? fresh(s) : 0);
}
END_TEST

START_TEST(segments_malformed)
{
	uint64_t at = vd_alloc(&w, 4096, 16);
	struct blk_segment seg = {0, 1, 0};

	disk();
	ck_assert(vd_init(&d, VD_ALL, 0));
	for (unsigned i = 0; i < 4096 / sizeof(seg); i++)
		memcpy(vd_mem(&w, at + i * sizeof(seg), sizeof(seg)), &seg, sizeof(seg));
	ck_assert_uint_eq(simple(BLK_T_WRITE_ZEROES, 0, at, 15), BLK_S_IOERR);
	ck_assert_uint_eq(simple(BLK_T_WRITE_ZEROES, 0, at, 17), BLK_S_IOERR);
	ck_assert_uint_eq(simple(BLK_T_WRITE_ZEROES, 0, at, 16 * (BLK_MAX_SEGMENTS + 1)), BLK_S_IOERR);
	ck_assert_int_eq(on_disk(0), fresh(0));
	ck_assert_uint_eq(simple(BLK_T_WRITE_ZEROES, 0, at, 16 * BLK_MAX_SEGMENTS), BLK_S_OK);
	ck_assert_int_eq(on_disk(0), 0);
	/* 5.2.6.2: without the feature there is no such request. */
	ck_assert(vd_init(&d, VD_ALL & ~BIT64(BLK_F_WRITE_ZEROES), 0));
	ck_assert_uint_eq(simple(BLK_T_WRITE_ZEROES, 0, at, 16), BLK_S_UNSUPP);
}
END_TEST

/* The image loses its end while the guest runs: an I/O error for what is gone, said on the host, and life goes on. */
START_TEST(shrunk)
{
	uint64_t at = vd_alloc(&w, 8192, 4096);

	disk();
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_eq(truncate(path, IMAGE_BYTES / 2), 0);
	ck_assert_uint_eq(simple(BLK_T_IN, SECTORS - 8, at, 4096), BLK_S_IOERR);
	ck_said("shortened");
	ck_assert_uint_eq(simple(BLK_T_IN, SECTORS / 2 - 8, at, 8192), BLK_S_IOERR);
	ck_assert_uint_eq(simple(BLK_T_IN, 0, at, 4096), BLK_S_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtio_blk");
	TCase *tc = tcase_create("requests");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, image_begin, image_end);
	tcase_add_test(tc, identity);
	tcase_add_test(tc, write_cache);
	tcase_add_loop_test(tc, data, 0, 8 * ARRAY_LEN(feature_sets));
	tcase_add_loop_test(tc, coarse, 0, 2);
	tcase_add_loop_test(tc, large, 0, 2);
	tcase_add_loop_test(tc, refusals, 0, ARRAY_LEN(refused));
	tcase_add_test(tc, no_header);
	tcase_add_loop_test(tc, serial, 0, ARRAY_LEN(ids));
	tcase_add_loop_test(tc, zeroes, 0, 4 * NR_SEGMENT_CASES);
	tcase_add_test(tc, zeroes_large);
	tcase_add_test(tc, segments_malformed);
	tcase_add_test(tc, shrunk);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
