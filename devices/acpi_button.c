/* SPDX-License-Identifier: Apache-2.0 */
#include "acpi_button.h"

#include <errno.h>
#include <stdlib.h>

#include "acpi.h"
#include "aml_resource.h"
#include "bits.h"
#include "device.h"
#include "irq.h"
#include "log.h"

#define PRESSED 0x80u /* ACPI 6.3, table 5-158 */

struct acpi_button {
	struct device dev;
	struct irq_line line;
};

static int button_reset(struct device *dev)
{
	return 0;
}

/* Event devices call _EVT with the interrupt's number (5.6.9.3). */
static void button_describe_acpi(struct device *dev, struct acpi *acpi)
{
	const struct acpi_button *b = container_of(dev, struct acpi_button, dev);
	struct aml *a = &acpi->dsdt;

	aml_device(a, "PWRB");
	aml_name_eisaid(a, "_HID", "PNP0C0C");
	aml_name_int(a, "_UID", 0);
	aml_end(a);

	aml_device(a, "GED0");
	aml_name_string(a, "_HID", "ACPI0013");
	aml_name_int(a, "_UID", 0);
	aml_resources(a, "_CRS");
	aml_interrupt(a, b->line.gsiv, AML_EDGE);
	aml_resources_end(a);
	aml_method(a, "_EVT", 1);
	aml_if(a);
	aml_op(a, AML_LEQUAL), aml_arg(a, 0), aml_int(a, b->line.gsiv);
	aml_op(a, AML_NOTIFY), aml_path(a, "PWRB"), aml_int(a, PRESSED);
	aml_end(a);
	aml_end(a);
	aml_end(a);
	acpi->fadt.power_button = true;
}

static void button_destroy(struct device *dev)
{
	free(container_of(dev, struct acpi_button, dev));
}

static const struct device_class button_class = {
	.name = "power-button",
	.reset = button_reset,
	.describe_acpi = button_describe_acpi,
	.destroy = button_destroy,
};

int acpi_button_create(struct device **out, const struct irq_line *line)
{
	struct acpi_button *b = calloc(1, sizeof(*b));

	if (!b)
		return log_fail(-ENOMEM, "out of memory for the power button");
	*b = (struct acpi_button){.dev = {.class = &button_class, .id = "power-button"}, .line = *line};
	*out = &b->dev;
	return 0;
}

void acpi_button_press(struct device *dev)
{
	irq_line_pulse(&container_of(dev, struct acpi_button, dev)->line);
}
