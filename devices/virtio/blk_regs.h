/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts and numbers of virtio-blk (virtio 1.3, 5.2). All fields are little-endian. */
#ifndef AERIE_VIRTIO_BLK_REGS_H
#define AERIE_VIRTIO_BLK_REGS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* Feature bits, 5.2.3 */
#define BLK_F_SIZE_MAX	   1u
#define BLK_F_SEG_MAX	   2u
#define BLK_F_RO	   5u
#define BLK_F_BLK_SIZE	   6u
#define BLK_F_FLUSH	   9u
#define BLK_F_TOPOLOGY	   10u
#define BLK_F_CONFIG_WCE   11u
#define BLK_F_MQ	   12u
#define BLK_F_DISCARD	   13u
#define BLK_F_WRITE_ZEROES 14u

#define BLK_SECTOR 512u /* unit of all sector numbers, whatever blk_size says */

/* Configuration space, 5.2.4; what follows belongs to features that are not offered. */
struct blk_config_space {
	uint64_t capacity; /* sectors */
	uint32_t size_max;
	uint32_t seg_max;
	uint16_t cylinders;
	uint8_t heads, sectors;
	uint32_t blk_size;
	uint8_t physical_block_exp;
	uint8_t alignment_offset;
	uint16_t min_io_size; /* logical blocks, as opt_io_size */
	uint32_t opt_io_size;
	uint8_t writeback;
	uint8_t unused0;
	uint16_t num_queues;
	uint32_t max_discard_sectors;
	uint32_t max_discard_seg;
	uint32_t discard_sector_alignment;
	uint32_t max_write_zeroes_sectors;
	uint32_t max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap;
	uint8_t unused1[3];
} __attribute__((packed));
static_assert(sizeof(struct blk_config_space) == 60, "virtio 1.3, 5.2.4");
static_assert(offsetof(struct blk_config_space, writeback) == 32, "virtio 1.3, 5.2.4");

/* Request types, 5.2.6 */
#define BLK_T_IN	   0u
#define BLK_T_OUT	   1u
#define BLK_T_FLUSH	   4u
#define BLK_T_GET_ID	   8u
#define BLK_T_DISCARD	   11u
#define BLK_T_WRITE_ZEROES 13u

#define BLK_S_OK     0u
#define BLK_S_IOERR  1u
#define BLK_S_UNSUPP 2u

#define BLK_ID_BYTES 20u

struct blk_request_header {
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
};
static_assert(sizeof(struct blk_request_header) == 16, "virtio 1.3, 5.2.6");

/* Data of DISCARD and WRITE_ZEROES: one or more of these. */
struct blk_segment {
	uint64_t sector;
	uint32_t num_sectors;
	uint32_t flags;
};
static_assert(sizeof(struct blk_segment) == 16, "virtio 1.3, 5.2.6");

#define BLK_SEGMENT_UNMAP 1u

#endif
