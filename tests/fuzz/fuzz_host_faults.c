/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the fault queue: every group ends in the table or is answered, no handle means two groups, and what is
 * told fits its room. The host's side of the queue is a file of which nobody reads. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "nested_priv.h"
#include "stats.h"

#define MAX_RECORDS 2048u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* Each handle that was given out can be answered once. */
static void answer_all(struct nested *nested, const struct nested_fault *faults, unsigned n, uint8_t how)
{
	unsigned before = nested_pending(nested), answered = 0;

	for (unsigned i = 0; i < n; i++)
		answered += nested_answer(faults[i].dev, faults[i].handle, (how >> (i % 8)) & 1) == 0;
	check(nested_pending(nested) == before - answered);
	for (unsigned i = 0; i < n; i++)
		check(nested_answer(faults[i].dev, faults[i].handle, true) != 0);
}

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct nested_fault faults[MAX_RECORDS];
	static struct iommu_hwpt_pgfault raw[MAX_RECORDS];
	struct host_dev hosts[2] = {{.devid = 1, .bdf = "one"}, {.devid = 2, .bdf = "two"}};
	struct nested_faults queue = {.fd = open("/dev/null", O_WRONLY), .timer_fd = -1};
	struct nested nested = {.iommu = "smmu", .faults = &queue};
	struct nested_dev devices[2] = {
		{.nested = &nested, .next = &devices[1], .dev = &hosts[0]},
		{.nested = &nested, .dev = &hosts[1]},
	};

	log_set_sink(quiet, NULL);
	nested.devices = &devices[0];
	for (size_t at = 0; at + 2 <= size;) {
		uint8_t batch = data[at], how = data[at + 1];
		size_t n = (size - at - 2) / sizeof(raw[0]);
		unsigned told;

		at += 2;
		n = n < batch ? n : batch;
		memcpy(raw, data + at, n * sizeof(raw[0]));
		for (size_t i = 0; i < n; i++)
			raw[i].dev_id &= 3;
		at += n * sizeof(raw[0]);
		told = nested_take_faults(&nested, raw, (unsigned)n, faults);
		check(told <= n && nested_pending(&nested) <= NESTED_MAX_FAULTS);
		for (unsigned i = 0; i < told; i++)
			check(faults[i].handle && (faults[i].dev == &devices[0] || faults[i].dev == &devices[1]));
		if (how & 0x80)
			answer_all(&nested, faults, told, how);
		if (how & 0x40)
			nested_faults_withdraw(&devices[how & 1]);
	}
	nested_faults_withdraw(&devices[0]);
	nested_faults_withdraw(&devices[1]);
	check(nested_pending(&nested) == 0);
	close(queue.fd);
	return 0;
}
