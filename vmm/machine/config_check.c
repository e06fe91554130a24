/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds the tree against libcyaml's own schema table before libcyaml loads it. libcyaml would refuse the same
 * documents, but can neither point at the place nor say what would have been right.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "config_priv.h"

static int check_value(const struct config_tree *tree, const struct config_node *node,
		       const cyaml_schema_value_t *schema);

const cyaml_schema_field_t *config_field(const cyaml_schema_value_t *schema, const char *key)
{
	for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++)
		if (strcmp(field->key, key) == 0)
			return field;
	return NULL;
}

static void list_append(char *list, size_t cap, const char *word)
{
	size_t used = strlen(list);

	snprintf(list + used, cap - used, "%s%s", used > 0 ? ", " : "", word);
}

int config_fail_unknown(const struct config_tree *tree, const struct config_node *node, const char *key,
			const char *above, const cyaml_schema_value_t *schema)
{
	char known[256] = "";

	for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++)
		list_append(known, sizeof(known), field->key);
	if (!above[0])
		return config_fail_key(tree, node, "unknown key \"%.64s\" at the top level; known keys: %s", key,
				       known);
	return config_fail_key(tree, node, "unknown key \"%.64s\" in \"%s\"; known keys: %s", key, above, known);
}

int config_check_kind(const struct config_tree *tree, const struct config_node *node,
		      const cyaml_schema_value_t *schema)
{
	static const char *const is[] = {"a single value", "a mapping", "a list"};
	enum config_kind want = CONFIG_SCALAR;
	const char *should = "a single value";
	char path[CONFIG_PATH_LEN];

	if (schema->type == CYAML_MAPPING) {
		want = CONFIG_MAPPING;
		should = "a mapping (lines of \"key: value\")";
	} else if (schema->type == CYAML_SEQUENCE) {
		want = CONFIG_SEQUENCE;
		should = "a list (entries that begin with \"- \")";
	}
	if (node->kind == want)
		return 0;
	config_node_path(node, path);
	if (!path[0])
		return config_fail(tree, node, "the file must be %s, not %s", should, is[node->kind]);
	return config_fail(tree, node, "\"%s\" must be %s, not %s", path, should, is[node->kind]);
}

static bool is_null(const struct config_node *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; node->plain && i < sizeof(nulls) / sizeof(nulls[0]); i++)
		if (strcmp(node->text, nulls[i]) == 0)
			return true;
	return false;
}

static int check_uint(const struct config_tree *tree, const struct config_node *node, const char *path, uint32_t size)
{
	uint64_t max = size >= 8 ? UINT64_MAX : (UINT64_C(1) << (size * 8)) - 1;
	uint64_t value;

	/* No octal, no hexadecimal, no quotes, no sign: what libcyaml would read in surprising ways. */
	if (!node->plain || node->text[strspn(node->text, "0123456789")] != '\0' ||
	    (node->text[0] == '0' && node->text[1] != '\0'))
		return config_fail(tree, node, "\"%s\" must be a whole number like 1, not \"%.64s\"%s", path,
				   node->text, node->plain ? "" : " in quotes");
	errno = 0;
	value = strtoull(node->text, NULL, 10);
	if (errno == ERANGE || value > max)
		return config_fail(tree, node, "\"%s\" is too large: %.64s; at most %" PRIu64 " can be stored", path,
				   node->text, max);
	return 0;
}

static int check_enum(const struct config_tree *tree, const struct config_node *node, const char *path,
		      const cyaml_schema_value_t *schema)
{
	char known[256] = "";

	for (uint32_t i = 0; i < schema->enumeration.count; i++) {
		if (strcmp(node->text, schema->enumeration.strings[i].str) == 0)
			return 0;
		list_append(known, sizeof(known), schema->enumeration.strings[i].str);
	}
	if (schema->enumeration.count == 1)
		return config_fail(tree, node, "\"%s\" must be %s, not \"%.64s\"", path, known, node->text);
	return config_fail(tree, node, "\"%s\" must be one of %s; not \"%.64s\"", path, known, node->text);
}

static int check_bool(const struct config_tree *tree, const struct config_node *node, const char *path)
{
	if (node->plain && (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0))
		return 0;
	return config_fail(tree, node, "\"%s\" must be true or false, not \"%.64s\"%s", path, node->text,
			   node->plain ? "" : " in quotes");
}

static int check_string(const struct config_tree *tree, const struct config_node *node, const char *path,
			const cyaml_schema_value_t *schema)
{
	size_t len = strlen(node->text);

	if (len < schema->string.min)
		return config_fail(tree, node, "\"%s\" must not be empty", path);
	if (len > schema->string.max)
		return config_fail(tree, node, "\"%s\" has %zu bytes; at most %u", path, len, schema->string.max);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)node->text[i] < ' ' || node->text[i] == 0x7f)
			return config_fail(tree, node, "\"%s\" must be one line of text without control characters",
					   path);
	return 0;
}

static int check_mapping(const struct config_tree *tree, const struct config_node *node,
			 const cyaml_schema_value_t *schema)
{
	char path[CONFIG_PATH_LEN];

	config_node_path(node, path);
	for (unsigned i = 0; i < node->nr_children; i++) {
		const struct config_node *child = node->children[i];
		const cyaml_schema_field_t *field = config_field(schema, child->key);
		int err;

		if (!field)
			return config_fail_unknown(tree, child, child->key, path, schema);
		err = check_value(tree, child, &field->value);
		if (err < 0)
			return err;
	}
	for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++) {
		if ((field->value.flags & CYAML_FLAG_OPTIONAL) || config_node_get(node, field->key))
			continue;
		if (!path[0])
			return config_fail(tree, node, "the key \"%s\" is missing", field->key);
		return config_fail_key(tree, node, "\"%s\" lacks the key \"%s\"", path, field->key);
	}
	return 0;
}

static int check_sequence(const struct config_tree *tree, const struct config_node *node, const char *path,
			  const cyaml_schema_value_t *schema)
{
	if (node->nr_children > schema->sequence.max)
		return config_fail(tree, node->children[schema->sequence.max], "\"%s\" has %u entries; at most %u",
				   path, node->nr_children, schema->sequence.max);
	for (unsigned i = 0; i < node->nr_children; i++) {
		int err = check_value(tree, node->children[i], schema->sequence.entry);

		if (err < 0)
			return err;
	}
	return 0;
}

static int check_value(const struct config_tree *tree, const struct config_node *node,
		       const cyaml_schema_value_t *schema)
{
	char path[CONFIG_PATH_LEN];
	int err;

	config_node_path(node, path);
	if (node->kind == CONFIG_SCALAR && path[0] && is_null(node))
		return config_fail(tree, node, "\"%s\" has no value; give it one or leave the key out", path);
	err = config_check_kind(tree, node, schema);
	if (err < 0)
		return err;
	switch (schema->type) {
	case CYAML_MAPPING:
		return check_mapping(tree, node, schema);
	case CYAML_SEQUENCE:
		return check_sequence(tree, node, path, schema);
	case CYAML_UINT:
		return check_uint(tree, node, path, schema->data_size);
	case CYAML_BOOL:
		return check_bool(tree, node, path);
	case CYAML_ENUM:
		return check_enum(tree, node, path, schema);
	default:
		return check_string(tree, node, path, schema);
	}
}

int config_check(const struct config_tree *tree, const cyaml_schema_value_t *schema)
{
	const struct config_node *version = config_node_get(tree->root, "version");

	/* First, so that a file of tomorrow is not blamed for keys that we do not know yet. */
	if (version && version->kind == CONFIG_SCALAR && strspn(version->text, "0123456789") == strlen(version->text) &&
	    version->text[0] && strcmp(version->text, "1") != 0)
		return config_fail(tree, version,
				   "schema version %.20s is not known to this aerie (%s), which reads version %u",
				   version->text, AERIE_VERSION, CONFIG_VERSION);
	return check_value(tree, tree->root, schema);
}
