/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-fs (virtio 1.3, 5.11): a folder of the host for the guest, served by virtiofsd over vhost-user. No DAX. */
#ifndef AERIE_VFS_H
#define AERIE_VFS_H

#include <stdbool.h>

struct virtio_device;
struct vm;

#define VFS_TAG_MAX 36u /* bytes of UTF-8 (5.11.4) */

/* Exactly one of path and socket. */
struct vfs_config {
	const char *name;   /* for messages; borrowed */
	const char *tag;    /* what the guest mounts, 1 .. VFS_TAG_MAX bytes; borrowed during the call */
	const char *path;   /* folder for which aerie starts virtiofsd; borrowed during the call */
	const char *socket; /* of a server that runs; borrowed */
	bool readonly;	    /* path only */
};

/** 0 or -errno (logged, with the remedy). */
int virtio_fs_create(struct virtio_device **out, struct vm *vm, const struct vfs_config *config);

/** Whether @path may be shared: an existing directory, absolute, not /, nothing of /proc, /sys or /dev, and not one
 *  that contains the folder of aerie's own sockets. *@resolved (freed by the caller) is the path without links. 0 or
 *  -errno (logged). */
int vfs_check_path(const char *name, const char *path, char **resolved);

#endif
