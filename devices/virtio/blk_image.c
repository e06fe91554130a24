/* SPDX-License-Identifier: Apache-2.0 */
/* The file behind the disk: opened, looked at, locked. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "bits.h"
#include "blk_priv.h"
#include "fd.h"
#include "log.h"
#include "sys.h"

/* A VM that was killed a moment ago still has its image: the kernel ends its I/O in the background. */
#define IN_USE_TRIES	20u
#define IN_USE_PAUSE_NS 25000000

/* True when it is worth another try after the @n-th. */
static bool try_again(unsigned n)
{
	if (n >= IN_USE_TRIES)
		return false;
	nanosleep(&(struct timespec){.tv_nsec = IN_USE_PAUSE_NS}, NULL);
	return true;
}

static int fail_open(const struct blk_image *image, int err)
{
	if (err == -ENOENT)
		return log_fail(
			err,
			"%s: cannot open the image %s: there is no such file; check the path, or create it with "
			"`truncate -s SIZE FILE`",
			image->name, image->path);
	if (image->block && err == -EBUSY)
		return log_fail(err,
				"%s: cannot open %s: it is mounted or in use by another program or VM; unmount or stop "
				"that first",
				image->name, image->path);
	if (!image->readonly && (err == -EACCES || err == -EROFS || err == -EPERM || err == -ETXTBSY))
		return log_fail(err,
				"%s: cannot open the image %s for writing: %s; make it writable for this user, or set "
				"`readonly: true`",
				image->name, image->path, strerror(-err));
	if (err == -EACCES)
		return log_fail(err, "%s: cannot read the image %s: %s; make it readable for this user", image->name,
				image->path, strerror(-err));
	return log_fail(err, "%s: cannot open the image %s: %s", image->name, image->path, strerror(-err));
}

/* What is there, without touching it: opening a FIFO or a tape drive would have effects. */
static int look(struct blk_image *image)
{
	struct stat st;
	OWNED_FD int fd = sys_open(image->path, O_PATH);

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_open(image, -errno);
	if (S_ISDIR(st.st_mode))
		return log_fail(-EISDIR, "%s: the image %s is a directory; name a file or block device", image->name,
				image->path);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return log_fail(-EINVAL, "%s: the image %s is neither a regular file nor a block device", image->name,
				image->path);
	image->block = S_ISBLK(st.st_mode);
	return 0;
}

static int try_open(struct blk_image *image)
{
	int flags = (image->readonly ? O_RDONLY : O_RDWR) | (image->block ? O_EXCL : 0);

	for (unsigned n = 0;; n++) {
		image->fd = sys_open(image->path, flags | (image->direct ? O_DIRECT : 0));
		if (image->fd >= 0)
			return 0;
		int err = -errno;

		if (!image->block || err != -EBUSY || !try_again(n))
			return err;
	}
}

static int open_image(struct blk_image *image, enum virtio_blk_cache cache)
{
	image->direct = cache != BLK_CACHE_BUFFERED;
	int err = try_open(image);

	/* The file system refuses O_DIRECT; others than EINVAL are about the file. */
	if (err != -EINVAL || !image->direct)
		return err ? fail_open(image, err) : 0;
	if (cache == BLK_CACHE_DIRECT)
		return log_fail(
			err, "%s: the file system of %s cannot do direct I/O; set `cache: buffered` or move the image",
			image->name, image->path);
	image->direct = false;
	err = try_open(image);
	return err ? fail_open(image, err) : 0;
}

static int ask_device(const struct blk_image *image, unsigned long request, const char *what, void *value)
{
	if (sys_ioctl(image->fd, request, value) == 0)
		return 0;
	return log_fail(-errno, "%s: cannot ask the block device %s for its %s: %s", image->name, image->path, what,
			strerror(errno));
}

static int measure_device(struct blk_image *image)
{
	int logical = 0, locked = 0;
	unsigned value = 0;
	int err = ask_device(image, BLKGETSIZE64, "size", &image->size);

	if (!err)
		err = ask_device(image, BLKSSZGET, "sector size", &logical);
	if (err)
		return err;
	/* Opening such a device for writing works, writing does not. */
	if (!image->readonly && sys_ioctl(image->fd, BLKROGET, &locked) == 0 && locked)
		return fail_open(image, -EROFS);
	if (logical < (int)BLK_SECTOR || !is_pow2((uint64_t)logical))
		return log_fail(-EINVAL, "%s: the block device %s has sectors of %d bytes", image->name, image->path,
				logical);
	image->logical = (uint32_t)logical;
	image->physical = image->logical;
	/* Hints for the guest only; a device without them is none the worse. */
	if (sys_ioctl(image->fd, BLKPBSZGET, &value) == 0 && is_pow2(value) && value >= image->logical)
		image->physical = value;
	if (sys_ioctl(image->fd, BLKIOMIN, &value) == 0)
		image->io_min = value;
	if (sys_ioctl(image->fd, BLKIOOPT, &value) == 0)
		image->io_opt = value;
	image->can_discard = !image->readonly;
	return 0;
}

static int measure_file(struct blk_image *image)
{
	struct stat st;

	if (fstat(image->fd, &st) < 0)
		return fail_open(image, -errno);
	image->size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	image->logical = BLK_SECTOR;
	image->physical = BLK_SECTOR;
	/* A hole behind the end changes nothing, and tells whether holes can be made. */
	image->can_discard = !image->readonly && fallocate(image->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
							   (off_t)align_up(image->size, 65536), 65536) == 0;
	return 0;
}

static int check_size(const struct blk_image *image)
{
	if (image->size == 0)
		return log_fail(-EINVAL, "%s: the image %s is empty; give it a size with `truncate -s SIZE FILE`",
				image->name, image->path);
	if (image->size % BLK_SECTOR == 0)
		return 0;
	return log_fail(-EINVAL,
			"%s: the size of the image %s, %" PRIu64
			" bytes, is not a multiple of 512; is it a raw image? `truncate -s %%512 FILE` rounds it up",
			image->name, image->path, image->size);
}

static int fail_lock(const struct blk_image *image, int err)
{
	if (err == EAGAIN || err == EACCES)
		return log_fail(-EBUSY,
				"%s: the image %s is in use by another VM or program, and %s; stop that first, or give "
				"this VM a copy",
				image->name, image->path,
				image->readonly ? "is being changed by it" : "two writers would destroy it");
	log_warn("%s: the image %s cannot be locked: %s; take care that no other VM uses it", image->name, image->path,
		 strerror(err));
	return 0;
}

/*
 * One writer or many readers. The lock belongs to the open file and covers all of it, so that it also conflicts with
 * the byte ranges that other VMMs lock.
 */
static int lock_image(const struct blk_image *image)
{
	unsigned n = 0;

	if (image->block)
		return 0;
	while (sys_lock_file(image->fd, !image->readonly) < 0)
		if (errno != EAGAIN || !try_again(n++))
			return fail_lock(image, errno);
	return 0;
}

int blk_image_open(struct blk_image *image, const struct virtio_blk_config *config)
{
	*image = (struct blk_image){
		.name = config->name,
		.path = config->path,
		.fd = -1,
		.readonly = config->readonly,
		.offset_align = 1,
		.mem_align = 1,
	};
	/* Writers first, or those who want the gate alone could wait for ever. */
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&image->gate, &attr);
	pthread_rwlockattr_destroy(&attr);
	image->zeroes = aligned_alloc(4096, BLK_ZERO_BYTES);
	int err = image->zeroes ? 0 : log_fail(-ENOMEM, "%s: out of memory for the disk", image->name);

	if (!err) {
		memset(image->zeroes, 0, BLK_ZERO_BYTES);
		err = look(image);
	}
	if (!err)
		err = open_image(image, config->cache);
	if (!err)
		err = lock_image(image);
	if (!err)
		err = image->block ? measure_device(image) : measure_file(image);
	if (!err)
		err = check_size(image);
	if (!err)
		err = blk_image_align(image, config->cache);
	if (err)
		blk_image_close(image);
	return err;
}

void blk_image_close(struct blk_image *image)
{
	/* Operations that the kernel has not put away yet may keep the file open a little longer than we do. */
	if (image->fd >= 0 && !image->block)
		sys_unlock_file(image->fd);
	fd_close(&image->fd);
	free(image->zeroes);
	image->zeroes = NULL;
	pthread_rwlock_destroy(&image->gate);
}
