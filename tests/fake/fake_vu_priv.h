/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AERIE_FAKE_VU_PRIV_H
#define AERIE_FAKE_VU_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fake_vu.h"
#include "vhost_user_regs.h"

#define must(x)                                                                                                        \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			fake_vu_abort(__FILE__, __LINE__, #x);                                                         \
	} while (0)

struct fake_vu_region {
	uint64_t addr, size, user;
	uint8_t *map;
	uint64_t map_size, offset;
};

struct fake_vu {
	char path[108];
	struct fake_vu_options options;
	pthread_mutex_t lock; /* held while anything happens */
	pthread_t thread;
	int listener, conn, wake;
	bool stop;
	struct fake_vu_region regions[VU_MAX_REGIONS];
	unsigned nr_regions;
	struct fake_vu_ring rings[FAKE_VU_RINGS];
	uint64_t acked, protocol_acked;
	unsigned connections, counts[64];
	enum fake_vu_evil evil;
	unsigned evil_at;
	bool hold;
	struct {
		unsigned ring;
		uint16_t head;
	} held[2048];
	unsigned nr_held;
	uint32_t seen[FAKE_VU_SEEN];
	unsigned nr_seen;
};

_Noreturn void fake_vu_abort(const char *file, int line, const char *what);
void *fake_vu_at(struct fake_vu *vu, uint64_t addr, uint64_t len, bool user);
void fake_vu_serve(struct fake_vu *vu, unsigned index);
void fake_vu_answer_held(struct fake_vu *vu);
/* A message. False: the connection is to end. */
bool fake_vu_message(struct fake_vu *vu);
void fake_vu_forget(struct fake_vu *vu);

#endif
