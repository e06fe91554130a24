/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What SPDM costs: CPU time of both ends together and round trips for an attestation (negotiation, chain, challenge,
 * signed measurements) and for a key exchange, by signature, group and hash; and how fast secured messages are.
 */
#include <stdio.h>
#include <time.h>

#include "spdm_keys.h"
#include "spdm_rig.h"

#define ROUNDS	20u
#define RECORDS 20000u

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(int rc)
{
	if (rc)
		abort();
}

static void attest(struct spdm_rig *rig)
{
	struct spdm_measurements m;

	must(spdm_requester_connect(rig->req));
	must(spdm_requester_chain(rig->req, 0));
	must(spdm_requester_challenge(rig->req));
	must(spdm_requester_measurements(rig->req, 0, true, false, &m));
	spdm_measurements_fini(&m);
}

static void suite(uint32_t asym, uint32_t hash, uint16_t dhe)
{
	struct spdm_rig rig;
	uint32_t session;
	double start, attested, keyed = 0;
	uint64_t trips;

	spdm_rig_init(&rig, asym);
	rig.rsp_config.profile.algs.asym = asym;
	rig.rsp_config.profile.algs.hash = hash;
	rig.rsp_config.profile.algs.dhe = dhe;
	must(spdm_rig_start(&rig));
	start = cpu_ms();
	for (unsigned i = 0; i < ROUNDS; i++)
		attest(&rig);
	attested = (cpu_ms() - start) / ROUNDS;
	trips = spdm_requester_round_trips(rig.req) / ROUNDS;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t before = spdm_requester_round_trips(rig.req);

		start = cpu_ms();
		must(spdm_requester_start_session(rig.req, &session));
		keyed += (cpu_ms() - start) / ROUNDS;
		if (i == 0)
			trips = trips << 32 | (spdm_requester_round_trips(rig.req) - before);
		must(spdm_requester_end_session(rig.req, session));
	}
	printf("%-12s %-8s %-10s  attestation %7.2f ms, %2u round trips  key exchange %7.2f ms, %u round trips\n",
	       spdm_asym_name(asym), spdm_hash_name(hash), spdm_dhe_name(dhe), attested, (unsigned)(trips >> 32), keyed,
	       (unsigned)trips);
	spdm_rig_fini(&rig);
}

static void records(uint32_t aead, size_t len)
{
	struct spdm_keys keys = {.aead = spdm_aead_find(aead), .encrypt = true};
	struct spdm_direction there = {.sequence = 0}, back = {.sequence = 0};
	static uint8_t msg[SPDM_MAX_MESSAGE], wire[SPDM_MAX_MESSAGE], out[SPDM_MAX_MESSAGE];
	double start = cpu_ms(), us;
	size_t sealed, got;

	for (unsigned i = 0; i < RECORDS; i++) {
		must(spdm_secured_seal(&keys, &there, 1, msg, len, wire, sizeof(wire), &sealed));
		must(spdm_secured_open(&keys, &back, wire, sealed, out, sizeof(out), &got));
	}
	us = (cpu_ms() - start) * 1e3 / RECORDS;
	printf("%-18s %5zu bytes  sealed and opened in %6.2f us, %7.1f MB/s\n", spdm_aead_name(aead), len, us,
	       (double)len / us);
}

int main(void)
{
	static const uint32_t aeads[] = {SPDM_AEAD_AES128, SPDM_AEAD_AES256, SPDM_AEAD_CHACHA20};

	suite(SPDM_ASYM_P256, SPDM_HASH_SHA256, SPDM_DHE_P256);
	suite(SPDM_ASYM_P384, SPDM_HASH_SHA384, SPDM_DHE_P384);
	suite(SPDM_ASYM_ED25519, SPDM_HASH_SHA512, SPDM_DHE_P256);
	suite(SPDM_ASYM_RSAPSS_3072, SPDM_HASH_SHA384, SPDM_DHE_FFDHE3072);
	suite(SPDM_ASYM_RSASSA_3072, SPDM_HASH_SHA256, SPDM_DHE_FFDHE2048);
	suite(SPDM_ASYM_P384, SPDM_HASH_SHA384, SPDM_DHE_FFDHE4096);
	for (unsigned i = 0; i < sizeof(aeads) / sizeof(aeads[0]); i++) {
		records(aeads[i], 64);
		records(aeads[i], 4000);
	}
	return EXIT_SUCCESS;
}
