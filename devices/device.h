/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every emulated device has in common. The machine creates devices in order from the configuration, resets them in
 * that order, lets each describe itself to the guest's firmware, and destroys them in reverse order.
 */
#ifndef AERIE_DEVICE_H
#define AERIE_DEVICE_H

struct acpi;
struct device;
struct fdtw;

struct device_class {
	const char *name;
	/** Back to power-on state; vCPUs are paused. 0 or -errno (logged). */
	int (*reset)(struct device *dev);
	/** Writes the device's node(s); NULL when it has none. */
	void (*describe)(struct device *dev, struct fdtw *fdt);
	/** Writes what ACPI tables say of it; NULL when nothing. */
	void (*describe_acpi)(struct device *dev, struct acpi *acpi);
	/** Removes the device from the bus and frees it. */
	void (*destroy)(struct device *dev);
};

/* First member of each device's own struct, or embedded with container_of(). */
struct device {
	const struct device_class *class;
	const char *id; /* unique name in the VM, for messages; owned by the configuration */
};

#endif
