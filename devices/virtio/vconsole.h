/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-console with several ports (virtio 1.3, 5.3). Each port is one serial connection to the host: port 0 is the
 * guest's console (hvc0) when it has no name; every port with a name is /dev/virtio-ports/NAME in a Linux guest. No
 * byte is lost on the way: output that its reader does not take stays in the queue, input that the guest has no buffer
 * for stays with its sender.
 */
#ifndef AERIE_VIRTIO_CONSOLE_H
#define AERIE_VIRTIO_CONSOLE_H

#include <stdbool.h>

struct console;
struct virtio_device;
struct vm;

#define VCONSOLE_MAX_PORTS  16u
#define VCONSOLE_NAME_BYTES 64u /* longest name of a port, with its end */

struct virtio_console_port {
	const char *name;	 /* NULL: a console; copied */
	struct console *console; /* borrowed: outlives the device */
};

/** Builds the device with @n (1 .. VCONSOLE_MAX_PORTS) ports and attaches it to their consoles. Owned by its PCI
 * function. @name is borrowed. 0 or -errno (logged), then nothing is left. */
int virtio_console_create(struct virtio_device **out, struct vm *vm, const char *name,
			  const struct virtio_console_port *ports, unsigned n);

#endif
