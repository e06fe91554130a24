/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts and numbers of virtio-console (virtio 1.3, 5.3). All fields are little-endian. */
#ifndef AERIE_VIRTIO_CONSOLE_REGS_H
#define AERIE_VIRTIO_CONSOLE_REGS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* Feature bits, 5.3.3 */
#define VCONSOLE_F_MULTIPORT   1u
#define VCONSOLE_F_EMERG_WRITE 2u

/* Queues, 5.3.2: port 0 has 0 and 1, port n > 0 has 2 + 2n and 3 + 2n. */
#define VCONSOLE_CONTROL_RX 2u
#define VCONSOLE_CONTROL_TX 3u

/* 5.3.4 */
struct vconsole_config_space {
	uint16_t cols, rows; /* belong to a feature that is not offered */
	uint32_t max_nr_ports;
	uint32_t emerg_wr;
};
static_assert(sizeof(struct vconsole_config_space) == 12, "virtio 1.3, 5.3.4");

/* Control messages, 5.3.6.2 */
struct vconsole_control {
	uint32_t id; /* port */
	uint16_t event;
	uint16_t value;
};
static_assert(sizeof(struct vconsole_control) == 8, "virtio 1.3, 5.3.6.2");

enum vconsole_event {
	VCONSOLE_DEVICE_READY = 0, /* driver: value 1 */
	VCONSOLE_PORT_ADD = 1,	   /* device */
	VCONSOLE_PORT_REMOVE = 2,  /* device */
	VCONSOLE_PORT_READY = 3,   /* driver: value 1 */
	VCONSOLE_CONSOLE_PORT = 4, /* device: this one is a console */
	VCONSOLE_RESIZE = 5,	   /* device */
	VCONSOLE_PORT_OPEN = 6,	   /* both: value 1 opened, 0 closed */
	VCONSOLE_PORT_NAME = 7,	   /* device: followed by the name, without an end */
};

#endif
