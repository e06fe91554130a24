/* SPDX-License-Identifier: Apache-2.0 */
#include "aml_resource.h"

#include "bits.h"

/* First bytes of descriptors (ACPI 6.3, tables 6-29 and 6-32), and the lengths that follow those of the large ones. */
enum {
	PORTS = 0x47,
	END_TAG = 0x79,
	MEMORY32_FIXED = 0x86,
	DWORD_SPACE = 0x87,
	WORD_SPACE = 0x88,
	EXTENDED_INTERRUPT = 0x89,
	QWORD_SPACE = 0x8a,
};

/* Address space descriptors (6.4.3.5): types, general flags, flags of memory. */
enum {
	SPACE_MEMORY = 0,
	SPACE_BUS_NUMBERS = 2,
};
#define PORTS_DECODE_16	    1u
#define SPACE_CONSUMER	    BIT32(0)
#define SPACE_MIN_FIXED	    BIT32(2)
#define SPACE_MAX_FIXED	    BIT32(3)
#define MEMORY_WRITE	    BIT32(0)
#define MEMORY_PREFETCHABLE field_prep32(MASK32(2, 1), 3u)
#define INTERRUPT_CONSUMER  BIT32(0)
#define INTERRUPT_EDGE	    BIT32(1)

void aml_resources(struct aml *a, const char *name)
{
	aml_name(a, name);
	aml_buffer(a);
}

void aml_resources_end(struct aml *a)
{
	acpi_u8(a->buf, END_TAG);
	acpi_u8(a->buf, 0); /* no checksum */
	aml_end(a);
}

/* The words of an address space descriptor have @width bytes. */
static void space(struct aml *a, unsigned width, uint8_t type, uint32_t flags, uint32_t type_flags, struct range window)
{
	const uint64_t words[] = {0 /* granularity */, window.first, window.last, 0 /* translation */,
				  range_len(window)};

	acpi_u8(a->buf, width == 2 ? WORD_SPACE : width == 4 ? DWORD_SPACE : QWORD_SPACE);
	acpi_u16(a->buf, (uint16_t)(3 + ARRAY_LEN(words) * width));
	acpi_u8(a->buf, type);
	acpi_u8(a->buf, (uint8_t)(flags | SPACE_MIN_FIXED | SPACE_MAX_FIXED));
	acpi_u8(a->buf, (uint8_t)type_flags);
	for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
		if (width == 2)
			acpi_u16(a->buf, (uint16_t)words[i]);
		else if (width == 4)
			acpi_u32(a->buf, (uint32_t)words[i]);
		else
			acpi_u64(a->buf, words[i]);
	}
}

void aml_memory(struct aml *a, struct range window)
{
	if (window.last > UINT32_MAX) {
		space(a, 8, SPACE_MEMORY, SPACE_CONSUMER, MEMORY_WRITE, window);
		return;
	}
	acpi_u8(a->buf, MEMORY32_FIXED);
	acpi_u16(a->buf, 9);
	acpi_u8(a->buf, MEMORY_WRITE);
	acpi_u32(a->buf, (uint32_t)window.first);
	acpi_u32(a->buf, (uint32_t)range_len(window));
}

void aml_ports(struct aml *a, uint16_t first, uint8_t n)
{
	acpi_u8(a->buf, PORTS);
	acpi_u8(a->buf, PORTS_DECODE_16);
	acpi_u16(a->buf, first); /* lowest and highest base */
	acpi_u16(a->buf, first);
	acpi_u8(a->buf, 1); /* alignment */
	acpi_u8(a->buf, n);
}

void aml_memory_window(struct aml *a, struct range window, bool prefetchable)
{
	uint32_t flags = MEMORY_WRITE | (prefetchable ? MEMORY_PREFETCHABLE : 0);

	space(a, window.last > UINT32_MAX ? 8 : 4, SPACE_MEMORY, 0, flags, window);
}

void aml_bus_numbers(struct aml *a, uint8_t first, uint8_t last)
{
	space(a, 2, SPACE_BUS_NUMBERS, 0, 0, (struct range){.first = first, .last = last});
}

void aml_interrupt(struct aml *a, uint32_t gsi, enum aml_trigger trigger)
{
	acpi_u8(a->buf, EXTENDED_INTERRUPT);
	acpi_u16(a->buf, 6);
	acpi_u8(a->buf, (uint8_t)(INTERRUPT_CONSUMER | (trigger == AML_EDGE ? INTERRUPT_EDGE : 0)));
	acpi_u8(a->buf, 1);
	acpi_u32(a->buf, gsi);
}
