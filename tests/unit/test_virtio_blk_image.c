/* SPDX-License-Identifier: Apache-2.0 */
/* Images that cannot be used: each refused with a message that says what to do. */
#include <sys/file.h>
#include <sys/wait.h>

#include "run_suite.h"
#include "virtio_blk_fixture.h"

static struct virtio_device *dev;

static int create(void)
{
	capture_begin();
	return virtio_blk_create(&dev, &w.pci.vm, &config);
}

static void destroy(void)
{
	dev->ep.fn.ops->destroy(&dev->ep.fn);
}

static void refused(int err, const char *says, const char *remedy)
{
	ck_assert_int_eq(create(), err);
	ck_said("disk0: ");
	ck_said(says);
	ck_said(remedy);
	ck_assert_uint_eq(captured_errors, 1);
}

START_TEST(missing)
{
	unlink(path);
	refused(-ENOENT, "no such file", "truncate");
}
END_TEST

START_TEST(directory)
{
	config.path = dir;
	refused(-EISDIR, "directory", "name a file or block device");
}
END_TEST

/* A pipe must not even be opened: that would wait for a writer. */
START_TEST(no_file)
{
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	refused(-EINVAL, "neither a regular file nor a block device", "");
	config.path = "/dev/null";
	refused(-EINVAL, "neither a regular file nor a block device", "");
}
END_TEST

static const struct {
	uint64_t size;
	const char *says, *remedy;
} sizes[] = {
	{0, "empty", "truncate -s SIZE"},
	{1, "not a multiple of 512", "truncate -s %512"},
	{511, "not a multiple of 512", "truncate -s %512"},
	{1000, "1000 bytes, is not a multiple of 512", "raw image"},
};

START_TEST(size)
{
	make_image(0);
	ck_assert_int_eq(truncate(path, (off_t)sizes[_i].size), 0);
	refused(-EINVAL, sizes[_i].says, sizes[_i].remedy);
}
END_TEST

START_TEST(smallest)
{
	make_image(512);
	ck_assert_int_eq(create(), 0);
	vd_probe(&d, &w, dev, 0);
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_uint_eq(vd_config(&d, 0, 4), 1);
	uint64_t at = vd_alloc(&w, 512, 512);

	ck_assert_uint_eq(simple(BLK_T_IN, 0, at, 512), BLK_S_OK);
	ck_assert_uint_eq(*(uint8_t *)vd_mem(&w, at, 1), fresh(0));
	ck_silent();
}
END_TEST

/* As a user who may not: root could. */
static int as_nobody(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (geteuid() == 0 && seteuid(65534) < 0)
			_exit(99);
		_exit(create() == -EACCES && strstr(captured, "readonly: true") ? config.readonly ? 2 : 1
		      : strstr(captured, "readable")				? 3
										: 4);
	}
	int status = 0;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(permissions)
{
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_int_eq(as_nobody(), 1); /* may be read, not written: `readonly: true` helps */
	ck_assert_int_eq(chmod(path, 0), 0);
	config.readonly = true;
	ck_assert_int_eq(as_nobody(), 3);
}
END_TEST

/* One writer or many readers. */
START_TEST(in_use)
{
	struct virtio_device *first;

	ck_assert_int_eq(create(), 0);
	first = dev;
	refused(-EBUSY, "in use by another VM", "two writers would destroy it");
	config.readonly = true;
	refused(-EBUSY, "in use by another VM", "being changed");
	first->ep.fn.ops->destroy(&first->ep.fn);
	ck_assert_int_eq(create(), 0);
	first = dev;
	ck_assert_int_eq(create(), 0);
	destroy();
	config.readonly = false;
	refused(-EBUSY, "in use by another VM", "two writers");
	first->ep.fn.ops->destroy(&first->ep.fn);
	ck_assert_int_eq(create(), 0);
	destroy();
}
END_TEST

START_TEST(bad_config)
{
	config.queues = BLK_MAX_QUEUES + 1;
	refused(-EINVAL, "queues", "set `queues` to 16 or less");
	config.queues = 1;
	config.serial = "123456789012345678901";
	refused(-EINVAL, "serial", "20");
}
END_TEST

START_TEST(cache_modes)
{
	config.cache = BLK_CACHE_BUFFERED;
	ck_assert_int_eq(create(), 0);
	struct blk *blk = container_of(dev, struct blk, dev);

	ck_assert(!blk->image.direct);
	ck_assert_int_eq(fcntl(blk->image.fd, F_GETFL) & O_DIRECT, 0);
	destroy();
	config.cache = BLK_CACHE_AUTO;
	ck_assert_int_eq(create(), 0);
	blk = container_of(dev, struct blk, dev);
	ck_assert_int_eq(!!(fcntl(blk->image.fd, F_GETFL) & O_DIRECT), blk->image.direct);
	if (blk->image.direct) {
		ck_assert(is_pow2(blk->image.offset_align));
		ck_assert_uint_eq(blk->image.size % blk->image.offset_align, 0);
	}
	destroy();
	/* A pseudo file system that knows no O_DIRECT: buffered by itself, an error when it was asked for. */
	config.path = "/proc/config.gz";
	config.readonly = true;
	config.cache = BLK_CACHE_DIRECT;
	if (access(config.path, R_OK) == 0)
		refused(-EINVAL, "direct I/O", "cache: buffered");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtio_blk_image");
	TCase *tc = tcase_create("image");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, image_begin, image_end);
	tcase_add_test(tc, missing);
	tcase_add_test(tc, directory);
	tcase_add_test(tc, no_file);
	tcase_add_loop_test(tc, size, 0, ARRAY_LEN(sizes));
	tcase_add_test(tc, smallest);
	tcase_add_test(tc, permissions);
	tcase_add_test(tc, in_use);
	tcase_add_test(tc, bad_config);
	tcase_add_test(tc, cache_modes);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
