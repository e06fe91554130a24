/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attestation over a socket: a device in software serves one end in a thread, the flow runs over the other. All
 * versions and algorithm sets; each way to misbehave with the verdict that it must lead to.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <json-c/json.h>

#include "attest.h"
#include "attest_link.h"
#include "capture.h"
#include "policy_load.h"
#include "run_suite.h"
#include "soft_serve.h"
#include "attest_pki.h"

#define ALL   (ATTEST_SPDM | ATTEST_MEASUREMENTS | ATTEST_IDE | ATTEST_TDISP)
#define NAME  "Vendor=1b36:Device=0010:CC=010802:REV=02:SSVID=1af4:SSID=1100"
#define QUICK 1500u /* ms: how long a device that does not answer is waited for */

static const struct spdm_device_id nvme = {
	.vendor = 0x1b36,
	.device = 0x0010,
	.class_code = 0x010802,
	.revision = 2,
	.subsystem_vendor = 0x1af4,
	.subsystem = 0x1100,
};

static char dir[64], other_dir[64];
static struct spdm_roots *roots;
static struct policy *policy;
static struct soft_device_config device;
static struct spdm_block blocks[2];
static struct attest_config config;
static struct tdisp_bar bars[TDISP_NR_BARS];

/* The running pair */
static struct spdm_identity *identity;
static struct soft_device *dev;
static struct attest_link link_;
static struct attest *attest;
static pthread_t server;
static int ends[2];

static void path_of(char *out, size_t cap, const char *folder, const char *file)
{
	snprintf(out, cap, "%s/%s", folder, file);
}

static void make_pki(char folder[64], const struct attest_pki_config *pki)
{
	strcpy(folder, "/tmp/aerie-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(attest_pki_generate(folder, pki), 0);
}

static void remove_pki(const char *folder)
{
	static const char *const files[] = {"root.pem", "chain.pem", "key.pem"};
	char path[128];

	for (unsigned i = 0; i < 3; i++) {
		path_of(path, sizeof(path), folder, files[i]);
		unlink(path);
	}
	rmdir(folder);
}

static void load_roots(const char *folder)
{
	char path[128];

	spdm_roots_free(roots);
	path_of(path, sizeof(path), folder, "root.pem");
	ck_assert_int_eq(spdm_roots_load(path, &roots), 0);
}

static void setup(void)
{
	capture_begin();
	make_pki(dir, &(struct attest_pki_config){.asym = SPDM_ASYM_P384, .name = NAME});
	roots = NULL;
	load_roots(dir);
	blocks[0] = (struct spdm_block){.index = 1, .type = 0, .value = (const uint8_t *)"rom", .len = 3};
	blocks[1] = (struct spdm_block){.index = 4, .type = 1, .value = (const uint8_t *)"firmware", .len = 8};
	device = (struct soft_device_config){
		.profile = spdm_profile_responder(),
		.blocks = blocks,
		.nr_blocks = 2,
		.ide = true,
		.tdisp = true,
		.bars = {[0] = {0x10000000, 0x4000}, [2] = {0x4000000000, 0x100000}},
	};
	memcpy(bars, device.bars, sizeof(bars));
	policy = NULL;
	config = (struct attest_config){
		.name = "device", .roots = roots, .device = &nvme, .bars = bars, .require = ALL, .timeout_ms = QUICK};
}

static void *serve(void *arg)
{
	soft_serve(dev, ends[1], -1, NULL);
	close(ends[1]);
	return NULL;
}

static void begin(void)
{
	char chain[128], key[128];

	path_of(chain, sizeof(chain), dir, "chain.pem");
	path_of(key, sizeof(key), dir, "key.pem");
	ck_assert_int_eq(spdm_identity_load(chain, key, &identity), 0);
	device.identity = identity;
	ck_assert_int_eq(soft_device_create(&dev, &device), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(pthread_create(&server, NULL, serve, NULL), 0);
	link_ = (struct attest_link){.name = "device", .fd = ends[0]};
	config.roots = roots;
	config.policy = policy;
	config.transport = attest_link_transport(&link_);
	ck_assert_int_eq(attest_create(&attest, &config), 0);
}

static void end(void)
{
	attest_end(attest);
	attest_destroy(&attest);
	close(ends[0]);
	pthread_join(server, NULL);
	soft_device_destroy(&dev);
	spdm_identity_free(identity);
	identity = NULL;
}

static void teardown(void)
{
	policy_free(policy);
	spdm_roots_free(roots);
	remove_pki(dir);
	log_set_sink(NULL, NULL);
}

/* All the way, as far as it goes. */
static int whole(void)
{
	int err = attest_verify(attest);

	if (err == 0)
		err = attest_lock(attest);
	if (err == 0)
		err = attest_start(attest);
	for (unsigned i = 0; err == 0 && i < 3; i++)
		err = attest_alive(attest);
	return err;
}

/* Whatever the evidence is, it can be told. */
static struct json_object *tell(void)
{
	struct json_object *json = attest_json(attest);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	attest_print(attest, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "verdict"));
	free(text);
	return json;
}

static void expect(const char *verdict)
{
	int err = whole();

	ck_assert_msg((err == 0) == (strcmp(verdict, "trusted") == 0), "%s: %d, %s: %s", verdict, err,
		      attest_verdict(attest), attest_why(attest));
	ck_assert_msg(strcmp(attest_verdict(attest), verdict) == 0, "%s, not %s: %s\n%s", attest_verdict(attest),
		      verdict, attest_why(attest), captured);
	json_object_put(tell());
}

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *value;

	ck_assert_msg(json_object_object_get_ex(o, key, &value), "no %s", key);
	return json_object_get_string(value);
}

START_TEST(trusted)
{
	struct json_object *json;

	begin();
	expect("trusted");
	json = tell();
	ck_assert_str_eq(text_of(json, "verdict"), "trusted");
	ck_assert_str_eq(text_of(json, "spdm_version"), "1.4");
	ck_assert_str_eq(text_of(json, "chain_verified"), "true");
	ck_assert_ptr_nonnull(strstr(text_of(json, "certificates"), NAME));
	ck_assert_ptr_nonnull(strstr(text_of(json, "interface"), "\"state\": \"RUN\""));
	ck_assert_ptr_nonnull(strstr(text_of(json, "ide"), "\"keyed\": true"));
	ck_assert_ptr_nonnull(strstr(text_of(json, "measurements"), "\"index\": 4"));
	json_object_put(json);
	ck_assert_str_eq(attest_device_name(attest), NAME);
	ck_assert_uint_eq(attest_report(attest)->nr_ranges, 2);
	end();
}
END_TEST

/* The same device may be asked again, over the same connection. */
START_TEST(again)
{
	begin();
	expect("trusted");
	attest_end(attest);
	ck_assert_str_eq(attest_verdict(attest), "trusted"); /* the evidence stays */
	expect("trusted");
	end();
}
END_TEST

static const struct {
	uint32_t version, asym, hash;
	uint16_t dhe, aead;
} sets[] = {
	{SPDM_VERSION_12, SPDM_ASYM_P384, SPDM_HASH_SHA384, SPDM_DHE_P384, SPDM_AEAD_AES256},
	{SPDM_VERSION_13, SPDM_ASYM_P384, SPDM_HASH_SHA384, SPDM_DHE_P384, SPDM_AEAD_AES256},
	{SPDM_VERSION_14, SPDM_ASYM_P256, SPDM_HASH_SHA256, SPDM_DHE_P256, SPDM_AEAD_AES256},
	{SPDM_VERSION_12, SPDM_ASYM_RSAPSS_3072, SPDM_HASH_SHA512, SPDM_DHE_FFDHE2048, SPDM_AEAD_CHACHA20},
	{SPDM_VERSION_13, SPDM_ASYM_RSASSA_3072, SPDM_HASH_SHA256, SPDM_DHE_FFDHE3072, SPDM_AEAD_AES256},
	{SPDM_VERSION_14, SPDM_ASYM_ED25519, SPDM_HASH_SHA512, SPDM_DHE_P384, SPDM_AEAD_CHACHA20},
};

START_TEST(versions_and_algorithms)
{
	struct json_object *json;

	remove_pki(dir);
	make_pki(dir, &(struct attest_pki_config){.asym = sets[_i].asym, .name = NAME});
	load_roots(dir);
	device.profile.versions = SPDM_VERSION_BIT(sets[_i].version);
	device.profile.algs.asym = sets[_i].asym;
	device.profile.algs.hash = sets[_i].hash;
	device.profile.algs.meas_hash = sets[_i].hash << 1;
	device.profile.algs.dhe = sets[_i].dhe;
	device.profile.algs.aead = sets[_i].aead;
	if (sets[_i].aead != SPDM_AEAD_AES256)
		config.require = ATTEST_SPDM | ATTEST_MEASUREMENTS;
	begin();
	expect("trusted");
	json = tell();
	ck_assert_str_eq(text_of(json, "spdm_version"), spdm_version_name((uint8_t)sets[_i].version));
	ck_assert_ptr_nonnull(strstr(text_of(json, "algorithms"), spdm_asym_name(sets[_i].asym)));
	json_object_put(json);
	end();
}
END_TEST

/* Recorded now, held against it then: holds; and not any more once one byte is another. */
START_TEST(policies)
{
	struct policy_measurement m[2];
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	begin();
	expect("trusted");
	for (unsigned i = 0; i < 2; i++) {
		const struct spdm_block *b = &attest_measurements(attest)->blocks[i];

		m[i] = (struct policy_measurement){b->index, b->type, b->value, b->len};
	}
	out = open_memstream(&text, &len);
	ck_assert_int_eq(policy_record(out, NULL, m, 2, attest_hash(attest)), 0);
	fclose(out);
	end();
	ck_assert_int_eq(policy_parse(&policy, "recorded", text, len), 0);
	free(text);
	begin();
	expect("trusted");
	end();
	blocks[1].value = (const uint8_t *)"firmwarf";
	begin();
	expect("policy");
	ck_assert_ptr_nonnull(strstr(attest_why(attest), "measurement 4 (mutable firmware)"));
	end();
	blocks[1].value = (const uint8_t *)"firmware";
	device.spdm_fault = SPDM_FAULT_WRONG_MEASUREMENT;
	begin();
	expect("policy");
	end();
}
END_TEST

static const struct {
	const char *fault, *verdict;
} faults[] = {
	{"none", "trusted"},
	{"bad-signature", "bad-signature"},
	{"zero-nonce", "bad-nonce"},
	{"measure-singly", "trusted"},
	{"bad-digest", "chain-digest"},
	{"bad-mac", "bad-mac"},
	{"no-reply", "no-reply"},
	{"no-session-reply", "no-reply"},
	{"busy", "busy"},
	{"busy-once", "trusted"},
	{"not-ready", "trusted"},
	{"bad-capabilities", "capabilities"},
	{"key-refused", "ide-refused"},
	{"lock-refused", "lock-refused"},
	{"extra-range", "report-bad"},
	{"overlapping-ranges", "report-bad"},
	{"empty-range", "report-bad"},
	{"report-short", "report-bad"},
	{"portion-long", "report-bad"},
	{"portion-more", "report-bad"},
	{"start-refused", "start-refused"},
	{"error-in-run", "left-run"},
};

START_TEST(named_faults)
{
	ck_assert(soft_device_fault(&device, faults[_i].fault));
	begin();
	expect(faults[_i].verdict);
	end();
}
END_TEST

static bool due(void *opaque)
{
	return *(const bool *)opaque;
}

/* A fault of a running interface waits until its time has come. */
START_TEST(fault_when_due)
{
	bool now = false;

	ck_assert(soft_device_fault(&device, "error-in-run"));
	device.fault_due = due;
	device.opaque = &now;
	begin();
	ck_assert_int_eq(whole(), 0);
	ck_assert_int_eq(attest_alive(attest), 0);
	now = true;
	ck_assert_int_lt(attest_alive(attest), 0);
	ck_assert_str_eq(attest_verdict(attest), "left-run");
	end();
}
END_TEST

/* Silence and lost sessions are told apart from refusals, by whatever is noticed first. */
static const char *const lost[] = {"cut-after-lock", "silent-in-run", "cut-in-run", "drop-session", "bad-tag"};

START_TEST(lost_sessions)
{
	ck_assert(soft_device_fault(&device, lost[_i]));
	begin();
	ck_assert_int_lt(whole(), 0);
	ck_assert_msg(strcmp(attest_verdict(attest), "trusted") != 0, "%s", lost[_i]);
	ck_assert_msg(strcmp(attest_verdict(attest), "pending") != 0, "%s", lost[_i]);
	json_object_put(tell());
	end();
}
END_TEST

/* A nonce of the last time: the second attestation sees it. */
START_TEST(replays)
{
	ck_assert(soft_device_fault(&device, _i ? "replay" : "stale-nonce"));
	begin();
	if (whole() == 0) {
		attest_end(attest);
		ck_assert_int_lt(whole(), 0);
	}
	ck_assert_str_ne(attest_verdict(attest), "trusted");
	end();
}
END_TEST

START_TEST(unknown_root)
{
	make_pki(other_dir, &(struct attest_pki_config){.asym = SPDM_ASYM_P384, .name = NAME});
	load_roots(other_dir);
	struct json_object *json;

	begin();
	expect("unknown-root");
	json = tell(); /* the chain is evidence all the same */
	ck_assert_uint_eq(json_object_array_length(json_object_object_get(json, "certificates")), 3);
	json_object_put(json);
	end();
	remove_pki(other_dir);
}
END_TEST

static const struct {
	struct attest_pki_config pki;
	const char *verdict;
} certs[] = {
	{{.asym = SPDM_ASYM_P384, .name = NAME, .expired = true}, "certificate-expired"},
	{{.asym = SPDM_ASYM_P384, .name = NULL}, "name-missing"},
	{{.asym = SPDM_ASYM_P384, .name = "Vendor=1b36:Device=0011:CC=010802:REV=02:SSVID=1af4:SSID=1100"},
	 "name-mismatch"},
	{{.asym = SPDM_ASYM_P384, .name = NAME ":SN=0000000000000001"}, "name-mismatch"},
	{{.asym = SPDM_ASYM_P384, .name = NAME, .wrong_eku = true}, "leaf-rules"},
};

START_TEST(certificates)
{
	remove_pki(dir);
	make_pki(dir, &certs[_i].pki);
	load_roots(dir);
	begin();
	expect(certs[_i].verdict);
	end();
}
END_TEST

START_TEST(abilities_that_are_missing)
{
	device.tdisp = false;
	begin();
	expect("tdisp-unsupported");
	end();
	device.tdisp = true;
	device.ide = false;
	begin();
	expect("ide-unsupported");
	end();
	/* without keys being required the interface locks without them, as an integrated endpoint's does */
	config.require &= ~ATTEST_IDE;
	begin();
	expect("trusted");
	end();
	device.nr_blocks = 0; /* signed, and of nothing */
	begin();
	expect("no-measurements");
	end();
	device.profile.caps &= ~(SPDM_CAP_MEAS_MASK | SPDM_CAP_MEAS_FRESH);
	begin();
	expect("no-measurements");
	end();
}
END_TEST

/* Keys of the link are not given to a session that others can read, nor TDISP to another cipher than it demands. */
START_TEST(secrecy)
{
	if (_i == 0)
		device.profile.caps &= ~SPDM_CAP_ENCRYPT;
	else
		device.profile.algs.aead = _i == 1 ? SPDM_AEAD_AES128 : SPDM_AEAD_CHACHA20;
	config.require = ATTEST_SPDM | (_i == 2 ? ATTEST_TDISP : ATTEST_IDE);
	begin();
	/* this device answers an offer of which it has nothing with an ERROR */
	expect(_i == 0 ? "capabilities" : "no-common-algorithm");
	end();
	config.require = ATTEST_SPDM;
	begin();
	expect("trusted");
	end();
}
END_TEST

static int late(void *ctx, bool *secured, const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap, size_t *len,
		unsigned timeout_ms)
{
	struct spdm_transport link = attest_link_transport(ctx);

	ck_assert_uint_le(timeout_ms, 1000);
	usleep(300000);
	return link.exchange(link.ctx, secured, req, req_len, rsp, cap, len, timeout_ms);
}

/* A device that answers each request just in time does not keep anybody for ever. */
START_TEST(patience)
{
	begin();
	attest_destroy(&attest);
	config.transport.exchange = late;
	config.patience_s = 1;
	ck_assert_int_eq(attest_create(&attest, &config), 0);
	ck_assert_int_eq(attest_verify(attest), -ETIMEDOUT);
	ck_assert_str_eq(attest_verdict(attest), "no-reply");
	ck_said("too slowly");
	end();
}
END_TEST

/* BARs that are elsewhere: the report is about another device. */
START_TEST(other_bars)
{
	bars[0].addr += 0x10000;
	begin();
	expect("report-bad");
	end();
}
END_TEST

/* A small decoder of captures: the file's header, then packets, each a whole DOE object; requests and answers in turn.
 */
START_TEST(captures)
{
	static uint8_t bytes[1 << 17];
	char path[] = "/tmp/aerie-test-XXXXXX";
	unsigned packets = 0, secured = 0;
	size_t at = SPDM_PCAP_FILE_HEADER, len;
	int fd = mkstemp(path);
	uint32_t dw[4];

	ck_assert_int_ge(fd, 0);
	begin();
	ck_assert_int_eq(spdm_pcap_create(&link_.pcap, path), 0);
	expect("trusted");
	end();
	ck_assert_int_eq(spdm_pcap_close(&link_.pcap), 0);
	len = (size_t)read(fd, bytes, sizeof(bytes));
	ck_assert_uint_gt(len, SPDM_PCAP_FILE_HEADER);
	memcpy(dw, bytes, sizeof(dw));
	ck_assert_uint_eq(dw[0], SPDM_PCAP_MAGIC_NS);
	for (; at < len; at += SPDM_PCAP_PACKET + dw[2], packets++) {
		const uint8_t *object = bytes + at + SPDM_PCAP_PACKET;

		ck_assert_uint_le(at + SPDM_PCAP_PACKET, len);
		memcpy(dw, bytes + at, sizeof(dw));
		ck_assert_uint_eq(dw[2], dw[3]);
		ck_assert_uint_le(at + SPDM_PCAP_PACKET + dw[2], len);
		ck_assert_uint_eq((uint32_t)(object[4] | object[5] << 8 | object[6] << 16) * 4, dw[2]);
		ck_assert_uint_eq(object[0] | object[1] << 8, 1);
		secured += object[2] == 2;
		ck_assert(object[2] == 1 || object[2] == 2);
		if (object[2] == 1) /* requests have bit 7 of their code */
			ck_assert_uint_eq(object[9] >> 7, packets % 2 == 0);
		if (packets == 0)
			ck_assert_mem_eq(object + 8, "\x10\x84\0\0", 4);
	}
	ck_assert_uint_eq(at, len);
	ck_assert_uint_gt(packets, 40);
	ck_assert_uint_gt(secured, 30);
	close(fd);
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attest");
	TCase *tc = tcase_create("attest");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, trusted);
	tcase_add_test(tc, again);
	tcase_add_loop_test(tc, versions_and_algorithms, 0, sizeof(sets) / sizeof(sets[0]));
	tcase_add_test(tc, policies);
	tcase_add_loop_test(tc, named_faults, 0, sizeof(faults) / sizeof(faults[0]));
	tcase_add_test(tc, fault_when_due);
	tcase_add_loop_test(tc, lost_sessions, 0, sizeof(lost) / sizeof(lost[0]));
	tcase_add_loop_test(tc, replays, 0, 2);
	tcase_add_test(tc, unknown_root);
	tcase_add_loop_test(tc, certificates, 0, sizeof(certs) / sizeof(certs[0]));
	tcase_add_test(tc, abilities_that_are_missing);
	tcase_add_loop_test(tc, secrecy, 0, 3);
	tcase_add_test(tc, patience);
	tcase_add_test(tc, other_bars);
	tcase_add_test(tc, captures);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
