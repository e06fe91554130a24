/* SPDX-License-Identifier: Apache-2.0 */
/* Devices whose queues the kernel (vsock) or another process (fs, vhost-user) serves. */
#include <errno.h>
#include <linux/vhost.h>
#include <stdlib.h>
#include <string.h>

#include "check_emulated.h"
#include "fd.h"
#include "sys.h"
#include "vfs.h"

/* Another device of the VM with the same address, that comes before. */
static const struct config_device *same_cid(const struct check_subject *s)
{
	const struct config *config = s->check->config;

	for (unsigned i = 0; i < config->pci_count; i++)
		for (unsigned d = 0; d < config->pci[i].devices_count; d++) {
			const struct config_device *other = &config->pci[i].devices[d];

			if (other == s->device)
				return NULL;
			if (other->kind == DEVICE_VSOCK && other->vsock->cid == s->device->vsock->cid)
				return other;
		}
	return NULL;
}

/* Only taking the address tells whether it is free; closing the file gives it back. */
void check_vsock(const struct check_subject *s)
{
	const struct config_device *other = same_cid(s);
	uint64_t cid = s->device->vsock->cid;
	OWNED_FD int fd = check_open_node(s->check, s->what, &check_node_vhost_vsock, CHECK_ERROR);

	if (fd < 0)
		return;
	if (other)
		check_add(s->check, CHECK_ERROR, s->what, "device %s has cid %u too; choose a different one", other->id,
			  s->device->vsock->cid);
	else if (sys_ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid) == 0)
		check_add(s->check, CHECK_OK, s->what, "cid %u is free", s->device->vsock->cid);
	else if (errno == EADDRINUSE)
		check_add(s->check, CHECK_ERROR, s->what, "cid %u is in use by another VM; choose a different one",
			  s->device->vsock->cid);
	else
		check_add(s->check, CHECK_ERROR, s->what,
			  "cannot have cid %u: %s; choose one from 3 to 4294967294 that no other VM has",
			  s->device->vsock->cid, strerror(errno));
}

void check_fs(const struct check_subject *s)
{
	static const char *const folders[] = {"/usr/libexec", "/usr/lib", "/usr/lib/virtiofsd", NULL};
	const struct config_fs *fs = s->device->fs;
	struct check_capture capture;
	char *path = NULL;

	if (fs->socket) {
		check_socket(s, fs->socket);
		return;
	}
	check_capture_begin(&capture);
	int err = vfs_check_path(s->device->id, fs->path, &path);
	check_capture_end();
	if (err < 0)
		check_captured(s, &capture);
	else
		check_add(s->check, CHECK_OK, s->what, "shares %s%s", path, fs->readonly ? ", read-only" : "");
	free(path);
	check_program(s, "virtiofsd", folders,
		      "install the package virtiofsd, or start it yourself and name its socket");
}

void check_vhost_user(const struct check_subject *s)
{
	check_socket(s, s->device->vhost_user->socket);
}
