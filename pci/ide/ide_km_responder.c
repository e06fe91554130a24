/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IDE_KM as a port speaks it (PCIe 6.0, 6.33.3).
 *
 * One session owns a stream from its first key to the session's end or the last stop. Keys of a key set that runs are
 * not replaced; those of the other one may be, which is how keys are refreshed.
 */
#include <errno.h>
#include <string.h>

#include "ide_km.h"
#include "wire.h"

#define PROTOCOL_IDE_KM 0x00u
#define ALL_KEYS	(BIT32(IDE_NR_KEYS) - 1)

/* What all objects but QUERY have in front. */
struct head {
	uint8_t object, stream, sub_stream, port;
};

void ide_km_responder_init(struct ide_km_responder *km, const struct ide_km_ops *ops, void *opaque)
{
	*km = (struct ide_km_responder){.ops = ops, .opaque = opaque};
}

static struct ide_km_stream *find_stream(const struct ide_km_responder *km, uint8_t id)
{
	for (unsigned i = 0; i < IDE_KM_MAX_STREAMS; i++)
		if (km->streams[i].used && km->streams[i].id == id)
			return (struct ide_km_stream *)&km->streams[i];
	return NULL;
}

static struct ide_km_stream *new_stream(struct ide_km_responder *km, uint8_t id, uint32_t session)
{
	for (unsigned i = 0; i < IDE_KM_MAX_STREAMS; i++) {
		struct ide_km_stream *s = &km->streams[i];

		if (s->used)
			continue;
		*s = (struct ide_km_stream){.used = true, .id = id, .session = session};
		return s;
	}
	return NULL;
}

/* A stream is secure while all its keys of one set run. */
static bool is_secure(const struct ide_km_stream *s)
{
	return s->going[0] == ALL_KEYS || s->going[1] == ALL_KEYS;
}

static unsigned key_number(uint8_t sub_stream)
{
	return field_get32(IDE_KM_SUB_STREAM, sub_stream) * 2 + (sub_stream & IDE_KM_TX ? 1 : 0);
}

/* 6.33.3: bits 3:2 are reserved; sub-streams above 2 too. */
static bool sub_stream_valid(uint8_t sub_stream)
{
	return field_get32(IDE_KM_SUB_STREAM, sub_stream) < IDE_NR_SUB_STREAMS &&
	       !(sub_stream & ~(IDE_KM_SUB_STREAM | IDE_KM_TX | IDE_KM_KEY_SET));
}

static void forget_key(struct ide_km_responder *km, struct ide_km_stream *s, unsigned set, unsigned number)
{
	if (!(s->programmed[set] & BIT32(number)))
		return;
	s->programmed[set] &= (uint8_t)~BIT32(number);
	s->going[set] &= (uint8_t)~BIT32(number);
	km->ops->key(km->opaque, s->id, set, number, NULL);
}

static void drop(struct ide_km_responder *km, struct ide_km_stream *s)
{
	bool was = is_secure(s);

	for (unsigned set = 0; set < 2; set++)
		for (unsigned number = 0; number < IDE_NR_KEYS; number++)
			forget_key(km, s, set, number);
	s->used = false;
	if (was)
		km->ops->secure(km->opaque, s->id, false);
}

static int answer_query(struct ide_km_responder *km, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	struct wire_out out = wire_out(rsp, cap);

	if (len != IDE_KM_QUERY_BYTES || req[3] != 0)
		return -EBADMSG;
	wire_put_u8(&out, PROTOCOL_IDE_KM);
	wire_put_u8(&out, IDE_KM_QUERY_RESP);
	wire_put_u8(&out, 0);
	wire_put_u8(&out, req[3]);
	wire_put_u8(&out, (uint8_t)km->rid);
	wire_put_u8(&out, (uint8_t)(km->rid >> 8));
	wire_put_u8(&out, km->segment);
	wire_put_u8(&out, 0); /* highest port index */
	if (out.bad)
		return -EMSGSIZE;
	int n = km->ops->registers(km->opaque, rsp + out.len, cap - out.len);

	return n < 0 ? n : (int)out.len + n;
}

static int acknowledge(uint8_t object, const struct head *head, uint8_t status, uint8_t *rsp, size_t cap)
{
	struct wire_out out = wire_out(rsp, cap);

	wire_put_u8(&out, PROTOCOL_IDE_KM);
	wire_put_u8(&out, object);
	wire_put_u16(&out, 0);
	wire_put_u8(&out, head->stream);
	wire_put_u8(&out, status);
	wire_put_u8(&out, head->sub_stream);
	wire_put_u8(&out, head->port);
	return out.bad ? -EMSGSIZE : (int)out.len;
}

/* High DW first, each DW little-endian; byte 0 of the AES key is the top byte of the first DW. */
static void read_key(struct wire_in *in, struct ide_key *key)
{
	for (unsigned dw = 0; dw < IDE_KM_KEY_BYTES / 4; dw++) {
		uint32_t value = wire_u32(in);

		for (unsigned i = 0; i < 4; i++)
			key->key[dw * 4 + i] = (uint8_t)(value >> (24 - i * 8));
	}
	key->ifv = (uint64_t)wire_u32(in) << 32;
	key->ifv |= wire_u32(in);
}

static enum ide_km_status program(struct ide_km_responder *km, uint32_t session, const struct head *head,
				  const struct ide_key *key)
{
	unsigned set = head->sub_stream & IDE_KM_KEY_SET, number = key_number(head->sub_stream);
	struct ide_km_stream *s = find_stream(km, head->stream);

	if (s && s->session != session)
		return IDE_KM_FAILED;
	if (s && (s->going[set] & BIT32(number)))
		return IDE_KM_FAILED;
	if (!s)
		s = new_stream(km, head->stream, session);
	if (!s || km->ops->key(km->opaque, head->stream, set, number, key) != 0)
		return IDE_KM_FAILED;
	s->programmed[set] |= (uint8_t)BIT32(number);
	return IDE_KM_OK;
}

/* The checks in the order of the status codes. */
static int answer_key_prog(struct ide_km_responder *km, uint32_t session, const struct head *head, size_t len,
			   struct wire_in *in, uint8_t *rsp, size_t cap)
{
	enum ide_km_status status;
	struct ide_key key;

	if (len != IDE_KM_KEY_PROG_BYTES)
		return acknowledge(IDE_KM_KP_ACK, head, IDE_KM_BAD_LENGTH, rsp, cap);
	read_key(in, &key);
	if (head->port != 0)
		status = IDE_KM_BAD_PORT;
	else if (!sub_stream_valid(head->sub_stream) || key.ifv != IDE_KM_IFV_INITIAL ||
		 !km->ops->has_stream(km->opaque, head->stream))
		status = IDE_KM_BAD_VALUE;
	else
		status = program(km, session, head, &key);
	explicit_bzero(&key, sizeof(key));
	return acknowledge(IDE_KM_KP_ACK, head, (uint8_t)status, rsp, cap);
}

static void go(struct ide_km_responder *km, struct ide_km_stream *s, unsigned set, unsigned number)
{
	bool was = is_secure(s);

	s->going[set] |= (uint8_t)BIT32(number);
	/* The stream has switched to this set: the other one's keys are void. */
	if (s->going[set] == ALL_KEYS)
		for (unsigned i = 0; i < IDE_NR_KEYS; i++)
			forget_key(km, s, !set, i);
	if (!was && is_secure(s))
		km->ops->secure(km->opaque, s->id, true);
}

static void stop(struct ide_km_responder *km, struct ide_km_stream *s, unsigned set, unsigned number)
{
	bool was = is_secure(s);

	forget_key(km, s, set, number);
	if (was && !is_secure(s))
		km->ops->secure(km->opaque, s->id, false);
	if (!s->programmed[0] && !s->programmed[1])
		s->used = false;
}

/* K_GOSTOP_ACK has no status: what cannot be done is not acknowledged, and the SPDM layer reports an invalid request.
 */
static int answer_go_stop(struct ide_km_responder *km, uint32_t session, const struct head *head, size_t len,
			  uint8_t *rsp, size_t cap)
{
	unsigned set = head->sub_stream & IDE_KM_KEY_SET, number = key_number(head->sub_stream);
	struct ide_km_stream *s = find_stream(km, head->stream);

	if (len != IDE_KM_HEADER_BYTES || head->port != 0 || !sub_stream_valid(head->sub_stream) || !s ||
	    s->session != session || !(s->programmed[set] & BIT32(number)))
		return -EBADMSG;
	int n = acknowledge(IDE_KM_K_GOSTOP_ACK, head, 0, rsp, cap);

	if (n < 0)
		return n;
	if (head->object == IDE_KM_K_SET_GO)
		go(km, s, set, number);
	else
		stop(km, s, set, number);
	return n;
}

int ide_km_respond(struct ide_km_responder *km, uint32_t session, const uint8_t *req, size_t len, uint8_t *rsp,
		   size_t cap)
{
	struct wire_in in = wire_in(req, len);
	uint8_t protocol = wire_u8(&in);
	struct head head = {.object = wire_u8(&in)};

	if (session == 0)
		return 0;
	if (in.bad || protocol != PROTOCOL_IDE_KM)
		return -EBADMSG;
	if (head.object == IDE_KM_QUERY)
		return answer_query(km, req, len, rsp, cap);
	wire_u16(&in);
	head.stream = wire_u8(&in);
	wire_u8(&in);
	head.sub_stream = wire_u8(&in);
	head.port = wire_u8(&in);
	if (in.bad)
		return -EBADMSG;
	switch (head.object) {
	case IDE_KM_KEY_PROG:
		return cap < IDE_KM_HEADER_BYTES ? -EMSGSIZE : answer_key_prog(km, session, &head, len, &in, rsp, cap);
	case IDE_KM_K_SET_GO:
	case IDE_KM_K_SET_STOP:
		return answer_go_stop(km, session, &head, len, rsp, cap);
	default:
		return -EBADMSG;
	}
}

bool ide_km_secure(const struct ide_km_responder *km, uint8_t stream, uint32_t *session)
{
	const struct ide_km_stream *s = find_stream(km, stream);

	if (!s || !is_secure(s))
		return false;
	if (session)
		*session = s->session;
	return true;
}

void ide_km_drop_stream(struct ide_km_responder *km, uint8_t stream)
{
	struct ide_km_stream *s = find_stream(km, stream);

	if (s)
		drop(km, s);
}

void ide_km_session_ended(struct ide_km_responder *km, uint32_t session)
{
	for (unsigned i = 0; i < IDE_KM_MAX_STREAMS; i++)
		if (km->streams[i].used && km->streams[i].session == session)
			drop(km, &km->streams[i]);
}

void ide_km_responder_reset(struct ide_km_responder *km)
{
	for (unsigned i = 0; i < IDE_KM_MAX_STREAMS; i++)
		if (km->streams[i].used)
			drop(km, &km->streams[i]);
}
