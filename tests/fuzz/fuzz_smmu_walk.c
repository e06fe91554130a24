/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walker on hostile tables. The input is ID registers, an STE, a CD, a transaction, and words that guest RAM is
 * filled with, by turns. Flags make the structures legal and the words lead into RAM, or leave them as they are.
 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "smmu_pt_regs.h"
#include "smmu_walk.h"

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE 0x20000u /* two pages of the largest granule */

#define FIX_STE	  1u
#define FIX_CD	  2u
#define FIX_DESC  4u
#define FIX_IDR	  8u
#define FIX_VALID 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint32_t idr[6];
	uint32_t cr2;
	uint32_t flags;
	struct smmu_ste ste;
	struct smmu_cd cd;
	uint64_t iova;
	uint32_t access;
	uint32_t ssid;
};

static struct gmem mem;
static uint64_t *ram, before[RAM_SIZE / 8];

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void fix_field(uint64_t *dw, uint64_t mask, uint64_t least, uint64_t n)
{
	*dw = (*dw & ~mask) | field_prep(mask, least + field_get(mask, *dw) % n);
}

static uint64_t into_ram(uint64_t word)
{
	return (word & ~PT_OA) | RAM_BASE | (word & (RAM_SIZE - 1) & PT_OA);
}

static void fix(struct input *in)
{
	if (in->flags & FIX_IDR) {
		in->idr[0] |= IDR0_S1P | IDR0_S2P | IDR0_TTF_AARCH64;
		in->idr[0] &= ~(IDR0_TTENDIAN | IDR0_STALL_MODEL);
		in->idr[5] |= IDR5_GRAN4K | IDR5_GRAN16K | IDR5_GRAN64K | 5;
	}
	if (in->flags & FIX_STE) {
		in->ste.dw[0] |= STE0_V | BIT64(3);
		in->ste.dw[0] = into_ram(in->ste.dw[0]) & ~STE0_S1CTXPTR_RES0;
		in->ste.dw[1] &= ~(STE1_EATS | BIT64(30));
		in->ste.dw[2] |= STE2_S2AA64;
		fix_field(&in->ste.dw[2], STE2_S2TG, 0, 3);
		fix_field(&in->ste.dw[2], STE2_S2T0SZ, 16, 24);
		in->ste.dw[3] = into_ram(in->ste.dw[3]) & PT_OA;
	}
	if (in->flags & FIX_CD) {
		in->cd.dw[0] |= CD0_V | CD0_AA64 | CD0_A;
		in->cd.dw[0] &= ~CD0_S;
		fix_field(&in->cd.dw[0], CD0_TG0, 0, 3);
		fix_field(&in->cd.dw[0], CD0_TG1, 1, 3);
		fix_field(&in->cd.dw[0], CD0_T0SZ, 16, 24);
		fix_field(&in->cd.dw[0], CD0_T1SZ, 16, 24);
		in->cd.dw[1] = into_ram(in->cd.dw[1]);
		in->cd.dw[2] = into_ram(in->cd.dw[2]);
	}
}

static void fill_ram(const uint8_t *words, size_t n, uint32_t flags)
{
	for (size_t i = 0; i < RAM_SIZE / 8; i++) {
		uint64_t word = 0;

		if (n)
			memcpy(&word, words + (i % n) * 8, 8);
		if (flags & FIX_DESC)
			word = into_ram(word);
		if (flags & FIX_VALID)
			word |= PT_VALID | PT_TABLE;
		before[i] = ram[i] = word;
	}
}

/* HTTU changes AF, AP[2] and S2AP[1] of a few descriptors, and only if it is on. */
static void check_ram(bool httu)
{
	const uint64_t bits = PT_AF | PT_S1_RO | PT_S2_WRITE;
	unsigned changed = 0;

	if (!httu) {
		require(!memcmp(before, ram, RAM_SIZE));
		return;
	}
	for (size_t i = 0; i < RAM_SIZE / 8; i++) {
		uint64_t diff = before[i] ^ ram[i];

		require((diff & ~bits) == 0 || (diff & ~__builtin_bswap64(bits)) == 0);
		changed += diff != 0;
	}
	/* the stage 1 leaf, stage 2 leaves for its tables and its output */
	require(changed <= 6);
}

static void check_fault(const struct smmu_walk_cfg *cfg, enum smmu_event_id event, const struct smmu_fault *fault)
{
	require(fault->event == event);
	require((event >= EVT_F_TRANSLATION && event <= EVT_F_PERMISSION) || event == EVT_F_WALK_EABT);
	require(!fault->s2 || cfg->s2);
	require(fault->class == SMMU_CLASS_IN || (fault->class == SMMU_CLASS_TTD && cfg->s1));
	require(!(fault->ind && !fault->rnw));
	if (event == EVT_F_WALK_EABT)
		require(!gmem_contains(&mem, gpa(fault->fetch_addr), 8));
	if (event != EVT_F_WALK_EABT && !fault->s2)
		require(fault->class == SMMU_CLASS_IN);
}

static void check_map(const struct smmu_walk_cfg *cfg, const struct smmu_request *req, const struct smmu_mapping *map)
{
	unsigned perms = map->perms[!!(req->access & DMA_PRIV)];
	uint64_t low = BIT64(map->size_bits) - 1;

	require(map->size_bits >= 12 && map->size_bits <= 52);
	require(map->pa >> cfg->oa_bits == 0);
	require((map->pa & low) == (req->iova & low));
	require(!((map->perms[0] | map->perms[1]) & ~(DMA_READ | DMA_WRITE | DMA_EXEC)));
	if (req->access & DMA_WRITE)
		require((perms & (req->access & (DMA_READ | DMA_WRITE))) == (req->access & (DMA_READ | DMA_WRITE)));
	else
		require(perms & (req->access & DMA_EXEC ? DMA_EXEC : DMA_READ));
}

static void translate(const struct smmu_walk_cfg *cfg, const struct smmu_request *req)
{
	bool httu = (cfg->s1 && cfg->s1->ha) || (cfg->s2 && cfg->s2->ha);
	struct smmu_mapping map, again;
	struct smmu_fault fault;
	enum smmu_event_id event = smmu_walk(&mem, cfg, req, &map, &fault);

	check_ram(httu);
	if (event) {
		check_fault(cfg, event, &fault);
		return;
	}
	check_map(cfg, req, &map);
	if (httu)
		return;
	require(smmu_walk(&mem, cfg, req, &again, &fault) == EVT_NONE);
	require(again.pa == map.pa && again.size_bits == map.size_bits && again.perms[0] == map.perms[0] &&
		again.perms[1] == map.perms[1] && again.attr == map.attr && again.sh == map.sh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smmu_walk_cfg cfg = {0};
	struct smmu_stream_cfg stream;
	struct smmu_request req;
	struct smmu_fault fault;
	struct smmu_s1_cfg s1;
	struct smmu_cd fetched;
	struct input in;

	if (size < sizeof(in))
		return 0;
	if (mem.nr_regions == 0 && gmem_add(&mem, gpa(RAM_BASE), RAM_SIZE, GMEM_PAGES_NORMAL))
		abort();
	ram = gmem_host(&mem, gpa(RAM_BASE), RAM_SIZE);
	memcpy(&in, data, sizeof(in));
	fix(&in);
	fill_ram(data + sizeof(in), (size - sizeof(in)) / 8, in.flags);
	if (smmu_ste_decode_soft(in.idr, in.cr2, &in.ste, &stream)) {
		require(stream.abort);
		return 0;
	}
	if (stream.abort)
		return 0;
	req = (struct smmu_request){.iova = in.iova, .access = smmu_override_access(&stream, in.access & 15)};
	cfg.oa_bits = stream.oa_bits;
	cfg.s2 = stream.s2 ? &stream.s2cfg : NULL;
	if (stream.s1) {
		enum smmu_event_id event = smmu_cd_fetch_soft(&mem, &stream, in.ssid, &req, &fetched, &fault);

		check_ram(stream.s2 && stream.s2cfg.ha);
		require(event == EVT_NONE || event == fault.event);
		memcpy(before, ram, RAM_SIZE);
		if (smmu_cd_decode(in.idr, &stream, in.flags & FIX_CD ? &in.cd : &fetched, &s1))
			return 0;
		cfg.s1 = &s1;
	}
	translate(&cfg, &req);
	return 0;
}
