/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "gmem.h"
#include "sys.h"

/* Chunks of all regions, numbered through; each thread takes the next one until none is left. */
struct populate {
	const struct gmem *mem;
	_Atomic uint64_t next;
};

/* False when there is no chunk @n. */
static bool populate_chunk(const struct gmem *mem, uint64_t n)
{
	for (unsigned i = 0; i < mem->nr_regions; i++) {
		const struct gmem_region *r = &mem->regions[i];
		uint64_t chunks = (r->size + GMEM_POPULATE_CHUNK - 1) / GMEM_POPULATE_CHUNK;

		if (n < chunks) {
			uint64_t from = n * GMEM_POPULATE_CHUNK, left = r->size - from;

			sys_populate((uint8_t *)r->host + from,
				     left < GMEM_POPULATE_CHUNK ? left : GMEM_POPULATE_CHUNK);
			return true;
		}
		n -= chunks;
	}
	return false;
}

static void *populate_thread(void *arg)
{
	struct populate *p = arg;

	while (populate_chunk(p->mem, atomic_fetch_add(&p->next, 1)))
		;
	return NULL;
}

void gmem_populate(const struct gmem *mem)
{
	struct populate p = {.mem = mem};
	pthread_t threads[GMEM_POPULATE_THREADS];
	uint64_t want = gmem_size(mem) / GMEM_POPULATE_CHUNK;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = 0;

	if (want > GMEM_POPULATE_THREADS)
		want = GMEM_POPULATE_THREADS;
	if (cpus > 0 && want > (uint64_t)cpus)
		want = (uint64_t)cpus;
	/* This thread is one of them, and all of them when no other can be had. */
	while (n + 1 < want && pthread_create(&threads[n], NULL, populate_thread, &p) == 0)
		n++;
	populate_thread(&p);
	while (n > 0)
		pthread_join(threads[--n], NULL);
}
