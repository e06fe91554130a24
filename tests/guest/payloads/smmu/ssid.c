/* SPDX-License-Identifier: Apache-2.0 */
/* Substreams: CD tables of each format, S1DSS, SubstreamIDs out of range. */
#include "rig.h"

#define VA 0x10000ull
#define P  TESTDEV_F_PASID

static struct pt *to_spare(void)
{
	struct pt *pt = s1_simple(VA);

	pt_map(pt, VA, pa(spare), 3, S1_RW);
	return pt;
}

/* @format: linear, 4 KiB leaves (64 CDs), 64 KiB leaves (1024). Returns the CD of @ssid, leaves made as needed. */
static uint64_t *cd_at(uint64_t *table, unsigned format, uint32_t ssid)
{
	unsigned leaf = format == 1 ? 6 : 10;

	if (format == 0)
		return table + 8 * ssid;
	if (!(table[ssid >> leaf] & 1))
		table[ssid >> leaf] = pa(aligned(64ull << leaf)) | 1;
	return (uint64_t *)(table[ssid >> leaf] & ~0xfffull) + 8 * (ssid & ((1u << leaf) - 1));
}

static void formats(void)
{
	static const unsigned max[] = {6, 12, 16, 6}; /* S1Fmt 3 is reserved and behaves as 0 (5.2) */

	for (unsigned i = 0; i < ARRAY_LEN(max); i++) {
		unsigned format = i % 3;
		uint32_t last = (1u << max[i]) - 1;
		uint64_t *table;

		step("S1Fmt %u", i);
		rig_reset();
		if (format > 0 && !(smmu.idr0 & S_IDR0_CD2L))
			return;
		table = aligned(65536);
		cd_set(cd_at(table, format, 1), s1_simple(VA), NULL, 1, 0);
		cd_set(cd_at(table, format, last), to_spare(), NULL, 2, 0);
		smmu_set_ste(&smmu, sid, pa(table) | T0_V | T0_CONFIG(T_S1) | T0_S1FMT(i) | T0_S1CDMAX(max[i]),
			     T1_CACHED, 0, 0);
		gives_to(VA, MAGIC, P, 1);
		gives_to(VA, ~MAGIC, P, last);
		FAULTS(.id = E_C_BAD_SUBSTREAMID, .iova = VA, .flags = P, .pasid = last + 1);
		FAULTS(.id = E_C_BAD_CD, .iova = VA, .flags = P, .pasid = last - 1);
		FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = VA + 0x100000, .flags = P, .pasid = last);
		if (format > 0) {
			step("S1Fmt %u, leaf not there", format);
			FAULTS(.id = E_C_BAD_SUBSTREAMID, .iova = VA, .flags = P, .pasid = 3u << (max[i] - 2));
			step("S1Fmt %u, leaf out of RAM", format);
			table[last >> (format == 1 ? 6 : 10)] = NOWHERE | 1;
			smmu_do(&smmu, OP_CFGI_CD_ALL | (uint64_t)sid << 32, 0);
			FAULTS(.id = E_F_CD_FETCH, .iova = VA, .flags = P, .pasid = last,
			       .ipa = NOWHERE + 64 * (last & ((1u << (format == 1 ? 6 : 10)) - 1)));
		}
		STOP_IF_FAILED();
	}
}

/* 5.2: S1DSS */
static void default_substream(void)
{
	uint64_t *table;
	uint64_t dw0;

	rig_reset();
	table = pages(1);
	cd_set(table, s1_simple(VA), NULL, 1, 0);
	cd_set(table + 8, to_spare(), NULL, 2, 0);
	dw0 = pa(table) | T0_V | T0_CONFIG(T_S1) | T0_S1CDMAX(4);
	step("terminate");
	smmu_set_ste(&smmu, sid, dw0, T1_CACHED | T1_S1DSS(0), 0, 0);
	FAULTS(.id = E_F_STREAM_DISABLED, .iova = VA);
	gives_to(VA, MAGIC, P, 0);
	gives_to(VA, ~MAGIC, P, 1);
	step("reserved, as terminate");
	smmu_set_ste(&smmu, sid, dw0, T1_CACHED | T1_S1DSS(3), 0, 0);
	FAULTS(.id = E_F_STREAM_DISABLED, .iova = VA);
	step("bypass");
	smmu_set_ste(&smmu, sid, dw0, T1_CACHED | T1_S1DSS(1), 0, 0);
	gives(pa(data), MAGIC);
	gives_to(VA, MAGIC, P, 0);
	gives_to(VA, ~MAGIC, P, 1);
	step("substream 0");
	smmu_set_ste(&smmu, sid, dw0, T1_CACHED | T1_S1DSS(2), 0, 0);
	gives(VA, MAGIC);
	FAULTS(.id = E_F_STREAM_DISABLED, .iova = VA, .flags = P, .pasid = 0);
	gives_to(VA, ~MAGIC, P, 1);
}

/* 7.3.9: SubstreamIDs where there are no substreams. */
static void no_substreams(void)
{
	rig_reset();
	step("S1CDMax 0");
	ste_s1(cd_new(s1_simple(VA)));
	gives(VA, MAGIC);
	FAULTS(.id = E_C_BAD_SUBSTREAMID, .iova = VA, .flags = P, .pasid = 0);
	FAULTS(.id = E_C_BAD_SUBSTREAMID, .iova = VA, .flags = P, .pasid = 5);
	step("bypass");
	smmu_set_ste(&smmu, sid, T0_V | T0_CONFIG(T_BYPASS), T1_SHCFG_IN, 0, 0);
	FAULTS(.id = E_C_BAD_SUBSTREAMID, .iova = pa(data), .flags = P, .pasid = 5);
	step("stage 2");
	ste_s2(s2_identity(), 0);
	gives(pa(data), MAGIC);
	FAULTS(.id = E_C_BAD_SUBSTREAMID, .iova = pa(data), .flags = P, .pasid = 5);
}

/* The largest SubstreamID that a PASID can be. */
static void widest(void)
{
	uint64_t *table;

	rig_reset();
	if (field_get32(S_IDR1_SSID, smmu.idr1) < 20 || !(smmu.idr0 & S_IDR0_CD2L))
		return;
	table = aligned(8ull << 10);
	cd_set(cd_at(table, 2, 0xfffff), s1_simple(VA), NULL, 1, 0);
	smmu_set_ste(&smmu, sid, pa(table) | T0_V | T0_CONFIG(T_S1) | T0_S1FMT(2) | T0_S1CDMAX(20), T1_CACHED, 0, 0);
	gives_to(VA, MAGIC, P, 0xfffff);
	FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = VA + 0x100000, .flags = P, .pasid = 0xfffff);
}

const struct guest_case ssid_cases[] = {
	{"smmu CD tables", formats},
	{"smmu S1DSS", default_substream},
	{"smmu no substreams", no_substreams},
	{"smmu 20 bits of SubstreamID", widest},
};
const unsigned nr_ssid = ARRAY_LEN(ssid_cases);
