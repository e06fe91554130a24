/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SMMU's walker against an independently written reference (tests/model/smmu_ref.h): random legal configurations,
 * random tables, random transactions. The reference goes first and has each descriptor made up at the moment that it
 * reads it; the walker then finds exactly those in memory. Result, fault record, memory afterwards and permissions of
 * the cached translation must agree. AERIE_MODEL_CASES and AERIE_MODEL_SEED choose another run.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "gmem.h"
#include "log.h"
#include "rounds.h"
#include "run_suite.h"
#include "smmu_ref.h"
#include "smmu_walk.h"

#define CASES	  1000000u
#define RAM_SIZE  (UINT64_C(32) << 20) /* from address 0 */
#define MAX_WORDS 40u

static struct gmem ram;
static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * UINT64_C(0x2545f4914f6cdd1d) >> 3 | seed << 61;
}

static uint64_t below(uint64_t n)
{
	return rnd() % n;
}

static bool percent(unsigned p)
{
	return below(100) < p;
}

/* The descriptors that the reference has read, as it sees them now. */
struct world {
	struct ref_memory mem;
	uint64_t addr[MAX_WORDS], first[MAX_WORDS], now[MAX_WORDS];
	unsigned n;
	bool closed; /* no more may come */
	bool s1_big, s2_big, nested;
	int ipa_bits;
};

static struct world *to_world(struct ref_memory *mem)
{
	return container_of(mem, struct world, mem);
}

static int find(const struct world *w, uint64_t addr)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->addr[i] == addr)
			return (int)i;
	return -1;
}

/* Where a descriptor leads: mostly into RAM, sometimes anywhere, seldom beyond what any size allows. */
static uint64_t make_address(const struct world *w, const struct ref_fetch *f, bool leaf)
{
	uint64_t addr;

	if (f->stage == 1 && w->nested)
		addr = rnd() & (BIT64(percent(90) ? w->ipa_bits : 52) - 1);
	else if (percent(90))
		addr = below(RAM_SIZE);
	else
		addr = rnd();
	if (percent(3))
		addr |= BIT64(32 + below(20));
	addr &= ~(BIT64(f->page_bits) - 1);
	if (leaf)
		addr &= MASK64(51, 0);
	return addr & MASK64(51, 0);
}

static uint64_t make_descriptor(const struct world *w, const struct ref_fetch *f)
{
	bool leaf = f->level == 3 || percent(25);
	unsigned type = leaf && f->level < 3 ? 1 : 3;
	uint64_t addr = make_address(w, f, leaf), desc;

	if (percent(4))
		type = (unsigned)below(4);
	desc = (addr & MASK64(47, 12)) | type;
	if (f->page_bits == 16)
		desc = (desc & ~MASK64(15, 12)) | (percent(10) ? rnd() & MASK64(15, 12) : 0);
	if (!leaf) {
		if (percent(20))
			desc |= rnd() & MASK64(62, 59);
		return desc | (rnd() & MASK64(11, 2));
	}
	desc |= rnd() & (MASK64(11, 2) | BIT64(51) | BIT64(16));
	if (percent(80))
		desc |= BIT64(10);
	if (percent(30))
		desc |= rnd() & MASK64(54, 53);
	if (f->stage == 2 && percent(70))
		desc |= BIT64(6) | BIT64(7);
	return desc;
}

static bool world_read(struct ref_memory *mem, const struct ref_fetch *f, uint64_t *word)
{
	struct world *w = to_world(mem);
	int i;

	if (f->addr > RAM_SIZE - 8)
		return false;
	i = find(w, f->addr);
	if (i < 0) {
		bool big = f->stage == 1 ? w->s1_big : w->s2_big;
		uint64_t desc = make_descriptor(w, f);

		ck_assert(!w->closed && w->n < MAX_WORDS);
		i = (int)w->n++;
		w->addr[i] = f->addr;
		w->first[i] = w->now[i] = big ? __builtin_bswap64(desc) : desc;
	}
	*word = w->now[i];
	return true;
}

static bool world_write(struct ref_memory *mem, uint64_t addr, uint64_t word)
{
	struct world *w = to_world(mem);
	int i = find(w, addr);

	ck_assert_int_ge(i, 0);
	w->now[i] = word;
	return true;
}

/* ---- configurations ---- */

static const uint8_t size_of_code[] = {32, 36, 40, 42, 44, 48, 52};

struct scene {
	uint32_t idr[6];
	unsigned oas;
	struct smmu_ste ste;
	struct smmu_cd cd;
	bool s1, s2, el2, e2h; /* el2: of the two worlds the one with one table */
};

static void make_idr(struct scene *s)
{
	unsigned code = (unsigned)below(7);

	s->oas = size_of_code[code];
	s->idr[0] = IDR0_S2P | IDR0_S1P | IDR0_TTF_AARCH64 | IDR0_COHACC | field_prep32(IDR0_HTTU, IDR0_HTTU_AF_DIRTY) |
		    IDR0_HYP | IDR0_ASID16 | IDR0_VMID16 | IDR0_CD2L | field_prep32(IDR0_STALL_MODEL, IDR0_STALL_NONE) |
		    field_prep32(IDR0_ST_LEVEL, IDR0_ST_LEVEL_2);
	s->idr[1] = field_prep32(IDR1_SIDSIZE, 16) | field_prep32(IDR1_SSIDSIZE, 20);
	s->idr[3] = IDR3_HAD | IDR3_FWB | IDR3_RIL | IDR3_E0PD | (percent(50) ? IDR3_XNX : 0) |
		    (percent(50) ? IDR3_STT : 0);
	s->idr[5] = field_prep32(IDR5_OAS, code) | IDR5_GRAN4K | IDR5_GRAN16K | IDR5_GRAN64K |
		    (s->oas == 52 ? field_prep32(IDR5_VAX, IDR5_VAX_52) : 0);
}

/* A table that mostly lies in RAM. @size: address bits that it may have. */
static uint64_t make_table(unsigned size)
{
	uint64_t addr = percent(95) ? below(RAM_SIZE) : rnd() & (BIT64(size) - 1);

	return addr & ~UINT64_C(0x3f);
}

/* 5.4: 64 - TxSZ within what IDR3.STT, IDR5.VAX and the granule allow. */
static unsigned make_ia(const struct scene *s, unsigned page_bits)
{
	bool small = s->idr[3] & IDR3_STT;
	unsigned max = s->oas == 52 && page_bits == 16 ? 52 : 48;
	unsigned min = !small ? 25 : page_bits == 16 ? 17 : 16;

	return min + (unsigned)below(max - min + 1);
}

static void make_cd(struct scene *s)
{
	static const uint8_t page_bits0[] = {12, 16, 14}, page_bits1[] = {0, 14, 12, 16};
	unsigned tg0 = (unsigned)below(3), tg1 = 1 + (unsigned)below(3), ips = (unsigned)below(7);
	unsigned oa = size_of_code[ips] < s->oas ? size_of_code[ips] : s->oas;
	bool ha = percent(60);
	uint64_t w0;

	if (oa == 52)
		oa = 48; /* tables anywhere that every granule reaches */
	w0 = (64 - make_ia(s, page_bits0[tg0])) | (uint64_t)tg0 << 6 |
	     (uint64_t)(64 - make_ia(s, page_bits1[tg1])) << 16 | (uint64_t)tg1 << 22 | BIT64(31) |
	     (uint64_t)ips << 32 | BIT64(41) | BIT64(45) | BIT64(46);
	w0 |= (rnd() & (BIT64(38) | BIT64(39) | BIT64(36) | BIT64(40))) | (rnd() << 48);
	w0 |= (percent(5) ? BIT64(14) : 0) | (percent(5) ? BIT64(30) : 0) | (percent(10) ? BIT64(15) : 0);
	w0 |= (percent(30) ? BIT64(35) : 0) | (ha ? BIT64(43) : 0) | (ha && percent(60) ? BIT64(42) : 0);
	s->cd.dw[0] = w0;
	for (unsigned i = 1; i <= 2; i++)
		s->cd.dw[i] = make_table(oa) | (percent(30) ? BIT64(1) : 0) | (percent(5) ? BIT64(2) : 0);
	s->cd.dw[3] = UINT64_C(0x1f77440400aaf4ff);
}

/* 5.2, S2SL0 with S2T0SZ: up to 16 concatenated tables at the start level, and at least one bit resolved there. */
static bool s2_legal(const struct scene *s, unsigned page_bits, unsigned level, unsigned ia)
{
	unsigned step = page_bits - 3, shift = page_bits + (3 - level) * step;
	unsigned min = s->idr[3] & IDR3_STT ? 16 : 25;
	unsigned max = s->oas == 52 && page_bits != 16 ? 48 : s->oas;

	if (page_bits == 12 && level == 0 && s->oas < 44)
		return false;
	if (page_bits == 14 && level == 1 && s->oas < 42)
		return false;
	if (page_bits == 16 && level == 1 && s->oas < 44)
		return false;
	return ia >= min && ia <= max && ia > shift && ia <= shift + step + 4;
}

static void make_s2(struct scene *s)
{
	static const uint8_t page_bits[] = {12, 16, 14};
	unsigned tg, level, ia, ps = (unsigned)below(7), oa, max_level_field;
	bool ha = percent(60);

	do {
		tg = (unsigned)below(3);
		max_level_field = (unsigned)below(3);
		level = page_bits[tg] == 12 ? 2 - max_level_field : 3 - max_level_field;
		ia = 16 + (unsigned)below(37);
	} while (!s2_legal(s, page_bits[tg], level, ia));
	oa = size_of_code[ps] < s->oas ? size_of_code[ps] : s->oas;
	s->ste.dw[2] = (rnd() & 0xffff) | (uint64_t)(64 - ia) << 32 | (uint64_t)max_level_field << 38 |
		       (uint64_t)tg << 46 | (uint64_t)ps << 48 | BIT64(51) | BIT64(58);
	s->ste.dw[2] |= (percent(10) ? BIT64(52) : 0) | (percent(30) ? BIT64(53) : 0) | (percent(10) ? BIT64(54) : 0);
	s->ste.dw[2] |= (ha ? BIT64(56) : 0) | (ha && percent(60) ? BIT64(55) : 0);
	s->ste.dw[3] = make_table(oa == 52 ? 48 : oa);
	s->ste.dw[1] |= percent(40) ? BIT64(25) : 0;
}

static void make_scene(struct scene *s)
{
	unsigned config = 5 + (unsigned)below(3);

	memset(s, 0, sizeof(*s));
	make_idr(s);
	s->s1 = config & 1;
	s->s2 = config & 2;
	s->e2h = percent(50);
	s->ste.dw[0] = 1 | config << 1 | 0x1000;		  /* the CD is given, not fetched */
	s->ste.dw[1] = BIT64(44) | (percent(40) ? BIT64(31) : 0); /* STRW means something to stage 1 alone */
	s->el2 = s->s1 && !s->s2 && !s->e2h && (s->ste.dw[1] & BIT64(31));
	if (s->s1)
		make_cd(s);
	if (s->s2)
		make_s2(s);
}

/* ---- one case ---- */

static uint64_t make_iova(const struct scene *s)
{
	uint64_t iova = rnd();
	unsigned t0 = s->s1   ? 64 - (unsigned)(s->cd.dw[0] & 0x3f)
		      : s->s2 ? 64 - (unsigned)(s->ste.dw[2] >> 32 & 0x3f)
			      : 48;
	unsigned t1 = 64 - (unsigned)(s->cd.dw[0] >> 16 & 0x3f);

	if (percent(4))
		return iova;
	if (s->s1 && !s->el2 && percent(40))
		iova |= ~(BIT64(t1) - 1);
	else
		iova &= BIT64(t0) - 1;
	if (percent(10))
		iova ^= rnd() & MASK64(63, 56);
	return iova;
}

static void setup_words(const struct world *w, bool clear)
{
	for (unsigned i = 0; i < w->n; i++) {
		uint64_t word = clear ? 0 : w->first[i];

		ck_assert_int_eq(gmem_write(&ram, gpa(w->addr[i]), &word, 8), 0);
	}
}

/* What a cached translation may permit: accesses that succeed now and need no update. */
static unsigned permitted(struct world *w, const struct ref_config *config, uint64_t iova, bool priv)
{
	static const struct {
		unsigned bit;
		bool read, write, exec;
	} kinds[] = {
		{DMA_READ, true, false, false},
		{DMA_WRITE, false, true, false},
		{DMA_EXEC, false, false, true},
	};
	unsigned perms = 0;

	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		struct ref_access a = {iova, kinds[i].read, kinds[i].write, kinds[i].exec, priv};
		struct world copy = *w;
		struct ref_result r;

		copy.closed = true;
		ref_translate(&copy.mem, config, &a, &r);
		if (r.event == REF_OK && r.updates == 0)
			perms |= kinds[i].bit;
	}
	return perms;
}

/* The case at hand, for the message of one that fails. */
static struct {
	const struct scene *scene;
	const struct ref_access *access;
	const struct ref_result *result;
	const struct world *world;
} now;

static const char *story(void)
{
	static char text[2048];
	const struct scene *s = now.scene;
	const struct ref_access *a = now.access;
	const struct ref_result *r = now.result;
	const struct world *w = now.world;
	size_t n = (size_t)snprintf(
		text, sizeof(text),
		"STE %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " CD %#" PRIx64 " %#" PRIx64 " %#" PRIx64
		" OAS %u IDR3 %#x iova %#" PRIx64 " %s%s%s%s; reference: event %#x class %d s2 %d ipa %#" PRIx64
		" pa %#" PRIx64 " size %d;",
		s->ste.dw[0], s->ste.dw[1], s->ste.dw[2], s->ste.dw[3], s->cd.dw[0], s->cd.dw[1], s->cd.dw[2], s->oas,
		s->idr[3], a->iova, a->read ? "R" : "", a->write ? "W" : "", a->exec ? "X" : "", a->priv ? "P" : "",
		r->event, r->class, r->s2, r->ipa, r->pa, r->size_bits);

	for (unsigned i = 0; i < w->n && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " [%#" PRIx64 "]=%#" PRIx64, w->addr[i], w->first[i]);
	return text;
}

static void agree(const char *what, uint64_t got, uint64_t want)
{
	if (got != want)
		ck_abort_msg("%s: walker %#" PRIx64 ", reference %#" PRIx64 "; %s", what, got, want, story());
}

static void compare_fault(const struct smmu_fault *f, const struct ref_access *a, const struct ref_result *r)
{
	agree("event in the record", f->event, r->event);
	agree("class", f->class, r->class);
	agree("stage 2", f->s2, r->s2);
	if (!a->read || !a->write) /* how an atomic one is recorded the reference does not know */
		agree("RnW", f->rnw, !a->write);
	agree("InD", f->ind, a->exec);
	agree("PnU", f->pnu, a->priv);
	if (r->s2)
		agree("IPA", f->ipa, r->ipa);
	if (r->event == REF_WALK_EABT)
		agree("fetch address", f->fetch_addr, r->fetch);
	if (r->class == 1)
		agree("TTRnW", f->ttrnw, r->ttrnw);
}

static void compare_attributes(const struct smmu_mapping *map, const struct ref_config *config,
			       const struct ref_result *r)
{
	unsigned mair, sh;

	ref_attributes(config, r, &mair, &sh);
	agree("memory type", map->attr, mair);
	agree("shareability", map->sh, sh);
}

static enum ref_event one_case(void)
{
	struct smmu_walk_cfg cfg = {0};
	struct smmu_stream_cfg stream;
	struct smmu_s1_cfg s1;
	struct smmu_mapping map;
	struct smmu_fault fault;
	struct ref_config config;
	struct ref_result r;
	struct scene s;
	bool priv = percent(50), exec = percent(20), write = !exec && percent(50);
	struct ref_access a = {0, !exec && (!write || percent(20)), write, exec, priv};
	struct world w = {.mem = {world_read, world_write}};

	make_scene(&s);
	a.iova = make_iova(&s);
	config = (struct ref_config){.oas = (int)s.oas, .xnx = s.idr[3] & IDR3_XNX, .e2h = s.e2h};
	memcpy(config.ste, s.ste.dw, sizeof(config.ste));
	memcpy(config.cd, s.cd.dw, sizeof(config.cd));
	if (s.el2)
		a.priv = true; /* every access at EL2 is privileged */
	w.nested = s.s1 && s.s2;
	w.s1_big = s.cd.dw[0] >> 15 & 1;
	w.s2_big = s.ste.dw[2] >> 52 & 1;
	w.ipa_bits = 64 - (int)(s.ste.dw[2] >> 32 & 0x3f);

	ref_translate(&w.mem, &config, &a, &r);
	now.scene = &s;
	now.access = &a;
	now.result = &r;
	now.world = &w;
	agree("STE", smmu_ste_decode_soft(s.idr, s.e2h ? CR2_E2H : 0, &s.ste, &stream), EVT_NONE);
	if (s.s1)
		agree("CD", smmu_cd_decode(s.idr, &stream, &s.cd, &s1), EVT_NONE);
	cfg.s1 = s.s1 ? &s1 : NULL;
	cfg.s2 = s.s2 ? &stream.s2cfg : NULL;
	cfg.oa_bits = (uint8_t)s.oas;

	struct smmu_request req = {
		.iova = a.iova,
		.access = (a.read ? DMA_READ : 0) | (a.write ? DMA_WRITE : 0) | (a.exec ? DMA_READ | DMA_EXEC : 0) |
			  (a.priv ? DMA_PRIV : 0),
	};

	setup_words(&w, false);
	agree("event", smmu_walk(&ram, &cfg, &req, &map, &fault), r.event);
	if (r.event != REF_OK) {
		compare_fault(&fault, &a, &r);
	} else {
		agree("PA", map.pa, r.pa);
		agree("size", map.size_bits, r.size_bits);
		if (s.s1 && !s.el2)
			agree("global", map.global, r.global);
		if (s.s1)
			compare_attributes(&map, &config, &r);
	}
	for (unsigned i = 0; i < w.n; i++) {
		uint64_t word;

		ck_assert_int_eq(gmem_read(&ram, gpa(w.addr[i]), &word, 8), 0);
		agree("descriptor afterwards", word, w.now[i]);
	}
	if (r.event == REF_OK)
		for (unsigned p = s.el2 ? 1 : 0; p < 2; p++)
			agree(p ? "privileged permissions" : "permissions", map.perms[p],
			      permitted(&w, &config, a.iova, p));
	setup_words(&w, true);
	return r.event;
}

START_TEST(random_tables)
{
	uint64_t n = setting("AERIE_MODEL_CASES", CASES), results[0x20] = {0};
	/* What must have happened often enough for the comparison to mean something. */
	static const enum ref_event wanted[] = {REF_OK,	       REF_WALK_EABT, REF_TRANSLATION,
						REF_ADDR_SIZE, REF_ACCESS,    REF_PERMISSION};

	seed = setting("AERIE_MODEL_SEED", UINT64_C(0x9e3779b97f4a7c15));
	gmem_init(&ram);
	ck_assert_int_eq(gmem_add(&ram, gpa(0), RAM_SIZE, GMEM_PAGES_NORMAL), 0);
	for (uint64_t i = 0; i < n; i++)
		results[one_case()]++;
	gmem_fini(&ram);
	for (unsigned i = 0; i < ARRAY_LEN(wanted); i++)
		ck_assert_msg(results[wanted[i]] >= n / 100, "event %#x in %" PRIu64 " of %" PRIu64 " cases only",
			      wanted[i], results[wanted[i]], n);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("smmu_model");
	TCase *tc = tcase_create("smmu_model");

	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, random_tables);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
