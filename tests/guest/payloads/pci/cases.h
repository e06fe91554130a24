/* SPDX-License-Identifier: Apache-2.0 */
/* PCI as the machine gives it, seen with the test endpoint; no IOMMU. */
#ifndef GUEST_PCI_CASES_H
#define GUEST_PCI_CASES_H

#include "tdev.h"

extern struct tdev dev, peer;
extern uint64_t *data; /* 64 KiB, aligned */

extern const struct guest_case config_cases[], bar_cases[], power_cases[], message_cases[], engine_cases[];
extern const unsigned nr_config, nr_bar, nr_power, nr_message, nr_engine;

#endif
