/* SPDX-License-Identifier: Apache-2.0 */
/* A KVM that interprets the guest's instructions does these much faster than loops. */
#include "rt.h"

void *memcpy(void *to, const void *from, size_t n)
{
	void *t = to;
	size_t words = n / 8, bytes = n % 8;

	__asm__ volatile("rep movsq" : "+D"(t), "+S"(from), "+c"(words)::"memory");
	__asm__ volatile("rep movsb" : "+D"(t), "+S"(from), "+c"(bytes)::"memory");
	return to;
}

void *memset(void *to, int c, size_t n)
{
	void *t = to;
	size_t words = n / 8, bytes = n % 8;
	uint64_t value = (uint8_t)c * 0x0101010101010101ull;

	__asm__ volatile("rep stosq" : "+D"(t), "+c"(words) : "a"(value) : "memory");
	__asm__ volatile("rep stosb" : "+D"(t), "+c"(bytes) : "a"(value) : "memory");
	return to;
}
