/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_load.h"

#include <stdlib.h>

#include "config_priv.h"

#define TEXT_MAX (POLICY_MAX_VALUE * 2 + 8)

static const cyaml_schema_value_t allowed_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX),
};

static const cyaml_schema_field_t entry_fields[] = {
	CYAML_FIELD_UINT("index", CYAML_FLAG_DEFAULT, struct policy_entry, index),
	CYAML_FIELD_STRING_PTR("type", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct policy_entry, type, 1,
			       CONFIG_NAME_MAX),
	CYAML_FIELD_SEQUENCE("allowed", CYAML_FLAG_POINTER, struct policy_entry, allowed, &allowed_entry, 0,
			     POLICY_MAX_ALLOWED),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t measurement_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_entry, entry_fields),
};

static const cyaml_schema_field_t top_fields[] = {
	CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct policy, version),
	CYAML_FIELD_STRING_PTR("device", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct policy, device, 1,
			       CONFIG_TEXT_MAX),
	CYAML_FIELD_BOOL("others", CYAML_FLAG_OPTIONAL, struct policy, others),
	CYAML_FIELD_SEQUENCE("measurements", CYAML_FLAG_POINTER, struct policy, measurements, &measurement_entry, 0,
			     POLICY_MAX_ENTRIES),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t policy_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct policy, top_fields),
};

static int validate_entry(const struct policy *policy, const struct config_tree *tree, unsigned i)
{
	const struct policy_entry *entry = &policy->measurements[i];
	const struct config_node *index = config_at(tree, "measurements.%u.index", i);

	/* 0 and 0xff are operations of GET_MEASUREMENTS, no blocks (DSP0274 10.11). */
	if (entry->index == 0 || entry->index == 0xff)
		return config_fail(tree, index, "\"index\" must be from 1 to 254, not %u", entry->index);
	for (unsigned j = 0; j < i; j++)
		if (policy->measurements[j].index == entry->index)
			return config_fail(tree, index, "measurement %u has an entry already, measurements.%u",
					   entry->index, j);
	if (entry->allowed_count == 0)
		return config_fail(tree, config_at(tree, "measurements.%u.allowed", i),
				   "no value is allowed: no device could pass");
	for (unsigned a = 0; a < entry->allowed_count; a++) {
		const char *wrong = policy_value_wrong(entry->allowed[a]);

		if (wrong)
			return config_fail(tree, config_at(tree, "measurements.%u.allowed.%u", i, a),
					   "the value \"%.40s\" %s; write it like sha384:0123..., or let "
					   "`aerie attest --record` write it",
					   entry->allowed[a], wrong);
	}
	return 0;
}

int policy_parse(struct policy **out, const char *name, const char *text, uint64_t len)
{
	struct config_tree tree = {.name = name};
	struct policy *policy;
	void *data;
	int err = config_parse_tree(&tree, text, len, NULL, &policy_schema, &data);

	*out = NULL;
	policy = data;
	if (err == 0 && policy->version != POLICY_VERSION)
		err = config_fail(&tree, config_at(&tree, "version"), "a policy has version %u, not %u", POLICY_VERSION,
				  policy->version);
	for (unsigned i = 0; err == 0 && i < policy->measurements_count; i++)
		err = validate_entry(policy, &tree, i);
	config_tree_free(&tree);
	if (err < 0) {
		policy_free(policy);
		return err;
	}
	*out = policy;
	return 0;
}

int policy_load(struct policy **out, const char *path)
{
	size_t len;
	char *text;
	int err = config_read_file(path, "measurement policy", &text, &len);

	*out = NULL;
	if (err == 0)
		err = policy_parse(out, path, text, len);
	free(text);
	return err;
}

void policy_free(struct policy *policy)
{
	config_free_tree_data(&policy_schema, policy);
}
