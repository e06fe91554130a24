/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts and numbers of virtio-balloon (virtio 1.3, 5.5). All fields are little-endian. */
#ifndef AERIE_VIRTIO_BALLOON_REGS_H
#define AERIE_VIRTIO_BALLOON_REGS_H

#include <assert.h>
#include <stdint.h>

/* Feature bits, 5.5.3 */
#define BALLOON_F_MUST_TELL_HOST 0u
#define BALLOON_F_STATS_VQ	 1u
#define BALLOON_F_DEFLATE_ON_OOM 2u
#define BALLOON_F_PAGE_POISON	 4u
#define BALLOON_F_REPORTING	 5u

#define BALLOON_PAGE 4096u /* whatever pages the guest has */

/* 5.5.4 */
struct balloon_config_space {
	uint32_t num_pages; /* what we ask for */
	uint32_t actual;    /* what the driver has given */
	uint32_t free_page_hint_cmd_id;
	uint32_t poison_val;
};
static_assert(sizeof(struct balloon_config_space) == 16, "virtio 1.3, 5.5.4");

/* 5.5.6.3 */
struct balloon_stat {
	uint16_t tag;
	uint64_t val;
} __attribute__((packed));
static_assert(sizeof(struct balloon_stat) == 10, "virtio 1.3, 5.5.6.3");

#endif
