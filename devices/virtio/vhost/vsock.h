/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-vsock (virtio 1.3, 5.10): sockets between guest and host, served by the kernel's vhost-vsock. */
#ifndef AERIE_VSOCK_H
#define AERIE_VSOCK_H

#include <stdint.h>

struct virtio_device;
struct vm;

#define VSOCK_MIN_CID 3u	  /* 0 .. 2 are reserved (5.10.4) */
#define VSOCK_MAX_CID 0xfffffffeu /* 32 bits, without the wildcard */

/** The guest has context id @cid, VSOCK_MIN_CID .. VSOCK_MAX_CID, which no other guest of the host has. @name is
 *  borrowed. 0 or -errno (logged). */
int virtio_vsock_create(struct virtio_device **out, struct vm *vm, const char *name, uint64_t cid);

#endif
