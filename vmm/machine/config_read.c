/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From bytes to the tree, by libyaml's events. Of YAML we take mappings, lists and scalars; anchors, aliases, tags and
 * further documents are refused: no configuration needs them, and aliases are how a small file becomes a huge tree.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <yaml.h>

#include "config_priv.h"
#include "log.h"

struct reader {
	yaml_parser_t parser;
	struct config_tree *tree;
};

/* Length of the well-formed UTF-8 sequence at @s (Unicode 15, table 3-7), 0 when there is none. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0; /* overlong */
	else if (s[0] == 0xed)
		high = 0x9f; /* surrogates */
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f; /* beyond U+10FFFF */
	if (left < len || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return len;
}

static bool has_bom(const unsigned char *s, size_t len)
{
	return (len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0) || (len >= 2 && memcmp(s, "\xff\xfe", 2) == 0) ||
	       (len >= 2 && memcmp(s, "\xfe\xff", 2) == 0);
}

int config_read_bytes(const char *name, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned line = 1, column = 1;
	bool indentation = true;
	size_t step;

	if (has_bom(s, len))
		return log_fail(-EINVAL, "%s:1:1: begins with a byte order mark; save it as UTF-8 without one", name);
	for (size_t i = 0; i < len; i += step, column++) {
		step = utf8_length(s + i, len - i);
		if (step == 0)
			return log_fail(-EINVAL, "%s:%u:%u: byte 0x%02x is not UTF-8 text; is this a YAML file?", name,
					line, column, s[i]);
		if ((s[i] < ' ' && !strchr("\t\n\r", s[i])) || s[i] == '\0' || s[i] == 0x7f)
			return log_fail(-EINVAL, "%s:%u:%u: byte 0x%02x is not text; is this a YAML file?", name, line,
					column, s[i]);
		if (s[i] == '\t' && indentation)
			return log_fail(-EINVAL, "%s:%u:%u: a tab in the indentation; YAML is indented with spaces",
					name, line, column);
		if (s[i] != ' ')
			indentation = false;
		if (s[i] == '\n') {
			line++;
			column = 0;
			indentation = true;
		}
	}
	return 0;
}

static int fail_mark(const struct reader *r, yaml_mark_t mark, const char *what)
{
	return log_fail(-EINVAL, "%s:%zu:%zu: %s", r->tree->name, mark.line + 1, mark.column + 1, what);
}

static int next_event(struct reader *r, yaml_event_t *event)
{
	const yaml_parser_t *p = &r->parser;

	if (yaml_parser_parse(&r->parser, event))
		return 0;
	if (p->error == YAML_MEMORY_ERROR)
		return log_fail(-ENOMEM, "%s: out of memory while reading the configuration", r->tree->name);
	return log_fail(-EINVAL, "%s:%zu:%zu: not valid YAML: %s%s%s", r->tree->name, p->problem_mark.line + 1,
			p->problem_mark.column + 1, p->problem ? p->problem : "cannot be parsed", p->context ? " " : "",
			p->context ? p->context : "");
}

static void place(struct config_node *node, const yaml_event_t *event, const yaml_event_t *key)
{
	node->line = (unsigned)event->start_mark.line + 1;
	node->column = (unsigned)event->start_mark.column + 1;
	node->key_line = key ? (unsigned)key->start_mark.line + 1 : node->line;
	node->key_column = key ? (unsigned)key->start_mark.column + 1 : node->column;
}

/* Refuses anchors, aliases, tags and characters that a C string cannot hold. */
static int check_event(const struct reader *r, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return fail_mark(r, event->start_mark, "an alias (*); write the value out");
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
			return fail_mark(r, event->start_mark, "a NUL character inside a value");
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	default:
		break;
	}
	if (anchor)
		return fail_mark(r, event->start_mark, "an anchor (&); write the value out where it is needed");
	if (tag)
		return fail_mark(r, event->start_mark, "a tag (!); the type of every value is fixed, leave it out");
	return 0;
}

static int read_node(struct reader *r, struct config_node *parent, const yaml_event_t *key, const yaml_event_t *event,
		     unsigned depth);

static int read_sequence(struct reader *r, struct config_node *node, unsigned depth)
{
	for (;;) {
		yaml_event_t event;
		int err = next_event(r, &event);
		bool end;

		if (err < 0)
			return err;
		end = event.type == YAML_SEQUENCE_END_EVENT;
		if (!end)
			err = read_node(r, node, NULL, &event, depth);
		yaml_event_delete(&event);
		if (end || err < 0)
			return err;
	}
}

static int check_key(const struct reader *r, const struct config_node *node, const yaml_event_t *key)
{
	const struct config_node *first;
	int err = check_event(r, key);

	if (err < 0)
		return err;
	if (key->type != YAML_SCALAR_EVENT)
		return fail_mark(r, key->start_mark, "a key must be a word");
	first = config_node_get(node, (const char *)key->data.scalar.value);
	if (first)
		return log_fail(-EINVAL, "%s:%zu:%zu: the key \"%.64s\" is given twice; first in line %u",
				r->tree->name, key->start_mark.line + 1, key->start_mark.column + 1, first->key,
				first->key_line);
	return 0;
}

static int read_mapping(struct reader *r, struct config_node *node, unsigned depth)
{
	for (;;) {
		yaml_event_t key, value;
		int err = next_event(r, &key);

		if (err < 0)
			return err;
		if (key.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&key);
			return 0;
		}
		err = check_key(r, node, &key);
		if (err == 0)
			err = next_event(r, &value);
		if (err == 0) {
			err = read_node(r, node, &key, &value, depth);
			yaml_event_delete(&value);
		}
		yaml_event_delete(&key);
		if (err < 0)
			return err;
	}
}

static int read_node(struct reader *r, struct config_node *parent, const yaml_event_t *key, const yaml_event_t *event,
		     unsigned depth)
{
	const char *text = NULL;
	struct config_node *node;
	enum config_kind kind = CONFIG_SCALAR;
	int err = check_event(r, event);

	if (err < 0)
		return err;
	if (depth >= CONFIG_MAX_DEPTH)
		return fail_mark(r, event->start_mark, "nested too deeply; no key of the schema lies here");
	if (event->type == YAML_SCALAR_EVENT)
		text = (const char *)event->data.scalar.value;
	else
		kind = event->type == YAML_MAPPING_START_EVENT ? CONFIG_MAPPING : CONFIG_SEQUENCE;
	node = config_node_new(r->tree, parent, kind, key ? (const char *)key->data.scalar.value : NULL, text);
	if (!node)
		return -EINVAL;
	place(node, event, key);
	if (kind == CONFIG_MAPPING)
		return read_mapping(r, node, depth + 1);
	if (kind == CONFIG_SEQUENCE)
		return read_sequence(r, node, depth + 1);
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return 0;
}

/* stream-start, document-start, the root node, document-end, stream-end */
static int read_stream(struct reader *r)
{
	int err = 0;

	for (;;) {
		yaml_event_t event;
		yaml_event_type_t type;

		err = next_event(r, &event);
		if (err < 0)
			return err;
		type = event.type;
		if (type == YAML_DOCUMENT_START_EVENT && r->tree->root)
			err = fail_mark(r, event.start_mark, "a second document; one file describes one machine");
		else if (type == YAML_STREAM_END_EVENT && !r->tree->root)
			err = log_fail(-EINVAL, "%s:1:1: the file is empty; see configs/vms/minimal.yaml for a start",
				       r->tree->name);
		else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
			 type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT)
			err = read_node(r, NULL, NULL, &event, 0);
		yaml_event_delete(&event);
		if (err < 0 || type == YAML_STREAM_END_EVENT)
			return err;
	}
}

int config_read(struct config_tree *tree, const char *text, size_t len)
{
	struct reader r = {.tree = tree};
	int err = config_read_bytes(tree->name, text, len);

	if (err < 0)
		return err;
	if (!yaml_parser_initialize(&r.parser))
		return log_fail(-ENOMEM, "%s: out of memory while reading the configuration", tree->name);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	err = read_stream(&r);
	yaml_parser_delete(&r.parser);
	return err;
}
