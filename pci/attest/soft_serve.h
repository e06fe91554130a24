/* SPDX-License-Identifier: Apache-2.0 */
/* Serves a soft device on a stream socket in QEMU's framing, one peer at a time. */
#ifndef AERIE_SOFT_SERVE_H
#define AERIE_SOFT_SERVE_H

#include "soft_device.h"
#include "spdm_pcap.h"

/**
 * Serves the peer behind @fd until it leaves or misbehaves; the device is reset then. Whoever else comes to @listener
 * meanwhile (-1: nobody can) is turned away. @pcap may be NULL.
 * Returns 0: it left; 1: it asked for a shutdown; -errno (logged).
 */
int soft_serve(struct soft_device *dev, int fd, int listener, struct spdm_pcap *pcap);

#endif
