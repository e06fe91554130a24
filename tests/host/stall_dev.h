/* SPDX-License-Identifier: Apache-2.0 */
/* aerie's test endpoint, assigned by VFIO to a program: registers by pread() and pwrite(), one request at a time. */
#ifndef AERIE_TEST_STALL_DEV_H
#define AERIE_TEST_STALL_DEV_H

#include <stdint.h>

#include "host_dev.h"
#include "testdev_regs.h"

#define STALL_NO_PASID UINT32_MAX

struct stall_dev {
	struct host_dev *host;
	uint64_t bar0, config; /* offsets on the descriptor */
};

/** Finds the regions and turns memory decoding and bus mastering on. 0 or -errno. */
int stall_dev_open(struct stall_dev *dev, struct host_dev *host);
/** Resets the function and turns it on again. 0 or -errno. */
int stall_dev_reset(struct stall_dev *dev);

uint32_t stall_dev_read(const struct stall_dev *dev, uint32_t offset);
uint64_t stall_dev_read64(const struct stall_dev *dev, uint32_t offset);

/** Starts a request on channel @chan; @op: TESTDEV_OP_*. */
void stall_dev_go(const struct stall_dev *dev, unsigned chan, uint32_t op, uint64_t src, uint64_t dst, uint64_t len,
		  uint64_t operand, uint32_t pasid);
/** Waits until the channel's request is over, at most @ms. TESTDEV_KIND_*, NONE: it is not. */
uint32_t stall_dev_wait(const struct stall_dev *dev, unsigned chan, unsigned ms);

#endif
