/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every byte of every message of a full exchange, in both directions, changed once (by default every fourth): never is
 * the exchange carried through to its end, and never does a log line hold key material.
 */
#include <check.h>
#include <stdio.h>

#include "bits.h"
#include "log.h"
#include "rounds.h"
#include "run_suite.h"
#include "spdm_req.h"
#include "spdm_rig.h"
#include "spdm_rsp.h"

#define NOWHERE SIZE_MAX

static struct spdm_rig rig;
static unsigned at_message; /* both directions counted */
static size_t flip_message, flip_byte;
static size_t lengths[128];
static uint8_t codes[128];
static bool leaked;

/* Whether @line shows the first bytes of @secret, as they are or in hexadecimal. */
static void look_for(const char *line, const uint8_t *secret, size_t len)
{
	static const uint8_t zero[8];
	char hex[17];

	if (!memcmp(secret, zero, 8))
		return;
	for (unsigned i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", secret[i]);
	if (strcasestr(line, hex) || memmem(line, strlen(line), secret, 8))
		leaked = true;
}

static void look_at_session(const char *line, const struct spdm_session *s)
{
	const struct spdm_direction *ends[] = {&s->keys.request, &s->keys.response};

	look_for(line, s->keys.handshake, SPDM_MAX_HASH);
	look_for(line, s->keys.finished[0], SPDM_MAX_HASH);
	look_for(line, s->keys.finished[1], SPDM_MAX_HASH);
	for (unsigned i = 0; i < 2; i++) {
		look_for(line, ends[i]->secret, SPDM_MAX_HASH);
		look_for(line, ends[i]->key, 32);
		look_for(line, ends[i]->iv, SPDM_SECURED_IV_LEN);
	}
}

static void sink(enum log_level level, const char *line, void *opaque)
{
	for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++) {
		if (rig.req)
			look_at_session(line, &rig.req->link.sessions[i]);
		if (rig.rsp)
			look_at_session(line, &rig.rsp->link.sessions[i]);
	}
}

static size_t hook(struct spdm_rig *r, bool out, bool secured, uint8_t *bytes, size_t len)
{
	if (at_message < ARRAY_LEN(lengths) && flip_message == NOWHERE)
		lengths[at_message] = len, codes[at_message] = secured ? 0 : bytes[1];
	if (at_message++ == flip_message && flip_byte < len)
		bytes[flip_byte] ^= (uint8_t)(1u << flip_byte % 8);
	return len;
}

static int run(size_t message, size_t byte)
{
	int rc;

	at_message = 0;
	flip_message = message;
	flip_byte = byte;
	ck_assert_int_eq(spdm_rig_start(&rig), 0);
	rc = spdm_rig_full(&rig);
	spdm_rig_stop(&rig);
	return rc;
}

/*
 * When the handshake is in clear, no transcript covers the encapsulated messages themselves (only the certificate that
 * they carry). Their reserved bytes have no meaning, and the length of a portion is a wish: nobody can notice a change
 * there.
 */
static bool has_free_bytes(uint8_t code)
{
	return (code | SPDM_REQUEST_BIT) == SPDM_GET_ENCAP_REQUEST ||
	       (code | SPDM_REQUEST_BIT) == SPDM_DELIVER_ENCAP_RSP;
}

static unsigned find(uint8_t code, unsigned count)
{
	unsigned m = 0;

	while (m < count && codes[m] != code)
		m++;
	return m;
}

/* Whether this run changes byte @b of message @m: all, when there is time; else those of headers and every fourth. */
static bool is_turn(unsigned m, size_t b)
{
	return all_rounds() || b < 16 || (b + m) % 4 == 0;
}

/* Also with a handshake in clear, so that FINISH and the encapsulated messages are changed under no seal. */
START_TEST(flip)
{
	bool in_clear = _i & 1;
	unsigned count, unnoticed = 0;

	log_set_sink(sink, NULL);
	spdm_rig_init(&rig, SPDM_ASYM_ED25519);
	rig.hook = hook;
	rig.req_config.identity = in_clear ? rig.host.identity : NULL;
	rig.req_config.retries = 1;
	rig.rsp_config.block_count = 2; /* the more there is, the longer it takes */
	rig.rsp_config.mutual = true;
	rig.rsp_config.profile.versions = SPDM_VERSION_BIT(in_clear ? SPDM_VERSION_14 : SPDM_VERSION_12);
	rig.rsp_config.profile.algs.dhe = SPDM_DHE_P256;
	rig.rsp_config.profile.caps |= SPDM_CAP_MUT_AUTH | SPDM_CAP_ENCAP;
	if (in_clear) {
		rig.rsp_config.profile.caps |= SPDM_CAP_HANDSHAKE_IN_CLEAR;
		rig.req_config.profile.caps |= SPDM_CAP_HANDSHAKE_IN_CLEAR;
	}
	ck_assert_int_eq(run(NOWHERE, 0), 0);
	count = at_message;
	ck_assert_uint_lt(count, ARRAY_LEN(lengths));
	/* Four runs share the messages between them. */
	for (unsigned m = (unsigned)_i / 2; m < count; m += 4) {
		if (in_clear && (m < find(SPDM_KEY_EXCHANGE, count) || codes[m] == 0))
			continue; /* not other than in the runs with a sealed handshake */
		for (size_t b = 0; b < lengths[m]; b++)
			if (is_turn(m, b) && run(m, b) >= 0) {
				unnoticed++;
				ck_assert_msg(has_free_bytes(codes[m]) && b < 16,
					      "byte %zu of message %u (0x%02x) was changed, and nobody noticed", b, m,
					      codes[m]);
			}
	}
	ck_assert_uint_le(unnoticed, in_clear ? 24 : 0);
	ck_assert(!leaked);
	spdm_rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spdm_flip");
	TCase *tc = tcase_create("flip");

	tcase_set_timeout(tc, 280);
	tcase_add_loop_test(tc, flip, 0, 8);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
