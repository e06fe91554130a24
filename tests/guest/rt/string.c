/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler calls of its own accord, and a little more. An architecture may know better (x86/string.c). */
#include "rt.h"

__attribute__((weak)) void *memcpy(void *to, const void *from, size_t n)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	while (n-- > 0)
		*t++ = *f++;
	return to;
}

__attribute__((weak)) void *memset(void *to, int c, size_t n)
{
	uint8_t *t = to;

	while (n > 0 && (uintptr_t)t % 8 != 0) {
		*t++ = (uint8_t)c;
		n--;
	}
	for (; n >= 8; n -= 8, t += 8)
		*(uint64_t *)t = (uint8_t)c * 0x0101010101010101ull;
	while (n-- > 0)
		*t++ = (uint8_t)c;
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n > 0; n--, x++, y++)
		if (*x != *y)
			return *x < *y ? -1 : 1;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return (uint8_t)*a - (uint8_t)*b;
}
