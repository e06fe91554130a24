/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static unsigned passed, failed;
static bool case_failed;

void report_failure(const char *file, int line, const char *what)
{
	printf("  %s:%d: %s\n", file, line, what);
	case_failed = true;
}

void report_case(const char *name, void (*function)(void))
{
	case_failed = false;
	function();
	printf("%s %s\n", case_failed ? "FAIL" : "ok", name);
	fflush(stdout);
	passed += !case_failed;
	failed += case_failed;
}

int report_end(void)
{
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void report_times(const char *name, uint64_t *ns, unsigned n)
{
	qsort(ns, n, sizeof(*ns), ascending);
	printf("LAB: bench %s: %u times, median %" PRIu64 " ns, 99%% %" PRIu64 " ns, 99.9%% %" PRIu64
	       " ns, most %" PRIu64 " ns\n",
	       name, n, ns[n / 2], ns[(uint64_t)n * 99 / 100], ns[(uint64_t)n * 999 / 1000], ns[n - 1]);
}

uint64_t report_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}
