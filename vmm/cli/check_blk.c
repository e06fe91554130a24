/* SPDX-License-Identifier: Apache-2.0 */
/* Disk images: everything that virtio_blk_create() will want of them, without writing, locking or keeping anything. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_emulated.h"
#include "fd.h"
#include "sys.h"

#define SECTOR	  512u
#define MAX_ALIGN 4096u /* of direct I/O that virtio-blk takes part in */

/* One image as it is found. */
struct image {
	const struct check_subject *s;
	const char *path;
	bool readonly, block;
	uint64_t size;
};

__attribute__((format(printf, 2, 3))) static bool wrong(const struct image *image, const char *fmt, ...)
{
	char text[768];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	check_add(image->s->check, CHECK_ERROR, image->s->what, "image %.512s: %s", image->path, text);
	return false;
}

/* Without opening it: a FIFO or a tape drive would notice. */
static bool is_image(struct image *image)
{
	struct stat st;
	OWNED_FD int fd = sys_open(image->path, O_PATH);

	if (fd < 0 || fstat(fd, &st) < 0)
		return wrong(image, "%s; check the path%s", strerror(errno),
			     errno == ENOENT ? ", or create it with `truncate -s SIZE FILE`" : "");
	if (S_ISDIR(st.st_mode))
		return wrong(image, "is a directory; name a file or block device");
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return wrong(image, "is neither a regular file nor a block device; name one of them");
	image->block = S_ISBLK(st.st_mode);
	return true;
}

/* Asks for the right to write; opening for it would make the host look at a disk again. */
static bool is_writable(const struct image *image, int fd)
{
	char path[64];
	int locked = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (access(path, W_OK) < 0)
		return wrong(image, "cannot be written: %s; make it writable for this user, or set `readonly: true`",
			     strerror(errno));
	if (image->block && sys_ioctl(fd, BLKROGET, &locked) == 0 && locked)
		return wrong(image, "cannot be written: the device is read-only; set `readonly: true`");
	return true;
}

static bool has_size(struct image *image, int fd)
{
	struct stat st;

	if (image->block) {
		if (sys_ioctl(fd, BLKGETSIZE64, &image->size) < 0)
			return wrong(image, "the device does not tell its size: %s; is it ready?", strerror(errno));
	} else if (fstat(fd, &st) == 0) {
		image->size = (uint64_t)st.st_size;
	}
	if (image->size == 0)
		return wrong(image, "is empty; give it a size with `truncate -s SIZE FILE`");
	if (image->size % SECTOR)
		return wrong(image,
			     "has %" PRIu64 " bytes, which is not a multiple of 512; is it a raw image? `truncate -s "
			     "%%512 FILE` rounds it up",
			     image->size);
	return true;
}

/* Looks whether the lock could be had; does not take it. */
static bool is_free(const struct image *image, int fd)
{
	struct flock lock = {.l_type = image->readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};

	if (image->block || fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return true;
	return wrong(image, "is in use by another VM or program; stop that first, or give this VM a copy");
}

/* How direct I/O on @fd must be aligned; 0: not possible at all. */
static uint32_t direct_alignment(int fd)
{
	static const uint32_t sizes[] = {SECTOR, MAX_ALIGN};
	uint32_t found = 0;

#ifdef STATX_DIOALIGN
	struct statx stx = {0};

	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 && stx.stx_mask & STATX_DIOALIGN)
		return stx.stx_dio_offset_align <= MAX_ALIGN && stx.stx_dio_mem_align <= MAX_ALIGN
			       ? stx.stx_dio_offset_align
			       : 0;
#endif
	uint8_t *buf = aligned_alloc(2 * MAX_ALIGN, 2 * MAX_ALIGN);

	for (unsigned i = 0; buf && i < 2 && !found; i++)
		if (sys_pread(fd, buf + sizes[i], sizes[i], 0) >= 0)
			found = sizes[i];
	free(buf);
	return found;
}

/* What happens past the page cache. False, with the finding, only where the configuration insists. */
static bool check_direct(const struct image *image, const char **how)
{
	enum config_cache cache = image->s->device->blk->cache;
	OWNED_FD int fd = cache == CACHE_BUFFERED ? -1 : sys_open(image->path, O_RDONLY | O_DIRECT);
	uint32_t align = fd < 0 ? 0 : direct_alignment(fd);

	*how = "direct I/O";
	if (align && image->size % align == 0)
		return true;
	*how = "through the page cache";
	if (cache != CACHE_DIRECT)
		return true;
	if (!align)
		return wrong(image, "direct I/O is not possible; set `cache: buffered`, or move the image to a file "
				    "system that can");
	return wrong(image,
		     "direct I/O needs a size that is a multiple of %" PRIu32 " bytes; round it up with `truncate -s "
		     "%%%" PRIu32 " FILE`, or set `cache: buffered`",
		     align, align);
}

static bool check_open(struct image *image, const char **how)
{
	/* O_EXCL on a block device: refused while it is mounted or in use (open(2)). */
	OWNED_FD int fd = sys_open(image->path, O_RDONLY | (image->block ? O_EXCL : 0));

	if (fd < 0 && image->block && errno == EBUSY)
		return wrong(image, "is mounted or in use by another program or VM; unmount or stop that first");
	if (fd < 0)
		return wrong(image, "cannot be read: %s; make it readable for this user", strerror(errno));
	if (!image->readonly && !is_writable(image, fd))
		return false;
	return has_size(image, fd) && is_free(image, fd) && check_direct(image, how);
}

/* Two disks of one VM on the same file: fine only when nobody writes. */
static bool is_once(const struct image *image)
{
	const struct config *config = image->s->check->config;

	for (unsigned i = 0; i < config->pci_count; i++)
		for (unsigned d = 0; d < config->pci[i].devices_count; d++) {
			const struct config_device *other = &config->pci[i].devices[d];
			struct stat a, b;

			if (other == image->s->device)
				return true;
			if (other->kind == DEVICE_BLK && !(image->readonly && other->blk->readonly) &&
			    stat(other->blk->path, &a) == 0 && stat(image->path, &b) == 0 && a.st_dev == b.st_dev &&
			    a.st_ino == b.st_ino)
				return wrong(image,
					     "is the image of device %s too; give each a file of its own, or "
					     "make both `readonly: true`",
					     other->id);
		}
	return true;
}

void check_blk(const struct check_subject *s)
{
	struct image image = {.s = s, .path = s->device->blk->path, .readonly = s->device->blk->readonly};
	const char *how = "";

	if (is_image(&image) && check_open(&image, &how) && is_once(&image))
		check_add(s->check, CHECK_OK, s->what, "image %s, %" PRIu64 " KiB%s, %s", image.path, image.size / 1024,
			  image.readonly ? ", read-only" : "", how);
}
