/* SPDX-License-Identifier: Apache-2.0 */
/* GBPA, the stream table, and what makes an STE or a CD valid. */
#include "rig.h"

/* 6.3.14 */
static void gbpa_bypass(void)
{
	rig_reset();
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN);
	gives(pa(data), MAGIC);
	takes(pa(data) + 8, data + 1, 0, 0);
}

static void gbpa_abort(void)
{
	rig_reset();
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN);
	smmu_gbpa(&smmu, S_GBPA_ABORT);
	aborts(pa(data), false, 0, 0);
	aborts(pa(data), true, 0, 0);
	smmu_gbpa(&smmu, 0);
	gives(pa(data), MAGIC);
}

/* 6.3.14: a write without Update is ignored. */
static void gbpa_without_update(void)
{
	rig_reset();
	smmu_cr0(&smmu, 0);
	write32(smmu.base + S_GBPA, S_GBPA_ABORT);
	CHECK(!(read32(smmu.base + S_GBPA) & S_GBPA_ABORT), "GBPA changed without Update");
	gives(pa(data), MAGIC);
}

/* 6.3: what must be true of any SMMU of ours. */
static void identity(void)
{
	rig_reset();
	CHECK(smmu.idr0 & S_IDR0_S1P, "no stage 1");
	CHECK((smmu.idr1 & 63) >= 16, "StreamIDs of less than 16 bits");
	CHECK(smmu.idr5 & 0x70, "no granule");
	write32(smmu.base + S_IDR0, 0);
	CHECK_EQ(read32(smmu.base + S_IDR0), smmu.idr0);
}

/* 6.3.9: tables and queues cannot be moved while they are in use. */
static void registers_guarded(void)
{
	rig_reset();
	write64(smmu.base + S_STRTAB_BASE, 0);
	write32(smmu.base + S_STRTAB_BASE_CFG, 1);
	write64(smmu.base + S_CMDQ_BASE, 0);
	smmu_set_ste(&smmu, sid, T0_V | T0_CONFIG(T_BYPASS), T1_SHCFG_IN, 0, 0);
	gives(pa(data), MAGIC);
}

const struct guest_case global_cases[] = {
	{"smmu identity", identity},
	{"smmu GBPA bypass", gbpa_bypass},
	{"smmu GBPA abort", gbpa_abort},
	{"smmu GBPA without Update", gbpa_without_update},
	{"smmu registers in use", registers_guarded},
};
const unsigned nr_global = ARRAY_LEN(global_cases);

/* 5.2: Config 0b0xx aborts without an event, 0b100 passes. */
static void ste_config(void)
{
	rig_reset();
	for (unsigned config = 0; config < 4; config++) {
		step("Config %u", config);
		smmu_set_ste(&smmu, sid, T0_V | T0_CONFIG(config), 0, 0, 0);
		aborts(pa(data), false, 0, 0);
		aborts(pa(data), true, 0, 0);
	}
	step("bypass");
	smmu_set_ste(&smmu, sid, T0_V | T0_CONFIG(T_BYPASS), T1_SHCFG_IN, 0, 0);
	gives(pa(data), MAGIC);
	takes(pa(data) + 8, data + 1, 0, 0);
}

/* 3.4: what is beyond the size of addresses does not pass. */
static void bypass_address_size(void)
{
	rig_reset();
	smmu_set_ste(&smmu, sid, T0_V | T0_CONFIG(T_BYPASS), T1_SHCFG_IN, 0, 0);
	FAULTS(.id = E_F_ADDR_SIZE, .class = E_CLASS_IN, .iova = 1ull << 52 | pa(data));
	FAULTS(.id = E_F_ADDR_SIZE, .class = E_CLASS_IN, .iova = 1ull << 63 | pa(data), .write = true);
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN);
	aborts(1ull << 52 | pa(data), false, 0, 0);
}

static void ste_invalid(void)
{
	rig_reset();
	FAULTS(.id = E_C_BAD_STE, .iova = pa(data));
	smmu_set_ste(&smmu, sid, T0_CONFIG(T_BYPASS), T1_SHCFG_IN, 0, 0);
	FAULTS(.id = E_C_BAD_STE, .iova = pa(data), .write = true);
}

/* Rules of 5.2 that make an STE ILLEGAL. */
static void ste_illegal(void)
{
	static const struct {
		const char *name;
		unsigned config;
		uint64_t dw0, dw1, dw2;
	} bad[] = {
		{"S1CDMax beyond SSIDSIZE", T_S1, T0_S1CDMAX(31), 0, 0},
		{"stage 2 in AArch32", T_S2, 0, 0, T2_T0SZ(25) | T2_SL0(1)},
		{"S2TG reserved", T_S2, 0, 0, T2_T0SZ(25) | T2_SL0(1) | T2_AA64 | T2_TG(3) | T2_PS(5)},
		{"S2SL0 reserved", T_S2, 0, 0, T2_T0SZ(25) | T2_SL0(3) | T2_AA64 | T2_PS(5)},
		{"S2T0SZ too small for the level", T_S2, 0, 0, T2_T0SZ(16) | T2_SL0(0) | T2_AA64 | T2_PS(5)},
		{"S2T0SZ too large for the level", T_S2, 0, 0, T2_T0SZ(39) | T2_SL0(2) | T2_AA64 | T2_PS(5)},
	};
	uint64_t *cds;

	rig_reset();
	cds = cd_new(s1_simple(0x10000));
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		step("%s", bad[i].name);
		smmu_set_ste(&smmu, sid, pa(cds) | T0_V | T0_CONFIG(bad[i].config) | bad[i].dw0, bad[i].dw1, bad[i].dw2,
			     pa(data));
		FAULTS(.id = E_C_BAD_STE, .iova = 0x10000);
	}
}

/* 7.3.3; 6.3.12: RECINVSID. */
static void stream_out_of_range(void)
{
	rig_reset();
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN);
	write32(smmu.base + S_STRTAB_BASE_CFG, 4);
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
	FAULTS(.id = E_C_BAD_STREAMID, .iova = pa(data));
	smmu_cr0(&smmu, 0);
	write32(smmu.base + S_CR2, 0);
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
	aborts(pa(data), false, 0, 0);
}

/* 5.1, 3.3.1: a level 1 table with Span, which may not reach the StreamID, or 0. */
static void two_level_table(void)
{
	static const unsigned splits[] = {6, 8, 10};

	for (unsigned i = 0; i < ARRAY_LEN(splits); i++) {
		unsigned split = splits[i], below = sid & ((1u << split) - 1);
		uint64_t *l1, *l2, *ste;

		step("split %u", split);
		rig_reset();
		l1 = aligned(8ull << (16 - split) < PAGE ? PAGE : 8ull << (16 - split));
		l2 = aligned(64ull << split);
		ste = l2 + 8 * below;
		ste[0] = T0_V | T0_CONFIG(T_BYPASS);
		ste[1] = T1_SHCFG_IN;
		l1[sid >> split] = pa(l2) | (split + 1);
		smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN);
		write64(smmu.base + S_STRTAB_BASE, pa(l1));
		write32(smmu.base + S_STRTAB_BASE_CFG, S_TWO_LEVEL | split << 6 | 16);
		smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
		gives(pa(data), MAGIC);
		l1[sid >> split] = pa(l2);
		smmu_do(&smmu, OP_CFGI_STE | (uint64_t)sid << 32, 0);
		FAULTS(.id = E_C_BAD_STREAMID, .iova = pa(data));
		if (below > 0) {
			/* Span reaches to the one before ours at most */
			unsigned span = 32 - (unsigned)__builtin_clz(below);

			l1[sid >> split] = pa(l2) | span;
			smmu_do(&smmu, OP_CFGI_STE | (uint64_t)sid << 32, 0);
			FAULTS(.id = E_C_BAD_STREAMID, .iova = pa(data));
		}
		l1[sid >> split] = NOWHERE | (split + 1);
		smmu_do(&smmu, OP_CFGI_STE | (uint64_t)sid << 32, 0);
		FAULTS(.id = E_F_STE_FETCH, .iova = pa(data), .ipa = NOWHERE + 64ull * below);
		STOP_IF_FAILED();
	}
}

static void ste_fetch_abort(void)
{
	rig_reset();
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN);
	write64(smmu.base + S_STRTAB_BASE, NOWHERE);
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
	FAULTS(.id = E_F_STE_FETCH, .iova = pa(data), .ipa = (NOWHERE & ~((64ull << SMMU_SID_BITS) - 1)) + 64ull * sid);
}

/* 4.3: each invalidation of configuration makes a new STE seen. */
static void config_invalidation(void)
{
	const struct {
		const char *name;
		uint64_t dw0, dw1;
	} commands[] = {
		{"CFGI_STE", OP_CFGI_STE | (uint64_t)sid << 32, 1},
		{"CFGI_STE not leaf", OP_CFGI_STE | (uint64_t)sid << 32, 0},
		{"CFGI_STE_RANGE", OP_CFGI_STE_RANGE | (uint64_t)(sid & ~7u) << 32, 2},
		{"CFGI_ALL", OP_CFGI_STE_RANGE, 31},
	};

	rig_reset();
	for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
		step("%s", commands[i].name);
		smmu_set_ste(&smmu, sid, T0_V | T0_CONFIG(T_BYPASS), T1_SHCFG_IN, 0, 0);
		gives(pa(data), MAGIC);
		smmu_ste(&smmu, sid)[0] = T0_V | T0_CONFIG(T_ABORT);
		barrier();
		smmu_do(&smmu, commands[i].dw0, commands[i].dw1);
		aborts(pa(data), false, 0, 0);
	}
}

/* 5.4: what makes a CD invalid. */
static void cd_illegal(void)
{
	static const struct {
		const char *name;
		uint64_t clear, set;
	} bad[] = {
		{"V", D0_V, 0},
		{"AA64", D0_AA64, 0},
		{"TG0 reserved", 0, D0_TG0(3)},
		{"T0SZ beyond 48 bits", D0_T0SZ(63), D0_T0SZ(11)},
		{"A of terminate only", D0_A, 0},
	};
	uint64_t *cd;

	rig_reset();
	cd = cd_new(s1_simple(0x10000));
	ste_s1(cd);
	gives(0x10000, MAGIC);
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		uint64_t good = cd[0];

		step("%s", bad[i].name);
		cd[0] = (good & ~bad[i].clear) | bad[i].set;
		barrier();
		smmu_do(&smmu, OP_CFGI_CD | (uint64_t)sid << 32, 1);
		FAULTS(.id = E_C_BAD_CD, .iova = 0x10000);
		cd[0] = good;
		barrier();
		smmu_do(&smmu, OP_CFGI_CD_ALL | (uint64_t)sid << 32, 0);
		gives(0x10000, MAGIC);
		STOP_IF_FAILED();
	}
}

static void cd_fetch_abort(void)
{
	rig_reset();
	smmu_set_ste(&smmu, sid, NOWHERE | T0_V | T0_CONFIG(T_S1), T1_CACHED, 0, 0);
	FAULTS(.id = E_F_CD_FETCH, .iova = 0x10000, .ipa = NOWHERE);
}

const struct guest_case config_cases[] = {
	{"smmu STE.Config", ste_config},
	{"smmu bypass beyond the address size", bypass_address_size},
	{"smmu STE.V", ste_invalid},
	{"smmu STE ILLEGAL", ste_illegal},
	{"smmu StreamID out of range", stream_out_of_range},
	{"smmu two-level stream table", two_level_table},
	{"smmu F_STE_FETCH", ste_fetch_abort},
	{"smmu CFGI", config_invalidation},
	{"smmu CD ILLEGAL", cd_illegal},
	{"smmu F_CD_FETCH", cd_fetch_abort},
};
const unsigned nr_config = ARRAY_LEN(config_cases);
