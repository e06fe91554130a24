/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes ACPI Machine Language (ACPI 6.3, chapter 20). Calls nest like the language: what is begun is ended by
 * aml_end(), which puts in the length. Operators come before their operands, each operand is a call of its own:
 *
 *	aml_if(a);
 *	aml_op(a, AML_LEQUAL), aml_arg(a, 0), aml_int(a, 5);
 *		aml_op(a, AML_RETURN), aml_int(a, 1);
 *	aml_end(a);
 *
 * Names are one segment of up to four characters ("_HID", "PCI0"), filled up with '_', or a path of segments
 * ("\\_SB.PWRB"). Errors stick in the buffer.
 */
#ifndef AERIE_AML_H
#define AERIE_AML_H

#include <stdbool.h>
#include <stdint.h>

#include "acpi_buf.h"

#define AML_MAX_DEPTH 16u

struct aml {
	struct acpi_buf *buf; /* borrowed */
	struct {
		uint32_t at;	/* where the length goes */
		bool is_buffer; /* whose number of bytes goes there too */
	} open[AML_MAX_DEPTH];
	unsigned depth;
};

/* Operators by their byte codes (20.3), with their operands in order. */
enum aml_op {
	AML_STORE = 0x70, /* value, target */
	AML_AND = 0x7b,	  /* operand, operand, target */
	AML_OR = 0x7d,	  /* operand, operand, target */
	AML_SIZEOF = 0x87,
	AML_NOTIFY = 0x86,	/* object, value */
	AML_DWORD_FIELD = 0x8a, /* CreateDWordField: buffer, byte offset, name */
	AML_LAND = 0x90,
	AML_LNOT = 0x92,
	AML_LEQUAL = 0x93,
	AML_LGREATER = 0x94,
	AML_LLESS = 0x95,
	AML_RETURN = 0xa4,
};

/** Writer into @buf, which must outlive it. */
void aml_start(struct aml *a, struct acpi_buf *buf);

/** Ends what was begun last. */
void aml_end(struct aml *a);

void aml_scope(struct aml *a, const char *name);
void aml_device(struct aml *a, const char *name);
/** @args: 0 .. 7. Serialized: methods that create names must be. */
void aml_method(struct aml *a, const char *name, unsigned args);
void aml_package(struct aml *a, uint8_t elements);
/** A buffer whose bytes are written straight to a->buf. */
void aml_buffer(struct aml *a);
void aml_if(struct aml *a);
/** Directly after the aml_end() of an aml_if(). */
void aml_else(struct aml *a);

/** A reference to an object, or the name that an operator defines. */
void aml_path(struct aml *a, const char *path);

void aml_int(struct aml *a, uint64_t value);
void aml_string(struct aml *a, const char *text);
void aml_bytes(struct aml *a, const void *bytes, uint8_t len);
/** A buffer with the UUID @text ("33db4d5b-1ff7-401c-9657-7441c03dd766") as ACPI wants it (19.6.142, ToUUID). */
void aml_uuid(struct aml *a, const char *text);
void aml_arg(struct aml *a, unsigned n);   /* 0 .. 6 */
void aml_local(struct aml *a, unsigned n); /* 0 .. 7 */
void aml_op(struct aml *a, enum aml_op op);

/** Name(@name, value); with aml_name() the value follows. */
void aml_name(struct aml *a, const char *name);
void aml_name_int(struct aml *a, const char *name, uint64_t value);
void aml_name_string(struct aml *a, const char *name, const char *text);
/** The value is a compressed EISA id: "PNP0A08". */
void aml_name_eisaid(struct aml *a, const char *name, const char *id);

#endif
