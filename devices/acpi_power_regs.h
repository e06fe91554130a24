/* SPDX-License-Identifier: Apache-2.0 */
/* Sleep and reset registers of hardware-reduced ACPI (ACPI 6.5, 4.8.3.6, 4.8.3.7), a byte each; ours. */
#ifndef AERIE_ACPI_POWER_REGS_H
#define AERIE_ACPI_POWER_REGS_H

#include "bits.h"

#define ACPI_POWER_SLEEP_CONTROL 0u
#define ACPI_POWER_SLEEP_STATUS	 1u
#define ACPI_POWER_RESET	 2u

#define ACPI_SLEEP_CONTROL_TYPE	  MASK32(4, 2)
#define ACPI_SLEEP_CONTROL_ENABLE BIT32(5)
#define ACPI_SLEEP_STATUS_WAKE	  BIT32(7)

#define ACPI_SLEEP_TYPE_S5     5u    /* what \_S5 says */
#define ACPI_POWER_RESET_VALUE 0x06u /* what the FADT's RESET_VALUE says */

#endif
