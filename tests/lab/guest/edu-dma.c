// SPDX-License-Identifier: Apache-2.0
/*
 * Tells QEMU's `edu` device to do DMA that must fail behind an IOMMU, since no driver
 * maps the address:
 *
 *   edu-dma BDF ADDRESS   read from a bus address; succeeds when the device has finished
 *   edu-dma BDF own       write to the physical address of a page of this process, which
 *                         must stay as it is
 */
#include "physical.h"

#define BAR_SIZE 0x100000u

/* Registers, as QEMU's documentation of edu gives them */
#define EDU_DMA_SRC	   0x80u
#define EDU_DMA_DST	   0x88u
#define EDU_DMA_CNT	   0x90u
#define EDU_DMA_CMD	   0x98u
#define EDU_DMA_CMD_RUN	   0x1u /* with no other bit: from RAM to the buffer */
#define EDU_DMA_CMD_TO_RAM 0x2u
#define EDU_BUFFER	   0x40000u

#define PCI_COMMAND	   4
#define PCI_COMMAND_MEMORY 0x2u
#define PCI_COMMAND_MASTER 0x4u

static int open_file(const char *bdf, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, name);
	int fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		perror(path);
	return fd;
}

static int enable(const char *bdf)
{
	uint16_t command;
	int fd = open_file(bdf, "config");

	if (fd < 0)
		return -1;
	if (pread(fd, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		return -1;
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (pwrite(fd, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		return -1;
	return close(fd);
}

static void write_register(volatile uint8_t *bar, unsigned offset, uint64_t value)
{
	*(volatile uint64_t *)(bar + offset) = value;
}

static int finished(volatile uint8_t *bar)
{
	return !(*(volatile uint64_t *)(bar + EDU_DMA_CMD) & EDU_DMA_CMD_RUN);
}

static int transfer(volatile uint8_t *bar, uint64_t source, uint64_t destination, uint64_t command)
{
	write_register(bar, EDU_DMA_SRC, source);
	write_register(bar, EDU_DMA_DST, destination);
	write_register(bar, EDU_DMA_CNT, 64);
	write_register(bar, EDU_DMA_CMD, EDU_DMA_CMD_RUN | command);
	for (int i = 0; i < 100 && !finished(bar); i++)
		usleep(50000);
	if (finished(bar))
		return 0;
	fprintf(stderr, "edu-dma: the transfer does not end\n");
	return 1;
}

static int write_own_page(volatile uint8_t *bar)
{
	uint64_t physical;
	unsigned char *page = physical_page(&physical);
	unsigned changed = 0;

	memset(page, 0xa5, PAGE);
	if (transfer(bar, EDU_BUFFER, physical, EDU_DMA_CMD_TO_RAM) != 0)
		return 1;
	for (unsigned i = 0; i < PAGE; i++)
		changed += ((volatile unsigned char *)page)[i] != 0xa5;
	printf("edu-dma: %u bytes changed at 0x%llx\n", changed, (unsigned long long)physical);
	return changed != 0;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: edu-dma BDF ADDRESS|own\n");
		return 2;
	}
	if (enable(argv[1]) < 0) {
		fprintf(stderr, "edu-dma: cannot enable %s\n", argv[1]);
		return 1;
	}
	int fd = open_file(argv[1], "resource0");
	if (fd < 0)
		return 1;
	volatile uint8_t *bar = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED) {
		perror("edu-dma: mmap");
		return 1;
	}
	if (strcmp(argv[2], "own") == 0)
		return write_own_page(bar);
	return transfer(bar, strtoull(argv[2], NULL, 0), EDU_BUFFER, 0);
}
