/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stalls against a model of few lines, written from the specification and not from the code: random transactions,
 * answers, terminations, a queue that fills and empties, requesters that give up. After each step every transaction
 * must be where the model says, and what software can read must be what the model says.
 */
#include "run_suite.h"
#include "smmu_soft_fixture.h"

#define STEPS 40000u
#define NR_TX 48u
#define QUEUE 16u
#define NR_VA 12u
#define VA(n) (0x100000u + (uint64_t)(n)*0x1000u)

enum where {
	IDLE,	/* not under way */
	TOLD,	/* stalled, its event is written */
	LIKE,	/* stalled behind another one of its kind */
	PARKED, /* stalled, no room to say so */
	RETRY,	/* sent back: to be tried again */
	FAILED,
};

/* The model. */
static struct tx {
	enum where where;
	unsigned ep, page, access;
	unsigned first; /* LIKE: which one */
	uint32_t stag;	/* TOLD */
} model[NR_TX];
static bool mapped[2][NR_VA];
static unsigned queued; /* events that software has not consumed */
/* Tags of transactions that their requester has forgotten, still to be answered. */
static unsigned lost;

/* The implementation. */
static struct dma_stall stalls[NR_TX];
static enum where ended_as[NR_TX];
static struct tables t[2];
static uint64_t seed;

static uint32_t dice(uint32_t sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 11) % sides;
}

static void ended(struct dma_stall *stall, enum dma_outcome outcome)
{
	ended_as[stall - stalls] = outcome == DMA_RETRY ? RETRY : FAILED;
}

static void setup_model(void)
{
	setup_soft();
	memset(model, 0, sizeof(model));
	memset(mapped, 0, sizeof(mapped));
	memset(ended_as, 0, sizeof(ended_as));
	queued = lost = 0;
	for (unsigned i = 0; i < NR_TX; i++)
		stalls[i] = (struct dma_stall){.ended = ended};
	for (unsigned ep = 0; ep < 2; ep++) {
		t[ep] = new_tables(12, 39);
		stream_s1(0x10 + ep, ep, 1, (uint16_t)(5 + ep), &t[ep]);
		put_cd(CDTAB + ep * 0x1000, (uint16_t)(5 + ep), &t[ep], CD0_S);
	}
	start();
}

/* 3.12.2.1 */
static bool alike(const struct tx *a, const struct tx *b)
{
	return a->ep == b->ep && a->page == b->page && a->access == b->access;
}

static int find_like(unsigned i)
{
	for (unsigned j = 0; j < NR_TX; j++) {
		if (j != i && model[j].where == TOLD && alike(&model[i], &model[j]))
			return (int)j;
	}
	return -1;
}

/* Tries transaction @i, in the model and for real. */
static void try(unsigned i)
{
	struct tx *x = &model[i];
	bool good = mapped[x->ep][x->page];
	int like = good ? -1 : find_like(i), err;
	struct dma_target out;

	x->where = IDLE;
	ended_as[i] = IDLE;
	if (!good && like >= 0) {
		x->where = LIKE;
		x->first = (unsigned)like;
	} else if (!good) {
		x->where = queued < QUEUE ? TOLD : PARKED;
	}
	err = dma_translate_or_stall(&soft[x->ep].space, DMA_NO_PASID, VA(x->page), x->access, &out, &stalls[i]);
	ck_assert_int_eq(err, good ? 0 : -EINPROGRESS);
	if (x->where == TOLD) {
		struct smmu_event e = event_at((rd32(SMMU_EVENTQ_PROD) - 1) & (QUEUE - 1));

		queued++;
		x->stag = (uint32_t)field_get(EVT1_STAG, e.dw[1]);
		ck_assert(e.dw[1] & EVT1_STALL);
		ck_assert_uint_eq(field_get(EVT0_SID, e.dw[0]), 0x10 + x->ep);
		ck_assert_uint_eq(e.dw[2], VA(x->page));
		ck_assert(!(e.dw[1] & EVT1_RNW) == !!(x->access & DMA_WRITE));
		for (unsigned j = 0; j < NR_TX; j++)
			ck_assert(j == i || model[j].where != TOLD || model[j].stag != x->stag);
	}
}

/* Everything that waits for room is tried again when there is some (7.2.1). */
static void room(void)
{
	for (unsigned i = 0; queued < QUEUE && i < NR_TX; i++) {
		if (model[i].where == PARKED)
			model[i].where = RETRY;
	}
}

/* The model's answer to @i; its likes are tried again. */
static void end(unsigned i, enum where outcome, enum where likes)
{
	model[i].where = outcome;
	for (unsigned j = 0; j < NR_TX; j++) {
		if (model[j].where == LIKE && model[j].first == i)
			model[j].where = likes;
	}
}

static void step_new(void)
{
	unsigned i = dice(NR_TX);

	if (model[i].where != IDLE && model[i].where != FAILED)
		return;
	model[i].ep = dice(2);
	model[i].page = dice(NR_VA);
	model[i].access = dice(2) ? DMA_READ : DMA_WRITE;
	try(i);
}

static void step_resume(void)
{
	unsigned i = dice(NR_TX);
	bool retry = dice(2);
	uint32_t tag = model[i].where == TOLD ? model[i].stag : dice(0x10000);
	uint32_t sid = dice(8) ? 0x10 + model[i].ep : dice(0x20);

	issue(sid_cmd(CMD_RESUME, sid) | (retry ? CMD0_RESUME_AC : 0), tag);
	for (unsigned j = 0; j < NR_TX; j++) {
		if (model[j].where == TOLD && model[j].stag == tag && sid == 0x10 + model[j].ep) {
			end(j, retry ? RETRY : FAILED, RETRY);
			room();
			break;
		}
	}
}

static void step_term(void)
{
	unsigned ep = dice(2);

	issue(sid_cmd(CMD_STALL_TERM, 0x10 + ep), 0);
	for (unsigned i = 0; i < NR_TX; i++) {
		if (model[i].ep == ep && (model[i].where == TOLD || model[i].where == LIKE || model[i].where == PARKED))
			model[i].where = FAILED;
	}
	room();
}

static void step_map(void)
{
	unsigned ep = dice(2), page = dice(NR_VA);

	mapped[ep][page] = dice(2);
	if (mapped[ep][page])
		map_page(&t[ep], VA(page), DATA, LEAF_S1);
	else
		put64(desc_at(&t[ep], VA(page), 3), 0);
	issue_sync(CMD_TLBI_NSNH_ALL, 0);
}

static void step_cancel(void)
{
	unsigned i = dice(NR_TX);

	dma_stall_cancel(&soft[model[i].ep].space, &stalls[i]);
	if (model[i].where == TOLD) {
		end(i, FAILED, RETRY);
		lost++;
	} else if (model[i].where == LIKE || model[i].where == PARKED) {
		model[i].where = FAILED;
	}
}

static void step_consume(void)
{
	unsigned n = queued && dice(4) == 0 ? 1 + dice(queued) : 0;
	uint32_t cons = rd32(SMMU_EVENTQ_CONS);

	queued -= n;
	wr32(SMMU_EVENTQ_CONS, (cons + n) & (2 * QUEUE - 1));
	room();
}

/* Every transaction is where the model has it. */
static void compare(void)
{
	unsigned told = 0;

	for (unsigned i = 0; i < NR_TX; i++) {
		enum where w = model[i].where;

		ck_assert_int_eq(stalls[i].pending, w == TOLD || w == LIKE || w == PARKED);
		if (w == RETRY || w == FAILED)
			ck_assert_int_eq(ended_as[i], w);
		told += w == TOLD;
	}
	ck_assert(fx.smmu->stalls.used >= told);
	ck_assert(fx.smmu->stalls.used <= told + lost);
	ck_assert_uint_eq(rd32(SMMU_EVENTQ_PROD) & QUEUE_OVERFLOW, 0);
}

START_TEST(model_holds)
{
	static void (*const steps[])(void) = {step_new, step_new,  step_new,	step_new,    step_resume,
					      step_map, step_term, step_cancel, step_consume};

	seed = 0x9e3779b97f4a7c15 * ((unsigned)_i + 1);
	for (unsigned n = 0; n < STEPS; n++) {
		/* STALL_TERM rarely: it ends so much */
		void (*step)(void) = steps[dice(ARRAY_LEN(steps))];

		if (step != step_term || dice(16) == 0)
			step();
		compare();
		for (unsigned i = 0; i < NR_TX; i++) {
			if (model[i].where == RETRY && dice(2))
				try(i);
		}
		compare();
		/* a tag that nobody answers is taken for good: begin anew before they are all */
		if (fx.smmu->stalls.used > SMMU_STALL_MAX / 2) {
			wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
			for (unsigned i = 0; i < NR_TX; i++) {
				if (model[i].where == TOLD || model[i].where == LIKE || model[i].where == PARKED)
					model[i].where = FAILED;
			}
			ck_assert_uint_eq(fx.smmu->stalls.used, 0);
			lost = 0;
			enable_smmu();
		}
	}
}
END_TEST

/* One access that is retried a million times, each time with an answer that does not
 * help, but the last. */
START_TEST(million)
{
	struct dma_target out;

	for (unsigned i = 0; i < 1000000; i++) {
		struct smmu_event e;

		ck_assert_int_eq(
			dma_translate_or_stall(&soft[0].space, DMA_NO_PASID, VA(0), DMA_READ, &out, &stalls[0]),
			-EINPROGRESS);
		e = event_at(rd32(SMMU_EVENTQ_CONS) & (QUEUE - 1));
		wr32(SMMU_EVENTQ_CONS, rd32(SMMU_EVENTQ_PROD));
		issue(sid_cmd(CMD_RESUME, 0x10) | CMD0_RESUME_AC, field_get(EVT1_STAG, e.dw[1]));
		ck_assert(!stalls[0].pending && ended_as[0] == RETRY && fx.smmu->stalls.used == 0);
		ended_as[0] = IDLE;
	}
	map_page(&t[0], VA(0), DATA, LEAF_S1);
	ck_assert_int_eq(dma_translate_or_stall(&soft[0].space, DMA_NO_PASID, VA(0), DMA_READ, &out, &stalls[0]), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("smmu_stall_model");
	TCase *tc = tcase_create("model");

	tcase_set_timeout(tc, 280);
	tcase_add_checked_fixture(tc, setup_model, teardown);
	tcase_add_loop_test(tc, model_holds, 0, 4);
	tcase_add_test(tc, million);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
