/* SPDX-License-Identifier: Apache-2.0 */
/* Layout of split and packed virtqueues in guest memory (virtio 1.3, 2.7 and 2.8). Everything is little-endian. */
#ifndef AERIE_VIRTQ_REGS_H
#define AERIE_VIRTQ_REGS_H

#include <stddef.h>
#include <stdint.h>

#define VIRTQ_DESC_SIZE UINT64_C(16)

/* Flags of descriptors (2.7.5, 2.8.1). AVAIL and USED: packed only. */
#define VIRTQ_DESC_F_NEXT     1u
#define VIRTQ_DESC_F_WRITE    2u
#define VIRTQ_DESC_F_INDIRECT 4u
#define VIRTQ_DESC_F_AVAIL    0x80u
#define VIRTQ_DESC_F_USED     0x8000u

/* The second half of a descriptor as one word; the first is the address. */
#define VIRTQ_SPLIT_LEN	   0x00000000ffffffffu
#define VIRTQ_SPLIT_FLAGS  0x0000ffff00000000u
#define VIRTQ_SPLIT_NEXT   0xffff000000000000u
#define VIRTQ_PACKED_LEN   0x00000000ffffffffu
#define VIRTQ_PACKED_ID	   0x0000ffff00000000u
#define VIRTQ_PACKED_FLAGS 0xffff000000000000u

/* Offsets in a packed descriptor. */
#define VIRTQ_PACKED_AT_LEN   8u
#define VIRTQ_PACKED_AT_ID    12u
#define VIRTQ_PACKED_AT_FLAGS 14u

/* Alignment of the three areas (2.7, 2.8.10.1). */
#define VIRTQ_ALIGN_DESC	 16u
#define VIRTQ_ALIGN_SPLIT_DRIVER 2u
#define VIRTQ_ALIGN_SPLIT_DEVICE 4u
#define VIRTQ_ALIGN_PACKED_EVENT 4u

/* Split: available ring (driver area, 2.7.6) and used ring (device area, 2.7.8). */
#define VIRTQ_AVAIL_FLAGS	   0u
#define VIRTQ_AVAIL_IDX		   2u
#define VIRTQ_AVAIL_RING	   4u
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1u
#define VIRTQ_USED_FLAGS	   0u
#define VIRTQ_USED_IDX		   2u
#define VIRTQ_USED_RING		   4u
#define VIRTQ_USED_ELEM		   8u /* le32 id, le32 len */
#define VIRTQ_USED_F_NO_NOTIFY	   1u

static inline uint64_t virtq_avail_size(uint16_t size)
{
	return VIRTQ_AVAIL_RING + UINT64_C(2) * size + 2; /* with used_event */
}

static inline uint64_t virtq_used_size(uint16_t size)
{
	return VIRTQ_USED_RING + (uint64_t)VIRTQ_USED_ELEM * size + 2; /* with avail_event */
}

/* Packed: event suppression (2.8.14). */
#define VIRTQ_EVENT_DESC    0u /* le16: offset, wrap counter */
#define VIRTQ_EVENT_FLAGS   2u /* le16 */
#define VIRTQ_EVENT_SIZE    4u
#define VIRTQ_EVENT_WRAP    0x8000u
#define VIRTQ_EVENT_ENABLE  0u
#define VIRTQ_EVENT_DISABLE 1u
#define VIRTQ_EVENT_AT_DESC 2u
#define VIRTQ_EVENT_MASK    3u

#endif
