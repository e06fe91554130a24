/* SPDX-License-Identifier: Apache-2.0 */
/* The device security of the test endpoint as far as a guest without cryptography gets: DOE to the letter, SPDM's first
 * messages, the IDE capability. */
#include "doe.h"
#include "doe_regs.h"
#include "ide_regs.h"
#include "tdev.h"

#define WAIT_US	 5000000u
#define QUIET_US 3000u
#define NOBODY	 9u /* a type that the mailbox does not know */

/* SPDM 1.0 GET_VERSION, and GET_CAPABILITIES of 1.2 with what the requester offers: nothing */
static const uint32_t get_version[] = {0x00008410};
static const uint32_t get_capabilities[] = {0x0000e112, 0, 0, 4096, 4096};

static struct tdev dev, plain;
static struct doe doe;

static void fresh(void)
{
	if (!doe_abort(&doe))
		fail("the mailbox does not come back from an abort");
}

static void capability(void)
{
	CHECK_EQ(doe_get(&doe, 0) & 0xfffff, 0x2002e);
	CHECK_EQ(doe_get(&doe, DOE_CAP), DOE_CAP_INT_SUPPORT);
	CHECK_EQ(doe_get(&doe, DOE_CTRL), 0);
	CHECK_EQ(doe_get(&doe, DOE_STATUS), 0);
	doe_set(&doe, DOE_CAP, 0);
	doe_set(&doe, DOE_STATUS, UINT32_MAX);
	CHECK_EQ(doe_get(&doe, DOE_CAP), DOE_CAP_INT_SUPPORT);
	CHECK_EQ(doe_get(&doe, DOE_STATUS), 0);
	CHECK_EQ(doe_get(&doe, DOE_WRITE_MBOX), 0);
	CHECK_EQ(pci_ext_cap(plain.fn, DOE_CAP_ID), 0);
}

/* 6.30.1.1 */
static void discovery(void)
{
	static const uint32_t expect[] = {0x01000001, 0x02010001, 0x00020001, 0x00ffffff, 0x00ffffff};

	fresh();
	for (uint32_t i = 0; i < ARRAY_LEN(expect); i++) {
		uint32_t request = i | 2u << 8;

		step("index %u", i);
		CHECK(doe_ask(&doe, 1, DOE_TYPE_DISCOVERY, &request, 1), "no answer");
		CHECK_EQ(doe.rsp[0], 1);
		CHECK_EQ(doe.rsp[1], 3);
		CHECK_EQ(doe.rsp[2], expect[i]);
		CHECK_EQ(doe_status(&doe), 0);
	}
}

static void spdm_version(void)
{
	fresh();
	CHECK(doe_ask(&doe, 1, DOE_TYPE_SPDM, get_version, 1), "no answer");
	CHECK_EQ(doe.rsp[0], 0x00010001);
	CHECK_EQ(doe.rsp[2] & 0xffff, 0x0410);
	CHECK(doe.rsp[3] >> 8 & 0xff, "no version");
}

static void spdm_capabilities(void)
{
	fresh();
	CHECK(doe_ask(&doe, 1, DOE_TYPE_SPDM, get_version, 1), "no answer to GET_VERSION");
	CHECK(doe_ask(&doe, 1, DOE_TYPE_SPDM, get_capabilities, 5), "no answer to GET_CAPABILITIES");
	CHECK_EQ(doe.rsp[2] & 0xffff, 0x6112);
	/* Out of order: an error, not silence. */
	CHECK(doe_ask(&doe, 1, DOE_TYPE_SPDM, (const uint32_t[]){0x00008112}, 1), "no answer to GET_DIGESTS");
	CHECK_EQ(doe.rsp[2] & 0xffffff, 0x047f12);
}

/* A secured message of a session that there is not gets nothing that could help. */
static void no_session(void)
{
	static const uint32_t secured[] = {0x00010002, 0x11110018, 0, 0, 0, 0, 0, 0};

	fresh();
	doe_send(&doe, 1, DOE_TYPE_SECURED_SPDM, secured, ARRAY_LEN(secured), 0);
	CHECK(doe_wait(&doe), "stays busy");
	if (doe_receive(&doe))
		CHECK_EQ(doe.rsp[2] >> 8 & 0xff, 0x7f);
}

/* 6.30.1: neither READY nor ERROR. */
static void discarded(void)
{
	fresh();
	doe_set(&doe, DOE_CTRL, DOE_CTRL_GO);
	CHECK_EQ(doe_status(&doe), 0);
	doe_send(&doe, 1, NOBODY, get_version, 1, 0);
	CHECK_EQ(doe_status(&doe), 0);
	doe_send(&doe, 0x1234, DOE_TYPE_SPDM, get_version, 1, 0);
	CHECK_EQ(doe_status(&doe), 0);
	for (uint32_t length = 0; length < 6; length++) {
		step("a length of %u", length);
		doe_set(&doe, DOE_WRITE_MBOX, 1);
		doe_set(&doe, DOE_WRITE_MBOX, length);
		doe_set(&doe, DOE_WRITE_MBOX, 0);
		doe_set(&doe, DOE_CTRL, DOE_CTRL_GO);
		CHECK_EQ(doe_status(&doe), length == 3 ? DOE_STATUS_READY : 0);
		fresh();
	}
}

static void errors(void)
{
	uint32_t request = 0;

	fresh();
	for (unsigned i = 0; i < 3000; i++)
		doe_set(&doe, DOE_WRITE_MBOX, 1);
	doe_set(&doe, DOE_CTRL, DOE_CTRL_GO);
	CHECK_EQ(doe_status(&doe), DOE_STATUS_ERROR);
	/* Until ABORT nothing works. */
	doe_send(&doe, 1, DOE_TYPE_DISCOVERY, &request, 1, 0);
	CHECK_EQ(doe_status(&doe), DOE_STATUS_ERROR);
	fresh();
	doe_send(&doe, 1, DOE_TYPE_DISCOVERY, &request, 1, 0);
	CHECK_EQ(doe_status(&doe), DOE_STATUS_READY);
	doe_send(&doe, 1, DOE_TYPE_DISCOVERY, &request, 1, 0);
	CHECK_EQ(doe_status(&doe), DOE_STATUS_READY | DOE_STATUS_ERROR);
	doe_set(&doe, DOE_CTRL, DOE_CTRL_ABORT | DOE_CTRL_GO);
	CHECK_EQ(doe_status(&doe), 0);
	CHECK_EQ(doe_get(&doe, DOE_READ_MBOX), 0);
}

/* Mailboxes take DWs; CTRL takes bytes, and GO is in the last one. */
static void sizes(void)
{
	fresh();
	pci_set16(doe.fn, doe.at + DOE_WRITE_MBOX, 1);
	pci_set8(doe.fn, doe.at + DOE_WRITE_MBOX + 3, 1);
	doe_set(&doe, DOE_WRITE_MBOX, 1);
	doe_set(&doe, DOE_WRITE_MBOX, 3);
	doe_set(&doe, DOE_WRITE_MBOX, 0);
	pci_set8(doe.fn, doe.at + DOE_CTRL, 0);
	CHECK_EQ(doe_status(&doe), 0);
	pci_set8(doe.fn, doe.at + DOE_CTRL + 3, 0x80);
	CHECK_EQ(doe_status(&doe), DOE_STATUS_READY);
	CHECK_EQ(pci_get16(doe.fn, doe.at + DOE_READ_MBOX), 1);
	CHECK(doe_receive(&doe), "no answer");
}

/* An answer that is worked on when ABORT comes does not show up later. */
static void abort_at_work(void)
{
	fresh();
	for (unsigned i = 0; i < 50; i++) {
		doe_send(&doe, 1, DOE_TYPE_SPDM, get_version, 1, 0);
		doe_set(&doe, DOE_CTRL, DOE_CTRL_ABORT);
		CHECK(doe_wait(&doe), "stays busy");
		CHECK_EQ(doe_status(&doe), 0);
	}
	CHECK(doe_ask(&doe, 1, DOE_TYPE_SPDM, get_version, 1), "no answer after the aborts");
}

static void interrupt(void)
{
	uint32_t rid = pci_rid(doe.fn), request = 0;

	fresh();
	CHECK(irq_device(rid, doe.fn->vectors), "no interrupt numbers");
	while (irq_poll())
		;
	pci_msix_set(doe.fn, 0, irq_doorbell(), irq_data(rid, 0), false);
	pci_msix_control(doe.fn, true, false);
	doe_send(&doe, 1, DOE_TYPE_SPDM, get_version, 1, 0);
	CHECK(doe_wait(&doe), "stays busy");
	CHECK_EQ(irq_wait(QUIET_US), 0); /* not enabled */
	fresh();
	doe_send(&doe, 1, DOE_TYPE_SPDM, get_version, 1, DOE_CTRL_INT_ENABLE);
	CHECK_EQ(irq_wait(WAIT_US), irq_number(rid, 0));
	CHECK_EQ(doe_get(&doe, DOE_STATUS), DOE_STATUS_READY | DOE_STATUS_INT);
	doe_set(&doe, DOE_STATUS, DOE_STATUS_INT);
	CHECK_EQ(doe_get(&doe, DOE_STATUS), DOE_STATUS_READY);
	CHECK_EQ(irq_wait(QUIET_US), 0);
	doe_send(&doe, 1, DOE_TYPE_DISCOVERY, &request, 1, DOE_CTRL_INT_ENABLE); /* an error */
	CHECK_EQ(irq_wait(WAIT_US), irq_number(rid, 0));
	fresh();
	pci_msix_control(doe.fn, false, false);
}

static void reset(void)
{
	uint32_t request = 0;

	fresh();
	doe_send(&doe, 1, DOE_TYPE_DISCOVERY, &request, 1, DOE_CTRL_INT_ENABLE);
	CHECK_EQ(doe_status(&doe), DOE_STATUS_READY);
	pci_flr(doe.fn);
	pci_restore(doe.fn);
	CHECK_EQ(doe_get(&doe, DOE_STATUS), 0);
	CHECK_EQ(doe_get(&doe, DOE_CTRL), 0);
	CHECK(doe_ask(&doe, 1, DOE_TYPE_SPDM, get_version, 1), "no answer after the reset");
}

/* 7.9.26: a stream that is enabled without keys is not secure. */
static void ide(void)
{
	unsigned at = pci_ext_cap(dev.fn, IDE_CAP_ID), stream = at + IDE_LINK_FIRST + IDE_LINK_BLOCK;
	uint32_t cap;

	CHECK(at, "no IDE capability");
	cap = pci_get32(dev.fn, at + IDE_CAP);
	CHECK((cap & IDE_CAP_SELECTIVE) && (cap & IDE_CAP_LINK) && (cap & IDE_CAP_KM), "its capabilities are 0x%x",
	      cap);
	CHECK_EQ(field_get32(IDE_CAP_NR_SELECTIVE, cap), 1);
	pci_set32(dev.fn, stream + IDE_SEL_CTL, 7u << 24 | IDE_STREAM_ENABLE);
	CHECK_EQ(pci_get32(dev.fn, stream + IDE_SEL_CTL), 7u << 24 | IDE_STREAM_ENABLE);
	CHECK_EQ(pci_get32(dev.fn, stream + IDE_SEL_STATUS), IDE_STATE_INSECURE);
	pci_set32(dev.fn, stream + IDE_SEL_CTL, 8u << 24 | IDE_STREAM_ENABLE); /* frozen */
	CHECK_EQ(pci_get32(dev.fn, stream + IDE_SEL_CTL), 7u << 24 | IDE_STREAM_ENABLE);
	pci_flr(dev.fn);
	pci_restore(dev.fn);
	CHECK_EQ(pci_get32(dev.fn, stream + IDE_SEL_CTL), 7u << 24 | IDE_STREAM_ENABLE);
	pci_set32(dev.fn, stream + IDE_SEL_CTL, 0);
	CHECK_EQ(pci_get32(dev.fn, stream + IDE_SEL_CTL), 0);
}

/* An interface that is not locked cannot be failed: there is nothing to lose, and DMA goes on. */
static void unlocked(void)
{
	uint64_t *data = pages(1);

	CHECK_EQ(read32(dev.regs + TESTDEV_SECURITY), TESTDEV_SEC_DOE | TESTDEV_SEC_IDE | TESTDEV_SEC_TDISP);
	CHECK_EQ(read32(plain.regs + TESTDEV_SECURITY), 0);
	write32(dev.regs + TESTDEV_SECURITY, TESTDEV_SEC_FAIL | TESTDEV_SEC_BREAK | 7);
	CHECK_EQ(read32(dev.regs + TESTDEV_SECURITY), TESTDEV_SEC_DOE | TESTDEV_SEC_IDE | TESTDEV_SEC_TDISP);
	CHECK_EQ(tdev_write8(&dev, pa(data), 0x600d, 0, 0), TESTDEV_KIND_OK);
	CHECK_EQ(*(volatile uint64_t *)data, 0x600d);
}

static const struct guest_case cases[] = {
	{"doe capability", capability},
	{"doe discovery", discovery},
	{"doe SPDM GET_VERSION", spdm_version},
	{"doe SPDM GET_CAPABILITIES", spdm_capabilities},
	{"doe secured without a session", no_session},
	{"doe discarded objects", discarded},
	{"doe errors", errors},
	{"doe access sizes", sizes},
	{"doe abort of work", abort_at_work},
	{"doe interrupt", interrupt},
	{"doe reset", reset},
	{"ide capability", ide},
	{"tdisp unlocked", unlocked},
};

void payload_main(void)
{
	if (!pci_init() || !tdev_init(&dev, 0) || !tdev_init(&plain, 1) || !irq_init() || !doe_init(&doe, dev.fn)) {
		print("FAIL prepare: no two test endpoints, or the first has no mailbox\n");
		return;
	}
	run_cases(cases, ARRAY_LEN(cases));
}
