/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long random tests go on. AERIE_FULL=1 in the environment (`./lab test --full`) asks for all rounds; a variable of
 * the test for a number of them, or for another seed.
 */
#ifndef AERIE_ROUNDS_H
#define AERIE_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/** The number in the environment's variable @name, @otherwise without it. */
static inline uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

/** Whether there is time for all of it. */
static inline bool all_rounds(void)
{
	return setting("AERIE_FULL", 0) != 0;
}

/** The number in the variable @name; without it @full when there is time for all rounds, else @quick. */
static inline uint64_t rounds(const char *name, uint64_t quick, uint64_t full)
{
	return setting(name, all_rounds() ? full : quick);
}

#endif
