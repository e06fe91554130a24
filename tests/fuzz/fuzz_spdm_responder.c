/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A responder with a hostile requester: messages in clear and inside a session. Input: a byte with the session, the
 * fault and the transport; records of a byte that says where it goes, two bytes of length, and the message.
 */
#include "fuzz_spdm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t answer[SPDM_RIG_ROOM], wire[SPDM_MAX_MESSAGE];
	struct spdm_rig *rig = fuzz_spdm_rig();
	uint32_t session = 0;
	unsigned fault;

	if (size < 1)
		return 0;
	fault = data[0] >> 1 & 0x3f;
	fuzz_spdm_bind(rig, data[0] & 0x80 ? SPDM_BINDING_MCTP : SPDM_BINDING_DOE);
	if (data[0] & 1)
		session = fuzz_spdm_session(rig);
	spdm_responder_set_fault(rig->rsp, fault < SPDM_FAULT_COUNT ? (enum spdm_fault)fault : SPDM_FAULT_NONE);
	for (size_t at = 1; at + 3 <= size;) {
		struct spdm_session *s = session ? spdm_session_find(&rig->req->link, session) : NULL;
		uint8_t where = data[at];
		size_t len = spdm_get_le(data + at + 1, 2), got = 0, sealed;
		bool secured = where & 1;
		const uint8_t *msg = data + at + 3;

		at += 3;
		len = len < size - at ? len : size - at;
		at += len;
		/* Sealed as the session's next message, or thrown at it as it is */
		if (secured && s && (where & 2)) {
			if (spdm_secured_seal(&s->keys, &s->keys.request, s->id, msg, len, wire, sizeof(wire), &sealed))
				continue;
			msg = wire;
			len = sealed;
		}
		if (spdm_responder_handle(rig->rsp, &secured, msg, len, answer, sizeof(answer), &got))
			abort();
		if (got > sizeof(answer))
			abort();
		if (where & 4)
			spdm_responder_tick(rig->rsp, (uint64_t)where * 1000);
	}
	fuzz_spdm_done(rig);
	return 0;
}
