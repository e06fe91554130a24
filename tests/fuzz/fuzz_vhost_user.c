/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vhost-user back end may send, and what it may write into the rings that it shares with us.
 *
 * Byte 0, bit 0: messages - the rest of the input waits in the socket as the back end's side of the conversation.
 * Else rings - records of u8 kind, u16 where, u32 value act on a ring: requests are put, shared memory is written,
 * used entries are taken. Each request comes back once at most, with no more bytes than there was room for.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "split_ring.h"
#include "vu_conn.h"

#define RECORD 7u
#define SIZE   16u

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The calls of a conversation, in an order that the input chooses. */
static int talk(struct vu_conn *conn, unsigned what)
{
	uint8_t config[VU_MAX_CONFIG + 1];
	struct vu_vring_state state = {1, 0}, reply;
	uint64_t value;
	int err;

	switch (what % 6) {
	case 0:
		return vu_get_u64(conn, VU_GET_FEATURES, &value);
	case 1:
		memset(config, 0x5a, sizeof(config));
		err = vu_get_config(conn, 0, config, what % (VU_MAX_CONFIG + 1));
		must(config[what % (VU_MAX_CONFIG + 1)] == 0x5a);
		return err;
	case 2:
		return vu_get(conn, VU_GET_VRING_BASE, &state, sizeof(state), &reply, sizeof(reply));
	case 3:
		return vu_set_config(conn, 4, "abcd", 4);
	case 4:
		return vu_set_u64(conn, VU_SET_FEATURES, what);
	default:
		return vu_command(conn, VU_SET_OWNER);
	}
}

static void messages(const uint8_t *data, size_t size)
{
	int fds[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	struct vu_conn conn = {.fd = fds[0], .name = "fuzz", .reply_ack = data[0] & 2};

	must(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
	must(send(fds[1], data + 1, size - 1, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size - 1);
	shutdown(fds[1], SHUT_WR);
	vu_allow(&conn, 1000);
	for (unsigned i = 0; i < 32; i++)
		if (talk(&conn, data[0] / 4 * 7 + i) < 0)
			break;
	close(fds[0]);
	close(fds[1]);
}

struct ring_state {
	struct split_ring ring;
	uint8_t *shared;
	size_t bytes;
	uint32_t in_len[SIZE * 2]; /* by id; UINT32_MAX: not in flight */
	unsigned in_flight;
};

static void put(struct ring_state *s, uint16_t at, uint32_t value)
{
	struct vring_desc descs[20];
	unsigned n = 1 + at % 20, id = 0;

	while (id < SIZE * 2 && s->in_len[id] != UINT32_MAX)
		id++;
	if (id == SIZE * 2)
		return;
	for (unsigned i = 0; i < n; i++)
		descs[i] = (struct vring_desc){value + i, 64, i ? VRING_DESC_F_WRITE : 0, 0};
	struct split_slot what = {.id = (uint16_t)id, .nr_descs = 1, .in_len = value & 0xffff};

	if (split_ring_put(&s->ring, descs, n, &what) == 0) {
		s->in_len[id] = value & 0xffff;
		s->in_flight++;
	}
	must(s->ring.nr_busy == s->in_flight && s->in_flight <= SIZE);
}

/* False: the ring is void, as the relay has it, too. */
static bool get(struct ring_state *s)
{
	struct split_done done;
	int got;

	while ((got = split_ring_get(&s->ring, &done)) > 0) {
		must(done.id < SIZE * 2 && s->in_len[done.id] != UINT32_MAX && done.nr_descs == 1);
		must(done.written <= s->in_len[done.id]);
		s->in_len[done.id] = UINT32_MAX;
		s->in_flight--;
	}
	return got == 0;
}

static void rings(const uint8_t *data, size_t size)
{
	struct ring_state s = {0};
	bool indirect = data[0] & 2;

	s.bytes = split_ring_bytes(SIZE, indirect);
	s.shared = mmap(NULL, s.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(s.shared != MAP_FAILED && split_ring_init(&s.ring, SIZE, indirect, s.shared, 0x100000) == 0);
	memset(s.in_len, 0xff, sizeof(s.in_len));
	for (data++, size--; size >= RECORD; data += RECORD, size -= RECORD) {
		uint16_t at;
		uint32_t value;

		memcpy(&at, data + 1, 2);
		memcpy(&value, data + 3, 4);
		switch (data[0] % 6) {
		case 0:
			put(&s, at, value);
			break;
		case 1: /* anywhere in the ring */
			memcpy(s.shared + at % (8192 - 4), &value, 4);
			break;
		case 2: /* a used entry, well placed */
			s.ring.used->ring[s.ring.last_used % SIZE] = (struct vring_used_elem){at % (SIZE + 1u), value};
			s.ring.used->idx = (uint16_t)(s.ring.last_used + 1);
			break;
		case 3:
			s.ring.used->idx = at;
			break;
		case 4:
			if (get(&s))
				break;
			/* fall through */
		default:
			must(split_ring_again(&s.ring) == s.in_flight && s.ring.avail->idx == s.in_flight);
			must(!split_ring_pending(&s.ring));
		}
		split_ring_want_calls(&s.ring, at & 1);
		split_ring_wants_kick(&s.ring);
	}
	split_ring_fini(&s.ring);
	munmap(s.shared, s.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_set_sink(quiet, NULL);
	if (size < 2 || size > 4096)
		return 0;
	if (data[0] & 1)
		messages(data, size);
	else
		rings(data, size);
	return 0;
}
