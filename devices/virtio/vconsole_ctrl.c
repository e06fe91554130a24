/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control messages (virtio 1.3, 5.3.6.2). What is to be said of a port is a set of bits, said in this order whenever
 * the guest has buffers, so nothing that a guest does makes us remember more.
 */
#include <endian.h>
#include <string.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "vconsole_priv.h"

static const uint16_t order[] = {
	VCONSOLE_PORT_ADD,
	VCONSOLE_CONSOLE_PORT,
	VCONSOLE_PORT_NAME,
	VCONSOLE_PORT_OPEN,
};

static struct vconsole_port *next_port(struct vconsole *vc)
{
	for (unsigned i = 0; i < vc->nr_ports; i++)
		if (vc->ports[i].todo)
			return &vc->ports[i];
	return NULL;
}

static uint16_t next_event(const struct vconsole_port *port)
{
	for (unsigned i = 0; i < ARRAY_LEN(order); i++)
		if (port->todo & BIT32(order[i]))
			return order[i];
	return VCONSOLE_PORT_OPEN; /* not reached: todo has no other bits */
}

/* The whole message in one buffer; one that is too small is given back with what fits, which the guest sees. */
static void send_one(struct vconsole *vc, struct vconsole_port *port, struct virtq *q, const struct virtq_chain *chain)
{
	struct vconsole_control msg = {
		.id = htole32(port->index),
		.event = htole16(next_event(port)),
		.value = htole16(1),
	};
	size_t name = le16toh(msg.event) == VCONSOLE_PORT_NAME ? strlen(port->name) : 0;
	size_t n = virtq_write(chain, 0, &msg, sizeof(msg));

	n += virtq_write(chain, sizeof(msg), port->name, name);
	if (n < sizeof(msg) + name)
		log_guest("%s: the guest's buffers for control messages are too small", vc->dev.config.name);
	port->todo &= ~BIT32(le16toh(msg.event));
	virtq_push(q, chain->id, chain->nr_descs, (uint32_t)n);
}

void vconsole_control_send(struct vconsole *vc)
{
	struct virtq *q = &vc->dev.queues[VCONSOLE_CONTROL_RX];
	struct vconsole_port *port;
	struct virtq_chain chain;

	if (!vc->dev.running || !q->running)
		return;
	while ((port = next_port(vc)) && virtq_pop(q, &chain) == 1)
		send_one(vc, port, q, &chain);
	virtq_notify(q);
}

/* ---- from the driver ---- */

static void port_message(struct vconsole_port *port, uint16_t event, uint16_t value)
{
	switch (event) {
	case VCONSOLE_PORT_READY:
		if (value != 1) {
			log_guest("%s: the guest's driver could not set up port %u", port->vc->dev.config.name,
				  port->index);
			return;
		}
		port->todo |= BIT32(VCONSOLE_PORT_OPEN);
		if (port->is_console)
			port->todo |= BIT32(VCONSOLE_CONSOLE_PORT);
		if (port->name[0])
			port->todo |= BIT32(VCONSOLE_PORT_NAME);
		return;
	case VCONSOLE_PORT_OPEN:
		port->guest_open = value == 1;
		if (port->guest_open)
			vconsole_receive(port);
		return;
	default:
		log_guest("%s: control message %u is not one that a driver sends", port->vc->dev.config.name, event);
	}
}

static void device_ready(struct vconsole *vc, uint16_t value)
{
	if (value != 1) {
		log_guest("%s: the guest's driver could not set up the device", vc->dev.config.name);
		return;
	}
	for (unsigned i = 0; i < vc->nr_ports; i++)
		vc->ports[i].todo |= BIT32(VCONSOLE_PORT_ADD);
}

static void message(struct vconsole *vc, const struct vconsole_control *msg)
{
	uint32_t id = le32toh(msg->id);
	uint16_t event = le16toh(msg->event), value = le16toh(msg->value);

	if (event == VCONSOLE_DEVICE_READY)
		device_ready(vc, value);
	else if (id < vc->nr_ports)
		port_message(&vc->ports[id], event, value);
	else
		log_guest("%s: control message %u names port %u, but there are %u", vc->dev.config.name, event, id,
			  vc->nr_ports);
}

void vconsole_control_receive(struct vconsole *vc)
{
	struct virtq *q = &vc->dev.queues[VCONSOLE_CONTROL_TX];
	struct vconsole_control msg;
	struct virtq_chain chain;
	unsigned n = 0;

	if (!vc->dev.running || !q->running)
		return;
	while (n < VCONSOLE_CTRL_TURN && virtq_pop(q, &chain) == 1) {
		size_t len = virtq_read(&chain, 0, &msg, sizeof(msg));

		virtq_push(q, chain.id, chain.nr_descs, 0);
		n++;
		if (len == sizeof(msg))
			message(vc, &msg);
		else
			log_guest("%s: a control message of %zu bytes is too short", vc->dev.config.name, len);
	}
	virtq_notify(q);
	if (n == VCONSOLE_CTRL_TURN)
		fd_signal(q->kick);
	vconsole_control_send(vc);
}
