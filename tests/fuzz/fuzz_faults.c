/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stall and page request state machines against a guest that answers as it likes: the test endpoint behind an SMMU,
 * requests on all channels, commands with any parameters, queues that fill up, registers, resets. After each step the
 * books agree; in the end nothing is stuck.
 */
#include "fuzz_assert.h"
#include "faults_rig.h"

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

/* Slots in use are counted, pending stalls are where they say, and nothing hangs on a free slot. */
static void check_books(void)
{
	const struct smmu_stalls *s = &rig.smmu->stalls;
	unsigned used = 0, listed = 0, waiting = 0;

	for (unsigned i = 0; i < SMMU_STALL_MAX; i++) {
		const struct smmu_stall *slot = &s->slots[i];

		used += slot->used;
		require(slot->used || !slot->likes);
		if (!slot->used)
			continue;
		require(slot->recorded);
		require(!slot->stall || slot->stall->pending);
		listed += slot->stall != NULL;
		for (const struct dma_stall *l = slot->likes; l; l = l->next, listed++)
			require(l->pending);
	}
	require(used == s->used);
	for (const struct dma_stall *p = s->parked; p; p = p->next, listed++)
		require(p->pending);
	for (unsigned n = 0; n < TESTDEV_CHANNELS; n++)
		waiting += (channel_status(n) & TESTDEV_STATUS_STALLED) != 0;
	require(listed == waiting || !pci_endpoint_powered(ep));
}

static void request(void)
{
	struct testdev_desc d = {
		.op = (uint32_t)(take(1) % TESTDEV_NR_OPS) | (uint32_t)take(3) << 8,
		.pasid = (uint32_t)take(1) % 17,
		.src = (take(1) % 70) * PAGE + take(1),
		.dst = (take(1) % 70) * PAGE + take(1),
		.len = take(2),
		.status = (take(1) % 70) * PAGE,
	};

	begin((unsigned)take(1) % TESTDEV_CHANNELS, &d);
}

static void command(void)
{
	static const uint8_t ops[] = {CMD_RESUME,   CMD_STALL_TERM,    CMD_PRI_RESP, CMD_ATC_INV,
				      CMD_CFGI_STE, CMD_TLBI_NSNH_ALL, CMD_SYNC,     CMD_CFGI_CD_ALL};
	uint64_t op = ops[take(1) % ARRAY_LEN(ops)], sid = take(1) % 8 ? rig_sid() : take(2);

	rig_command(op | take(3) << 8 | sid << 32, take(1) % 2 ? take(2) : take(8));
	if (smmu_rd(SMMU_GERROR) != smmu_rd(SMMU_GERRORN)) {
		/* a wrong command: on with an empty queue */
		smmu_wr(SMMU_CR0, smmu_rd(SMMU_CR0) & ~CR0_CMDQEN);
		smmu_wr(SMMU_CMDQ_CONS, 0);
		smmu_wr(SMMU_CMDQ_PROD, 0);
		rig.cmd = 0;
		smmu_wr(SMMU_GERRORN, smmu_rd(SMMU_GERROR));
		smmu_wr(SMMU_CR0, smmu_rd(SMMU_CR0) | CR0_CMDQEN);
	}
}

/* An answer to what is in the queues, as a good driver gives it. */
static void answer(bool good)
{
	struct smmu_event e;
	uint64_t p[2];

	if (rig_event(&e) && (e.dw[1] & EVT1_STALL))
		rig_command(of_sid(CMD_RESUME) | (good ? 0 : CMD0_RESUME_AC), field_get(EVT1_STAG, e.dw[1]));
	if (rig_page_request(p))
		rig_command(of_sid(CMD_PRI_RESP) | (p[0] & PRI0_SSV ? CMD0_SSV : 0) |
				    field_prep(CMD0_SSID, field_get(PRI0_SSID, p[0])),
			    field_get(PRI1_PRGI, p[1]) | (good ? 1u : 2u) << 12);
}

static void step(void)
{
	switch (take(1) % 14) {
	case 0:
	case 1:
		request();
		break;
	case 2:
	case 3:
		command();
		break;
	case 4:
		answer(false);
		break;
	case 5: {
		unsigned ssid = (unsigned)(take(1) % 16), page = (unsigned)(take(1) % 64),
			 to = (unsigned)(take(1) % 128);

		rig_map(ssid, page, to < 64 ? to : ~0u);
		break;
	}
	case 6: /* registers of faults, page requests by hand among them */
		store(REGS + 0x80 + take(1) % 0x80 / 4 * 4, 4, take(4));
		break;
	case 7:
		cfg((take(1) % 2 ? ATS_CAP : PRI_CAP) + 4 + (unsigned)(take(1) % 12) / 2 * 2, 2, take(2));
		break;
	case 8:
		smmu_wr(SMMU_CR0, (uint32_t)take(1));
		break;
	case 9:
		smmu_wr(take(1) % 2 ? SMMU_EVENTQ_CONS : SMMU_PRIQ_CONS, (uint32_t)take(4));
		break;
	case 10:
		rig_reset_function();
		rig_device_on(take(1) % 2, take(1) % 2);
		break;
	case 11:
		store(reg((unsigned)take(1) % TESTDEV_CHANNELS, TESTDEV_CH_CONTROL), 4, take(1));
		break;
	case 12:
		bus_lock(&w.vm.bus);
		smmu_timeout(rig.smmu);
		bus_unlock(&w.vm.bus);
		break;
	default:
		set64(STRTAB + (uint64_t)rig_sid() * STE_SIZE + take(1) % 4 * 8, take(8));
	}
	turn();
	check_books();
}

/* A driver that takes over: SMMUEN = 0 ends every stall, Reset every page request. */
static void recover(void)
{
	smmu_wr(SMMU_CR0, 0);
	cfg(PRI_CAP + PCI_PRI_CTRL, 2, 0);
	cfg(PRI_CAP + PCI_PRI_CTRL, 2, PCI_PRI_CTRL_RESET);
	require(rig.smmu->stalls.used == 0 && !rig.smmu->stalls.parked);
	for (unsigned i = 0; i < 64; i++)
		turn();
	for (unsigned n = 0; n < TESTDEV_CHANNELS; n++)
		require(!(channel_status(n) & (TESTDEV_STATUS_STALLED | TESTDEV_STATUS_PAGE)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	in.at = data;
	in.left = size;
	rig_start(&(struct testdev_config){.name = "test", .stall = true, .ats = true, .pri = true, .pasid = true});
	for (unsigned i = 0; i < 200 && in.left > 0; i++)
		step();
	answer(true);
	recover();
	rig_stop();
	return 0;
}
