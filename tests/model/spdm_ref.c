/* SPDX-License-Identifier: Apache-2.0 */
#include "spdm_ref.h"

#include <string.h>

enum {
	INVALID = REF_ERROR | 0x01,
	UNEXPECTED = REF_ERROR | 0x04,
	DECRYPT = REF_ERROR | 0x06,
	UNSUPPORTED = REF_ERROR | 0x07,
	SESSION_REQUIRED = REF_ERROR | 0x0b,
	VERSION_MISMATCH = REF_ERROR | 0x41,
};

void ref_open(struct ref *ref, unsigned session)
{
	ref->sessions[session] = (struct ref_session){.open = true};
}

unsigned ref_garbled(struct ref *ref, unsigned session)
{
	ref->sessions[session].open = false;
	return DECRYPT;
}

/* "GET_VERSION resets everything" */
static unsigned get_version(struct ref *ref, const struct ref_message *m)
{
	if (m->session >= 0)
		return m->version ? VERSION_MISMATCH : UNEXPECTED;
	if (m->version)
		return VERSION_MISMATCH;
	if (!m->valid)
		return INVALID;
	memset(ref, 0, sizeof(*ref));
	ref->phase = REF_VERSION;
	return 0x04;
}

/* In the negotiation each step comes once; a repetition of the last is answered again. */
static unsigned negotiate(struct ref *ref, const struct ref_message *m, enum ref_phase before, unsigned answer)
{
	if (m->session >= 0 || ref->phase < before)
		return UNEXPECTED;
	if (!m->valid && ref->phase <= before + 1)
		return ref->phase == before ? INVALID : UNEXPECTED;
	if (ref->phase == before + 1)
		return m->same_as_before ? answer : UNEXPECTED;
	if (ref->phase > before)
		return UNEXPECTED;
	ref->phase = before + 1;
	if (before == REF_VERSION)
		ref->version = m->version;
	return answer;
}

static unsigned key_update(struct ref_session *s, const struct ref_message *m)
{
	if (m->param1 < 1 || m->param1 > 3)
		return INVALID;
	if ((m->param1 == 3) != s->new_key)
		return UNEXPECTED;
	s->new_key = m->param1 != 3;
	return 0x69;
}

static unsigned inside(struct ref *ref, const struct ref_message *m)
{
	struct ref_session *s = &ref->sessions[m->session];

	if (s->new_key && m->code != 0xe9)
		return UNEXPECTED;
	switch (m->code) {
	case 0xe9:
		return key_update(s, m);
	case 0xec:
		s->open = false;
		return 0x6c;
	case 0xe8:
		return 0x68;
	case 0x81:
	case 0x82:
	case 0xe0:
	case 0xfe:
		return m->valid ? m->code & 0x7fu : INVALID;
	default:
		return UNEXPECTED;
	}
}

static unsigned outside(const struct ref_message *m)
{
	switch (m->code) {
	case 0x81:
	case 0x82:
	case 0xe0:
	case 0xfe:
		return m->valid ? m->code & 0x7fu : INVALID;
	case 0xe5:
	case 0xe8:
	case 0xe9:
	case 0xec:
		return SESSION_REQUIRED;
	case 0x86:
	case 0xff:
		return UNEXPECTED; /* nothing is pending */
	default:
		return UNSUPPORTED;
	}
}

static bool is_known(uint8_t code)
{
	return strchr("\x81\x82\x83\x84\x85\x86\xe0\xe1\xe3\xe4\xe5\xe8\xe9\xea\xeb\xec\xfe\xff", code) && code;
}

unsigned ref_step(struct ref *ref, const struct ref_message *m)
{
	if (!is_known(m->code))
		return UNSUPPORTED;
	if (m->code == 0x84)
		return m->session >= 0 && ref->sessions[m->session].new_key && !m->version ? UNEXPECTED
											   : get_version(ref, m);
	if (m->code == 0xe1 && ref->phase == REF_VERSION && m->session < 0)
		return m->version < 2 || m->version > 4 ? VERSION_MISMATCH : negotiate(ref, m, REF_VERSION, 0x61);
	if (ref->phase < REF_CAPABILITIES && m->code != 0xe1)
		return UNEXPECTED;
	if (ref->phase < (m->code == 0xe1 ? REF_VERSION : REF_CAPABILITIES))
		return UNEXPECTED;
	if (m->code != 0xe1 && m->code != 0xe3 && m->code != 0x85 && m->code != 0x86 && ref->phase < REF_READY)
		return UNEXPECTED;
	if (m->version != ref->version)
		return VERSION_MISMATCH;
	if (m->session >= 0)
		return inside(ref, m);
	if (m->code == 0xe1)
		return negotiate(ref, m, REF_VERSION, 0x61);
	if (m->code == 0xe3)
		return negotiate(ref, m, REF_CAPABILITIES, 0x63);
	return outside(m);
}
