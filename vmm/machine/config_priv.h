/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of reading a configuration, shared by the config_*.c files. Each logs its one message and returns 0 or
 * -errno. */
#ifndef AERIE_CONFIG_PRIV_H
#define AERIE_CONFIG_PRIV_H

#include <cyaml/cyaml.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "config_tree.h"

/* Schema version 1: the only description of keys and types. Read by libcyaml, config_check.c and config_set.c. */
extern const cyaml_schema_value_t config_schema;
extern const cyaml_schema_value_t config_device_entry; /* its part for devices */
extern const cyaml_schema_field_t config_trust_fields[]; /* ... and for `trust` */

#define CONFIG_NR_CONSOLES 4u
extern const cyaml_strval_t config_console_values[CONFIG_NR_CONSOLES];

#define CONFIG_TEXT_MAX	  4095u /* paths and command lines */
#define CONFIG_SOCKET_MAX 107u	/* sockaddr_un.sun_path with its end */
#define CONFIG_NAME_MAX	  63u

/** Refuses what is no plain UTF-8 text: byte order marks, control characters, tabs as indentation, bad UTF-8.
 *  @text need not be terminated. */
int config_read_bytes(const char *name, const char *text, size_t len);

/** Parses one YAML document into @tree, which the caller frees, also after a failure. */
int config_read(struct config_tree *tree, const char *text, size_t len);

/** Applies one "path=value". An empty value takes the key away. */
int config_set(struct config_tree *tree, const char *override);

/** Holds the tree against @schema: version, unknown and missing keys, types, values of enumerations, lengths. */
int config_check(const struct config_tree *tree, const cyaml_schema_value_t *schema);

/** The whole way of a YAML text of @schema: bytes, tree, overrides (of config_schema only; NULL: none), check, struct.
 *  The caller frees *@out with config_free_tree_data(), and @tree, also after a failure. */
int config_parse_tree(struct config_tree *tree, const char *text, size_t len, const char *const *overrides,
		      const cyaml_schema_value_t *schema, void **out);
void config_free_tree_data(const cyaml_schema_value_t *schema, void *data);

/** Reads a file of at most CONFIG_MAX_FILE bytes (one more tells that it is larger). @what: for messages. The caller
 *  frees *@text, also after a failure. */
int config_read_file(const char *path, const char *what, char **text, size_t *len);

/** Refuses @node when it is not what @schema wants at the top (mapping, list or value). */
int config_check_kind(const struct config_tree *tree, const struct config_node *node,
		      const cyaml_schema_value_t *schema);

/** Field @key of a mapping's schema, or NULL. */
const cyaml_schema_field_t *config_field(const cyaml_schema_value_t *schema, const char *key);

/** Points at @node (its key) and lists the keys that the mapping at path @above knows. */
int config_fail_unknown(const struct config_tree *tree, const struct config_node *node, const char *key,
			const char *above, const cyaml_schema_value_t *schema);

/** What the schema cannot say: ranges, names, references, slots. Completes @config: memory_bytes, full BDFs, slots,
 * name. */
int config_validate(struct config *config, const struct config_tree *tree);

/** The entries of `pci.@port.devices`: kinds, ids, functions, and each kind's own values. */
int config_validate_devices(struct config *config, const struct config_tree *tree, unsigned port);

/** The `trust` block of device @device below port @port. */
int config_validate_trust(struct config *config, const struct config_tree *tree, unsigned port, unsigned device);

/** Refuses @text at @node when it is no name (letters, digits, "-", "_", "."). */
int config_validate_name(const struct config_tree *tree, const struct config_node *node, const char *text);

/** Reads "512M": a whole number and K, M, G or T (binary), or bytes without a unit. Returns NULL and sets *@bytes, or
 * says what is wrong. */
const char *config_parse_size(const char *text, uint64_t *bytes);

#endif
