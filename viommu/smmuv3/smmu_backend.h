/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the SMMUv3 model needs from whoever carries its translations out. Implemented by smmu_nested.c over viommu/host,
 * and by doubles in the unit tests and fuzzers. All calls come with the device lock held.
 */
#ifndef AERIE_SMMU_BACKEND_H
#define AERIE_SMMU_BACKEND_H

#include <stdint.h>

struct smmu_cmd {
	uint64_t dw[2];
};

struct smmu_event {
	uint64_t dw[4];
};

/* ID register values that limit what the model may offer: what the host's walker supports. */
struct smmu_host_caps {
	uint32_t idr[6]; /* IDR0 .. IDR5 of the host */
};

/* What the guest decided about a fault of a host-backed endpoint. */
enum smmu_answer {
	SMMU_ANSWER_RETRY,   /* CMD_RESUME(Retry) */
	SMMU_ANSWER_INVALID, /* terminated */
};

struct smmu_backend_ops {
	/**
	 * Translations of one endpoint (@ep is the handle given to smmu_add_endpoint()). Each replaces the previous one
	 * atomically and is cheap when nothing changes. Return 0 or -errno (logged); after a failure the endpoint's DMA
	 * is blocked.
	 */
	int (*attach_abort)(void *ep);
	int (*attach_bypass)(void *ep);
	/** Stage 1 by the guest's own tables; @ste: the two words of the vSTE, masked to what the host accepts. @sid is
	 * the StreamID under which the endpoint is known from now on. */
	int (*attach_s1)(void *ep, uint32_t sid, const uint64_t ste[2]);
	/**
	 * Forwards @n commands (already validated: opcodes of the forward class, StreamIDs that have an endpoint) in
	 * one call. *@done = number of commands carried out. Returns 0 or -errno (logged); the command at *@done
	 * failed.
	 */
	int (*invalidate)(void *backend, const struct smmu_cmd *cmds, uint32_t n, uint32_t *done);
	/**
	 * The answer to a fault that smmu_host_stall() took: once for each, unless one of
	 * the attach functions was called for the endpoint in between, by which the kernel answers what is outstanding
	 * itself. Not from within smmu_host_stall(). NULL: the backend reports no faults.
	 */
	void (*answer)(void *ep, uint64_t cookie, enum smmu_answer answer);
	/** There is room again after -ENOSPC of smmu_host_stall(). May be NULL. */
	void (*room)(void *backend);
};

#endif
