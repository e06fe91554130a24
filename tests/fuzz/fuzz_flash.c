/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bank of flash under any sequence of accesses. Input: records of u8 (write, size, where), u16 offset, u32 value.
 * What is held to be durable is what the array holds whenever no store has failed, and a program never sets a bit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flash_chip.h"
#include "log.h"

#define SIZE	    (2u * FLASH_BLOCK_SIZE)
#define RECORD	    7u
#define MAX_RECORDS 512u

static uint8_t array[SIZE], file[SIZE], before[SIZE];
static bool failing, failed;

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

static int store(void *opaque, uint64_t offset, uint64_t len)
{
	must(len > 0 && offset < SIZE && len <= SIZE - offset);
	if (failing) {
		failed = true;
		return -EIO;
	}
	memcpy(file + offset, array + offset, len);
	return 0;
}

/* Near the start, the border of the blocks and the end is where it matters. */
static uint64_t place(uint8_t kind, uint16_t offset)
{
	static const uint32_t bases[] = {0, FLASH_BLOCK_SIZE - 0x100, SIZE - 0x200, 0x8000};

	return bases[kind >> 3 & 3] + (offset & 0x3ff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flash_chip chip = {.array = array, .size = SIZE, .store = store};

	log_set_sink(quiet, NULL);
	memset(array, 0xff, SIZE);
	memset(file, 0xff, SIZE);
	failing = failed = false;
	flash_chip_reset(&chip);
	for (unsigned n = 0; size >= RECORD && n < MAX_RECORDS; n++, data += RECORD, size -= RECORD) {
		struct bus_access access = {
			.offset = place(data[0], (uint16_t)(data[1] | data[2] << 8)),
			.value = data[3] | (uint64_t)data[4] << 8 | (uint64_t)data[5] << 16 | (uint64_t)data[6] << 24,
			.size = (uint8_t)(1u << (data[0] >> 1 & 3)),
			.is_write = data[0] & 1,
		};
		bool erases = chip.cycle == FLASH_NEXT_ERASE;

		failing = data[0] >> 6 == 3;
		if (!erases)
			memcpy(before, array, SIZE);
		flash_chip_access(&chip, &access);
		for (unsigned i = 0; !erases && memcmp(before, array, SIZE) != 0 && i < SIZE; i++)
			must((array[i] & ~before[i]) == 0);
		must(chip.status & FLASH_SR_READY);
		must(chip.missing <= FLASH_BUFFER_WORDS);
		if (!failed)
			must(memcmp(array, file, SIZE) == 0);
	}
	return 0;
}
