/* SPDX-License-Identifier: Apache-2.0 */
/* Ring memory by IOVA, and descriptors that become pieces of host memory. */
#include <errno.h>
#include <string.h>

#include "bits.h"
#include "virtio_priv.h"
#include "virtq_regs.h"

int virtq_fault(struct virtq *q, int err, const char *what, uint64_t iova)
{
	if (err == -EPERM || err == -ECANCELED)
		return err;
	virtq_break(q, "%s at %#llx cannot be reached", what, (unsigned long long)iova);
	return -EPROTO;
}

int virtq_load16(struct virtq *q, uint64_t iova, uint16_t *value)
{
	int err;
	const uint16_t *at = dma_host(&q->dma, iova, sizeof(*value), DMA_READ, &err);

	if (!at)
		return virtq_fault(q, err, "the ring", iova);
	*value = __atomic_load_n(at, __ATOMIC_ACQUIRE);
	return 0;
}

int virtq_store16(struct virtq *q, uint64_t iova, uint16_t value)
{
	int err;
	uint16_t *at = dma_host(&q->dma, iova, sizeof(value), DMA_WRITE, &err);

	if (!at)
		return virtq_fault(q, err, "the ring", iova);
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
	return 0;
}

int virtq_store32(struct virtq *q, uint64_t iova, uint32_t value)
{
	int err;
	uint32_t *at = dma_host(&q->dma, iova, sizeof(value), DMA_WRITE, &err);

	if (!at)
		return virtq_fault(q, err, "the ring", iova);
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
	return 0;
}

int virtq_load_desc(struct virtq *q, uint64_t iova, bool aligned, struct virtq_desc *desc)
{
	int err;

	if (!aligned) {
		err = dma_read(&q->dma, iova, desc, sizeof(*desc));
		return err ? virtq_fault(q, err, "an indirect descriptor", iova) : 0;
	}
	const uint64_t *at = dma_host(&q->dma, iova, sizeof(*desc), DMA_READ, &err);

	if (!at)
		return virtq_fault(q, err, "a descriptor", iova);
	desc->addr = __atomic_load_n(&at[0], __ATOMIC_RELAXED);
	desc->word = __atomic_load_n(&at[1], __ATOMIC_RELAXED);
	return 0;
}

void virtq_chain_begin(struct virtq_chain *chain)
{
	chain->id = chain->nr_descs = 0;
	chain->nr_out = chain->nr_in = 0;
	chain->out_len = chain->in_len = 0;
}

int virtq_chain_add(struct virtq *q, struct virtq_chain *chain, uint64_t addr, uint32_t len, uint16_t flags)
{
	bool writable = flags & VIRTQ_DESC_F_WRITE;
	unsigned used = chain->nr_out + chain->nr_in;

	if (len == 0) {
		virtq_break(q, "an empty buffer");
		return -EPROTO;
	}
	if (!writable && chain->nr_in > 0) { /* 2.7.4.2, 2.8.17 */
		virtq_break(q, "a readable buffer after a writable one");
		return -EPROTO;
	}
	if (chain->out_len + chain->in_len + len > UINT32_MAX) { /* 2.7.5.2 */
		virtq_break(q, "a chain of 4 GiB or more");
		return -EPROTO;
	}
	int n = dma_map(&q->dma, addr, len, writable ? DMA_WRITE : DMA_READ, &chain->iov[used], VIRTQ_MAX_IOV - used);

	if (n == -E2BIG) {
		virtq_break(q, "a chain of more than %u pieces", VIRTQ_MAX_IOV);
		return -EPROTO;
	}
	if (n < 0)
		return virtq_fault(q, n, "a buffer", addr);
	if (writable) {
		chain->nr_in += (unsigned)n;
		chain->in_len += len;
	} else {
		chain->nr_out += (unsigned)n;
		chain->out_len += len;
	}
	return 0;
}

/* Packed: the only valid flag is WRITE, all others are ignored, and so is the id (2.8.7). */
static int add_packed_table(struct virtq *q, struct virtq_chain *chain, uint64_t addr, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct virtq_desc desc;
		int err = virtq_load_desc(q, addr + i * VIRTQ_DESC_SIZE, false, &desc);

		if (!err)
			err = virtq_chain_add(q, chain, desc.addr, (uint32_t)field_get(VIRTQ_PACKED_LEN, desc.word),
					      (uint16_t)field_get(VIRTQ_PACKED_FLAGS, desc.word));
		if (err)
			return err;
	}
	return 0;
}

/* Split: 2.7.5.3. A table does not lead to another one, and is not longer than itself: that ends loops. */
static int add_split_table(struct virtq *q, struct virtq_chain *chain, uint64_t addr, uint32_t n)
{
	uint32_t at = 0;

	for (uint32_t seen = 0; seen < n; seen++) {
		struct virtq_desc desc;
		int err = virtq_load_desc(q, addr + at * VIRTQ_DESC_SIZE, false, &desc);

		if (err)
			return err;
		uint16_t flags = (uint16_t)field_get(VIRTQ_SPLIT_FLAGS, desc.word);

		if (flags & VIRTQ_DESC_F_INDIRECT) {
			virtq_break(q, "an indirect table within an indirect table");
			return -EPROTO;
		}
		err = virtq_chain_add(q, chain, desc.addr, (uint32_t)field_get(VIRTQ_SPLIT_LEN, desc.word), flags);
		if (err || !(flags & VIRTQ_DESC_F_NEXT))
			return err;
		at = (uint32_t)field_get(VIRTQ_SPLIT_NEXT, desc.word);
		if (at >= n) {
			virtq_break(q, "descriptor %u of an indirect table of %u", at, n);
			return -EPROTO;
		}
	}
	virtq_break(q, "an indirect table of %u descriptors that does not end", n);
	return -EPROTO;
}

int virtq_chain_add_table(struct virtq *q, struct virtq_chain *chain, uint64_t addr, uint32_t len)
{
	struct range r;
	uint32_t n = len / VIRTQ_DESC_SIZE;

	if (!q->indirect) {
		virtq_break(q, "an indirect table, which was not negotiated");
		return -EPROTO;
	}
	if (n == 0 || len % VIRTQ_DESC_SIZE != 0 || n > VIRTQ_MAX_IOV || !range_make(&r, addr, len)) {
		virtq_break(q, "an indirect table of %u bytes at %#llx", len, (unsigned long long)addr);
		return -EPROTO;
	}
	return q->packed ? add_packed_table(q, chain, addr, n) : add_split_table(q, chain, addr, n);
}

/* Copies between @buf and @n pieces from @offset on. */
static size_t copy(const struct iovec *iov, unsigned n, size_t offset, uint8_t *buf, size_t len, bool to_guest)
{
	size_t done = 0;

	for (; n > 0 && done < len; iov++, n--) {
		if (offset >= iov->iov_len) {
			offset -= iov->iov_len;
			continue;
		}
		size_t piece = iov->iov_len - offset;
		uint8_t *at = (uint8_t *)iov->iov_base + offset;

		if (piece > len - done)
			piece = len - done;
		if (to_guest)
			memcpy(at, buf + done, piece);
		else
			memcpy(buf + done, at, piece);
		done += piece;
		offset = 0;
	}
	return done;
}

size_t virtq_read(const struct virtq_chain *chain, size_t offset, void *buf, size_t len)
{
	return copy(chain->iov, chain->nr_out, offset, buf, len, false);
}

size_t virtq_write(const struct virtq_chain *chain, size_t offset, const void *buf, size_t len)
{
	return copy(chain->iov + chain->nr_out, chain->nr_in, offset, (uint8_t *)(uintptr_t)buf, len, true);
}
