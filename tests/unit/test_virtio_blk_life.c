/* SPDX-License-Identifier: Apache-2.0 */
/* Many requests at once, several queues, resets in the middle, and hosts that fail: each request is answered once. */
#include "fake.h"
#include "run_suite.h"
#include "virtio_blk_fixture.h"

#define DEPTH 48u
#define BLOCK 4096u
#define SLOTS (IMAGE_BYTES / BLOCK)

static unsigned seed;

static unsigned rnd(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % n;
}

/* One request under way, in memory of its own that is used again and again. */
struct slot {
	bool busy;
	unsigned queue;
	int id;
	uint64_t header, status, data;
	unsigned block; /* of the disk */
	bool write;
	uint8_t value;
};

static struct slot slots[DEPTH];
static uint8_t shadow[SLOTS];
static bool taken[SLOTS];

static void make_slots(void)
{
	for (unsigned i = 0; i < DEPTH; i++)
		slots[i] = (struct slot){
			.header = vd_alloc(&w, 16, 16),
			.status = vd_alloc(&w, 16, 16),
			.data = vd_alloc(&w, BLOCK + 512, 4096),
		};
	for (unsigned b = 0; b < SLOTS; b++) {
		shadow[b] = 0;
		taken[b] = false;
	}
}

static bool begin(struct slot *s, unsigned queue)
{
	unsigned block = rnd(SLOTS);

	if (taken[block])
		return false;
	s->queue = queue;
	s->block = block;
	s->write = rnd(2);
	s->value = (uint8_t)rnd(256);
	*(struct blk_request_header *)vd_mem(&w, s->header, 16) = (struct blk_request_header){
		.type = s->write ? BLK_T_OUT : BLK_T_IN,
		.sector = (uint64_t)block * (BLOCK / BLK_SECTOR),
	};
	*(uint8_t *)vd_mem(&w, s->status, 1) = 0xee;
	memset(vd_mem(&w, s->data, BLOCK), s->write ? s->value : 0xdd, BLOCK);
	const struct vr_buf bufs[] = {
		{s->header, 16, false},
		{s->data, BLOCK, !s->write},
		{s->status, 1, true},
	};
	s->id = vd_add(&d, queue, bufs, 3);
	if (s->id < 0)
		return false;
	s->busy = taken[block] = true;
	return true;
}

static void finish(struct slot *s)
{
	const uint8_t *data = vd_mem(&w, s->data, BLOCK);

	ck_assert_uint_eq(*(uint8_t *)vd_mem(&w, s->status, 1), BLK_S_OK);
	if (s->write)
		shadow[s->block] = s->value;
	if (!s->write)
		ck_assert(data[0] == shadow[s->block] && memcmp(data, data + 1, BLOCK - 1) == 0);
	s->busy = taken[s->block] = false;
}

static unsigned collect(void)
{
	unsigned n = 0;
	uint16_t id;
	uint32_t len;

	vd_pump(&w);
	for (unsigned q = 0; q < config.queues; q++)
		while (vd_used(&d, q, &id, &len)) {
			struct slot *s = NULL;

			for (unsigned i = 0; i < DEPTH; i++)
				if (slots[i].busy && slots[i].queue == q && slots[i].id == id)
					s = &slots[i];
			ck_assert_msg(s, "an answer to nothing");
			finish(s);
			n++;
		}
	return n;
}

static unsigned busy(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < DEPTH; i++)
		n += slots[i].busy;
	return n;
}

/* Begins requests until @total were answered; then waits for the rest. */
static void churn(unsigned total)
{
	unsigned done = 0, idle = 0;

	while (done < total || busy() > 0) {
		for (unsigned i = 0; i < DEPTH && done < total; i++) {
			unsigned queue = i % config.queues;

			if (!slots[i].busy && begin(&slots[i], queue))
				vd_kick_if_wanted(&d, queue);
		}
		unsigned n = collect();

		done += n;
		idle = n ? 0 : idle + 1;
		if (idle > 0)
			usleep(100);
		ck_assert_msg(idle < 50000, "%u requests are not answered", busy());
	}
}

static void zero_image(void)
{
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_eq(truncate(path, IMAGE_BYTES), 0);
}

static const uint64_t feature_sets[] = {
	BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_F_ACCESS_PLATFORM) | BIT64(BLK_F_MQ),
	VD_ALL & ~BIT64(VIRTIO_F_RING_PACKED) & ~BIT64(VIRTIO_RING_F_INDIRECT_DESC),
	VD_ALL & ~BIT64(VIRTIO_RING_F_INDIRECT_DESC),
};

/* _i: features, then cache, then number of queues. */
START_TEST(deep)
{
	seed = (unsigned)_i + 1;
	config.queues = _i / 6 ? 4 : 1;
	config.cache = _i / 3 % 2 ? BLK_CACHE_BUFFERED : BLK_CACHE_AUTO;
	zero_image();
	struct blk *blk = disk();

	if (config.queues > 1 && blk->image.direct)
		blk->image.mem_align = 512;
	ck_assert(vd_init(&d, feature_sets[_i % 3], 128));
	make_slots();
	churn(2000);
	for (unsigned b = 0; b < SLOTS; b++)
		ck_assert_int_eq(on_disk((uint64_t)b * 8 + 3), shadow[b]);
	ck_silent();
}
END_TEST

/* Neighbouring sectors of one block, written by several queues at once, on a disk that knows only whole blocks. */
START_TEST(gate)
{
	uint8_t value[SECTORS] = {0};
	uint64_t data[4][8], at[4][8];
	struct blk_request_header *header;
	uint16_t id;
	uint32_t len;

	config.queues = 4;
	struct blk *blk = disk();

	if (!blk->image.direct)
		return;
	blk->image.offset_align = blk->image.mem_align = 4096;
	ck_assert(vd_init(&d, VD_ALL & ~BIT64(VIRTIO_RING_F_INDIRECT_DESC), 128));
	for (unsigned i = 0; i < 32; i++) {
		data[i / 8][i % 8] = vd_alloc(&w, 4096, 4096);
		at[i / 8][i % 8] = vd_alloc(&w, 32, 16);
	}
	for (unsigned round = 0; round < 60; round++) {
		for (unsigned q = 0; q < 4; q++)
			for (unsigned i = 0; i < 8; i++) {
				/* Queue q writes sectors q and q + 4 of each block; sometimes a whole block elsewhere.
				 */
				bool whole = (i + round) % 3 == 0;
				unsigned sector = whole ? 1024 + (q * 8 + i) * 8 : (i / 2) * 8 + q + 4 * (i & 1);
				uint8_t v = (uint8_t)(round * 5 + q * 8 + i);

				header = vd_mem(&w, at[q][i], 32);
				*header = (struct blk_request_header){.type = BLK_T_OUT, .sector = sector};
				memset(vd_mem(&w, data[q][i], 4096), v, 4096);
				memset(value + sector, v, whole ? 8 : 1);
				const struct vr_buf bufs[] = {{at[q][i], 16, false},
							      {data[q][i], whole ? 4096 : 512, false},
							      {at[q][i] + 16, 1, true}};

				ck_assert_int_ge(vd_add(&d, q, bufs, 3), 0);
				vd_kick_if_wanted(&d, q);
			}
		for (unsigned q = 0; q < 4; q++)
			for (unsigned i = 0; i < 8; i++)
				ck_assert(vd_wait(&d, q, &id, &len, 10000));
	}
	for (unsigned s = 0; s < 32; s++)
		ck_assert_int_eq(on_disk(s), value[s]);
	ck_silent();
}
END_TEST

/* Requests are dropped by a reset, but none goes on behind it, and the device works as before. */
START_TEST(resets)
{
	seed = 99;
	config.queues = 2;
	config.cache = _i & 1 ? BLK_CACHE_BUFFERED : BLK_CACHE_AUTO;
	zero_image();
	disk();
	make_slots();
	uint64_t before = w.next_free;

	for (unsigned round = 0; round < 40; round++) {
		w.next_free = before; /* rings of the round before are no one's any more */
		ck_assert(vd_init(&d, feature_sets[1 + round % 2], 128));
		make_slots();
		w.next_free = before + (1u << 20);
		for (unsigned i = 0; i < DEPTH; i++)
			if (begin(&slots[i], i % 2))
				vd_kick(&d, i % 2);
		usleep(rnd(300));
		if (_i & 2) {
			/* Function level reset: at rest when the write returns. */
			unsigned cap = PCI_ENDPOINT_CAP_EXP;

			vd_cfg_write(&d, cap + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
			memset(vd_mem(&w, VD_RAM, 16), 0, 16);
			uint8_t copy[DEPTH][BLOCK];

			for (unsigned i = 0; i < DEPTH; i++)
				memcpy(copy[i], vd_mem(&w, slots[i].data, BLOCK), BLOCK);
			usleep(500);
			for (unsigned i = 0; i < DEPTH; i++)
				ck_assert_mem_eq(copy[i], vd_mem(&w, slots[i].data, BLOCK), BLOCK);
			vd_enable_pci(&d);
		} else {
			vd_reset(&d);
		}
	}
	ck_assert(vd_init(&d, VD_ALL, 128));
	ck_assert_uint_eq(simple(BLK_T_FLUSH, 0, 0, 0), BLK_S_OK);
	ck_silent();
}
END_TEST

static long function_reset_ms(void)
{
	struct timespec from, till;

	clock_gettime(CLOCK_MONOTONIC, &from);
	vd_cfg_write(&d, PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	clock_gettime(CLOCK_MONOTONIC, &till);
	vd_enable_pci(&d);
	return (till.tv_sec - from.tv_sec) * 1000 + (till.tv_nsec - from.tv_nsec) / 1000000;
}

/* Many requests, each for a lot of data: who resets the function waits for the host's operations under way, with the
 * device lock held, but not for whole requests. */
START_TEST(reset_among_huge)
{
	enum { N = 120, PIECE = 8 << 20, PIECES = 15 };
	struct vr_buf bufs[PIECES + 2];

	config.cache = BLK_CACHE_BUFFERED;
	ck_assert_int_eq(truncate(path, (off_t)PIECE * PIECES), 0);
	disk();
	uint64_t at = vd_alloc(&w, PIECE, 4096), before = w.next_free;

	for (unsigned i = 1; i <= PIECES; i++)
		bufs[i] = (struct vr_buf){at, PIECE, true};
	for (unsigned round = 0; round < 8; round++) {
		w.next_free = before;
		ck_assert(vd_init(&d, VD_ALL, 128));
		for (unsigned n = 0; n < N; n++) {
			bufs[0] = (struct vr_buf){vd_alloc(&w, 16, 16), 16, false};
			bufs[PIECES + 1] = (struct vr_buf){vd_alloc(&w, 1, 1), 1, true};
			ck_assert_int_ge(vd_add(&d, 0, bufs, PIECES + 2), 0);
		}
		vd_kick(&d, 0);
		usleep(2000 * round);
		long ms = function_reset_ms();

		ck_assert_msg(ms < 600, "took %ld ms", ms);
	}
	ck_assert(vd_init(&d, VD_ALL, 128));
	ck_assert_uint_eq(simple(BLK_T_IN, 0, at, 512), BLK_S_OK);
	ck_silent();
}
END_TEST

/* One queue is reset while the other goes on. */
START_TEST(queue_reset)
{
	config.queues = 2;
	disk();
	ck_assert(vd_init(&d, VD_ALL, 128));
	uint64_t at = vd_alloc(&w, 4096, 4096);

	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 8; i++)
			ask(1, &(struct op){BLK_T_IN, i, at, 512}, NULL);
		vd_kick(&d, 1);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
		ck_assert_uint_eq(simple(BLK_T_IN, 0, at, 512), BLK_S_OK);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
		for (unsigned i = 0; vd_get(&d, VIRTIO_PCI_COMMON_Q_RESET, 2) != 0; i++) {
			ck_assert_uint_lt(i, 10000);
			vd_pump(&w);
			usleep(500);
		}
		vd_queue(&d, 1, 128);
		struct asked a = ask(1, &(struct op){BLK_T_IN, 5, at, 512}, NULL);
		uint16_t id;
		uint32_t len;

		vd_kick_if_wanted(&d, 1);
		ck_assert(vd_wait(&d, 1, &id, &len, 10000));
		ck_assert_int_eq(id, a.id);
		ck_assert_uint_eq(status_of(&a), BLK_S_OK);
	}
	/* A reset of the device while a queue's own is under way. */
	vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
	vd_reset(&d);
	ck_assert(vd_init(&d, VD_ALL, 128));
	ck_assert_uint_eq(simple(BLK_T_IN, 0, at, 512), BLK_S_OK);
	ck_silent();
}
END_TEST

/* ---- a host that fails ---- */

/* An operation of @step comes back with @res; the queue's thread is at rest. */
static void host_says(struct blk *blk, enum blk_step step, bool durable, int res)
{
	struct blk_queue *q = blk->queues[0];
	struct blk_request *req = q->free;

	q->free = req->next;
	q->in_flight++;
	*req = (struct blk_request){.queue = q, .type = BLK_T_OUT, .step = step, .durable = durable};
	req->iov = req->pieces;
	blk_request_completed(req, res);
}

/*
 * The kernel tells of lost pages once, and they count as clean from then on: after a sync that failed no FLUSH can say
 * that all writes before it are durable. Direct I/O has no such pages.
 */
START_TEST(sync_fails)
{
	static const struct {
		enum virtio_blk_cache cache;
		enum blk_step step;
		bool durable;
		int res;
		uint8_t then;
	} rows[] = {
		{BLK_CACHE_BUFFERED, BLK_STEP_SYNC, false, -EIO, BLK_S_IOERR},
		{BLK_CACHE_BUFFERED, BLK_STEP_SYNC, false, -ENOSPC, BLK_S_IOERR},
		{BLK_CACHE_BUFFERED, BLK_STEP_DATA, true, -EIO, BLK_S_IOERR},
		{BLK_CACHE_BUFFERED, BLK_STEP_DATA, false, -EIO, BLK_S_OK},
		{BLK_CACHE_BUFFERED, BLK_STEP_SYNC, false, 0, BLK_S_OK},
		{BLK_CACHE_DIRECT, BLK_STEP_SYNC, false, -EIO, BLK_S_OK},
		{BLK_CACHE_DIRECT, BLK_STEP_DATA, true, -EIO, BLK_S_OK},
	};
	uint64_t at = vd_alloc(&w, 4096, 4096);

	config.cache = rows[_i].cache == BLK_CACHE_DIRECT ? BLK_CACHE_AUTO : rows[_i].cache;
	struct blk *blk = disk();

	if (blk->image.direct != (rows[_i].cache == BLK_CACHE_DIRECT))
		return;
	host_says(blk, rows[_i].step, rows[_i].durable, rows[_i].res);
	ck_assert(vd_init(&d, VD_ALL, 128));
	ck_assert_uint_eq(simple(BLK_T_OUT, 0, at, 512), BLK_S_OK);
	ck_assert_uint_eq(simple(BLK_T_FLUSH, 0, 0, 0), rows[_i].then);
	vd_reset(&d);
	ck_assert(vd_init(&d, VD_ALL, 128));
	ck_assert_uint_eq(simple(BLK_T_FLUSH, 0, 0, 0), rows[_i].then);
	ck_assert_uint_eq(simple(BLK_T_IN, 0, at, 512), BLK_S_OK);
	if (rows[_i].then != BLK_S_OK)
		ck_said("no FLUSH of the guest can succeed any more");
}
END_TEST

/* Each call of the creation in turn: an error, one message, and nothing left. */
START_TEST(creation_fails)
{
	struct virtio_device *dev;
	unsigned n;

	for (n = 1;; n++) {
		unsigned leaks = fake_leaks(), routes = fake_irq.routes;

		capture_begin();
		fake_fail_nth(n, ENOMEM);
		int err = virtio_blk_create(&dev, &w.pci.vm, &config);
		bool failed = fake_failed();

		fake_fail_nth(0, 0);
		if (!failed) {
			ck_assert_int_eq(err, 0);
			break;
		}
		if (err == 0) { /* a call that may fail: a hint, a lock */
			bus_lock(&w.pci.vm.bus);
			bus_unlock(&w.pci.vm.bus);
			dev->ep.fn.ops->destroy(&dev->ep.fn);
		} else {
			ck_assert_msg(captured_errors == 1, "%s failed: %u errors:\n%s", fake_failed_call(),
				      captured_errors, captured);
		}
		ck_assert_msg(fake_leaks() == leaks, "call %u", n);
		ck_assert_msg(fake_irq.routes == routes, "call %u", n);
	}
	ck_assert_uint_gt(n, 5);
	dev->ep.fn.ops->destroy(&dev->ep.fn);
}
END_TEST

/* Submissions that fail now and then delay requests, but lose none. */
START_TEST(submission_fails)
{
	static const int errors[] = {EAGAIN, EBUSY, EINTR, ENOMEM};
	unsigned done = 0;

	seed = 5;
	config.queues = 1;
	zero_image();
	disk();
	ck_assert(vd_init(&d, feature_sets[1], 128));
	make_slots();
	for (unsigned round = 0; round < 60; round++) {
		fake_fail_nth(1 + rnd(6), errors[round % 4]);
		churn(20);
		done += fake_failed();
	}
	fake_fail_nth(0, 0);
	ck_assert_uint_gt(done, 20);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtio_blk_life");
	TCase *tc = tcase_create("life");

	tcase_set_timeout(tc, 100);
	tcase_add_checked_fixture(tc, image_begin, image_end);
	tcase_add_loop_test(tc, deep, 0, 12);
	tcase_add_test(tc, gate);
	tcase_add_loop_test(tc, resets, 0, 4);
	tcase_add_test(tc, reset_among_huge);
	tcase_add_test(tc, queue_reset);
	tcase_add_loop_test(tc, sync_fails, 0, 7);
	tcase_add_test(tc, creation_fails);
	tcase_add_test(tc, submission_fails);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
