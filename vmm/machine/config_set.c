/* SPDX-License-Identifier: Apache-2.0 */
/* --set PATH=VALUE: edits the tree, guided by the schema, before it is held against it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_priv.h"
#include "log.h"

struct setter {
	struct config_tree *tree;
	const char *override; /* as given */
	const char *value;    /* after the = */
	struct config_node *node;
	const cyaml_schema_value_t *schema; /* of node */
	bool removing;			    /* nothing is made on the way */
	bool missing;			    /* removing, and the path has left the tree: nothing to do */
};

static enum config_kind kind_of(const cyaml_schema_value_t *schema)
{
	if (schema->type == CYAML_MAPPING)
		return CONFIG_MAPPING;
	return schema->type == CYAML_SEQUENCE ? CONFIG_SEQUENCE : CONFIG_SCALAR;
}

/* Makes the child that the path names. */
static int make_child(struct setter *s, const char *key, const cyaml_schema_value_t *schema)
{
	enum config_kind kind = kind_of(schema);
	struct config_node *child;

	if (s->removing) {
		s->missing = true;
		return 0;
	}
	child = config_node_new(s->tree, s->node, kind, key, kind == CONFIG_SCALAR ? s->value : NULL);
	if (!child)
		return -ENOMEM;
	child->origin = s->override;
	s->node = child;
	return 0;
}

static int step_mapping(struct setter *s, const char *above, const char *key)
{
	const cyaml_schema_field_t *field = config_field(s->schema, key);
	struct config_node *child = s->missing ? NULL : config_node_get(s->node, key);
	int err = 0;

	if (!field) {
		/* Point at the option, not at the place in the file. */
		struct config_node here = {.origin = s->override};

		return config_fail_unknown(s->tree, &here, key, above, s->schema);
	}
	if (child)
		s->node = child;
	else
		err = make_child(s, key, &field->value);
	s->schema = &field->value;
	return err;
}

static int step_sequence(struct setter *s, const char *above, const char *step)
{
	unsigned long index;
	char *end;

	errno = 0;
	index = strtoul(step, &end, 10);
	if (step[0] < '0' || step[0] > '9' || *end || errno)
		return log_fail(-EINVAL, "--set %s: \"%s\" is a list; name an entry by its number: %s.0", s->override,
				above, above);
	s->schema = s->schema->sequence.entry;
	if (!s->missing && index < s->node->nr_children) {
		s->node = s->node->children[index];
		return 0;
	}
	if (s->missing || s->removing || index > s->node->nr_children)
		return log_fail(-EINVAL, "--set %s: there is no %s.%lu; \"%s\" has %u entries, counted from 0%s",
				s->override, above, index, above, s->missing ? 0 : s->node->nr_children,
				s->removing ? "" : ", and one can be added at the end");
	return make_child(s, NULL, s->schema);
}

/* Follows the path down the schema and, as far as it exists, down the tree. */
static int walk(struct setter *s, char *path)
{
	char above[CONFIG_PATH_LEN] = "";
	char *rest = path, *step;
	int err = 0;

	while (err == 0 && (step = strsep(&rest, "."))) {
		if (!*step)
			return log_fail(
				-EINVAL,
				"--set %s: the path has an empty part; write it like machine.cpus or pci.0.iommu",
				s->override);
		if (!s->missing)
			err = config_check_kind(s->tree, s->node, s->schema);
		if (err < 0)
			return err;
		if (s->schema->type == CYAML_MAPPING)
			err = step_mapping(s, above, step);
		else if (s->schema->type == CYAML_SEQUENCE)
			err = step_sequence(s, above, step);
		else
			return log_fail(-EINVAL, "--set %s: \"%s\" is a single value; nothing lies below it",
					s->override, above);
		snprintf(above, sizeof(above), "%.*s", (int)(step + strlen(step) - path), s->override);
	}
	return err;
}

/* The walk has ended at s->node: gives it the value. */
static int assign(struct setter *s)
{
	bool mapping = s->schema->type == CYAML_MAPPING;
	char path[CONFIG_PATH_LEN];
	char *text;

	if (s->removing) {
		if (!s->missing)
			config_node_remove(s->node);
		return 0;
	}
	config_node_path(s->node, path);
	if (kind_of(s->schema) != CONFIG_SCALAR)
		return log_fail(-EINVAL, "--set %s: \"%s\" is a %s; name a value inside it, like %s.%s", s->override,
				path, mapping ? "mapping" : "list", path,
				mapping ? s->schema->mapping.fields[0].key : "0");
	if (s->node->kind != CONFIG_SCALAR)
		return config_check_kind(s->tree, s->node, s->schema);
	text = strdup(s->value);
	if (!text)
		return log_fail(-ENOMEM, "--set %s: out of memory", s->override);
	free(s->node->text);
	s->node->text = text;
	s->node->plain = true;
	s->node->origin = s->override;
	return 0;
}

int config_set(struct config_tree *tree, const char *override)
{
	const char *equals = strchr(override, '=');
	struct setter s = {.tree = tree, .override = override, .node = tree->root, .schema = &config_schema};
	char *path;
	int err;

	if (!equals || equals == override)
		return log_fail(-EINVAL, "--set %s: must be PATH=VALUE, like machine.cpus=4", override);
	err = config_read_bytes("--set", override, strlen(override));
	if (err < 0)
		return err;
	s.value = equals + 1;
	s.removing = *s.value == '\0';
	path = strndup(override, (size_t)(equals - override));
	if (!path)
		return log_fail(-ENOMEM, "--set %s: out of memory", override);
	err = walk(&s, path);
	free(path);
	return err < 0 ? err : assign(&s);
}
