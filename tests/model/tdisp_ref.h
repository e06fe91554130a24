/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's end of TDISP and IDE_KM once more, written from the text of PCIe 6.1 chapter 11 and 6.33.3 and nothing
 * else: no tables, no callbacks, one switch. The random walk compares it with the real one.
 */
#ifndef AERIE_TDISP_REF_H
#define AERIE_TDISP_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ref_stream {
	uint32_t owner; /* session; 0: nobody */
	bool have[2][6], runs[2][6];
};

struct ref {
	/* what it is told about the device */
	uint16_t rid;
	uint16_t flags_offered;
	bool can_lock; /* BARs are as they should be */
	unsigned report_len;

	/* TDISP */
	char state; /* U, L, R, E */
	uint32_t owner;
	uint16_t flags;
	uint8_t stream;
	bool nonce_good;
	uint8_t nonce[32];

	/* IDE_KM */
	struct ref_stream streams[256];
	unsigned streams_max;
};

/* What the answer has to be. */
struct ref_answer {
	enum { REF_NONE, REF_REFUSED, REF_ERROR, REF_OK, REF_STATUS } kind;
	uint32_t error;	  /* REF_ERROR: TDISP's code; REF_STATUS: KP_ACK's */
	unsigned portion; /* of a report */
};

struct ref_answer ref_message(struct ref *ref, uint32_t session, const uint8_t *msg, size_t len);
/** The nonce of a LOCK that both granted. */
void ref_nonce(struct ref *ref, const uint8_t nonce[32]);
void ref_disturbed(struct ref *ref); /* BAR, BME, FLR ... */
void ref_session_ended(struct ref *ref, uint32_t session);
void ref_stream_lost(struct ref *ref, uint8_t stream);
bool ref_secure(const struct ref *ref, uint8_t stream);

#endif
