/* SPDX-License-Identifier: Apache-2.0 */
/* DMA by IOVA: with and without a translator, caches and their invalidation, what is not RAM. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "bits.h"
#include "bus.h"
#include "dma.h"
#include "gmem.h"
#include "log.h"
#include "run_suite.h"

#define RAM  UINT64_C(0x40000000)
#define SIZE UINT64_C(0x100000)
#define PAGE UINT64_C(0x1000)
#define MMIO UINT64_C(0x10000000)

static struct gmem mem;
static struct bus bus;
static struct dma_space space;
static struct dma_user user;

/* A translator of four pages from IOVA 0: each has a place and permissions of its own. */
static struct {
	gpa_t pa;
	unsigned perms;
} pages[4];
static unsigned walks, invalidations;
static uint32_t last_pasid;
static unsigned last_access;

static int translate(void *owner, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out)
{
	uint64_t page = iova / PAGE;

	ck_assert_ptr_eq(owner, &pages);
	walks++;
	last_pasid = pasid;
	last_access = access;
	if (page >= ARRAY_LEN(pages) || (access & (DMA_READ | DMA_WRITE) & ~pages[page].perms))
		return -EFAULT;
	*out = (struct dma_target){
		.iovas = {page * PAGE, page * PAGE + PAGE - 1},
		.pa = pages[page].pa,
		.perms = pages[page].perms,
	};
	return 0;
}

static const struct dma_translator translator = {translate};

static void sink(enum log_level level, const char *line, void *opaque)
{
}

static void setup(void)
{
	log_set_sink(sink, NULL);
	gmem_init(&mem);
	ck_assert_int_eq(gmem_add(&mem, gpa(RAM), SIZE, GMEM_PAGES_NORMAL), 0);
	bus_init(&bus);
	dma_space_init(&space, "dev", &mem, &bus);
	dma_user_init(&user, &space, NULL);
	dma_space_enable(&space, true);
	walks = invalidations = 0;
	for (unsigned i = 0; i < ARRAY_LEN(pages); i++) {
		pages[i].pa = gpa(RAM + (i + 8) * PAGE);
		pages[i].perms = DMA_READ | DMA_WRITE;
	}
}

static void teardown(void)
{
	bus_fini(&bus);
	gmem_fini(&mem);
	log_set_sink(NULL, NULL);
}

static void behind_translator(void)
{
	dma_space_set_translator(&space, &translator, &pages);
}

START_TEST(direct)
{
	uint64_t value = 0x1122334455667788, got = 0;
	struct iovec iov[2];
	int err;

	ck_assert_int_eq(dma_write(&user, RAM + 5, &value, sizeof(value)), 0);
	ck_assert_int_eq(dma_read(&user, RAM + 5, &got, sizeof(got)), 0);
	ck_assert_uint_eq(got, value);
	ck_assert_int_eq(dma_map(&user, RAM, SIZE, DMA_READ, iov, 1), 1);
	ck_assert_uint_eq(iov[0].iov_len, SIZE);
	ck_assert_int_eq(dma_map(&user, RAM, SIZE + 1, DMA_READ, iov, 2), -EFAULT);
	ck_assert_int_eq(dma_map(&user, RAM, 0, DMA_READ, iov, 2), -EFAULT);
	ck_assert_int_eq(dma_map(&user, UINT64_MAX, 2, DMA_READ, iov, 2), -EFAULT);
	ck_assert_ptr_null(dma_host(&user, 0, 4, DMA_READ, &err));
	ck_assert_int_eq(err, -EFAULT);
}
END_TEST

START_TEST(bus_master_off)
{
	uint32_t value = 0xffffffff;
	struct dma_target target;

	dma_space_enable(&space, false);
	ck_assert_int_eq(dma_read(&user, RAM, &value, 4), -EPERM);
	ck_assert_uint_eq(value, 0);
	ck_assert_int_eq(dma_translate(&space, DMA_NO_PASID, RAM, DMA_READ, &target), -EPERM);
	behind_translator();
	ck_assert_int_eq(dma_read(&user, 0, &value, 4), -EPERM);
	dma_space_enable(&space, true);
	ck_assert_int_eq(dma_read(&user, 0, &value, 4), 0);
	dma_space_enable(&space, false); /* what is cached does not help */
	ck_assert_int_eq(dma_read(&user, 0, &value, 4), -EPERM);
	ck_assert_uint_eq(walks, 1);
}
END_TEST

START_TEST(cached)
{
	uint8_t byte = 7;

	behind_translator();
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(dma_read(&user, 3 * PAGE + i, &byte, 1), 0);
	ck_assert_uint_eq(walks, 1);
	ck_assert_uint_eq(last_pasid, DMA_NO_PASID);
	pages[3].pa = gpa(RAM);
	((uint8_t *)mem.regions[0].host)[0] = 0x5a;
	ck_assert_int_eq(dma_read(&user, 3 * PAGE, &byte, 1), 0);
	ck_assert_uint_eq(byte, 0); /* the old place still */
	dma_space_invalidate(&space);
	ck_assert_int_eq(dma_read(&user, 3 * PAGE, &byte, 1), 0);
	ck_assert_uint_eq(byte, 0x5a);
	ck_assert_uint_eq(walks, 2);
	user.pasid = 5; /* another address space */
	ck_assert_int_eq(dma_read(&user, 3 * PAGE, &byte, 1), 0);
	ck_assert_uint_eq(walks, 3);
	ck_assert_uint_eq(last_pasid, 5);
}
END_TEST

START_TEST(permissions)
{
	uint32_t value = 1;

	behind_translator();
	pages[1].perms = DMA_READ;
	ck_assert_int_eq(dma_read(&user, PAGE, &value, 4), 0);
	ck_assert_int_eq(dma_write(&user, PAGE, &value, 4), -EFAULT);
	pages[1].perms = DMA_READ | DMA_WRITE; /* more permission needs no invalidation */
	ck_assert_int_eq(dma_write(&user, PAGE, &value, 4), 0);
	user.mode = DMA_PRIV;
	dma_space_invalidate(&space);
	ck_assert_int_eq(dma_write(&user, PAGE, &value, 4), 0);
	ck_assert_uint_eq(last_access, DMA_WRITE | DMA_PRIV);
}
END_TEST

START_TEST(pieces)
{
	struct iovec iov[4];
	uint8_t *ram = mem.regions[0].host, buf[3 * 4096];

	behind_translator();
	ck_assert_int_eq(dma_map(&user, 16, 3 * PAGE, DMA_READ, iov, 4), 1); /* neighbours in RAM too */
	ck_assert_uint_eq(iov[0].iov_len, 3 * PAGE);
	pages[1].pa = gpa(RAM);
	dma_space_invalidate(&space);
	ck_assert_int_eq(dma_map(&user, 16, 3 * PAGE, DMA_READ, iov, 4), 3);
	ck_assert_ptr_eq(iov[0].iov_base, ram + 8 * PAGE + 16);
	ck_assert_uint_eq(iov[0].iov_len, PAGE - 16);
	ck_assert_ptr_eq(iov[1].iov_base, ram);
	ck_assert_uint_eq(iov[1].iov_len, PAGE);
	ck_assert_uint_eq(iov[2].iov_len, PAGE + 16);
	ck_assert_int_eq(dma_map(&user, 16, 3 * PAGE, DMA_READ, iov, 2), -E2BIG);
	ck_assert_int_eq(dma_map(&user, 3 * PAGE, 2 * PAGE, DMA_READ, iov, 4), -EFAULT);
	ck_assert_ptr_null(dma_host(&user, 16, PAGE, DMA_READ, NULL));
	memset(buf, 0xaa, sizeof(buf));
	ck_assert_int_eq(dma_write(&user, 16, buf, sizeof(buf)), 0);
	ck_assert_uint_eq(ram[0], 0xaa);
	ck_assert_uint_eq(ram[PAGE], 0);
	ck_assert_uint_eq(ram[8 * PAGE + 15], 0);
	ck_assert_uint_eq(ram[8 * PAGE + 16], 0xaa);
}
END_TEST

static struct bus_access seen;
static unsigned nr_seen, nr_messages;

static enum bus_verdict mmio(struct bus_window *window, struct bus_access *access)
{
	nr_seen++;
	seen = *access;
	if (!access->is_write)
		access->value = 0x8877665544332211;
	return BUS_HANDLED;
}

static bool message(void *opaque, gpa_t pa, uint32_t data)
{
	nr_messages += pa.v == MMIO + 0x40 && data == 0x1234;
	return pa.v == MMIO + 0x40;
}

START_TEST(registers)
{
	struct bus_window window = {.handler = mmio, .name = "peer"};
	uint8_t buf[15] = {0};
	uint32_t data = 0x1234;

	ck_assert_int_eq(bus_add(&bus, &window, MMIO, PAGE), 0);
	nr_seen = nr_messages = 0;
	behind_translator();
	space.message = message;
	pages[2].pa = gpa(MMIO);
	ck_assert_int_eq(dma_read(&user, 2 * PAGE, buf, 4), -EFAULT); /* not RAM */
	ck_assert_int_eq(dma_read_any(&user, 2 * PAGE + 1, buf, 15), 0);
	ck_assert_uint_eq(nr_seen, 4); /* 1, 2, 4, 8 */
	ck_assert_uint_eq(seen.offset, 8);
	ck_assert_uint_eq(seen.size, 8);
	ck_assert_uint_eq(buf[7], 0x11);
	ck_assert_int_eq(dma_write_any(&user, 2 * PAGE + 0x40, &data, 4), 0);
	ck_assert_uint_eq(nr_messages, 1);
	ck_assert_uint_eq(nr_seen, 4);
	ck_assert_int_eq(dma_write_any(&user, 2 * PAGE + 0x44, &data, 4), 0);
	ck_assert_uint_eq(nr_seen, 5);
	ck_assert(seen.is_write);
	ck_assert_int_eq(dma_write_any(&user, 4 * PAGE - 2, &data, 4), -EFAULT);
	bus_remove(&bus, &window);
}
END_TEST

/* A thread that needs a walk while the holder of the lock waits for it gives up. */
static void *needs_walk(void *opaque)
{
	struct dma_user *other = opaque;
	uint32_t value;

	return (void *)(intptr_t)dma_read(other, 0, &value, 4);
}

START_TEST(gives_up)
{
	static struct dma_user other;
	_Atomic bool quit = false;
	pthread_t thread;
	void *result;

	behind_translator();
	dma_user_init(&other, &space, &quit);
	bus_lock(&bus);
	ck_assert_int_eq(pthread_create(&thread, NULL, needs_walk, &other), 0);
	quit = true;
	pthread_join(thread, &result);
	bus_unlock(&bus);
	ck_assert_int_eq((int)(intptr_t)result, -ECANCELED);
	ck_assert_uint_eq(walks, 0);
	quit = false;
	ck_assert_ptr_null(needs_walk(&other));
}
END_TEST

static void told(void *opaque)
{
	invalidations++;
}

START_TEST(invalidated)
{
	space.invalidated = told;
	behind_translator();
	dma_space_invalidate(&space);
	dma_space_enable(&space, true); /* as it was */
	dma_space_enable(&space, false);
	ck_assert_uint_eq(invalidations, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dma");
	TCase *tc = tcase_create("dma");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, direct);
	tcase_add_test(tc, bus_master_off);
	tcase_add_test(tc, cached);
	tcase_add_test(tc, permissions);
	tcase_add_test(tc, pieces);
	tcase_add_test(tc, registers);
	tcase_add_test(tc, gives_up);
	tcase_add_test(tc, invalidated);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
