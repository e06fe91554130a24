/* SPDX-License-Identifier: Apache-2.0 */
/* The devices below the root ports, one constructor for each kind of the configuration. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "balloon.h"
#include "blk.h"
#include "log.h"
#include "machine_priv.h"
#include "rng.h"
#include "testdev.h"
#include "vconsole.h"
#include "vfs.h"
#include "vhost_user.h"
#include "virtio.h"
#include "vnet.h"
#include "vsock.h"

int machine_open_console(struct machine *m, enum config_console_type type, const char *path, struct console **out)
{
	const struct console_env env = {.loop = &m->loop, .bus = &m->vm.bus, .quit_reason = VM_STOP_QUIT};

	switch (type) {
	case CONSOLE_STDIO:
		return console_open_stdio(out, &env, STDIN_FILENO, STDOUT_FILENO);
	case CONSOLE_FILE:
		return console_open_file(out, &env, path);
	case CONSOLE_PTY:
		return console_open_pty(out, &env, path);
	case CONSOLE_NONE:
		break;
	}
	return console_open_none(out, &env);
}

/* What a constructor is told, and where it puts what it made. */
struct request {
	struct machine *m;
	const struct config_device *config;
	struct pci_function *fn;
};

static int make_virtio(struct request *r, int err, struct virtio_device *dev)
{
	if (err == 0)
		r->fn = &dev->ep.fn;
	return err;
}

static int make_blk(struct request *r)
{
	static const enum virtio_blk_cache caches[] = {
		[CACHE_AUTO] = BLK_CACHE_AUTO,
		[CACHE_DIRECT] = BLK_CACHE_DIRECT,
		[CACHE_BUFFERED] = BLK_CACHE_BUFFERED,
	};
	const struct config_blk *blk = r->config->blk;
	const struct virtio_blk_config config = {
		.name = r->config->id,
		.path = blk->path,
		.serial = blk->serial,
		.readonly = blk->readonly,
		.queues = blk->queues,
		.cache = caches[blk->cache],
	};
	struct virtio_device *dev;
	int err = virtio_blk_create(&dev, &r->m->vm, &config);

	return make_virtio(r, err, dev);
}

static int make_net(struct request *r)
{
	static const enum vhost_use uses[] = {
		[SWITCH_AUTO] = VHOST_AUTO,
		[SWITCH_ON] = VHOST_ON,
		[SWITCH_OFF] = VHOST_OFF,
	};
	const struct config_net *net = r->config->net;
	struct vnet_config config = {
		.name = r->config->id,
		.tap = net->tap,
		.socket = net->socket,
		.user = net->user,
		.has_mac = net->mac != NULL,
		.vhost = uses[net->vhost],
		.queue_pairs = net->queues,
	};
	struct virtio_device *dev;

	memcpy(config.mac, net->mac_bytes, sizeof(config.mac));
	int err = virtio_net_create(&dev, &r->m->vm, &config);

	return make_virtio(r, err, dev);
}

static int make_console(struct request *r)
{
	const struct config_vconsole *config = r->config->console;
	struct virtio_console_port ports[CONFIG_MAX_VSP_PORTS];
	struct machine *m = r->m;
	struct virtio_device *dev;
	int err;

	for (unsigned i = 0; i < config->ports_count; i++) {
		const struct config_console_port *port = &config->ports[i];

		if (m->nr_port_consoles == MACHINE_MAX_PORT_CONSOLES)
			return log_fail(-ENOSPC, "%s: more than %u console ports in one machine", r->config->id,
					MACHINE_MAX_PORT_CONSOLES);
		struct console **console = &m->port_consoles[m->nr_port_consoles];

		err = machine_open_console(m, port->type, port->path, console);
		if (err < 0)
			return err;
		m->nr_port_consoles++;
		ports[i] = (struct virtio_console_port){.name = port->name, .console = *console};
	}
	err = virtio_console_create(&dev, &m->vm, r->config->id, ports, config->ports_count);
	return make_virtio(r, err, dev);
}

static int make_rng(struct request *r)
{
	struct virtio_device *dev;
	int err = virtio_rng_create(&dev, &r->m->vm, r->config->id);

	return make_virtio(r, err, dev);
}

static int make_vsock(struct request *r)
{
	struct virtio_device *dev;
	int err = virtio_vsock_create(&dev, &r->m->vm, r->config->id, r->config->vsock->cid);

	return make_virtio(r, err, dev);
}

static int make_fs(struct request *r)
{
	const struct config_fs *fs = r->config->fs;
	const struct vfs_config config = {
		.name = r->config->id,
		.tag = fs->tag,
		.path = fs->path,
		.socket = fs->socket,
		.readonly = fs->readonly,
	};
	struct virtio_device *dev;
	int err = virtio_fs_create(&dev, &r->m->vm, &config);

	return make_virtio(r, err, dev);
}

static int make_balloon(struct request *r)
{
	const struct virtio_balloon_config config = {
		.name = r->config->id,
		.reporting = r->config->balloon->reporting,
		.deflate_on_oom = r->config->balloon->deflate_on_oom,
		.pinned = config_assigns(r->m->config),
	};
	struct virtio_device *dev;
	int err = virtio_balloon_create(&dev, &r->m->vm, &config);

	if (err == 0)
		virtio_balloon_set_target(dev, r->config->balloon->target_bytes);
	return make_virtio(r, err, dev);
}

static int make_vhost_user(struct request *r)
{
	const struct vhost_user_config config = {
		.name = r->config->id,
		.socket = r->config->vhost_user->socket,
		.device_id = r->config->vhost_user->device_id,
		.queues = r->config->vhost_user->queues,
	};
	struct virtio_device *dev;
	int err = vhost_user_create(&dev, &r->m->vm, &config);

	return make_virtio(r, err, dev);
}

static int make_test(struct request *r)
{
	const struct config_test *test = r->config->test;
	const struct config_identity *identity = test->identity;

	return testdev_create(&r->fn, &r->m->vm,
			      &(struct testdev_config){
				      .name = r->config->id,
				      .vectors = test->vectors,
				      .memory = test->memory_bytes,
				      .pasid = test->pasid,
				      .aer = test->aer,
				      .stall = test->stall,
				      .ats = test->ats,
				      .pri = test->pri,
				      .serial = test->serial_number,
				      .certificates = identity ? identity->certificates : NULL,
				      .key = identity ? identity->key : NULL,
				      .doe = test->doe,
				      .ide = test->ide,
				      .tdisp = test->tdisp,
				      .heartbeat_s = (uint8_t)test->heartbeat,
			      });
}

static int make_assigned(struct request *r)
{
	return machine_make_assigned(r->m, r->config, &r->fn);
}

static int (*const makers[DEVICE_KINDS])(struct request *r) = {
	[DEVICE_ASSIGN] = make_assigned, [DEVICE_BLK] = make_blk,	  [DEVICE_NET] = make_net,
	[DEVICE_CONSOLE] = make_console, [DEVICE_RNG] = make_rng,	  [DEVICE_VSOCK] = make_vsock,
	[DEVICE_FS] = make_fs,		 [DEVICE_BALLOON] = make_balloon, [DEVICE_VHOST_USER] = make_vhost_user,
	[DEVICE_TEST] = make_test,
};

int machine_make_device(struct machine *m, const struct config_device *config, struct pci_function **fn)
{
	struct request r = {.m = m, .config = config};
	int err = makers[config->kind](&r);

	*fn = r.fn;
	return err;
}
