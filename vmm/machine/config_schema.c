/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schema version 1 of the configuration file. docs/config.md describes every key; tests/unit/test_config.c holds the
 * two against each other.
 */
#include "bits.h"
#include "config_priv.h"

static const cyaml_strval_t hugepages_values[] = {
	{"none", HUGEPAGES_NONE},
	{"2M", HUGEPAGES_2M},
};

static const cyaml_strval_t iommu_values[] = {
	{"smmuv3", IOMMU_TYPE_SMMUV3},
	{"virtio-iommu", IOMMU_TYPE_VIRTIO},
};

static const cyaml_schema_field_t machine_fields[] = {
	CYAML_FIELD_UINT("cpus", CYAML_FLAG_OPTIONAL, struct config_machine, cpus),
	CYAML_FIELD_STRING_PTR("memory", CYAML_FLAG_POINTER, struct config_machine, memory, 1, CONFIG_NAME_MAX),
	CYAML_FIELD_ENUM("hugepages", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_machine, hugepages,
			 hugepages_values, ARRAY_LEN(hugepages_values)),
	CYAML_FIELD_BOOL("nested", CYAML_FLAG_OPTIONAL, struct config_machine, nested),
	CYAML_FIELD_BOOL("debug-exit", CYAML_FLAG_OPTIONAL, struct config_machine, debug_exit),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t boot_fields[] = {
	CYAML_FIELD_STRING_PTR("kernel", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_boot, kernel, 1,
			       CONFIG_TEXT_MAX),
	CYAML_FIELD_STRING_PTR("initrd", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_boot, initrd, 1,
			       CONFIG_TEXT_MAX),
	CYAML_FIELD_STRING_PTR("cmdline", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_boot, cmdline, 0,
			       CONFIG_TEXT_MAX),
	CYAML_FIELD_STRING_PTR("firmware", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_boot, firmware, 1,
			       CONFIG_TEXT_MAX),
	CYAML_FIELD_STRING_PTR("vars", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_boot, vars, 1,
			       CONFIG_TEXT_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t console_fields[] = {
	CYAML_FIELD_ENUM("type", CYAML_FLAG_STRICT, struct config_console, type, config_console_values,
			 CONFIG_NR_CONSOLES),
	CYAML_FIELD_STRING_PTR("path", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_console, path, 1,
			       CONFIG_TEXT_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t iommu_fields[] = {
	CYAML_FIELD_STRING_PTR("id", CYAML_FLAG_POINTER, struct config_iommu, id, 1, CONFIG_NAME_MAX),
	CYAML_FIELD_ENUM("type", CYAML_FLAG_STRICT, struct config_iommu, type, iommu_values, ARRAY_LEN(iommu_values)),
	CYAML_FIELD_BOOL("boot-bypass", CYAML_FLAG_OPTIONAL, struct config_iommu, boot_bypass),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t iommu_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_iommu, iommu_fields),
};

static const cyaml_schema_field_t port_fields[] = {
	CYAML_FIELD_STRING_PTR("root-port", CYAML_FLAG_POINTER, struct config_port, root_port, 1, CONFIG_NAME_MAX),
	CYAML_FIELD_UINT("slot", CYAML_FLAG_OPTIONAL, struct config_port, slot),
	CYAML_FIELD_STRING_PTR("iommu", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_port, iommu, 1,
			       CONFIG_NAME_MAX),
	CYAML_FIELD_BOOL("ide", CYAML_FLAG_OPTIONAL, struct config_port, ide),
	CYAML_FIELD_SEQUENCE("devices", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_port, devices,
			     &config_device_entry, 0, CONFIG_MAX_DEVICES),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t port_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_port, port_fields),
};

static const cyaml_schema_field_t top_fields[] = {
	CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct config, version),
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config, name, 1,
			       CONFIG_NAME_MAX),
	CYAML_FIELD_MAPPING("machine", CYAML_FLAG_DEFAULT, struct config, machine, machine_fields),
	CYAML_FIELD_MAPPING("boot", CYAML_FLAG_DEFAULT, struct config, boot, boot_fields),
	CYAML_FIELD_MAPPING("console", CYAML_FLAG_OPTIONAL, struct config, console, console_fields),
	CYAML_FIELD_STRING_PTR("control", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config, control, 1,
			       CONFIG_SOCKET_MAX),
	CYAML_FIELD_SEQUENCE("iommus", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config, iommus, &iommu_entry, 0,
			     CONFIG_MAX_IOMMUS),
	CYAML_FIELD_SEQUENCE("pci", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config, pci, &port_entry, 0,
			     CONFIG_MAX_PORTS),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t config_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, top_fields),
};
