/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the file takes direct I/O, and how it wants that aligned. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bits.h"
#include "blk_priv.h"
#include "log.h"
#include "sys.h"

/* Linux 6.1 and later say it for most file systems. False: they do not. Alignment 0: no direct I/O for this file. */
static bool ask_statx(struct blk_image *image)
{
#ifdef STATX_DIOALIGN
	struct statx stx = {0};

	if (statx(image->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) < 0 || !(stx.stx_mask & STATX_DIOALIGN))
		return false;
	image->offset_align = stx.stx_dio_offset_align;
	image->mem_align = stx.stx_dio_mem_align;
	return true;
#else
	return false;
#endif
}

/* Reads that the file refuses for their alignment fail with EINVAL; those that it takes tell what is fine enough. */
static int probe(struct blk_image *image)
{
	static const uint32_t sizes[] = {BLK_SECTOR, BLK_MAX_OFFSET_ALIGN};
	uint8_t *buf = aligned_alloc(2 * BLK_MAX_OFFSET_ALIGN, 2 * BLK_MAX_OFFSET_ALIGN);

	if (!buf)
		return log_fail(-ENOMEM, "%s: out of memory for the disk", image->name);
	image->offset_align = image->mem_align = 0;
	for (unsigned i = 0; i < ARRAY_LEN(sizes) && image->offset_align == 0; i++)
		if (sys_pread(image->fd, buf + sizes[i], sizes[i], 0) >= 0)
			image->offset_align = image->mem_align = sizes[i];
	free(buf);
	return 0;
}

static bool usable(const struct blk_image *image)
{
	return is_pow2(image->offset_align) && is_pow2(image->mem_align) &&
	       image->offset_align <= BLK_MAX_OFFSET_ALIGN && image->mem_align <= BLK_MAX_OFFSET_ALIGN;
}

static int refuse(const struct blk_image *image)
{
	if (!usable(image))
		return log_fail(-EINVAL,
				"%s: direct I/O is not possible on %s; set `cache: buffered`, or move the image to a "
				"file system that can",
				image->name, image->path);
	return log_fail(-EINVAL,
			"%s: direct I/O on %s needs a size that is a multiple of %" PRIu32 " bytes; it is %" PRIu64
			"; round it up with `truncate -s %%%" PRIu32 " FILE`, or set `cache: buffered`",
			image->name, image->path, image->offset_align, image->size, image->offset_align);
}

int blk_image_align(struct blk_image *image, enum virtio_blk_cache cache)
{
	if (!image->direct)
		return 0;
	if (!ask_statx(image)) {
		int err = probe(image);

		if (err)
			return err;
	}
	if (usable(image) && image->size % image->offset_align == 0) {
		/* A guest that knows writes whole blocks and spares us the gate. */
		if (image->physical < image->offset_align)
			image->physical = image->offset_align;
		return 0;
	}
	if (cache == BLK_CACHE_DIRECT)
		return refuse(image);
	image->direct = false;
	image->offset_align = image->mem_align = 1;
	if (fcntl(image->fd, F_SETFL, 0) < 0)
		return log_fail(-errno, "%s: cannot go back to buffered I/O on %s: %s", image->name, image->path,
				strerror(errno));
	return 0;
}
