/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stream table and context descriptor tables made of the input. First 48 bytes: registers and ID registers; the rest is
 * guest RAM at the address of the table.
 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "smmu_tables.h"

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE 0x20000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint64_t strtab_base;
	uint32_t strtab_cfg;
	uint32_t sid;
	uint32_t ssid;
	uint32_t idr[6];
	uint32_t flags;
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_stream(const uint32_t *idr, const struct smmu_stream *stream, enum smmu_event_id event)
{
	require(stream->xlate == SMMU_XLATE_ABORT || stream->xlate == SMMU_XLATE_BYPASS ||
		stream->xlate == SMMU_XLATE_S1);
	require(event == EVT_NONE || (event == EVT_C_BAD_STE && stream->xlate == SMMU_XLATE_ABORT));
	require(stream->valid || stream->xlate == SMMU_XLATE_ABORT);
	if (stream->xlate != SMMU_XLATE_S1) {
		require(stream->ste[0] == 0 && stream->ste[1] == 0);
		return;
	}
	/* what the kernel's arm_smmu_validate_vste() accepts */
	require((stream->ste[0] & MASK64(3, 0)) == (STE0_V | STE_CFG_S1 << 1));
	require((stream->ste[0] & MASK64(58, 52)) == 0);
	require((stream->ste[1] & ~(MASK64(7, 0) | STE1_S1STALLD | STE1_EATS)) == 0);
	require(field_get(STE1_EATS, stream->ste[1]) <= 1);
	require(field_get(STE0_S1CDMAX, stream->ste[0]) <= field_get32(IDR1_SSIDSIZE, idr[1]));
	require((stream->ste[0] & STE0_S1CTXPTR) >> smmu_oas_bits(field_get32(IDR5_OAS, idr[5])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gmem mem;
	struct smmu_stream stream;
	struct smmu_strtab tab;
	struct smmu_ste ste;
	struct smmu_cd cd;
	struct input in;
	uint64_t addr;
	enum smmu_event_id event;
	char *ram;

	if (size < sizeof(in))
		return 0;
	if (mem.nr_regions == 0 && gmem_add(&mem, gpa(RAM_BASE), RAM_SIZE, GMEM_PAGES_NORMAL))
		abort();
	memcpy(&in, data, sizeof(in));
	data += sizeof(in);
	size -= sizeof(in);
	if (size > RAM_SIZE)
		size = RAM_SIZE;
	ram = gmem_host(&mem, gpa(RAM_BASE), RAM_SIZE);
	memset(ram, 0, RAM_SIZE);
	memcpy(ram, data, size);
	/* most inputs should find their tables */
	if (in.flags & 1)
		in.strtab_base = RAM_BASE + (in.strtab_base % RAM_SIZE);
	if (in.flags & 2)
		in.sid &= 0x3ff;
	tab = (struct smmu_strtab){in.strtab_base, in.strtab_cfg};
	event = smmu_strtab_fetch(&mem, &tab, in.sid, &ste, &addr);
	require(event == EVT_NONE || event == EVT_F_STE_FETCH || event == EVT_C_BAD_STREAMID);
	require(event != EVT_NONE || gmem_contains(&mem, gpa(addr), STE_SIZE));
	if (event == EVT_F_STE_FETCH)
		require(!gmem_contains(&mem, gpa(addr), STE_SIZE));
	if (in.flags & 4)
		memcpy(&ste, ram, sizeof(ste)); /* any STE, wherever the walk ended */
	event = smmu_ste_decode(in.idr, &ste, &stream);
	check_stream(in.idr, &stream, event);
	if (stream.xlate != SMMU_XLATE_S1)
		return 0;
	if (in.flags & 8)
		stream.ste[0] = (stream.ste[0] & ~STE0_S1CTXPTR) | (RAM_BASE + (stream.ste[0] & 0x1ffc0));
	event = smmu_cd_fetch(&mem, &stream, in.ssid, &cd, &addr);
	require(event == EVT_NONE || event == EVT_F_CD_FETCH || event == EVT_C_BAD_SUBSTREAMID);
	require(event != EVT_NONE || gmem_contains(&mem, gpa(addr), CD_SIZE));
	return 0;
}
