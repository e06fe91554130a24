/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a port, both ways. What one side cannot take stays with the other. */
#include "bits.h"
#include "fd.h"
#include "vconsole_priv.h"

/* 5.3.2 */
static struct virtq *queue_of(struct vconsole_port *port, unsigned which)
{
	return &port->vc->dev.queues[(port->index ? 2 + 2 * port->index : 0) + which];
}

struct virtq *vconsole_rx_queue(struct vconsole_port *port)
{
	return queue_of(port, 0);
}

struct virtq *vconsole_tx_queue(struct vconsole_port *port)
{
	return queue_of(port, 1);
}

static bool runs(const struct vconsole_port *port, const struct virtq *q)
{
	return port->vc->dev.running && q->running;
}

/* The chain to work on: the one that was not done last time, or the next. */
static bool take(struct virtq *q, struct vconsole_held *held)
{
	if (!held->held && virtq_pop(q, &held->chain) == 1) {
		held->held = true;
		held->done = 0;
	}
	return held->held;
}

static void give_back(struct virtq *q, struct vconsole_held *held, uint32_t written)
{
	held->held = false;
	virtq_push(q, held->chain.id, held->chain.nr_descs, written);
}

/* ---- guest to host ---- */

/* Bytes that the console took, at most @budget. */
static uint64_t send_some(struct vconsole_port *port, uint64_t budget)
{
	struct vconsole_held *tx = &port->tx;
	uint64_t sent = 0;
	uint8_t buf[256];

	while (sent < budget && tx->done < tx->chain.out_len && console_can_write(port->console)) {
		size_t n = virtq_read(&tx->chain, tx->done, buf, sizeof(buf));

		for (size_t i = 0; i < n && console_can_write(port->console); i++) {
			console_write(port->console, buf[i]);
			tx->done++;
			sent++;
		}
	}
	return sent;
}

void vconsole_send(struct vconsole_port *port)
{
	struct virtq *q = vconsole_tx_queue(port);
	uint64_t budget = VCONSOLE_TX_TURN;
	unsigned chains = 0;

	if (!runs(port, q))
		return;
	while (chains < VCONSOLE_QUEUE_SIZE && take(q, &port->tx)) {
		budget -= send_some(port, budget);
		if (port->tx.done < port->tx.chain.out_len)
			break;
		give_back(q, &port->tx, 0);
		chains++;
	}
	virtq_notify(q);
	/* The rest in another turn of the loop, so that others have theirs; or when the reader is ready. */
	if ((port->tx.held && console_can_write(port->console)) || chains == VCONSOLE_QUEUE_SIZE)
		fd_signal(q->kick);
}

static void output_ready(void *dev)
{
	vconsole_send(dev);
}

/* ---- host to guest ---- */

static size_t room(void *dev)
{
	struct vconsole_port *port = dev;
	struct virtq *q = vconsole_rx_queue(port);

	if (!port->guest_open || !runs(port, q))
		return 0;
	/* Buffers without room are given back as they are; no more than a ring of them at a time. */
	for (unsigned i = 0; i < VCONSOLE_QUEUE_SIZE && take(q, &port->rx); i++) {
		if (port->rx.chain.in_len > 0)
			return port->rx.chain.in_len < SIZE_MAX ? (size_t)port->rx.chain.in_len : SIZE_MAX;
		give_back(q, &port->rx, 0);
	}
	return 0;
}

static void input(void *dev, const uint8_t *data, size_t len)
{
	struct vconsole_port *port = dev;
	struct virtq *q = vconsole_rx_queue(port);

	give_back(q, &port->rx, (uint32_t)virtq_write(&port->rx.chain, 0, data, len));
	virtq_notify(q);
}

void vconsole_receive(struct vconsole_port *port)
{
	console_pull(port->console);
}

const struct console_client vconsole_client = {
	.room = room,
	.input = input,
	.output_ready = output_ready,
};
