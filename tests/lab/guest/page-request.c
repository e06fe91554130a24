/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the test endpoint send page requests below Linux' SMMUv3 driver, which denies them: each is answered, an access
 * that asked for its page fails, and nothing waits. Argument: the endpoint, as 0000:01:00.0.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* docs/test-endpoint.md */
#define PREQ_ADDR   0x0c0
#define PREQ_FLAGS  0x0c8
#define PREQ_PRGI   0x0d0
#define PREQ_GO	    0x0d4
#define PREQ_SENT   0x0d8
#define PRESP_COUNT 0x0e0
#define PRESP_LAST  0x0e4
#define READ_LAST   (1u | 16u)
#define CHANNEL	    0x400
#define CH_STATUS   (CHANNEL + 0x04)
#define CH_GO	    (CHANNEL + 0x20)
#define CH_CODE	    (CHANNEL + 0x24)
#define CH_DESC	    (CHANNEL + 0x80)
#define OP_FILL	    4u
#define KIND_FAULT  3u
#define FAILURE	    0xf
/* Its configuration space */
#define COMMAND	    0x04
#define ATS_CONTROL 0x206
#define PRI_CONTROL 0x214
#define PRI_STATUS  0x216
#define PRI_ALLOC   0x21c

#define REQUESTS 50u
#define NOWHERE	 0xdead0000ull

static volatile uint8_t *regs;
static int config;
static unsigned failed;

/* Out of line, as stores with write-back cannot be emulated. */
static __attribute__((noinline)) uint32_t get(unsigned at)
{
	return *(volatile uint32_t *)(regs + at);
}

static __attribute__((noinline)) void set(unsigned at, uint32_t value)
{
	*(volatile uint32_t *)(regs + at) = value;
}

static void set64(unsigned at, uint64_t value)
{
	set(at, (uint32_t)value);
	set(at + 4, (uint32_t)(value >> 32));
}

static uint16_t config_get(unsigned at)
{
	uint16_t value = 0;

	return pread(config, &value, sizeof(value), at) == sizeof(value) ? value : 0;
}

static void config_set(unsigned at, uint32_t value, size_t size)
{
	if (pwrite(config, &value, size, at) != (ssize_t)size)
		printf("  configuration space 0x%x: %s\n", at, strerror(errno));
}

static void verdict(const char *name, bool ok)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	failed += !ok;
}

/* Two seconds for a register to become what it should be. */
static bool becomes(unsigned at, uint32_t mask, uint32_t value)
{
	for (unsigned i = 0; i < 2000; i++) {
		if ((get(at) & mask) == value)
			return true;
		usleep(1000);
	}
	return false;
}

static bool open_endpoint(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable", name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "1", 1) != 1)
		return false;
	close(fd);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", name);
	config = open(path, O_RDWR);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", name);
	fd = open(path, O_RDWR | O_SYNC);
	if (config < 0 || fd < 0)
		return false;
	regs = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	config_set(COMMAND, config_get(COMMAND) | 6, 2);
	return regs != MAP_FAILED;
}

/* 10.5.2.3: after a Response Failure the function asks no more until software has seen it. */
static bool denied(unsigned n)
{
	set(PREQ_PRGI, n);
	set(PREQ_FLAGS, READ_LAST);
	set(PREQ_GO, 1);
	if (!becomes(PRESP_COUNT, UINT32_MAX, n + 1))
		return false;
	bool failure = (get(PRESP_LAST) >> 12 & 0xf) == FAILURE && (config_get(PRI_STATUS) & 1);

	config_set(PRI_STATUS, 1, 2);
	return failure;
}

static bool access_fails(void)
{
	const uint64_t desc[8] = {OP_FILL, 0, NOWHERE, 8, 1, 0, 0, 0};

	for (unsigned i = 0; i < 8; i++)
		set64(CH_DESC + 8 * i, desc[i]);
	set(CH_GO, 1);
	return becomes(CH_STATUS, 1, 0) && (get(CH_CODE) & 0xff) == KIND_FAULT;
}

int main(int argc, char **argv)
{
	unsigned answered = 0;

	if (argc != 2 || !open_endpoint(argv[1])) {
		printf("FAIL open: %s\n", strerror(errno));
		return 1;
	}
	verdict("ATS is enabled by the kernel", config_get(ATS_CONTROL) & 0x8000);
	config_set(PRI_ALLOC, 8, 4);
	config_set(PRI_CONTROL, 1, 2);
	set64(PREQ_ADDR, NOWHERE);
	while (answered < REQUESTS && denied(answered))
		answered++;
	verdict("every page request is denied", answered == REQUESTS);
	verdict("an access that asks for its page fails", access_fails());
	verdict("each was answered once", get(PREQ_SENT) == REQUESTS + 1 && get(PRESP_COUNT) == REQUESTS + 1);
	printf("page-request: %u failed\n", failed);
	return failed != 0;
}
