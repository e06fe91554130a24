/* SPDX-License-Identifier: Apache-2.0 */
/* What the schema cannot say of the entries of `pci.N.devices`. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "config_priv.h"
#include "host_dev.h"
#include "log.h"

/* One entry and where it stands, for messages. */
struct place {
	const struct config_tree *tree;
	struct config *config;
	unsigned port, device;
	struct config_device *dev;
};

#define AT(p, key) config_at((p)->tree, "pci.%u.devices.%u." key, (p)->port, (p)->device)
#define HERE(p)	   config_at((p)->tree, "pci.%u.devices.%u", (p)->port, (p)->device)

static bool has_key(const struct config_node *node, const char *key)
{
	return node->key && strcmp(node->key, key) == 0;
}

static int out_of_memory(const struct place *p)
{
	return log_fail(-ENOMEM, "%s: out of memory while reading the configuration", p->tree->name);
}

/* The host device must be named well and only once in the whole machine. */
static int validate_assign(struct place *p)
{
	const struct config_node *node = AT(p, "assign");
	char bdf[HOST_BDF_LEN];
	char *full;

	if (host_bdf_parse(p->dev->assign, bdf) < 0)
		return config_fail(
			p->tree, node,
			"\"%s\" is no PCI address; write it like \"0000:01:00.0\" (aerie devices lists them)",
			p->dev->assign);
	full = strdup(bdf);
	if (!full)
		return out_of_memory(p);
	free(p->dev->assign);
	p->dev->assign = full;
	for (unsigned i = 0; i <= p->port; i++) {
		const struct config_port *port = &p->config->pci[i];
		unsigned n = i == p->port ? p->device : port->devices_count;

		for (unsigned e = 0; e < n; e++)
			if (port->devices[e].assign && strcmp(port->devices[e].assign, full) == 0)
				return config_fail(
					p->tree, node,
					"host device %s is assigned already, by pci.%u.devices.%u; a device can be given once",
					full, i, e);
	}
	return 0;
}

/* A count that has the default 1. */
static int validate_count(const struct place *p, const struct config_node *node, const char *key, uint32_t *value,
			  uint32_t max)
{
	char path[CONFIG_PATH_LEN];

	if (!has_key(node, key)) {
		*value = 1;
		return 0;
	}
	config_node_path(node, path);
	if (*value == 0 || *value > max)
		return config_fail(p->tree, node, "\"%s\" must be from 1 to %u, not %u", path, max, *value);
	return 0;
}

static int validate_blk(struct place *p)
{
	return validate_count(p, AT(p, "blk.queues"), "queues", &p->dev->blk->queues, CONFIG_MAX_BLK_QUEUES);
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++, text += 3) {
		char end = i < 5 ? ':' : '\0';

		if (strspn(text, "0123456789abcdefABCDEF") != 2 || text[2] != end)
			return false;
		mac[i] = (uint8_t)strtoul(text, NULL, 16);
	}
	return !(mac[0] & 1);
}

static int validate_net(struct place *p)
{
	struct config_net *net = p->dev->net;
	unsigned ways = (net->tap != NULL) + (net->socket != NULL) + net->user;

	if (ways != 1)
		return config_fail(
			p->tree, AT(p, "net"),
			"\"pci.%u.devices.%u.net\" needs one of tap, socket and \"user: true\", not %u of them",
			p->port, p->device, ways);
	if (!net->tap && has_key(AT(p, "net.vhost"), "vhost"))
		return config_fail_key(p->tree, AT(p, "net.vhost"),
				       "\"pci.%u.devices.%u.net.vhost\" has a meaning only with tap; leave it out",
				       p->port, p->device);
	if (net->mac && !parse_mac(net->mac, net->mac_bytes))
		return config_fail(p->tree, AT(p, "net.mac"),
				   "\"%s\" is no MAC address of a station; write it like \"52:54:00:12:34:56\"",
				   net->mac);
	if (net->user && net->queues > 1)
		return config_fail(p->tree, AT(p, "net.queues"), "passt serves one queue pair; leave \"queues\" out");
	return validate_count(p, AT(p, "net.queues"), "queues", &net->queues, CONFIG_MAX_NET_QUEUES);
}

static int validate_console_port(const struct place *p, unsigned i)
{
	const struct config_vconsole *console = p->dev->console;
	const struct config_console_port *port = &console->ports[i];
	const struct config_node *node =
		config_at(p->tree, "pci.%u.devices.%u.console.ports.%u", p->port, p->device, i);

	if (port->type == CONSOLE_STDIO && p->config->console.type == CONSOLE_STDIO)
		return config_fail(
			p->tree, node,
			"the terminal belongs to the serial port; give \"console.type\" another value first, or "
			"this port the type pty or file");
	if (port->type == CONSOLE_FILE && !port->path)
		return config_fail(p->tree, node, "a port of type file needs \"path\", the file to write to");
	if (port->path && port->type != CONSOLE_FILE && port->type != CONSOLE_PTY)
		return config_fail(p->tree, node, "\"path\" has a meaning only for a port of type file or pty");
	for (unsigned j = 0; j < i; j++)
		if (port->name && console->ports[j].name && strcmp(port->name, console->ports[j].name) == 0)
			return config_fail(p->tree, node, "the name \"%s\" is taken by port %u of the same console",
					   port->name, j);
	return 0;
}

static int validate_console(struct place *p)
{
	int err = 0;

	if (p->dev->console->ports_count == 0)
		return config_fail(p->tree, AT(p, "console"), "a console without ports is of no use; give it one");
	for (unsigned i = 0; err == 0 && i < p->dev->console->ports_count; i++)
		err = validate_console_port(p, i);
	return err;
}

static int validate_rng(struct place *p)
{
	return 0;
}

static int validate_vsock(struct place *p)
{
	uint32_t cid = p->dev->vsock->cid;

	if (cid < 3 || cid == UINT32_MAX)
		return config_fail(
			p->tree, AT(p, "vsock.cid"),
			"\"pci.%u.devices.%u.vsock.cid\" must be from 3 to 4294967294, not %u (0 to 2 are the "
			"hypervisor, reserved and the host)",
			p->port, p->device, cid);
	return 0;
}

static int validate_fs(struct place *p)
{
	const struct config_fs *fs = p->dev->fs;

	if ((fs->path != NULL) == (fs->socket != NULL))
		return config_fail(
			p->tree, AT(p, "fs"),
			"\"pci.%u.devices.%u.fs\" needs either path (a folder, for which aerie starts virtiofsd) or "
			"socket (of a server that runs)",
			p->port, p->device);
	if (fs->socket && fs->readonly)
		return config_fail(
			p->tree, AT(p, "fs.readonly"),
			"\"readonly\" has a meaning only with path; the server behind a socket decides itself");
	return 0;
}

static int validate_balloon(struct place *p)
{
	struct config_balloon *balloon = p->dev->balloon;
	const char *wrong = balloon->target ? config_parse_size(balloon->target, &balloon->target_bytes) : NULL;

	if (wrong)
		return config_fail(p->tree, AT(p, "balloon.target"), "\"pci.%u.devices.%u.balloon.target\" %s: \"%s\"",
				   p->port, p->device, wrong, balloon->target);
	if (balloon->target_bytes > p->config->machine.memory_bytes)
		return config_fail(p->tree, AT(p, "balloon.target"),
				   "\"pci.%u.devices.%u.balloon.target\" is more than machine.memory: %s of %s",
				   p->port, p->device, balloon->target, p->config->machine.memory);
	return 0;
}

static int validate_vhost_user(struct place *p)
{
	if (p->dev->vhost_user->device_id == 0 || p->dev->vhost_user->device_id > 63)
		return config_fail(
			p->tree, AT(p, "vhost-user.device-id"),
			"\"pci.%u.devices.%u.vhost-user.device-id\" must be a virtio device id from 1 to 63, not "
			"%u",
			p->port, p->device, p->dev->vhost_user->device_id);
	return validate_count(p, AT(p, "vhost-user.queues"), "queues", &p->dev->vhost_user->queues, 64);
}

/* Device security from the bottom up: a mailbox with an identity, keys of the link, the interface. */
static int validate_test_security(struct place *p)
{
	const struct config_test *test = p->dev->test;

	if (test->identity && !test->doe)
		return config_fail(
			p->tree, AT(p, "test.identity"),
			"\"pci.%u.devices.%u.test.identity\" needs \"doe: true\": without a mailbox nobody asks "
			"for it",
			p->port, p->device);
	if (test->heartbeat > UINT8_MAX)
		return config_fail(p->tree, AT(p, "test.heartbeat"),
				   "\"pci.%u.devices.%u.test.heartbeat\" must be from 0 to 255 seconds, not %u",
				   p->port, p->device, test->heartbeat);
	if ((test->ide && !test->doe) || (test->tdisp && !test->ide))
		return config_fail(p->tree, AT(p, "test"),
				   "\"pci.%u.devices.%u.test.%s\" needs \"%s: true\": its messages come that way",
				   p->port, p->device, test->tdisp && !test->ide ? "tdisp" : "ide",
				   test->tdisp && !test->ide ? "ide" : "doe");
	return 0;
}

static int validate_test(struct place *p)
{
	struct config_test *test = p->dev->test;
	const struct config_node *memory = AT(p, "test.memory"), *vectors = AT(p, "test.vectors");

	if (!has_key(vectors, "vectors"))
		test->vectors = 64;
	if (test->vectors == 0 || test->vectors > 2048)
		return config_fail(p->tree, vectors,
				   "\"pci.%u.devices.%u.test.vectors\" must be from 1 to 2048, not %u", p->port,
				   p->device, test->vectors);
	if (test->pri && !test->ats)
		return config_fail(p->tree, AT(p, "test.pri"),
				   "\"pci.%u.devices.%u.test.pri\" needs \"ats: true\": page requests are made for "
				   "translations that the device has asked for",
				   p->port, p->device);
	if (test->memory) {
		const char *wrong = config_parse_size(test->memory, &test->memory_bytes);

		if (wrong)
			return config_fail(p->tree, memory, "\"pci.%u.devices.%u.test.memory\" %s: \"%s\"", p->port,
					   p->device, wrong, test->memory);
		if (!is_pow2(test->memory_bytes) || test->memory_bytes < 4096 || test->memory_bytes > 256u << 20)
			return config_fail(
				p->tree, memory,
				"\"pci.%u.devices.%u.test.memory\" must be a power of two from 4K to 256M, not %s",
				p->port, p->device, test->memory);
	}
	if (test->serial) {
		if (strspn(test->serial, "0123456789abcdefABCDEF") != strlen(test->serial))
			return config_fail(p->tree, AT(p, "test.serial"),
					   "\"%s\" is no serial number; write up to 16 hexadecimal digits",
					   test->serial);
		test->serial_number = strtoull(test->serial, NULL, 16);
	}
	return validate_test_security(p);
}

static const struct {
	const char *key;
	size_t member; /* the pointer in struct config_device */
	int (*validate)(struct place *p);
} kinds[DEVICE_KINDS] = {
	[DEVICE_ASSIGN] = {"assign", offsetof(struct config_device, assign), validate_assign},
	[DEVICE_BLK] = {"blk", offsetof(struct config_device, blk), validate_blk},
	[DEVICE_NET] = {"net", offsetof(struct config_device, net), validate_net},
	[DEVICE_CONSOLE] = {"console", offsetof(struct config_device, console), validate_console},
	[DEVICE_RNG] = {"rng", offsetof(struct config_device, rng), validate_rng},
	[DEVICE_VSOCK] = {"vsock", offsetof(struct config_device, vsock), validate_vsock},
	[DEVICE_FS] = {"fs", offsetof(struct config_device, fs), validate_fs},
	[DEVICE_BALLOON] = {"balloon", offsetof(struct config_device, balloon), validate_balloon},
	[DEVICE_VHOST_USER] = {"vhost-user", offsetof(struct config_device, vhost_user), validate_vhost_user},
	[DEVICE_TEST] = {"test", offsetof(struct config_device, test), validate_test},
};

static bool is_kind(const struct config_device *dev, unsigned kind)
{
	void *object;

	memcpy(&object, (const char *)dev + kinds[kind].member, sizeof(object));
	return object != NULL;
}

static int find_kind(struct place *p)
{
	unsigned found = 0;
	char known[256] = "";

	for (unsigned k = 0; k < DEVICE_KINDS; k++) {
		size_t used = strlen(known);

		snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", kinds[k].key);
		if (!is_kind(p->dev, k))
			continue;
		if (found++ > 0)
			return config_fail(p->tree, HERE(p),
					   "\"pci.%u.devices.%u\" is both %s and %s; make them two entries", p->port,
					   p->device, kinds[p->dev->kind].key, kinds[k].key);
		p->dev->kind = (enum config_device_kind)k;
	}
	if (found == 0)
		return config_fail(p->tree, HERE(p),
				   "\"pci.%u.devices.%u\" does not say what it is; give it one of: %s", p->port,
				   p->device, known);
	return 0;
}

/* Ids are made for those without, so that every message can name its device. */
static int settle_id(struct place *p)
{
	const struct config_port *port = &p->config->pci[p->port];

	if (p->dev->id)
		return config_validate_name(p->tree, AT(p, "id"), p->dev->id);
	if (p->dev->assign)
		p->dev->id = strdup(p->dev->assign);
	else if (asprintf(&p->dev->id, "%s.%u", port->root_port, p->dev->function) < 0)
		p->dev->id = NULL;
	return p->dev->id ? 0 : out_of_memory(p);
}

static int unique_id(const struct place *p)
{
	for (unsigned i = 0; i <= p->port; i++) {
		const struct config_port *port = &p->config->pci[i];
		unsigned n = i == p->port ? p->device : port->devices_count;

		for (unsigned e = 0; e < n; e++)
			if (strcmp(port->devices[e].id, p->dev->id) == 0)
				return config_fail(
					p->tree, AT(p, "id"),
					"the id \"%s\" is taken by pci.%u.devices.%u; each device needs its own",
					p->dev->id, i, e);
	}
	return 0;
}

static int validate_function(const struct place *p)
{
	const struct config_port *port = &p->config->pci[p->port];
	const struct config_node *node = AT(p, "function");
	uint8_t function = p->dev->function;

	if (function > 7)
		return config_fail(p->tree, node, "\"pci.%u.devices.%u.function\" must be from 0 to 7, not %u", p->port,
				   p->device, function);
	for (unsigned e = 0; e < p->device; e++)
		if (port->devices[e].function == function)
			return config_fail(
				p->tree, node,
				"function %u below root port \"%s\" is taken by %s; there is one slot below a port: give "
				"the devices different values of \"function\", or each a port of its own",
				function, port->root_port, port->devices[e].id);
	return 0;
}

int config_validate_devices(struct config *config, const struct config_tree *tree, unsigned port_index)
{
	const struct config_port *port = &config->pci[port_index];
	bool has_function0 = port->devices_count == 0;

	for (unsigned d = 0; d < port->devices_count; d++) {
		struct place p = {tree, config, port_index, d, &port->devices[d]};
		int err = find_kind(&p);

		if (err == 0)
			err = kinds[p.dev->kind].validate(&p);
		if (err == 0)
			err = config_validate_trust(config, tree, port_index, d);
		if (err == 0)
			err = validate_function(&p);
		if (err == 0)
			err = settle_id(&p);
		if (err == 0)
			err = unique_id(&p);
		if (err < 0)
			return err;
		has_function0 |= p.dev->function == 0;
	}
	if (!has_function0)
		return config_fail(
			tree, config_at(tree, "pci.%u.devices", port_index),
			"no device with function 0 below root port \"%s\"; guests find the other functions only through "
			"function 0",
			port->root_port);
	return 0;
}
