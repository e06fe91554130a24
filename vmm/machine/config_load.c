/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a configuration: bytes, tree, overrides, schema, struct config, validation. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "config_priv.h"
#include "fd.h"
#include "log.h"

struct bytes {
	unsigned char *data;
	size_t len, cap;
};

static int bytes_reserve(struct bytes *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 4096;
	unsigned char *data;

	while (cap - b->len < more)
		cap *= 2;
	if (cap == b->cap)
		return 0;
	data = realloc(b->data, cap);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

static int on_emitted(void *opaque, unsigned char *data, size_t len)
{
	struct bytes *b = opaque;

	if (bytes_reserve(b, len) < 0)
		return 0;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 1;
}

/* libyaml owns the event from here, whatever happens. */
static bool emit(yaml_emitter_t *emitter, int initialized, yaml_event_t *event)
{
	return initialized && yaml_emitter_emit(emitter, event);
}

static bool emit_scalar(yaml_emitter_t *emitter, const char *text)
{
	yaml_event_t e;

	return emit(emitter,
		    yaml_scalar_event_initialize(&e, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1,
						 YAML_DOUBLE_QUOTED_SCALAR_STYLE),
		    &e);
}

static bool emit_node(yaml_emitter_t *emitter, const struct config_node *node)
{
	yaml_event_t e;
	bool ok;

	if (node->kind == CONFIG_SCALAR)
		return emit_scalar(emitter, node->text);
	if (node->kind == CONFIG_MAPPING)
		ok = emit(emitter, yaml_mapping_start_event_initialize(&e, NULL, NULL, 1, YAML_FLOW_MAPPING_STYLE), &e);
	else
		ok = emit(emitter, yaml_sequence_start_event_initialize(&e, NULL, NULL, 1, YAML_FLOW_SEQUENCE_STYLE),
			  &e);
	for (unsigned i = 0; ok && i < node->nr_children; i++) {
		if (node->kind == CONFIG_MAPPING)
			ok = emit_scalar(emitter, node->children[i]->key);
		ok = ok && emit_node(emitter, node->children[i]);
	}
	if (node->kind == CONFIG_MAPPING)
		return ok && emit(emitter, yaml_mapping_end_event_initialize(&e), &e);
	return ok && emit(emitter, yaml_sequence_end_event_initialize(&e), &e);
}

/* Writes the edited tree as YAML again, for libcyaml. */
static int emit_tree(const struct config_tree *tree, struct bytes *out)
{
	yaml_emitter_t emitter;
	yaml_event_t e;
	bool ok;

	if (!yaml_emitter_initialize(&emitter))
		return log_fail(-ENOMEM, "%s: out of memory while reading the configuration", tree->name);
	yaml_emitter_set_output(&emitter, on_emitted, out);
	yaml_emitter_set_unicode(&emitter, 1);
	ok = emit(&emitter, yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING), &e) &&
	     emit(&emitter, yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1), &e) &&
	     emit_node(&emitter, tree->root) && emit(&emitter, yaml_document_end_event_initialize(&e, 1), &e) &&
	     emit(&emitter, yaml_stream_end_event_initialize(&e), &e);
	yaml_emitter_delete(&emitter);
	return ok ? 0 : log_fail(-ENOMEM, "%s: out of memory while reading the configuration", tree->name);
}

struct cyaml_complaint {
	char first[256];
};

__attribute__((format(printf, 3, 0))) static void on_cyaml_log(cyaml_log_t level, void *opaque, const char *fmt,
							       va_list args)
{
	struct cyaml_complaint *complaint = opaque;

	if (level >= CYAML_LOG_ERROR && !complaint->first[0])
		vsnprintf(complaint->first, sizeof(complaint->first), fmt, args);
}

static const cyaml_config_t cyaml_plain = {.mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR};

/* config_check() has found the tree to fit, so a refusal here means that it and libcyaml disagree: a bug, reported as
 * one. */
static int load_struct(const struct config_tree *tree, const cyaml_schema_value_t *schema, void **out)
{
	struct cyaml_complaint complaint = {""};
	cyaml_config_t cyaml = cyaml_plain;
	struct bytes text = {0};
	cyaml_data_t *data = NULL;
	cyaml_err_t refused;
	int err = emit_tree(tree, &text);

	if (err < 0)
		goto out;
	cyaml.log_fn = on_cyaml_log;
	cyaml.log_ctx = &complaint;
	cyaml.flags = CYAML_CFG_NO_ALIAS;
	refused = cyaml_load_data(text.data, text.len, &cyaml, schema, &data, NULL);
	if (refused != CYAML_OK) {
		complaint.first[strcspn(complaint.first, "\n")] = '\0';
		err = log_fail(refused == CYAML_ERR_OOM ? -ENOMEM : -EINVAL,
			       "%s: cannot load the configuration: %s: %s; please report this file as a bug in aerie",
			       tree->name, cyaml_strerror(refused), complaint.first);
		goto out;
	}
	*out = data;
out:
	free(text.data);
	return err;
}

int config_parse_tree(struct config_tree *tree, const char *text, size_t len, const char *const *overrides,
		      const cyaml_schema_value_t *schema, void **out)
{
	int err;

	*out = NULL;
	if (len > CONFIG_MAX_FILE)
		return log_fail(-EFBIG, "%s: larger than %u KiB; this is no file for aerie", tree->name,
				CONFIG_MAX_FILE / 1024);
	err = config_read(tree, text, len);
	for (; err == 0 && overrides && *overrides; overrides++)
		err = config_set(tree, *overrides);
	if (err == 0)
		err = config_check(tree, schema);
	return err < 0 ? err : load_struct(tree, schema, out);
}

void config_free_tree_data(const cyaml_schema_value_t *schema, void *data)
{
	if (data)
		cyaml_free(&cyaml_plain, schema, data, 0);
}

int config_parse(struct config **out, const char *name, const char *text, uint64_t len, const char *const *overrides)
{
	struct config_tree tree = {.name = name};
	void *data;
	int err = config_parse_tree(&tree, text, len, overrides, &config_schema, &data);

	*out = NULL;
	if (err == 0)
		err = config_validate(data, &tree);
	config_tree_free(&tree);
	if (err < 0) {
		config_free(data);
		return err;
	}
	*out = data;
	return 0;
}

/* Reads to the end, so that pipes work too; one byte more than allowed tells that the file is too large. */
static int read_file(const char *path, const char *what, struct bytes *out)
{
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return log_fail(-errno, "cannot open the %s %s: %s; give the path of a YAML file", what, path,
				strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return log_fail(-EISDIR, "cannot read the %s %s: it is a directory; give the path of a YAML file", what,
				path);
	do {
		if (bytes_reserve(out, 4096) < 0)
			return log_fail(-ENOMEM, "%s: out of memory while reading the %s", path, what);
		n = read(fd, out->data + out->len, out->cap - out->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return log_fail(-errno, "cannot read the %s %s: %s", what, path, strerror(errno));
		out->len += (size_t)n;
	} while (n != 0 && out->len <= CONFIG_MAX_FILE);
	return 0;
}

int config_read_file(const char *path, const char *what, char **text, size_t *len)
{
	struct bytes bytes = {0};
	int err = read_file(path, what, &bytes);

	*text = (char *)bytes.data;
	*len = bytes.len;
	return err;
}

int config_load(struct config **out, const char *path, const char *const *overrides)
{
	size_t len;
	char *text;
	int err = config_read_file(path, "configuration", &text, &len);

	*out = NULL;
	if (err == 0)
		err = config_parse(out, path, text, len, overrides);
	free(text);
	return err;
}

void config_free(struct config *config)
{
	config_free_tree_data(&config_schema, config);
}

int config_iommu_index(const struct config *config, const char *id)
{
	for (unsigned i = 0; i < config->iommus_count; i++)
		if (strcmp(config->iommus[i].id, id) == 0)
			return (int)i;
	return -1;
}

bool config_assigns(const struct config *config)
{
	for (unsigned i = 0; i < config->pci_count; i++)
		for (unsigned d = 0; d < config->pci[i].devices_count; d++)
			if (config->pci[i].devices[d].kind == DEVICE_ASSIGN)
				return true;
	return false;
}
