/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the walker tell each other. */
#ifndef AERIE_SMMU_WALK_PRIV_H
#define AERIE_SMMU_WALK_PRIV_H

#include "smmu_pt_regs.h"
#include "smmu_walk.h"

/* One translation under way. */
struct smmu_walk_ctx {
	const struct gmem *mem;
	const struct smmu_s1_cfg *s1; /* NULL: bypassed */
	const struct smmu_s2_cfg *s2;
	const struct smmu_request *req;
	struct smmu_fault *fault;
	bool raced; /* a descriptor changed between its fetch and its update: the walk starts again */
};

/* What one stage makes of its input address. */
struct smmu_stage {
	uint64_t oa;
	uint8_t size_bits;
	uint8_t perms[2]; /* as in struct smmu_mapping */
	uint8_t attr;	  /* stage 1: MAIR byte; stage 2: MemAttr */
	uint8_t sh;
	bool global;
};

/* The shape of a set of tables (D8.2). */
struct smmu_pt {
	uint8_t ia_bits;
	uint8_t page_bits;
	uint8_t start_level;
	uint8_t oa_bits;
	bool wide; /* descriptors hold OA[51:48] */
};

enum smmu_pt_kind {
	SMMU_PT_INVALID,
	SMMU_PT_TABLE,
	SMMU_PT_LEAF,
	SMMU_PT_TOO_LARGE, /* the address that it holds has more than oa_bits bits */
};

/* smmu_walk_pt.c */
/** log2 of what one entry of @level maps. */
unsigned smmu_pt_shift(unsigned page_bits, unsigned level);
/** log2 of the bytes of the first table, concatenated ones together. */
unsigned smmu_pt_root_bits(const struct smmu_pt *pt);
/** Address of the descriptor for @ia in the @table of @level. */
uint64_t smmu_pt_entry(const struct smmu_pt *pt, uint64_t table, unsigned level, uint64_t ia);
/** What @desc, found at @level, is, and the address that it holds. */
enum smmu_pt_kind smmu_pt_decode(const struct smmu_pt *pt, unsigned level, uint64_t desc, uint64_t *oa);
/** Reads a descriptor. 0; -EFAULT: not RAM. */
int smmu_pt_read(const struct gmem *mem, uint64_t addr, bool big_endian, uint64_t *desc);
/** Replaces @desc by @with. 0; -EFAULT; -EAGAIN: it is no longer @desc. */
int smmu_pt_update(const struct gmem *mem, uint64_t addr, bool big_endian, uint64_t desc, uint64_t with);

/* smmu_walk.c */
/** Fills in the fault of @ctx; @ipa of stage 2 faults. Returns @event. */
enum smmu_event_id smmu_walk_fail(struct smmu_walk_ctx *ctx, enum smmu_event_id event, bool s2, enum smmu_class class,
				  uint64_t ipa);
/** F_WALK_EABT on a descriptor of the stage at @fetch_addr. */
enum smmu_event_id smmu_walk_abort(struct smmu_walk_ctx *ctx, bool s2, enum smmu_class class, uint64_t ipa,
				   uint64_t fetch_addr);
/** What an @access of struct smmu_request needs of a page: DMA_READ and DMA_WRITE, or DMA_EXEC. */
unsigned smmu_walk_need(unsigned access);
/** The most important of @need that is not in @perms (13.1.1: write before read); 0: none. */
unsigned smmu_walk_lacks(unsigned perms, unsigned need);

/* smmu_s1.c */
enum smmu_event_id smmu_s1_stage(struct smmu_walk_ctx *ctx, struct smmu_stage *out);

/* smmu_s2.c */
/** Translates @ipa for an access of @class that needs @need. */
enum smmu_event_id smmu_s2_stage(struct smmu_walk_ctx *ctx, uint64_t ipa, enum smmu_class class, unsigned need,
				 struct smmu_stage *out);

/* smmu_walk_attr.c */
/** A byte of MAIR with the reserved encodings as what they behave as (5.4, MAIR0). */
uint8_t smmu_attr_mair(uint64_t mair, unsigned index);
/** Is a stage 2 leaf with @memattr Device memory, for an access that stage 1 makes as Normal memory? */
bool smmu_attr_s2_device(bool fwb, unsigned memattr);
/** Combines stage 1's *@attr and *@sh with stage 2's MemAttr and SH (13.1.5, 13.1.6). */
void smmu_attr_combine(bool fwb, unsigned memattr, unsigned s2_sh, uint8_t *attr, uint8_t *sh);
/** Shareability that goes with @attr (13.1.7). */
uint8_t smmu_attr_sh(uint8_t attr, unsigned sh);

/* smmu_config_s2.c */
/** The stage 2 fields of an STE with Config 0b11x. EVT_NONE or EVT_C_BAD_STE. */
enum smmu_event_id smmu_config_s2(const uint32_t *idr, const struct smmu_ste *ste, struct smmu_s2_cfg *out);

/* smmu_config.c */
/** log2 of the granule that @tg selects in the encoding of TG0, if IDR5 offers it; else 0. */
uint8_t smmu_config_granule(uint32_t idr5, uint64_t tg);
/** The larger of the valid values of TxSZ and S2T0SZ (IDR3.STT). */
unsigned smmu_config_txsz_max(const uint32_t *idr, unsigned page_bits);
/** Is endianness @big one that IDR0.TTENDIAN offers? */
bool smmu_config_endian_ok(uint32_t idr0, bool big);
/** Are @ha and @hd offered by IDR0.HTTU? */
bool smmu_config_httu_ok(uint32_t idr0, bool ha, bool hd);

#endif
