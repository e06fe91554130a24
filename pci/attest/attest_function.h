/* SPDX-License-Identifier: Apache-2.0 */
/* What a function's configuration space says that attestation needs. */
#ifndef AERIE_ATTEST_FUNCTION_H
#define AERIE_ATTEST_FUNCTION_H

#include <stdbool.h>

#include "doe_mailbox.h"
#include "spdm.h"

/** Reads the identity that a certificate's name is held against. *@ide: there is an IDE capability. 0 or -errno
 * (logged). */
int attest_read_function(const struct doe_cfg_ops *ops, void *opaque, const char *name, struct spdm_device_id *id,
			 bool *ide);

#endif
