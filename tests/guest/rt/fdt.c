/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of flattened device trees (Devicetree Specification 0.4, chapter 5), as far as payloads need it. */
#include "rt.h"

enum {
	BEGIN_NODE = 1,
	END_NODE = 2,
	PROP = 3,
	NOP = 4,
	END = 9,
};

#define MAX_DEPTH 16u

static const uint8_t *strings;
static const uint32_t *structure;

uint32_t fdt_cell(const uint32_t *cells, unsigned n)
{
	return __builtin_bswap32(cells[n]);
}

uint64_t fdt_size(const void *blob)
{
	return fdt_cell(blob, 1);
}

void fdt_init(const void *blob)
{
	structure = (const uint32_t *)((const uint8_t *)blob + fdt_cell(blob, 2));
	strings = (const uint8_t *)blob + fdt_cell(blob, 3);
}

/* The token behind the one at @p. */
static const uint32_t *behind(const uint32_t *p)
{
	switch (fdt_cell(p, 0)) {
	case BEGIN_NODE:
		return p + 1 + strlen((const char *)(p + 1)) / 4 + 1;
	case PROP:
		return p + 3 + (fdt_cell(p, 1) + 3) / 4;
	default:
		return p + 1;
	}
}

const uint32_t *fdt_cells(struct fdt_node node, const char *name, unsigned *cells)
{
	if (!node.at)
		return NULL;
	for (const uint32_t *p = behind(node.at);; p = behind(p)) {
		uint32_t token = fdt_cell(p, 0);

		if (token == PROP && strcmp((const char *)strings + fdt_cell(p, 2), name) == 0) {
			*cells = fdt_cell(p, 1) / 4;
			return p + 3;
		}
		if (token != PROP && token != NOP)
			return NULL;
	}
}

/* Whether the property is a list of strings with @what in it. */
static bool has_string(struct fdt_node node, const char *name, const char *what)
{
	unsigned cells;
	const uint32_t *value = fdt_cells(node, name, &cells);

	if (!value)
		return false;
	const char *s = (const char *)value, *last = s + __builtin_bswap32(value[-2]);

	for (; s < last; s += strlen(s) + 1)
		if (strcmp(s, what) == 0)
			return true;
	return false;
}

static unsigned count_cells(struct fdt_node node, const char *name, unsigned otherwise)
{
	unsigned cells;
	const uint32_t *value = fdt_cells(node, name, &cells);

	return value ? fdt_cell(value, 0) : otherwise;
}

static struct fdt_node find(const char *property, const char *what, unsigned n)
{
	struct fdt_node path[MAX_DEPTH] = {{NULL, 2, 1}};
	unsigned depth = 0;

	for (const uint32_t *p = structure; fdt_cell(p, 0) != END; p = behind(p)) {
		if (fdt_cell(p, 0) == END_NODE)
			depth--;
		if (fdt_cell(p, 0) != BEGIN_NODE || depth + 1 >= MAX_DEPTH)
			continue;
		struct fdt_node parent = path[depth];

		path[++depth] = (struct fdt_node){p, count_cells(parent, "#address-cells", 2),
						  count_cells(parent, "#size-cells", 1)};
		if (has_string(path[depth], property, what) && n-- == 0)
			return path[depth];
	}
	return (struct fdt_node){NULL, 0, 0};
}

struct fdt_node fdt_find(const char *what, unsigned n)
{
	return find("compatible", what, n);
}

struct fdt_node fdt_find_type(const char *type)
{
	return find("device_type", type, 0);
}

static uint64_t number(const uint32_t *cells, unsigned n)
{
	return n == 2 ? (uint64_t)fdt_cell(cells, 0) << 32 | fdt_cell(cells, 1) : n ? fdt_cell(cells, 0) : 0;
}

bool fdt_reg(struct fdt_node node, unsigned n, uint64_t *addr, uint64_t *size)
{
	unsigned cells, each = node.address_cells + node.size_cells;
	const uint32_t *value = fdt_cells(node, "reg", &cells);

	if (!value || cells < (n + 1) * each)
		return false;
	*addr = number(value + n * each, node.address_cells);
	*size = number(value + n * each + node.address_cells, node.size_cells);
	return true;
}

uint32_t fdt_phandle(struct fdt_node node)
{
	return count_cells(node, "phandle", 0);
}
