/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A responder of SPDM as DSP0274 describes its order of messages, and nothing else: no bytes, no keys. Written from the
 * standard, apart from pci/spdm, to be walked beside it.
 */
#ifndef AERIE_SPDM_REF_H
#define AERIE_SPDM_REF_H

#include <stdbool.h>
#include <stdint.h>

enum ref_phase {
	REF_NOTHING,
	REF_VERSION,
	REF_CAPABILITIES,
	REF_READY,
};

struct ref_session {
	bool open;
	bool new_key; /* to be verified */
};

struct ref {
	enum ref_phase phase;
	uint8_t version; /* low digit; 0: not chosen */
	struct ref_session sessions[4];
};

/* One message, as far as the order matters. */
struct ref_message {
	uint8_t code;
	uint8_t version; /* low digit */
	int session;	 /* -1: in clear */
	uint8_t param1;
	bool valid;	     /* what the message itself says is acceptable */
	bool same_as_before; /* a repetition, byte for byte */
};

#define REF_ERROR 0x100u /* | code of the ERROR */

/** The answer's code, or REF_ERROR | error; the state moves on. Handshakes are outside of it: see ref_open(). */
unsigned ref_step(struct ref *ref, const struct ref_message *m);
void ref_open(struct ref *ref, unsigned session);
/** A secured message did not decrypt. */
unsigned ref_garbled(struct ref *ref, unsigned session);

#endif
