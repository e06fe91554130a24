/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu_stall.h"

#include <errno.h>

#include "smmu_priv.h"
#include "stats.h"

/* STAG: slot number, and how often the slot has been used, so that late answers miss. */
#define STAG_SLOT	MASK32(7, 0)
#define STAG_GENERATION MASK32(15, 8)
_Static_assert(SMMU_STALL_MAX == STAG_SLOT + 1, "each slot has a tag");

void smmu_stalls_init(struct smmu *smmu)
{
	smmu->stalls = (struct smmu_stalls){0};
	smmu->stalls.parked_tail = &smmu->stalls.parked;
}

/* A free slot, in turn. NULL: none. */
static struct smmu_stall *take(struct smmu *smmu)
{
	struct smmu_stalls *stalls = &smmu->stalls;
	unsigned i = stalls->next;

	if (stalls->used == SMMU_STALL_MAX)
		return NULL;
	while (stalls->slots[i].used)
		i = (i + 1) % SMMU_STALL_MAX;
	stalls->next = (i + 1) % SMMU_STALL_MAX;
	stalls->used++;
	stats_peak(&stats.smmu_stalls_peak, stalls->used);

	struct smmu_stall *slot = &stalls->slots[i];

	*slot = (struct smmu_stall){.used = true, .generation = (uint8_t)(slot->generation + 1)};
	return slot;
}

static uint32_t stag_of(const struct smmu *smmu, const struct smmu_stall *slot)
{
	return field_prep32(STAG_SLOT, (uint32_t)(slot - smmu->stalls.slots)) |
	       field_prep32(STAG_GENERATION, slot->generation);
}

static void write_record(struct smmu *smmu, struct smmu_stall *slot)
{
	struct smmu_event event = slot->event;

	event.dw[1] |= EVT1_STALL | field_prep(EVT1_STAG, stag_of(smmu, slot));
	slot->recorded = smmu_event_write_stall(smmu, &event);
	if (slot->recorded)
		stats_inc(&stats.smmu_stalls);
}

static void end(struct dma_stall *stall, enum dma_outcome outcome)
{
	stats_inc(outcome == DMA_RETRY ? &stats.smmu_stalls_retried : &stats.smmu_stalls_terminated);
	dma_stall_end(stall, outcome);
}

static void end_list(struct dma_stall *list, enum dma_outcome outcome)
{
	while (list) {
		struct dma_stall *stall = list;

		list = stall->next;
		dma_stall_end(stall, outcome);
	}
}

/* Gives the slot back, then tells whom it concerns: who is told may be quick to stall again. */
static void finish(struct smmu *smmu, struct smmu_stall *slot, enum dma_outcome outcome, enum dma_outcome likes)
{
	struct smmu_stall was = *slot;

	slot->used = false;
	slot->likes = NULL;
	smmu->stalls.used--;
	if (was.endpoint) {
		stats_inc(outcome == DMA_RETRY ? &stats.smmu_stalls_retried : &stats.smmu_stalls_terminated);
		smmu->config.ops->answer(was.endpoint->handle, was.cookie,
					 outcome == DMA_RETRY ? SMMU_ANSWER_RETRY : SMMU_ANSWER_INVALID);
	} else if (was.stall) {
		end(was.stall, outcome);
	}
	end_list(was.likes, likes);
}

static void park(struct smmu *smmu, struct dma_stall *stall)
{
	stats_inc(&stats.smmu_stalls_parked);
	*smmu->stalls.parked_tail = stall;
	smmu->stalls.parked_tail = &stall->next;
}

static struct dma_stall *unpark_all(struct smmu *smmu)
{
	struct dma_stall *list = smmu->stalls.parked;

	smmu->stalls.parked = NULL;
	smmu->stalls.parked_tail = &smmu->stalls.parked;
	return list;
}

static uint32_t sid_of(const struct dma_stall *stall)
{
	return (uint32_t)field_get(EVT0_SID, stall->key[0]);
}

/* 3.12.2.1: one stream, page, privilege, kind and type of access. */
static void make_key(uint64_t key[2], const struct smmu_event *event, unsigned access)
{
	key[0] = event->dw[0] & (EVT0_SID | EVT0_SSV | EVT0_SSID);
	key[1] = (event->dw[2] & ~UINT64_C(0xfff)) | (access & (DMA_READ | DMA_WRITE | DMA_EXEC | DMA_PRIV));
}

static struct smmu_stall *find_like(struct smmu *smmu, const uint64_t key[2])
{
	for (unsigned i = 0; i < SMMU_STALL_MAX && smmu->stalls.used > 0; i++) {
		struct smmu_stall *slot = &smmu->stalls.slots[i];

		if (slot->used && slot->stall && slot->key[0] == key[0] && slot->key[1] == key[1])
			return slot;
	}
	return NULL;
}

void smmu_stall_add(struct smmu *smmu, void *owner, const struct smmu_event *event, unsigned access,
		    struct dma_stall *stall)
{
	struct smmu_stall *slot;

	stall->pending = true;
	stall->owner = owner;
	stall->next = NULL;
	make_key(stall->key, event, access);
	slot = find_like(smmu, stall->key);
	if (slot) {
		stats_inc(&stats.smmu_stalls_suppressed);
		stall->next = slot->likes;
		slot->likes = stall;
		return;
	}
	slot = smmu_event_writable(smmu) ? take(smmu) : NULL;
	if (slot) {
		slot->sid = sid_of(stall);
		slot->key[0] = stall->key[0];
		slot->key[1] = stall->key[1];
		slot->stall = stall;
		slot->event = *event;
		write_record(smmu, slot);
		if (slot->recorded)
			return;
		/* The queue cannot be written after all (GERROR.EVENTQ_ABT_ERR). */
		slot->used = false;
		smmu->stalls.used--;
	}
	park(smmu, stall);
}

int smmu_host_stall(struct smmu *smmu, void *handle, const struct smmu_host_fault *fault)
{
	struct smmu_endpoint *ep = smmu_endpoint_of(smmu, handle);
	struct smmu_stall *slot;

	/* A host that does nothing but stall (STALL_MODEL 0b10): the guest has no CMD_RESUME. */
	if (!smmu_stall_offered(smmu))
		return -ENOENT;
	if (!ep || !ep->ep.stalls || ep->now.xlate != SMMU_XLATE_S1 || (ep->now.ste[1] & STE1_S1STALLD))
		return -ENOENT;
	slot = take(smmu);
	if (!slot) {
		smmu->stalls.refused = true;
		return -ENOSPC;
	}
	slot->sid = ep->sid;
	slot->endpoint = ep;
	slot->cookie = fault->cookie;
	smmu_event_fault_record(&slot->event, ep->sid, fault->pasid, fault->addr,
				&(struct smmu_fault){
					.event = EVT_F_TRANSLATION,
					.class = SMMU_CLASS_IN,
					.rnw = !(fault->access & DMA_WRITE),
					.ind = (fault->access & DMA_EXEC) && !(fault->access & DMA_WRITE),
					.pnu = fault->access & DMA_PRIV,
				});
	make_key(slot->key, &slot->event, fault->access);
	write_record(smmu, slot);
	return 0;
}

void smmu_stall_resume(struct smmu *smmu, uint32_t sid, uint32_t stag, bool retry)
{
	struct smmu_stall *slot = &smmu->stalls.slots[field_get32(STAG_SLOT, stag)];

	/* 4.7.1: anything but a stalled transaction of this stream, of which software has been told, is left alone. */
	if (!slot->used || !slot->recorded || slot->sid != sid || stag_of(smmu, slot) != stag) {
		stats_inc(&stats.smmu_resumes_unmatched);
		return;
	}
	finish(smmu, slot, retry ? DMA_RETRY : DMA_TERMINATED, DMA_RETRY);
	smmu_stall_pump(smmu);
}

/* Takes out of the list at @link the stalls that @match, and returns them as a list. */
static struct dma_stall *extract(struct dma_stall **link, bool (*match)(const struct dma_stall *, const void *),
				 const void *arg)
{
	struct dma_stall *out = NULL, **tail = &out;

	while (*link) {
		struct dma_stall *stall = *link;

		if (!match(stall, arg)) {
			link = &stall->next;
			continue;
		}
		*link = stall->next;
		stall->next = NULL;
		*tail = stall;
		tail = &stall->next;
	}
	return out;
}

static struct dma_stall *extract_parked(struct smmu *smmu, bool (*match)(const struct dma_stall *, const void *),
					const void *arg)
{
	struct dma_stall *out = extract(&smmu->stalls.parked, match, arg), **tail = &smmu->stalls.parked;

	while (*tail)
		tail = &(*tail)->next;
	smmu->stalls.parked_tail = tail;
	return out;
}

static bool is_of_stream(const struct dma_stall *stall, const void *sid)
{
	return sid_of(stall) == *(const uint32_t *)sid;
}

void smmu_stall_terminate(struct smmu *smmu, uint32_t sid)
{
	struct dma_stall *parked = extract_parked(smmu, is_of_stream, &sid);

	for (unsigned i = 0; i < SMMU_STALL_MAX; i++) {
		struct smmu_stall *slot = &smmu->stalls.slots[i];

		if (slot->used && slot->sid == sid)
			finish(smmu, slot, DMA_TERMINATED, DMA_TERMINATED);
	}
	end_list(parked, DMA_TERMINATED);
	smmu_stall_pump(smmu);
}

/* The backend was refused and may try again. */
static void tell_room(struct smmu *smmu)
{
	if (!smmu->stalls.refused || !smmu->config.ops->room)
		return;
	smmu->stalls.refused = false;
	smmu->config.ops->room(smmu->config.backend);
}

void smmu_stall_terminate_all(struct smmu *smmu)
{
	struct dma_stall *parked = unpark_all(smmu);

	for (unsigned i = 0; i < SMMU_STALL_MAX; i++) {
		if (smmu->stalls.slots[i].used)
			finish(smmu, &smmu->stalls.slots[i], DMA_TERMINATED, DMA_TERMINATED);
	}
	end_list(parked, DMA_TERMINATED);
	tell_room(smmu);
}

/* Whose stalls are to be forgotten. */
struct requester {
	const void *owner;
	const struct dma_stall *stall; /* NULL: all of @owner */
};

static bool is_of_requester(const struct dma_stall *stall, const void *arg)
{
	const struct requester *r = arg;

	return stall->owner == r->owner && (!r->stall || stall == r->stall);
}

void smmu_stall_cancel(struct smmu *smmu, void *owner, struct dma_stall *stall)
{
	const struct requester r = {owner, stall};
	struct dma_stall *gone = extract_parked(smmu, is_of_requester, &r), *likes = NULL;

	end_list(gone, DMA_TERMINATED);
	for (unsigned i = 0; i < SMMU_STALL_MAX && smmu->stalls.used > 0; i++) {
		struct smmu_stall *slot = &smmu->stalls.slots[i];

		if (!slot->used)
			continue;
		end_list(extract(&slot->likes, is_of_requester, &r), DMA_TERMINATED);
		if (!slot->stall || !is_of_requester(slot->stall, &r))
			continue;
		gone = slot->stall;
		slot->stall = NULL;
		/* Nobody is stalled at this tag any more: its likes try anew. */
		likes = slot->likes;
		slot->likes = NULL;
		end(gone, DMA_TERMINATED);
		end_list(likes, DMA_RETRY);
	}
}

void smmu_stall_forget(struct smmu *smmu, const struct smmu_endpoint *endpoint)
{
	for (unsigned i = 0; i < SMMU_STALL_MAX && smmu->stalls.used > 0; i++) {
		struct smmu_stall *slot = &smmu->stalls.slots[i];

		if (!slot->used || slot->endpoint != endpoint)
			continue;
		slot->endpoint = NULL;
		/* A tag that the guest does not know it cannot give back. */
		if (!slot->recorded) {
			slot->used = false;
			smmu->stalls.used--;
		}
	}
	/* What the backend keeps of @endpoint is void, too, and makes room for others. */
	tell_room(smmu);
}

void smmu_stall_pump(struct smmu *smmu)
{
	struct smmu_stalls *stalls = &smmu->stalls;

	for (unsigned i = 0; i < SMMU_STALL_MAX && stalls->used > 0 && smmu_event_writable(smmu); i++) {
		struct smmu_stall *slot = &stalls->slots[(stalls->next + i) % SMMU_STALL_MAX];

		if (slot->used && !slot->recorded)
			write_record(smmu, slot);
	}
	if (stalls->used == SMMU_STALL_MAX)
		return;
	tell_room(smmu);
	/* All of them: those for which there is no room are parked again, and others may need none any more. */
	if (smmu_event_writable(smmu))
		end_list(unpark_all(smmu), DMA_RETRY);
}
