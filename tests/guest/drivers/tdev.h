/* SPDX-License-Identifier: Apache-2.0 */
/* Driver of the test endpoint (docs/test-endpoint.md). */
#ifndef GUEST_TDEV_H
#define GUEST_TDEV_H

#include "pci.h"
#include "testdev_regs.h"

struct tdev {
	struct pci_fn *fn;
	uint64_t regs, memory, port; /* where the BARs are */
	/* of the last request */
	uint32_t code;
	uint64_t result, bytes, fault;
};

/** The @n-th test endpoint. False: there is none. */
bool tdev_init(struct tdev *dev, unsigned n);
/** PASID with execute and privilege, atomic operations: what the payload wants switched on. */
void tdev_enable(struct tdev *dev);
/** Does a request by channel 0. Its kind; TESTDEV_KIND_NONE: it does not end. */
enum testdev_kind tdev_run(struct tdev *dev, const struct testdev_desc *desc);
enum testdev_where tdev_where(const struct tdev *dev);

/* Requests with few parameters. @flags: TESTDEV_F_PASID, _EXEC, _PRIV; @pasid counts with the first only. */
/** Reads 8 bytes at @iova into dev->result (as a swap's old value does, but by a read). */
enum testdev_kind tdev_read8(struct tdev *dev, uint64_t iova, uint32_t flags, uint32_t pasid);
enum testdev_kind tdev_write8(struct tdev *dev, uint64_t iova, uint64_t value, uint32_t flags, uint32_t pasid);

#endif
