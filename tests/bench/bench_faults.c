/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fault costs in the software model, and what the machinery for it costs when it is not used.
 *
 *   - round trip: a thread's access stalls; another one, the "guest", sees the event, maps the page, answers with
 *     CMD_RESUME(Retry), and the access goes on. Median, 90th and 99th percentile.
 *   - translations per second past the device's cache, hit in the IOTLB, through dma_translate() and through
 *     dma_translate_or_stall().
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "smmu_soft_fixture.h"

#define ROUNDS	     20000u
#define TRANSLATIONS 200000u
#define VA	     UINT64_C(0x123000)

static struct tables t;
static uint64_t samples[ROUNDS];

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The device: touches a page, waits if it must. */
static void *device(void *opaque)
{
	struct dma_waiter waiter;

	dma_waiter_init(&waiter);
	soft[0].user.stall = &waiter.stall;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t begin = now(CLOCK_MONOTONIC), value;

		while (dma_read(&soft[0].user, VA + (i % 64) * 0x1000, &value, sizeof(value)) == -EINPROGRESS) {
			if (dma_waiter_wait(&waiter))
				abort();
		}
		samples[i] = now(CLOCK_MONOTONIC) - begin;
	}
	soft[0].user.stall = NULL;
	dma_waiter_fini(&waiter);
	return NULL;
}

/* The guest: one page is there at a time. */
static void guest(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t va = VA + (i % 64) * 0x1000;
		struct smmu_event e;

		while (rd32(SMMU_EVENTQ_PROD) == rd32(SMMU_EVENTQ_CONS))
			sched_yield();
		e = event_at(rd32(SMMU_EVENTQ_CONS) & 15);
		wr32(SMMU_EVENTQ_CONS, rd32(SMMU_EVENTQ_PROD));
		map_page(&t, va, DATA, LEAF_S1);
		put64(desc_at(&t, VA + ((i + 63) % 64) * 0x1000, 3), 0);
		issue_sync(CMD_TLBI_NSNH_ALL, 0);
		issue(sid_cmd(CMD_RESUME, 0x10) | CMD0_RESUME_AC, field_get(EVT1_STAG, e.dw[1]));
	}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void round_trip(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, device, NULL))
		abort();
	guest();
	pthread_join(thread, NULL);
	qsort(samples, ROUNDS, sizeof(samples[0]), by_value);
	printf("fault round trip: median %llu ns, 90 %% %llu ns, 99 %% %llu ns, most %llu ns\n",
	       (unsigned long long)samples[ROUNDS / 2], (unsigned long long)samples[ROUNDS * 9 / 10],
	       (unsigned long long)samples[ROUNDS / 100 * 99], (unsigned long long)samples[ROUNDS - 1]);
}

static void ignore(struct dma_stall *stall, enum dma_outcome outcome)
{
}

/* The best of some rounds, by the thread's own time: the machine may have more to do. */
static void translations(bool can_wait)
{
	struct dma_stall stall = {.ended = ignore};
	uint64_t best = UINT64_MAX;
	struct dma_target out;

	for (unsigned round = 0; round < 15; round++) {
		uint64_t begin = now(CLOCK_THREAD_CPUTIME_ID), took;

		for (unsigned i = 0; i < TRANSLATIONS; i++) {
			if (dma_translate_or_stall(&soft[0].space, DMA_NO_PASID, VA, DMA_READ, &out,
						   can_wait ? &stall : NULL))
				abort();
		}
		took = now(CLOCK_THREAD_CPUTIME_ID) - begin;
		best = took < best ? took : best;
	}
	printf("translations, %s: %.1f ns each\n", can_wait ? "may stall" : "cannot stall",
	       (double)best / TRANSLATIONS);
}

int main(void)
{
	setup_soft();
	t = new_tables(12, 39);
	for (unsigned i = 0; i < 64; i++)
		desc_at(&t, VA + i * 0x1000, 3);
	stream_s1(0x10, 0, 1, 5, &t);
	put_cd(CDTAB, 5, &t, CD0_S);
	start();
	round_trip();
	map_page(&t, VA, DATA, LEAF_S1);
	issue_sync(CMD_TLBI_NSNH_ALL, 0);
	translations(false);
	translations(true);
	teardown();
	return 0;
}
