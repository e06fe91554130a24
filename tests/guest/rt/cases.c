/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts. */
#include "rt.h"

static unsigned passed, bad;
static bool is_failed;
static char why[256], where[96];

void step(const char *fmt, ...)
{
	va_list ap;

	if (is_failed)
		return; /* the step that failed is of interest */
	va_start(ap, fmt);
	vformat(where, sizeof(where), fmt, ap);
	va_end(ap);
}

void fail(const char *fmt, ...)
{
	va_list ap;

	if (is_failed)
		return;
	is_failed = true;
	va_start(ap, fmt);
	vformat(why, sizeof(why), fmt, ap);
	va_end(ap);
}

bool failed(void)
{
	return is_failed;
}

void run_cases(const struct guest_case *cases, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		is_failed = false;
		where[0] = '\0';
		cases[i].run();
		if (is_failed) {
			bad++;
			print("FAIL %s: %s%s%s\n", cases[i].name, where, where[0] ? ": " : "", why);
		} else {
			passed++;
			print("ok %s\n", cases[i].name);
		}
	}
}

void cases_done(void)
{
	print("%u passed, %u failed\n", passed, bad);
}
