/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of virtio-console share; nobody else includes it. All of it is guarded by the device lock: kicks come
 * from the event loop, and so do the consoles' calls. */
#ifndef AERIE_VIRTIO_CONSOLE_PRIV_H
#define AERIE_VIRTIO_CONSOLE_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "console.h"
#include "vconsole.h"
#include "vconsole_regs.h"
#include "virtio.h"

#define VCONSOLE_QUEUE_SIZE 128u
#define VCONSOLE_TX_TURN    16384u /* bytes of output in one turn of the event loop */
#define VCONSOLE_CTRL_TURN  64u	   /* control messages in one turn */

/* A chain that was taken from its queue and is not done yet. */
struct vconsole_held {
	bool held;
	uint64_t done; /* bytes */
	struct virtq_chain chain;
};

struct vconsole_port {
	struct vconsole *vc;
	unsigned index;
	struct console *console;
	char name[VCONSOLE_NAME_BYTES]; /* empty: none */
	bool is_console;
	bool guest_open; /* the guest listens */
	unsigned todo;	 /* control messages to be sent, bits by enum vconsole_event */
	struct vconsole_held rx, tx;
};

struct vconsole {
	struct virtio_device dev;
	unsigned nr_ports;
	struct vconsole_port *ports; /* owned */
};

/* ---- vconsole_port.c: bytes ---- */

extern const struct console_client vconsole_client;

struct virtq *vconsole_rx_queue(struct vconsole_port *port);
struct virtq *vconsole_tx_queue(struct vconsole_port *port);

/** Sends what the guest has given us, as far as the console takes it. */
void vconsole_send(struct vconsole_port *port);
/** Takes input that waits in the console, as far as the guest has room. */
void vconsole_receive(struct vconsole_port *port);

/* ---- vconsole_ctrl.c: control messages ---- */

/** Sends the messages that wait, as far as the guest has buffers. */
void vconsole_control_send(struct vconsole *vc);
/** Takes messages from the driver. */
void vconsole_control_receive(struct vconsole *vc);

#endif
