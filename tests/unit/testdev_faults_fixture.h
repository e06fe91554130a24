/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the test endpoint that fault, for the tests of its stalls, its ATS and its page requests. */
#ifndef AERIE_TESTDEV_FAULTS_FIXTURE_H
#define AERIE_TESTDEV_FAULTS_FIXTURE_H

#include "faults_rig.h"

#define VA (5 * PAGE) /* where most requests go */

static inline struct testdev_desc fill(uint64_t at, uint64_t len, uint64_t operand)
{
	return (struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = at, .len = len, .operand = operand};
}

static inline void turns(void)
{
	for (unsigned i = 0; i < 8; i++)
		turn();
}

#endif
