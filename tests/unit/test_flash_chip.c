/* SPDX-License-Identifier: Apache-2.0 */
/* The command set of the flash, sequence by sequence, as firmware and Linux' cfi_cmdset_0001 use it. */
#include <errno.h>
#include <string.h>

#include "flash_chip.h"
#include "run_suite.h"

#define SIZE	(3u * FLASH_BLOCK_SIZE)
#define BOTH(x) ((uint32_t)(x) << 16 | (uint32_t)(x))
#define READY	BOTH(FLASH_SR_READY)

static uint8_t array[SIZE], file[SIZE];
static struct flash_chip chip;
static int store_err;
static unsigned stores;

static int store(void *opaque, uint64_t offset, uint64_t len)
{
	ck_assert_ptr_eq(opaque, &chip);
	ck_assert_uint_le(offset + len, SIZE);
	stores++;
	if (store_err)
		return store_err;
	memcpy(file + offset, array + offset, len);
	return 0;
}

static void setup(void)
{
	memset(array, 0xff, SIZE);
	memset(file, 0xff, SIZE);
	store_err = 0;
	stores = 0;
	chip = (struct flash_chip){.array = array, .size = SIZE, .store = store, .opaque = &chip};
	flash_chip_reset(&chip);
}

static enum bus_verdict access(bool is_write, uint64_t offset, uint8_t size, uint64_t *value)
{
	struct bus_access a = {.offset = offset, .size = size, .value = *value, .is_write = is_write};
	enum bus_verdict verdict = flash_chip_access(&chip, &a);

	*value = a.value;
	return verdict;
}

static void wr(uint64_t offset, uint32_t value)
{
	uint64_t v = value;

	ck_assert_int_eq(access(true, offset, 4, &v), BUS_HANDLED);
}

static void cmd(uint64_t offset, uint8_t code)
{
	wr(offset, BOTH(code));
}

static uint32_t rd(uint64_t offset)
{
	uint64_t v = 0;

	ck_assert_int_eq(access(false, offset, 4, &v), BUS_HANDLED);
	return (uint32_t)v;
}

/* The status, which is left as it was found; then back to the array. */
static uint32_t status(void)
{
	cmd(0, FLASH_CMD_READ_STATUS);
	uint32_t value = rd(0);
	cmd(0, FLASH_CMD_CLEAR_STATUS);
	cmd(0, FLASH_CMD_READ_ARRAY);
	return value;
}

static bool all_are(const uint8_t *bytes, size_t len, uint8_t value)
{
	return bytes[0] == value && memcmp(bytes, bytes + 1, len - 1) == 0;
}

START_TEST(reads_array)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 16; i++)
		array[i] = (uint8_t)(i + 1);
	ck_assert_uint_eq(rd(0), 0x04030201);
	ck_assert_int_eq(access(false, 8, 8, &v), BUS_HANDLED);
	ck_assert_uint_eq(v, UINT64_C(0x100f0e0d0c0b0a09));
	ck_assert_int_eq(access(false, 3, 1, &v), BUS_HANDLED);
	ck_assert_uint_eq(v, 4);
	ck_assert_int_eq(access(false, SIZE - 8, 8, &v), BUS_HANDLED);
}
END_TEST

START_TEST(refuses_sizes)
{
	uint64_t v = 0;

	ck_assert_int_eq(access(false, 2, 4, &v), BUS_BAD);
	ck_assert_int_eq(access(false, SIZE, 4, &v), BUS_BAD);
	ck_assert_int_eq(access(true, 0, 8, &v), BUS_BAD);
	ck_assert_int_eq(access(true, 1, 2, &v), BUS_BAD);
}
END_TEST

/* EDK2's NorFlashWriteSingleWord(). */
START_TEST(programs_words)
{
	cmd(0x100, FLASH_CMD_PROGRAM);
	wr(0x100, 0x12345678);
	ck_assert_uint_eq(status(), READY);
	ck_assert_uint_eq(rd(0x100), 0x12345678);
	ck_assert_mem_eq(array, file, SIZE);
	/* Bits only go from 1 to 0. */
	cmd(0x100, FLASH_CMD_PROGRAM_ALT);
	wr(0x100, 0xff00ff0f);
	ck_assert_uint_eq(status(), READY);
	ck_assert_uint_eq(rd(0x100), 0x12005608);
	ck_assert_uint_eq(stores, 2);
	/* What changes nothing is not written. */
	cmd(0x100, FLASH_CMD_PROGRAM);
	wr(0x100, 0xffffffff);
	ck_assert_uint_eq(status(), READY);
	ck_assert_uint_eq(stores, 2);
}
END_TEST

START_TEST(programs_a_byte)
{
	uint64_t v = 0x5a;

	cmd(0, FLASH_CMD_PROGRAM);
	ck_assert_int_eq(access(true, 5, 1, &v), BUS_HANDLED);
	ck_assert_uint_eq(status(), READY);
	ck_assert_uint_eq(rd(4), 0xffff5aff);
}
END_TEST

/* EDK2's NorFlashEraseSingleBlock(): exactly one block. */
START_TEST(erases_a_block)
{
	memset(array, 0, SIZE);
	memset(file, 0, SIZE);
	cmd(FLASH_BLOCK_SIZE + 0x1000, FLASH_CMD_ERASE);
	cmd(FLASH_BLOCK_SIZE + 0x1000, FLASH_CMD_CONFIRM);
	ck_assert_uint_eq(rd(0), READY);
	ck_assert_uint_eq(status(), READY);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(all_are(array + i * FLASH_BLOCK_SIZE, FLASH_BLOCK_SIZE, i == 1 ? 0xff : 0));
	ck_assert_mem_eq(array, file, SIZE);
}
END_TEST

START_TEST(erase_wants_confirmation)
{
	memset(array, 0, SIZE);
	cmd(0, FLASH_CMD_ERASE);
	cmd(0, FLASH_CMD_READ_ARRAY);
	ck_assert_uint_eq(status(), BOTH(FLASH_SR_READY | FLASH_SR_SEQUENCE));
	ck_assert_uint_eq(array[0], 0);
	ck_assert_uint_eq(status(), READY); /* cleared */
}
END_TEST

/* EDK2's NorFlashWriteBuffer(): the status is asked between set-up and count. */
static void buffer(uint64_t offset, unsigned words)
{
	cmd(offset, FLASH_CMD_PROGRAM_BUFFER);
	ck_assert_uint_eq(rd(offset), READY);
	wr(offset, BOTH(words - 1));
	for (unsigned i = 0; i < words; i++)
		wr(offset + 4 * i, 0xa0000000 + i);
	cmd(0, FLASH_CMD_CONFIRM);
}

START_TEST(programs_buffers)
{
	buffer(0x2000, FLASH_BUFFER_WORDS);
	ck_assert_uint_eq(status(), READY);
	for (unsigned i = 0; i < FLASH_BUFFER_WORDS; i++)
		ck_assert_uint_eq(rd(0x2000 + 4 * i), 0xa0000000 + i);
	ck_assert_uint_eq(rd(0x2000 + FLASH_BUFFER_SIZE), 0xffffffff);
	ck_assert_uint_eq(stores, 1);
	buffer(SIZE - 8, 2); /* the end of the bank */
	ck_assert_uint_eq(status(), READY);
	ck_assert_uint_eq(rd(SIZE - 4), 0xa0000001);
	ck_assert_mem_eq(array, file, SIZE);
}
END_TEST

START_TEST(bad_buffers)
{
	/* Too many words. */
	cmd(0, FLASH_CMD_PROGRAM_BUFFER);
	wr(0, BOTH(FLASH_BUFFER_WORDS));
	ck_assert_uint_eq(status(), BOTH(FLASH_SR_READY | FLASH_SR_SEQUENCE));
	/* A word that the buffer does not reach, and one before the first. */
	for (unsigned i = 0; i < 2; i++) {
		cmd(0x1000, FLASH_CMD_PROGRAM_BUFFER);
		wr(0x1000, BOTH(3));
		wr(0x1000, 0);
		wr(i ? 0xffc : 0x1000 + FLASH_BUFFER_SIZE, 0);
		ck_assert_uint_eq(status(), BOTH(FLASH_SR_READY | FLASH_SR_SEQUENCE));
	}
	/* Into the next block. */
	cmd(0, FLASH_CMD_PROGRAM_BUFFER);
	wr(0, BOTH(1));
	wr(FLASH_BLOCK_SIZE - 4, 0);
	wr(FLASH_BLOCK_SIZE, 0);
	ck_assert_uint_eq(status(), BOTH(FLASH_SR_READY | FLASH_SR_SEQUENCE));
	/* No confirmation. */
	cmd(0, FLASH_CMD_PROGRAM_BUFFER);
	wr(0, BOTH(0));
	wr(0, 0);
	cmd(0, FLASH_CMD_READ_STATUS);
	ck_assert_uint_eq(status(), BOTH(FLASH_SR_READY | FLASH_SR_SEQUENCE));
	ck_assert(all_are(array, SIZE, 0xff));
	ck_assert_uint_eq(stores, 0);
}
END_TEST

START_TEST(store_fails)
{
	store_err = -ENOSPC;
	cmd(0, FLASH_CMD_PROGRAM);
	wr(0, 0);
	ck_assert_uint_eq(status(), BOTH(FLASH_SR_READY | FLASH_SR_PROGRAM_ERROR));
	ck_assert_uint_eq(rd(0), 0xffffffff);
	buffer(0, 4);
	ck_assert_uint_eq(status(), BOTH(FLASH_SR_READY | FLASH_SR_PROGRAM_ERROR));
	ck_assert_uint_eq(rd(4), 0xffffffff);
	cmd(0, FLASH_CMD_ERASE);
	cmd(0, FLASH_CMD_CONFIRM);
	ck_assert_uint_eq(status(), BOTH(FLASH_SR_READY | FLASH_SR_ERASE_ERROR));
}
END_TEST

/* EDK2 asks whether a block is locked, and unlocks it; Linux locks. */
START_TEST(locks)
{
	cmd(FLASH_BLOCK_SIZE, FLASH_CMD_READ_ID);
	ck_assert_uint_eq(rd(FLASH_BLOCK_SIZE + 4 * FLASH_ID_LOCK), 0);
	ck_assert_uint_eq(rd(4 * FLASH_ID_MAKER), BOTH(FLASH_MAKER_INTEL));
	ck_assert_uint_eq(rd(4 * FLASH_ID_DEVICE), BOTH(FLASH_DEVICE_SIMPLE));
	static const uint8_t second[] = {FLASH_CMD_CONFIRM, FLASH_LOCK_SET, FLASH_LOCK_DOWN};
	for (unsigned i = 0; i < sizeof(second); i++) {
		cmd(0, FLASH_CMD_LOCK);
		cmd(0, second[i]);
		ck_assert_uint_eq(status(), READY);
	}
	cmd(0, FLASH_CMD_LOCK);
	cmd(0, 0x55);
	ck_assert_uint_eq(status(), BOTH(FLASH_SR_READY | FLASH_SR_SEQUENCE));
}
END_TEST

static uint32_t cfi(unsigned word)
{
	uint32_t value = rd(4 * word);

	ck_assert_uint_eq(value >> 16, value & 0xffff); /* both chips */
	return value & 0xff;
}

/* The query tells the truth about the bank: Linux' cfi_probe reads sizes from it. */
START_TEST(query)
{
	cmd(4 * 0x55, FLASH_CMD_READ_CFI);
	ck_assert_uint_eq(cfi(FLASH_CFI_QRY), 'Q');
	ck_assert_uint_eq(cfi(FLASH_CFI_QRY + 1), 'R');
	ck_assert_uint_eq(cfi(FLASH_CFI_QRY + 2), 'Y');
	ck_assert_uint_eq(cfi(FLASH_CFI_COMMAND_SET), FLASH_COMMAND_SET_INTEL);
	ck_assert_uint_eq(cfi(cfi(FLASH_CFI_EXTENDED)), 'P');
	ck_assert_uint_eq(1u << cfi(FLASH_CFI_SIZE), 512u << 10); /* 384 KiB a chip, rounded up */
	ck_assert_uint_eq(2u << cfi(FLASH_CFI_BUFFER), FLASH_BUFFER_SIZE);
	ck_assert_uint_eq(cfi(FLASH_CFI_REGION_BLOCKS) + 1, SIZE / FLASH_BLOCK_SIZE);
	ck_assert_uint_eq((cfi(FLASH_CFI_REGION_SIZE) | cfi(FLASH_CFI_REGION_SIZE + 1) << 8) * 256 * 2,
			  FLASH_BLOCK_SIZE);
	ck_assert_uint_eq(cfi(FLASH_CFI_WORDS), 0);
	ck_assert_uint_eq(rd(SIZE - 4), 0);
	/* Narrow reads see the byte lanes of the words. */
	uint64_t v = 0;
	ck_assert_int_eq(access(false, 4 * FLASH_CFI_QRY + 2, 2, &v), BUS_HANDLED);
	ck_assert_uint_eq(v, 'Q');
	ck_assert_int_eq(access(false, 4 * FLASH_CFI_QRY, 8, &v), BUS_HANDLED);
	ck_assert_uint_eq(v, (uint64_t)BOTH('R') << 32 | BOTH('Q'));
	cmd(0, FLASH_CMD_READ_ARRAY);
	ck_assert_uint_eq(rd(4 * FLASH_CFI_QRY), 0xffffffff);
}
END_TEST

START_TEST(unknown_and_reset)
{
	cmd(0, 0x33); /* no command */
	ck_assert_uint_eq(rd(0), 0xffffffff);
	cmd(0, FLASH_CMD_SUSPEND);
	ck_assert_uint_eq(rd(0), READY);
	cmd(0, FLASH_CMD_ERASE);
	flash_chip_reset(&chip);
	ck_assert_uint_eq(rd(0), 0xffffffff);
	cmd(0, FLASH_CMD_CONFIRM); /* of nothing */
	ck_assert_uint_eq(status(), READY);
	ck_assert_uint_eq(stores, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flash_chip");
	TCase *t = tcase_create("commands");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, reads_array);
	tcase_add_test(t, refuses_sizes);
	tcase_add_test(t, programs_words);
	tcase_add_test(t, programs_a_byte);
	tcase_add_test(t, erases_a_block);
	tcase_add_test(t, erase_wants_confirmation);
	tcase_add_test(t, programs_buffers);
	tcase_add_test(t, bad_buffers);
	tcase_add_test(t, store_fails);
	tcase_add_test(t, locks);
	tcase_add_test(t, query);
	tcase_add_test(t, unknown_and_reset);
	suite_add_tcase(s, t);
	return run_suite(s);
}
