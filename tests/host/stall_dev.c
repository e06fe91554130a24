/* SPDX-License-Identifier: Apache-2.0 */
#include "stall_dev.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "report.h"

static void must(ssize_t got, size_t want, const char *what)
{
	if (got == (ssize_t)want)
		return;
	fprintf(stderr, "%s of the test endpoint: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void write32(const struct stall_dev *dev, uint32_t offset, uint32_t value)
{
	uint32_t raw = htole32(value);

	must(pwrite(dev->host->fd, &raw, 4, (off_t)(dev->bar0 + offset)), 4, "a write to a register");
}

uint32_t stall_dev_read(const struct stall_dev *dev, uint32_t offset)
{
	uint32_t raw;

	must(pread(dev->host->fd, &raw, 4, (off_t)(dev->bar0 + offset)), 4, "a read from a register");
	return le32toh(raw);
}

uint64_t stall_dev_read64(const struct stall_dev *dev, uint32_t offset)
{
	return stall_dev_read(dev, offset) | (uint64_t)stall_dev_read(dev, offset + 4) << 32;
}

static int region(int fd, uint32_t index, uint64_t *offset)
{
	struct vfio_region_info info = {.argsz = sizeof(info), .index = index};

	if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
		return -errno;
	*offset = info.offset;
	return info.size ? 0 : -ENODEV;
}

static int turn_on(const struct stall_dev *dev)
{
	uint16_t command = htole16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);

	must(pwrite(dev->host->fd, &command, 2, (off_t)(dev->config + PCI_COMMAND)), 2, "a write to COMMAND");
	return stall_dev_read(dev, TESTDEV_ID) == TESTDEV_ID_VALUE ? 0 : -ENODEV;
}

int stall_dev_open(struct stall_dev *dev, struct host_dev *host)
{
	int err;

	dev->host = host;
	err = region(host->fd, VFIO_PCI_BAR0_REGION_INDEX, &dev->bar0);
	if (!err)
		err = region(host->fd, VFIO_PCI_CONFIG_REGION_INDEX, &dev->config);
	return err ? err : turn_on(dev);
}

int stall_dev_reset(struct stall_dev *dev)
{
	if (ioctl(dev->host->fd, VFIO_DEVICE_RESET) < 0)
		return -errno;
	return turn_on(dev);
}

void stall_dev_go(const struct stall_dev *dev, unsigned chan, uint32_t op, uint64_t src, uint64_t dst, uint64_t len,
		  uint64_t operand, uint32_t pasid)
{
	const struct testdev_desc desc = {
		.op = htole32(op | (pasid == STALL_NO_PASID ? 0 : TESTDEV_F_PASID)),
		.pasid = htole32(pasid == STALL_NO_PASID ? 0 : pasid),
		.src = htole64(src),
		.dst = htole64(dst),
		.len = htole64(len),
		.operand = htole64(operand),
	};
	const uint32_t *words = (const void *)&desc;

	for (uint32_t i = 0; i < sizeof(desc) / 4; i++)
		write32(dev, TESTDEV_CHAN(chan) + TESTDEV_CH_DESC + 4 * i, le32toh(words[i]));
	write32(dev, TESTDEV_CHAN(chan) + TESTDEV_CH_GO, 1);
}

uint32_t stall_dev_wait(const struct stall_dev *dev, unsigned chan, unsigned ms)
{
	uint64_t end = report_now() + ms * UINT64_C(1000000);
	uint32_t code;

	do {
		code = stall_dev_read(dev, TESTDEV_CHAN(chan) + TESTDEV_CH_CODE);
	} while (code == 0 && report_now() < end);
	return field_get32(TESTDEV_CODE_KIND, code);
}
