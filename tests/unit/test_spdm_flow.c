/* SPDX-License-Identifier: Apache-2.0 */
/* Requester against responder: versions, algorithms and features that go together; what is refused, and in which words.
 */
#include <check.h>
#include <stdio.h>

#include "bits.h"
#include "log.h"
#include "run_suite.h"
#include "spdm_rig.h"

static struct spdm_rig rig;

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

#define FULL(what)                                                                                                     \
	do {                                                                                                           \
		int rc_;                                                                                               \
		ck_assert_int_eq(spdm_rig_start(&rig), 0);                                                             \
		rc_ = spdm_rig_full(&rig);                                                                             \
		ck_assert_msg(rc_ == 0, "%s: %d, %s: %s", what, rc_, spdm_reason_name(spdm_requester_reason(rig.req)), \
			      spdm_requester_why(rig.req));                                                            \
		spdm_rig_stop(&rig);                                                                                   \
	} while (0)

static const uint32_t asyms[] = {SPDM_ASYM_P256, SPDM_ASYM_P384, SPDM_ASYM_ED25519, SPDM_ASYM_RSAPSS_3072,
				 SPDM_ASYM_RSASSA_3072};

static void with_features(bool mutual, bool in_clear, bool small)
{
	uint32_t clear = in_clear ? SPDM_CAP_HANDSHAKE_IN_CLEAR : 0, mut = SPDM_CAP_MUT_AUTH | SPDM_CAP_ENCAP;

	rig.req_config.identity = mutual ? rig.host.identity : NULL;
	rig.rsp_config.mutual = mutual;
	rig.rsp_config.profile.caps = spdm_profile_responder().caps | clear | (mutual ? mut : 0);
	rig.req_config.profile.caps = spdm_profile_requester().caps | clear;
	rig.rsp_config.profile.data_transfer_size = small ? 64 : 0x1000;
	rig.req_config.profile.data_transfer_size = small ? 64 : 0x1000;
}

/* One signature algorithm: every version with every feature. */
START_TEST(features)
{
	char what[64];

	spdm_rig_fini(&rig);
	spdm_rig_init(&rig, asyms[_i]);
	rig.rsp_config.profile.algs.asym = asyms[_i];
	rig.req_config.profile.algs.req_asym = (uint16_t)asyms[_i];
	for (unsigned i = 0; i < 24; i++) {
		uint8_t version = (uint8_t)(SPDM_VERSION_12 + i / 8);

		rig.rsp_config.profile.versions = SPDM_VERSION_BIT(version);
		with_features(i & 1, i & 2, i & 4);
		snprintf(what, sizeof(what), "%s %s%s%s%s", spdm_asym_name(asyms[_i]), spdm_version_name(version),
			 i & 1 ? " mutual" : "", i & 2 ? " clear" : "", i & 4 ? " chunks" : "");
		FULL(what);
	}
	ck_assert_uint_eq(rig.ups, 24);
	ck_assert_uint_eq(rig.ends, 24);
	ck_assert_int_eq(rig.why, SPDM_END_REQUESTED);
}
END_TEST

/* The smallest and the largest transfers. */
START_TEST(sizes)
{
	static const uint32_t transfer[] = {SPDM_MIN_DATA_TRANSFER, 0x11000};

	with_features(true, false, false);
	for (unsigned i = 0; i < ARRAY_LEN(transfer); i++) {
		rig.req_config.profile.data_transfer_size = transfer[i];
		rig.rsp_config.profile.data_transfer_size = transfer[i];
		FULL("transfer size");
	}
}
END_TEST

/* Every hash with every group and cipher. */
START_TEST(suites)
{
	const uint32_t hashes[] = {SPDM_HASH_SHA256, SPDM_HASH_SHA384, SPDM_HASH_SHA512};
	unsigned hash = (unsigned)_i % 3, group = (unsigned)_i / 3;
	char what[96];

	for (unsigned aead = 0; aead < 3; aead++) {
		struct spdm_algs *a = &rig.rsp_config.profile.algs;

		rig.rsp_config.profile.versions = SPDM_VERSION_BIT(SPDM_VERSION_12 + aead);
		a->hash = hashes[hash];
		a->dhe = (uint16_t)BIT32(group);
		a->aead = (uint16_t)BIT32(aead);
		snprintf(what, sizeof(what), "%s %s %s", spdm_hash_name(a->hash), spdm_dhe_name(a->dhe),
			 spdm_aead_name(a->aead));
		FULL(what);
	}
}
END_TEST

/* Over MCTP nothing is padded, and secured messages carry a sequence number and their type. */
START_TEST(mctp)
{
	rig.req_config.binding = SPDM_BINDING_MCTP;
	for (unsigned i = 0; i < 4; i++) {
		with_features(i & 1, false, i & 2);
		FULL("MCTP");
	}
	rig.rsp_config.profile.caps &= ~SPDM_CAP_ENCRYPT;
	FULL("MCTP, MAC without ENCRYPT");
}
END_TEST

START_TEST(authentication_only)
{
	rig.rsp_config.profile.caps &= ~SPDM_CAP_ENCRYPT;
	FULL("MAC without ENCRYPT");
}
END_TEST

/* The requester's chain is known beforehand: no encapsulated requests. */
START_TEST(mutual_known)
{
	rig.req_config.identity = rig.host.identity;
	rig.rsp_config.mutual_required = true;
	rig.rsp_config.profile.caps |= SPDM_CAP_MUT_AUTH;
	rig.rsp_config.requester_ders = rig.host.chain;
	rig.rsp_config.requester_ders_len = rig.host.chain_len;
	FULL("known requester");
}
END_TEST

/* The last ENCAPSULATED_RESPONSE_ACK without the slot, as some responders have it. */
static size_t leave_out_slot(struct spdm_rig *r, bool out, bool secured, uint8_t *bytes, size_t len)
{
	if (!out || bytes[1] != SPDM_RESPONSE(SPDM_DELIVER_ENCAP_RSP) || bytes[3] != SPDM_ENCAP_REQ_SLOT)
		return len;
	bytes[3] = SPDM_ENCAP_ABSENT;
	*(unsigned *)r->hook_data += 1;
	return 8;
}

START_TEST(mutual_without_slot)
{
	unsigned count = 0;

	with_features(true, true, false);
	rig.hook = leave_out_slot;
	rig.hook_data = &count;
	FULL("slot 0 goes without saying");
	ck_assert_uint_eq(count, 1);
}
END_TEST

/* FINISH in clear names another slot than the one that was asked for. Notes the answer's error. */
static size_t finish_with_slot_1(struct spdm_rig *r, bool out, bool secured, uint8_t *bytes, size_t len)
{
	static bool finishing;

	if (!out)
		finishing = !secured && bytes[1] == SPDM_FINISH;
	if (!out && finishing)
		bytes[3] = 1;
	if (out && finishing && bytes[1] == SPDM_ERROR)
		*(unsigned *)r->hook_data = bytes[2];
	return len;
}

START_TEST(mutual_other_slot)
{
	unsigned error = 0;

	with_features(true, true, false);
	rig.hook = finish_with_slot_1;
	rig.hook_data = &error;
	ck_assert_int_eq(spdm_rig_start(&rig), 0);
	ck_assert_int_lt(spdm_rig_full(&rig), 0);
	ck_assert_uint_eq(error, SPDM_ERR_INVALID_REQUEST);
	ck_assert_uint_eq(rig.ups, 0);
}
END_TEST

static void expect(enum spdm_reason reason, const char *what)
{
	int rc;

	ck_assert_int_eq(spdm_rig_start(&rig), 0);
	rc = spdm_rig_full(&rig);
	ck_assert_msg(rc < 0, "%s: accepted", what);
	ck_assert_msg(spdm_requester_reason(rig.req) == reason, "%s: %s (%s), expected %s", what,
		      spdm_reason_name(spdm_requester_reason(rig.req)), spdm_requester_why(rig.req),
		      spdm_reason_name(reason));
	ck_assert_msg(*spdm_requester_why(rig.req), "%s: says nothing", what);
	spdm_rig_stop(&rig);
}

START_TEST(mutual_refused)
{
	rig.rsp_config.mutual_required = true;
	expect(SPDM_PEER_ERROR, "no identity");
	rig.rsp_config.profile.caps |= SPDM_CAP_MUT_AUTH | SPDM_CAP_ENCAP;
	rig.req_config.identity = rig.host.identity;
	rig.rsp_config.roots = rig.device.roots;
	expect(SPDM_PEER_ERROR, "the requester's root is not trusted");
	rig.rsp_config.roots = rig.host.roots;
	rig.req_config.identity = rig.device.identity;
	expect(SPDM_PEER_ERROR, "the requester's certificate is a responder's");
	rig.rsp_config.profile.caps &= ~SPDM_CAP_ENCAP;
	rig.req_config.identity = rig.host.identity;
	rig.rsp_config.requester_ders = rig.device.chain;
	rig.rsp_config.requester_ders_len = rig.device.chain_len;
	expect(SPDM_PEER_ERROR, "another key than the known one");
}
END_TEST

START_TEST(nothing_common)
{
	struct spdm_profile whole = rig.rsp_config.profile, *p = &rig.rsp_config.profile;

	rig.req_config.profile.versions = SPDM_VERSION_BIT(SPDM_VERSION_12);
	p->versions = SPDM_VERSION_BIT(SPDM_VERSION_14);
	expect(SPDM_NO_VERSION, "version");
	*p = whole;
	p->algs.hash = SPDM_HASH_SHA512;
	rig.req_config.profile.algs.hash = SPDM_HASH_SHA256;
	expect(SPDM_NO_ALGORITHM, "hash");
	*p = whole;
	rig.req_config.profile.algs.asym = SPDM_ASYM_P384;
	expect(SPDM_NO_ALGORITHM, "signature");
	rig.req_config.profile = spdm_profile_requester();
	p->algs.dhe = SPDM_DHE_FFDHE2048;
	rig.req_config.profile.algs.dhe = SPDM_DHE_P256;
	expect(SPDM_NO_ALGORITHM, "group");
	*p = whole;
	rig.req_config.profile = spdm_profile_requester();
	rig.req_config.profile.algs.aead = SPDM_AEAD_CHACHA20;
	p->algs.aead = SPDM_AEAD_AES256;
	expect(SPDM_NO_ALGORITHM, "cipher");
}
END_TEST

START_TEST(not_offered)
{
	uint32_t whole = rig.rsp_config.profile.caps;
	static const uint32_t without[] = {SPDM_CAP_CHAL, SPDM_CAP_MEAS_SIGNED | SPDM_CAP_MEAS_FRESH,
					   SPDM_CAP_KEY_EX | SPDM_CAP_ENCRYPT | SPDM_CAP_MAC | SPDM_CAP_HBEAT |
						   SPDM_CAP_KEY_UPD,
					   SPDM_CAP_HBEAT, SPDM_CAP_KEY_UPD};

	for (unsigned i = 0; i < ARRAY_LEN(without); i++) {
		rig.rsp_config.profile.caps = whole & ~without[i];
		expect(SPDM_NO_CAPS, "a capability that the device lacks");
	}
}
END_TEST

/* What each fault of a device is called by a requester. */
static const struct {
	enum spdm_fault fault;
	enum spdm_reason reason;
} faults[] = {
	{SPDM_FAULT_NONE, SPDM_OK},
	{SPDM_FAULT_BAD_SIGNATURE, SPDM_BAD_SIGNATURE},
	{SPDM_FAULT_ZERO_NONCE, SPDM_BAD_NONCE},
	{SPDM_FAULT_STALE_NONCE, SPDM_BAD_NONCE},
	{SPDM_FAULT_REPLAY, SPDM_BAD_SIGNATURE},
	{SPDM_FAULT_WRONG_MEASUREMENT, SPDM_OK},
	{SPDM_FAULT_MEASURE_SINGLY, SPDM_OK},
	{SPDM_FAULT_BAD_DIGEST, SPDM_CHAIN_DIGEST},
	{SPDM_FAULT_BAD_MAC, SPDM_BAD_MAC},
	{SPDM_FAULT_BAD_TAG, SPDM_BAD_MAC},
	{SPDM_FAULT_NO_REPLY, SPDM_NO_REPLY},
	{SPDM_FAULT_NO_SESSION_REPLY, SPDM_NO_REPLY},
	{SPDM_FAULT_TRUNCATED, SPDM_MALFORMED},
	{SPDM_FAULT_OVERLONG, SPDM_MALFORMED},
	{SPDM_FAULT_BUSY, SPDM_BUSY},
	{SPDM_FAULT_BUSY_ONCE, SPDM_OK},
	{SPDM_FAULT_NOT_READY, SPDM_OK},
	{SPDM_FAULT_WRONG_VERSION, SPDM_MALFORMED},
	{SPDM_FAULT_WRONG_CODE, SPDM_MALFORMED},
	{SPDM_FAULT_BAD_CAPS, SPDM_NO_CAPS},
	{SPDM_FAULT_BAD_ALGORITHM, SPDM_NO_ALGORITHM},
	{SPDM_FAULT_DROP_SESSION, SPDM_SESSION_LOST},
};

START_TEST(misbehaviour)
{
	ck_assert_uint_eq(ARRAY_LEN(faults), SPDM_FAULT_COUNT);
	rig.rsp_config.fault = faults[_i].fault;
	for (unsigned i = 0; i < 2; i++) {
		rig.rsp_config.profile.versions = SPDM_VERSION_BIT(i ? SPDM_VERSION_14 : SPDM_VERSION_12);
		if (faults[_i].reason == SPDM_OK) {
			FULL(spdm_fault_name(faults[_i].fault));
		} else if (faults[_i].fault == SPDM_FAULT_REPLAY) {
			/* The first time is true: it takes a second attestation to be given old answers. */
			ck_assert_int_eq(spdm_rig_start(&rig), 0);
			ck_assert_int_eq(spdm_requester_connect(rig.req), 0);
			ck_assert_int_eq(spdm_requester_chain(rig.req, 0), 0);
			ck_assert_int_eq(spdm_requester_challenge(rig.req), 0);
			ck_assert_int_eq(spdm_requester_challenge(rig.req), -EACCES);
			ck_assert_int_eq(spdm_requester_reason(rig.req), SPDM_BAD_SIGNATURE);
			spdm_rig_stop(&rig);
		} else {
			expect(faults[_i].reason, spdm_fault_name(faults[_i].fault));
		}
	}
	ck_assert_int_eq(spdm_fault_find(spdm_fault_name(faults[_i].fault)), faults[_i].fault);
}
END_TEST

/* A device without a certificate, that only measures. */
START_TEST(plain_device)
{
	struct spdm_measurements m;
	uint32_t session;

	rig.rsp_config.profile.caps = SPDM_CAP_MEAS_PLAIN | SPDM_CAP_CHUNK;
	rig.rsp_config.slots[0] = NULL;
	ck_assert_int_eq(spdm_rig_start(&rig), 0);
	ck_assert_int_eq(spdm_requester_connect(rig.req), 0);
	ck_assert_int_eq(spdm_requester_chain(rig.req, 0), -ENOTSUP);
	ck_assert_int_eq(spdm_requester_challenge(rig.req), -ENOTSUP);
	ck_assert_int_eq(spdm_requester_start_session(rig.req, &session), -ENOTSUP);
	ck_assert_int_eq(spdm_requester_measurements(rig.req, 0, true, false, &m), -ENOTSUP);
	ck_assert_int_eq(spdm_requester_measurements(rig.req, 0, false, false, &m), 0);
	ck_assert_uint_eq(m.count, ARRAY_LEN(spdm_rig_blocks));
	spdm_measurements_fini(&m);
	/* No hash, no transcript: such a connection is none. */
	spdm_rig_stop(&rig);
	rig.rsp_config.profile.algs.hash = 0;
	expect(SPDM_NO_ALGORITHM, "no hash");
}
END_TEST

/* Several sessions at a time; their limit; heartbeat; what ends them. */
START_TEST(sessions)
{
	uint32_t ids[SPDM_MAX_SESSIONS + 1];
	uint8_t out[16];
	size_t len;

	ck_assert_int_eq(spdm_rig_start(&rig), 0);
	ck_assert_int_eq(spdm_requester_connect(rig.req), 0);
	ck_assert_int_eq(spdm_requester_start_session(rig.req, &ids[0]), -EINVAL); /* no chain */
	ck_assert_int_eq(spdm_requester_chain(rig.req, 0), 0);
	for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++)
		ck_assert_int_eq(spdm_requester_start_session(rig.req, &ids[i]), 0);
	ck_assert_int_eq(spdm_requester_start_session(rig.req, &ids[SPDM_MAX_SESSIONS]), -EUSERS);
	ck_assert_uint_eq(spdm_responder_sessions(rig.rsp), SPDM_MAX_SESSIONS);
	ck_assert_uint_eq(spdm_requester_heartbeat_period(rig.req, ids[1]), 5);
	spdm_responder_tick(rig.rsp, 9000);
	ck_assert_int_eq(spdm_requester_heartbeat(rig.req, ids[1]), 0);
	spdm_responder_tick(rig.rsp, 10001);
	ck_assert_uint_eq(spdm_responder_sessions(rig.rsp), 1);
	ck_assert_uint_eq(rig.ends, SPDM_MAX_SESSIONS - 1);
	ck_assert_int_eq(rig.why, SPDM_END_SILENT);
	ck_assert_int_eq(spdm_requester_heartbeat(rig.req, ids[0]), -ECONNABORTED);
	ck_assert(!spdm_requester_session_alive(rig.req, ids[0]));
	ck_assert(spdm_requester_session_alive(rig.req, ids[1]));
	/* No answer from above: a time-out, and the session is not to be trusted any more. */
	ck_assert_int_eq(spdm_requester_vendor(rig.req, ids[1], (const uint8_t *)"\x7f", 1, out, sizeof(out), &len),
			 -EPROTO);
	ck_assert_int_eq(spdm_requester_vendor(rig.req, ids[1], (const uint8_t *)"\x7e", 1, out, sizeof(out), &len),
			 -ETIMEDOUT);
	ck_assert(!spdm_requester_session_alive(rig.req, ids[1]));
	/* GET_VERSION ends everything. */
	ck_assert_int_eq(spdm_requester_connect(rig.req), 0);
	ck_assert_uint_eq(spdm_responder_sessions(rig.rsp), 0);
	ck_assert_int_eq(rig.why, SPDM_END_RESET);
	ck_assert_uint_eq(rig.ends, SPDM_MAX_SESSIONS);
}
END_TEST

START_TEST(vendor_in_clear)
{
	uint8_t out[16];
	size_t len;

	ck_assert_int_eq(spdm_rig_start(&rig), 0);
	ck_assert_int_eq(spdm_requester_vendor(rig.req, 0, (const uint8_t *)"\1", 1, out, sizeof(out), &len), -EINVAL);
	ck_assert_int_eq(spdm_requester_connect(rig.req), 0);
	ck_assert_int_eq(spdm_requester_vendor(rig.req, 0, (const uint8_t *)"\1", 1, out, sizeof(out), &len), 0);
	ck_assert_uint_eq(len, 5);
	ck_assert_mem_eq(out, "\1\0\0\0\0", 5);
	ck_assert_int_eq(spdm_requester_vendor(rig.req, 0, (const uint8_t *)"\1", 1, out, 4, &len), -EMSGSIZE);
}
END_TEST

/* Configurations that a responder or requester does not take, and the rule that each set of capabilities breaks. */
START_TEST(bad_configurations)
{
	static const struct {
		uint32_t set, clear;
	} bad[] = {
		{0, SPDM_CAP_CERT},	{SPDM_CAP_PUB_KEY_ID, 0}, {0, SPDM_CAP_ENCRYPT | SPDM_CAP_MAC},
		{0, SPDM_CAP_KEY_EX},	{SPDM_CAP_MEAS_MASK, 0},  {0, SPDM_CAP_MEAS_SIGNED},
		{SPDM_CAP_PSK_MASK, 0},
	};
	struct spdm_responder_config config = rig.rsp_config;
	struct spdm_responder *rsp = NULL;

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		config.profile.caps = (rig.rsp_config.profile.caps | bad[i].set) & ~bad[i].clear;
		ck_assert_ptr_nonnull(spdm_caps_problem(SPDM_VERSION_12, config.profile.caps, true));
		ck_assert_int_eq(spdm_responder_create(&config, &rsp), -EINVAL);
	}
	config = rig.rsp_config;
	config.slots[0] = NULL;
	ck_assert_int_eq(spdm_responder_create(&config, &rsp), -EINVAL);
	config = rig.rsp_config;
	config.profile.data_transfer_size = 41;
	ck_assert_int_eq(spdm_responder_create(&config, &rsp), -EINVAL);
	config = rig.rsp_config;
	config.profile.caps &= ~SPDM_CAP_CHUNK;
	ck_assert_int_eq(spdm_responder_create(&config, &rsp), -EINVAL);
	rig.req_config.transport.exchange = NULL;
	ck_assert_int_eq(spdm_requester_create(&rig.req_config, &rig.req), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spdm_flow");
	TCase *tc = tcase_create("flow");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 240);
	tcase_add_loop_test(tc, features, 0, ARRAY_LEN(asyms));
	tcase_add_loop_test(tc, suites, 0, 15);
	tcase_add_test(tc, sizes);
	tcase_add_test(tc, mctp);
	tcase_add_test(tc, authentication_only);
	tcase_add_test(tc, mutual_known);
	tcase_add_test(tc, mutual_without_slot);
	tcase_add_test(tc, mutual_other_slot);
	tcase_add_test(tc, mutual_refused);
	tcase_add_test(tc, nothing_common);
	tcase_add_test(tc, not_offered);
	tcase_add_loop_test(tc, misbehaviour, 0, ARRAY_LEN(faults));
	tcase_add_test(tc, plain_device);
	tcase_add_test(tc, sessions);
	tcase_add_test(tc, vendor_in_clear);
	tcase_add_test(tc, bad_configurations);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
