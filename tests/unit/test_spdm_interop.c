/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The responder as other people's requesters meet it: requests byte by byte, as DSP0274 lays them out and not as
 * aerie's own requester does, and what the standard has for an answer. docs/device-security.md, "Interoperability",
 * says where each case comes from.
 */
#include <check.h>
#include <stdio.h>

#include "bits.h"
#include "log.h"
#include "run_suite.h"
#include "spdm_keys.h"
#include "spdm_rig.h"

#define ROOM 0x12000u

static struct spdm_rig rig;
static uint8_t answer[ROOM];
static size_t answer_len;

static void silence(enum log_level level, const char *line, void *opaque)
{
}

static void setup(void)
{
	log_set_sink(silence, NULL);
	spdm_rig_init(&rig, SPDM_ASYM_P256);
}

static void teardown(void)
{
	spdm_rig_fini(&rig);
}

static void ask_bytes(const uint8_t *request, size_t len)
{
	bool secured = false;

	ck_assert_int_eq(spdm_responder_handle(rig.rsp, &secured, request, len, answer, sizeof(answer), &answer_len),
			 0);
	ck_assert(!secured);
}

#define ASK(...) ask_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void expect_bytes(const uint8_t *want, size_t len)
{
	ck_assert_uint_ge(answer_len, len);
	ck_assert_mem_eq(answer, want, len);
}

/* The answer begins with these bytes. */
#define EXPECT(...) expect_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static uint32_t le(size_t at, unsigned bytes)
{
	uint32_t value = 0;

	ck_assert_uint_le(at + bytes, answer_len);
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint32_t)answer[at + i] << (8 * i);
	return value;
}

/* A new responder, and GET_VERSION. */
static void start(void)
{
	spdm_responder_destroy(rig.rsp);
	ck_assert_int_eq(spdm_responder_create(&rig.rsp_config, &rig.rsp), 0);
	ASK(0x10, 0x84, 0, 0);
	EXPECT(0x10, 0x04, 0, 0, 0, 3, 0, 0x12, 0, 0x13, 0, 0x14);
}

#define BYTE(n, at) (uint8_t)((n) >> (at))
#define U32(n)	    BYTE(n, 0), BYTE(n, 8), BYTE(n, 16), BYTE(n, 24)

/* GET_CAPABILITIES of a requester that takes @transfer bytes at a time and @message in all. */
#define CAPS(version, flags, transfer, message)                                                                        \
	ASK((version), 0xe1, 0, 0, 0, 0, 0, 0, U32(flags), U32(transfer), U32(message))

/* NEGOTIATE_ALGORITHMS without tables: DMTF measurements, opaque format 1, the algorithms that are given. */
#define ALGS(version, asym, hash)                                                                                      \
	ASK((version), 0xe3, 0, 0, 32, 0, 1, 2, U32(asym), U32(hash), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

/* The same with the tables of a key exchange. */
#define ALGS_KEY_EX(version, asym, hash, dhe, other)                                                                   \
	ASK((version), 0xe3, 3, 0, 44, 0, 1, (other), U32(asym), U32(hash), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  \
	    0, 0, 2, 0x20, (dhe), 0, 3, 0x20, 2, 0, 5, 0x20, 1, 0)

#define KEY_EX	 (SPDM_CAP_KEY_EX | SPDM_CAP_ENCRYPT | SPDM_CAP_MAC)
#define SHA256	 SPDM_HASH_SHA256
#define P256	 SPDM_ASYM_P256
#define ERROR_AT 2 /* param1 */

/* DSP0274 1.3, GET_VERSION: what is malformed gets an ERROR of version 1.0 and changes nothing. */
START_TEST(version)
{
	start();
	CAPS(0x13, 0, 0x1000, 0x1000);
	EXPECT(0x13, 0x61);
	ASK(0x13, 0x84, 0, 0);
	EXPECT(0x10, 0x7f, 0x41, 0);
	ASK(0x10, 0x84, 0, 0, 0, 0, 0, 0, 1);
	EXPECT(0x10, 0x7f, 0x01, 0);
	ALGS(0x13, P256, SHA256);
	EXPECT(0x13, 0x63);
	ASK(0x13, 0x81, 0, 0);
	EXPECT(0x13, 0x01, 1, 1);
	/* The version byte of the others stays the one that was chosen. */
	ASK(0x12, 0x81, 0, 0);
	EXPECT(0x13, 0x7f, 0x41, 0);
	ASK(0x13, 0xe6, 0, 0);
	EXPECT(0x13, 0x7f, 0x07, 0xe6);
}
END_TEST

/* 1.3: the block of algorithms may be asked for by, and of, those who take chunks; it is left out. */
START_TEST(capabilities)
{
	start();
	ASK(0x13, 0xe1, 1, 0, 0, 0, 0, 0, U32(0u), U32(0x1000u), U32(0x1000u));
	EXPECT(0x13, 0x7f, 0x01, 0);
	ASK(0x13, 0xe1, 1, 0, 0, 0, 0, 0, U32(SPDM_CAP_CHUNK), U32(0x1000u), U32(0x1000u));
	EXPECT(0x13, 0x61, 0, 0);
	ck_assert_uint_eq(answer_len, 20);
	ASK(0x10, 0x84, 0, 0);
	CAPS(0x15, 0, 0x1000, 0x1000);
	EXPECT(0x10, 0x7f, 0x41, 0);
	/* In 1.2 the byte was reserved, and reserved bytes are ignored. */
	ASK(0x10, 0x84, 0, 0);
	ASK(0x12, 0xe1, 1, 1, 1, 0, 1, 1, U32(0u), U32(42u), U32(42u));
	EXPECT(0x12, 0x61, 0, 0);
}
END_TEST

/* Nothing in common: an ALGORITHMS that says so, and then only GET_VERSION helps. */
START_TEST(nothing_common)
{
	start();
	CAPS(0x12, 0, 0x1000, 0x1000);
	ALGS(0x12, P256, BIT32(6) /* SM3 */);
	EXPECT(0x12, 0x63, 0, 0, 36, 0);
	ck_assert_uint_eq(le(16, 4), 0);
	ASK(0x12, 0x81, 0, 0);
	EXPECT(0x12, 0x7f, 0x43, 0);
	start();
	CAPS(0x12, KEY_EX, 0x1000, 0x1000);
	ALGS_KEY_EX(0x12, P256, SHA256, BIT32(6) /* SM2 */, 2);
	EXPECT(0x12, 0x63, 3, 0, 48, 0);
	ck_assert_uint_eq(le(36, 4), 0x00002002); /* DHE: none */
	ck_assert_uint_eq(le(40, 4), 0x00022003); /* AEAD: AES-256-GCM */
	ASK(0x12, 0xe0, 0, 0);
	EXPECT(0x12, 0x7f, 0x43, 0);
	/* What was not offered at all is not missed: only what needs it is refused. */
	start();
	CAPS(0x12, KEY_EX, 0x1000, 0x1000);
	ALGS(0x12, 0u, SHA256);
	EXPECT(0x12, 0x63, 0, 0, 36, 0);
	ASK(0x12, 0x81, 0, 0);
	EXPECT(0x12, 0x01, 0, 0);
	ASK(0x12, 0xe0, 0, 0);
	EXPECT(0x12, 0x60, 4, 0);
	ASK(0x12, 0xe4, 0, 0);
	EXPECT(0x12, 0x7f, 0x01, 0);
}
END_TEST

/* More than aerie knows: post-quantum tables of 1.4, external algorithms, unknown bits. */
START_TEST(offers_more)
{
	static const uint8_t request[] = {
		0x14, 0xe3, 5,	  0,	64,   0,    1,	  2,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* all there are */
		7,    0,    0,	  0,	0,    0,    0,	  0,
		0,    0,    0,	  0,	1,    1,    0,	  1, /* PqcAsymAlgo; one external of each kind; MEL */
		0,    0,    1,	  0,	0,    0,    2,	  0, /* the external ones */
		2,    0x21, 0xff, 0,	0,    0,    3,	  0, /* DHE with an external one */
		3,    0x20, 0xff, 0,	5,    0x20, 1,	  0,
		6,    0x20, 7,	  0,	7,    0x20, 7,	  0, /* AEAD, schedule, PQC, KEM */
	};

	start();
	CAPS(0x14, KEY_EX, 0x1000, 0x1000);
	ask_bytes(request, sizeof(request));
	EXPECT(0x14, 0x63, 3, 0, 48, 0, 1, 2);
	ck_assert_uint_eq(le(12, 4), P256);
	ck_assert_uint_eq(le(20, 4), 0); /* no PQC */
	ck_assert_uint_eq(le(32, 4), 0); /* no external ones */
	ck_assert_uint_eq(le(36, 4), 0x00102002);
	ck_assert_uint_eq(le(40, 4), 0x00022003);
	ck_assert_uint_eq(le(44, 4), 0x00012005);
}
END_TEST

/* Tables that descend or have another width, lengths that are wrong or over 128 bytes. */
START_TEST(bad_tables)
{
	static const uint8_t good[] = {0x12, 0xe3, 2, 0, 40, 0, 1, 2, U32(P256), U32(SHA256), 0, 0, 0, 0,    0, 0, 0, 0,
				       0,    0,	   0, 0, 0,  0, 0, 0, 2,	 0x20,	      8, 0, 3, 0x20, 2, 0};
	static const uint8_t spoilt[][2] = {{4, 41}, {4, 36}, {2, 1}, {2, 3}, {32, 3}, {33, 0x60}, {33, 0x10}, {28, 1}};
	uint8_t request[132];

	for (size_t i = 0; i < ARRAY_LEN(spoilt); i++) {
		start();
		CAPS(0x12, 0, 0x1000, 0x1000);
		memcpy(request, good, sizeof(good));
		request[spoilt[i][0]] = spoilt[i][1];
		ask_bytes(request, sizeof(good));
		EXPECT(0x12, 0x7f, 0x01, 0);
		ask_bytes(good, sizeof(good));
		EXPECT(0x12, 0x63, 2, 0, 44, 0);
	}
	start();
	CAPS(0x12, 0, 0x1000, 0x1000);
	memset(request, 0, sizeof(request));
	memcpy(request, good, 32);
	request[2] = 0;
	request[4] = sizeof(request);
	request[28] = 25; /* external ones, as many as 132 bytes hold */
	ask_bytes(request, sizeof(request));
	EXPECT(0x12, 0x7f, 0x01, 0);
}
END_TEST

/* 1.3: a requester that always has several keys is told that it may say so. */
START_TEST(multi_key)
{
	static const uint32_t caps[] = {0, SPDM_CAP_MULTI_KEY_ONLY, BIT32(27)};

	for (unsigned i = 0; i < ARRAY_LEN(caps); i++) {
		for (uint8_t v = 0x12; v <= 0x14; v++) {
			start();
			CAPS(v, caps[i], 0x1000, 0x1000);
			ALGS(v, P256, SHA256);
			EXPECT(v, 0x63, 0, 0, 36, 0, 1, v > 0x12 && caps[i] == SPDM_CAP_MULTI_KEY_ONLY ? 0x12 : 0x02);
		}
	}
}
END_TEST

static void connect_with(uint8_t v, uint32_t caps, uint32_t transfer, uint32_t message)
{
	start();
	CAPS(v, caps, transfer, message);
	ALGS(v, P256, SHA256);
	EXPECT(v, 0x63);
}

/* GET_CERTIFICATE: length 0 asks for the size, 0xffff for all; who takes chunks gets what was asked for. */
START_TEST(certificates)
{
	size_t chain = 4 + 32 + rig.device.chain_len;

	connect_with(0x13, 0, 0x100, 0x100);
	ASK(0x13, 0x82, 0, 0, 0, 0, 0, 0);
	EXPECT(0x13, 0x02, 0, 0, 0, 0);
	ck_assert_uint_eq(le(6, 2), chain);
	ck_assert_uint_eq(answer_len, 8);
	ASK(0x13, 0x82, 0, 1, 0xff, 0xff, 9, 0); /* SlotSizeRequested: the rest is ignored */
	EXPECT(0x13, 0x02, 0, 0, 0, 0);
	ck_assert_uint_eq(le(6, 2), chain);
	ASK(0x13, 0x82, 0, 0, 0, 0, 0xff, 0xff);
	EXPECT(0x13, 0x02, 0, 0, 0xf8, 0);
	ck_assert_uint_eq(le(6, 2), chain - 0xf8);
	ASK(0x13, 0x82, 0, 0, 0xff, 0xff, 1, 0);
	EXPECT(0x13, 0x7f, 0x01, 0);
	ASK(0x13, 0x82, 1, 0, 0, 0, 1, 0);
	EXPECT(0x13, 0x7f, 0x01, 0);

	connect_with(0x12, SPDM_CAP_CHUNK, 0x100, 0x10000);
	ASK(0x12, 0x82, 0, 0, 0, 0, 0xff, 0xff);
	EXPECT(0x12, 0x7f, 0x0f, 0);
	ck_assert_uint_eq(answer_len, 5);
	ASK(0x12, 0x86, 0, answer[4], 0, 0);
	EXPECT(0x12, 0x06, 0);
	ck_assert_uint_eq(answer_len, 0x100);
	ck_assert_uint_eq(le(12, 4), 8 + chain);
	ck_assert_uint_eq(le(16, 4), 0x00000212);
	ck_assert_uint_eq(le(20, 2), chain);
	ck_assert_uint_eq(le(22, 2), 0);

	/* The whole chain is not cut, even if the requester cannot take it. */
	connect_with(0x12, SPDM_CAP_CHUNK, 0x100, 0x200);
	ASK(0x12, 0x82, 0, 0, 0, 0, 0xff, 0xff);
	EXPECT(0x12, 0x7f, 0x0d, 0);
	ASK(0x12, 0x82, 0, 0, 0, 0, 0, 0x40);
	EXPECT(0x12, 0x7f, 0x0f, 0);
}
END_TEST

/* A request that is larger than MaxSPDMmsgSize is told so. */
START_TEST(too_large)
{
	static uint8_t request[0x300] = {0x12, 0xfe, 0, 0, 3, 0, 2, 1, 0, 0xf0, 2};

	rig.rsp_config.profile.caps &= ~SPDM_CAP_CHUNK;
	rig.rsp_config.profile.data_transfer_size = rig.rsp_config.profile.max_message_size = 0x200;
	connect_with(0x12, 0, 0x1000, 0x1000);
	ask_bytes(request, 11 + 0x2f0);
	EXPECT(0x12, 0x7f, 0x0e, 0);
	request[9] = 0xf0;
	request[10] = 0;
	ask_bytes(request, 11 + 0xf0);
	EXPECT(0x12, 0x7e);
	/* In chunks the first one says how large it will be. */
	rig.rsp_config.profile.caps |= SPDM_CAP_CHUNK;
	connect_with(0x12, SPDM_CAP_CHUNK, 0x1000, 0x1000);
	ASK(0x12, 0x85, 0, 7, 0, 0, 0, 0, 4, 0, 0, 0, 1, 2, 0, 0, 0x12, 0xfe, 0, 0);
	EXPECT(0x12, 0x7f, 0x0e, 0);
	ASK(0x12, 0x85, 0, 7, 0, 0, 0, 0, 4, 0, 0, 0, 0, 2, 0, 0, 0x12, 0xfe, 0, 0);
	EXPECT(0x12, 0x05, 0, 7, 0, 0);
	ck_assert_uint_eq(answer_len, 6);
}
END_TEST

/* CHALLENGE for the summary of all measurements, or of the trusted base: one hash over the blocks as they are sent. */
START_TEST(summaries)
{
	static const struct spdm_block firmware[] = {{1, 1, 8, (const uint8_t *)"firmware"}};
	uint8_t challenge[44] = {0x13, 0x83, 0, 0xff}, blocks[0x400], want[32], zero[32] = {0};
	const struct spdm_hash_alg *hash = spdm_hash_find(SHA256);
	size_t len;

	connect_with(0x13, 0, 0x1000, 0x1000);
	ASK(0x13, 0xe0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0);
	EXPECT(0x13, 0x60, 0, 0, 4);
	len = le(5, 3);
	memcpy(blocks, answer + 8, len);
	ask_bytes(challenge, sizeof(challenge));
	EXPECT(0x13, 0x03, 0, 1);
	ck_assert_int_eq(spdm_hash(hash, blocks, len, want), 0);
	ck_assert_mem_eq(answer + 4 + 32 + 32, want, 32);
	challenge[3] = 1; /* the first block is ROM, of 7 and 32 bytes */
	ask_bytes(challenge, sizeof(challenge));
	ck_assert_int_eq(spdm_hash(hash, blocks, 39, want), 0);
	ck_assert_mem_eq(answer + 4 + 32 + 32, want, 32);
	spdm_responder_set_blocks(rig.rsp, firmware, 1);
	ask_bytes(challenge, sizeof(challenge));
	EXPECT(0x13, 0x03, 0, 1);
	ck_assert_mem_eq(answer + 4 + 32 + 32, zero, 32);
	challenge[3] = 2;
	ask_bytes(challenge, sizeof(challenge));
	EXPECT(0x13, 0x7f, 0x01, 0);

	uint8_t get[45] = {0x13, 0xe0, 1, 1};

	/* The upper half of the slot's byte is reserved. */
	get[36] = 0xf0;
	ask_bytes(get, sizeof(get));
	EXPECT(0x13, 0x60, 0);
	ck_assert_uint_eq(answer[3] & 0xf, 0);
	get[36] = 1;
	ask_bytes(get, sizeof(get));
	EXPECT(0x13, 0x7f, 0x01, 0);
}
END_TEST

/* A KEY_EXCHANGE with the generator of P-256 as the public value. */
static void key_exchange(uint8_t v, uint8_t half, uint8_t policy, const uint8_t *opaque, uint8_t opaque_len)
{
	static const uint8_t point[] = {0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63,
					0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1,
					0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f,
					0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57,
					0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
	uint8_t request[256] = {v, 0xe4, 0, 0, half, 0, policy, 0};

	memcpy(request + 40, point, sizeof(point));
	request[104] = opaque_len;
	if (opaque_len)
		memcpy(request + 106, opaque, opaque_len);
	ask_bytes(request, 106u + opaque_len);
}

static const uint8_t offer[] = {1, 0, 0, 0, 0, 0, 5, 0, 1, 1, 1, 0, 0x11, 0, 0, 0};

static void connect_for_session(uint8_t v, uint32_t caps)
{
	start();
	CAPS(v, KEY_EX | caps, 0x1000, 0x1000);
	ALGS_KEY_EX(v, P256, SHA256, SPDM_DHE_P256, 2);
	EXPECT(v, 0x63, 3);
}

#define EXCHANGE_OPAQUE (40u + 64u) /* in KEY_EXCHANGE_RSP, without a summary */

/* Versions of secured messages: the highest common one; other elements are passed over. */
START_TEST(secured_versions)
{
	static const uint8_t all[] = {2, 0, 0, 0, 3, 2, 1, 0, 1,    0, 9,    0, /* PCI-SIG's, whatever it says */
				      0, 0, 9, 0, 1, 1, 3, 0, 0x10, 0, 0x11, 0, 0x12, 0, 0, 0};
	static const uint8_t future[] = {1, 0, 0, 0, 0, 0, 5, 0, 1, 1, 1, 0, 0x13, 0, 0, 0};

	connect_for_session(0x12, 0);
	key_exchange(0x12, 1, 0, all, sizeof(all));
	EXPECT(0x12, 0x64);
	ck_assert_mem_eq(answer + EXCHANGE_OPAQUE, "\14\0\1\0\0\0\0\0\4\0\1\0\0\x12", 14);
	key_exchange(0x12, 2, 0, offer, sizeof(offer));
	EXPECT(0x12, 0x64);
	ck_assert_mem_eq(answer + EXCHANGE_OPAQUE, "\14\0\1\0\0\0\0\0\4\0\1\0\0\x11", 14);
	key_exchange(0x12, 3, 0, future, sizeof(future));
	EXPECT(0x12, 0x7f, 0x01, 0);
	key_exchange(0x12, 4, 0, NULL, 0);
	EXPECT(0x12, 0x7f, 0x01, 0);
}
END_TEST

/* Session policy: events are not to be had (1.3); in clear one handshake at a time. */
START_TEST(exchanges)
{
	connect_for_session(0x13, 0);
	key_exchange(0x13, 1, 1, offer, sizeof(offer));
	EXPECT(0x13, 0x64);
	key_exchange(0x13, 2, 2, offer, sizeof(offer));
	EXPECT(0x13, 0x7f, 0x01, 0);
	key_exchange(0x13, 2, 0, offer, sizeof(offer)); /* a second one, encrypted from here on */
	EXPECT(0x13, 0x64);
	connect_for_session(0x12, 0);
	key_exchange(0x12, 1, 2, offer, sizeof(offer)); /* reserved in 1.2 */
	EXPECT(0x12, 0x64);

	rig.rsp_config.profile.caps |= SPDM_CAP_HANDSHAKE_IN_CLEAR;
	connect_for_session(0x12, SPDM_CAP_HANDSHAKE_IN_CLEAR);
	key_exchange(0x12, 1, 0, offer, sizeof(offer));
	EXPECT(0x12, 0x64);
	key_exchange(0x12, 2, 0, offer, sizeof(offer));
	EXPECT(0x12, 0x7f, 0x04, 0);

	/* Nothing to ask the requester for: 1.3 has a code for that. */
	rig.rsp_config.profile.caps |= SPDM_CAP_ENCAP | SPDM_CAP_MUT_AUTH;
	for (uint8_t v = 0x12; v <= 0x14; v++) {
		connect_for_session(v, SPDM_CAP_HANDSHAKE_IN_CLEAR | SPDM_CAP_ENCAP);
		ASK(v, 0xea, 0, 0);
		EXPECT(v, 0x7f, v > 0x12 ? 0x45 : 0x04, 0);
	}

	/* Without the general format of opaque data there is no place for the version of secured messages. */
	rig.rsp_config.profile.caps &= ~SPDM_CAP_HANDSHAKE_IN_CLEAR;
	start();
	CAPS(0x12, KEY_EX, 0x1000, 0x1000);
	ALGS_KEY_EX(0x12, P256, SHA256, SPDM_DHE_P256, 1);
	EXPECT(0x12, 0x63, 3, 0, 48, 0, 1, 0);
	key_exchange(0x12, 1, 0, offer, sizeof(offer));
	EXPECT(0x12, 0x7f, 0x01, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spdm_interop");
	TCase *tc = tcase_create("responder");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, version);
	tcase_add_test(tc, capabilities);
	tcase_add_test(tc, nothing_common);
	tcase_add_test(tc, offers_more);
	tcase_add_test(tc, bad_tables);
	tcase_add_test(tc, multi_key);
	tcase_add_test(tc, certificates);
	tcase_add_test(tc, too_large);
	tcase_add_test(tc, summaries);
	tcase_add_test(tc, secured_versions);
	tcase_add_test(tc, exchanges);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
