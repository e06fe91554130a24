/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The firmware configuration device of QEMU's machines, in its memory-mapped form: QEMU docs/specs/fw_cfg, Linux
 * Documentation/devicetree/bindings/firmware/qemu,fw-cfg-mmio.yaml. All numbers of the interface are big-endian, those
 * in items little-endian, but for the directory.
 */
#ifndef AERIE_FW_CFG_REGS_H
#define AERIE_FW_CFG_REGS_H

#include <stdint.h>

#include "bits.h"

#define FW_CFG_REG_DATA	    0x00u /* 8 bytes: the next ones of the item, in the order of memory */
#define FW_CFG_REG_SELECTOR 0x08u /* 16 bits, write only */
#define FW_CFG_REG_DMA	    0x10u /* 64 bits: address of a struct fw_cfg_dma; its low half starts the transfer */
#define FW_CFG_SIZE	    0x18u

#define FW_CFG_DMA_SIGNATURE UINT64_C(0x51454d5520434647) /* "QEMU CFG": what the DMA register reads as */

/* Keys of the items. */
#define FW_CFG_SIGNATURE    0x0000u /* "QEMU" */
#define FW_CFG_ID	    0x0001u /* 32 bits of FW_CFG_ID_* */
#define FW_CFG_RAM_SIZE	    0x0003u /* 64 bits, bytes */
#define FW_CFG_NB_CPUS	    0x0005u /* 16 bits */
#define FW_CFG_KERNEL_SIZE  0x0008u /* 32 bits */
#define FW_CFG_INITRD_SIZE  0x000bu /* 32 bits */
#define FW_CFG_MAX_CPUS	    0x000fu /* 16 bits */
#define FW_CFG_KERNEL_DATA  0x0011u
#define FW_CFG_INITRD_DATA  0x0012u
#define FW_CFG_CMDLINE_SIZE 0x0014u /* 32 bits, with the terminating 0 */
#define FW_CFG_CMDLINE_DATA 0x0015u
#define FW_CFG_FILE_DIR	    0x0019u
#define FW_CFG_FILE_FIRST   0x0020u

#define FW_CFG_ID_TRADITIONAL BIT32(0)
#define FW_CFG_ID_DMA	      BIT32(1)

/* The control word of a transfer. */
#define FW_CFG_DMA_ERROR  BIT32(0)
#define FW_CFG_DMA_READ	  BIT32(1)
#define FW_CFG_DMA_SKIP	  BIT32(2)
#define FW_CFG_DMA_SELECT BIT32(3)
#define FW_CFG_DMA_WRITE  BIT32(4)
#define FW_CFG_DMA_KEY	  MASK32(31, 16)

/* In guest memory. */
struct fw_cfg_dma {
	uint32_t control;
	uint32_t length;
	uint64_t address;
};
_Static_assert(sizeof(struct fw_cfg_dma) == 16, "layout of the specification");

#define FW_CFG_FILE_NAME 56u

/* The directory: a count (32 bits) and that many entries. */
struct fw_cfg_file {
	uint32_t size;
	uint16_t key;
	uint16_t reserved;
	char name[FW_CFG_FILE_NAME]; /* terminated */
};
_Static_assert(sizeof(struct fw_cfg_file) == 64, "layout of the specification");

#endif
