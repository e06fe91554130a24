/* SPDX-License-Identifier: Apache-2.0 */
#include "viommu_map.h"

#include <errno.h>
#include <stdlib.h>

/* Ordered by iova.first, and thereby, being disjoint, by iova.last too. Recursion is as deep as the tree is high: 1.44
 * log2(count) at most. */
struct viommu_node {
	struct viommu_mapping mapping; /* first member: handed out as such */
	struct viommu_node *left, *right;
	int height; /* of a leaf: 1 */
};

static int height(const struct viommu_node *n)
{
	return n ? n->height : 0;
}

static void update(struct viommu_node *n)
{
	int l = height(n->left), r = height(n->right);

	n->height = 1 + (l > r ? l : r);
}

static struct viommu_node *rotate_right(struct viommu_node *n)
{
	struct viommu_node *top = n->left;

	n->left = top->right;
	top->right = n;
	update(n);
	update(top);
	return top;
}

static struct viommu_node *rotate_left(struct viommu_node *n)
{
	struct viommu_node *top = n->right;

	n->right = top->left;
	top->left = n;
	update(n);
	update(top);
	return top;
}

/* Restores the balance of @n, whose subtrees are balanced and differ in height by 2 at most. Returns the new root. */
static struct viommu_node *balance(struct viommu_node *n)
{
	int lean = height(n->left) - height(n->right);

	if (lean > 1) {
		if (height(n->left->left) < height(n->left->right))
			n->left = rotate_left(n->left);
		return rotate_right(n);
	}
	if (lean < -1) {
		if (height(n->right->right) < height(n->right->left))
			n->right = rotate_right(n->right);
		return rotate_left(n);
	}
	update(n);
	return n;
}

static struct viommu_node *insert(struct viommu_node *n, struct viommu_node *add)
{
	if (!n)
		return add;
	if (add->mapping.iova.first < n->mapping.iova.first)
		n->left = insert(n->left, add);
	else
		n->right = insert(n->right, add);
	return balance(n);
}

/* Takes the lowest node out of @n, into *@out. */
static struct viommu_node *take_lowest(struct viommu_node *n, struct viommu_node **out)
{
	if (!n->left) {
		*out = n;
		return n->right;
	}
	n->left = take_lowest(n->left, out);
	return balance(n);
}

/* Removes and frees the node that begins at @first, which is there. */
static struct viommu_node *erase(struct viommu_node *n, uint64_t first)
{
	struct viommu_node *left = n->left, *right = n->right, *top;

	if (first < n->mapping.iova.first) {
		n->left = erase(left, first);
		return balance(n);
	}
	if (first > n->mapping.iova.first) {
		n->right = erase(right, first);
		return balance(n);
	}
	free(n);
	if (!right)
		return left;
	right = take_lowest(right, &top);
	top->left = left;
	top->right = right;
	return balance(top);
}

int viommu_map_insert(struct viommu_map *map, const struct viommu_mapping *mapping)
{
	struct viommu_node *n;

	if (viommu_map_first(map, mapping->iova))
		return -EEXIST;
	n = malloc(sizeof(*n));
	if (!n)
		return -ENOMEM;
	*n = (struct viommu_node){.mapping = *mapping, .height = 1};
	map->root = insert(map->root, n);
	map->count++;
	return 0;
}

const struct viommu_mapping *viommu_map_first(const struct viommu_map *map, struct range range)
{
	const struct viommu_node *n = map->root, *found = NULL;

	while (n) {
		if (n->mapping.iova.last >= range.first) {
			found = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found && found->mapping.iova.first <= range.last ? &found->mapping : NULL;
}

const struct viommu_mapping *viommu_map_next(const struct viommu_map *map, const struct viommu_mapping *mapping,
					     struct range range)
{
	if (mapping->iova.last >= range.last)
		return NULL;
	return viommu_map_first(map, (struct range){mapping->iova.last + 1, range.last});
}

const struct viommu_mapping *viommu_map_last(const struct viommu_map *map, struct range range)
{
	const struct viommu_node *n = map->root, *found = NULL;

	while (n) {
		if (n->mapping.iova.first <= range.last) {
			found = n;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return found && found->mapping.iova.last >= range.first ? &found->mapping : NULL;
}

size_t viommu_map_remove(struct viommu_map *map, struct range range)
{
	const struct viommu_mapping *m;
	size_t n = 0;

	while ((m = viommu_map_first(map, range))) {
		map->root = erase(map->root, m->iova.first);
		map->count--;
		n++;
	}
	return n;
}

static void free_all(struct viommu_node *n)
{
	if (!n)
		return;
	free_all(n->left);
	free_all(n->right);
	free(n);
}

void viommu_map_clear(struct viommu_map *map)
{
	free_all(map->root);
	*map = (struct viommu_map){0};
}

/* Checks the subtree; *@count grows by its nodes, *@last is the end of the mapping before (valid when *@count > 0). */
static bool valid(const struct viommu_node *n, size_t *count, uint64_t *last)
{
	int lean;

	if (!n)
		return true;
	if (!valid(n->left, count, last))
		return false;
	if (*count > 0 && n->mapping.iova.first <= *last)
		return false;
	if (n->mapping.iova.last < n->mapping.iova.first)
		return false;
	*last = n->mapping.iova.last;
	++*count;
	lean = height(n->left) - height(n->right);
	if (lean < -1 || lean > 1)
		return false;
	if (n->height != 1 + (lean > 0 ? height(n->left) : height(n->right)))
		return false;
	return valid(n->right, count, last);
}

bool viommu_map_valid(const struct viommu_map *map)
{
	uint64_t last = 0;
	size_t count = 0;

	return valid(map->root, &count, &last) && count == map->count;
}
