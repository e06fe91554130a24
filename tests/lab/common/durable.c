// SPDX-License-Identifier: Apache-2.0
/*
 * Writes that must survive the end of the virtual machine:
 *
 *   durable write FILE BLOCKS    overwrite blocks of 4 KiB in a scattered order, each made
 *                                durable and then acknowledged by a line "LAB: durable N"
 *   durable check FILE BLOCKS N  blocks 0 to N in that order must be there and whole
 *
 * A block holds its number and words that follow from it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK  4096u
#define WORDS  (BLOCK / sizeof(uint64_t))
#define STRIDE 37u /* a prime: every place is met once in BLOCKS steps unless it divides BLOCKS */

static void fill(uint64_t *words, uint64_t number)
{
	for (uint64_t i = 0; i < WORDS; i++)
		words[i] = (number + 1) * 0x9e3779b97f4a7c15u ^ i;
}

static off_t place(unsigned long number, unsigned long blocks)
{
	return (off_t)(number * STRIDE % blocks) * BLOCK;
}

static int write_all(int fd, unsigned long blocks)
{
	static uint64_t words[WORDS];

	for (unsigned long n = 0; n < blocks; n++) {
		fill(words, n);
		if (pwrite(fd, words, BLOCK, place(n, blocks)) != BLOCK || fdatasync(fd) != 0) {
			perror("durable: write");
			return 1;
		}
		char line[64];
		int length = snprintf(line, sizeof(line), "LAB: durable %lu\n", n);
		if (write(STDOUT_FILENO, line, (size_t)length) != length)
			return 1;
	}
	return 0;
}

static int check(int fd, unsigned long blocks, unsigned long last)
{
	static uint64_t wanted[WORDS], found[WORDS];

	for (unsigned long n = 0; n <= last; n++) {
		fill(wanted, n);
		if (pread(fd, found, BLOCK, place(n, blocks)) != BLOCK) {
			perror("durable: read");
			return 1;
		}
		if (memcmp(wanted, found, BLOCK) != 0) {
			fprintf(stderr, "durable: block %lu of %lu is lost\n", n, last);
			return 1;
		}
	}
	printf("durable: all of 0 to %lu are there\n", last);
	return 0;
}

int main(int argc, char **argv)
{
	int writing = argc == 4 && strcmp(argv[1], "write") == 0;

	if (!writing && !(argc == 5 && strcmp(argv[1], "check") == 0)) {
		fprintf(stderr, "usage: durable write FILE BLOCKS | durable check FILE BLOCKS N\n");
		return 2;
	}
	int fd = open(argv[2], writing ? O_RDWR : O_RDONLY);
	if (fd < 0) {
		perror(argv[2]);
		return 1;
	}
	unsigned long blocks = strtoul(argv[3], NULL, 0);
	if (blocks == 0 || blocks % STRIDE == 0)
		return 2;
	return writing ? write_all(fd, blocks) : check(fd, blocks, strtoul(argv[4], NULL, 0));
}
