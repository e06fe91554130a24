/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of the 16550D (National Semiconductor PC16550D data sheet, section 8), one byte each. */
#ifndef AERIE_UART16550_REGS_H
#define AERIE_UART16550_REGS_H

#define UART_DATA 0u /* RBR read, THR written; with DLAB: divisor, low */
#define UART_IER  1u /* with DLAB: divisor, high */
#define UART_IIR  2u /* read; FCR written */
#define UART_LCR  3u
#define UART_MCR  4u
#define UART_LSR  5u
#define UART_MSR  6u
#define UART_SCR  7u

#define UART_IER_RX  0x01u
#define UART_IER_TX  0x02u
#define UART_IER_LSR 0x04u
#define UART_IER_ALL 0x0fu

#define UART_IIR_NONE	 0x01u
#define UART_IIR_MSR	 0x00u
#define UART_IIR_TX	 0x02u
#define UART_IIR_RX	 0x04u
#define UART_IIR_LSR	 0x06u
#define UART_IIR_TIMEOUT 0x0cu
#define UART_IIR_FIFOS	 0xc0u

#define UART_FCR_ENABLE	 0x01u
#define UART_FCR_RESET_R 0x02u
#define UART_FCR_TRIGGER 0xc0u

#define UART_LCR_DLAB 0x80u

#define UART_MCR_DTR  0x01u
#define UART_MCR_RTS  0x02u
#define UART_MCR_OUT1 0x04u
#define UART_MCR_OUT2 0x08u
#define UART_MCR_LOOP 0x10u
#define UART_MCR_ALL  0x1fu

#define UART_LSR_READY 0x01u
#define UART_LSR_OE    0x02u
#define UART_LSR_THRE  0x20u
#define UART_LSR_TEMT  0x40u

#define UART_MSR_TERI  0x04u /* RI went from on to off; the other three deltas are any change */
#define UART_MSR_DELTA 0x0fu
#define UART_MSR_CTS   0x10u
#define UART_MSR_DSR   0x20u
#define UART_MSR_RI    0x40u
#define UART_MSR_DCD   0x80u
#define UART_IER_MSR   0x08u

#endif
