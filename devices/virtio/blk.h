/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-blk (virtio 1.3, 5.2) on a raw file or block device, through io_uring: one I/O thread with its own ring for
 * each queue. Data moves between the guest's pages and the file without a copy.
 *
 * What a completed request means: with the write cache on (the default) a write has reached the host's file, and a
 * completed FLUSH that every write completed before it is durable (fdatasync). With the write cache off, by the
 * driver's choice (WCE) or because it did not negotiate FLUSH, a completed write is durable itself (RWF_DSYNC).
 */
#ifndef AERIE_VIRTIO_BLK_H
#define AERIE_VIRTIO_BLK_H

#include <stdbool.h>

struct virtio_device;
struct vm;

#define BLK_MAX_QUEUES	 16u
#define BLK_SERIAL_BYTES 20u /* longer ones are refused */

enum virtio_blk_cache {
	BLK_CACHE_AUTO,	    /* direct when the file can, else buffered */
	BLK_CACHE_DIRECT,   /* O_DIRECT, an error when the file cannot */
	BLK_CACHE_BUFFERED, /* through the host's page cache */
};

struct virtio_blk_config {
	const char *name;   /* for messages; borrowed for the life of the device */
	const char *path;   /* regular file or block device; borrowed as long */
	const char *serial; /* for GET_ID; NULL: empty */
	bool readonly;
	unsigned queues; /* 1 .. BLK_MAX_QUEUES, each with a thread; 0: one */
	enum virtio_blk_cache cache;
};

/**
 * Opens the image and builds the device; *@out is owned by the PCI function (@out->ep.fn), whose destroy frees all.
 * A writable image is locked against a second writer, a readonly one against any writer; a block device must not be
 * mounted or in use (O_EXCL). 0 or -errno (logged with its remedy), then nothing is left.
 */
int virtio_blk_create(struct virtio_device **out, struct vm *vm, const struct virtio_blk_config *config);

#endif
