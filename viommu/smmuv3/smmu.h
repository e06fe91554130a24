/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An emulated Arm SMMUv3.2 (Arm IHI 0070). One instance serves any number of endpoints. Guarded by the device lock.
 *
 * Register file and queues are ours. Tables are the guest's; for host-backed endpoints the host's SMMU walks those of
 * stage 1 (nested backend), for emulated ones the model walks them itself, both stages. An instance may serve both
 * kinds: the ID registers offer what all of them can do, and the same configuration holds for all.
 */
#ifndef AERIE_SMMU_H
#define AERIE_SMMU_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "irq.h"
#include "smmu_backend.h"
#include "viommu_endpoint.h"

struct dma_space;
struct fdtw;
struct smmu;
struct vm;
struct gmem;
struct bus;

#define SMMU_MAX_ENDPOINTS 256u	    /* of each kind */
#define SMMU_MMIO_SIZE	   0x20000u /* two register pages of 64 KiB */

struct smmu_config {
	const char *id;			   /* borrowed */
	uint64_t base;			   /* gpa of the register file, SMMU_MMIO_SIZE bytes */
	uint32_t phandle;		   /* of its device tree node */
	const struct smmu_host_caps *host; /* NULL: emulated endpoints only, all features; ops is not used */
	const struct smmu_backend_ops *ops;
	void *backend;	  /* for ops->invalidate */
	bool host_stalls; /* the backend reports stalled transactions (ops->answer): the stall model is offered if the
			   * host's SMMU has it, to the endpoints that say so (struct viommu_endpoint) */
	struct irq_line evtq, gerror, sync, priq; /* edge-triggered wired interrupts */
	/** How the SMMU's own MSIs to addresses outside RAM leave: signals @data at @addr as the SMMU's own requester.
	 * It must not access the bus. NULL: such MSIs abort. */
	void (*msi)(void *opaque, uint64_t addr, uint32_t data);
	void *msi_opaque;
	/** Has smmu_timeout() called after @ms milliseconds, once; 0: not any more. NULL: nothing times out. */
	void (*timer)(void *opaque, unsigned ms);
	void *timer_opaque;
	uint32_t msi_device_id; /* ITS DeviceID of the SMMU itself, for its node; used when msi is set */
};

/** Creates the instance and its window on @bus. 0 or -errno (logged). Begins in reset state (all endpoints by GBPA). */
int smmu_create(struct smmu **out, const struct gmem *gmem, struct bus *bus, const struct smmu_config *config);

/** struct device of the instance, for the machine's list. */
struct device *smmu_device(struct smmu *smmu);

/** Adds a requester; @handle is passed to the backend's attach functions. The endpoint is attached at once as the
 * present register state says. 0 or -errno (logged). */
int smmu_add_endpoint(struct smmu *smmu, const struct viommu_endpoint *ep, void *handle);

/** Adds an emulated requester: puts @space, which must outlive the instance's last use, behind the SMMU by a translator
 *  of ours. 0, or -ENOSPC (logged). Device lock held or start-up. */
int smmu_add_emulated(struct smmu *smmu, const struct viommu_endpoint *ep, struct dma_space *space);

/** The time that config.timer was given has passed. Device lock held. */
void smmu_timeout(struct smmu *smmu);

/** A fault that the host reports for one of our streams (vEVENTQ): @event carries the guest's StreamID already.
 *  Caller holds the device lock. */
void smmu_host_event(struct smmu *smmu, const struct smmu_event *event);

/** The host lost @n events. */
void smmu_host_events_lost(struct smmu *smmu, uint32_t n);

/* A page fault of a host-backed endpoint that waits for an answer. */
struct smmu_host_fault {
	uint32_t pasid; /* or DMA_NO_PASID */
	uint64_t addr;
	unsigned access; /* DMA_READ, DMA_WRITE, DMA_EXEC, DMA_PRIV */
	uint64_t cookie; /* for ops->answer */
};

/**
 * Tells the guest of a stalled transaction of the endpoint that was added with @handle: F_TRANSLATION at stage 1 with
 * Stall = 1. 0: ops->answer follows. -ENOSPC: all Stall Tags are in use; again after ops->room, or to be answered
 * by the caller. -ENOENT: the endpoint's translation is not one that can stall (any more); to be answered by the
 * caller. Device lock held.
 */
int smmu_host_stall(struct smmu *smmu, void *handle, const struct smmu_host_fault *fault);

#endif
