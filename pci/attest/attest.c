/* SPDX-License-Identifier: Apache-2.0 */
/* Identity, measurements, session and link keys. TDISP: attest_tdisp.c. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest_priv.h"
#include "log.h"

/* The first transport of QEMU's that carries SPDM takes no answer over 0x1200 bytes with its DOE header. */
#define TRANSFER_SIZE 0x1000u

struct spdm_profile attest_profile(void)
{
	struct spdm_profile profile = spdm_profile_requester();

	profile.data_transfer_size = TRANSFER_SIZE;
	if (!(profile.caps & SPDM_CAP_CHUNK))
		profile.max_message_size = TRANSFER_SIZE;
	return profile;
}

int attest_fail(struct attest *a, int err, const char *verdict, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(a->why, sizeof(a->why), fmt, args);
	va_end(args);
	a->verdict = verdict;
	return err;
}

int attest_spdm_fail(struct attest *a, int err)
{
	return attest_fail(a, err, spdm_reason_name(spdm_requester_reason(a->rq)), "%s", spdm_requester_why(a->rq));
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void attest_begin(struct attest *a, unsigned seconds)
{
	a->deadline_ms = now_ms() + (a->config.patience_s ? a->config.patience_s : seconds) * INT64_C(1000);
}

/* The transport that was given, as long as the step has time. */
static int exchange_in_time(void *ctx, bool *secured, const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap,
			    size_t *len, unsigned timeout_ms)
{
	struct attest *a = ctx;
	int64_t left = a->deadline_ms - now_ms();

	if (left <= 0)
		return log_fail(-ETIMEDOUT, "%s: answers, but too slowly to be waited for any longer", a->config.name);
	return a->config.transport.exchange(a->config.transport.ctx, secured, req, req_len, rsp, cap, len,
					    left < timeout_ms ? (unsigned)left : timeout_ms);
}

static void wait_in_time(void *ctx, uint64_t us)
{
	const struct attest *a = ctx;
	int64_t left = a->deadline_ms - now_ms();
	uint64_t most = left > 0 ? (uint64_t)left * 1000 : 0;
	struct timespec t;

	us = us < most ? us : most;
	t = (struct timespec){.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
	if (a->config.transport.wait_us)
		a->config.transport.wait_us(a->config.transport.ctx, us);
	else
		nanosleep(&t, NULL);
}

/* PCIe 6.1, 6.33.3 and 11.2.2: IDE_KM and TDISP travel under AES-256-GCM. */
static bool needs_secrecy(const struct attest *a)
{
	return a->config.require & (ATTEST_IDE | ATTEST_TDISP);
}

int attest_create(struct attest **out, const struct attest_config *config)
{
	struct spdm_profile profile = config->profile ? *config->profile : attest_profile();
	struct attest *a = calloc(1, sizeof(*a));
	int err;

	*out = NULL;
	if (!a)
		return log_fail(-ENOMEM, "%s: cannot be attested: out of memory", config->name);
	a->config = *config;
	a->config.require |= ATTEST_SPDM;
	if (needs_secrecy(a))
		profile.algs.aead &= SPDM_AEAD_AES256;
	a->verdict = "pending";
	snprintf(a->why, sizeof(a->why), "nothing has been asked yet");
	tdisp_requester_init(&a->tdisp, config->rid, -1);
	err = spdm_requester_create(
		&(struct spdm_requester_config){
			.transport = {.ctx = a, .exchange = exchange_in_time, .wait_us = wait_in_time},
			.binding = config->binding,
			.profile = profile,
			.roots = config->roots,
			.device = config->device,
			.now = config->now,
			.timeout_ms = config->timeout_ms,
		},
		&a->rq);
	if (err < 0) {
		attest_destroy(&a);
		return err;
	}
	*out = a;
	return 0;
}

void attest_destroy(struct attest **attest)
{
	struct attest *a = *attest;

	if (!a)
		return;
	*attest = NULL;
	spdm_requester_destroy(a->rq);
	spdm_measurements_fini(&a->measurements);
	explicit_bzero(a, sizeof(*a));
	free(a);
}

static void forget_evidence(struct attest *a)
{
	spdm_measurements_fini(&a->measurements);
	a->measurements = (struct spdm_measurements){.count = 0};
	a->connected = a->challenged = a->measured = a->policy_held = a->keyed = a->locked = a->started = false;
	a->session = 0;
	a->tsm[0] = a->stream[0] = '\0';
	tdisp_requester_reset(&a->tdisp);
	a->report = (struct tdisp_report){.nr_ranges = 0};
}

static int identify(struct attest *a)
{
	int err = spdm_requester_connect(a->rq);

	if (err < 0)
		return attest_spdm_fail(a, err);
	a->connected = true;
	if (needs_secrecy(a) && !(spdm_requester_peer_caps(a->rq) & SPDM_CAP_ENCRYPT))
		return attest_fail(a, -ENOTSUP, spdm_reason_name(SPDM_NO_CAPS),
				   "the device does not encrypt its sessions: the keys of its link would be seen");
	err = spdm_requester_chain(a->rq, a->config.slot);
	if (err < 0)
		return attest_spdm_fail(a, err);
	if (!(spdm_requester_peer_caps(a->rq) & SPDM_CAP_CHAL))
		return 0; /* then the session's signature proves possession of the key */
	err = spdm_requester_challenge(a->rq);
	if (err < 0)
		return attest_spdm_fail(a, err);
	a->challenged = true;
	return 0;
}

static int hold_policy(struct attest *a)
{
	struct policy_measurement m[SPDM_MAX_BLOCKS];
	char why[POLICY_WHY];

	for (unsigned i = 0; i < a->measurements.count; i++)
		m[i] = (struct policy_measurement){
			.index = a->measurements.blocks[i].index,
			.type = a->measurements.blocks[i].type,
			.value = a->measurements.blocks[i].value,
			.len = a->measurements.blocks[i].len,
		};
	if (!a->config.policy)
		return 0;
	if (!policy_holds(a->config.policy, m, a->measurements.count, attest_hash(a), why))
		return attest_fail(a, -EACCES, "policy", "%s", why);
	a->policy_held = true;
	return 0;
}

/* In the session: what is signed there was measured by the device that the session is with, after it began. */
static int measure(struct attest *a)
{
	int err;

	if (!(a->config.require & ATTEST_MEASUREMENTS))
		return 0;
	if ((spdm_requester_peer_caps(a->rq) & SPDM_CAP_MEAS_MASK) != SPDM_CAP_MEAS_SIGNED)
		return attest_fail(a, -ENOTSUP, "no-measurements", "the device has no signed measurements");
	err = spdm_requester_measurements(a->rq, a->session, true, false, &a->measurements);
	if (err < 0)
		return attest_spdm_fail(a, err);
	if (a->measurements.count == 0)
		return attest_fail(a, -ENOTSUP, "no-measurements", "the device signs that it has measured nothing");
	a->measured = true;
	return hold_policy(a);
}

int attest_vendor(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	struct attest *a = opaque;
	size_t got = 0;
	int err;

	if (!a->session || !spdm_requester_session_alive(a->rq, a->session))
		return attest_fail(a, -ECONNABORTED, "session-lost", "the session with the device is over");
	err = spdm_requester_vendor(a->rq, a->session, req, len, rsp, cap, &got);
	if (err < 0)
		return attest_spdm_fail(a, err);
	return (int)got;
}

bool attest_peer_refused(const struct attest *a)
{
	return a->verdict == spdm_reason_name(SPDM_PEER_ERROR);
}

int attest_verify(struct attest *a)
{
	int err;

	forget_evidence(a);
	attest_begin(a, ATTEST_VERIFY_S);
	err = attest_keys_choose(a);
	if (err == 0)
		err = identify(a);
	if (err < 0)
		return err;
	err = spdm_requester_start_session(a->rq, &a->session);
	if (err < 0)
		return attest_spdm_fail(a, err);
	err = measure(a);
	if (err == 0)
		err = attest_keys_give(a);
	return err == 0 && !(a->config.require & ATTEST_TDISP) ? attest_trusted(a) : err;
}

const char *attest_not_compared(const struct attest *a, unsigned i)
{
	const struct {
		bool left_out;
		const char *what;
	} list[ATTEST_COMPARISONS] = {
		{!a->config.device, "name"},
		{a->measured && !a->config.policy, "measurements"},
		{a->locked && !a->config.bars, "report"},
	};

	return list[i].left_out ? list[i].what : NULL;
}

int attest_trusted(struct attest *a)
{
	char rest[ATTEST_WHY] = "";

	for (unsigned i = 0; i < ATTEST_COMPARISONS; i++) {
		const char *what = attest_not_compared(a, i);
		size_t used = strlen(rest);

		if (what)
			snprintf(rest + used, sizeof(rest) - used, "%s%s",
				 used ? ", " : "; not compared with anything: ", what);
	}
	return attest_fail(a, 0, "trusted", "all that is required holds%.300s", rest);
}

unsigned attest_period_s(const struct attest *a, unsigned most)
{
	unsigned period = a->session ? spdm_requester_heartbeat_period(a->rq, a->session) : 0;

	/* The device waits twice its period; half of it leaves room for an answer that is late. */
	period = period > 1 ? period / 2 : period;
	return period && period < most ? period : most;
}

const char *attest_verdict(const struct attest *a)
{
	return a->verdict;
}

const char *attest_why(const struct attest *a)
{
	return a->why;
}

void attest_condemn(struct attest *a, const char *verdict, const char *why)
{
	attest_fail(a, 0, verdict, "%s", why);
}

const struct tdisp_report *attest_report(const struct attest *a)
{
	return a->locked ? &a->report : NULL;
}

const uint8_t *attest_chain(const struct attest *a, size_t *len)
{
	*len = 0;
	return a->connected ? spdm_requester_ders(a->rq, len) : NULL;
}

const uint8_t *attest_report_bytes(const struct attest *a, size_t *len)
{
	*len = a->locked ? a->tdisp.report_len : 0;
	return a->locked ? a->tdisp.report : NULL;
}

const struct spdm_measurements *attest_measurements(const struct attest *a)
{
	return &a->measurements;
}

const char *attest_hash(const struct attest *a)
{
	switch (a->connected ? spdm_requester_algs(a->rq)->meas_hash : 0) {
	case SPDM_MEAS_HASH_SHA256:
		return "sha256";
	case SPDM_MEAS_HASH_SHA384:
		return "sha384";
	case SPDM_MEAS_HASH_SHA512:
		return "sha512";
	default:
		return "raw";
	}
}
