/* SPDX-License-Identifier: Apache-2.0 */
/* The devices that aerie plays itself: one check for each kind that stands on something of the host. */
#include "check_emulated.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "server.h"
#include "spdm.h"
#include "sys.h"

const struct check_node check_node_tun = {"/dev/net/tun", "tun"};
const struct check_node check_node_vhost_net = {"/dev/vhost-net", "vhost_net"};
const struct check_node check_node_vhost_vsock = {"/dev/vhost-vsock", "vhost_vsock"};

int check_open_node(struct check *check, const char *what, const struct check_node *node, enum check_level level)
{
	int fd = sys_open(node->path, O_RDWR);

	if (fd < 0 && (errno == EACCES || errno == EPERM))
		check_add(check, level, what, "cannot open %s: permission denied; give your user access to the file",
			  node->path);
	else if (fd < 0)
		check_add(check, level, what, "cannot open %s: %s; load the module %s", node->path, strerror(errno),
			  node->module);
	return fd;
}

void check_captured(const struct check_subject *s, const struct check_capture *capture)
{
	size_t len = strlen(s->device->id);
	const char *text = capture->text;

	if (strncmp(text, s->device->id, len) == 0 && strncmp(text + len, ": ", 2) == 0)
		text += len + 2;
	check_add(s->check, CHECK_ERROR, s->what, "%s", text);
}

void check_program(const struct check_subject *s, const char *program, const char *const *folders, const char *package)
{
	static const char *const none[] = {NULL};
	const struct server_config config = {
		.name = s->device->id,
		.program = program,
		.folders = folders,
		.package = package,
		.args = none,
	};
	struct check_capture capture;
	struct server *server;

	check_capture_begin(&capture);
	int err = server_create(&server, &config);
	check_capture_end();
	if (err < 0) {
		check_captured(s, &capture);
		return;
	}
	server_destroy(server);
	check_add(s->check, CHECK_OK, s->what, "%s is there", program);
}

/* Connecting would be heard by the server, so whether one listens shows only when the VM starts. */
void check_socket(const struct check_subject *s, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		check_add(s->check, CHECK_ERROR, s->what, "cannot find the socket %s: %s; start the server first", path,
			  strerror(errno));
	else if (!S_ISSOCK(st.st_mode))
		check_add(s->check, CHECK_ERROR, s->what, "%s is no socket; name the one that the server listens on",
			  path);
	else if (access(path, W_OK) < 0)
		check_add(s->check, CHECK_ERROR, s->what,
			  "cannot connect to %s: %s; give your user the right to write to it", path, strerror(errno));
	else
		check_add(s->check, CHECK_OK, s->what, "socket %s", path);
}

void check_console_path(struct check *check, const char *what, enum config_console_type type, const char *path)
{
	bool writes = type == CONSOLE_FILE && access(path ? path : "", F_OK) == 0;
	char copy[PATH_MAX];
	const char *target;
	struct stat st;

	if (!path)
		return;
	snprintf(copy, sizeof(copy), "%s", path);
	target = writes ? path : dirname(copy);
	if (access(target, W_OK) < 0)
		check_add(check, CHECK_ERROR, what, "cannot write %s: %s: %s; choose another place", path, target,
			  strerror(errno));
	else if (writes && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		check_add(check, CHECK_ERROR, what, "cannot write %s: it is a folder; name a file", path);
	else if (type == CONSOLE_PTY && lstat(path, &st) == 0 && !S_ISLNK(st.st_mode))
		check_add(check, CHECK_ERROR, what,
			  "%s exists and is no symbolic link; remove it, or choose another place for the link to the "
			  "pseudo terminal",
			  path);
	else
		check_add(check, CHECK_OK, what, "%s", path);
}

static void check_console(const struct check_subject *s)
{
	const struct config_vconsole *console = s->device->console;

	for (unsigned i = 0; i < console->ports_count; i++) {
		char what[128];

		snprintf(what, sizeof(what), "%s port %u", s->what, i);
		check_console_path(s->check, what, console->ports[i].type, console->ports[i].path);
	}
}

/* Nothing refuses it, and nothing comes of it. */
static void check_balloon(const struct check_subject *s)
{
	if (config_assigns(s->check->config))
		check_add(s->check, CHECK_WARNING, s->what,
			  "gives nothing back to the host: devices of the host pin all memory; leave one of them out");
}

static void check_test(const struct check_subject *s)
{
	const struct config_identity *identity = s->device->test->identity;
	struct spdm_identity *loaded = NULL;
	struct check_capture capture;

	if (!identity)
		return;
	check_capture_begin(&capture);
	int err = spdm_identity_load(identity->certificates, identity->key, &loaded);
	check_capture_end();
	if (err < 0)
		check_captured(s, &capture);
	else
		check_add(s->check, CHECK_OK, s->what, "%s and %s belong together", identity->certificates,
			  identity->key);
	spdm_identity_free(loaded);
}

static void (*const checks[DEVICE_KINDS])(const struct check_subject *s) = {
	[DEVICE_BLK] = check_blk,
	[DEVICE_NET] = check_net,
	[DEVICE_CONSOLE] = check_console,
	[DEVICE_VSOCK] = check_vsock,
	[DEVICE_FS] = check_fs,
	[DEVICE_BALLOON] = check_balloon,
	[DEVICE_VHOST_USER] = check_vhost_user,
	[DEVICE_TEST] = check_test,
};

void check_emulated(struct check *check)
{
	const struct config *config = check->config;

	if (!config)
		return;
	for (unsigned i = 0; i < config->pci_count; i++)
		for (unsigned d = 0; d < config->pci[i].devices_count; d++) {
			struct check_subject s = {.check = check, .device = &config->pci[i].devices[d]};

			snprintf(s.what, sizeof(s.what), "device %s", s.device->id);
			if (checks[s.device->kind])
				checks[s.device->kind](&s);
		}
}

/* What the host could do for a VM, when there is none to look at. */
void check_host_devices(struct check *check)
{
	static const struct check_node *const nodes[] = {&check_node_tun, &check_node_vhost_net,
							 &check_node_vhost_vsock};

	if (check->config)
		return;
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		OWNED_FD int fd = check_open_node(check, nodes[i]->path, nodes[i], CHECK_WARNING);

		if (fd >= 0)
			check_add(check, CHECK_OK, nodes[i]->path, "opens");
	}
}
