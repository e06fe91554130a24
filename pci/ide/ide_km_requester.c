/* SPDX-License-Identifier: Apache-2.0 */
/* IDE_KM as a security manager speaks it (PCIe 6.0, 6.33.3). */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "ide_km.h"
#include "log.h"
#include "wire.h"

#define PROTOCOL_IDE_KM 0x00u

int ide_keys_generate(struct ide_keys *keys)
{
	for (unsigned i = 0; i < IDE_NR_KEYS; i++) {
		if (getrandom(keys->keys[i].key, IDE_KM_KEY_BYTES, 0) != IDE_KM_KEY_BYTES) {
			int err = -errno;

			ide_keys_wipe(keys);
			return log_fail(err, "cannot get random bytes for the keys of an IDE stream: %s",
					strerror(-err));
		}
		keys->keys[i].ifv = IDE_KM_IFV_INITIAL;
	}
	return 0;
}

void ide_keys_mirror(const struct ide_keys *keys, struct ide_keys *other)
{
	for (unsigned i = 0; i < IDE_NR_KEYS; i++)
		other->keys[i ^ 1u] = keys->keys[i];
}

void ide_keys_wipe(struct ide_keys *keys)
{
	explicit_bzero(keys, sizeof(*keys));
}

static uint8_t sub_stream_of(unsigned key_set, unsigned number)
{
	return (uint8_t)((key_set & IDE_KM_KEY_SET) | (number & 1u ? IDE_KM_TX : 0) |
			 field_prep32(IDE_KM_SUB_STREAM, number / 2));
}

static int begin(struct ide_km_requester *rq, struct wire_out *out, uint8_t object)
{
	if (rq->pending)
		return -EBUSY;
	rq->object = object;
	rq->status = 0;
	rq->why = NULL;
	wire_put_u8(out, PROTOCOL_IDE_KM);
	wire_put_u8(out, object);
	return 0;
}

static int finish(struct ide_km_requester *rq, const struct wire_out *out)
{
	if (out->bad)
		return -EMSGSIZE;
	rq->pending = true;
	return (int)out->len;
}

int ide_km_ask_query(struct ide_km_requester *rq, uint8_t port, uint8_t *buf, size_t cap)
{
	struct wire_out out = wire_out(buf, cap);
	int err = begin(rq, &out, IDE_KM_QUERY);

	if (err)
		return err;
	rq->port = port;
	wire_put_u8(&out, 0);
	wire_put_u8(&out, port);
	return finish(rq, &out);
}

static void put_head(struct ide_km_requester *rq, struct wire_out *out, uint8_t port, uint8_t stream,
		     uint8_t sub_stream)
{
	rq->port = port;
	rq->stream = stream;
	rq->sub_stream = sub_stream;
	wire_put_u16(out, 0);
	wire_put_u8(out, stream);
	wire_put_u8(out, 0);
	wire_put_u8(out, sub_stream);
	wire_put_u8(out, port);
}

int ide_km_ask_key(struct ide_km_requester *rq, uint8_t port, uint8_t stream, unsigned key_set, unsigned number,
		   const struct ide_key *key, uint8_t *buf, size_t cap)
{
	struct wire_out out = wire_out(buf, cap);
	int err = begin(rq, &out, IDE_KM_KEY_PROG);

	if (err)
		return err;
	put_head(rq, &out, port, stream, sub_stream_of(key_set, number));
	for (unsigned dw = 0; dw < IDE_KM_KEY_BYTES / 4; dw++)
		for (unsigned i = 0; i < 4; i++)
			wire_put_u8(&out, key->key[dw * 4 + 3 - i]);
	wire_put_u32(&out, (uint32_t)(key->ifv >> 32));
	wire_put_u32(&out, (uint32_t)key->ifv);
	return finish(rq, &out);
}

static int ask_go_stop(struct ide_km_requester *rq, uint8_t object, uint8_t port, uint8_t stream, uint8_t sub_stream,
		       uint8_t *buf, size_t cap)
{
	struct wire_out out = wire_out(buf, cap);
	int err = begin(rq, &out, object);

	if (err)
		return err;
	put_head(rq, &out, port, stream, sub_stream);
	return finish(rq, &out);
}

int ide_km_ask_go(struct ide_km_requester *rq, uint8_t port, uint8_t stream, unsigned key_set, unsigned number,
		  uint8_t *buf, size_t cap)
{
	return ask_go_stop(rq, IDE_KM_K_SET_GO, port, stream, sub_stream_of(key_set, number), buf, cap);
}

int ide_km_ask_stop(struct ide_km_requester *rq, uint8_t port, uint8_t stream, unsigned key_set, unsigned number,
		    uint8_t *buf, size_t cap)
{
	return ask_go_stop(rq, IDE_KM_K_SET_STOP, port, stream, sub_stream_of(key_set, number), buf, cap);
}

static int wrong(struct ide_km_requester *rq, const char *why)
{
	rq->why = why;
	return -EBADMSG;
}

static int take_query(struct ide_km_requester *rq, struct wire_in *in, struct ide_km_port *port)
{
	struct ide_km_port p = {0};

	wire_u8(in);
	p.port = wire_u8(in);
	p.devfn = wire_u8(in);
	p.bus = wire_u8(in);
	p.segment = wire_u8(in);
	p.max_port = wire_u8(in);
	if (in->bad || !port)
		return wrong(rq, "QUERY_RESP is too short");
	if (p.port != rq->port || p.port > p.max_port)
		return wrong(rq, "QUERY_RESP speaks of another port");
	if (in->left < IDE_LINK_FIRST - IDE_CAP || in->left % 4 != 0 || in->left > sizeof(p.registers))
		return wrong(rq, "QUERY_RESP holds no IDE registers of a possible length");
	p.registers_len = in->left;
	wire_copy(in, p.registers, in->left);
	*port = p;
	return 0;
}

static int take_ack(struct ide_km_requester *rq, struct wire_in *in)
{
	uint8_t stream, status, sub_stream, port;

	wire_u16(in);
	stream = wire_u8(in);
	status = wire_u8(in);
	sub_stream = wire_u8(in);
	port = wire_u8(in);
	if (!wire_done(in))
		return wrong(rq, "the acknowledgement has another length");
	if (stream != rq->stream || sub_stream != rq->sub_stream || port != rq->port)
		return wrong(rq, "the acknowledgement is for another key");
	if (rq->object != IDE_KM_KEY_PROG || status == IDE_KM_OK)
		return 0;
	rq->status = status;
	return -EREMOTEIO;
}

int ide_km_take(struct ide_km_requester *rq, const void *rsp, size_t len, struct ide_km_port *port)
{
	static const uint8_t answers[] = {
		[IDE_KM_QUERY] = IDE_KM_QUERY_RESP,
		[IDE_KM_KEY_PROG] = IDE_KM_KP_ACK,
		[IDE_KM_K_SET_GO] = IDE_KM_K_GOSTOP_ACK,
		[IDE_KM_K_SET_STOP] = IDE_KM_K_GOSTOP_ACK,
	};
	struct wire_in in = wire_in(rsp, len);

	if (!rq->pending)
		return -EINVAL;
	rq->pending = false;
	uint8_t protocol = wire_u8(&in), object = wire_u8(&in);

	if (in.bad || protocol != PROTOCOL_IDE_KM || object != answers[rq->object])
		return wrong(rq, "the answer is no answer to this request");
	return rq->object == IDE_KM_QUERY ? take_query(rq, &in, port) : take_ack(rq, &in);
}

const char *ide_km_status_name(uint8_t status)
{
	static const char *const names[] = {"success", "incorrect length", "unsupported port index",
					    "unsupported value", "unspecified failure"};

	return status < ARRAY_LEN(names) ? names[status] : "unknown status";
}
