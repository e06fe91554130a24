/* SPDX-License-Identifier: Apache-2.0 */
/* The event queue (7.2, 7.3, 7.4). */
#include <string.h>

#include "log.h"
#include "smmu_priv.h"
#include "stats.h"

struct smmu_queue smmu_queue_of(uint64_t base_reg, uint32_t max, uint32_t entry)
{
	uint32_t log2size = (uint32_t)field_get(QUEUE_BASE_LOG2SIZE, base_reg);
	uint64_t size;

	if (log2size > max)
		log2size = max;
	size = (uint64_t)entry << log2size;
	return (struct smmu_queue){
		.base = align_down(base_reg & QUEUE_BASE_ADDR, size < 32 ? 32 : size),
		.log2size = log2size,
	};
}

/* 7.4: OVFLG flips unless an overflow waits for its acknowledgement already. */
static void note_overflow(struct smmu *smmu)
{
	uint64_t prod = smmu->regs[R_EVENTQ_PROD], cons = smmu->regs[R_EVENTQ_CONS];

	if (!((prod ^ cons) & QUEUE_OVERFLOW))
		smmu->regs[R_EVENTQ_PROD] = prod ^ QUEUE_OVERFLOW;
}

static struct smmu_queue event_queue(const struct smmu *smmu)
{
	return smmu_queue_of(smmu->regs[R_EVENTQ_BASE], SMMU_EVTQS, EVT_SIZE);
}

/* Entries that software has not consumed. */
static uint32_t pending_events(const struct smmu *smmu, const struct smmu_queue *q)
{
	uint32_t mask = smmu_queue_mask(q);

	return ((smmu_reg32(smmu, R_EVENTQ_PROD) & mask) - (smmu_reg32(smmu, R_EVENTQ_CONS) & mask)) & mask;
}

static bool disabled(const struct smmu *smmu)
{
	return !(smmu_reg32(smmu, R_CR0) & CR0_EVENTQEN) || smmu_gerror_active(smmu, GERROR_EVENTQ_ABT);
}

/* 7.2.1: written only while enabled, not full, and without an unacknowledged abort. More than full, which only a wrong
 * CONS can pretend, is full. */
bool smmu_event_writable(const struct smmu *smmu)
{
	struct smmu_queue q = event_queue(smmu);

	return !disabled(smmu) && pending_events(smmu, &q) < BIT32(q.log2size);
}

/* Into the writable queue. False: the write aborted. */
static bool append(struct smmu *smmu, const struct smmu_event *event)
{
	struct smmu_queue q = event_queue(smmu);
	uint32_t prod = smmu_reg32(smmu, R_EVENTQ_PROD), pending = pending_events(smmu, &q);

	if (gmem_write(smmu->gmem, gpa(smmu_queue_addr(&q, prod, EVT_SIZE)), event, sizeof(*event))) {
		log_guest("SMMU %s: event queue at 0x%llx is not in RAM", smmu->dev.id, (unsigned long long)q.base);
		smmu_gerror_raise(smmu, GERROR_EVENTQ_ABT);
		return false;
	}
	smmu->regs[R_EVENTQ_PROD] = (prod & QUEUE_OVERFLOW) | smmu_queue_next(&q, prod & smmu_queue_mask(&q));
	stats_inc(&stats.smmu_events);
	/* 3.18: the interrupt says that the queue is no longer empty. */
	if (pending == 0)
		smmu_irq_eventq(smmu);
	return true;
}

void smmu_event_write(struct smmu *smmu, const struct smmu_event *event)
{
	if (!smmu_event_writable(smmu)) {
		if (!disabled(smmu))
			note_overflow(smmu);
		stats_inc(&stats.smmu_events_lost);
		return;
	}
	if (!append(smmu, event)) {
		stats_inc(&stats.smmu_events_lost);
		return;
	}
	smmu->last_event = *event;
	smmu->last_prod = smmu_reg32(smmu, R_EVENTQ_PROD);
}

void smmu_event_write_merged(struct smmu *smmu, const struct smmu_event *event)
{
	struct smmu_queue q = event_queue(smmu);

	if (!disabled(smmu) && pending_events(smmu, &q) > 0 && smmu_reg32(smmu, R_EVENTQ_PROD) == smmu->last_prod &&
	    memcmp(&smmu->last_event, event, sizeof(*event)) == 0) {
		stats_inc(&stats.smmu_events_merged);
		return;
	}
	smmu_event_write(smmu, event);
}

bool smmu_event_write_stall(struct smmu *smmu, const struct smmu_event *event)
{
	return smmu_event_writable(smmu) && append(smmu, event);
}

void smmu_event_config(struct smmu *smmu, enum smmu_event_id id, uint32_t sid, uint64_t fetch_addr)
{
	struct smmu_event event = {
		.dw = {field_prep(EVT0_ID, id) | field_prep(EVT0_SID, sid), 0, 0, fetch_addr & EVT3_FETCHADDR},
	};

	smmu_event_write(smmu, &event);
}

/* 7.3.9: a bad SubstreamID is there without a bit that says so. */
static uint64_t named_substream(enum smmu_event_id id)
{
	return id == EVT_C_BAD_SUBSTREAMID ? 0 : EVT0_SSV;
}

void smmu_event_fault_record(struct smmu_event *event, uint32_t sid, uint32_t pasid, uint64_t iova,
			     const struct smmu_fault *fault)
{
	*event = (struct smmu_event){
		.dw = {field_prep(EVT0_ID, fault->event) | field_prep(EVT0_SID, sid), 0, 0, 0},
	};
	if (pasid != DMA_NO_PASID)
		event->dw[0] |= named_substream(fault->event) | field_prep(EVT0_SSID, pasid);
	/* 7.3.7 names the stream alone. */
	if (fault->event == EVT_F_STREAM_DISABLED)
		event->dw[0] &= ~(EVT0_SSV | EVT0_SSID);
	switch (fault->event) {
	case EVT_F_TRANSLATION:
	case EVT_F_ADDR_SIZE:
	case EVT_F_ACCESS:
	case EVT_F_PERMISSION:
	case EVT_F_WALK_EABT:
		event->dw[1] = field_prep(EVT1_CLASS, fault->class) | (fault->pnu ? EVT1_PNU : 0) |
			       (fault->ind ? EVT1_IND : 0) | (fault->rnw ? EVT1_RNW : 0) | (fault->s2 ? EVT1_S2 : 0);
		event->dw[2] = iova;
		if (fault->event == EVT_F_WALK_EABT)
			event->dw[3] = fault->fetch_addr & EVT3_FETCHADDR;
		else if (fault->s2)
			event->dw[3] = fault->ipa & EVT3_IPA;
		if (fault->event == EVT_F_PERMISSION && fault->class == SMMU_CLASS_TTD && fault->ttrnw)
			event->dw[1] |= EVT1_TTRNW;
		break;
	case EVT_F_STE_FETCH:
	case EVT_F_CD_FETCH:
		event->dw[3] = fault->fetch_addr & EVT3_FETCHADDR;
		break;
	default:
		break;
	}
}

/* Fields of the events that the kernel passes on (arm_smmu_handle_event()); everything else in a record is the host's
 * business, or UNKNOWN: STAG and Stall of faults that did not stall, IPA of faults without stage 2. */
static bool host_event_fields(uint64_t id, uint64_t dw1[2])
{
	switch (id) {
	case EVT_C_BAD_STE:
	case EVT_F_STREAM_DISABLED:
	case EVT_C_BAD_SUBSTREAMID:
	case EVT_C_BAD_CD:
		dw1[0] = dw1[1] = 0;
		return true;
	case EVT_F_TRANSLATION:
	case EVT_F_ADDR_SIZE:
	case EVT_F_ACCESS:
	case EVT_F_PERMISSION:
		dw1[0] = EVT1_PNU | EVT1_IND | EVT1_RNW | EVT1_CLASS;
		dw1[1] = UINT64_MAX;
		return true;
	default:
		return false;
	}
}

void smmu_host_event(struct smmu *smmu, const struct smmu_event *event)
{
	uint64_t mask[2], dw0 = event->dw[0] & (EVT0_ID | EVT0_SSV | EVT0_SSID | EVT0_SID);
	uint32_t sid = (uint32_t)field_get(EVT0_SID, dw0);

	if (!host_event_fields(field_get(EVT0_ID, dw0), mask) || !smmu_endpoint_known(smmu, sid)) {
		log_guest("SMMU %s: the host reported event 0x%llx for StreamID 0x%x, which this guest cannot be told",
			  smmu->dev.id, (unsigned long long)field_get(EVT0_ID, dw0), sid);
		stats_inc(&stats.smmu_events_lost);
		return;
	}
	smmu_event_write(smmu, &(struct smmu_event){.dw = {dw0, event->dw[1] & mask[0], event->dw[2] & mask[1], 0}});
}

void smmu_host_events_lost(struct smmu *smmu, uint32_t n)
{
	if (n == 0)
		return;
	stats_add(&stats.smmu_events_lost, n);
	/* To the guest it is the same whether its queue or the host's was full. */
	if (smmu_reg32(smmu, R_CR0) & CR0_EVENTQEN)
		note_overflow(smmu);
}
