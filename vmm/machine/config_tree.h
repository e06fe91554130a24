/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration file as a tree whose every node knows where it was written, so that any later finding can point at
 * it. Built from the file (config_read.c), edited by --set (config_set.c), held against the schema (config_check.c),
 * then given to libcyaml (config_load.c). The tree owns its nodes and texts; origins are borrowed from the caller's
 * overrides.
 */
#ifndef AERIE_CONFIG_TREE_H
#define AERIE_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_MAX_DEPTH 16u   /* levels of nesting; the schema needs 5 */
#define CONFIG_MAX_NODES 4096u /* values in one file */
#define CONFIG_PATH_LEN	 128u  /* "pci.30.devices.7.function", cut off beyond */

enum config_kind {
	CONFIG_SCALAR,
	CONFIG_MAPPING,
	CONFIG_SEQUENCE,
};

struct config_node {
	enum config_kind kind;
	bool plain;	       /* scalar without quotes */
	unsigned line, column; /* of the value, from 1 */
	const char *origin;    /* the override that made the node; NULL: the file */
	char *text;	       /* scalars */
	char *key;	       /* children of mappings */
	unsigned key_line, key_column;
	struct config_node *parent;
	struct config_node **children;
	unsigned nr_children;
};

struct config_tree {
	const char *name; /* of the file, borrowed */
	struct config_node *root;
	unsigned nr_nodes;
};

/** New node below @parent (NULL: the root), last of its children; @key is copied when the parent is a mapping, @text
 * when the node is a scalar. NULL when memory is short or CONFIG_MAX_NODES is reached (both logged). */
struct config_node *config_node_new(struct config_tree *tree, struct config_node *parent, enum config_kind kind,
				    const char *key, const char *text);

/** Takes @node out of its parent and frees it with all that is below. */
void config_node_remove(struct config_node *node);

void config_tree_free(struct config_tree *tree);

/** Child of the mapping @node, or NULL. */
struct config_node *config_node_get(const struct config_node *node, const char *key);

/** Writes the path of @node ("pci.0.devices.1"; "" for the root). */
void config_node_path(const struct config_node *node, char path[CONFIG_PATH_LEN]);

/** The node at the printed path, or its deepest ancestor that exists. Never NULL on a tree with a root. */
__attribute__((format(printf, 2, 3))) const struct config_node *config_at(const struct config_tree *tree,
									  const char *fmt, ...);

/** Logs "FILE:LINE:COLUMN: ..." for the value of @node ("--set PATH=VALUE: ..." for one that an override made) and
 * returns -EINVAL. */
__attribute__((format(printf, 3, 4))) int config_fail(const struct config_tree *tree, const struct config_node *node,
						      const char *fmt, ...);

/** The same, pointing at the key of @node. */
__attribute__((format(printf, 3, 4))) int config_fail_key(const struct config_tree *tree,
							  const struct config_node *node, const char *fmt, ...);

#endif
