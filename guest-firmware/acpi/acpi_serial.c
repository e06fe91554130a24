/* SPDX-License-Identifier: Apache-2.0 */
#include "acpi_serial.h"

#include "acpi.h"
#include "acpi_regs.h"
#include "aml_resource.h"

#define NAME	  "COM0"
#define PATH	  "\\_SB.COM0"
#define DBG2_INFO 22u /* bytes of a debug device's information before its address */

static void device(struct acpi *acpi, const struct acpi_serial *s)
{
	struct aml *a = &acpi->dsdt;

	aml_device(a, NAME);
	/* EISA ids are compressed, ACPI ids are strings (ACPI 6.3, 6.1.5). */
	if (s->hid[3] >= '0' && s->hid[3] <= '9')
		aml_name_eisaid(a, "_HID", s->hid);
	else
		aml_name_string(a, "_HID", s->hid);
	aml_name_int(a, "_UID", 0);
	aml_resources(a, "_CRS");
	if (s->port)
		aml_ports(a, s->port, s->ports);
	else
		aml_memory(a, s->registers);
	aml_interrupt(a, s->gsi, AML_LEVEL);
	aml_resources_end(a);
	aml_end(a);
}

static void base_address(struct acpi_buf *b, const struct acpi_serial *s)
{
	acpi_u8(b, s->port ? ACPI_GAS_PORTS : ACPI_GAS_MEMORY);
	acpi_u8(b, (uint8_t)(8 * s->register_bytes));
	acpi_u8(b, 0);
	acpi_u8(b, s->register_bytes == 1 ? ACPI_GAS_ACCESS_BYTE : ACPI_GAS_ACCESS_DWORD);
	acpi_u64(b, s->port ? s->port : s->registers.first);
}

static void write_spcr(struct acpi *acpi, const struct acpi_serial *s)
{
	struct acpi_buf *b = acpi_table(acpi, "SPCR", ACPI_SPCR_REVISION);

	acpi_u8(b, s->type);
	acpi_zeros(b, 3);
	base_address(b, s);
	acpi_u8(b, acpi->interrupt_type);
	acpi_u8(b, 0); /* IRQ of a PC's PIC */
	acpi_u32(b, s->gsi);
	acpi_u8(b, ACPI_SPCR_115200);
	acpi_u8(b, 0); /* no parity */
	acpi_u8(b, ACPI_SPCR_ONE_STOP_BIT);
	acpi_u8(b, 0); /* no flow control */
	acpi_u8(b, ACPI_SPCR_VT_UTF8);
	acpi_u8(b, 0);
	acpi_u16(b, ACPI_SPCR_NO_PCI); /* device id, vendor id */
	acpi_u16(b, ACPI_SPCR_NO_PCI);
	acpi_zeros(b, 3); /* bus, device, function */
	acpi_u32(b, 0);	  /* flags */
	acpi_u8(b, 0);	  /* segment */
	acpi_u32(b, 0);
}

static void write_dbg2(struct acpi *acpi, const struct acpi_serial *s)
{
	struct acpi_buf *b = acpi_table(acpi, "DBG2", ACPI_DBG2_REVISION);
	uint16_t name = DBG2_INFO + 12 + 4; /* behind address and size */

	acpi_u32(b, ACPI_HEADER_SIZE + 8); /* offset of the first device's information */
	acpi_u32(b, 1);			   /* devices */
	acpi_u8(b, 0);			   /* revision */
	acpi_u16(b, (uint16_t)(name + sizeof(PATH)));
	acpi_u8(b, 1); /* addresses */
	acpi_u16(b, sizeof(PATH));
	acpi_u16(b, name);
	acpi_u16(b, 0); /* OEM's data: none */
	acpi_u16(b, 0);
	acpi_u16(b, ACPI_DBG2_SERIAL);
	acpi_u16(b, s->type);
	acpi_u16(b, 0);
	acpi_u16(b, DBG2_INFO);	     /* offset of the address */
	acpi_u16(b, DBG2_INFO + 12); /* offset of its size */
	base_address(b, s);
	acpi_u32(b, s->port ? s->ports : (uint32_t)range_len(s->registers));
	acpi_bytes(b, PATH, sizeof(PATH));
}

void acpi_serial(struct acpi *acpi, const struct acpi_serial *s)
{
	device(acpi, s);
	write_spcr(acpi, s);
	write_dbg2(acpi, s);
}
