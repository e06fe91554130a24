/* SPDX-License-Identifier: Apache-2.0 */
/* The serial port of the console: its device in the DSDT, and the tables SPCR and DBG2 that let an OS use it early. */
#ifndef AERIE_ACPI_SERIAL_H
#define AERIE_ACPI_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "range.h"

struct acpi;

struct acpi_serial {
	const char *hid;	/* ACPI or EISA id of the device */
	uint8_t type;		/* ACPI_SERIAL_*, acpi_regs.h */
	uint8_t register_bytes; /* 1 or 4: width of an access */
	struct range registers;
	uint16_t port; /* the same registers at I/O ports, which are named then; 0: none */
	uint8_t ports;
	uint32_t gsi; /* level-triggered */
};

void acpi_serial(struct acpi *acpi, const struct acpi_serial *serial);

#endif
