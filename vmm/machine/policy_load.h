/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a measurement policy (policy.h): YAML, schema version 1, unknown keys are errors with line and column. */
#ifndef AERIE_POLICY_LOAD_H
#define AERIE_POLICY_LOAD_H

#include <stdint.h>

#include "policy.h"

/** 0 or -errno; exactly one message. Free with policy_free(). */
int policy_load(struct policy **out, const char *path);
/** The same from memory; @name stands for the file in messages. */
int policy_parse(struct policy **out, const char *name, const char *text, uint64_t len);
void policy_free(struct policy *policy);

#endif
