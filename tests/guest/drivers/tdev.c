/* SPDX-License-Identifier: Apache-2.0 */
#include "tdev.h"

#define TIMEOUT_US 5000000u
#define EXT_PASID  0x1bu
#define DEVCTL2	   0x28u
#define ATOMIC_REQ 0x40u

static uint64_t ch(const struct tdev *dev, unsigned reg)
{
	return dev->regs + TESTDEV_CHAN(0) + reg;
}

bool tdev_init(struct tdev *dev, unsigned n)
{
	*dev = (struct tdev){.fn = pci_find(TESTDEV_VENDOR_ID, TESTDEV_DEVICE_ID, n)};
	if (!dev->fn)
		return false;
	dev->regs = dev->fn->bar[TESTDEV_BAR_REGS];
	dev->memory = dev->fn->bar[TESTDEV_BAR_MEMORY];
	dev->port = dev->fn->bar[TESTDEV_BAR_PORT];
	return read32(dev->regs + TESTDEV_ID) == TESTDEV_ID_VALUE;
}

void tdev_enable(struct tdev *dev)
{
	unsigned pasid = pci_ext_cap(dev->fn, EXT_PASID);

	if (pasid)
		pci_set16(dev->fn, pasid + 6, 7);
	pci_set16(dev->fn, dev->fn->exp + DEVCTL2, ATOMIC_REQ);
}

enum testdev_kind tdev_run(struct tdev *dev, const struct testdev_desc *desc)
{
	uint64_t words[8];

	memcpy(words, desc, sizeof(words));
	for (unsigned i = 0; i < 8; i++)
		write64(ch(dev, TESTDEV_CH_DESC + 8 * i), words[i]);
	write32(ch(dev, TESTDEV_CH_GO), 1);
	if (!WAIT_FOR(!(read32(ch(dev, TESTDEV_CH_STATUS)) & TESTDEV_STATUS_BUSY), TIMEOUT_US)) {
		write32(ch(dev, TESTDEV_CH_CONTROL), TESTDEV_CONTROL_ABORT);
		return TESTDEV_KIND_NONE;
	}
	dev->code = read32(ch(dev, TESTDEV_CH_CODE));
	dev->result = read64(ch(dev, TESTDEV_CH_RESULT));
	dev->bytes = read64(ch(dev, TESTDEV_CH_BYTES));
	dev->fault = read64(ch(dev, TESTDEV_CH_FAULT));
	return (enum testdev_kind)field_get32(TESTDEV_CODE_KIND, dev->code);
}

enum testdev_where tdev_where(const struct tdev *dev)
{
	return (enum testdev_where)field_get32(TESTDEV_CODE_WHERE, dev->code);
}

enum testdev_kind tdev_read8(struct tdev *dev, uint64_t iova, uint32_t flags, uint32_t pasid)
{
	enum testdev_kind kind;

	write64(dev->memory, 0);
	kind = tdev_run(dev,
			&(struct testdev_desc){.op = TESTDEV_OP_READ | flags, .pasid = pasid, .src = iova, .len = 8});
	dev->result = read64(dev->memory);
	return kind;
}

enum testdev_kind tdev_write8(struct tdev *dev, uint64_t iova, uint64_t value, uint32_t flags, uint32_t pasid)
{
	return tdev_run(
		dev, &(struct testdev_desc){
			     .op = TESTDEV_OP_FILL | flags, .pasid = pasid, .dst = iova, .len = 8, .operand = value});
}
