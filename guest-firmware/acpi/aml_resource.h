/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource descriptors (ACPI 6.3, 6.4): what a device uses, or what a bus gives to the devices below.
 *
 *	aml_resources(a, "_CRS");
 *	aml_memory(a, window);
 *	aml_interrupt(a, gsi, AML_LEVEL);
 *	aml_resources_end(a);
 */
#ifndef AERIE_AML_RESOURCE_H
#define AERIE_AML_RESOURCE_H

#include "aml.h"
#include "range.h"

enum aml_trigger {
	AML_LEVEL,
	AML_EDGE,
};

/** Name(@name, ResourceTemplate ...) */
void aml_resources(struct aml *a, const char *name);
void aml_resources_end(struct aml *a);

/** Memory that the device decodes itself: fixed, 32 bit where it is there, else 64 bit. */
void aml_memory(struct aml *a, struct range window);

/** @n I/O ports from @first on. */
void aml_ports(struct aml *a, uint16_t first, uint8_t n);

/** Memory that a bus hands on: a window of 32 or 64 bits. */
void aml_memory_window(struct aml *a, struct range window, bool prefetchable);

/** Bus numbers that a host bridge hands on. */
void aml_bus_numbers(struct aml *a, uint8_t first, uint8_t last);

/** A wired interrupt, active high, not shared. */
void aml_interrupt(struct aml *a, uint32_t gsi, enum aml_trigger trigger);

#endif
