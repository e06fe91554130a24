/* SPDX-License-Identifier: Apache-2.0 */
/* The end of every unit test's main(). */
#ifndef AERIE_RUN_SUITE_H
#define AERIE_RUN_SUITE_H

#include <check.h>
#include <stdlib.h>

/** Runs and frees @suite as the environment says (CK_*). Returns the exit status. */
static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
