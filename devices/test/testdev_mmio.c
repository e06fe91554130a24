/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of the test endpoint (BAR 0). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "regtable.h"
#include "testdev_priv.h"

enum global_row {
	R_ID,
	R_VERSION,
	R_CAPS,
	R_RESETS,
	R_MEMORY_SIZE,
	R_RAISE,
	R_SCRATCH,
	R_PORT_COUNT,
	R_PORT_INFO,
	R_PORT_VALUE,
	R_INJECT_CE,
	R_INJECT_UE,
	R_SECURITY,
	R_ATS_CONTROL,
	R_ATS_RELEASE,
	R_ATS_HELD,
	R_ATS_INVALIDATIONS,
	R_ATC_HITS,
	R_ATC_REQUESTS,
	R_TREQ_ADDR,
	R_TREQ_FLAGS,
	R_TREQ_PASID,
	R_TREQ_GO,
	R_TREQ_STATUS,
	R_TREQ_RESULT,
	R_TREQ_SIZE,
	R_PREQ_ADDR,
	R_PREQ_FLAGS,
	R_PREQ_PASID,
	R_PREQ_PRGI,
	R_PREQ_GO,
	R_PREQ_SENT,
	R_PREQ_OUTSTANDING,
	R_PRESP_COUNT,
	R_PRESP_LAST,
	R_PRESP_PASID,
	R_PRESP_UNEXPECTED,
	R_STALLS,
	NR_GLOBAL,
};

enum channel_row {
	C_CONTROL,
	C_STATUS,
	C_RING_BASE,
	C_RING_SIZE,
	C_RING_PASID,
	C_HEAD,
	C_TAIL,
	C_GO,
	C_CODE,
	C_RESULT,
	C_BYTES,
	C_FAULT,
	C_DONE,
	C_FAILED,
	C_COOKIE,
	C_DESC,
	NR_CHANNEL = C_DESC + 8,
};
_Static_assert(NR_CHANNEL == TESTDEV_CH_ROWS, "rows of a channel");

#define NR_ROWS (NR_GLOBAL + TESTDEV_CHANNELS * NR_CHANNEL)

static unsigned channel_of(unsigned index)
{
	return (index - NR_GLOBAL) / NR_CHANNEL;
}

static uint64_t *channel_value(const struct testdev *dev, unsigned n, unsigned row)
{
	return &dev->values[NR_GLOBAL + n * NR_CHANNEL + row];
}

static uint64_t read_global(void *opaque, unsigned index, uint64_t stored)
{
	const struct testdev *dev = opaque;

	switch (index) {
	case R_CAPS:
		return TESTDEV_CHANNELS | (dev->has_pasid ? TESTDEV_CAPS_PASID : 0) |
		       (dev->has_aer ? TESTDEV_CAPS_AER : 0) | (dev->has_stall ? TESTDEV_CAPS_STALL : 0) |
		       (dev->has_ats ? TESTDEV_CAPS_ATS : 0) | (dev->has_pri ? TESTDEV_CAPS_PRI : 0) |
		       field_prep32(TESTDEV_CAPS_VECTORS, dev->ep.nr_vectors);
	case R_RESETS:
		return dev->resets;
	case R_MEMORY_SIZE:
		return dev->memory_size;
	case R_SECURITY:
		return testdev_security_status(dev);
	case R_PORT_COUNT:
		return dev->port_count;
	case R_PORT_INFO:
		return dev->port_info;
	case R_PORT_VALUE:
		return dev->port_value;
	default:
		return 0;
	}
}

static uint64_t read_fault(void *opaque, unsigned index, uint64_t stored);
static void fault_written(void *opaque, unsigned index, uint64_t old, uint64_t now);

static void raise_written(void *opaque, unsigned index, uint64_t old, uint64_t now)
{
	struct testdev *dev = opaque;

	dev->values[index] = 0;
	pci_endpoint_interrupt(&dev->ep, (unsigned)now, NULL);
}

static void port_count_written(void *opaque, unsigned index, uint64_t old, uint64_t now)
{
	struct testdev *dev = opaque;

	dev->port_count = 0;
	dev->port_info = 0;
	dev->port_value = 0;
}

static void inject_written(void *opaque, unsigned index, uint64_t old, uint64_t now)
{
	struct testdev *dev = opaque;

	dev->values[index] = 0;
	testdev_inject(dev, (uint32_t)now, index == R_INJECT_CE);
}

static void security_written(void *opaque, unsigned index, uint64_t old, uint64_t now)
{
	testdev_security_inject(opaque, (uint32_t)now);
}

static uint64_t read_channel(void *opaque, unsigned index, uint64_t stored)
{
	const struct testdev *dev = opaque;
	const struct testdev_channel *ch = &dev->channels[channel_of(index)];

	switch ((index - NR_GLOBAL) % NR_CHANNEL) {
	case C_STATUS:
		return (testdev_busy(ch) ? TESTDEV_STATUS_BUSY : 0) |
		       (ch->wait == TESTDEV_WAIT_STALL ? TESTDEV_STATUS_STALLED : 0) |
		       (ch->wait > TESTDEV_WAIT_STALL ? TESTDEV_STATUS_PAGE : 0) |
		       (ch->halted ? TESTDEV_STATUS_HALTED : 0);
	case C_HEAD:
		return ch->head;
	case C_TAIL:
		return ch->tail;
	case C_CODE:
		return ch->last.code;
	case C_RESULT:
		return ch->last.result;
	case C_BYTES:
		return ch->last.bytes;
	case C_FAULT:
		return ch->last.fault;
	case C_DONE:
		return ch->done;
	case C_FAILED:
		return ch->failed;
	case C_COOKIE:
		return ch->last.cookie;
	default:
		return 0;
	}
}

/* The ring's place counts as it is at the moment of ENABLE. */
static void control_written(void *opaque, unsigned index, uint64_t old, uint64_t now)
{
	struct testdev *dev = opaque;
	unsigned n = channel_of(index);
	struct testdev_channel *ch = &dev->channels[n];
	uint64_t pasid = *channel_value(dev, n, C_RING_PASID), size = *channel_value(dev, n, C_RING_SIZE);

	dev->values[index] = now & TESTDEV_CONTROL_ENABLE;
	if (now & TESTDEV_CONTROL_ABORT)
		testdev_abort(dev, n);
	if (!ch->enabled) {
		ch->ring_base = *channel_value(dev, n, C_RING_BASE);
		ch->ring_mask = BIT32(size < TESTDEV_RING_SIZE_MAX ? size : TESTDEV_RING_SIZE_MAX) - 1;
		ch->ring_pasid =
			pasid & TESTDEV_RING_PASID_EN ? (uint32_t)pasid & TESTDEV_RING_PASID_MASK : DMA_NO_PASID;
	}
	testdev_enable(dev, n, now & TESTDEV_CONTROL_ENABLE);
}

static void tail_written(void *opaque, unsigned index, uint64_t old, uint64_t now)
{
	testdev_tail(opaque, channel_of(index), (uint32_t)now);
}

static void go_written(void *opaque, unsigned index, uint64_t old, uint64_t now)
{
	struct testdev *dev = opaque;

	dev->values[index] = 0;
	testdev_go(dev, channel_of(index));
}

#define READ_ONLY(at, w, label, hook)                                                                                  \
	{                                                                                                              \
		.offset = (at), .width = (w), .name = (label), .read = (hook)                                          \
	}
#define DESC(at, i)                                                                                                    \
	{                                                                                                              \
		.offset = (at) + TESTDEV_CH_DESC + 8 * (i), .width = REG64, .name = "DESC" #i, .rw = UINT64_MAX        \
	}

/* clang-format off */
#define SHOWN(name_, w) [R_##name_] = READ_ONLY(TESTDEV_##name_, w, #name_, read_fault)
#define STORED(name_, w, mask) \
	[R_##name_] = {.offset = TESTDEV_##name_, .width = (w), .name = #name_, .rw = (mask), .written = fault_written}
#define CHANNEL(at) \
	{.offset = (at) + TESTDEV_CH_CONTROL, .width = REG32, .name = "CONTROL", \
	 .rw = TESTDEV_CONTROL_ENABLE | TESTDEV_CONTROL_ABORT, .written = control_written}, \
	READ_ONLY((at) + TESTDEV_CH_STATUS, REG32, "STATUS", read_channel), \
	{.offset = (at) + TESTDEV_CH_RING_BASE, .width = REG64, .name = "RING_BASE", .rw = ~UINT64_C(63)}, \
	{.offset = (at) + TESTDEV_CH_RING_SIZE, .width = REG32, .name = "RING_SIZE", .rw = 0xf}, \
	{.offset = (at) + TESTDEV_CH_RING_PASID, .width = REG32, .name = "RING_PASID", \
	 .rw = TESTDEV_RING_PASID_EN | TESTDEV_RING_PASID_MASK}, \
	READ_ONLY((at) + TESTDEV_CH_HEAD, REG32, "HEAD", read_channel), \
	{.offset = (at) + TESTDEV_CH_TAIL, .width = REG32, .name = "TAIL", .rw = UINT32_MAX, .read = read_channel, \
	 .written = tail_written}, \
	{.offset = (at) + TESTDEV_CH_GO, .width = REG32, .name = "GO", .rw = UINT32_MAX, .written = go_written}, \
	READ_ONLY((at) + TESTDEV_CH_CODE, REG32, "CODE", read_channel), \
	READ_ONLY((at) + TESTDEV_CH_RESULT, REG64, "RESULT", read_channel), \
	READ_ONLY((at) + TESTDEV_CH_BYTES, REG64, "BYTES", read_channel), \
	READ_ONLY((at) + TESTDEV_CH_FAULT, REG64, "FAULT", read_channel), \
	READ_ONLY((at) + TESTDEV_CH_DONE, REG32, "DONE", read_channel), \
	READ_ONLY((at) + TESTDEV_CH_FAILED, REG32, "FAILED", read_channel), \
	READ_ONLY((at) + TESTDEV_CH_COOKIE, REG32, "COOKIE", read_channel), \
	DESC(at, 0), DESC(at, 1), DESC(at, 2), DESC(at, 3), DESC(at, 4), DESC(at, 5), DESC(at, 6), DESC(at, 7)

static const struct reg_row rows[NR_ROWS] = {
	[R_ID] = {.offset = TESTDEV_ID, .width = REG32, .name = "ID", .reset = TESTDEV_ID_VALUE},
	[R_VERSION] = {.offset = TESTDEV_VERSION, .width = REG32, .name = "VERSION", .reset = 1},
	[R_CAPS] = READ_ONLY(TESTDEV_CAPS, REG32, "CAPS", read_global),
	[R_RESETS] = READ_ONLY(TESTDEV_RESETS, REG32, "RESETS", read_global),
	[R_MEMORY_SIZE] = READ_ONLY(TESTDEV_MEMORY_SIZE, REG64, "MEMORY_SIZE", read_global),
	[R_RAISE] = {.offset = TESTDEV_RAISE, .width = REG32, .name = "RAISE", .rw = UINT32_MAX,
		     .written = raise_written},
	[R_SCRATCH] = {.offset = TESTDEV_SCRATCH, .width = REG32, .name = "SCRATCH", .rw = UINT32_MAX, .min_size = 1},
	[R_PORT_COUNT] = {.offset = TESTDEV_PORT_COUNT, .width = REG32, .name = "PORT_COUNT", .read = read_global,
			  .written = port_count_written},
	[R_PORT_INFO] = READ_ONLY(TESTDEV_PORT_INFO, REG32, "PORT_INFO", read_global),
	[R_PORT_VALUE] = READ_ONLY(TESTDEV_PORT_VALUE, REG64, "PORT_VALUE", read_global),
	[R_INJECT_CE] = {.offset = TESTDEV_INJECT_CE, .width = REG32, .name = "INJECT_CE", .rw = UINT32_MAX,
			 .written = inject_written},
	[R_INJECT_UE] = {.offset = TESTDEV_INJECT_UE, .width = REG32, .name = "INJECT_UE", .rw = UINT32_MAX,
			 .written = inject_written},
	STORED(ATS_CONTROL, REG32, TESTDEV_ATS_HOLD),
	STORED(ATS_RELEASE, REG32, UINT32_MAX),
	SHOWN(ATS_HELD, REG32),
	SHOWN(ATS_INVALIDATIONS, REG32),
	SHOWN(ATC_HITS, REG32),
	SHOWN(ATC_REQUESTS, REG32),
	STORED(TREQ_ADDR, REG64, UINT64_MAX),
	STORED(TREQ_FLAGS, REG32, TESTDEV_TREQ_WRITE | TESTDEV_TREQ_EXEC | TESTDEV_TREQ_PRIV),
	STORED(TREQ_PASID, REG32, TESTDEV_PASID_VALID | TESTDEV_RING_PASID_MASK),
	STORED(TREQ_GO, REG32, UINT32_MAX),
	SHOWN(TREQ_STATUS, REG32),
	SHOWN(TREQ_RESULT, REG64),
	SHOWN(TREQ_SIZE, REG32),
	STORED(PREQ_ADDR, REG64, UINT64_MAX),
	STORED(PREQ_FLAGS, REG32, TESTDEV_PREQ_ALL),
	STORED(PREQ_PASID, REG32, TESTDEV_PASID_VALID | TESTDEV_RING_PASID_MASK),
	STORED(PREQ_PRGI, REG32, TESTDEV_PRESP_PRGI),
	STORED(PREQ_GO, REG32, UINT32_MAX),
	SHOWN(PREQ_SENT, REG32),
	SHOWN(PREQ_OUTSTANDING, REG32),
	SHOWN(PRESP_COUNT, REG32),
	SHOWN(PRESP_LAST, REG32),
	SHOWN(PRESP_PASID, REG32),
	SHOWN(PRESP_UNEXPECTED, REG32),
	SHOWN(STALLS, REG32),
	[R_SECURITY] = {.offset = TESTDEV_SECURITY, .width = REG32, .name = "SECURITY", .rw = UINT32_MAX,
			.read = read_global, .written = security_written},
	[NR_GLOBAL] = CHANNEL(TESTDEV_CHAN(0)),
	CHANNEL(TESTDEV_CHAN(1)),
	CHANNEL(TESTDEV_CHAN(2)),
	CHANNEL(TESTDEV_CHAN(3)),
};
/* clang-format on */

static uint64_t read_fault(void *opaque, unsigned index, uint64_t stored)
{
	return testdev_fault_read(opaque, rows[index].offset);
}

static void fault_written(void *opaque, unsigned index, uint64_t old, uint64_t now)
{
	testdev_fault_written(opaque, rows[index].offset);
}

uint64_t testdev_mmio_value(const struct testdev *dev, uint32_t offset)
{
	for (unsigned i = 0; i < NR_GLOBAL; i++) {
		if (rows[i].offset == offset)
			return dev->values[i];
	}
	return 0;
}

int testdev_mmio_init(struct testdev *dev)
{
	dev->values = calloc(NR_ROWS, sizeof(*dev->values));
	if (!dev->values)
		return log_fail(-ENOMEM, "%s: no memory for the registers", dev->ep.fn.name);
	testdev_mmio_reset(dev);
	return 0;
}

void testdev_mmio_reset(struct testdev *dev)
{
	regtable_reset(rows, NR_ROWS, dev->values);
}

enum bus_verdict testdev_mmio(struct testdev *dev, struct bus_access *access)
{
	return regtable_access(rows, NR_ROWS, dev->values, dev, access);
}

struct testdev_desc testdev_mmio_desc(const struct testdev *dev, unsigned n)
{
	const uint64_t *words = channel_value(dev, n, C_DESC);

	return (struct testdev_desc){
		.op = (uint32_t)words[0],
		.pasid = (uint32_t)(words[0] >> 32),
		.src = words[1],
		.dst = words[2],
		.len = words[3],
		.operand = words[4],
		.status = words[5],
		.vector = (uint32_t)words[6],
		.cookie = (uint32_t)(words[6] >> 32),
		.reserved = words[7],
	};
}

bool testdev_mmio_check(void)
{
	return regtable_check(rows, NR_ROWS);
}
