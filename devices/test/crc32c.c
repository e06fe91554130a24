/* SPDX-License-Identifier: Apache-2.0 */
#include "crc32c.h"

#define POLYNOMIAL UINT32_C(0x82f63b78) /* reflected */

/* Remainder of the four bits @n. */
#define STEP(x)	     ((x) >> 1 ^ ((x)&1 ? POLYNOMIAL : 0))
#define REMAINDER(n) STEP(STEP(STEP(STEP(UINT32_C(n)))))

static const uint32_t remainders[16] = {
	REMAINDER(0),  REMAINDER(1),  REMAINDER(2),  REMAINDER(3),  REMAINDER(4),  REMAINDER(5),
	REMAINDER(6),  REMAINDER(7),  REMAINDER(8),  REMAINDER(9),  REMAINDER(10), REMAINDER(11),
	REMAINDER(12), REMAINDER(13), REMAINDER(14), REMAINDER(15),
};

uint32_t crc32c(uint32_t crc, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	crc = ~crc;
	while (len-- > 0) {
		crc ^= *p++;
		crc = crc >> 4 ^ remainders[crc & 15];
		crc = crc >> 4 ^ remainders[crc & 15];
	}
	return ~crc;
}
