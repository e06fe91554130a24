/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "bits.h"
#include "log.h"

struct stats stats;

struct item {
	const char *name;
	const char *text;
	_Atomic uint64_t *value;
};

static const struct item counters[] = {
#define X(name, text) {#name, text, &stats.name},
	STATS_COUNTERS(X)
#undef X
};

static const struct item phases[] = {
#define X(name, text) {#name, text, &stats.phase.name},
	STATS_PHASES(X)
#undef X
};

static uint64_t load(const struct item *item)
{
	return atomic_load_explicit(item->value, memory_order_relaxed);
}

void stats_peak(_Atomic uint64_t *counter, uint64_t value)
{
	uint64_t seen = atomic_load_explicit(counter, memory_order_relaxed);

	while (seen < value && !atomic_compare_exchange_weak_explicit(counter, &seen, value, memory_order_relaxed,
								      memory_order_relaxed))
		;
}

void stats_stamp(_Atomic uint64_t *phase)
{
	struct timespec now;
	uint64_t none = 0;

	/* Read first: this sits in paths such as the console's, where the stamp has been there since long. */
	if (atomic_load_explicit(phase, memory_order_relaxed) != 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	atomic_compare_exchange_strong_explicit(phase, &none, ns ? ns : 1, memory_order_relaxed, memory_order_relaxed);
}

/* Microseconds since process start; 0 when the process start has no stamp or a later one. */
static uint64_t since_start(uint64_t ns)
{
	uint64_t start = atomic_load_explicit(&stats.phase.process_start, memory_order_relaxed);

	return start && ns > start ? (ns - start) / 1000u : 0;
}

void stats_print(FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
		uint64_t value = load(&counters[i]);
		if (value)
			fprintf(out, "%14" PRIu64 "  %s\n", value, counters[i].text);
	}
	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		uint64_t ns = load(&phases[i]);
		if (ns)
			fprintf(out, "%11" PRIu64 " us  %s\n", since_start(ns), phases[i].text);
	}
}

static void write_items(FILE *out, const char *title, const struct item *items, size_t n)
{
	fprintf(out, "\"%s\": {", title);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s\"%s\": %" PRIu64, i ? ", " : "", items[i].name, load(&items[i]));
	fprintf(out, "}");
}

static void write_phases(FILE *out)
{
	const char *comma = "";

	fprintf(out, "\"phases_us\": {");
	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		uint64_t ns = load(&phases[i]);
		if (!ns)
			continue; /* a moment that has not come has no time */
		fprintf(out, "%s\"%s\": %" PRIu64, comma, phases[i].name, since_start(ns));
		comma = ", ";
	}
	fprintf(out, "}");
}

void stats_json(FILE *out)
{
	fprintf(out, "{");
	write_items(out, "counters", counters, ARRAY_LEN(counters));
	fprintf(out, ", ");
	write_phases(out);
	fprintf(out, "}\n");
}

int stats_write_json(const char *path)
{
	FILE *out = fopen(path, "we");

	if (!out)
		return log_fail(-errno, "cannot write statistics to %s: %s", path, strerror(errno));
	stats_json(out);
	int failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		int err = errno ? -errno : -EIO;
		return log_fail(err, "cannot write statistics to %s: %s", path, strerror(-err));
	}
	return 0;
}
