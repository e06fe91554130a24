/* SPDX-License-Identifier: Apache-2.0 */
/* Schema of `pci.N.devices.N.trust`, a part of config_schema_devices.c's. */
#include "bits.h"
#include "config_priv.h"

static const cyaml_strval_t require_values[] = {
	{"spdm", REQUIRE_SPDM},
	{"measurements", REQUIRE_MEASUREMENTS},
	{"ide", REQUIRE_IDE},
	{"tdisp", REQUIRE_TDISP},
};

static const cyaml_schema_value_t require_entry = {
	CYAML_VALUE_ENUM(CYAML_FLAG_STRICT, enum config_requirement, require_values, ARRAY_LEN(require_values)),
};

static const cyaml_strval_t link_keys_values[] = {
	{"auto", LINK_KEYS_AUTO},
	{"host", LINK_KEYS_HOST},
	{"device", LINK_KEYS_DEVICE},
};

const cyaml_schema_field_t config_trust_fields[] = {
	CYAML_FIELD_STRING_PTR("roots", CYAML_FLAG_POINTER, struct config_trust, roots, 1, CONFIG_TEXT_MAX),
	CYAML_FIELD_STRING_PTR("measurements", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_trust,
			       measurements, 1, CONFIG_TEXT_MAX),
	CYAML_FIELD_SEQUENCE("require", CYAML_FLAG_POINTER, struct config_trust, require, &require_entry, 0,
			     REQUIREMENTS),
	CYAML_FIELD_ENUM("link-keys", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_trust, link_keys,
			 link_keys_values, ARRAY_LEN(link_keys_values)),
	CYAML_FIELD_END,
};
