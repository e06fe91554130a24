/* SPDX-License-Identifier: Apache-2.0 */
/* The device: configuration space, queues, and the life of the ports. */
#include "vconsole.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "bus.h"
#include "log.h"
#include "vconsole_priv.h"
#include "vm.h"

#define CLASS_COMMUNICATION_OTHER 0x078000u

static struct vconsole *vconsole_of(struct virtio_device *dev)
{
	return container_of(dev, struct vconsole, dev);
}

/* ---- configuration space ---- */

static void vconsole_config_read(struct virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	const struct vconsole_config_space config = {.max_nr_ports = htole32(vconsole_of(dev)->nr_ports)};

	memcpy(buf, (const uint8_t *)&config + offset, len);
}

/* 5.3.4: one character, without any set-up before. Legal before DRIVER_OK, and lost when nobody takes it. */
static void vconsole_config_write(struct virtio_device *dev, uint32_t offset, const void *buf, uint32_t len)
{
	struct vconsole_port *port = &vconsole_of(dev)->ports[0];

	if (offset == offsetof(struct vconsole_config_space, emerg_wr) && console_can_write(port->console))
		console_write(port->console, *(const uint8_t *)buf);
}

/* ---- queues ---- */

static void vconsole_kick(struct virtio_device *dev, unsigned index)
{
	struct vconsole *vc = vconsole_of(dev);

	if (index == VCONSOLE_CONTROL_RX) {
		vconsole_control_send(vc);
		return;
	}
	if (index == VCONSOLE_CONTROL_TX) {
		vconsole_control_receive(vc);
		return;
	}
	struct vconsole_port *port = &vc->ports[index < VCONSOLE_CONTROL_RX ? 0 : index / 2 - 1];

	if (index & 1)
		vconsole_send(port);
	else
		vconsole_receive(port);
}

/* 5.3.5: without MULTIPORT there is one port, and nothing to say about it. */
static int vconsole_start(struct virtio_device *dev)
{
	vconsole_of(dev)->ports[0].guest_open = !virtio_has(dev, VCONSOLE_F_MULTIPORT);
	return 0;
}

static void forget(struct vconsole *vc, unsigned index)
{
	if (index == VCONSOLE_CONTROL_RX || index == VCONSOLE_CONTROL_TX)
		return;
	struct vconsole_port *port = &vc->ports[index < VCONSOLE_CONTROL_RX ? 0 : index / 2 - 1];

	if (index & 1)
		port->tx.held = false;
	else
		port->rx.held = false;
}

static void vconsole_stop(struct virtio_device *dev)
{
	for (unsigned i = 0; i < dev->config.nr_queues; i++)
		forget(vconsole_of(dev), i);
	virtio_stopped(dev);
}

static void vconsole_stop_queue(struct virtio_device *dev, unsigned index)
{
	forget(vconsole_of(dev), index);
	virtio_queue_stopped(dev, index);
}

static void vconsole_reset(struct virtio_device *dev, bool whole)
{
	struct vconsole *vc = vconsole_of(dev);

	for (unsigned i = 0; i < vc->nr_ports; i++) {
		vc->ports[i].guest_open = false;
		vc->ports[i].todo = 0;
	}
}

/* ---- life ---- */

static void attach(struct vconsole *vc, const struct console_client *client)
{
	struct bus *bus = &vc->dev.ep.vm->bus;

	bus_lock(bus);
	for (unsigned i = 0; i < vc->nr_ports; i++)
		console_attach(vc->ports[i].console, client, client ? &vc->ports[i] : NULL);
	bus_unlock(bus);
}

static void vconsole_destroy(struct virtio_device *dev)
{
	struct vconsole *vc = vconsole_of(dev);

	attach(vc, NULL);
	free(vc->ports);
}

static const struct virtio_ops vconsole_ops = {
	.config_read = vconsole_config_read,
	.config_write = vconsole_config_write,
	.start = vconsole_start,
	.stop = vconsole_stop,
	.stop_queue = vconsole_stop_queue,
	.kick = vconsole_kick,
	.reset = vconsole_reset,
	.destroy = vconsole_destroy,
};

static int check_ports(const char *name, const struct virtio_console_port *ports, unsigned n)
{
	if (n == 0 || n > VCONSOLE_MAX_PORTS)
		return log_fail(-EINVAL, "%s: %u ports are not possible; it takes 1 to %u", name, n,
				VCONSOLE_MAX_PORTS);
	for (unsigned i = 0; i < n; i++)
		if (ports[i].name && (!ports[i].name[0] || strlen(ports[i].name) >= VCONSOLE_NAME_BYTES))
			return log_fail(-EINVAL, "%s: the name of port %u must have 1 to %u bytes", name, i,
					VCONSOLE_NAME_BYTES - 1);
	return 0;
}

static struct vconsole *new_vconsole(const char *name, const struct virtio_console_port *ports, unsigned n)
{
	struct vconsole *vc = calloc(1, sizeof(*vc));

	if (vc)
		vc->ports = calloc(n, sizeof(*vc->ports));
	if (!vc || !vc->ports) {
		free(vc);
		log_error("%s: out of memory for the console", name);
		return NULL;
	}
	vc->nr_ports = n;
	for (unsigned i = 0; i < n; i++) {
		struct vconsole_port *port = &vc->ports[i];

		port->vc = vc;
		port->index = i;
		port->console = ports[i].console;
		port->is_console = !ports[i].name;
		if (ports[i].name)
			memcpy(port->name, ports[i].name, strlen(ports[i].name) + 1);
	}
	return vc;
}

int virtio_console_create(struct virtio_device **out, struct vm *vm, const char *name,
			  const struct virtio_console_port *ports, unsigned n)
{
	int err = check_ports(name, ports, n);
	struct vconsole *vc = err ? NULL : new_vconsole(name, ports, n);

	if (!vc)
		return err ? err : -ENOMEM;
	const struct virtio_config config = {
		.name = name,
		.type = VIRTIO_ID_CONSOLE,
		.class_code = CLASS_COMMUNICATION_OTHER,
		.features = BIT64(VCONSOLE_F_MULTIPORT) | BIT64(VCONSOLE_F_EMERG_WRITE),
		.nr_queues = 2 + 2 * n,
		.queue_size = VCONSOLE_QUEUE_SIZE,
		.config_size = sizeof(struct vconsole_config_space),
		.kicks = VIRTIO_KICKS_LOOP,
	};

	err = virtio_init(&vc->dev, vm, &config, &vconsole_ops);
	if (err) {
		free(vc->ports);
		free(vc);
		return err;
	}
	attach(vc, &vconsole_client);
	*out = &vc->dev;
	return 0;
}
