/* SPDX-License-Identifier: Apache-2.0 */
#include "spdm_msg.h"

#include <errno.h>
#include <string.h>

/* How long a field is. */
enum kind {
	NUM,	  /* a number of .n bytes */
	BYTES,	  /* .n bytes */
	BY,	  /* as many times .n bytes as the number in field .by says */
	DIGESTS,  /* a hash for each bit of param2 */
	HASH,	  /* a hash */
	SIG,	  /* a signature of the responder */
	REQ_SIG,  /* one of the requester */
	EXCHANGE, /* a public value of the DHE group */
	REST,	  /* everything that is left, at most .n bytes */
	UP_TO,	  /* as far as the message's own length field goes */
};

/* When a field is there at all. */
enum when {
	ALWAYS,
	BEFORE_14,
	SINCE_13,
	SINCE_14,
	P1_BIT0,
	SIGNED,
	SUMMARY,
	VERIFY,
	FIRST, /* chunk 0 */
};

struct row {
	uint8_t field, kind;
	uint16_t n;
	uint8_t when, by;
};

#define HEADER                                                                                                         \
	{F_VERSION, NUM, 1}, {F_CODE, NUM, 1}, {F_P1, NUM, 1},                                                         \
	{                                                                                                              \
		F_P2, NUM, 1                                                                                           \
	}
#define OPAQUE                                                                                                         \
	{F_OPAQUE_LEN, NUM, 2},                                                                                        \
	{                                                                                                              \
		F_OPAQUE, BY, 1, ALWAYS, F_OPAQUE_LEN                                                                  \
	}
#define OPAQUE_14                                                                                                      \
	{F_OPAQUE_LEN, NUM, 2, SINCE_14},                                                                              \
	{                                                                                                              \
		F_OPAQUE, BY, 1, SINCE_14, F_OPAQUE_LEN                                                                \
	}

static const struct row header_rows[] = {HEADER};

static const struct row version_rsp[] = {
	HEADER, {F_RESERVED, BYTES, 1}, {F_COUNT, NUM, 1}, {F_ENTRIES, BY, 2, ALWAYS, F_COUNT}};

static const struct row capabilities_rows[] = {HEADER,
					       {F_RESERVED, BYTES, 1},
					       {F_CT_EXPONENT, NUM, 1},
					       {F_RESERVED, BYTES, 2},
					       {F_FLAGS, NUM, 4},
					       {F_TRANSFER_SIZE, NUM, 4},
					       {F_MESSAGE_SIZE, NUM, 4}};

static const struct row algorithms_req[] = {HEADER,
					    {F_LENGTH, NUM, 2},
					    {F_MEAS_SPEC, NUM, 1},
					    {F_OTHER_PARAMS, NUM, 1},
					    {F_ASYM, NUM, 4},
					    {F_HASH, NUM, 4},
					    {F_RESERVED, BYTES, 12},
					    {F_EXT_ASYM_COUNT, NUM, 1},
					    {F_EXT_HASH_COUNT, NUM, 1},
					    {F_RESERVED, BYTES, 1},
					    {F_MEL_SPEC, NUM, 1},
					    {F_EXT_ASYM, BY, 4, ALWAYS, F_EXT_ASYM_COUNT},
					    {F_EXT_HASH, BY, 4, ALWAYS, F_EXT_HASH_COUNT},
					    {F_TABLES, UP_TO}};

static const struct row algorithms_rsp[] = {HEADER,
					    {F_LENGTH, NUM, 2},
					    {F_MEAS_SPEC, NUM, 1},
					    {F_OTHER_PARAMS, NUM, 1},
					    {F_MEAS_HASH, NUM, 4},
					    {F_ASYM, NUM, 4},
					    {F_HASH, NUM, 4},
					    {F_RESERVED, BYTES, 11},
					    {F_MEL_SPEC, NUM, 1},
					    {F_EXT_ASYM_COUNT, NUM, 1},
					    {F_EXT_HASH_COUNT, NUM, 1},
					    {F_RESERVED, BYTES, 2},
					    {F_EXT_ASYM, BY, 4, ALWAYS, F_EXT_ASYM_COUNT},
					    {F_EXT_HASH, BY, 4, ALWAYS, F_EXT_HASH_COUNT},
					    {F_TABLES, UP_TO}};

static const struct row digests_rsp[] = {HEADER, {F_DIGESTS, DIGESTS}};

static const struct row certificate_req[] = {HEADER, {F_OFFSET, NUM, 2}, {F_LENGTH, NUM, 2}};

static const struct row certificate_rsp[] = {
	HEADER, {F_PORTION, NUM, 2}, {F_REMAINDER, NUM, 2}, {F_DATA, BY, 1, ALWAYS, F_PORTION}};

static const struct row challenge_req[] = {
	HEADER, {F_NONCE, BYTES, SPDM_NONCE_LEN}, {F_CONTEXT, BYTES, SPDM_CONTEXT_LEN, SINCE_13}};

static const struct row challenge_rsp[] = {HEADER,
					   {F_CHAIN_HASH, HASH},
					   {F_NONCE, BYTES, SPDM_NONCE_LEN},
					   {F_SUMMARY, HASH, 0, SUMMARY},
					   OPAQUE,
					   {F_CONTEXT, BYTES, SPDM_CONTEXT_LEN, SINCE_13},
					   {F_SIGNATURE, SIG}};

static const struct row measurements_req[] = {HEADER,
					      {F_NONCE, BYTES, SPDM_NONCE_LEN, P1_BIT0},
					      {F_SLOT, NUM, 1, P1_BIT0},
					      {F_CONTEXT, BYTES, SPDM_CONTEXT_LEN, SINCE_13}};

static const struct row measurements_rsp[] = {HEADER,
					      {F_COUNT, NUM, 1},
					      {F_RECORD_LEN, NUM, 3},
					      {F_RECORD, BY, 1, ALWAYS, F_RECORD_LEN},
					      {F_NONCE, BYTES, SPDM_NONCE_LEN},
					      OPAQUE,
					      {F_CONTEXT, BYTES, SPDM_CONTEXT_LEN, SINCE_13},
					      {F_SIGNATURE, SIG, 0, SIGNED}};

static const struct row key_exchange_req[] = {HEADER,
					      {F_SESSION, NUM, 2},
					      {F_POLICY, NUM, 1},
					      {F_RESERVED, BYTES, 1},
					      {F_RANDOM, BYTES, SPDM_NONCE_LEN},
					      {F_EXCHANGE, EXCHANGE},
					      OPAQUE};

static const struct row key_exchange_rsp[] = {HEADER,
					      {F_SESSION, NUM, 2},
					      {F_MUT_AUTH, NUM, 1},
					      {F_SLOT, NUM, 1},
					      {F_RANDOM, BYTES, SPDM_NONCE_LEN},
					      {F_EXCHANGE, EXCHANGE},
					      {F_SUMMARY, HASH, 0, SUMMARY},
					      OPAQUE,
					      {F_SIGNATURE, SIG},
					      {F_VERIFY, HASH, 0, VERIFY}};

static const struct row finish_req[] = {HEADER, OPAQUE_14, {F_SIGNATURE, REQ_SIG, 0, P1_BIT0}, {F_VERIFY, HASH}};

static const struct row finish_rsp[] = {HEADER, OPAQUE_14, {F_VERIFY, HASH, 0, VERIFY}};

static const struct row payload_rows[] = {HEADER, {F_PAYLOAD, REST, UINT16_MAX}};

static const struct row encap_ack[] = {
	HEADER, {F_ACK_ID, NUM, 1}, {F_RESERVED, BYTES, 3}, {F_PAYLOAD, REST, UINT16_MAX}};

static const struct row vendor_rows[] = {HEADER,
					 {F_STANDARD, NUM, 2},
					 {F_VENDOR_LEN, NUM, 1},
					 {F_VENDOR, BY, 1, ALWAYS, F_VENDOR_LEN},
					 {F_PAYLOAD_LEN, NUM, 2},
					 {F_PAYLOAD, BY, 1, ALWAYS, F_PAYLOAD_LEN}};

static const struct row error_rows[] = {HEADER, {F_EXTENDED, REST, 64}};

/* Chunk numbers grew to 32 bits in 1.4. */
#define SEQUENCE_WIDE                                                                                                  \
	{F_SEQUENCE, NUM, 2, BEFORE_14}, {F_RESERVED, BYTES, 2, BEFORE_14},                                            \
	{                                                                                                              \
		F_SEQUENCE, NUM, 4, SINCE_14                                                                           \
	}
#define SEQUENCE                                                                                                       \
	{F_SEQUENCE, NUM, 2, BEFORE_14},                                                                               \
	{                                                                                                              \
		F_SEQUENCE, NUM, 4, SINCE_14                                                                           \
	}

static const struct row chunk_rows[] = {HEADER,
					SEQUENCE_WIDE,
					{F_CHUNK_LEN, NUM, 4},
					{F_LARGE_LEN, NUM, 4, FIRST},
					{F_DATA, BY, 1, ALWAYS, F_CHUNK_LEN}};

static const struct row chunk_ack[] = {HEADER, SEQUENCE, {F_PAYLOAD, REST, UINT16_MAX}};

static const struct row chunk_get[] = {HEADER, SEQUENCE};

#define MSG(code, name, rows)                                                                                          \
	[code] = {                                                                                                     \
		name,                                                                                                  \
		rows,                                                                                                  \
		ARRAY_LEN(rows),                                                                                       \
	}
#define RSP(request) SPDM_RESPONSE(request)

static const struct {
	const char *name;
	const struct row *rows;
	unsigned count;
} messages[256] = {
	MSG(SPDM_GET_VERSION, "GET_VERSION", header_rows),
	MSG(RSP(SPDM_GET_VERSION), "VERSION", version_rsp),
	MSG(SPDM_GET_CAPABILITIES, "GET_CAPABILITIES", capabilities_rows),
	MSG(RSP(SPDM_GET_CAPABILITIES), "CAPABILITIES", capabilities_rows),
	MSG(SPDM_NEGOTIATE_ALGORITHMS, "NEGOTIATE_ALGORITHMS", algorithms_req),
	MSG(RSP(SPDM_NEGOTIATE_ALGORITHMS), "ALGORITHMS", algorithms_rsp),
	MSG(SPDM_GET_DIGESTS, "GET_DIGESTS", header_rows),
	MSG(RSP(SPDM_GET_DIGESTS), "DIGESTS", digests_rsp),
	MSG(SPDM_GET_CERTIFICATE, "GET_CERTIFICATE", certificate_req),
	MSG(RSP(SPDM_GET_CERTIFICATE), "CERTIFICATE", certificate_rsp),
	MSG(SPDM_CHALLENGE, "CHALLENGE", challenge_req),
	MSG(RSP(SPDM_CHALLENGE), "CHALLENGE_AUTH", challenge_rsp),
	MSG(SPDM_GET_MEASUREMENTS, "GET_MEASUREMENTS", measurements_req),
	MSG(RSP(SPDM_GET_MEASUREMENTS), "MEASUREMENTS", measurements_rsp),
	MSG(SPDM_KEY_EXCHANGE, "KEY_EXCHANGE", key_exchange_req),
	MSG(RSP(SPDM_KEY_EXCHANGE), "KEY_EXCHANGE_RSP", key_exchange_rsp),
	MSG(SPDM_FINISH, "FINISH", finish_req),
	MSG(RSP(SPDM_FINISH), "FINISH_RSP", finish_rsp),
	MSG(SPDM_HEARTBEAT, "HEARTBEAT", header_rows),
	MSG(RSP(SPDM_HEARTBEAT), "HEARTBEAT_ACK", header_rows),
	MSG(SPDM_KEY_UPDATE, "KEY_UPDATE", header_rows),
	MSG(RSP(SPDM_KEY_UPDATE), "KEY_UPDATE_ACK", header_rows),
	MSG(SPDM_END_SESSION, "END_SESSION", header_rows),
	MSG(RSP(SPDM_END_SESSION), "END_SESSION_ACK", header_rows),
	MSG(SPDM_GET_ENCAP_REQUEST, "GET_ENCAPSULATED_REQUEST", header_rows),
	MSG(RSP(SPDM_GET_ENCAP_REQUEST), "ENCAPSULATED_REQUEST", payload_rows),
	MSG(SPDM_DELIVER_ENCAP_RSP, "DELIVER_ENCAPSULATED_RESPONSE", payload_rows),
	MSG(RSP(SPDM_DELIVER_ENCAP_RSP), "ENCAPSULATED_RESPONSE_ACK", encap_ack),
	MSG(SPDM_VENDOR_REQUEST, "VENDOR_DEFINED_REQUEST", vendor_rows),
	MSG(RSP(SPDM_VENDOR_REQUEST), "VENDOR_DEFINED_RESPONSE", vendor_rows),
	MSG(SPDM_RESPOND_IF_READY, "RESPOND_IF_READY", header_rows),
	MSG(SPDM_ERROR, "ERROR", error_rows),
	MSG(SPDM_CHUNK_SEND, "CHUNK_SEND", chunk_rows),
	MSG(RSP(SPDM_CHUNK_SEND), "CHUNK_SEND_ACK", chunk_ack),
	MSG(SPDM_CHUNK_GET, "CHUNK_GET", chunk_get),
	MSG(RSP(SPDM_CHUNK_GET), "CHUNK_RESPONSE", chunk_rows),
};

const char *spdm_msg_name(uint8_t code)
{
	return messages[code].name ? messages[code].name : "?";
}

bool spdm_msg_known(uint8_t code)
{
	return messages[code].rows;
}

uint32_t spdm_get_le(const uint8_t *p, unsigned bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint32_t)p[i] << (8 * i);
	return value;
}

void spdm_put_le(uint8_t *p, unsigned bytes, uint32_t value)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

static bool is_there(const struct row *row, const struct spdm_format *format, const struct spdm_fields *f)
{
	switch ((enum when)row->when) {
	case ALWAYS:
		return true;
	case BEFORE_14:
		return format->version < SPDM_VERSION_14;
	case SINCE_13:
		return format->version >= SPDM_VERSION_13;
	case SINCE_14:
		return format->version >= SPDM_VERSION_14;
	case P1_BIT0:
		return f->num[F_P1] & 1;
	case SIGNED:
		return format->with_signature;
	case SUMMARY:
		return format->with_summary;
	case VERIFY:
		return format->with_verify;
	case FIRST:
		return f->num[F_SEQUENCE] == 0;
	}
	return false;
}

/* The length of a field at @at; @left bytes of the message are not read yet. */
static size_t length_of(const struct row *row, const struct spdm_format *format, const struct spdm_fields *f, size_t at,
			size_t left)
{
	switch ((enum kind)row->kind) {
	case NUM:
	case BYTES:
		return row->n;
	case BY:
		return (size_t)f->num[row->by] * row->n;
	case DIGESTS:
		return (size_t)__builtin_popcount(f->num[F_P2]) * format->hash_len;
	case HASH:
		return format->hash_len;
	case SIG:
		return format->sig_len;
	case REQ_SIG:
		return format->req_sig_len;
	case EXCHANGE:
		return format->dhe_len;
	case REST:
		return left < row->n ? left : row->n;
	case UP_TO:
		return f->num[F_LENGTH] < at ? SIZE_MAX : f->num[F_LENGTH] - at;
	}
	return SIZE_MAX;
}

static bool tail_ok(const uint8_t *tail, size_t len, bool padded)
{
	if (len > (padded ? 3u : 0u))
		return false;
	for (size_t i = 0; i < len; i++)
		if (tail[i])
			return false;
	return true;
}

int spdm_msg_parse(uint8_t code, const struct spdm_format *format, const uint8_t *bytes, size_t len, bool padded,
		   struct spdm_fields *out)
{
	size_t at = 0;

	memset(out, 0, sizeof(*out));
	if (!messages[code].rows || len > SPDM_MAX_MESSAGE)
		return -EBADMSG;
	for (unsigned i = 0; i < messages[code].count; i++) {
		const struct row *row = &messages[code].rows[i];
		size_t size;

		if (!is_there(row, format, out))
			continue;
		size = length_of(row, format, out, at, len - at);
		if (size > len - at)
			return -EBADMSG;
		if (row->kind == NUM)
			out->num[row->field] = spdm_get_le(bytes + at, row->n);
		out->ptr[row->field] = bytes + at;
		out->len[row->field] = (uint32_t)size;
		out->at[row->field] = (uint32_t)at;
		at += size;
	}
	out->size = at;
	return tail_ok(bytes + at, len - at, padded) ? 0 : -EBADMSG;
}

/* Length fields say what the fields that they govern are long. */
static void settle_lengths(uint8_t code, struct spdm_fields *f)
{
	for (unsigned i = 0; i < messages[code].count; i++) {
		const struct row *row = &messages[code].rows[i];

		if (row->kind == BY)
			f->num[row->by] = f->len[row->field] / row->n;
	}
}

int spdm_msg_build(uint8_t code, const struct spdm_format *format, struct spdm_fields *fields, uint8_t *out, size_t cap)
{
	size_t at = 0;

	fields->num[F_VERSION] = format->version;
	fields->num[F_CODE] = code;
	settle_lengths(code, fields);
	for (unsigned i = 0; i < messages[code].count; i++) {
		const struct row *row = &messages[code].rows[i];
		size_t size;

		if (!is_there(row, format, fields))
			continue;
		size = row->kind == REST || row->kind == UP_TO ? fields->len[row->field]
							       : length_of(row, format, fields, at, 0);
		if (size > cap - at)
			return -ENOBUFS;
		if (row->kind == NUM)
			spdm_put_le(out + at, row->n, fields->num[row->field]);
		else if (row->field == F_RESERVED || !fields->ptr[row->field])
			memset(out + at, 0, size);
		else
			memcpy(out + at, fields->ptr[row->field], size);
		fields->len[row->field] = (uint32_t)size;
		fields->at[row->field] = (uint32_t)at;
		at += size;
	}
	fields->size = at;
	return 0;
}
