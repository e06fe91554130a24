/* SPDX-License-Identifier: Apache-2.0 */
/* Lookup of context descriptors: linear and two-level tables (5.2 S1Fmt, 5.3), through stage 2 if that translates. */
#include "smmu_tables.h"
#include "smmu_walk.h"

/* log2 of the CDs in a level 2 table (5.2, S1Fmt). */
#define CD_4K_LEAF_BITS	 6u
#define CD_64K_LEAF_BITS 10u

/* Output addresses of a lookup that leaves their size to somebody else: all that L2Ptr can hold. */
#define OA_BITS_ANY 52u

struct lookup {
	const struct gmem *mem;
	const struct smmu_stream_cfg *stream;
	const struct smmu_request *req;
	struct smmu_fault *fault;
};

static uint64_t align_to_size(uint64_t addr, uint64_t size)
{
	return align_down(addr, size < 64 ? 64 : size);
}

/* Reads a structure of at most 64 bytes, which is aligned to its size, at @addr. */
static enum smmu_event_id fetch(const struct lookup *l, uint64_t addr, void *buf, size_t len)
{
	if (l->stream->s2) {
		struct smmu_mapping map;
		enum smmu_event_id event =
			smmu_s2_translate(l->mem, &l->stream->s2cfg, addr, SMMU_CLASS_CD, l->req, &map, l->fault);

		if (event)
			return event;
		addr = map.pa;
	}
	l->fault->fetch_addr = addr;
	if (!gmem_read(l->mem, gpa(addr), buf, len))
		return EVT_NONE;
	l->fault->event = EVT_F_CD_FETCH;
	return EVT_F_CD_FETCH;
}

/* Address of the CD of @ssid in a two-level table. */
static enum smmu_event_id find_l2(const struct lookup *l, uint32_t ssid, uint64_t *addr)
{
	unsigned cd_bits = l->stream->cd_bits;
	unsigned leaf = l->stream->cd_fmt == STE_S1FMT_4K_L2 ? CD_4K_LEAF_BITS : CD_64K_LEAF_BITS;
	uint64_t l1_size = (uint64_t)L1CD_SIZE << (cd_bits > leaf ? cd_bits - leaf : 0);
	uint64_t l1cd = 0;
	enum smmu_event_id event;

	*addr = align_to_size(l->stream->cd_table, l1_size) + (uint64_t)(ssid >> leaf) * L1CD_SIZE;
	event = fetch(l, *addr, &l1cd, sizeof(l1cd));
	if (event)
		return event;
	/* 3.4.3: a pointer out of range is as none. */
	if (!(l1cd & L1CD_V) || (l1cd & L1CD_L2PTR) >> l->stream->oa_bits != 0) {
		l->fault->event = EVT_C_BAD_SUBSTREAMID;
		return EVT_C_BAD_SUBSTREAMID;
	}
	*addr = align_to_size(l1cd & L1CD_L2PTR, (uint64_t)CD_SIZE << leaf) +
		(uint64_t)(ssid & (BIT32(leaf) - 1)) * CD_SIZE;
	return EVT_NONE;
}

enum smmu_event_id smmu_cd_fetch_soft(const struct gmem *mem, const struct smmu_stream_cfg *stream, uint32_t ssid,
				      const struct smmu_request *req, struct smmu_cd *cd, struct smmu_fault *fault)
{
	const struct lookup l = {.mem = mem, .stream = stream, .req = req, .fault = fault};
	uint64_t addr =
		align_to_size(stream->cd_table, (uint64_t)CD_SIZE << stream->cd_bits) + (uint64_t)ssid * CD_SIZE;

	*cd = (struct smmu_cd){0};
	*fault = (struct smmu_fault){.class = SMMU_CLASS_CD};
	if (ssid >> stream->cd_bits != 0) {
		fault->event = EVT_C_BAD_SUBSTREAMID;
		return EVT_C_BAD_SUBSTREAMID;
	}
	if (stream->cd_fmt != STE_S1FMT_LINEAR) {
		enum smmu_event_id event = find_l2(&l, ssid, &addr);

		if (event)
			return event;
	}
	return fetch(&l, addr, cd, sizeof(*cd));
}

enum smmu_event_id smmu_cd_fetch(const struct gmem *mem, const struct smmu_stream *stream, uint32_t ssid,
				 struct smmu_cd *cd, uint64_t *fetch_addr)
{
	const struct smmu_stream_cfg cfg = {
		.s1 = true,
		.oa_bits = OA_BITS_ANY,
		.cd_bits = (uint8_t)field_get(STE0_S1CDMAX, stream->ste[0]),
		.cd_fmt = (uint8_t)field_get(STE0_S1FMT, stream->ste[0]),
		.cd_table = stream->ste[0] & STE0_S1CTXPTR,
	};
	const struct smmu_request req = {.access = DMA_READ};
	struct smmu_fault fault;
	enum smmu_event_id event = smmu_cd_fetch_soft(mem, &cfg, ssid, &req, cd, &fault);

	*fetch_addr = fault.fetch_addr;
	return event;
}
