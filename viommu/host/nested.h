/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nested backend: guest tables as stage 1, guest RAM's IOAS as stage 2, carried out by the host's SMMUv3 through an
 * iommufd vIOMMU. One struct nested for each (guest SMMU, host SMMU) pair, one struct nested_dev for each device.
 *
 * Objects: IOAS <- stage-2 HWPT (NEST_PARENT) <- vIOMMU <- {vEVENTQ, abort HWPT, bypass HWPT, S1 HWPTs, vDEVICEs}, and
 * a fault queue for the S1 HWPTs of devices that can stall.
 * Any failure to install a translation leaves the device on the abort HWPT, never on bypass.
 */
#ifndef AERIE_NESTED_H
#define AERIE_NESTED_H

#include <stdbool.h>
#include <stdint.h>

#include "host_dev.h"
#include "iommufd.h"

struct nested;
struct nested_dev;

/* What the host SMMU reports of itself (struct iommu_hw_info_arm_smmuv3). */
struct nested_info {
	uint32_t idr[6];
	uint32_t iidr, aidr;
	uint64_t capabilities; /* IOMMU_HW_CAP_* */
	uint8_t max_pasid_log2;
};

/** Asks the IOMMU of @dev about itself. -ENOTSUP when it is no SMMUv3 or cannot nest (message names the missing piece).
 */
int nested_probe(struct host_dev *dev, struct nested_info *info);

/** Bits of the SubstreamIDs (PASIDs) of an SMMU; 0: none. */
unsigned nested_ssid_bits(const struct nested_info *info);

/** Builds stage 2 over @ioas (all RAM mapped), vIOMMU, abort and bypass HWPTs and vEVENTQ, on the IOMMU of @dev.
 *  -EOPNOTSUPP of the kernel is explained: IDR0.S1P/S2P, CANWBS/FWB, CONFIG_ARM_SMMU_V3_IOMMUFD. */
int nested_create(struct nested **out, struct iommu_obj *ioas, struct host_dev *dev);
/** All devices must be removed before. */
void nested_destroy(struct nested **nested);

/** The vEVENTQ's descriptor, non-blocking, for the event loop. */
int nested_event_fd(const struct nested *nested);

#define NESTED_EVENT_BATCH 64u
struct nested_event {
	uint64_t dw[4]; /* SMMUv3 event record with the guest's StreamID */
};
/** Reads what waits, at most NESTED_EVENT_BATCH events. Returns their number (>= 0) or -errno. *@lost: events that the
 *  kernel dropped before or among them (sequence gaps and LOST_EVENTS). */
int nested_read_events(struct nested *nested, struct nested_event events[NESTED_EVENT_BATCH], uint32_t *lost);

/*
 * Page faults. A device can stall when its SMMU can (IDR0.STALL_MODEL), the firmware says so of the device
 * (dma-can-stall) and the kernel has CONFIG_ARM_SMMU_V3_SVA; arm_smmu_probe_device() and arm_smmu_enable_iopf() decide.
 * A fault is open until nested_answer(), until its time is up, or until the device's translation is replaced: then the
 * kernel answers it "invalid", and the access fails.
 */
#define NESTED_MAX_FAULTS    1024u /* open at the same time; more are answered "invalid" at once */
#define NESTED_FAULT_BATCH   64u
#define NESTED_FAULT_SECONDS 30u   /* then a fault that has no answer is answered "invalid" */
#define NESTED_SAME_PAGE     4096u /* faults of a page in a row, each retried, none invalidated; then the access fails */
#define NESTED_NO_PASID	     UINT32_MAX

struct nested_fault {
	struct nested_dev *dev;
	uint32_t handle; /* of its group, not 0; names no other group for a long time after its end */
	uint32_t pasid;	 /* NESTED_NO_PASID: none */
	uint32_t group;	 /* the device's (PRG index) or the SMMU's (STAG) name of the group */
	uint64_t addr;
	bool last; /* of its group; always with SMMUv3 */
	bool read, write, exec, priv;
};

/** Whether page faults of @dev come to the fault queue. */
bool nested_can_stall(const struct nested_dev *dev);

/** For the event loop: the fault queue, which calls for nested_read_faults(), and a timer, which calls for
 * nested_expire(). -1: no device behind this SMMU can stall. */
int nested_fault_fd(const struct nested *nested);
int nested_timer_fd(const struct nested *nested);

/** Reads what waits, whole groups, at most NESTED_FAULT_BATCH records. Returns their number (>= 0) or -errno (logged).
 *  What cannot be told (no place left, a device that is not ours) is answered and left out. */
int nested_read_faults(struct nested *nested, struct nested_fault faults[NESTED_FAULT_BATCH]);

/** Answers a group of @dev: @retry: the access is tried again, else it fails. 0; -ENOENT when the group is not open any
 *  more (not logged); other -errno (logged). */
int nested_answer(struct nested_dev *dev, uint32_t handle, bool retry);

/** Whether the group is open still. @dev is only compared. */
bool nested_is_open(const struct nested *nested, const struct nested_dev *dev, uint32_t handle);

/** Lets the timer fire at once, from any thread: for who could not take all faults and can again. */
void nested_kick(struct nested *nested);

/** Answers "invalid" what was due at @now, a time of nested_now(), and names it in @gone (dev and handle). Returns the
 *  number; NESTED_FAULT_BATCH: there may be more. */
unsigned nested_expire(struct nested *nested, uint64_t now, struct nested_fault gone[NESTED_FAULT_BATCH]);

/** The clock of deadlines, in nanoseconds. */
uint64_t nested_now(void);

/** Groups that are open. */
unsigned nested_pending(const struct nested *nested);

/** Puts @dev (same host SMMU, else -EINVAL explained) under @nested, on the abort HWPT. */
int nested_add(struct nested_dev **out, struct nested *nested, struct host_dev *dev);
/** Detaches the device and destroys its vDEVICE and S1 HWPT. */
void nested_remove(struct nested_dev **dev);

/** The three translations of a device; semantics of struct smmu_backend_ops. attach_s1 creates (or re-creates, when
 * @sid changed) the vDEVICE, allocates the S1 HWPT, attaches, then destroys the previous one. Unchanged input makes no
 * new attachment. In any case the page faults that were open are answered. */
int nested_attach_abort(struct nested_dev *dev);
int nested_attach_bypass(struct nested_dev *dev);
int nested_attach_s1(struct nested_dev *dev, uint32_t sid, const uint64_t ste[2]);

/** One IOMMU_HWPT_INVALIDATE with @n 16-byte commands; *@done = commands carried out. */
int nested_invalidate(struct nested *nested, const void *cmds, uint32_t n, uint32_t *done);

#endif
