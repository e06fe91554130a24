/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accesses of the test endpoint. Without ATS nothing is cached: each one is translated when it happens, with all
 * its attributes. Who wants to know what the IOMMU does must not see a cache of the device. With ATS the device's cache
 * is part of what is to be seen.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "addr.h"
#include "gmem.h"
#include "testdev_priv.h"
#include "vm.h"

static int stallable(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr, uint64_t iova,
		     unsigned access, struct dma_target *out)
{
	int err = dma_translate_or_stall(&dev->ep.dma, attr.pasid, iova, access, out, &ch->stall);

	if (err == -EINPROGRESS) {
		dev->stalls++;
		ch->wait = TESTDEV_WAIT_STALL;
	}
	return err;
}

/* By which of its ways the endpoint translates. */
static int find(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr, uint64_t iova,
		unsigned access, struct dma_target *out)
{
	if (ch->refused) {
		ch->refused = false;
		return -EFAULT;
	}
	if (attr.translated)
		return dma_ats_access(&dev->ep.dma, iova, access, out);
	if (!attr.untranslated && (testdev_ats_control(dev) & PCI_ATS_CTRL_ENABLE))
		return testdev_ats_find(dev, ch, attr, iova, access, out);
	if (dev->has_stall)
		return stallable(dev, ch, attr, iova, access, out);
	return dma_translate(&dev->ep.dma, attr.pasid, iova, access, out);
}

/* Translates the first byte of [@iova, @iova + *@len) and shortens *@len to what the translation covers. */
static int translate(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr, uint64_t iova,
		     unsigned *len, unsigned access, gpa_t *pa)
{
	struct dma_target target;
	int err = find(dev, ch, attr, iova, access | attr.mode, &target);

	if (err)
		return err;
	uint64_t rest = target.iovas.last - iova;

	if (rest < *len - 1)
		*len = (unsigned)rest + 1;
	*pa = gpa(target.pa.v + (iova - target.iovas.first));
	return 0;
}

int testdev_access(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr, uint64_t iova, void *buf,
		   unsigned len, bool write, bool *ram)
{
	unsigned access = write ? DMA_WRITE : DMA_READ;
	uint8_t *host;
	gpa_t pa;

	*ram = true;
	if (write)
		attr.mode &= ~DMA_EXEC;
	if (len - 1 > UINT64_MAX - iova)
		len = (unsigned)(UINT64_MAX - iova) + 1;
	int err = translate(dev, ch, attr, iova, &len, access, &pa);

	if (err)
		return err;
	host = gmem_host(dev->ep.dma.gmem, pa, len);
	if (host) {
		if (write)
			memcpy(host, buf, len);
		else
			memcpy(buf, host, len);
		return (int)len;
	}
	*ram = false;
	if (len > TESTDEV_REGISTER_STEP - iova % TESTDEV_REGISTER_STEP)
		len = (unsigned)(TESTDEV_REGISTER_STEP - iova % TESTDEV_REGISTER_STEP);
	dma_access_registers(&dev->ep.dma, pa.v, buf, len, access);
	return (int)len;
}

int testdev_copy(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr, uint64_t iova, void *buf,
		 unsigned len, bool write, uint64_t *fault)
{
	uint8_t *p = buf;
	bool ram;

	while (len > 0) {
		int n = testdev_access(dev, ch, attr, iova, p, len, write, &ram);

		if (n < 0) {
			*fault = iova;
			return n;
		}
		iova += (unsigned)n;
		p += n;
		len -= (unsigned)n;
	}
	return 0;
}

static uint32_t atomic4(uint32_t *p, const struct testdev_desc *desc)
{
	uint32_t operand = htole32((uint32_t)desc->operand), old;

	switch (desc->op & TESTDEV_DESC_OP) {
	case TESTDEV_OP_FETCH_ADD:
		old = __atomic_load_n(p, __ATOMIC_SEQ_CST);
		while (!__atomic_compare_exchange_n(p, &old, htole32(le32toh(old) + (uint32_t)desc->operand), false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			;
		break;
	case TESTDEV_OP_SWAP:
		old = __atomic_exchange_n(p, operand, __ATOMIC_SEQ_CST);
		break;
	default:
		old = htole32((uint32_t)desc->src);
		__atomic_compare_exchange_n(p, &old, operand, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		break;
	}
	return le32toh(old);
}

static uint64_t atomic8(uint64_t *p, const struct testdev_desc *desc)
{
	uint64_t operand = htole64(desc->operand), old;

	switch (desc->op & TESTDEV_DESC_OP) {
	case TESTDEV_OP_FETCH_ADD:
		old = __atomic_load_n(p, __ATOMIC_SEQ_CST);
		while (!__atomic_compare_exchange_n(p, &old, htole64(le64toh(old) + desc->operand), false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			;
		break;
	case TESTDEV_OP_SWAP:
		old = __atomic_exchange_n(p, operand, __ATOMIC_SEQ_CST);
		break;
	default:
		old = htole64(desc->src);
		__atomic_compare_exchange_n(p, &old, operand, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		break;
	}
	return le64toh(old);
}

int testdev_atomic(struct testdev *dev, struct testdev_channel *ch, struct testdev_attr attr,
		   const struct testdev_desc *desc, uint64_t *value)
{
	unsigned len = (unsigned)desc->len;
	void *host;
	gpa_t pa;

	attr.mode &= ~DMA_EXEC;
	int err = translate(dev, ch, attr, desc->dst, &len, DMA_READ | DMA_WRITE, &pa);

	if (err)
		return err;
	host = gmem_host(dev->ep.dma.gmem, pa, desc->len);
	/* Aligned in one address space is aligned in the other, but for a translator that lies. */
	if (!host || len != desc->len || pa.v % desc->len != 0)
		return -ENXIO;
	*value = desc->len == 4 ? atomic4(host, desc) : atomic8(host, desc);
	return 0;
}
