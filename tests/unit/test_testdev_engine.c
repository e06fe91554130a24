/* SPDX-License-Identifier: Apache-2.0 */
/* The test endpoint's rings, slices, aborts, and DMA that meets registers: other devices', its own, the doorbell. */
#include <unistd.h>

#include "run_suite.h"
#include "testdev_fixture.h"

#define RING   (RAM + 0x80000)
#define STATUS (RAM + 0x90000)

static void setup(void)
{
	static const struct testdev_config config = {.name = "test0", .vectors = 4};

	start(&config);
}

static void ring_on(unsigned channel, unsigned log2)
{
	store(reg(channel, TESTDEV_CH_RING_BASE), 8, RING);
	store(reg(channel, TESTDEV_CH_RING_SIZE), 4, log2);
	store(reg(channel, TESTDEV_CH_CONTROL), 4, TESTDEV_CONTROL_ENABLE);
}

static void entry(unsigned i, const struct testdev_desc *desc)
{
	memcpy(host(RING + i * sizeof(*desc)), desc, sizeof(*desc));
}

static void settle(unsigned channel)
{
	for (unsigned i = 0; i < 10000 && busy(channel); i++)
		turn();
	ck_assert(!busy(channel));
}

START_TEST(ring)
{
	ring_on(1, 2);
	for (unsigned i = 0; i < 4; i++)
		entry(i, &(struct testdev_desc){
				 .op = TESTDEV_OP_FILL | TESTDEV_F_STATUS | TESTDEV_F_INTERRUPT,
				 .dst = RAM + i * 8,
				 .len = 8,
				 .operand = i + 1,
				 .status = STATUS + i * 32,
				 .vector = i,
				 .cookie = 100 + i,
			 });
	store(reg(1, TESTDEV_CH_TAIL), 4, 3);
	settle(1);
	ck_assert_uint_eq(load(reg(1, TESTDEV_CH_HEAD), 4), 3);
	ck_assert_uint_eq(load(reg(1, TESTDEV_CH_DONE), 4), 3);
	store(reg(1, TESTDEV_CH_TAIL), 4, 5); /* beyond the end: 1 */
	settle(1);
	ck_assert_uint_eq(load(reg(1, TESTDEV_CH_HEAD), 4), 1);
	ck_assert_uint_eq(load(reg(1, TESTDEV_CH_DONE), 4), 5);
	ck_assert_uint_eq(fake_irq.signals, 5);
	for (unsigned i = 0; i < 4; i++) {
		const struct testdev_status *s = host(STATUS + i * 32);

		ck_assert_uint_eq(((uint64_t *)host(RAM))[i], i + 1);
		ck_assert_uint_eq(s->code, OK);
		ck_assert_uint_eq(s->cookie, 100 + i);
	}
}
END_TEST

/* A request that fails does not stop those behind it; a descriptor that cannot be read stops the ring. */
START_TEST(ring_errors)
{
	ring_on(0, 2);
	entry(0, &(struct testdev_desc){.op = 99});
	entry(1, &(struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = RAM, .len = 1, .operand = 7});
	store(reg(0, TESTDEV_CH_TAIL), 4, 2);
	settle(0);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_FAILED), 4), 1);
	ck_assert_uint_eq(*(uint8_t *)host(RAM), 7);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	store(reg(0, TESTDEV_CH_TAIL), 4, 3);
	settle(0);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_STATUS), 4), TESTDEV_STATUS_HALTED);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_CODE), 4), code(TESTDEV_KIND_DISABLED, TESTDEV_AT_DESCRIPTOR));
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_FAULT), 8), RING + 128);
	ck_assert_uint_eq(run(&(struct testdev_desc){.op = TESTDEV_OP_NOP}), OK); /* that needs no ring */
	store(reg(0, TESTDEV_CH_CONTROL), 4, 0);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_STATUS), 4), 0);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_HEAD), 4), 0);
}
END_TEST

START_TEST(ring_without_pasid)
{
	store(reg(0, TESTDEV_CH_RING_PASID), 4, TESTDEV_RING_PASID_EN | 5);
	ring_on(0, 2);
	store(reg(0, TESTDEV_CH_TAIL), 4, 1);
	settle(0);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_CODE), 4), code(TESTDEV_KIND_BAD_REQUEST, TESTDEV_AT_DESCRIPTOR));
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_STATUS), 4), TESTDEV_STATUS_HALTED);
}
END_TEST

/* The largest request that there is does not keep the device lock; another channel gets its turn, and it can be
 * aborted. */
START_TEST(slices)
{
	struct testdev_sg *sg = host(RAM + 0x1000);
	struct testdev_desc endless = {
		.op = TESTDEV_OP_FILL | TESTDEV_F_DST_LIST,
		.dst = RAM + 0x1000,
		.len = TESTDEV_LEN_MAX,
	};

	for (unsigned i = 0; i < 1024; i++)
		sg[i] = (struct testdev_sg){RAM + 0x40000, 0x40000, 0};
	begin(2, &endless);
	turn();
	ck_assert(busy(2));
	begin(0, &(struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = RAM, .len = 8, .operand = 1});
	for (unsigned i = 0; i < 3; i++)
		turn();
	ck_assert(!busy(0) && busy(2));
	begin(2, &endless); /* no effect while one is under way */
	store(reg(2, TESTDEV_CH_CONTROL), 4, TESTDEV_CONTROL_ABORT);
	ck_assert(!busy(2));
	ck_assert_uint_eq(load(reg(2, TESTDEV_CH_CODE), 4), TESTDEV_KIND_ABORTED);
	uint64_t moved = load(reg(2, TESTDEV_CH_BYTES), 8);

	ck_assert_uint_ge(moved, 4096);
	ck_assert_uint_le(moved, 16 << 20);
	turn();
	ck_assert_uint_eq(load(reg(2, TESTDEV_CH_BYTES), 8), moved);
	ck_assert_uint_eq(load(reg(2, TESTDEV_CH_CONTROL), 4), 0);
}
END_TEST

static unsigned slow_accesses;

static enum bus_verdict slow(struct bus_window *window, struct bus_access *access)
{
	slow_accesses++;
	usleep(20000);
	return BUS_HANDLED;
}

/* Registers behind which somebody takes his time, as for a function level reset of a device of the host. */
START_TEST(slow_peers)
{
	struct bus_window window = {.handler = slow, .name = "slow"};

	ck_assert_int_eq(bus_add(&w.vm.bus, &window, 0x9000000, 0x1000), 0);
	slow_accesses = 0;
	ring_on(0, 4);
	for (unsigned i = 0; i < 15; i++)
		entry(i, &(struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = 0x9000000, .len = 4});
	store(reg(0, TESTDEV_CH_TAIL), 4, 15);
	turn();
	ck_assert_uint_ge(slow_accesses, 1);
	ck_assert_uint_le(slow_accesses, 3);
	settle(0);
	ck_assert_uint_eq(slow_accesses, 15);
	bus_remove(&w.vm.bus, &window);
}
END_TEST

START_TEST(peer_to_peer)
{
	memcpy(host(RAM), "abcdefghijklmnopqrstuvwxyz", 26);
	ck_assert_uint_eq(run(&(struct testdev_desc){.op = TESTDEV_OP_COPY, .src = RAM, .dst = MEMORY + 1, .len = 26}),
			  OK);
	ck_assert_uint_eq(load(MEMORY + 26, 1), 'z');
	ck_assert_uint_eq(
		run(&(struct testdev_desc){.op = TESTDEV_OP_COPY, .src = MEMORY + 1, .dst = RAM + 100, .len = 26}), OK);
	ck_assert_mem_eq(host(RAM + 100), host(RAM), 26);
	store(REGS + TESTDEV_PORT_COUNT, 4, 0);
	ck_assert_uint_eq(run(&(struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = PORT + 4, .len = 20, .operand = 5}),
			  OK);
	ck_assert_uint_eq(load(REGS + TESTDEV_PORT_COUNT, 4), 3);
	ck_assert_uint_eq(load(REGS + TESTDEV_PORT_INFO, 4), 8 | TESTDEV_PORT_WRITE | 16 << 16);
}
END_TEST

START_TEST(message)
{
	ck_assert_uint_eq(run(&(struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = DOORBELL, .len = 4, .operand = 33}),
			  OK);
	ck_assert_uint_eq(fake_irq.messages, 1);
	ck_assert_uint_eq(fake_irq.sent.data, 33);
	ck_assert_uint_eq(fake_irq.sent.requester, 0x100);
}
END_TEST

/* The engine's own accesses stop it: abort, ring off, function level reset, all in the middle of a request. */
START_TEST(bites_its_tail)
{
	uint32_t flr = PCI_EXP_DEVCTL_BCR_FLR;
	uint64_t devctl = FAKE_ECAM + (1 << 20) + PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL;
	struct testdev_desc fill = {.op = TESTDEV_OP_FILL, .len = 4};

	fill.dst = reg(0, TESTDEV_CH_CONTROL);
	fill.operand = TESTDEV_CONTROL_ABORT;
	ck_assert_uint_eq(run(&fill), TESTDEV_KIND_ABORTED);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_DONE), 4), 1);
	fill.dst = reg(0, TESTDEV_CH_GO);
	ck_assert_uint_eq(run(&fill), OK);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_DONE), 4), 2); /* GO was no use: one was under way */
	fill.dst = devctl;
	fill.operand = flr;
	begin(0, &fill);
	turn();
	switch_on();
	ck_assert_uint_eq(load(REGS + TESTDEV_RESETS, 4), 1);
	ck_assert(!busy(0));
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_DONE), 4), 0);
	/* as a status record, and from a ring */
	ring_on(0, 2);
	entry(0, &(struct testdev_desc){.op = TESTDEV_OP_NOP | TESTDEV_F_STATUS, .status = devctl - 4, .cookie = flr});
	store(reg(0, TESTDEV_CH_TAIL), 4, 1);
	turn();
	switch_on();
	ck_assert_uint_eq(load(REGS + TESTDEV_RESETS, 4), 2);
	/* a ring switches itself off */
	ring_on(0, 2);
	entry(0, &(struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = reg(0, TESTDEV_CH_CONTROL), .len = 4});
	store(reg(0, TESTDEV_CH_TAIL), 4, 2);
	turn();
	ck_assert(!busy(0));
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_DONE), 4), 0);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_HEAD), 4), 0);
}
END_TEST

START_TEST(without_pasid_capability)
{
	struct testdev_desc desc = {.op = TESTDEV_OP_CRC32C | TESTDEV_F_PASID, .src = RAM, .len = 4};

	ck_assert_uint_eq(get(PASID, 4), 0);
	ck_assert_uint_eq(run(&desc), code(TESTDEV_KIND_BAD_REQUEST, TESTDEV_AT_DESCRIPTOR));
	store(REGS + TESTDEV_INJECT_UE, 4, UINT32_MAX);
	ck_assert_uint_eq(get(PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVSTA, 2), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("testdev_engine");
	TCase *tc = tcase_create("testdev_engine");

	tcase_add_checked_fixture(tc, setup, stop);
	tcase_add_test(tc, ring);
	tcase_add_test(tc, ring_errors);
	tcase_add_test(tc, ring_without_pasid);
	tcase_add_test(tc, slices);
	tcase_add_test(tc, slow_peers);
	tcase_add_test(tc, peer_to_peer);
	tcase_add_test(tc, message);
	tcase_add_test(tc, bites_its_tail);
	tcase_add_test(tc, without_pasid_capability);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
