/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu_nested.h"

#include <string.h>

#include "bits.h"

static int attach_abort(void *ep)
{
	return nested_attach_abort(ep);
}

static int attach_bypass(void *ep)
{
	return nested_attach_bypass(ep);
}

static int attach_s1(void *ep, uint32_t sid, const uint64_t ste[2])
{
	return nested_attach_s1(ep, sid, ste);
}

static int invalidate(void *backend, const struct smmu_cmd *cmds, uint32_t n, uint32_t *done)
{
	return nested_invalidate(backend, cmds, n, done);
}

const struct smmu_backend_ops smmu_nested_ops = {
	.attach_abort = attach_abort,
	.attach_bypass = attach_bypass,
	.attach_s1 = attach_s1,
	.invalidate = invalidate,
};

void smmu_nested_caps(struct smmu_host_caps *caps, const struct nested_info *info)
{
	_Static_assert(sizeof(caps->idr) == sizeof(info->idr), "the same registers");
	memcpy(caps->idr, info->idr, sizeof(caps->idr));
}

int smmu_nested_pump(struct nested *nested, struct smmu *smmu)
{
	struct nested_event events[NESTED_EVENT_BATCH];
	uint32_t lost = 0;
	int n = nested_read_events(nested, events, &lost);

	for (int i = 0; i < n; i++) {
		struct smmu_event event;

		_Static_assert(sizeof(event) == sizeof(events[0]), "the same record");
		memcpy(&event, &events[i], sizeof(event));
		smmu_host_event(smmu, &event);
	}
	smmu_host_events_lost(smmu, lost);
	return n;
}
