/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power button: a generic event device of ACPI (ACPI 6.3, 5.6.9), whose one interrupt means that the button was
 * pressed. Only guests that use ACPI know it; the guest decides what it does then.
 */
#ifndef AERIE_ACPI_BUTTON_H
#define AERIE_ACPI_BUTTON_H

struct device;
struct irq_line;

/** @line is edge-triggered. Returns 0 or -ENOMEM (logged). */
int acpi_button_create(struct device **out, const struct irq_line *line);

/** Presses it once. Any thread. */
void acpi_button_press(struct device *dev);

#endif
