/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts of the programs that test viommu/host on a real kernel: a line for each case, as the payloads print them. */
#ifndef AERIE_TEST_REPORT_H
#define AERIE_TEST_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/** Within a case: what was expected did not happen. Ends the case. */
#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			report_failure(__FILE__, __LINE__, #condition);                                                \
			return;                                                                                        \
		}                                                                                                      \
	} while (0)

void report_failure(const char *file, int line, const char *what);

/** Runs a case; "ok NAME" or "FAIL NAME". */
void report_case(const char *name, void (*function)(void));

/** "N passed, N failed"; the program's exit status. */
int report_end(void);

/** "LAB: bench NAME: ..." with median and tail of @n durations in ns, which are sorted. */
void report_times(const char *name, uint64_t *ns, unsigned n);

uint64_t report_now(void);

#endif
