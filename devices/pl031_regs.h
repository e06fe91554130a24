/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of the PL031, DDI 0224 chapter 3. */
#ifndef AERIE_PL031_REGS_H
#define AERIE_PL031_REGS_H

#include "bits.h"

#define PL031_DR   0x00u
#define PL031_MR   0x04u
#define PL031_LR   0x08u
#define PL031_CR   0x0cu
#define PL031_IMSC 0x10u
#define PL031_RIS  0x14u
#define PL031_MIS  0x18u
#define PL031_ICR  0x1cu
#define PL031_ID   0xfe0u /* RTCPeriphID0-3, RTCPCellID0-3: one byte in each of eight words */

#define PL031_CR_START	BIT32(0)
#define PL031_INT_MATCH BIT32(0) /* in IMSC, RIS, MIS and ICR */

#endif
