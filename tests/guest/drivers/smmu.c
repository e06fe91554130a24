/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu.h"

#define TIMEOUT_US 5000000u
#define QUEUE_RA   BIT64(62)

bool smmu_find(struct smmu *s, unsigned n)
{
	struct fdt_node node = fdt_find("arm,smmu-v3", n);
	uint64_t size;

	*s = (struct smmu){.phandle = node.at ? fdt_phandle(node) : 0};
	if (!fdt_reg(node, 0, &s->base, &size))
		return false;
	arch_map_device(s->base, size);
	s->idr0 = read32(s->base + S_IDR0);
	s->idr1 = read32(s->base + S_IDR1);
	s->idr3 = read32(s->base + S_IDR3);
	s->idr5 = read32(s->base + S_IDR5);
	s->strtab = pa(aligned(64ull << SMMU_SID_BITS));
	s->cmdq_log2 = SMMU_QUEUE;
	s->cmdq = pa(aligned(16ull << SMMU_QUEUE));
	s->evtq_home = pa(aligned(32ull << SMMU_QUEUE));
	return true;
}

void smmu_cr0(struct smmu *s, uint32_t value)
{
	write32(s->base + S_CR0, value);
	if (!WAIT_FOR(read32(s->base + S_CR0ACK) == value, TIMEOUT_US))
		fail("CR0ACK is 0x%x after CR0 0x%x", read32(s->base + S_CR0ACK), value);
}

void smmu_gbpa(struct smmu *s, uint32_t value)
{
	write32(s->base + S_GBPA, value | S_GBPA_UPDATE);
	if (!WAIT_FOR(!(read32(s->base + S_GBPA) & S_GBPA_UPDATE), TIMEOUT_US))
		fail("GBPA.Update stays");
}

void smmu_evtq(struct smmu *s, uint64_t base, unsigned log2)
{
	uint64_t size = 32ull << log2;

	s->evtq_log2 = log2;
	s->evtq = base ? base : pa(aligned(size < PAGE ? PAGE : size));
	s->evt_cons = 0;
	write64(s->base + S_EVENTQ_BASE, s->evtq | log2 | QUEUE_RA);
	write32(s->base + S_EVENTQ_PROD, 0);
	write32(s->base + S_EVENTQ_CONS, 0);
}

void smmu_reset(struct smmu *s)
{
	smmu_cr0(s, 0);
	smmu_gbpa(s, 0);
	write32(s->base + S_GERRORN, read32(s->base + S_GERROR));
	memset((void *)s->strtab, 0, 64ull << SMMU_SID_BITS);
	write32(s->base + S_CR1, S_CR1_CACHED);
	write32(s->base + S_CR2, S_CR2_RECINVSID);
	write64(s->base + S_STRTAB_BASE, s->strtab | QUEUE_RA);
	write32(s->base + S_STRTAB_BASE_CFG, SMMU_SID_BITS);
	write64(s->base + S_CMDQ_BASE, s->cmdq | s->cmdq_log2 | QUEUE_RA);
	write32(s->base + S_CMDQ_PROD, 0);
	write32(s->base + S_CMDQ_CONS, 0);
	s->cmd_prod = 0;
	smmu_evtq(s, s->evtq_home, SMMU_QUEUE);
	smmu_cr0(s, S_CR0_CMDQEN);
	smmu_cmd(s, OP_CFGI_STE_RANGE, 31);
	smmu_cmd(s, OP_TLBI_NSNH_ALL, 0);
	if (s->idr0 & S_IDR0_HYP)
		smmu_cmd(s, OP_TLBI_EL2_ALL, 0);
	smmu_sync(s);
	smmu_cr0(s, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
}

bool smmu_drained(struct smmu *s)
{
	uint32_t mask = (2u << s->cmdq_log2) - 1;

	return (read32(s->base + S_CMDQ_CONS) & mask) == s->cmd_prod;
}

void smmu_cmd(struct smmu *s, uint64_t dw0, uint64_t dw1)
{
	uint32_t mask = (2u << s->cmdq_log2) - 1;
	uint64_t *slot = (uint64_t *)s->cmdq + 2 * (s->cmd_prod & (mask >> 1));

	slot[0] = dw0;
	slot[1] = dw1;
	s->cmd_prod = (s->cmd_prod + 1) & mask;
	write32(s->base + S_CMDQ_PROD, s->cmd_prod);
}

bool smmu_sync(struct smmu *s)
{
	smmu_cmd(s, OP_SYNC, 0);
	if (WAIT_FOR(smmu_drained(s), TIMEOUT_US))
		return true;
	fail("CMD_SYNC does not complete: CONS 0x%x PROD 0x%x GERROR 0x%x", read32(s->base + S_CMDQ_CONS), s->cmd_prod,
	     read32(s->base + S_GERROR));
	return false;
}

void smmu_do(struct smmu *s, uint64_t dw0, uint64_t dw1)
{
	smmu_cmd(s, dw0, dw1);
	smmu_sync(s);
}

bool smmu_event(struct smmu *s, struct smmu_ev *ev)
{
	uint32_t mask = (2u << s->evtq_log2) - 1, prod = read32(s->base + S_EVENTQ_PROD);

	*ev = (struct smmu_ev){0};
	if ((prod & mask) == (s->evt_cons & mask))
		return false;
	memcpy(ev, (uint8_t *)s->evtq + 32ull * (s->evt_cons & (mask >> 1)), sizeof(*ev));
	s->evt_cons = (s->evt_cons & S_OVERFLOW) | ((s->evt_cons + 1) & mask);
	write32(s->base + S_EVENTQ_CONS, s->evt_cons);
	return true;
}

uint64_t *smmu_ste(struct smmu *s, uint32_t sid)
{
	return (uint64_t *)s->strtab + 8 * (sid & ((1u << SMMU_SID_BITS) - 1));
}

void smmu_set_ste(struct smmu *s, uint32_t sid, uint64_t dw0, uint64_t dw1, uint64_t dw2, uint64_t dw3)
{
	uint64_t *ste = smmu_ste(s, sid);

	ste[0] = 0;
	barrier();
	ste[1] = dw1;
	ste[2] = dw2;
	ste[3] = dw3;
	memset(ste + 4, 0, 32);
	barrier();
	ste[0] = dw0;
	smmu_do(s, OP_CFGI_STE | (uint64_t)sid << 32, 1);
}
