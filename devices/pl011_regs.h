/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of the PL011, DDI 0183 chapter 3. */
#ifndef AERIE_PL011_REGS_H
#define AERIE_PL011_REGS_H

#include "bits.h"

#define PL011_DR    0x000u
#define PL011_RSR   0x004u /* UARTRSR/UARTECR */
#define PL011_FR    0x018u
#define PL011_ILPR  0x020u
#define PL011_IBRD  0x024u
#define PL011_FBRD  0x028u
#define PL011_LCR_H 0x02cu
#define PL011_CR    0x030u
#define PL011_IFLS  0x034u
#define PL011_IMSC  0x038u
#define PL011_RIS   0x03cu
#define PL011_MIS   0x040u
#define PL011_ICR   0x044u
#define PL011_DMACR 0x048u
#define PL011_ID    0xfe0u /* UARTPeriphID0-3, UARTPCellID0-3: one byte in each of eight words */

/* UARTDR above the data byte; the same bits shifted down by 8 are UARTRSR */
#define PL011_DR_OE_SHIFT 8
#define PL011_RSR_OE	  BIT32(3)
#define PL011_RSR_ALL	  MASK32(3, 0)

#define PL011_FR_CTS  BIT32(0)
#define PL011_FR_DSR  BIT32(1)
#define PL011_FR_DCD  BIT32(2)
#define PL011_FR_RXFE BIT32(4)
#define PL011_FR_TXFF BIT32(5)
#define PL011_FR_RXFF BIT32(6)
#define PL011_FR_TXFE BIT32(7)
#define PL011_FR_RI   BIT32(8)

#define PL011_LCR_H_FEN BIT32(4)
#define PL011_LCR_H_ALL MASK32(7, 0)

#define PL011_CR_UARTEN BIT32(0)
#define PL011_CR_LBE	BIT32(7)
#define PL011_CR_TXE	BIT32(8)
#define PL011_CR_RXE	BIT32(9)
#define PL011_CR_DTR	BIT32(10)
#define PL011_CR_RTS	BIT32(11)
#define PL011_CR_OUT1	BIT32(12)
#define PL011_CR_OUT2	BIT32(13)
#define PL011_CR_ALL	(MASK32(15, 7) | MASK32(2, 0))

#define PL011_IFLS_RX  MASK32(5, 3)
#define PL011_IFLS_ALL MASK32(5, 0)

/* UARTIMSC, UARTRIS, UARTMIS, UARTICR */
#define PL011_INT_RX  BIT32(4)
#define PL011_INT_TX  BIT32(5)
#define PL011_INT_RT  BIT32(6)
#define PL011_INT_OE  BIT32(10)
#define PL011_INT_ALL MASK32(10, 0)

#endif
