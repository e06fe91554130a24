/* SPDX-License-Identifier: Apache-2.0 */
/* Entropy device (virtio 1.3, 5.4): the host's random numbers for the guest. */
#ifndef AERIE_RNG_H
#define AERIE_RNG_H

struct virtio_device;
struct vm;

/** Creates the device; it is placed as &(*@out)->ep.fn and freed by that function's destroy. @name for messages,
 *  borrowed. 0 or -errno (logged). */
int virtio_rng_create(struct virtio_device **out, struct vm *vm, const char *name);

#endif
