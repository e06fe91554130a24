/* SPDX-License-Identifier: Apache-2.0 */
/* State of the nested backend. Private to viommu/host. */
#ifndef AERIE_NESTED_PRIV_H
#define AERIE_NESTED_PRIV_H

#include <stddef.h>

#include <linux/iommufd.h>

#include "nested.h"

/* Depth of the vEVENTQ; events beyond it are counted as lost by the kernel. */
#define NESTED_EVENTQ_DEPTH 1024u

/* Header (8 bytes) and event (32 bytes), see struct iommufd_vevent_header. */
#define NESTED_RECORD_LEN 40u

/* Decoder of the vEVENTQ's byte stream. */
struct nested_stream {
	uint8_t rest[NESTED_RECORD_LEN]; /* beginning of a record whose end is still to come */
	size_t rest_len;
	uint32_t next; /* sequence number that the next record should have */
};

/* A group of page faults that was read and not yet answered. */
struct nested_pending {
	struct nested_dev *dev; /* NULL: the place is free */
	uint32_t cookie;	/* the kernel's name of it */
	uint32_t generation;	/* of the place, so that no handle means two groups */
	uint64_t deadline;	/* nested_now() */
};

struct nested_faults {
	struct iommu_obj *queue;
	int fd;	      /* owned; reads never block */
	int timer_fd; /* owned, non-blocking */
	unsigned nr;  /* places in use */
	uint32_t next;
	struct nested_pending table[NESTED_MAX_FAULTS];
};

/* Destroyed in the order S1 HWPT (of the devices), fault queue, vEVENTQ, bypass, abort, vIOMMU, stage 2. */
struct nested {
	struct iommufd *iommufd;
	char iommu[64];	      /* the host SMMU, as struct host_dev names it */
	struct iommu_obj *s2; /* HWPT with NEST_PARENT over the RAM's IOAS */
	struct iommu_obj *viommu;
	struct iommu_obj *abort, *bypass; /* nested HWPTs that all devices share */
	struct iommu_obj *veventq;
	int event_fd;		      /* owned, non-blocking */
	struct nested_faults *faults; /* NULL: the host's SMMU does not stall */
	uint32_t idr0;		      /* of the host */
	struct nested_dev *devices;
	unsigned nr_devices;
	struct nested_stream stream;
};

struct nested_dev {
	struct nested *nested;
	struct nested_dev *next;
	struct host_dev *dev;
	bool stalls;		   /* its S1 HWPTs have the fault queue */
	struct iommu_obj *vdevice; /* NULL before the first attach_s1 */
	uint32_t sid;		   /* StreamID of vdevice */
	struct iommu_obj *s1;	   /* HWPT of ste; NULL unless that is attached */
	uint64_t ste[2];
	/* The page that faulted last, and how often in a row. */
	uint64_t fault_page;
	uint32_t fault_pasid, same_faults;
};

/* The STE of the abort HWPT. */
extern const uint64_t nested_abort_ste[2];

/** A nested HWPT of @ste; @faults: whose page faults come to the fault queue. 0 or -errno (logged). */
int nested_hwpt(struct nested *nested, struct host_dev *dev, const uint64_t ste[2], bool faults,
		struct iommu_obj **out);

/** The fault queue and its timer. 0 or -errno (logged), then nested_faults_destroy() is the caller's. */
int nested_faults_create(struct nested *nested);
void nested_faults_destroy(struct nested *nested);

/** Whether an SMMU with these ID registers stalls a device; @marked: the firmware says that it can (dma-can-stall). */
bool nested_host_stalls(uint32_t idr0, bool marked);

/** Takes @n records, whole groups, into the table. Writes those that can be told to @faults, which has room for @n, and
 * returns their number; the rest is answered. */
unsigned nested_take_faults(struct nested *nested, const struct iommu_hwpt_pgfault *raw, unsigned n,
			    struct nested_fault *faults);

/** Lets all accesses of @dev that wait fail. */
void nested_faults_refuse(struct nested_dev *dev);

/** The kernel has answered what came from the last attachment of @dev: forgets it. */
void nested_faults_withdraw(struct nested_dev *dev);

/** The @n commands of @cmds (those of nested_invalidate()) were carried out. */
void nested_faults_invalidated(struct nested *nested, const uint64_t (*cmds)[2], uint32_t n);

/** Decodes @len bytes that follow what is in @stream. Writes at most @max events and returns their number; *@used:
 * bytes taken (all of them unless @max was reached); adds to *@lost, which saturates. */
unsigned nested_decode(struct nested_stream *stream, const uint8_t *bytes, size_t len, struct nested_event *events,
		       unsigned max, size_t *used, uint32_t *lost);

#endif
