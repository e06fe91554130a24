/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between a vhost-user front end (us) and its back end: requests, flags, payloads. Host byte order. */
#ifndef AERIE_VHOST_USER_REGS_H
#define AERIE_VHOST_USER_REGS_H

#include <stdint.h>

enum vu_request {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_SET_MEM_TABLE = 5,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_SET_VRING_ERR = 14,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
	VU_GET_CONFIG = 24,
	VU_SET_CONFIG = 25,
	VU_RESET_DEVICE = 34,
};

/* Feature bit of the transport: protocol features can be asked for. */
#define VU_F_PROTOCOL_FEATURES 30u

/* Protocol features. */
#define VU_PROTOCOL_F_MQ	   0u
#define VU_PROTOCOL_F_REPLY_ACK	   3u
#define VU_PROTOCOL_F_CONFIG	   9u
#define VU_PROTOCOL_F_RESET_DEVICE 13u

#define VU_FLAG_VERSION_MASK 0x3u
#define VU_FLAG_VERSION	     0x1u
#define VU_FLAG_REPLY	     0x4u
#define VU_FLAG_NEED_REPLY   0x8u

struct vu_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* of the payload */
};
_Static_assert(sizeof(struct vu_header) == 12, "vhost-user header");

#define VU_MAX_REGIONS 8u /* that SET_MEM_TABLE carries */

struct vu_region {
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr; /* address in the front end's process, by which it names rings */
	uint64_t mmap_offset;
};
_Static_assert(sizeof(struct vu_region) == 32, "memory region");

struct vu_mem_table {
	uint32_t nr_regions;
	uint32_t padding;
	struct vu_region regions[VU_MAX_REGIONS];
};
_Static_assert(sizeof(struct vu_mem_table) == 8 + 32 * VU_MAX_REGIONS, "memory table");

struct vu_vring_state {
	uint32_t index;
	uint32_t num;
};
_Static_assert(sizeof(struct vu_vring_state) == 8, "vring state");

struct vu_vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;
	uint64_t used;
	uint64_t avail;
	uint64_t log;
};
_Static_assert(sizeof(struct vu_vring_addr) == 40, "vring addresses");

#define VU_VRING_FD_INDEX UINT64_C(0xff)
#define VU_VRING_FD_NONE  UINT64_C(0x100) /* no descriptor comes with it */

#define VU_MAX_CONFIG 256u /* bytes in one GET_CONFIG or SET_CONFIG */

struct vu_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t data[VU_MAX_CONFIG];
};
_Static_assert(sizeof(struct vu_config) == 12 + VU_MAX_CONFIG, "configuration space");

#endif
