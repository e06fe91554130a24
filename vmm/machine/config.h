/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of a VM: one YAML file, schema version 1, see docs/config.md. Loaded by libcyaml against
 * config_schema.c, so unknown keys and wrong types are errors with line and column; then checked for sense
 * (config_validate.c).
 */
#ifndef AERIE_CONFIG_H
#define AERIE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "config_devices.h"

#define CONFIG_VERSION	   1u
#define CONFIG_MAX_FILE	   (1u << 20) /* bytes */
#define CONFIG_MAX_CPUS	   512u
#define CONFIG_MAX_IOMMUS  16u
#define CONFIG_MAX_PORTS   31u
#define CONFIG_MAX_DEVICES 8u /* functions below one port */

enum config_iommu_type {
	IOMMU_TYPE_SMMUV3,
	IOMMU_TYPE_VIRTIO,
};

enum config_hugepages {
	HUGEPAGES_NONE,
	HUGEPAGES_2M,
};

struct config_machine {
	uint32_t cpus;	       /* 1 .. CONFIG_MAX_CPUS, default 1 */
	char *memory;	       /* as written: "512M" */
	uint64_t memory_bytes; /* set by config_validate(); multiple of 2 MiB */
	enum config_hugepages hugepages;
	bool nested;	 /* the guest can run virtual machines itself */
	bool debug_exit; /* x86-64: a port that ends the VM with an exit status of the guest's choice */
};

struct config_boot {
	char *kernel;	/* path, relative to the working directory; NULL: the firmware finds one on a disk */
	char *initrd;	/* NULL: none */
	char *cmdline;	/* "" when absent */
	char *firmware; /* flash image; NULL: the kernel is started directly */
	char *vars;	/* its variables; NULL: they end with the VM */
};

struct config_console {
	enum config_console_type type; /* default stdio */
	char *path;		       /* file: required; pty: optional link */
};

struct config_iommu {
	char *id;
	enum config_iommu_type type;
	bool boot_bypass; /* virtio-iommu: DMA of devices that are not attached passes until the guest says otherwise */
};

struct config_port {
	char *root_port; /* id */
	uint8_t slot;	 /* device number on bus 0, 1 .. 31, no two alike; the next free one when the file has none */
	char *iommu;	 /* id of an entry of `iommus`; NULL: not translated by the guest */
	bool ide;	 /* IDE capability */
	struct config_device *devices;
	unsigned devices_count;
};

struct config {
	uint32_t version;
	char *name; /* "vm" when absent */
	struct config_machine machine;
	struct config_boot boot;
	struct config_console console;
	char *control; /* path of the control socket; NULL: none */
	struct config_iommu *iommus;
	unsigned iommus_count;
	struct config_port *pci;
	unsigned pci_count;
};

/** Reads @path, applies @overrides ("machine.cpus=4", "pci.0.iommu=smmu0"; NULL-terminated or NULL), validates.
 *  0 or -errno; exactly one message, with line and column where the file is at fault. Free with config_free(). */
int config_load(struct config **out, const char *path, const char *const *overrides);
/** The same from memory; @name stands for the file in messages. For tests and fuzzing. */
int config_parse(struct config **out, const char *name, const char *text, uint64_t len, const char *const *overrides);
void config_free(struct config *config);

/** True when the configuration assigns at least one device of the host. */
bool config_assigns(const struct config *config);

/** Index of the IOMMU @id, or -1. */
int config_iommu_index(const struct config *config, const char *id);

#endif
