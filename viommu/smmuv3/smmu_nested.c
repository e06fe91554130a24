/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu_nested.h"

#include <errno.h>
#include <string.h>

#include "bits.h"
#include "dma.h"

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
	const struct smmu_nested *s = backend;

	return nested_invalidate(s->nested, cmds, n, done);
}

/* What the guest has answered too late is not open any more. */
static void answer(void *ep, uint64_t cookie, enum smmu_answer how)
{
	nested_answer(ep, (uint32_t)cookie, how == SMMU_ANSWER_RETRY);
}

/* In a vCPU's access: the event loop goes on with it. */
static void room(void *backend)
{
	const struct smmu_nested *s = backend;

	nested_kick(s->nested);
}

_Static_assert(NESTED_NO_PASID == DMA_NO_PASID, "one value for no PASID");

const struct smmu_backend_ops smmu_nested_ops = {
	.attach_abort = attach_abort,
	.attach_bypass = attach_bypass,
	.attach_s1 = attach_s1,
	.invalidate = invalidate,
	.answer = answer,
	.room = room,
};

void smmu_nested_caps(struct smmu_host_caps *caps, const struct nested_info *info)
{
	_Static_assert(sizeof(caps->idr) == sizeof(info->idr), "the same registers");
	memcpy(caps->idr, info->idr, sizeof(caps->idr));
}

int smmu_nested_pump(struct smmu_nested *s)
{
	struct nested_event events[NESTED_EVENT_BATCH];
	uint32_t lost = 0;
	int n = nested_read_events(s->nested, events, &lost);

	for (int i = 0; i < n; i++) {
		struct smmu_event event;

		_Static_assert(sizeof(event) == sizeof(events[0]), "the same record");
		memcpy(&event, &events[i], sizeof(event));
		smmu_host_event(s->smmu, &event);
	}
	smmu_host_events_lost(s->smmu, lost);
	return n;
}

static unsigned access_of(const struct nested_fault *fault)
{
	return (fault->read ? DMA_READ : 0) | (fault->write ? DMA_WRITE : 0) | (fault->exec ? DMA_EXEC : 0) |
	       (fault->priv ? DMA_PRIV : 0);
}

/* False: no Stall Tag is left. */
static bool forward(struct smmu_nested *s, const struct nested_fault *fault)
{
	const struct smmu_host_fault stall = {
		.pasid = fault->pasid,
		.addr = fault->addr,
		.access = access_of(fault),
		.cookie = fault->handle,
	};
	int err;

	/* Stalls come in groups of one; of a larger group the last request stands for all. */
	if (!fault->last)
		return true;
	/* Ended in the backlog, by its deadline or with its translation. It must not keep those behind it waiting: in
	 * the kernel's queue nothing ends. */
	if (!nested_is_open(s->nested, fault->dev, fault->handle))
		return true;
	err = smmu_host_stall(s->smmu, fault->dev, &stall);
	if (err == -ENOSPC)
		return false;
	if (err)
		nested_answer(fault->dev, fault->handle, false);
	return true;
}

/* Forwards what can be; the rest becomes the backlog. */
static int forward_all(struct smmu_nested *s, const struct nested_fault *faults, unsigned n)
{
	unsigned i = 0;

	while (i < n && forward(s, &faults[i]))
		i++;
	s->nr_backlog = n - i;
	memmove(s->backlog, &faults[i], s->nr_backlog * sizeof(faults[0]));
	return s->nr_backlog > 0;
}

int smmu_nested_faults(struct smmu_nested *s)
{
	struct nested_fault faults[NESTED_FAULT_BATCH];
	int n;

	if (s->nr_backlog)
		return 1;
	n = nested_read_faults(s->nested, faults);
	return n < 0 ? n : forward_all(s, faults, (unsigned)n);
}

int smmu_nested_timer(struct smmu_nested *s)
{
	struct nested_fault gone[NESTED_FAULT_BATCH];

	while (nested_expire(s->nested, nested_now(), gone) == NESTED_FAULT_BATCH)
		;
	return forward_all(s, s->backlog, s->nr_backlog);
}
