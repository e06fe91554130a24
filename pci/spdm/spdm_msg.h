/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages as tables of fields (DSP0274, clause "SPDM messages"). One table
 * describes a message for both directions: it parses a peer's bytes with
 * bounds, and it lays out our own.
 */
#ifndef AERIE_SPDM_MSG_H
#define AERIE_SPDM_MSG_H

#include "spdm.h"

/* Every field that some message has; the first four are the header's. */
enum spdm_field {
	F_VERSION,
	F_CODE,
	F_P1,
	F_P2,
	F_RESERVED, /* skipped when read (a receiver ignores it), zero when sent */
	F_COUNT,
	F_ENTRIES,
	F_CT_EXPONENT,
	F_FLAGS,
	F_TRANSFER_SIZE,
	F_MESSAGE_SIZE,
	F_LENGTH,
	F_MEAS_SPEC,
	F_OTHER_PARAMS,
	F_MEAS_HASH,
	F_ASYM,
	F_HASH,
	F_EXT_ASYM_COUNT,
	F_EXT_HASH_COUNT,
	F_MEL_SPEC,
	F_EXT_ASYM,
	F_EXT_HASH,
	F_TABLES,
	F_DIGESTS,
	F_OFFSET,
	F_PORTION,
	F_REMAINDER,
	F_DATA,
	F_NONCE,
	F_CONTEXT,
	F_CHAIN_HASH,
	F_SUMMARY,
	F_OPAQUE_LEN,
	F_OPAQUE,
	F_SIGNATURE,
	F_SLOT,
	F_RECORD_LEN,
	F_RECORD,
	F_SESSION,
	F_POLICY,
	F_MUT_AUTH,
	F_RANDOM,
	F_EXCHANGE,
	F_VERIFY,
	F_STANDARD,
	F_VENDOR_LEN,
	F_VENDOR,
	F_PAYLOAD_LEN,
	F_PAYLOAD,
	F_EXTENDED,
	F_SEQUENCE,
	F_CHUNK_LEN,
	F_LARGE_LEN,
	F_ACK_ID,
	SPDM_FIELDS,
};

/* What decides the layout beside the bytes themselves. */
struct spdm_format {
	uint8_t version;
	bool with_signature; /* MEASUREMENTS: the request asked for it */
	bool with_summary;   /* CHALLENGE_AUTH, KEY_EXCHANGE_RSP: the request asked for
				one */
	bool with_verify;    /* KEY_EXCHANGE_RSP, FINISH_RSP: ResponderVerifyData is
				there */
	uint16_t hash_len, sig_len, dhe_len;
	uint16_t req_sig_len; /* FINISH */
};

/* Fields of one message. Scalars have .num; all have .at and .len, and point
 * into the message. */
struct spdm_fields {
	size_t size; /* of the whole message, without padding */
	uint32_t num[SPDM_FIELDS];
	const uint8_t *ptr[SPDM_FIELDS];
	uint32_t len[SPDM_FIELDS];
	uint32_t at[SPDM_FIELDS];
};

/** The name of a request or response, "GET_VERSION"; "?" for codes that are not
 * known. Static. */
const char *spdm_msg_name(uint8_t code);

/** Whether @code is in the tables. */
bool spdm_msg_known(uint8_t code);

/**
 * Reads @bytes as the message with @code. What follows the last field may only
 * be zeroes, less than four if @padded, none otherwise. Returns 0 or -EBADMSG
 * (not logged). The header is not compared with anything.
 */
int spdm_msg_parse(uint8_t code, const struct spdm_format *format, const uint8_t *bytes, size_t len, bool padded,
		   struct spdm_fields *out);

/**
 * Lays out the message with @code from @fields: .num of scalars, .ptr and .len
 * of the rest (NULL: zeroes; the length fields follow .len by themselves).
 * Header version and code come from @format and @code. Fills .at, .len and
 * .size. 0; -ENOBUFS: it does not fit (not logged).
 */
int spdm_msg_build(uint8_t code, const struct spdm_format *format, struct spdm_fields *fields, uint8_t *out,
		   size_t cap);

/** Little-endian numbers of 1 to 4 bytes. */
uint32_t spdm_get_le(const uint8_t *p, unsigned bytes);
void spdm_put_le(uint8_t *p, unsigned bytes, uint32_t value);

#endif
