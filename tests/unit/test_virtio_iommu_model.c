/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random requests for emulated and assigned endpoints in the same domains, with a host that fails now and then, against
 * a model made of arrays: the status of each request, and afterwards where every page leads for every endpoint.
 */
#include <errno.h>

#include "run_suite.h"
#include "virtio_iommu_rig.h"

#define LOW	24u /* pages from 0 */
#define PAGES	28u /* and some around the end of the MSI window, where the host's own begins */
#define DOMAINS 4u
#define EPS	4u
#define NONE	DOMAINS
#define PA(n)	(VD_RAM + UINT64_C(0x1000) * (n))
#define UART	UINT64_C(0x9000000)

struct page {
	unsigned id; /* of the mapping, 0: none */
	uint64_t pa;
	uint32_t flags;
	bool ram;
};

static struct {
	unsigned domain[EPS]; /* NONE: not attached */
	bool bypass;	      /* configuration */
	struct {
		bool bypass;
		struct page page[PAGES];
	} domains[DOMAINS];
	unsigned ids;
} model;

static const uint32_t rids[EPS] = {EMU0, EMU1, HOST0, HOST1};
static uint64_t seed;

static uint64_t rnd(uint64_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (seed >> 33) % below;
}

static uint64_t iova_of(unsigned page)
{
	return page < LOW ? page * UINT64_C(0x1000) : 0x800f000 + (page - LOW) * UINT64_C(0x1000);
}

static bool is_assigned(unsigned ep)
{
	return ep >= 2;
}

static unsigned members(unsigned domain, bool assigned_only)
{
	unsigned n = 0;

	for (unsigned ep = 0; ep < EPS; ep++)
		n += model.domain[ep] == domain && (!assigned_only || is_assigned(ep));
	return n;
}

static bool is_reserved(unsigned domain, unsigned page)
{
	return page == LOW || (page > LOW && members(domain, true) > 0);
}

static void leave(unsigned ep)
{
	unsigned domain = model.domain[ep];

	model.domain[ep] = NONE;
	if (domain != NONE && members(domain, false) == 0)
		memset(&model.domains[domain], 0, sizeof(model.domains[0]));
}

static int expect_attach(unsigned ep, unsigned domain, bool bypass)
{
	if (members(domain, false) && model.domains[domain].bypass != bypass)
		return VIRTIO_IOMMU_S_INVAL;
	if (model.domain[ep] == domain)
		return OK;
	for (unsigned p = 0; is_assigned(ep) && members(domain, true) == 0 && p < PAGES; p++) {
		const struct page *page = &model.domains[domain].page[p];

		if (page->id && (p >= LOW || (!page->ram && !(page->flags & MMIO) && page->flags & (R | W))))
			return VIRTIO_IOMMU_S_UNSUPP;
	}
	return OK;
}

static void do_attach(unsigned ep, unsigned domain, bool bypass)
{
	if (model.domain[ep] == domain)
		return;
	leave(ep);
	model.domain[ep] = domain;
	model.domains[domain].bypass = bypass;
}

static int expect_map(unsigned domain, unsigned first, unsigned last, bool is_ram, uint32_t flags)
{
	if (members(domain, false) == 0)
		return VIRTIO_IOMMU_S_NOENT;
	if (model.domains[domain].bypass)
		return VIRTIO_IOMMU_S_INVAL;
	for (unsigned p = first; p <= last; p++)
		if (is_reserved(domain, p) || model.domains[domain].page[p].id)
			return VIRTIO_IOMMU_S_INVAL;
	if (members(domain, true) && !is_ram && !(flags & MMIO) && flags & (R | W))
		return VIRTIO_IOMMU_S_FAULT;
	return OK;
}

static int expect_unmap(unsigned domain, unsigned first, unsigned last)
{
	const struct page *page = model.domains[domain].page;

	if (members(domain, false) == 0)
		return VIRTIO_IOMMU_S_NOENT;
	if (model.domains[domain].bypass)
		return VIRTIO_IOMMU_S_INVAL;
	for (unsigned p = 0; p < PAGES; p++)
		for (unsigned q = first; q <= last; q++)
			if (page[p].id && (p < first || p > last) && page[p].id == page[q].id)
				return VIRTIO_IOMMU_S_RANGE;
	return OK;
}

static uint64_t expect_goes(unsigned ep, unsigned p, unsigned access)
{
	const struct page *page;

	if (model.domain[ep] == NONE ? model.bypass : model.domains[model.domain[ep]].bypass)
		return is_assigned(ep) ? NOWHERE : iova_of(p); /* those pages are not RAM */
	if (model.domain[ep] == NONE)
		return NOWHERE;
	page = &model.domains[model.domain[ep]].page[p];
	if (p == LOW)
		return is_assigned(ep) || access == DMA_READ ? NOWHERE : iova_of(p);
	if (!page->id || !(page->flags & (access == DMA_READ ? R : W)))
		return NOWHERE;
	if (is_assigned(ep) && (!page->ram || page->flags & MMIO))
		return NOWHERE;
	return page->pa;
}

static void compare(void)
{
	for (unsigned ep = 0; ep < EPS; ep++) {
		bool identity = model.domain[ep] == NONE ? model.bypass : model.domains[model.domain[ep]].bypass;

		for (unsigned p = 0; p < PAGES; p++)
			for (unsigned access = DMA_READ; access <= DMA_WRITE; access++) {
				uint64_t to = is_assigned(ep) ? host_goes(ep - 2, iova_of(p), access)
							      : emu_goes(ep, iova_of(p), access);

				ck_assert_msg(to == expect_goes(ep, p, access),
					      "endpoint %u page %u: 0x%llx, not 0x%llx", ep, p, (long long)to,
					      (long long)expect_goes(ep, p, access));
			}
		ck_assert_uint_eq(is_assigned(ep) ? host_goes(ep - 2, PA(77), DMA_WRITE)
						  : emu_goes(ep, PA(77), DMA_WRITE),
				  identity ? PA(77) : NOWHERE);
	}
}

/* One request; *@status is the device's, the return value the model's, which it has not carried out yet. */
struct step {
	unsigned what, ep, domain, first, last;
	bool flag, ram;
	uint64_t pa;
	uint32_t flags;
};

static int expected(const struct step *s)
{
	switch (s->what) {
	case 0:
		return expect_attach(s->ep, s->domain, s->flag);
	case 1:
		return model.domain[s->ep] == s->domain ? OK : VIRTIO_IOMMU_S_INVAL;
	case 2:
		return expect_unmap(s->domain, s->first, s->last);
	default:
		return expect_map(s->domain, s->first, s->last, s->ram, s->flags);
	}
}

static int send(const struct step *s)
{
	uint64_t first = iova_of(s->first), last = iova_of(s->last) + 0xfff;

	switch (s->what) {
	case 0:
		return attach(s->domain, rids[s->ep], s->flag ? BYPASS : 0);
	case 1:
		return detach(s->domain, rids[s->ep]);
	case 2:
		return unmap(s->domain, first, last);
	default:
		return map(s->domain, first, last, s->pa, s->flags);
	}
}

static void apply(const struct step *s)
{
	switch (s->what) {
	case 0:
		do_attach(s->ep, s->domain, s->flag);
		break;
	case 1:
		leave(s->ep);
		break;
	case 2:
		memset(&model.domains[s->domain].page[s->first], 0, (s->last - s->first + 1) * sizeof(struct page));
		break;
	default:
		model.ids++;
		for (unsigned p = s->first; p <= s->last; p++)
			model.domains[s->domain].page[p] = (struct page){
				.id = model.ids,
				.pa = s->pa + (p - s->first) * UINT64_C(0x1000),
				.flags = s->flags,
				.ram = s->ram,
			};
	}
}

static struct step random_step(void)
{
	struct step s = {
		.what = rnd(10) < 3 ? (unsigned)rnd(2) : 2 + (unsigned)rnd(3),
		.ep = (unsigned)rnd(EPS),
		.domain = (unsigned)rnd(DOMAINS),
		.first = (unsigned)rnd(PAGES),
		.flag = rnd(8) == 0,
		.flags = (uint32_t)rnd(8),
		.ram = rnd(8) != 0,
	};

	s.last = s.first + (unsigned)rnd(4);
	if (s.last >= PAGES || (s.first < LOW && s.last >= LOW)) /* pages of one range are neighbours */
		s.last = s.first;
	s.pa = s.ram ? PA(rnd(64)) : UART;
	return s;
}

static void setup(void)
{
	rig_defaults();
	rig_start(true);
	ck_assert(vd_init(&d, VD_ALL, 0));
	memset(&model, 0, sizeof(model));
	for (unsigned ep = 0; ep < EPS; ep++)
		model.domain[ep] = NONE;
}

static void teardown(void)
{
	rig_stop();
}

START_TEST(random_requests)
{
	unsigned good = 0, failures = 0;

	seed = (uint64_t)_i + 1;
	for (unsigned i = 0; i < 1500; i++) {
		struct step s = random_step();
		int want = expected(&s), got;
		bool fail = rnd(3) == 0;

		if (rnd(50) == 0) {
			model.bypass = !model.bypass;
			vd_write(&d, d.config + 36, 1, model.bypass);
		}
		fake_fail_nth(fail ? (unsigned)rnd(3) + 1 : 0, rnd(2) ? ENOMEM : EIO);
		got = send(&s);
		if (fake_failed() && strcmp(fake_failed_call(), "ioctl IOMMU_DESTROY") == 0)
			rig_leaked++;
		else if (fake_failed() && got != OK)
			want = got;
		failures += fake_failed();
		fake_fail_nth(0, 0);
		ck_assert_msg(got == want, "step %u, request %u: status %d, not %d", i, s.what, got, want);
		if (got == OK)
			apply(&s);
		good += got == OK;
		compare();
	}
	ck_assert_uint_gt(good, 150);
	ck_assert_uint_gt(failures, 10);
	ck_assert_ptr_nonnull(host[0].fake->attached);
	vd_reset(&d);
	for (unsigned ep = 0; ep < EPS; ep++)
		leave(ep);
	compare();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio_iommu_model");
	TCase *tc = tcase_create("model");

	tcase_set_timeout(tc, 110);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, random_requests, 0, 5);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
