/* SPDX-License-Identifier: Apache-2.0 */
/* Page requests (chapter 8): every response, overflow, and requests that may not be. */
#include "waits.h"

#define EXT_ATS	   0x0fu
#define EXT_PRI	   0x13u
#define ATS_ENABLE 0x8000u
#define EATS_FULL  (1ull << 28)
#define PRIQ_LOG2  2u
#define PPAR	   BIT64(18)

static uint64_t *priq;
static uint32_t cons;

static unsigned pri(void)
{
	return pci_ext_cap(dev.fn, EXT_PRI);
}

static struct pt *fresh(void)
{
	struct pt *pt;

	rig_reset();
	pt = waits_stream(0, EATS_FULL | PPAR);
	priq = pages(1);
	cons = 0;
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN);
	write64(smmu.base + S_PRIQ_BASE, pa(priq) | PRIQ_LOG2);
	write32(smmu.base + S_PRIQ_PROD, 0);
	write32(smmu.base + S_PRIQ_CONS, 0);
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN | S_CR0_PRIQEN | S_CR0_ATSCHK);
	pci_flr(dev.fn);
	pci_restore(dev.fn);
	tdev_enable(&dev);
	pci_set16(dev.fn, pci_ext_cap(dev.fn, EXT_ATS) + 6, ATS_ENABLE);
	pci_set32(dev.fn, pri() + 12, 8);
	pci_set16(dev.fn, pri() + 4, 1);
	return pt;
}

static void done(void)
{
	pci_set16(dev.fn, pri() + 4, 0);
	pci_set16(dev.fn, pri() + 4, 2);
	pci_set16(dev.fn, pci_ext_cap(dev.fn, EXT_ATS) + 6, 0);
}

/* The next request; it is consumed, and an overflow acknowledged. */
static bool request(uint64_t e[2])
{
	uint32_t mask = (2u << PRIQ_LOG2) - 1;

	if (!WAIT_FOR((read32(smmu.base + S_PRIQ_PROD) & mask) != cons, 3000000)) {
		fail("no page request");
		return false;
	}
	barrier();
	memcpy(e, priq + 2 * (cons & (mask >> 1)), 16);
	cons = (cons + 1) & mask;
	write32(smmu.base + S_PRIQ_CONS, cons | (read32(smmu.base + S_PRIQ_PROD) & S_OVERFLOW));
	return true;
}

static void respond(const uint64_t e[2], uint64_t resp)
{
	uint64_t ssid = (e[0] >> 32 & 0xfffff) << 12;

	smmu_do(&smmu, OP_PRI_RESP | (uint64_t)sid << 32 | (e[0] >> 63 ? E0_SSV | ssid : 0),
		(e[1] & 0x1ff) | resp << 12);
}

static void responses(void)
{
	static const enum testdev_kind kinds[] = {TESTDEV_KIND_FAULT, TESTDEV_KIND_FAULT, TESTDEV_KIND_OK};

	for (unsigned resp = 0; resp < 6; resp++) {
		uint32_t flags = resp >= 3 ? TESTDEV_F_PASID : 0;
		struct pt *pt = fresh();
		uint64_t e[2];

		step("response %u", resp);
		waits_write(0, VA, 77, flags, 1);
		if (!request(e))
			return;
		if ((e[0] & UINT32_MAX) != sid || (e[0] >> 63) != (flags != 0) || (e[1] & ~0xfffull) != VA)
			fail("entry 0x%llx 0x%llx", (unsigned long long)e[0], (unsigned long long)e[1]);
		waits_map(pt, 0, true);
		respond(e, resp % 3);
		if (waits_end(0) != kinds[resp % 3])
			fail("the access ends otherwise");
		/* Response Failure: the function says so, and asks no more */
		if (!(pci_get16(dev.fn, pri() + 6) & 1) != (resp % 3 != 0))
			fail("status 0x%x", pci_get16(dev.fn, pri() + 6));
		/* once more: nobody's */
		pci_set16(dev.fn, pri() + 6, 1);
		respond(e, 2);
		if (!(pci_get16(dev.fn, pri() + 6) & 2))
			fail("an unexpected response is not noted");
		done();
	}
}

static void send(uint32_t flags, uint32_t pasid)
{
	dev_set(TESTDEV_PREQ_PRGI, 5);
	dev_set(TESTDEV_PREQ_PASID, pasid);
	dev_set(TESTDEV_PREQ_FLAGS, flags);
	dev_set(TESTDEV_PREQ_GO, 1);
}

/* 8.1: automatic responses; nothing is queued before the overflow is acknowledged. */
static void overflow(void)
{
	const uint32_t last = TESTDEV_PREQ_READ | TESTDEV_PREQ_LAST | TESTDEV_PREQ_FORCE;
	uint64_t e[2];

	fresh();
	for (unsigned i = 0; i < 4; i++)
		send(last, 0);
	send(TESTDEV_PREQ_READ | TESTDEV_PREQ_FORCE, 0);
	if (!(read32(smmu.base + S_PRIQ_PROD) & S_OVERFLOW) || dev_get(TESTDEV_PRESP_COUNT) != 0)
		fail("overflow by a request that is not the last");
	send(TESTDEV_PREQ_LAST | TESTDEV_PREQ_FORCE, TESTDEV_PASID_VALID | 1);
	if (dev_get(TESTDEV_PRESP_COUNT) != 0)
		fail("a Stop Marker has a response");
	send(last, TESTDEV_PASID_VALID | 1);
	if (dev_get(TESTDEV_PRESP_COUNT) != 1 || dev_get(TESTDEV_PRESP_LAST) != 5 ||
	    dev_get(TESTDEV_PRESP_PASID) != (TESTDEV_PASID_VALID | 1))
		fail("automatic response 0x%x 0x%x", dev_get(TESTDEV_PRESP_LAST), dev_get(TESTDEV_PRESP_PASID));
	if (!request(e))
		return;
	send(last, 0);
	if ((read32(smmu.base + S_PRIQ_PROD) & 7) != 5)
		fail("no request after the overflow");
	done();
}

/* 8.2: without PRIQEN each request fails; page requests of a function that may not. */
static void disabled(void)
{
	fresh();
	pci_set16(dev.fn, pri() + 4, 0);
	send(TESTDEV_PREQ_READ | TESTDEV_PREQ_LAST, 0);
	if (dev_get(TESTDEV_PREQ_SENT) != 0)
		fail("sent without Enable");
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
	send(TESTDEV_PREQ_READ | TESTDEV_PREQ_FORCE, 0);
	if (dev_get(TESTDEV_PRESP_LAST) != (5 | 0xf000))
		fail("response 0x%x without PRIQEN", dev_get(TESTDEV_PRESP_LAST));
	done();
}

const struct guest_case pri_cases[] = {
	{"pri responses", responses},
	{"pri overflow", overflow},
	{"pri disabled", disabled},
};
const unsigned nr_pri = ARRAY_LEN(pri_cases);
