/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bank of NOR flash does with reads and writes: the state machine of its commands. It knows neither the bus nor
 * files, so it is tested and fuzzed alone. Commands end as soon as they are given: the status is always "ready".
 */
#ifndef AERIE_FLASH_CHIP_H
#define AERIE_FLASH_CHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "flash_regs.h"

/* What the next write is: a command, or the next cycle of one. */
enum flash_cycle {
	FLASH_NEXT_COMMAND,
	FLASH_NEXT_WORD,    /* data of a program */
	FLASH_NEXT_COUNT,   /* words of a buffered program */
	FLASH_NEXT_DATA,    /* words for the buffer */
	FLASH_NEXT_CONFIRM, /* of the buffer */
	FLASH_NEXT_ERASE,   /* confirmation of an erase */
	FLASH_NEXT_LOCK,
};

/* What reads return. */
enum flash_view {
	FLASH_VIEW_ARRAY,
	FLASH_VIEW_STATUS,
	FLASH_VIEW_ID,
	FLASH_VIEW_CFI,
};

/** Makes bytes [@offset, @offset + @len) of the array durable, which hold what a command has made of them. 0 or -errno
 *  (logged). */
typedef int (*flash_store)(void *opaque, uint64_t offset, uint64_t len);

/* Guarded by the device lock. */
struct flash_chip {
	uint8_t *array; /* borrowed */
	uint64_t size;	/* bytes, a multiple of FLASH_BLOCK_SIZE */
	flash_store store;
	void *opaque;

	enum flash_cycle cycle;
	enum flash_view view;
	uint32_t status; /* FLASH_SR_* */

	/* The buffer of a buffered program: where its first word goes, how many are missing, which bytes are there. */
	uint64_t buffer_offset;
	uint32_t missing;
	uint8_t buffer[FLASH_BUFFER_SIZE];
	uint8_t given[FLASH_BUFFER_SIZE]; /* 1: that byte is programmed */
	bool started;			  /* buffer_offset is valid */
};

/** Power-on state; the array keeps what it holds. */
void flash_chip_reset(struct flash_chip *chip);

/** One access to the bank. BUS_BAD: not aligned, or a write of more than a word. The offset lies inside the bank. */
enum bus_verdict flash_chip_access(struct flash_chip *chip, struct bus_access *access);

#endif
