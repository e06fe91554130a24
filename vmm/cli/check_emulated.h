/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The findings about one device that aerie plays itself: what of the host it stands on. Nothing is connected to,
 * started, taken or written, but for a vsock address that is held for an instant.
 */
#ifndef AERIE_CHECK_EMULATED_H
#define AERIE_CHECK_EMULATED_H

#include "host_check.h"

/* One device; @what names it in findings. */
struct check_subject {
	struct check *check;
	const struct config_device *device;
	char what[96];
};

void check_blk(const struct check_subject *s);
void check_net(const struct check_subject *s);
void check_vsock(const struct check_subject *s);
void check_fs(const struct check_subject *s);
void check_vhost_user(const struct check_subject *s);

/** A path that a console or port of @type writes to or links from; NULL: nothing to say. */
void check_console_path(struct check *check, const char *what, enum config_console_type type, const char *path);

/** Whether @path is the socket of a server, as far as the file tells. */
void check_socket(const struct check_subject *s, const char *path);

/** Whether the program is there that aerie would start for this device; @folders as in struct server_config. */
void check_program(const struct check_subject *s, const char *program, const char *const *folders, const char *package);

/* A device file of the kernel's that a device needs. */
struct check_node {
	const char *path, *module;
};
extern const struct check_node check_node_tun, check_node_vhost_net, check_node_vhost_vsock;

/** Opens @node for reading and writing. Returns the descriptor, which the caller owns; or -1, with the finding at
 *  @level. */
int check_open_node(struct check *check, const char *what, const struct check_node *node, enum check_level level);

/** Reports the error that another box logged for this device, without the device's name that it begins with. */
void check_captured(const struct check_subject *s, const struct check_capture *capture);

#endif
