/* SPDX-License-Identifier: Apache-2.0 */
/* One request of the test endpoint: what is checked before, and the steps by which it is done. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "crc32c.h"
#include "testdev_priv.h"

struct op_info {
	bool src_dma, dst_dma; /* which side is memory and may be a scatter list */
	bool atomic;
};

static const struct op_info ops[TESTDEV_NR_OPS] = {
	[TESTDEV_OP_NOP] = {0},
	[TESTDEV_OP_READ] = {.src_dma = true},
	[TESTDEV_OP_WRITE] = {.dst_dma = true},
	[TESTDEV_OP_COPY] = {.src_dma = true, .dst_dma = true},
	[TESTDEV_OP_FILL] = {.dst_dma = true},
	[TESTDEV_OP_CRC32C] = {.src_dma = true},
	[TESTDEV_OP_FETCH_ADD] = {.atomic = true},
	[TESTDEV_OP_SWAP] = {.atomic = true},
	[TESTDEV_OP_CAS] = {.atomic = true},
};

static uint32_t op_of(const struct testdev_desc *desc)
{
	return desc->op & TESTDEV_DESC_OP;
}

struct testdev_attr testdev_attr(const struct testdev_desc *desc)
{
	return (struct testdev_attr){
		.pasid = desc->op & TESTDEV_F_PASID ? desc->pasid : DMA_NO_PASID,
		.untranslated = desc->op & TESTDEV_F_UNTRANSLATED,
		.translated = desc->op & TESTDEV_F_TRANSLATED,
		.mode = (desc->op & TESTDEV_F_EXEC ? DMA_EXEC : 0) | (desc->op & TESTDEV_F_PRIV ? DMA_PRIV : 0),
	};
}

static void fail(struct testdev_channel *ch, enum testdev_kind kind, enum testdev_where where, uint64_t fault)
{
	ch->last.code = field_prep32(TESTDEV_CODE_KIND, kind) | field_prep32(TESTDEV_CODE_WHERE, where);
	ch->last.fault = fault;
}

enum testdev_kind testdev_kind_of(int err)
{
	switch (err) {
	case -EPERM:
		return TESTDEV_KIND_DISABLED;
	case -ENXIO:
		return TESTDEV_KIND_BAD_TARGET;
	case -EINVAL:
		return TESTDEV_KIND_BAD_REQUEST;
	default:
		return TESTDEV_KIND_FAULT;
	}
}

/* An access that waits is no failure: it is repeated. */
static void fail_access(struct testdev_channel *ch, int err, enum testdev_where where, uint64_t fault)
{
	if (err == -EINPROGRESS)
		return;
	fail(ch, testdev_kind_of(err), where, fault);
}

/* PCIe 6.0, 6.20.1 and 7.8.9.3: what the PASID control register has not enabled is not sent. Without a PASID there is
 * no way to ask for execution or privilege. */
bool testdev_pasid_allowed(const struct testdev *dev, uint32_t flags, uint32_t pasid)
{
	uint16_t control = testdev_pasid_control(dev);

	if (!(flags & TESTDEV_F_PASID))
		return !(flags & (TESTDEV_F_EXEC | TESTDEV_F_PRIV));
	return (control & PCI_PASID_CTRL_ENABLE) && pasid <= TESTDEV_RING_PASID_MASK &&
	       (!(flags & TESTDEV_F_EXEC) || (control & PCI_PASID_CTRL_EXEC)) &&
	       (!(flags & TESTDEV_F_PRIV) || (control & PCI_PASID_CTRL_PRIV));
}

static bool atomic_allowed(const struct testdev *dev, const struct testdev_desc *desc)
{
	return testdev_atomics_enabled(dev) && (desc->len == 4 || desc->len == 8) && desc->dst % desc->len == 0;
}

static bool request_allowed(const struct testdev *dev, const struct testdev_desc *desc)
{
	uint32_t op = op_of(desc);

	if (op >= TESTDEV_NR_OPS || (desc->op & ~(TESTDEV_DESC_OP | TESTDEV_F_ALL)) || desc->reserved)
		return false;
	if ((desc->op & TESTDEV_F_SRC_LIST) && !ops[op].src_dma)
		return false;
	if ((desc->op & TESTDEV_F_DST_LIST) && !ops[op].dst_dma)
		return false;
	if ((desc->op & TESTDEV_F_STATUS) && desc->status % 8 != 0)
		return false;
	if ((desc->op & TESTDEV_F_INTERRUPT) && desc->vector >= dev->ep.nr_vectors)
		return false;
	if (!testdev_pasid_allowed(dev, desc->op, desc->pasid) || desc->len > TESTDEV_LEN_MAX)
		return false;
	if ((desc->op & TESTDEV_F_UNTRANSLATED) && (desc->op & TESTDEV_F_TRANSLATED))
		return false;
	return !ops[op].atomic || atomic_allowed(dev, desc);
}

static struct testdev_cursor cursor(uint64_t addr, uint64_t len, bool list)
{
	return list ? (struct testdev_cursor){.list = true, .next = addr}
		    : (struct testdev_cursor){.addr = addr, .left = len};
}

static bool in_memory(const struct testdev *dev, uint64_t offset, uint64_t len)
{
	return len <= dev->memory_size && offset <= dev->memory_size - len;
}

/* Whether the range would go on at address 0. */
static bool wraps(uint64_t addr, uint64_t len)
{
	return len > 0 && addr + (len - 1) < addr;
}

static bool ranges_allowed(const struct testdev_desc *desc)
{
	const struct op_info *op = &ops[op_of(desc)];

	return !(op->src_dma && !(desc->op & TESTDEV_F_SRC_LIST) && wraps(desc->src, desc->len)) &&
	       !(op->dst_dma && !(desc->op & TESTDEV_F_DST_LIST) && wraps(desc->dst, desc->len));
}

bool testdev_begin(struct testdev *dev, struct testdev_channel *ch, const struct testdev_desc *desc)
{
	uint32_t op = op_of(desc);

	ch->last = (struct testdev_status){.cookie = desc->cookie};
	ch->job.desc = *desc;
	if (!request_allowed(dev, desc) || !ranges_allowed(desc)) {
		fail(ch, TESTDEV_KIND_BAD_REQUEST, TESTDEV_AT_DESCRIPTOR, 0);
		return false;
	}
	if (op == TESTDEV_OP_READ && !in_memory(dev, desc->dst, desc->len)) {
		fail(ch, TESTDEV_KIND_BAD_TARGET, TESTDEV_AT_DESTINATION, desc->dst);
		return false;
	}
	if (op == TESTDEV_OP_WRITE && !in_memory(dev, desc->src, desc->len)) {
		fail(ch, TESTDEV_KIND_BAD_TARGET, TESTDEV_AT_SOURCE, desc->src);
		return false;
	}
	ch->job.src = cursor(desc->src, desc->len, desc->op & TESTDEV_F_SRC_LIST);
	ch->job.dst = cursor(desc->dst, desc->len, desc->op & TESTDEV_F_DST_LIST);
	ch->job.done = 0;
	ch->job.got = ch->job.put = 0;
	ch->job.result = op == TESTDEV_OP_CRC32C ? desc->operand & UINT32_MAX : 0;
	ch->job.active = true;
	return true;
}

/* Gets the next range of a list. 0 when there is something to do now, else the request has failed or is gone. */
static int refill(struct testdev *dev, struct testdev_channel *ch, struct testdev_cursor *c)
{
	struct testdev_attr attr = testdev_attr(&ch->job.desc);
	uint64_t epoch = ch->epoch, at = c->next, fault = 0;
	struct testdev_sg sg;

	attr.mode &= ~DMA_EXEC;
	int err = testdev_copy(dev, ch, attr, at, &sg, sizeof(sg), false, &fault);

	if (ch->epoch != epoch)
		return -ECANCELED;
	if (err) {
		fail_access(ch, err, TESTDEV_AT_LIST, fault);
		return err;
	}
	if (sg.len == 0 || sg.reserved != 0 || wraps(le64toh(sg.addr), le32toh(sg.len))) {
		fail(ch, TESTDEV_KIND_BAD_REQUEST, TESTDEV_AT_LIST, at);
		return -EINVAL;
	}
	c->next = at + sizeof(sg);
	c->addr = le64toh(sg.addr);
	c->left = le32toh(sg.len);
	return 0;
}

static void advance(struct testdev_cursor *c, unsigned n)
{
	c->addr += n;
	c->left -= n;
}

static void pattern(uint8_t *buf, unsigned len, uint64_t operand, uint64_t at)
{
	for (unsigned i = 0; i < len; i++)
		buf[i] = (uint8_t)(operand >> (at + i) % 8 * 8);
}

/* Fetches at most @len bytes of the request's source. Bytes; or -errno, and the request has failed or is gone. */
static int fetch(struct testdev *dev, struct testdev_channel *ch, uint8_t *buf, unsigned len, bool *ram)
{
	struct testdev_job *job = &ch->job;
	uint64_t epoch = ch->epoch;

	*ram = true;
	if (op_of(&job->desc) == TESTDEV_OP_FILL) {
		pattern(buf, len, job->desc.operand, job->done);
		return (int)len;
	}
	if (op_of(&job->desc) == TESTDEV_OP_WRITE) {
		memcpy(buf, dev->memory + job->desc.src + job->done, len);
		return (int)len;
	}
	int n = testdev_access(dev, ch, testdev_attr(&job->desc), job->src.addr, buf, len, false, ram);

	if (ch->epoch != epoch)
		return -ECANCELED;
	if (n < 0)
		fail_access(ch, n, TESTDEV_AT_SOURCE, job->src.addr);
	else
		advance(&job->src, (unsigned)n);
	return n;
}

/* Stores as many of @len bytes as one access takes. As fetch(). */
static int store(struct testdev *dev, struct testdev_channel *ch, uint8_t *buf, unsigned len, bool *ram)
{
	struct testdev_job *job = &ch->job;
	uint64_t epoch = ch->epoch;

	*ram = true;
	if (op_of(&job->desc) == TESTDEV_OP_CRC32C) {
		job->result = crc32c((uint32_t)job->result, buf, len);
		return (int)len;
	}
	if (op_of(&job->desc) == TESTDEV_OP_READ) {
		uint64_t to = job->desc.dst + job->done;

		memcpy(dev->memory + to, buf, len);
		if (to + len > dev->memory_used)
			dev->memory_used = to + len;
		return (int)len;
	}
	int n = testdev_access(dev, ch, testdev_attr(&job->desc), job->dst.addr, buf, len, true, ram);

	if (ch->epoch != epoch)
		return -ECANCELED;
	if (n < 0)
		fail_access(ch, n, TESTDEV_AT_DESTINATION, job->dst.addr);
	else
		advance(&job->dst, (unsigned)n);
	return n;
}

/* Fetches the next piece of the source into the job's buffer. 0, or -errno as above. */
static int load(struct testdev *dev, struct testdev_channel *ch, unsigned *cost)
{
	struct testdev_job *job = &ch->job;
	uint64_t left = job->desc.len - job->done;
	unsigned len = left < TESTDEV_STEP_BYTES ? (unsigned)left : TESTDEV_STEP_BYTES;
	bool ram;
	int n = 0;

	if (job->src.list && job->src.left == 0)
		n = refill(dev, ch, &job->src);
	if (n == 0 && job->dst.list && job->dst.left == 0)
		n = refill(dev, ch, &job->dst);
	if (n)
		return n;
	if (job->src.list && job->src.left < len)
		len = (unsigned)job->src.left;
	if (job->dst.list && job->dst.left < len)
		len = (unsigned)job->dst.left;
	n = fetch(dev, ch, job->buf, len, &ram);
	*cost += ram ? 0 : TESTDEV_REGISTER_COST;
	if (n < 0)
		return n;
	job->got = (unsigned)n;
	job->put = 0;
	return 0;
}

/* Moves a piece from source to destination. 0, or -errno as above; what was fetched waits in the buffer. */
static int move(struct testdev *dev, struct testdev_channel *ch, unsigned *cost)
{
	struct testdev_job *job = &ch->job;
	int n = job->put == job->got ? load(dev, ch, cost) : 0;

	while (n >= 0 && job->put < job->got) {
		bool ram;

		n = store(dev, ch, job->buf + job->put, job->got - job->put, &ram);
		if (n < 0)
			break;
		job->put += (unsigned)n;
		job->done += (unsigned)n;
		*cost += (unsigned)n + (ram ? 0 : TESTDEV_REGISTER_COST);
	}
	return n < 0 ? n : 0;
}

static int atomic(struct testdev *dev, struct testdev_channel *ch)
{
	struct testdev_job *job = &ch->job;
	int err = testdev_atomic(dev, ch, testdev_attr(&job->desc), &job->desc, &job->result);

	if (err)
		fail_access(ch, err, TESTDEV_AT_DESTINATION, job->desc.dst);
	else
		job->done = job->desc.len;
	return err;
}

unsigned testdev_step(struct testdev *dev, struct testdev_channel *ch, bool *complete)
{
	struct testdev_job *job = &ch->job;
	uint32_t op = op_of(&job->desc);
	unsigned cost = TESTDEV_STEP_COST;
	uint64_t epoch = ch->epoch;
	int err = 0;

	*complete = false;
	if (ops[op].atomic)
		err = atomic(dev, ch);
	else if (op != TESTDEV_OP_NOP && job->desc.len > 0)
		err = move(dev, ch, &cost);
	if (ch->epoch != epoch || err == -EINPROGRESS)
		return cost;
	*complete = err != 0 || op == TESTDEV_OP_NOP || job->done == job->desc.len;
	if (!*complete)
		return cost;
	if (err == 0)
		ch->last.code = field_prep32(TESTDEV_CODE_KIND, TESTDEV_KIND_OK);
	ch->last.bytes = job->done;
	ch->last.result = job->result;
	return cost;
}
