/* SPDX-License-Identifier: Apache-2.0 */
/* viommu/core: the interval map and the region set against naive models, under random operations and at the edges. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "viommu_map.h"
#include "viommu_regions.h"
#include "run_suite.h"

static uint64_t seed;

static uint64_t rnd(uint64_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (seed >> 33) % below;
}

static struct viommu_mapping mapping(uint64_t first, uint64_t last, uint64_t pa)
{
	return (struct viommu_mapping){.iova = {first, last}, .pa = pa, .flags = 3};
}

static int insert(struct viommu_map *map, uint64_t first, uint64_t last)
{
	struct viommu_mapping m = mapping(first, last, ~first);

	return viommu_map_insert(map, &m);
}

START_TEST(empty_map)
{
	struct viommu_map map = {0};

	ck_assert(viommu_map_valid(&map));
	ck_assert_ptr_null(viommu_map_first(&map, (struct range){0, UINT64_MAX}));
	ck_assert_ptr_null(viommu_map_last(&map, (struct range){0, UINT64_MAX}));
	ck_assert_uint_eq(viommu_map_remove(&map, (struct range){0, UINT64_MAX}), 0);
	viommu_map_clear(&map);
}
END_TEST

START_TEST(edges_of_the_address_space)
{
	struct viommu_map map = {0};
	const struct viommu_mapping *m;

	ck_assert_int_eq(insert(&map, 0, 0), 0);
	ck_assert_int_eq(insert(&map, UINT64_MAX, UINT64_MAX), 0);
	ck_assert_int_eq(insert(&map, 1, UINT64_MAX - 1), 0);
	ck_assert_int_eq(insert(&map, 0, UINT64_MAX), -EEXIST);
	ck_assert_int_eq(insert(&map, UINT64_MAX, UINT64_MAX), -EEXIST);
	ck_assert_uint_eq(map.count, 3);
	m = viommu_map_last(&map, (struct range){0, UINT64_MAX});
	ck_assert_uint_eq(m->iova.first, UINT64_MAX);
	ck_assert_ptr_null(viommu_map_next(&map, m, (struct range){0, UINT64_MAX}));
	ck_assert_uint_eq(viommu_map_remove(&map, (struct range){UINT64_MAX, UINT64_MAX}), 1);
	ck_assert_uint_eq(viommu_map_remove(&map, (struct range){0, UINT64_MAX}), 2);
	ck_assert_int_eq(insert(&map, 0, UINT64_MAX), 0);
	m = viommu_map_first(&map, (struct range){12345, 12345});
	ck_assert_uint_eq(m->iova.last, UINT64_MAX);
	ck_assert_uint_eq(m->pa, UINT64_MAX);
	viommu_map_clear(&map);
	ck_assert(viommu_map_valid(&map));
}
END_TEST

/* Balance: a million would be too slow for a list, and too deep for a tree that is one. */
START_TEST(ascending_and_descending)
{
	struct viommu_map map = {0};
	const uint64_t n = 50000;

	for (uint64_t i = 0; i < n; i++)
		ck_assert_int_eq(insert(&map, i * 4, i * 4 + 3), 0);
	ck_assert(viommu_map_valid(&map));
	for (uint64_t i = 0; i < n / 2; i++)
		ck_assert_uint_eq(viommu_map_remove(&map, (struct range){i * 4 + 1, i * 4 + 1}), 1);
	ck_assert(viommu_map_valid(&map));
	for (uint64_t i = n / 2; i-- > 0;)
		ck_assert_int_eq(insert(&map, i * 4, i * 4 + 3), 0);
	ck_assert(viommu_map_valid(&map));
	ck_assert_uint_eq(map.count, n);
	ck_assert_uint_eq(viommu_map_remove(&map, (struct range){2, n * 4}), n);
	ck_assert_uint_eq(map.count, 0);
}
END_TEST

/* The model: which mapping each of SPACE addresses belongs to. */
#define SPACE 192u

struct model {
	int owner[SPACE]; /* 0: none */
	struct range range[100000];
};

static struct model model;

static int model_first(struct range r)
{
	for (uint64_t a = r.first; a <= r.last; a++)
		if (model.owner[a])
			return model.owner[a];
	return 0;
}

static int model_last(struct range r)
{
	for (uint64_t a = r.last + 1; a-- > r.first;)
		if (model.owner[a])
			return model.owner[a];
	return 0;
}

static size_t model_remove(struct range r)
{
	size_t n = 0;
	int id;

	while ((id = model_first(r))) {
		for (uint64_t a = model.range[id].first; a <= model.range[id].last; a++)
			model.owner[a] = 0;
		n++;
	}
	return n;
}

static void same(const struct viommu_mapping *m, int id)
{
	ck_assert(!m == !id);
	if (!m)
		return;
	ck_assert_uint_eq(m->pa, (uint64_t)id);
	ck_assert_uint_eq(m->iova.first, model.range[id].first);
	ck_assert_uint_eq(m->iova.last, model.range[id].last);
}

START_TEST(random_operations)
{
	struct viommu_map map = {0};
	int ids = 0;

	seed = (uint64_t)_i + 1;
	memset(&model, 0, sizeof(model));
	for (unsigned step = 0; step < 20000; step++) {
		struct range r = {rnd(SPACE), 0};
		const struct viommu_mapping *m;
		unsigned n = 0;

		r.last = r.first + rnd(rnd(4) ? 4 : 64);
		if (r.last >= SPACE)
			r.last = SPACE - 1;
		switch (rnd(3)) {
		case 0:
			ck_assert_uint_eq(viommu_map_remove(&map, r), model_remove(r));
			break;
		default: {
			struct viommu_mapping add = mapping(r.first, r.last, (uint64_t)ids + 1);
			int err = viommu_map_insert(&map, &add);

			ck_assert_int_eq(err, model_first(r) ? -EEXIST : 0);
			if (err)
				break;
			model.range[++ids] = r;
			for (uint64_t a = r.first; a <= r.last; a++)
				model.owner[a] = ids;
		}
		}
		ck_assert(viommu_map_valid(&map));
		r.first = rnd(SPACE);
		r.last = r.first + rnd(SPACE - r.first);
		same(viommu_map_first(&map, r), model_first(r));
		same(viommu_map_last(&map, r), model_last(r));
		for (m = viommu_map_first(&map, r); m; m = viommu_map_next(&map, m, r), n++)
			ck_assert_int_eq(model.owner[m->iova.first], (int)m->pa);
		for (uint64_t a = r.first; a <= r.last; a++)
			if (model.owner[a] && (a == r.first || model.owner[a - 1] != model.owner[a]))
				n--;
		ck_assert_uint_eq(n, 0);
	}
	viommu_map_clear(&map);
}
END_TEST

START_TEST(region_set_against_a_bitmap)
{
	struct viommu_regions set = {0};
	bool in[64] = {0};

	seed = (uint64_t)_i + 77;
	for (unsigned step = 0; step < 5000; step++) {
		struct range r = {rnd(64), 0}, q = {rnd(64), 0};
		bool add = rnd(2), any = false;
		int err;

		r.last = r.first + rnd(64 - r.first);
		if (rnd(3))
			r.last = r.first;
		q.last = q.first + rnd(64 - q.first);
		err = add ? viommu_regions_add(&set, r) : viommu_regions_sub(&set, r);
		ck_assert_int_eq(err, 0); /* 64 addresses make 32 regions at most */
		for (uint64_t a = r.first; a <= r.last; a++)
			in[a] = add;
		for (uint64_t a = q.first; a <= q.last; a++)
			any |= in[a];
		ck_assert(viommu_regions_overlap(&set, q) == any);
		for (unsigned i = 0; i < set.n; i++) {
			ck_assert_uint_le(set.r[i].first, set.r[i].last);
			ck_assert(i == 0 || set.r[i].first > set.r[i - 1].last + 1);
		}
	}
}
END_TEST

START_TEST(region_set_edges)
{
	struct viommu_regions set = {0}, before;
	static const struct range usable[] = {{0, 0x7ffffff}, {0x8100000, (UINT64_C(1) << 48) - 1}};

	ck_assert_int_eq(viommu_regions_add_holes(&set, usable, 2, (struct range){0, UINT64_MAX}), 0);
	ck_assert_uint_eq(set.n, 2);
	ck_assert_uint_eq(set.r[0].first, 0x8000000);
	ck_assert_uint_eq(set.r[0].last, 0x80fffff);
	ck_assert_uint_eq(set.r[1].first, UINT64_C(1) << 48);
	ck_assert_uint_eq(set.r[1].last, UINT64_MAX);
	ck_assert_int_eq(viommu_regions_add(&set, (struct range){UINT64_MAX, UINT64_MAX}), 0);
	ck_assert_int_eq(viommu_regions_add(&set, (struct range){0, 0}), 0);
	ck_assert_uint_eq(set.n, 3);
	ck_assert_int_eq(viommu_regions_add(&set, (struct range){0, UINT64_MAX}), 0);
	ck_assert_uint_eq(set.n, 1);

	set = (struct viommu_regions){0};
	for (unsigned i = 0; i < VIOMMU_MAX_REGIONS; i++)
		ck_assert_int_eq(viommu_regions_add(&set, (struct range){i * 16, i * 16 + 8}), 0);
	before = set;
	ck_assert_int_eq(viommu_regions_add(&set, (struct range){10000, 10000}), -ENOSPC);
	ck_assert_int_eq(viommu_regions_sub(&set, (struct range){2, 3}), -ENOSPC);
	ck_assert(memcmp(&set, &before, sizeof(set)) == 0);
	ck_assert_int_eq(viommu_regions_sub(&set, (struct range){0, 8}), 0);
	ck_assert_uint_eq(set.n, VIOMMU_MAX_REGIONS - 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("viommu_map");
	TCase *map = tcase_create("map"), *regions = tcase_create("regions");

	tcase_set_timeout(map, 60);
	tcase_add_test(map, empty_map);
	tcase_add_test(map, edges_of_the_address_space);
	tcase_add_test(map, ascending_and_descending);
	tcase_add_loop_test(map, random_operations, 0, 8);
	suite_add_tcase(suite, map);
	tcase_add_loop_test(regions, region_set_against_a_bitmap, 0, 4);
	tcase_add_test(regions, region_set_edges);
	suite_add_tcase(suite, regions);
	return run_suite(suite);
}
