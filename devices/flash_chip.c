/* SPDX-License-Identifier: Apache-2.0 */
#include "flash_chip.h"

#include <string.h>

#include "log.h"

void flash_chip_reset(struct flash_chip *chip)
{
	chip->cycle = FLASH_NEXT_COMMAND;
	chip->view = FLASH_VIEW_ARRAY;
	chip->status = FLASH_SR_READY;
	chip->missing = 0;
	chip->started = false;
}

/* --- reads --- */

/* Byte @word of the query structure. The size of a bank that is no power of 2 is rounded up; the region says how many
 * blocks there are. */
static uint8_t cfi_byte(const struct flash_chip *chip, uint64_t word)
{
	const uint64_t chip_size = chip->size / 2;
	const unsigned size = 64u - (unsigned)__builtin_clzll(chip_size - 1);
	const uint32_t blocks = (uint32_t)(chip->size / FLASH_BLOCK_SIZE) - 1;
	const uint32_t block = FLASH_BLOCK_SIZE / 2 / 256;
	const uint8_t table[FLASH_CFI_WORDS] = {
		[FLASH_CFI_QRY] = 'Q',
		[FLASH_CFI_QRY + 1] = 'R',
		[FLASH_CFI_QRY + 2] = 'Y',
		[FLASH_CFI_COMMAND_SET] = FLASH_COMMAND_SET_INTEL,
		[FLASH_CFI_EXTENDED] = FLASH_CFI_PRI,
		[FLASH_CFI_VCC_MIN] = 0x17,
		[FLASH_CFI_VCC_MAX] = 0x20,
		/* Word and buffer program 2^8 us, block erase 2^10 ms, all at most 2^2 times as long. */
		[FLASH_CFI_TIMEOUTS] = 8,
		[FLASH_CFI_TIMEOUTS + 1] = 8,
		[FLASH_CFI_TIMEOUTS + 2] = 10,
		[FLASH_CFI_TIMEOUTS + 4] = 2,
		[FLASH_CFI_TIMEOUTS + 5] = 2,
		[FLASH_CFI_TIMEOUTS + 6] = 2,
		[FLASH_CFI_SIZE] = (uint8_t)size,
		[FLASH_CFI_INTERFACE] = FLASH_INTERFACE_X16,
		[FLASH_CFI_BUFFER] = (uint8_t)__builtin_ctz(FLASH_BUFFER_SIZE / 2),
		[FLASH_CFI_REGIONS] = 1,
		[FLASH_CFI_REGION_BLOCKS] = (uint8_t)blocks,
		[FLASH_CFI_REGION_BLOCKS + 1] = (uint8_t)(blocks >> 8),
		[FLASH_CFI_REGION_SIZE] = (uint8_t)block,
		[FLASH_CFI_REGION_SIZE + 1] = (uint8_t)(block >> 8),
		[FLASH_CFI_PRI] = 'P',
		[FLASH_CFI_PRI + 1] = 'R',
		[FLASH_CFI_PRI + 2] = 'I',
		[FLASH_CFI_PRI + 3] = '1',
		[FLASH_CFI_PRI + 4] = '0',
	};

	return word < FLASH_CFI_WORDS ? table[word] : 0;
}

/* Blocks are never locked. */
static uint8_t id_byte(uint64_t word)
{
	switch (word % (FLASH_BLOCK_SIZE / FLASH_BANK_WIDTH)) {
	case FLASH_ID_MAKER:
		return FLASH_MAKER_INTEL;
	case FLASH_ID_DEVICE:
		return FLASH_DEVICE_SIMPLE;
	default:
		return 0;
	}
}

/* Both chips answer the same; each has the byte in the low half of its 16 bits. */
static uint64_t both_chips(const struct flash_chip *chip, uint64_t word)
{
	uint64_t byte = chip->status;

	if (chip->view == FLASH_VIEW_ID)
		byte = id_byte(word);
	else if (chip->view == FLASH_VIEW_CFI)
		byte = cfi_byte(chip, word);
	return byte | byte << 16;
}

static uint64_t read_bank(const struct flash_chip *chip, uint64_t offset, unsigned size)
{
	uint64_t word = offset / FLASH_BANK_WIDTH, value = 0;

	if (chip->view == FLASH_VIEW_ARRAY) {
		for (unsigned i = 0; i < size; i++)
			value |= (uint64_t)chip->array[offset + i] << (8 * i);
		return value;
	}
	value = (both_chips(chip, word) | both_chips(chip, word + 1) << 32) >> (offset % FLASH_BANK_WIDTH * 8);
	return size == 8 ? value : value & (BIT64(size * 8) - 1);
}

/* --- writes --- */

static void wrong_sequence(struct flash_chip *chip)
{
	chip->status |= FLASH_SR_SEQUENCE;
	chip->cycle = FLASH_NEXT_COMMAND;
	chip->view = FLASH_VIEW_STATUS;
}

/* Programming can only clear bits. What cannot be made durable is taken back. */
static bool program(struct flash_chip *chip, uint64_t offset, const uint8_t *bytes, uint64_t len)
{
	uint8_t old[FLASH_BUFFER_SIZE];

	memcpy(old, chip->array + offset, len);
	for (uint64_t i = 0; i < len; i++)
		chip->array[offset + i] &= bytes[i];
	if (memcmp(old, chip->array + offset, len) == 0 || chip->store(chip->opaque, offset, len) == 0)
		return true;
	memcpy(chip->array + offset, old, len);
	return false;
}

static void program_word(struct flash_chip *chip, const struct bus_access *access)
{
	uint8_t bytes[FLASH_BANK_WIDTH];

	for (unsigned i = 0; i < access->size; i++)
		bytes[i] = (uint8_t)(access->value >> (8 * i));
	if (!program(chip, access->offset, bytes, access->size))
		chip->status |= FLASH_SR_PROGRAM_ERROR;
	chip->cycle = FLASH_NEXT_COMMAND;
}

/* An erase that cannot be made durable leaves the block erased here and as it was in the file: a real one that fails
 * leaves the block undefined. */
static void erase(struct flash_chip *chip, const struct bus_access *access)
{
	uint64_t block = align_down(access->offset, FLASH_BLOCK_SIZE);

	if ((access->value & 0xff) != FLASH_CMD_CONFIRM) {
		wrong_sequence(chip);
		return;
	}
	memset(chip->array + block, 0xff, FLASH_BLOCK_SIZE);
	if (chip->store(chip->opaque, block, FLASH_BLOCK_SIZE) < 0)
		chip->status |= FLASH_SR_ERASE_ERROR;
	chip->cycle = FLASH_NEXT_COMMAND;
}

static void take_count(struct flash_chip *chip, const struct bus_access *access)
{
	uint32_t words = (uint32_t)(access->value & 0xffff) + 1;

	if (words > FLASH_BUFFER_WORDS) {
		wrong_sequence(chip);
		return;
	}
	chip->missing = words;
	chip->started = false;
	memset(chip->buffer, 0xff, sizeof(chip->buffer));
	memset(chip->given, 0, sizeof(chip->given));
	chip->cycle = FLASH_NEXT_DATA;
}

/* All words lie in the buffer's reach from the first one on, and in its block. */
static void take_data(struct flash_chip *chip, const struct bus_access *access)
{
	if (!chip->started) {
		chip->buffer_offset = align_down(access->offset, FLASH_BANK_WIDTH);
		chip->started = true;
	}
	uint64_t at = access->offset - chip->buffer_offset;

	if (access->offset < chip->buffer_offset || at + access->size > FLASH_BUFFER_SIZE ||
	    access->offset / FLASH_BLOCK_SIZE != chip->buffer_offset / FLASH_BLOCK_SIZE) {
		wrong_sequence(chip);
		return;
	}
	for (unsigned i = 0; i < access->size; i++) {
		chip->buffer[at + i] = (uint8_t)(access->value >> (8 * i));
		chip->given[at + i] = 1;
	}
	if (--chip->missing == 0)
		chip->cycle = FLASH_NEXT_CONFIRM;
}

/* Bytes that were not given are all ones in the buffer, which programs nothing. */
static void program_buffer(struct flash_chip *chip, const struct bus_access *access)
{
	uint64_t end = align_down(chip->buffer_offset, FLASH_BLOCK_SIZE) + FLASH_BLOCK_SIZE;
	uint64_t len = FLASH_BUFFER_SIZE;

	if ((access->value & 0xff) != FLASH_CMD_CONFIRM) {
		wrong_sequence(chip);
		return;
	}
	if (len > end - chip->buffer_offset)
		len = end - chip->buffer_offset;
	while (!chip->given[len - 1])
		len--;
	if (!program(chip, chip->buffer_offset, chip->buffer, len))
		chip->status |= FLASH_SR_PROGRAM_ERROR;
	chip->cycle = FLASH_NEXT_COMMAND;
}

/* Locking is accepted and has no effect, as on a bank whose write protection is not wired. */
static void lock(struct flash_chip *chip, const struct bus_access *access)
{
	uint32_t how = access->value & 0xff;

	if (how != FLASH_CMD_CONFIRM && how != FLASH_LOCK_SET && how != FLASH_LOCK_DOWN)
		wrong_sequence(chip);
	chip->cycle = FLASH_NEXT_COMMAND;
}

/* The first cycle of a command: what reads return from now on, and what the next cycle is. */
static const struct {
	uint8_t code;
	enum flash_view view;
	enum flash_cycle next;
} commands[] = {
	{FLASH_CMD_PROGRAM_ALT, FLASH_VIEW_STATUS, FLASH_NEXT_WORD},
	{FLASH_CMD_ERASE, FLASH_VIEW_STATUS, FLASH_NEXT_ERASE},
	{FLASH_CMD_PROGRAM, FLASH_VIEW_STATUS, FLASH_NEXT_WORD},
	{FLASH_CMD_CLEAR_STATUS, FLASH_VIEW_ARRAY, FLASH_NEXT_COMMAND},
	{FLASH_CMD_LOCK, FLASH_VIEW_STATUS, FLASH_NEXT_LOCK},
	{FLASH_CMD_READ_STATUS, FLASH_VIEW_STATUS, FLASH_NEXT_COMMAND},
	{FLASH_CMD_READ_ID, FLASH_VIEW_ID, FLASH_NEXT_COMMAND},
	{FLASH_CMD_READ_CFI, FLASH_VIEW_CFI, FLASH_NEXT_COMMAND},
	/* Nothing is ever under way that could be suspended. */
	{FLASH_CMD_SUSPEND, FLASH_VIEW_STATUS, FLASH_NEXT_COMMAND},
	{FLASH_CMD_CONFIRM, FLASH_VIEW_STATUS, FLASH_NEXT_COMMAND},
	{FLASH_CMD_PROGRAM_BUFFER, FLASH_VIEW_STATUS, FLASH_NEXT_COUNT},
	{FLASH_CMD_READ_ARRAY, FLASH_VIEW_ARRAY, FLASH_NEXT_COMMAND},
};

static void command(struct flash_chip *chip, const struct bus_access *access)
{
	uint8_t code = (uint8_t)access->value;

	for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
		if (commands[i].code != code)
			continue;
		if (code == FLASH_CMD_CLEAR_STATUS)
			chip->status = FLASH_SR_READY;
		else
			chip->view = commands[i].view;
		chip->cycle = commands[i].next;
		return;
	}
	log_guest("flash: %#x is no command of its command set; ignored", code);
	chip->view = FLASH_VIEW_ARRAY;
}

static void write_bank(struct flash_chip *chip, const struct bus_access *access)
{
	switch (chip->cycle) {
	case FLASH_NEXT_COMMAND:
		command(chip, access);
		break;
	case FLASH_NEXT_WORD:
		program_word(chip, access);
		break;
	case FLASH_NEXT_COUNT:
		take_count(chip, access);
		break;
	case FLASH_NEXT_DATA:
		take_data(chip, access);
		break;
	case FLASH_NEXT_CONFIRM:
		program_buffer(chip, access);
		break;
	case FLASH_NEXT_ERASE:
		erase(chip, access);
		break;
	case FLASH_NEXT_LOCK:
		lock(chip, access);
		break;
	}
}

enum bus_verdict flash_chip_access(struct flash_chip *chip, struct bus_access *access)
{
	if (access->offset % access->size || access->offset + access->size > chip->size)
		return BUS_BAD;
	if (!access->is_write) {
		access->value = read_bank(chip, access->offset, access->size);
		return BUS_HANDLED;
	}
	if (access->size > FLASH_BANK_WIDTH)
		return BUS_BAD;
	write_bank(chip, access);
	return BUS_HANDLED;
}
