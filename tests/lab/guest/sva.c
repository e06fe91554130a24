/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that shares its address space with the test endpoint (tests/lab/modules/testdev-sva): the device reads and
 * writes memory that is not there yet, that was swapped out, that is shared after a fork, that is gone.
 * Arguments: a block device that may be used as swap; on slow machines how many pages most tests take, and how often
 * the last one measures.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/fs.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define PAGE	     4096u
#define OP_COPY	     3u
#define OP_FILL	     4u
#define KIND_OK	     1u
#define KIND_FAULT   3u
#define PATTERN	     0x1122334455667788ull
#define BENCH_ROUNDS 200u /* at most */

struct desc {
	uint32_t op, pasid;
	uint64_t src, dst, len, operand, status;
	uint32_t vector, cookie;
	uint64_t reserved;
};

static int dev;
static size_t bytes = 64 * PAGE; /* of most areas */
static unsigned failed;

static void verdict(const char *name, bool ok)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	fflush(stdout);
	failed += !ok;
}

/* What became of a request: the kind of its code; *@fault: where. */
static unsigned run(uint32_t op, const void *src, void *dst, uint64_t len, uint64_t operand, uint64_t *fault)
{
	const struct desc d = {.op = op, .src = (uintptr_t)src, .dst = (uintptr_t)dst, .len = len, .operand = operand};
	uint64_t result[2] = {0, 0};

	if (write(dev, &d, sizeof(d)) != sizeof(d)) {
		printf("  request: %s\n", strerror(errno));
		return 0;
	}
	if (read(dev, result, sizeof(result)) != sizeof(result))
		return 0;
	if (fault)
		*fault = result[1];
	return result[0] & 0xff;
}

static void *memory(size_t len, int prot)
{
	void *p = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(EXIT_FAILURE);
	}
	return p;
}

static bool holds(const void *p, size_t len, uint64_t value)
{
	const uint64_t *words = p;

	for (size_t i = 0; i < len / 8; i++)
		if (words[i] != value)
			return false;
	return true;
}

/* Entries of /proc/self/pagemap: bit 63 present, 62 swapped. */
static unsigned pages_with(const void *p, size_t len, unsigned bit)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	unsigned n = 0;

	for (size_t i = 0; i < len / PAGE; i++) {
		uint64_t entry = 0;

		if (pread(fd, &entry, 8, (off_t)(((uintptr_t)p / PAGE + i) * 8)) == 8)
			n += entry >> bit & 1;
	}
	close(fd);
	return n;
}

static void untouched(void)
{
	char *to = memory(bytes, PROT_READ | PROT_WRITE), *from = memory(bytes, PROT_READ | PROT_WRITE);

	verdict("write-untouched", pages_with(to, bytes, 63) == 0 &&
					   run(OP_FILL, NULL, to, bytes, PATTERN, NULL) == KIND_OK &&
					   holds(to, bytes, PATTERN));
	verdict("read-untouched", pages_with(from, bytes, 63) == 0 &&
					  run(OP_COPY, from, to, bytes, 0, NULL) == KIND_OK && holds(to, bytes, 0));
	munmap(to, bytes);
	munmap(from, bytes);
}

static bool make_swap(const char *path)
{
	static union {
		uint8_t bytes[PAGE];
		struct {
			uint8_t boot[1024];
			uint32_t version, last_page, bad_pages;
		} info;
	} head;
	uint64_t size = 0;
	int fd = open(path, O_RDWR);

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) < 0)
		return false;
	head.info.version = 1;
	head.info.last_page = (uint32_t)(size / PAGE) - 1;
	memcpy(head.bytes + PAGE - 10, "SWAPSPACE2", 10);
	if (write(fd, &head, sizeof(head)) != sizeof(head) || fsync(fd) < 0)
		return false;
	close(fd);
	return swapon(path, 0) == 0;
}

static void swapped(const char *path)
{
	char *from = memory(bytes, PROT_READ | PROT_WRITE), *to = memory(bytes, PROT_READ | PROT_WRITE);
	unsigned out;

	if (!make_swap(path)) {
		printf("  swap on %s: %s\n", path, strerror(errno));
		verdict("swap", false);
		return;
	}
	for (size_t i = 0; i < bytes / 8; i++)
		((uint64_t *)from)[i] = i;
	madvise(from, bytes, MADV_PAGEOUT);
	out = pages_with(from, bytes, 62);
	printf("  %u of %u pages are swapped out\n", out, (unsigned)(bytes / PAGE));
	verdict("read-swapped",
		out > 0 && run(OP_COPY, from, to, bytes, 0, NULL) == KIND_OK && !memcmp(from, to, bytes));
	madvise(from, bytes, MADV_PAGEOUT);
	out = pages_with(from, bytes, 62);
	verdict("write-swapped", out > 0 && run(OP_FILL, NULL, from, PAGE, PATTERN, NULL) == KIND_OK &&
					 holds(from, PAGE, PATTERN) && ((uint64_t *)from)[PAGE / 8] == PAGE / 8);
	swapoff(path);
}

static void gone(void)
{
	char *p = memory(4 * PAGE, PROT_READ | PROT_WRITE), *ro = memory(PAGE, PROT_READ);
	uint64_t fault = 0;

	memset(p, 1, 4 * PAGE);
	verdict("before-unmap", run(OP_FILL, NULL, p, 4 * PAGE, PATTERN, NULL) == KIND_OK);
	munmap(p + 2 * PAGE, PAGE);
	verdict("write-unmapped", run(OP_FILL, NULL, p, 4 * PAGE, 0, &fault) == KIND_FAULT &&
					  fault == (uintptr_t)p + 2 * PAGE && holds(p, 2 * PAGE, 0) &&
					  holds(p + 3 * PAGE, PAGE, PATTERN));
	verdict("write-read-only", run(OP_FILL, NULL, ro, PAGE, 0, &fault) == KIND_FAULT && fault == (uintptr_t)ro);
	mprotect(p, PAGE, PROT_READ);
	verdict("write-made-read-only", run(OP_FILL, NULL, p, PAGE, PATTERN, NULL) == KIND_FAULT && holds(p, PAGE, 0));
	munmap(p, 4 * PAGE);
}

/* Pages are shared with the child until somebody writes; the device is such a somebody. */
static void forked(void)
{
	char *p = memory(2 * PAGE, PROT_READ | PROT_WRITE);
	int go[2], status = -1;
	pid_t child;
	char byte;

	memset(p, 7, 2 * PAGE);
	if (pipe(go) < 0)
		return;
	child = fork();
	if (child == 0) {
		bool ok = read(go[0], &byte, 1) == 1;

		for (size_t i = 0; i < 2 * PAGE; i++)
			ok = ok && p[i] == 7;
		_exit(ok ? 0 : 1);
	}
	verdict("write-after-fork", run(OP_FILL, NULL, p, PAGE, PATTERN, NULL) == KIND_OK && holds(p, PAGE, PATTERN));
	if (write(go[1], "", 1) != 1)
		return;
	waitpid(child, &status, 0);
	verdict("child-keeps-its-page", status == 0);
	munmap(p, 2 * PAGE);
}

/* A child with a bond of its own, killed: its address space goes with no access under way. */
static void ended(const char *path)
{
	char *p = memory(bytes, PROT_READ | PROT_WRITE);
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		dev = open(path, O_RDWR);
		for (;;)
			if (run(OP_FILL, NULL, memory(bytes, PROT_READ | PROT_WRITE), bytes, 1, NULL) != KIND_OK)
				_exit(1);
	}
	usleep(300000);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	verdict("killed", WIFSIGNALED(status) && run(OP_FILL, NULL, p, bytes, PATTERN, NULL) == KIND_OK &&
				  holds(p, bytes, PATTERN));
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* One access to a page that is not there, and to one that is. */
static void bench(unsigned rounds)
{
	static uint64_t with[BENCH_ROUNDS], without[BENCH_ROUNDS];

	for (unsigned i = 0; i < rounds; i++) {
		char *p = memory(PAGE, PROT_READ | PROT_WRITE);
		uint64_t begin = now();

		run(OP_FILL, NULL, p, 64, PATTERN, NULL);
		with[i] = now() - begin;
		begin = now();
		run(OP_FILL, NULL, p, 64, PATTERN, NULL);
		without[i] = now() - begin;
		munmap(p, PAGE);
	}
	qsort(with, rounds, sizeof(with[0]), ascending);
	qsort(without, rounds, sizeof(without[0]), ascending);
	printf("LAB: bench sva: median %llu ns with a fault, %llu ns without; 99%% %llu ns, %llu ns\n",
	       (unsigned long long)with[rounds / 2], (unsigned long long)without[rounds / 2],
	       (unsigned long long)with[rounds * 99 / 100], (unsigned long long)without[rounds * 99 / 100]);
}

int main(int argc, char **argv)
{
	static const char path[] = "/dev/testdev-sva";
	unsigned rounds = BENCH_ROUNDS;

	dev = open(path, O_RDWR);
	if (argc == 4) {
		bytes = strtoul(argv[2], NULL, 10) * PAGE;
		rounds = (unsigned)strtoul(argv[3], NULL, 10);
	}
	if ((argc != 2 && argc != 4) || dev < 0 || !bytes || !rounds || rounds > BENCH_ROUNDS) {
		fprintf(stderr, "sva: %s: %s\n", path, strerror(errno));
		return EXIT_FAILURE;
	}
	untouched();
	swapped(argv[1]);
	gone();
	forked();
	ended(path);
	bench(rounds);
	printf("sva: %u failed\n", failed);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
