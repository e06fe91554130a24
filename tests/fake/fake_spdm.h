/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A double of the SPDM responder without cryptography, for what stands behind it. A message is a byte of operation and
 * a session id; sessions are taken at their word. Link it in front of pci/spdm.
 */
#ifndef AERIE_FAKE_SPDM_H
#define AERIE_FAKE_SPDM_H

#include <stdbool.h>
#include <stddef.h>

enum fake_spdm_op {
	FAKE_SPDM_VENDOR = 1, /* u32 session, u16 length, payload of VENDOR_DEFINED; answered in kind */
	FAKE_SPDM_BEGIN = 2,  /* u32 session */
	FAKE_SPDM_END = 3,    /* u32 session */
};

#define FAKE_SPDM_HEADER 7u

struct fake_spdm {
	unsigned responders, resets, ticks;
	size_t ders_len;    /* of the identity that was made at start */
	int identity_error; /* what spdm_identity_load() returns */
};

extern struct fake_spdm fake_spdm;

#endif
