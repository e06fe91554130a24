/* SPDX-License-Identifier: Apache-2.0 */
/* Memory types and shareability, from the words of DDI 0487, D8.6, and IHI 0070, 13.1. */
#include "smmu_ref.h"

enum cache { NC, WT, WB }; /* in the order of strength: the first wins */

struct half {
	enum cache cache;
	bool transient;
	unsigned hints; /* Read-Allocate 2, Write-Allocate 1 */
};

struct memory {
	bool device;
	unsigned type; /* of Device memory: nGnRnE 0, nGnRE 1, nGRE 2, GRE 3; the first wins */
	struct half outer, inner;
};

enum share { NON = 0, OUTER = 2, INNER = 3 };

static struct half decode_half(unsigned nibble)
{
	switch (nibble >> 2) {
	case 0:
		return (struct half){WT, true, nibble & 3};
	case 1:
		return (nibble & 3) ? (struct half){WB, true, nibble & 3} : (struct half){NC, false, 0};
	case 2:
		return (struct half){WT, false, nibble & 3};
	default:
		return (struct half){WB, false, nibble & 3};
	}
}

static unsigned encode_half(struct half h)
{
	if (h.cache == NC)
		return 4;
	if (h.cache == WT)
		return (h.transient ? 0 : 8) | h.hints;
	return (h.transient ? 4 : 12) | h.hints;
}

static struct memory decode_mair(unsigned byte)
{
	if (byte >> 4 == 0)
		return (struct memory){.device = true, .type = byte >> 2 & 3};
	return (struct memory){.outer = decode_half(byte >> 4), .inner = decode_half(byte & 15)};
}

static enum share decode_share(uint64_t desc)
{
	switch (desc >> 8 & 3) {
	case 2:
		return OUTER;
	case 3:
		return INNER;
	default:
		return NON;
	}
}

/* Device memory, and Normal memory that nobody caches, are always Outer Shareable. */
static enum share effective(const struct memory *m, enum share s)
{
	return m->device || (m->outer.cache == NC && m->inner.cache == NC) ? OUTER : s;
}

static void make_device(struct memory *m, unsigned type)
{
	unsigned own = m->device ? m->type : 3;

	*m = (struct memory){.device = true, .type = own < type ? own : type};
}

static void weaken(struct half *h, unsigned cacheability)
{
	enum cache limit = cacheability == 3 ? WB : cacheability == 2 ? WT : NC;

	if (limit < h->cache)
		h->cache = limit;
}

/* MemAttr[3:0] without FEAT_S2FWB. */
static void combine_plain(struct memory *m, unsigned memattr)
{
	if (memattr >> 2 == 0) {
		make_device(m, memattr & 3);
	} else if (!m->device) {
		weaken(&m->outer, memattr >> 2);
		weaken(&m->inner, memattr & 3);
	}
}

static void write_back(struct half *h, bool normal)
{
	if (!normal || h->cache == NC)
		*h = (struct half){WB, false, 3};
	h->cache = WB;
}

/* ... and with it. */
static void combine_forced(struct memory *m, unsigned memattr)
{
	bool normal = !m->device;

	if (!(memattr & 4)) {
		make_device(m, memattr & 3);
	} else if ((memattr & 3) == 2) {
		m->device = false;
		write_back(&m->outer, normal);
		write_back(&m->inner, normal);
	} else if ((memattr & 3) != 3 && normal) {
		m->outer = m->inner = (struct half){NC, false, 0};
	}
}

static enum share stronger(enum share a, enum share b)
{
	if (a == OUTER || b == OUTER)
		return OUTER;
	return a == INNER || b == INNER ? INNER : NON;
}

void ref_attributes(const struct ref_config *config, const struct ref_result *result, unsigned *mair, unsigned *sh)
{
	unsigned index = result->s1_leaf >> 2 & 7, memattr = result->s2_leaf >> 2 & 15;
	struct memory m = decode_mair((unsigned)(config->cd[3] >> (8 * index)) & 0xff);
	enum share s = effective(&m, decode_share(result->s1_leaf));

	if (config->ste[0] >> 2 & 1) {
		if (config->ste[1] >> 25 & 1)
			combine_forced(&m, memattr);
		else
			combine_plain(&m, memattr);
		s = effective(&m, stronger(s, decode_share(result->s2_leaf)));
	}
	*mair = m.device ? m.type << 2 : encode_half(m.outer) << 4 | encode_half(m.inner);
	*sh = s;
}
