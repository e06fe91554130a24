/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A requester with a hostile device: a true responder whose answers the input changes or replaces, in clear and, sealed
 * with the right keys, inside the session. Input: records of a byte that says how, two bytes of length, and bytes; of
 * an odd length in all: over MCTP.
 */
#include "fuzz_spdm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t left;

/* The next record's bytes; false: none is left, the answers are true from now on. */
static bool record(uint8_t *how, const uint8_t **bytes, size_t *len)
{
	if (left < 3)
		return false;
	*how = input[0];
	*len = spdm_get_le(input + 1, 2);
	*bytes = input + 3;
	left -= 3;
	*len = *len < left ? *len : left;
	input += 3 + *len;
	left -= *len;
	return true;
}

static size_t spoil(struct spdm_rig *rig, bool out, bool secured, uint8_t *answer, size_t len)
{
	struct spdm_session *s;
	const uint8_t *bytes;
	size_t n;
	uint8_t how;

	if (!out || !record(&how, &bytes, &n))
		return len;
	switch (how % 5) {
	case 0: /* true */
		return len;
	case 1: /* these bytes instead */
		memcpy(answer, bytes, n);
		return n;
	case 2: /* changed in places */
		for (size_t i = 0; i + 2 < n; i += 3)
			answer[spdm_get_le(bytes + i, 2) % len] ^= bytes[i + 2];
		return len;
	case 3: /* the header is right, the rest is not */
		if (!secured && len >= 4)
			memcpy(answer + 4, bytes, n);
		return secured ? len : 4 + n;
	default: /* sealed with the session's key */
		s = secured ? spdm_session_find(&rig->rsp->link, spdm_secured_session(answer, len)) : NULL;
		if (!s)
			return len;
		s->keys.response.sequence--;
		if (spdm_secured_seal(&s->keys, &s->keys.response, s->id, bytes, n, answer, SPDM_RIG_ROOM - 64, &len))
			return 0;
		return len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spdm_rig *rig = fuzz_spdm_rig();

	input = data;
	left = size;
	fuzz_spdm_bind(rig, size & 1 ? SPDM_BINDING_MCTP : SPDM_BINDING_DOE);
	rig->hook = spoil;
	spdm_rig_full(rig);
	rig->hook = NULL;
	fuzz_spdm_done(rig);
	return 0;
}
