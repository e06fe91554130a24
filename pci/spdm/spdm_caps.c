/* SPDX-License-Identifier: Apache-2.0 */
/* Capability flags that go together (DSP0274, "Flag fields definitions"), and
 * what aerie offers by default. */
#include "spdm_crypto.h"

static bool has(uint32_t caps, uint32_t any)
{
	return caps & any;
}

static const char *session_problem(uint32_t caps)
{
	bool session = has(caps, SPDM_CAP_KEY_EX | SPDM_CAP_PSK_MASK);

	if (session && !has(caps, SPDM_CAP_ENCRYPT | SPDM_CAP_MAC))
		return "KEY_EX or PSK without ENCRYPT or MAC";
	if (!session && has(caps, SPDM_CAP_ENCRYPT | SPDM_CAP_MAC))
		return "ENCRYPT or MAC without KEY_EX or PSK";
	if (!session && has(caps, SPDM_CAP_HBEAT | SPDM_CAP_KEY_UPD))
		return "HBEAT or KEY_UPD without KEY_EX or PSK";
	if (!has(caps, SPDM_CAP_KEY_EX) && has(caps, SPDM_CAP_HANDSHAKE_IN_CLEAR))
		return "HANDSHAKE_IN_THE_CLEAR without KEY_EX";
	return NULL;
}

static const char *identity_problem(uint32_t caps, bool responder)
{
	uint32_t needs = SPDM_CAP_CHAL;

	if ((caps & SPDM_CAP_CERT) && (caps & SPDM_CAP_PUB_KEY_ID))
		return "CERT together with PUB_KEY_ID";
	if (responder)
		needs |= SPDM_CAP_KEY_EX | SPDM_CAP_MEAS_SIGNED;
	if (!has(caps, SPDM_CAP_CERT | SPDM_CAP_PUB_KEY_ID) && has(caps, needs))
		return "CHAL, KEY_EX or signed MEAS without CERT or PUB_KEY_ID";
	if (!responder && has(caps, SPDM_CAP_MUT_AUTH) && !has(caps, SPDM_CAP_CERT | SPDM_CAP_PUB_KEY_ID))
		return "MUT_AUTH without CERT or PUB_KEY_ID";
	return NULL;
}

const char *spdm_caps_problem(uint8_t version, uint32_t caps, bool responder)
{
	const char *problem;

	if (responder && (caps & SPDM_CAP_MEAS_MASK) == SPDM_CAP_MEAS_MASK)
		return "MEAS has the reserved value 11b";
	if (responder && has(caps, SPDM_CAP_MEAS_FRESH) && !has(caps, SPDM_CAP_MEAS_MASK))
		return "MEAS_FRESH without MEAS";
	if ((caps & SPDM_CAP_PSK_MASK) == SPDM_CAP_PSK_MASK || (!responder && has(caps, BIT32(11))))
		return "PSK has a reserved value";
	if (version >= SPDM_VERSION_13 && (caps & SPDM_CAP_EP_INFO_MASK) == SPDM_CAP_EP_INFO_MASK)
		return "EP_INFO has the reserved value 11b";
	if (version >= SPDM_VERSION_13 && (caps & SPDM_CAP_MULTI_KEY_MASK) == SPDM_CAP_MULTI_KEY_MASK)
		return "MULTI_KEY has the reserved value 11b";
	if (version >= SPDM_VERSION_13 && has(caps, SPDM_CAP_MULTI_KEY_MASK) && has(caps, SPDM_CAP_PUB_KEY_ID))
		return "MULTI_KEY together with PUB_KEY_ID";
	problem = session_problem(caps);
	return problem ? problem : identity_problem(caps, responder);
}

static struct spdm_profile common_profile(void)
{
	struct spdm_profile p = {
		.versions = SPDM_VERSION_BIT(SPDM_VERSION_12) | SPDM_VERSION_BIT(SPDM_VERSION_13) |
			    SPDM_VERSION_BIT(SPDM_VERSION_14),
		.caps = SPDM_CAP_CERT | SPDM_CAP_CHAL | SPDM_CAP_ENCRYPT | SPDM_CAP_MAC | SPDM_CAP_KEY_EX |
			SPDM_CAP_HBEAT | SPDM_CAP_KEY_UPD | SPDM_CAP_CHUNK,
		/* A responder behind QEMU cannot answer with more than 0x1200 bytes at a
		   time, DOE's header included. */
		.data_transfer_size = 0x1000,
		.max_message_size = SPDM_MAX_MESSAGE - 0x1000,
		.ct_exponent = 20,
	};

	spdm_crypto_all(&p.algs);
	return p;
}

struct spdm_profile spdm_profile_requester(void)
{
	struct spdm_profile p = common_profile();

	/* A requester without a certificate of its own; the creator of one with it
	 * adds MUT_AUTH and ENCAP. */
	p.caps &= ~(SPDM_CAP_CERT | SPDM_CAP_CHAL);
	return p;
}

struct spdm_profile spdm_profile_responder(void)
{
	struct spdm_profile p = common_profile();

	p.caps |= SPDM_CAP_MEAS_SIGNED | SPDM_CAP_MEAS_FRESH;
	return p;
}
