/* SPDX-License-Identifier: Apache-2.0 */
/* State of the nested backend. Private to viommu/host. */
#ifndef AERIE_NESTED_PRIV_H
#define AERIE_NESTED_PRIV_H

#include <stddef.h>

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

/* Destroyed in the order S1 HWPT (of the devices), vEVENTQ, bypass, abort, vIOMMU, stage 2. */
struct nested {
	struct iommufd *iommufd;
	char iommu[64];	      /* the host SMMU, as struct host_dev names it */
	struct iommu_obj *s2; /* HWPT with NEST_PARENT over the RAM's IOAS */
	struct iommu_obj *viommu;
	struct iommu_obj *abort, *bypass; /* nested HWPTs that all devices share */
	struct iommu_obj *veventq;
	int event_fd; /* owned, non-blocking */
	unsigned nr_devices;
	struct nested_stream stream;
};

struct nested_dev {
	struct nested *nested;
	struct host_dev *dev;
	struct iommu_obj *vdevice; /* NULL before the first attach_s1 */
	uint32_t sid;		   /* StreamID of vdevice */
	struct iommu_obj *s1;	   /* HWPT of ste; NULL unless that is attached */
	uint64_t ste[2];
};

/** A nested HWPT of @ste. 0 or -errno (logged). */
int nested_hwpt(struct nested *nested, struct host_dev *dev, const uint64_t ste[2], struct iommu_obj **out);

/** Decodes @len bytes that follow what is in @stream. Writes at most @max events and returns their number; *@used:
 * bytes taken (all of them unless @max was reached); adds to *@lost, which saturates. */
unsigned nested_decode(struct nested_stream *stream, const uint8_t *bytes, size_t len, struct nested_event *events,
		       unsigned max, size_t *used, uint32_t *lost);

#endif
