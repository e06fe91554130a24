/* SPDX-License-Identifier: Apache-2.0 */
/* The one function of libuuid that the kernel's selftests use, for a build without that library. */
#ifndef AERIE_LAB_UUID_H
#define AERIE_LAB_UUID_H

#include <stdio.h>

typedef unsigned char uuid_t[16];

static inline int uuid_parse(const char *text, uuid_t out)
{
	int n = 0;

	for (int i = 0; i < 16; i++, text += n) {
		unsigned byte;

		text += *text == '-';
		if (sscanf(text, "%2x%n", &byte, &n) != 1 || n != 2)
			return -1;
		out[i] = (unsigned char)byte;
	}
	return 0;
}

#endif
