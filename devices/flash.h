/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flash that a machine boots its firmware from: a bank with the code, which the guest can read but not change, and
 * a bank with the firmware's variables (JEDEC CFI NOR, binding `cfi-flash`).
 *
 * Both banks are read-only memory of the guest, so that it executes and reads them without an exit; writes are the
 * commands. While the variables' bank shows something else than its contents it is no memory, and reads exit too.
 */
#ifndef AERIE_FLASH_H
#define AERIE_FLASH_H

#include "range.h"

struct device;
struct vm;

struct flash_config {
	struct range code_range, vars_range; /* where the banks may lie; both start there */
	const char *firmware;		     /* path */
	const char *vars;		     /* path; NULL: the variables end with the process */
};

/** Opens the files, maps the banks. The paths are borrowed. 0 or -errno (logged). */
int flash_create(struct device **out, struct vm *vm, const struct flash_config *config);

#endif
