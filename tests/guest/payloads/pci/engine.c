/* SPDX-License-Identifier: Apache-2.0 */
/* The test endpoint itself: requests, a ring, atomics against the CPU, peers. */
#include "cases.h"

#define RING_LOG2 4u

static void moves(void)
{
	for (unsigned i = 0; i < 512; i++)
		data[i] = i * 0x9e3779b97f4a7c15ull;
	CHECK_EQ(tdev_run(&dev,
			  &(struct testdev_desc){
				  .op = TESTDEV_OP_COPY, .src = pa(data) + 3, .dst = pa(data + 1024) + 5, .len = 4000}),
		 TESTDEV_KIND_OK);
	CHECK(memcmp((uint8_t *)data + 3, (uint8_t *)(data + 1024) + 5, 4000) == 0, "the copy differs");
	CHECK_EQ(tdev_run(&dev, &(struct testdev_desc){.op = TESTDEV_OP_CRC32C, .src = pa("123456789"), .len = 9}),
		 TESTDEV_KIND_OK);
	CHECK_EQ(dev.result, 0xe3069283);
}

/* The device adds while the CPU adds: nothing is lost. */
static void atomics(void)
{
	struct testdev_desc add = {.op = TESTDEV_OP_FETCH_ADD, .dst = pa(data), .len = 8, .operand = 1};
	uint64_t reg = dev.regs + TESTDEV_CHAN(0), words[8], mine = 0;

	tdev_enable(&dev);
	data[0] = 0;
	memcpy(words, &add, sizeof(words));
	for (unsigned i = 0; i < 8; i++)
		write64(reg + TESTDEV_CH_DESC + 8 * i, words[i]);
	for (unsigned n = 0; n < 100; n++) {
		write32(reg + TESTDEV_CH_GO, 1);
		while (read32(reg + TESTDEV_CH_STATUS) & TESTDEV_STATUS_BUSY) {
			__atomic_fetch_add(&data[0], 1, __ATOMIC_SEQ_CST);
			mine++;
		}
	}
	CHECK_EQ(data[0], mine + 100);
}

static void ring(void)
{
	struct testdev_desc *ring = aligned(64u << RING_LOG2);
	uint64_t reg = dev.regs + TESTDEV_CHAN(2);
	struct testdev_status *status = pages(1);

	write64(reg + TESTDEV_CH_RING_BASE, pa(ring));
	write32(reg + TESTDEV_CH_RING_SIZE, RING_LOG2);
	write32(reg + TESTDEV_CH_CONTROL, TESTDEV_CONTROL_ENABLE);
	for (unsigned i = 0; i < 40; i++) {
		ring[i % 16] = (struct testdev_desc){
			.op = TESTDEV_OP_FILL | TESTDEV_F_STATUS,
			.dst = pa(data + i),
			.len = 8,
			.operand = i,
			.status = pa(status + i),
			.cookie = i,
		};
		barrier();
		write32(reg + TESTDEV_CH_TAIL, (i + 1) % 16);
		CHECK(WAIT_FOR(*(volatile uint32_t *)&status[i].code == TESTDEV_KIND_OK, 5000000), "request %u", i);
		CHECK_EQ(status[i].cookie, i);
		CHECK_EQ(data[i], i);
	}
	CHECK(WAIT_FOR(read32(reg + TESTDEV_CH_HEAD) == 40 % 16, 100000), "head %u", read32(reg + TESTDEV_CH_HEAD));
	CHECK_EQ(read32(reg + TESTDEV_CH_DONE), 40);
	write32(reg + TESTDEV_CH_CONTROL, 0);
}

/* One endpoint writes into the other's memory and registers. */
static void peer_to_peer(void)
{
	CHECK_EQ(tdev_write8(&dev, peer.memory + 64, 0xabcdef, 0, 0), TESTDEV_KIND_OK);
	CHECK_EQ(read64(peer.memory + 64), 0xabcdef);
	CHECK_EQ(tdev_read8(&dev, peer.memory + 64, 0, 0), TESTDEV_KIND_OK);
	CHECK_EQ(dev.result, 0xabcdef);
	write32(peer.regs + TESTDEV_PORT_COUNT, 0);
	CHECK_EQ(tdev_run(&dev,
			  &(struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = peer.port, .len = 64, .operand = 1}),
		 TESTDEV_KIND_OK);
	CHECK_EQ(read32(peer.regs + TESTDEV_PORT_COUNT), 8);
	/* the peer is asleep */
	pci_power(peer.fn, 3);
	CHECK_EQ(tdev_read8(&dev, peer.memory + 64, 0, 0), TESTDEV_KIND_OK);
	CHECK_EQ(dev.result, UINT64_MAX);
	pci_power(peer.fn, 0);
	pci_restore(peer.fn);
}

static void nowhere(void)
{
	CHECK_EQ(tdev_read8(&dev, NOWHERE, 0, 0), TESTDEV_KIND_OK);
	CHECK_EQ(dev.result, UINT64_MAX);
	CHECK_EQ(tdev_write8(&dev, NOWHERE, 1, 0, 0), TESTDEV_KIND_OK);
	CHECK_EQ(tdev_run(&dev, &(struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = ~0ull - 3, .len = 8}),
		 TESTDEV_KIND_BAD_REQUEST);
}

/* 7.8.9, 7.8.4, 7.9.3 */
static void capabilities(void)
{
	unsigned pasid = pci_ext_cap(dev.fn, 0x1b), aer = pci_ext_cap(dev.fn, 1), serial = pci_ext_cap(dev.fn, 3);

	CHECK(pasid && aer && serial, "PASID at 0x%x, AER at 0x%x, serial number at 0x%x", pasid, aer, serial);
	CHECK_EQ(pci_get32(dev.fn, serial + 4), 0x55667788);
	CHECK_EQ(pci_get32(dev.fn, serial + 8), 0x11223344);
	CHECK_EQ(pci_get16(dev.fn, pasid + 4) >> 8, 20);
	write32(dev.regs + TESTDEV_INJECT_UE, BIT32(20));
	CHECK_EQ(pci_get32(dev.fn, aer + 4), BIT32(20));
	pci_set32(dev.fn, aer + 4, BIT32(20));
	CHECK_EQ(pci_get32(dev.fn, aer + 4), 0);
}

const struct guest_case engine_cases[] = {
	{"testdev moves", moves},     {"testdev atomics", atomics},
	{"testdev ring", ring},	      {"testdev peer to peer", peer_to_peer},
	{"testdev nowhere", nowhere}, {"testdev capabilities", capabilities},
};
const unsigned nr_engine = ARRAY_LEN(engine_cases);
