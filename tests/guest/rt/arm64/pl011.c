/* SPDX-License-Identifier: Apache-2.0 */
#include "rt.h"

#define UARTDR	0x00u
#define UARTFR	0x18u
#define FR_TXFF BIT32(5)

static uint64_t uart;

void console_init(uint64_t base)
{
	uart = base;
}

void put(char c)
{
	if (c == '\n')
		put('\r');
	while (read32(uart + UARTFR) & FR_TXFF)
		;
	write32(uart + UARTDR, (uint8_t)c);
}
