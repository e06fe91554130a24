/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SMMU against a hostile guest: register accesses of any form, commands, tables and queues in guest memory that it
 * writes as it likes, a host whose calls fail, events, renumbered buses, resets, and emulated devices that do DMA in
 * between. After each step the backend must hold nothing that the guest could not ask for, the host must have been
 * asked nothing that the kernel refuses, and the IOTLB must be in order. In the end devices see what the tables say.
 */
#include "../unit/smmu_soft_fixture.h"

#define WINDOW	 0x20000u /* bytes of RAM that the input reaches */
#define STEP_MAX 256u

/* Where things lie in that window, unless the input moves them. */
#define FUZZ_STRTAB (RAM_BASE + 0x4000) /* 256 linear entries */
#define FUZZ_TABLES (RAM_BASE + 0x8000)
#define FUZZ_CDS    (RAM_BASE + 0x1f000) /* 16 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	const uint8_t *at;
	size_t left;
} in;

static uint64_t take(unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && in.left > 0; i++, in.left--)
		value |= (uint64_t)*in.at++ << (8 * i);
	return value;
}

static void require(bool condition)
{
	if (!condition)
		abort();
}

static uint64_t ram_pointer(void)
{
	return RAM_BASE + (take(2) * 64) % WINDOW;
}

static uint32_t known_sid[MAX_EPS];
static bool known[MAX_EPS];

static void check_command(const struct smmu_cmd *cmd)
{
	uint32_t sid = (uint32_t)field_get(CMD0_SID, cmd->dw[0]);
	bool found = false;

	require(smmu_cmd_class((uint8_t)cmd->dw[0]) == CMD_CLASS_FORWARD ||
		smmu_cmd_class((uint8_t)cmd->dw[0]) == CMD_CLASS_BOTH);
	switch ((uint8_t)cmd->dw[0]) {
	case CMD_CFGI_CD:
	case CMD_CFGI_CD_ALL:
		for (unsigned i = 0; i < MAX_EPS; i++)
			found |= known[i] && known_sid[i] == sid;
		require(found);
		require((cmd->dw[0] & MASK64(11, 8)) == 0 && (cmd->dw[1] & ~CMD1_LEAF) == 0);
		break;
	case CMD_ATC_INV:
		abort(); /* IDR0.ATS is 0 */
	default:
		require((cmd->dw[0] & MASK64(47, 32)) == 0); /* VMID */
		break;
	}
}

/* Replays what the backend was told since the last step. */
static void check_backend(void)
{
	unsigned next_cmd = 0;

	for (unsigned i = 0; i < fx.nr_log; i++) {
		const struct record *r = &fx.log[i];

		if (r->call == CALL_S1) {
			require((r->ste[0] & MASK64(3, 0)) == (STE0_V | STE_CFG_S1 << 1));
			require((r->ste[0] & MASK64(58, 52)) == 0);
			require((r->ste[1] & ~(MASK64(7, 0) | STE1_S1STALLD)) == 0);
			known[r->ep] = !r->failed;
			known_sid[r->ep] = r->sid;
		} else if (r->call == CALL_INVALIDATE) {
			require(r->n >= 1 && r->n <= SMMU_BATCH_MAX);
			for (unsigned c = 0; !r->failed && c < r->n && next_cmd < fx.nr_cmds; c++)
				check_command(&fx.cmds[next_cmd++]);
		}
	}
	for (unsigned i = 0; i < fx.smmu->nr_endpoints; i++) {
		uint32_t cr0 = (uint32_t)fx.smmu->regs[R_CR0], gbpa = (uint32_t)fx.smmu->regs[R_GBPA];

		if (!(cr0 & CR0_SMMUEN))
			require(fx.eps[i].now == CALL_ABORT || (fx.eps[i].now == CALL_BYPASS && !(gbpa & GBPA_ABORT)));
		require(fx.smmu->endpoints[i].now.xlate == SMMU_XLATE_UNKNOWN ||
			(int)fx.smmu->endpoints[i].now.xlate == (int)fx.eps[i].now);
	}
	forget();
}

/* Every entry is found under its own name, and nothing else is counted. */
static void check_tlb(void)
{
	const struct smmu_tlb *tlb = &fx.smmu->tlb;
	unsigned sizes = 0, fragments = 0;

	require(tlb->used <= SMMU_TLB_ENTRIES);
	for (unsigned i = 0; i < tlb->used; i++) {
		const struct smmu_tlb_entry *e = &tlb->entries[i], *found = smmu_tlb_find(tlb, &e->tag, e->va);

		require(found && found->tag.vmid == e->tag.vmid && found->tag.world == e->tag.world);
		require(e->size_bits >= 12 && e->block_bits >= e->size_bits);
		require(((e->va | e->pa) & (BIT64(e->size_bits) - 1)) == 0);
		fragments += e->block_bits > e->size_bits;
	}
	for (unsigned i = 0; i < 128; i++)
		sizes += tlb->sizes[i / 64][i % 64];
	require(sizes == tlb->used && fragments == tlb->fragments);
}

static struct tables fuzz_s1, fuzz_s2;

/* Emulated devices whose streams translate: stage 1 with substreams, and both stages. */
static void prepare_soft(void)
{
	next_table = FUZZ_TABLES;
	fuzz_s1 = new_tables(12, 39);
	fuzz_s2 = identity_s2();
	for (unsigned i = 0; i < 8; i++) {
		map_page(&fuzz_s1, i << 12, RAM_BASE + (i << 12), i % 2 ? LEAF_S1 : LEAF_S1 & ~PT_S1_NG);
		map_page(&fuzz_s2, i << 12, RAM_BASE + (i << 12), LEAF_S2);
	}
	for (unsigned i = 0; i < 16; i++)
		put_cd(FUZZ_CDS + i * CD_SIZE, (uint16_t)(i / 2), &fuzz_s1, i % 4 == 3 ? CD0_HA | CD0_HD : 0);
	for (uint32_t sid = 0; sid < 256; sid++) {
		struct smmu_ste ste = {.dw = {ste_cfg(4 + sid % 4) | FUZZ_CDS | field_prep(STE0_S1CDMAX, sid / 4 % 5),
					      (sid / 16 % 4) | (sid & BIT32(6) ? field_prep(STE1_STRW, 2) : 0),
					      ste2(&fuzz_s2, (uint16_t)(sid / 128)), fuzz_s2.root}};

		put(FUZZ_STRTAB + sid * STE_SIZE, &ste, sizeof(ste));
	}
	for (unsigned i = 0; i < 2; i++)
		add_soft(i, (uint16_t)take(1));
}

/* Mostly pages that are mapped. */
static uint64_t soft_iova(void)
{
	uint64_t kind = take(1);

	return kind < 240 ? (kind % 16) << 12 | (take(1) << 4) : take(8);
}

static void soft_dma(void)
{
	struct soft_ep *s = &soft[take(1) % 2];
	unsigned what = (unsigned)take(1), access = 1 + what % 3;
	uint8_t buf[64] = {0};
	struct dma_target target;
	uint64_t iova;

	s->user.pasid = what & 4 ? (uint32_t)take(1) % 20 : DMA_NO_PASID;
	iova = soft_iova();
	switch (what >> 5) {
	case 0:
		if (dma_read(&s->user, iova, buf, 1 + what % 63))
			require(buf[0] == 0);
		break;
	case 1:
		dma_write(&s->user, iova, buf, 1 + what % 63);
		break;
	case 2:
		dma_write_any(&s->user, iova, buf, 1 + what % 63);
		break;
	default:
		access |= what & 8 ? DMA_PRIV : 0;
		access |= what & 16 ? DMA_PROBE : 0;
		access |= access & DMA_WRITE || what < 224 ? 0 : DMA_EXEC;
		if (dma_translate(&s->space, s->user.pasid, iova, access, &target))
			break;
		require(range_has(target.iovas, iova));
		require((access & RW & ~target.perms) == 0 || (access & DMA_EXEC));
	}
}

/* A descriptor for one of the first pages. */
static void put_leaf(void)
{
	const struct tables *t = take(1) % 2 ? &fuzz_s1 : &fuzz_s2;
	uint64_t page = take(1) % 16, attrs = take(2);

	put64(t->root + 0x1000 * (1 + take(1) % 3) + page * 8,
	      (ram_pointer() & MASK64(47, 12)) | (attrs & 0xfff) | (attrs >> 12) << 51);
}

/* An invalidation with names that exist. */
static void soft_command(void)
{
	static const uint8_t ops[] = {0x03, 0x04, 0x05, 0x06, 0x10, 0x11, 0x12, 0x13,
				      0x20, 0x21, 0x22, 0x23, 0x28, 0x2a, 0x30, 0x46};
	struct smmu_cmd cmd = {.dw = {ops[take(1) % ARRAY_LEN(ops)], 0}};
	unsigned removed = fx.smmu->tlb.used;

	if (cmd.dw[0] < 0x10) {
		cmd.dw[0] |= field_prep(CMD0_SID, soft[take(1) % 2].rid) | field_prep(CMD0_SSID, take(1) % 16);
		cmd.dw[1] = take(1) % 32;
	} else if (cmd.dw[0] != CMD_SYNC) {
		cmd.dw[0] = asid_cmd(cmd.dw[0], (uint16_t)take(1) % 2, (uint16_t)take(1) % 8) | (take(2) & 0x7) << 12;
		cmd.dw[1] = soft_iova() & ~UINT64_C(0xf0);
	}
	smmu_cmd_execute(fx.smmu, &cmd);
	removed -= fx.smmu->tlb.used;
	require(removed == 0 || fx.smmu->soft_stale);
	smmu_settle(fx.smmu);
	require(!fx.smmu->soft_stale);
}

/* After everything was invalidated: what a device finds by its own cache is what a translation says. */
static void check_in_the_end(void)
{
	static const struct smmu_cmd all[] = {
		{{CMD_CFGI_STE_RANGE, 31}}, {{CMD_TLBI_NSNH_ALL, 0}}, {{CMD_TLBI_EL2_ALL, 0}}};

	for (unsigned i = 0; i < ARRAY_LEN(all); i++)
		smmu_cmd_execute(fx.smmu, &all[i]);
	smmu_settle(fx.smmu);
	require(fx.smmu->tlb.used == 0);
	for (unsigned i = 0; i < 2 * 16; i++) {
		struct soft_ep *s = &soft[i / 16];
		uint64_t iova = (uint64_t)(i % 16) << 12, pa;
		void *host;

		s->user.pasid = DMA_NO_PASID;
		host = dma_host(&s->user, iova, 8, DMA_READ, NULL);
		if (host) {
			require(xlate(i / 16, DMA_NO_PASID, iova, DMA_READ, &pa) == 0);
			require(gmem_host(&fx.mem, gpa(pa), 8) == host);
		}
	}
}

static void put_word(uint64_t value)
{
	put64(RAM_BASE + (take(2) * 8) % WINDOW, value);
}

static void push_command(void)
{
	uint64_t base = fx.smmu->regs[R_CMDQ_BASE] & QUEUE_BASE_ADDR, dw0 = take(8), dw1 = take(8);
	uint32_t at = (uint32_t)fx.smmu->regs[R_CMDQ_PROD];
	struct smmu_queue q = cmdq();

	if (gmem_contains(&fx.mem, gpa(base), UINT64_C(16) << q.log2size))
		at = queue_cmd(at, dw0, dw1);
	wr32(SMMU_CMDQ_PROD, at);
}

/* An STE at the place where the table began, for the present StreamID of an endpoint, with fields that often make
 * sense. */
static void put_entry(void)
{
	uint32_t sid = fx.eps[take(1) % 2].rid % 256u;
	uint64_t word = take(8);
	uint64_t dw0 = (word & (STE0_V | STE0_CFG | STE0_S1FMT | STE0_S1CDMAX)) | ram_pointer();
	struct smmu_cmd cfgi = {.dw = {sid_cmd(CMD_CFGI_STE, sid), 0}};

	put64(FUZZ_STRTAB + sid * STE_SIZE, dw0);
	put64(FUZZ_STRTAB + sid * STE_SIZE + 8, (word >> 8) & 0xff);
	if (word & BIT64(40))
		smmu_cmd_execute(fx.smmu, &cfgi);
}

static void host_event(void)
{
	struct smmu_event e = {.dw = {take(8), take(8), take(8), 0}};

	smmu_host_event(fx.smmu, &e);
	smmu_host_events_lost(fx.smmu, (uint32_t)take(1) & 1);
}

static void mmio(void)
{
	static const uint8_t sizes[4] = {1, 2, 4, 8};
	uint64_t offset = take(3), value;
	uint8_t size = sizes[(offset >> 18) & 3];

	if (offset & BIT64(20)) {
		bus_write(&fx.bus, MMIO + (offset & 0x1ffff), size, take(8));
		return;
	}
	bus_read(&fx.bus, MMIO + (offset & 0x1ffff), size, &value);
}

static void step(void)
{
	static const uint32_t pointers[] = {SMMU_STRTAB_BASE, SMMU_CMDQ_BASE, SMMU_EVENTQ_BASE, SMMU_EVENTQ_IRQ_CFG0,
					    SMMU_GERROR_IRQ_CFG0};
	uint32_t i;

	switch (take(1) % (fx.smmu->nr_soft ? 20 : 14)) {
	case 0:
		mmio();
		break;
	case 1:
		i = (uint32_t)take(1) % R_COUNT;
		bus_write(&fx.bus, MMIO + smmu_rows[i].offset, (uint8_t)smmu_rows[i].width, take(8));
		break;
	case 2:
		wr64(pointers[take(1) % ARRAY_LEN(pointers)], ram_pointer() | take(1) % 32);
		break;
	case 3:
		put_word(take(8));
		break;
	case 4:
		put_word(ram_pointer() | take(1) % 64 | take(1) << 56);
		break;
	case 5:
	case 6:
		push_command();
		break;
	case 7:
		wr32(SMMU_CR0, (uint32_t)take(1));
		break;
	case 8:
		gerror_ack();
		break;
	case 9:
		host_event();
		break;
	case 11:
	case 12:
		put_entry();
		break;
	case 10:
		i = (uint32_t)take(1);
		fx.eps[i % 2].rid = (uint16_t)take(2);
		soft[i % 2].rid = fx.eps[i % 2].rid % 256;
		break;
	case 14:
	case 15:
	case 16:
		soft_dma();
		break;
	case 17:
		put_leaf();
		break;
	case 18:
	case 19:
		soft_command();
		break;
	default:
		i = (uint32_t)take(1);
		fx.fail[i % 5] = i >> 6;
		if (i == 0)
			smmu_device(fx.smmu)->class->reset(smmu_device(fx.smmu));
		break;
	}
	check_backend();
	check_tlb();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smmu_host_caps host = host_usual();
	unsigned kinds;

	in.at = data;
	in.left = size;
	kinds = (unsigned)take(1) % 3; /* host-backed, emulated, or both */
	setup_with(kinds == 1 ? NULL : &host);
	memset(known, 0, sizeof(known));
	if (kinds != 1) {
		add_endpoint(0, (uint16_t)take(1));
		add_endpoint(1, (uint16_t)take(1));
	}
	if (kinds != 0)
		prepare_soft();
	wr64(SMMU_CMDQ_BASE, RAM_BASE | 4);
	wr64(SMMU_EVENTQ_BASE, (RAM_BASE + 0x1000) | 2);
	wr64(SMMU_STRTAB_BASE, FUZZ_STRTAB);
	wr32(SMMU_STRTAB_BASE_CFG, 8);
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
	forget();
	for (unsigned i = 0; i < STEP_MAX && in.left > 0; i++)
		step();
	if (kinds != 0)
		check_in_the_end();
	teardown();
	return 0;
}
