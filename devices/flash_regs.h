/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parallel NOR flash with the Intel command set (JEDEC JEP137 command set 0001h, JESD68 Common Flash Interface; the
 * commands and bits are those of the Intel StrataFlash P30 data sheet). A bank is two chips with a 16-bit bus side by
 * side: each 32-bit word of the bank holds one word of each chip, and a command is written to both at once.
 */
#ifndef AERIE_FLASH_REGS_H
#define AERIE_FLASH_REGS_H

#include "bits.h"

#define FLASH_BANK_WIDTH   4u		/* bytes of one word of the bank, both chips */
#define FLASH_BLOCK_SIZE   (256u << 10) /* bytes that are erased at once, both chips */
#define FLASH_BUFFER_WORDS 32u		/* words of the bank that one buffered program takes */
#define FLASH_BUFFER_SIZE  (FLASH_BUFFER_WORDS * FLASH_BANK_WIDTH)

/* Commands (P30 data sheet, command codes). */
#define FLASH_CMD_PROGRAM_ALT	 0x10u
#define FLASH_CMD_ERASE		 0x20u
#define FLASH_CMD_PROGRAM	 0x40u
#define FLASH_CMD_CLEAR_STATUS	 0x50u
#define FLASH_CMD_LOCK		 0x60u
#define FLASH_CMD_READ_STATUS	 0x70u
#define FLASH_CMD_READ_ID	 0x90u
#define FLASH_CMD_READ_CFI	 0x98u
#define FLASH_CMD_SUSPEND	 0xb0u
#define FLASH_CMD_CONFIRM	 0xd0u /* also: resume, unlock a block */
#define FLASH_CMD_PROGRAM_BUFFER 0xe8u
#define FLASH_CMD_READ_ARRAY	 0xffu

/* Second cycles of FLASH_CMD_LOCK beside FLASH_CMD_CONFIRM. */
#define FLASH_LOCK_SET	0x01u
#define FLASH_LOCK_DOWN 0x2fu

/* Status register of each chip (SR). */
#define FLASH_SR_PROGRAM_ERROR BIT32(4)
#define FLASH_SR_ERASE_ERROR   BIT32(5)
#define FLASH_SR_READY	       BIT32(7)
#define FLASH_SR_SEQUENCE      (FLASH_SR_PROGRAM_ERROR | FLASH_SR_ERASE_ERROR) /* both: wrong sequence of commands */

/* Identifier codes, by word of a chip. */
#define FLASH_ID_MAKER	    0u
#define FLASH_ID_DEVICE	    1u
#define FLASH_ID_LOCK	    2u /* of the block: bit 0 locked, bit 1 locked down */
#define FLASH_MAKER_INTEL   0x89u
#define FLASH_DEVICE_SIMPLE 0x18u

/* CFI query structure, by word of a chip (JESD68, 4.3); multi-byte fields are little-endian, a byte in each word. */
#define FLASH_CFI_QRY		0x10u /* "QRY" */
#define FLASH_CFI_COMMAND_SET	0x13u
#define FLASH_CFI_EXTENDED	0x15u /* word of the extended table */
#define FLASH_CFI_VCC_MIN	0x1bu /* BCD: 100 mV in the low nibble */
#define FLASH_CFI_VCC_MAX	0x1cu
#define FLASH_CFI_TIMEOUTS	0x1fu /* 2^n us, 2^n ms; and how many times longer at most */
#define FLASH_CFI_SIZE		0x27u /* of one chip: 2^n bytes */
#define FLASH_CFI_INTERFACE	0x28u
#define FLASH_CFI_BUFFER	0x2au /* of one chip: 2^n bytes */
#define FLASH_CFI_REGIONS	0x2cu
#define FLASH_CFI_REGION_BLOCKS 0x2du /* blocks minus 1 */
#define FLASH_CFI_REGION_SIZE	0x2fu /* of one block of one chip, in 256 bytes */
#define FLASH_CFI_PRI		0x31u /* extended table: "PRI1.0" and features, of which there are none */
#define FLASH_CFI_WORDS		0x40u

#define FLASH_COMMAND_SET_INTEL 0x0001u
#define FLASH_INTERFACE_X16	0x0001u

#endif
