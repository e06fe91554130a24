/* SPDX-License-Identifier: Apache-2.0 */
#include "config_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static void node_free(struct config_node *node)
{
	/* Depth is at most CONFIG_MAX_DEPTH. */
	for (unsigned i = 0; i < node->nr_children; i++)
		node_free(node->children[i]);
	free(node->children);
	free(node->text);
	free(node->key);
	free(node);
}

void config_tree_free(struct config_tree *tree)
{
	if (tree->root)
		node_free(tree->root);
	tree->root = NULL;
}

static int append_child(struct config_node *parent, struct config_node *node)
{
	struct config_node **children =
		reallocarray(parent->children, parent->nr_children + 1, sizeof(struct config_node *));

	if (!children)
		return -ENOMEM;
	parent->children = children;
	children[parent->nr_children++] = node;
	node->parent = parent;
	return 0;
}

struct config_node *config_node_new(struct config_tree *tree, struct config_node *parent, enum config_kind kind,
				    const char *key, const char *text)
{
	struct config_node *node;

	if (tree->nr_nodes >= CONFIG_MAX_NODES) {
		log_error("%s: more than %u values; no machine needs that many", tree->name, CONFIG_MAX_NODES);
		return NULL;
	}
	node = calloc(1, sizeof(*node));
	if (!node)
		goto no_memory;
	node->kind = kind;
	if (key && !(node->key = strdup(key)))
		goto no_memory;
	if (text && !(node->text = strdup(text)))
		goto no_memory;
	if (parent && append_child(parent, node) < 0)
		goto no_memory;
	if (!parent)
		tree->root = node;
	tree->nr_nodes++;
	return node;

no_memory:
	log_error("%s: out of memory while reading the configuration", tree->name);
	if (node)
		node_free(node);
	return NULL;
}

void config_node_remove(struct config_node *node)
{
	struct config_node *parent = node->parent;
	unsigned i = 0;

	while (parent->children[i] != node)
		i++;
	memmove(&parent->children[i], &parent->children[i + 1],
		(parent->nr_children - i - 1) * sizeof(parent->children[0]));
	parent->nr_children--;
	node_free(node);
}

struct config_node *config_node_get(const struct config_node *node, const char *key)
{
	if (node->kind != CONFIG_MAPPING)
		return NULL;
	for (unsigned i = 0; i < node->nr_children; i++)
		if (strcmp(node->children[i]->key, key) == 0)
			return node->children[i];
	return NULL;
}

void config_node_path(const struct config_node *node, char path[CONFIG_PATH_LEN])
{
	size_t used;
	unsigned i = 0;

	if (!node->parent) {
		path[0] = '\0';
		return;
	}
	config_node_path(node->parent, path);
	used = strlen(path);
	if (used > 0 && used < CONFIG_PATH_LEN - 1)
		path[used++] = '.';
	if (node->key) {
		snprintf(path + used, CONFIG_PATH_LEN - used, "%s", node->key);
		return;
	}
	while (node->parent->children[i] != node)
		i++;
	snprintf(path + used, CONFIG_PATH_LEN - used, "%u", i);
}

const struct config_node *config_at(const struct config_tree *tree, const char *fmt, ...)
{
	const struct config_node *node = tree->root;
	char path[CONFIG_PATH_LEN];
	char *save, *step;
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	for (step = strtok_r(path, ".", &save); step; step = strtok_r(NULL, ".", &save)) {
		const struct config_node *next = config_node_get(node, step);

		if (node->kind == CONFIG_SEQUENCE && strtoul(step, NULL, 10) < node->nr_children)
			next = node->children[strtoul(step, NULL, 10)];
		if (!next)
			break;
		node = next;
	}
	return node;
}

__attribute__((format(printf, 4, 0))) static int fail_v(const struct config_tree *tree, const struct config_node *node,
							bool at_key, const char *fmt, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, args);
	if (node->origin)
		return log_fail(-EINVAL, "--set %s: %s", node->origin, text);
	return log_fail(-EINVAL, "%s:%u:%u: %s", tree->name, at_key ? node->key_line : node->line,
			at_key ? node->key_column : node->column, text);
}

int config_fail(const struct config_tree *tree, const struct config_node *node, const char *fmt, ...)
{
	va_list args;
	int err;

	va_start(args, fmt);
	err = fail_v(tree, node, false, fmt, args);
	va_end(args);
	return err;
}

int config_fail_key(const struct config_tree *tree, const struct config_node *node, const char *fmt, ...)
{
	va_list args;
	int err;

	va_start(args, fmt);
	err = fail_v(tree, node, true, fmt, args);
	va_end(args);
	return err;
}
