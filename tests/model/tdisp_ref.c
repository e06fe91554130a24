/* SPDX-License-Identifier: Apache-2.0 */
#include "tdisp_ref.h"

#include <string.h>

static struct ref_answer answer_error(uint32_t code)
{
	return (struct ref_answer){.kind = REF_ERROR, .error = code};
}

static const struct ref_answer ok = {.kind = REF_OK};
static const struct ref_answer refused = {.kind = REF_REFUSED};

static bool all_run(const struct ref_stream *s, int set)
{
	for (int i = 0; i < 6; i++)
		if (!s->runs[set][i])
			return false;
	return true;
}

bool ref_secure(const struct ref *ref, uint8_t stream)
{
	return all_run(&ref->streams[stream], 0) || all_run(&ref->streams[stream], 1);
}

static void to_error(struct ref *ref)
{
	if (ref->state == 'L' || ref->state == 'R') {
		ref->state = 'E';
		ref->nonce_good = false;
		ref->owner = 0;
	}
}

static void insecure(struct ref *ref, uint8_t stream)
{
	if (ref->stream == stream)
		to_error(ref);
}

void ref_disturbed(struct ref *ref)
{
	to_error(ref);
}

void ref_stream_lost(struct ref *ref, uint8_t stream)
{
	bool was = ref_secure(ref, stream);

	memset(&ref->streams[stream], 0, sizeof(ref->streams[stream]));
	if (was)
		insecure(ref, stream);
}

void ref_session_ended(struct ref *ref, uint32_t session)
{
	for (int i = 0; i < 256; i++)
		if (ref->streams[i].owner == session)
			ref_stream_lost(ref, (uint8_t)i);
	if (ref->owner == session)
		to_error(ref);
}

void ref_nonce(struct ref *ref, const uint8_t nonce[32])
{
	memcpy(ref->nonce, nonce, 32);
	ref->nonce_good = true;
}

static struct ref_answer lock(struct ref *ref, uint32_t session, const uint8_t *body)
{
	uint16_t flags = (uint16_t)(body[0] | body[1] << 8);

	if (ref->state != 'U')
		return answer_error(4);
	if (flags & ~ref->flags_offered)
		return answer_error(1);
	if (body[4] != 0 || (body[5] & 0xf) != 0) /* offset not of whole pages */
		return answer_error(1);
	/* Keys for all sub-streams, which came over this session. */
	if (!ref_secure(ref, body[2]) || ref->streams[body[2]].owner != session)
		return answer_error(1);
	if (!ref->can_lock)
		return answer_error(0x104);
	ref->state = 'L';
	ref->owner = session;
	ref->flags = flags;
	ref->stream = body[2];
	return ok;
}

static struct ref_answer report(const struct ref *ref, const uint8_t *body)
{
	unsigned offset = (unsigned)(body[0] | body[1] << 8), want = (unsigned)(body[2] | body[3] << 8);

	if (offset >= ref->report_len)
		return answer_error(1);
	if (want > ref->report_len - offset)
		want = ref->report_len - offset;
	return (struct ref_answer){.kind = REF_OK, .portion = want};
}

/* Length of the payload; -1: no such request; -2: any. */
static int body_length(uint8_t code)
{
	switch (code) {
	case 0x81:
	case 0x85:
	case 0x87:
		return 0;
	case 0x82:
	case 0x84:
		return 4;
	case 0x83:
		return 20;
	case 0x86:
		return 32;
	case 0x88:
	case 0x89:
		return 1;
	case 0x8a:
		return 16;
	case 0x8b:
		return -2;
	default:
		return -1;
	}
}

static struct ref_answer tdisp(struct ref *ref, uint32_t session, const uint8_t *msg, size_t len)
{
	const uint8_t *body = msg + 17;
	int want;

	if (len < 17 || !(msg[2] & 0x80))
		return refused;
	if (msg[2] == 0x81 ? (msg[1] & 0xf0) != 0x10 : msg[1] != 0x10)
		return answer_error(0x41);
	if ((msg[5] | msg[6] << 8) != ref->rid || ((msg[8] & 1) && msg[7] != 0))
		return answer_error(0x101);
	want = body_length(msg[2]);
	if (want == -1)
		return answer_error(7);
	if (want >= 0 && len - 17 != (size_t)want)
		return answer_error(1);
	if (msg[2] == 0x81 || msg[2] == 0x82 || msg[2] == 0x85)
		return ok;
	if (msg[2] == 0x83)
		return lock(ref, session, body);
	if (msg[2] == 0x84 && ref->state != 'L' && ref->state != 'R')
		return answer_error(4);
	if (msg[2] == 0x86 && ref->state != 'L')
		return answer_error(4);
	if (msg[2] >= 0x88 && ref->state != 'R')
		return answer_error(4);
	if (ref->owner != 0 && ref->owner != session)
		return answer_error(1);
	if (msg[2] == 0x84)
		return report(ref, body);
	if (msg[2] == 0x86) {
		if (!ref->nonce_good || memcmp(body, ref->nonce, 32) != 0)
			return answer_error(0x102);
		ref->state = 'R';
		ref->nonce_good = false;
	}
	if (msg[2] == 0x87) {
		ref->state = 'U';
		ref->owner = 0;
		ref->nonce_good = false;
	}
	if ((msg[2] == 0x88 || msg[2] == 0x89) && !(ref->flags & 8))
		return answer_error(1);
	return ok;
}

static struct ref_answer status(uint32_t code)
{
	return (struct ref_answer){.kind = REF_STATUS, .error = code};
}

static unsigned streams_in_use(const struct ref *ref)
{
	unsigned n = 0;

	for (int i = 0; i < 256; i++)
		n += ref->streams[i].owner != 0;
	return n;
}

static struct ref_answer key_prog(struct ref *ref, uint32_t session, const uint8_t *msg, size_t len)
{
	static const uint8_t first_ifv[8] = {0, 0, 0, 0, 1};
	struct ref_stream *s = &ref->streams[msg[4]];
	int set = msg[6] & 1, key = (msg[6] >> 4) * 2 + (msg[6] >> 1 & 1);

	if (len != 48)
		return status(1);
	if (msg[7] != 0)
		return status(2);
	if (msg[6] >> 4 > 2 || (msg[6] & 0x0c) || memcmp(msg + 40, first_ifv, 8) != 0)
		return status(3);
	if (s->owner != 0 && (s->owner != session || s->runs[set][key]))
		return status(4);
	if (s->owner == 0 && streams_in_use(ref) == ref->streams_max)
		return status(4);
	s->owner = session;
	s->have[set][key] = true;
	return status(0);
}

static struct ref_answer ide_km(struct ref *ref, uint32_t session, const uint8_t *msg, size_t len)
{
	if (len < 2)
		return refused;
	if (msg[1] == 0)
		return len == 4 && msg[3] == 0 ? ok : refused;
	if (len < 8)
		return refused;
	if (msg[1] == 2)
		return key_prog(ref, session, msg, len);
	if ((msg[1] != 4 && msg[1] != 5) || len != 8 || msg[7] != 0 || msg[6] >> 4 > 2 || (msg[6] & 0x0c))
		return refused;

	struct ref_stream *s = &ref->streams[msg[4]];
	int set = msg[6] & 1, key = (msg[6] >> 4) * 2 + (msg[6] >> 1 & 1);
	bool was = ref_secure(ref, msg[4]);

	if (s->owner != session || !s->have[set][key])
		return refused;
	if (msg[1] == 4) {
		s->runs[set][key] = true;
		if (all_run(s, set)) {
			memset(s->have[!set], 0, sizeof(s->have[0]));
			memset(s->runs[!set], 0, sizeof(s->runs[0]));
		}
		return ok;
	}
	s->have[set][key] = false;
	s->runs[set][key] = false;
	if (was && !ref_secure(ref, msg[4]))
		insecure(ref, msg[4]);
	for (int i = 0; i < 12; i++)
		if (s->have[i / 6][i % 6])
			return ok;
	s->owner = 0;
	return ok;
}

struct ref_answer ref_message(struct ref *ref, uint32_t session, const uint8_t *msg, size_t len)
{
	if (session == 0)
		return (struct ref_answer){.kind = REF_NONE};
	if (len > 0 && msg[0] == 0)
		return ide_km(ref, session, msg, len);
	if (len > 0 && msg[0] == 1)
		return tdisp(ref, session, msg, len);
	return refused;
}
