/* SPDX-License-Identifier: Apache-2.0 */
/* The 16550: characters go in bursts, because each access leaves the guest. */
#include "rt.h"
#include "uart16550_regs.h"

#define FIFO 16u

static uint64_t uart;
static unsigned room;

void console_init(uint64_t base)
{
	uart = base;
	room = 0;
	write8(uart + UART_IIR, UART_FCR_ENABLE);
}

void put(char c)
{
	if (c == '\n')
		put('\r');
	while (room == 0)
		if (read8(uart + UART_LSR) & UART_LSR_THRE)
			room = FIFO;
	room--;
	write8(uart + UART_DATA, (uint8_t)c);
}
