/* SPDX-License-Identifier: Apache-2.0 */
/* Moving a PCI device between its own driver and vfio-pci, all through sysfs. Needs root. */
#ifndef AERIE_HOST_BIND_H
#define AERIE_HOST_BIND_H

#include <stdbool.h>
#include <stddef.h>

#include "host_dev.h"

/** Gives @bdf (full form) to vfio-pci and waits for its character device, whose path is written to @cdev. Idempotent.
 *  Refuses bridges, and devices that the host uses (mounted disks) unless @force. On failure the device goes back to
 * its own driver. 0; -ENOENT, -EBUSY, -EOPNOTSUPP: refused; other -errno. Logged. */
int host_bind(const char *bdf, bool force, char cdev[64]);

/** Takes @bdf from vfio-pci and lets the host's own driver have it; @driver receives its name, "" when none took it.
 *  Idempotent. 0; -ENOENT, -EBUSY: refused; other -errno. Logged. */
int host_unbind(const char *bdf, char driver[64]);

/** What the host does with the device that it would lose: a mounted file system, swap, a volume on top. Writes
 * "nvme0n1p1 is mounted on /" or the like. False when nothing is seen. */
bool host_dev_used(const char *bdf, char *text, size_t cap);

/** The first network interface of the device that is up, false when there is none. */
bool host_dev_netif_up(const char *bdf, char *name, size_t cap);

#endif
