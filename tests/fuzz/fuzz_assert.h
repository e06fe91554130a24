/* SPDX-License-Identifier: Apache-2.0 */
/* The assertions of Check that fixtures of the unit tests use, by abort(). Comes before them. */
#ifndef AERIE_FUZZ_ASSERT_H
#define AERIE_FUZZ_ASSERT_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK_H /* Check's own header has nothing to add */
#define ck_assert(c)                                                                                                   \
	do {                                                                                                           \
		if (!(c)) {                                                                                            \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c);                                        \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)
#define ck_assert_int_eq(a, b)	 ck_assert((a) == (b))
#define ck_assert_uint_eq(a, b)	 ck_assert((a) == (b))
#define ck_assert_ptr_nonnull(p) ck_assert((p) != NULL)

#endif
