/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SMMU against a hostile guest: register accesses of any form, commands, tables and queues in guest memory that it
 * writes as it likes, a host whose calls fail, events, renumbered buses, resets. After each step the backend must hold
 * nothing that the guest could not ask for, and the host must have been asked nothing that the kernel refuses.
 */
#include "../unit/smmu_fixture.h"

#define WINDOW	 0x20000u /* bytes of RAM that the input reaches */
#define STEP_MAX 256u

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

	put64(RAM_BASE + 0x4000 + sid * STE_SIZE, dw0);
	put64(RAM_BASE + 0x4000 + sid * STE_SIZE + 8, (word >> 8) & 0xff);
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

	switch (take(1) % 14) {
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
		fx.eps[take(1) % 2].rid = (uint16_t)take(2);
		break;
	default:
		i = (uint32_t)take(1);
		fx.fail[i % 5] = i >> 6;
		if (i == 0)
			smmu_device(fx.smmu)->class->reset(smmu_device(fx.smmu));
		break;
	}
	check_backend();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	in.at = data;
	in.left = size;
	setup_host(host_usual());
	memset(known, 0, sizeof(known));
	add_endpoint(0, (uint16_t)take(1));
	add_endpoint(1, (uint16_t)take(1));
	wr64(SMMU_CMDQ_BASE, RAM_BASE | 4);
	wr64(SMMU_EVENTQ_BASE, (RAM_BASE + 0x1000) | 2);
	wr64(SMMU_STRTAB_BASE, RAM_BASE + 0x4000);
	wr32(SMMU_STRTAB_BASE_CFG, 8);
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
	forget();
	for (unsigned i = 0; i < STEP_MAX && in.left > 0; i++)
		step();
	teardown();
	return 0;
}
