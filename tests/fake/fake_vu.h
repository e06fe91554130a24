/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vhost-user back end in a thread, written from the protocol's documentation: serves split rings, echoes what a
 * request gives into what it takes, and misbehaves on request. It checks what it is told: every address must lie in the
 * memory table, rings come with all they need before they are enabled. What is wrong aborts the test.
 */
#ifndef AERIE_FAKE_VU_H
#define AERIE_FAKE_VU_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_VU_RINGS 16u
#define FAKE_VU_SEEN  4096u

/* How the reply to request fake_vu.evil_at, or an answer on a ring, goes wrong. */
enum fake_vu_evil {
	FAKE_VU_GOOD,
	FAKE_VU_WRONG_REQUEST,
	FAKE_VU_NO_REPLY_FLAG,
	FAKE_VU_WRONG_VERSION,
	FAKE_VU_SHORT,	     /* 4 bytes less, and says so */
	FAKE_VU_LONG,	     /* says 4 GiB - 1 */
	FAKE_VU_FDS,	     /* descriptors come along */
	FAKE_VU_SILENT,	     /* no reply at all */
	FAKE_VU_CLOSE,	     /* half a header, then the end */
	FAKE_VU_REFUSE,	     /* nonzero acknowledgement, empty configuration */
	FAKE_VU_USED_BEYOND, /* an id that is none */
	FAKE_VU_USED_IDLE,   /* an id that is not in flight */
	FAKE_VU_USED_TWICE,  /* the same id twice */
	FAKE_VU_USED_JUMP,   /* the index runs far ahead */
	FAKE_VU_USED_LENGTH, /* 4 GiB - 1 bytes written */
	FAKE_VU_SCRIBBLE,    /* overwrites descriptors and the available ring, then answers */
};

struct fake_vu_options {
	uint64_t features, protocol; /* offered */
	uint64_t queue_num;
	uint8_t config[256];
	uint32_t config_size;
};

struct fake_vu_ring {
	uint16_t size, next_avail, next_used;
	void *desc, *avail, *used; /* ours */
	int kick, call, err;
	bool enabled, started;
};

struct fake_vu;

/** Starts to listen at @path. */
struct fake_vu *fake_vu_start(const char *path, const struct fake_vu_options *options);

/** Serves @fd, which is connected or (@listens) listens, until the process is killed. */
_Noreturn void fake_vu_serve_fd(int fd, bool listens, const struct fake_vu_options *options);

/** Ends the thread; the connection closes, the socket goes. */
void fake_vu_stop(struct fake_vu *vu);

/** The front end is thrown out; it may come again. */
void fake_vu_drop(struct fake_vu *vu);

/* Knobs, any time. */
void fake_vu_hold(struct fake_vu *vu, bool on); /* takes requests, and answers none until it is off */
void fake_vu_be_evil(struct fake_vu *vu, enum fake_vu_evil how, unsigned request);
void fake_vu_options_set(struct fake_vu *vu, const struct fake_vu_options *options);

/* Observations. */
unsigned fake_vu_connections(struct fake_vu *vu);
uint64_t fake_vu_acked(struct fake_vu *vu);			 /* SET_FEATURES */
unsigned fake_vu_requests(struct fake_vu *vu, unsigned request); /* messages of that kind */
unsigned fake_vu_seen(struct fake_vu *vu);			 /* requests taken from rings */
uint32_t fake_vu_tag(struct fake_vu *vu, unsigned n);		 /* first 4 bytes of the n-th */
unsigned fake_vu_in_flight(struct fake_vu *vu);
uint8_t fake_vu_config_byte(struct fake_vu *vu, unsigned at);
bool fake_vu_ring_runs(struct fake_vu *vu, unsigned index);

#endif
