/* SPDX-License-Identifier: Apache-2.0 */
#include "vfs.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>

#include "bits.h"
#include "log.h"
#include "server.h"
#include "vu_device.h"

#define FS_QUEUES     2u /* high priority, and one for requests */
#define FS_QUEUE_SIZE 1024u
#define FS_CLASS      0x018000u /* mass storage, other */

struct fs_config {
	uint8_t tag[VFS_TAG_MAX];
	uint32_t num_request_queues;
};
_Static_assert(sizeof(struct fs_config) == sizeof(struct virtio_fs_config), "virtio 1.3, 5.11.4");

static void config_read(struct virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	memcpy(buf, ((struct vu_device *)dev)->config + offset, len);
}

static const struct virtio_ops ops = {
	.config_read = config_read,
	.start = vu_device_start,
	.stop = vu_device_stop,
	.quiesce = vu_device_quiesce,
	.start_queue = vu_device_start_queue,
	.stop_queue = vu_device_stop_queue,
	.destroy = vu_device_destroy,
};

/* virtiofsd for the folder @path, not started yet. */
static int create_server(struct server **out, const char *name, const char *path, bool readonly)
{
	static const char *const folders[] = {"/usr/libexec", "/usr/lib", "/usr/lib/virtiofsd", NULL};
	const char *args[] = {
		"--log-level", "error", "--fd", SERVER_FD, "--shared-dir", path, readonly ? "--readonly" : NULL, NULL};
	struct server_config config = {
		.name = name,
		.program = "virtiofsd",
		.folders = folders,
		.package = "install the package virtiofsd, or start it yourself and name its socket",
		.args = args,
		.listens = true,
	};

	return server_create(out, &config);
}

static int check(const struct vfs_config *config)
{
	size_t len = strlen(config->tag);

	if (!config->path == !config->socket)
		return log_fail(-EINVAL, "%s: give either the path of a folder or the socket of a virtiofsd",
				config->name);
	if (len == 0 || len > VFS_TAG_MAX)
		return log_fail(-EINVAL, "%s: the tag has %zu bytes; it must have 1 to %u", config->name, len,
				VFS_TAG_MAX);
	return 0;
}

static int connect_backend(struct vu_device *vu, const struct vfs_config *config)
{
	struct vu_backend_config backend = {
		.name = config->name,
		.socket = config->socket,
		.queues = FS_QUEUES,
	};
	char *path = NULL;
	int err = 0;

	if (config->path) {
		err = vfs_check_path(config->name, config->path, &path);
		if (!err)
			err = create_server(&backend.server, config->name, path, config->readonly);
	}
	free(path);
	return err ? err : vu_backend_create(&vu->backend, &backend);
}

int virtio_fs_create(struct virtio_device **out, struct vm *vm, const struct vfs_config *config)
{
	struct virtio_config device = {
		.name = config->name,
		.type = VIRTIO_ID_FS,
		.class_code = FS_CLASS,
		.nr_queues = FS_QUEUES,
		.queue_size = FS_QUEUE_SIZE,
		.config_size = sizeof(struct fs_config),
		.kicks = VIRTIO_KICKS_DEVICE,
	};
	struct fs_config space = {.num_request_queues = FS_QUEUES - 1};
	int err = check(config);

	*out = NULL;
	if (err)
		return err;
	struct vu_device *vu = calloc(1, sizeof(*vu));

	if (!vu)
		return log_fail(-ENOMEM, "%s: out of memory", config->name);
	memcpy(space.tag, config->tag, strlen(config->tag));
	memcpy(vu->config, &space, sizeof(space));
	err = connect_backend(vu, config);
	if (err) {
		free(vu);
		return err;
	}
	err = vu_device_finish(vu, vm, &device, &ops);
	if (!err)
		*out = &vu->dev;
	return err;
}
