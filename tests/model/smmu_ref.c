/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu_ref.h"

#include <string.h>

/* Everything that one translation carries along. */
struct walk {
	struct ref_memory *mem;
	const struct ref_config *config;
	const struct ref_access *access;
	struct ref_result *result;
};

static uint64_t bits(uint64_t word, int high, int low)
{
	uint64_t value = word >> low;
	int n = high - low + 1;

	return n == 64 ? value : value & ((1ull << n) - 1);
}

static int bit(uint64_t word, int n)
{
	return (int)(word >> n & 1);
}

static int size_code(uint64_t code)
{
	static const int sizes[] = {32, 36, 40, 42, 44, 48, 52, 52};

	return sizes[code];
}

static bool fails(struct walk *w, enum ref_event event, int class, bool s2, uint64_t ipa)
{
	w->result->event = event;
	w->result->class = class;
	w->result->s2 = s2;
	w->result->ipa = s2 ? ipa : 0;
	return false;
}

static uint64_t swap(uint64_t word)
{
	uint64_t out = 0;

	for (int i = 0; i < 8; i++)
		out |= (word >> (8 * i) & 0xff) << (8 * (7 - i));
	return out;
}

/* The lowest bit of the input address that a table of @level resolves (D8.2: 9, 11 or 13 bits for each level). */
static int level_shift(int page_bits, int level)
{
	return page_bits + (3 - level) * (page_bits - 3);
}

/* D8.3: where blocks may be. 64 KiB pages: level 1 with 52-bit addresses only. */
static bool block_allowed(int page_bits, int level, bool wide)
{
	if (page_bits == 12)
		return level == 1 || level == 2;
	if (page_bits == 14)
		return level == 2;
	return level == 2 || (level == 1 && wide);
}

/* The address in a descriptor, whose lowest @low bits are not part of it. */
static uint64_t output_address(uint64_t desc, int low, bool wide)
{
	uint64_t address = bits(desc, 47, low) << low;

	if (wide)
		address |= bits(desc, 15, 12) << 48;
	return address;
}

static bool too_large(uint64_t address, int size)
{
	return size < 64 && address >> size != 0;
}

/* ---- stage 2 ---- */

struct stage2 {
	int page_bits, ia, oa, level;
	bool wide, ha, hd, affd, ptw, fwb, big_endian;
	uint64_t table;
};

static void stage2_config(const struct ref_config *config, struct stage2 *s)
{
	static const int granules[] = {12, 16, 14, 0};
	uint64_t w = config->ste[2];
	int sl0 = (int)bits(w, 39, 38);

	memset(s, 0, sizeof(*s));
	s->page_bits = granules[bits(w, 47, 46)];
	s->ia = 64 - (int)bits(w, 37, 32);
	s->oa = size_code(bits(w, 50, 48));
	if (s->oa > config->oas)
		s->oa = config->oas;
	/* AArch64.BlockDescSupported(), LeafBase(): by what is implemented, not by the effective size. */
	s->wide = s->page_bits == 16 && config->oas == 52;
	if (!s->wide && s->oa > 48)
		s->oa = 48;
	if (s->page_bits == 12)
		s->level = sl0 == 3 ? 3 : 2 - sl0;
	else
		s->level = 3 - sl0;
	s->affd = bit(w, 53);
	s->ptw = bit(w, 54);
	s->ha = bit(w, 56);
	s->hd = bit(w, 55) && s->ha;
	s->big_endian = bit(w, 52);
	s->fwb = bit(config->ste[1], 25);
	s->table = bits(config->ste[3], 51, 4) << 4;
}

struct s2_access {
	bool read, write, exec, priv;
	bool table; /* a stage 1 descriptor is what is accessed */
};

/* AArch64.S2DirectBasePermissions(): S2AP for data alone, XN (54:53 with FEAT_XNX, else 54) for instructions alone. */
static bool s2_permits(uint64_t desc, bool writable, const struct s2_access *a, bool xnx)
{
	if (a->read && !bit(desc, 6))
		return false;
	if (a->write && !writable)
		return false;
	if (a->exec) {
		int xn = xnx ? (int)bits(desc, 54, 53) : 2 * bit(desc, 54);

		if (xn == 2 || (xn == 1 && a->priv) || (xn == 3 && !a->priv))
			return false;
	}
	return true;
}

static bool s2_is_device(uint64_t desc, bool fwb)
{
	return fwb ? bit(desc, 4) == 0 : bits(desc, 5, 4) == 0;
}

static bool s2_leaf(struct walk *w, const struct stage2 *s, uint64_t ipa, const struct s2_access *a, int class,
		    uint64_t addr, uint64_t desc, int shift, uint64_t *pa)
{
	uint64_t out = output_address(desc, shift, s->wide);
	bool writable = bit(desc, 7);
	bool dirty_writable = s->hd && bit(desc, 51);
	uint64_t update = desc;

	if (too_large(out, s->oa))
		return fails(w, REF_ADDR_SIZE, class, true, ipa);
	if (!bit(desc, 10) && !s->ha && !s->affd)
		return fails(w, REF_ACCESS, class, true, ipa);
	if (!s2_permits(desc, writable || dirty_writable, a, w->config->xnx))
		return fails(w, REF_PERMISSION, class, true, ipa);
	if (a->table && s->ptw && s2_is_device(desc, s->fwb))
		return fails(w, REF_PERMISSION, class, true, ipa);
	if (s->ha)
		update |= 1ull << 10;
	if (a->write && !writable)
		update |= 1ull << 7;
	if (update != desc) {
		w->result->updates++;
		w->mem->write(w->mem, addr, s->big_endian ? swap(update) : update);
	}
	*pa = out | bits(ipa, shift - 1, 0);
	if (!a->table)
		w->result->s2_leaf = desc;
	if (!a->table && shift < w->result->size_bits)
		w->result->size_bits = shift;
	return true;
}

static bool stage2(struct walk *w, uint64_t ipa, const struct s2_access *a, int class, uint64_t *pa)
{
	struct stage2 s;
	uint64_t table, desc;

	stage2_config(w->config, &s);
	if (too_large(ipa, s.ia))
		return fails(w, REF_TRANSLATION, class, true, ipa);
	/* The first table may be up to 16 concatenated ones; its address is aligned to all of them. */
	int top = s.ia - 1, shift = level_shift(s.page_bits, s.level);
	uint64_t size = 8ull << (top - shift + 1);

	table = s.table & ~(size - 1);
	for (int level = s.level;; level++, top = shift - 1, shift = level_shift(s.page_bits, level)) {
		struct ref_fetch f = {table + 8 * bits(ipa, top, shift), 2, level, s.page_bits};

		if (!w->mem->read(w->mem, &f, &desc)) {
			w->result->fetch = f.addr;
			fails(w, REF_WALK_EABT, class, true, ipa);
			w->result->ttrnw = true;
			return false;
		}
		if (s.big_endian)
			desc = swap(desc);
		if (!bit(desc, 0))
			return fails(w, REF_TRANSLATION, class, true, ipa);
		if (level == 3 ? !bit(desc, 1) : !bit(desc, 1) && !block_allowed(s.page_bits, level, s.wide))
			return fails(w, REF_TRANSLATION, class, true, ipa);
		if (level == 3 || !bit(desc, 1))
			return s2_leaf(w, &s, ipa, a, class, f.addr, desc, shift, pa);
		table = output_address(desc, s.page_bits, s.wide);
		if (too_large(table, s.oa))
			return fails(w, REF_ADDR_SIZE, class, true, ipa);
	}
}

/* ---- stage 1 ---- */

struct stage1 {
	int page_bits, ia, oa, level;
	bool wide, ha, hd, affd, big_endian, wxn, pan, tbi, had, off, e0pd;
	bool el2;  /* one table, no unprivileged level */
	bool user; /* has an unprivileged level */
	uint64_t table;
};

/* 3.3.3: the world of EL2 without E2H; that with E2H has all that EL1 has. */
static bool is_el2(const struct ref_config *config)
{
	return bits(config->ste[1], 31, 30) == 2 && !config->e2h && !bit(config->ste[0], 2);
}

static void stage1_config(const struct ref_config *config, bool upper, struct stage1 *s)
{
	static const int granules0[] = {12, 16, 14, 0}, granules1[] = {0, 14, 12, 16};
	uint64_t w = config->cd[0];

	memset(s, 0, sizeof(*s));
	s->el2 = is_el2(config);
	s->user = !s->el2;
	s->page_bits = upper ? granules1[bits(w, 23, 22)] : granules0[bits(w, 7, 6)];
	s->ia = 64 - (int)(upper ? bits(w, 21, 16) : bits(w, 5, 0));
	s->off = bit(w, upper ? 30 : 14) && s->user; /* as TCR_EL2, which has no EPD without E2H */
	s->tbi = bit(w, upper ? 39 : 38);
	s->oa = size_code(bits(w, 34, 32));
	if (s->oa > config->oas)
		s->oa = config->oas;
	/* AArch64.BlockDescSupported(), LeafBase(): by what is implemented, not by the effective size. */
	s->wide = s->page_bits == 16 && config->oas == 52;
	if (!s->wide && s->oa > 48)
		s->oa = 48;
	s->affd = bit(w, 35);
	s->wxn = bit(w, 36);
	s->pan = bit(w, 40) && s->user;
	s->ha = bit(w, 43);
	s->hd = bit(w, 42) && s->ha;
	s->big_endian = bit(w, 15);
	s->had = bit(config->cd[upper ? 2 : 1], 1);
	s->e0pd = bit(config->cd[upper ? 2 : 1], 2) && s->user;
	s->table = bits(config->cd[upper ? 2 : 1], 51, 4) << 4;
	s->level = 3;
	while (s->ia > level_shift(s->page_bits, s->level - 1))
		s->level--;
}

/* D8.4.1: what the hierarchy above took away. */
struct hierarchy {
	bool no_write, no_user, uxn, pxn;
};

static bool s1_permits(const struct stage1 *s, const struct ref_access *a, uint64_t desc, bool writable,
		       const struct hierarchy *h)
{
	bool user_access = s->user && bit(desc, 6) && !h->no_user;
	bool write = writable && !h->no_write;
	bool uxn = bit(desc, 54) || h->uxn, pxn = bit(desc, 53) || h->pxn;
	bool priv = a->priv || !s->user;
	bool exec;

	if (!s->user) {
		exec = !uxn && !(s->wxn && write);
	} else if (priv) {
		/* What unprivileged code can write is never executed by privileged code. */
		exec = !pxn && !(s->wxn && write) && !(user_access && write);
	} else {
		exec = !uxn && !(s->wxn && user_access && write);
	}
	if (a->exec)
		return exec;
	if (!priv)
		return user_access && (!a->write || write);
	if (s->pan && user_access)
		return false;
	return !a->write || write;
}

/* Reads a stage 1 descriptor; with stage 2 its address is an IPA. *@pa: where it really is. */
static bool s1_fetch(struct walk *w, const struct stage1 *s, bool nested, struct ref_fetch *f, uint64_t *desc)
{
	static const struct s2_access read = {.read = true, .table = true};
	uint64_t pa = f->addr;

	if (nested) {
		struct s2_access a = read;

		a.priv = w->access->priv;
		w->result->ttrnw = true;
		if (!stage2(w, f->addr, &a, 1, &pa))
			return false;
	}
	f->addr = pa;
	if (!w->mem->read(w->mem, f, desc)) {
		w->result->fetch = pa;
		w->result->ttrnw = true;
		return fails(w, REF_WALK_EABT, 1, false, 0);
	}
	if (s->big_endian)
		*desc = swap(*desc);
	return true;
}

/* The hardware update of a stage 1 descriptor is a write, also to stage 2. */
static bool s1_update(struct walk *w, const struct stage1 *s, bool nested, uint64_t ipa, uint64_t pa, uint64_t word)
{
	if (nested) {
		struct s2_access a = {.read = true, .write = true, .table = true, .priv = w->access->priv};

		w->result->ttrnw = false;
		if (!stage2(w, ipa, &a, 1, &pa))
			return false;
	}
	w->result->updates++;
	w->mem->write(w->mem, pa, s->big_endian ? swap(word) : word);
	return true;
}

static bool s1_leaf(struct walk *w, const struct stage1 *s, bool nested, uint64_t iova, uint64_t ipa, uint64_t pa,
		    uint64_t desc, int shift, const struct hierarchy *h, uint64_t *out)
{
	const struct ref_access *a = w->access;
	bool writable = !bit(desc, 7);
	bool dirty_writable = s->hd && bit(desc, 51);
	uint64_t update = desc;

	*out = output_address(desc, shift, s->wide);
	if (too_large(*out, s->oa))
		return fails(w, REF_ADDR_SIZE, 2, false, 0);
	if (!bit(desc, 10) && !s->ha && !s->affd)
		return fails(w, REF_ACCESS, 2, false, 0);
	if (!s1_permits(s, a, desc, writable || dirty_writable, h))
		return fails(w, REF_PERMISSION, 2, false, 0);
	if (s->ha)
		update |= 1ull << 10;
	if (a->write && !writable)
		update &= ~(1ull << 7);
	if (update != desc && !s1_update(w, s, nested, ipa, pa, update))
		return false;
	*out |= bits(iova, shift - 1, 0);
	w->result->s1_leaf = desc;
	if (shift < w->result->size_bits)
		w->result->size_bits = shift;
	w->result->global = s->user ? !bit(desc, 11) : false;
	return true;
}

/* D8.2.?: the upper bits must be copies of bit 55, or, with TBI, those above 55 do not count. */
static bool in_range(uint64_t iova, const struct stage1 *s, bool upper)
{
	int highest = s->tbi ? 55 : 63;

	for (int i = s->ia; i <= highest; i++)
		if (bit(iova, i) != upper)
			return false;
	return true;
}

static bool stage1(struct walk *w, bool nested, uint64_t *out)
{
	uint64_t iova = w->access->iova, table, desc;
	struct hierarchy h = {0};
	struct stage1 s;
	bool upper = !is_el2(w->config) && bit(iova, 55);

	stage1_config(w->config, upper, &s);
	if (s.off || !in_range(iova, &s, upper))
		return fails(w, REF_TRANSLATION, 2, false, 0);
	if (s.e0pd && !w->access->priv)
		return fails(w, REF_TRANSLATION, 2, false, 0);

	int top = s.ia - 1, shift = level_shift(s.page_bits, s.level);
	uint64_t size = 8ull << (top - shift + 1);

	table = s.table & ~((size < 64 ? 64 : size) - 1);
	for (int level = s.level;; level++, top = shift - 1, shift = level_shift(s.page_bits, level)) {
		uint64_t ipa = table + 8 * bits(iova, top, shift);
		struct ref_fetch f = {ipa, 1, level, s.page_bits};

		if (!s1_fetch(w, &s, nested, &f, &desc))
			return false;
		if (!bit(desc, 0))
			return fails(w, REF_TRANSLATION, 2, false, 0);
		if (level == 3 ? !bit(desc, 1) : !bit(desc, 1) && !block_allowed(s.page_bits, level, s.wide))
			return fails(w, REF_TRANSLATION, 2, false, 0);
		if (level == 3 || !bit(desc, 1))
			return s1_leaf(w, &s, nested, iova, ipa, f.addr, desc, shift, &h, out);
		table = output_address(desc, s.page_bits, s.wide);
		if (too_large(table, s.oa))
			return fails(w, REF_ADDR_SIZE, 2, false, 0);
		if (!s.had) {
			h.no_write |= bit(desc, 62);
			h.no_user |= bit(desc, 61) && s.user;
			h.uxn |= bit(desc, 60);
			h.pxn |= bit(desc, 59) && s.user;
		}
	}
}

void ref_translate(struct ref_memory *mem, const struct ref_config *config, const struct ref_access *access,
		   struct ref_result *result)
{
	struct walk w = {mem, config, access, result};
	bool s1 = bit(config->ste[0], 1), s2 = bit(config->ste[0], 2);
	uint64_t address = access->iova;

	memset(result, 0, sizeof(*result));
	result->size_bits = 64;
	if (s1) {
		if (!stage1(&w, s2, &address))
			return;
	} else if (too_large(address, config->oas)) {
		/* 3.4: without stage 1 the input must fit the intermediate (or output) address size. */
		fails(&w, REF_ADDR_SIZE, 2, false, 0);
		return;
	}
	if (s2) {
		struct s2_access a = {access->read, access->write, access->exec, access->priv, false};

		/* EL2 has no unprivileged level, but has no stage 2 either. */
		if (!stage2(&w, address, &a, 2, &address))
			return;
	}
	result->pa = address;
}
