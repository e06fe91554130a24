/* SPDX-License-Identifier: Apache-2.0 */
/* The mailbox that a guest finds (PCIe 6.2, 6.30 and 7.9.24), clause by clause, and with aerie's own requester. */
#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "doe_mailbox.h"
#include "doe_object.h"
#include "fake_pci.h"
#include "log.h"
#include "pci_doe.h"
#include "run_suite.h"
#include "wire.h"

#define AT  0x260u
#define MAX 64u

static struct fake_pci w;
static struct fake_endpoint *ep;
static struct pci_doe doe;
static unsigned interrupts, calls;
static _Atomic bool hold; /* the slow protocol waits while it is true */
static _Atomic unsigned slow_calls, ticks, acted;
static int result; /* what the handlers return instead of an answer; 0: an answer */

static void interrupt(void *opaque, unsigned vector)
{
	ck_assert_uint_eq(vector, 3);
	interrupts++;
}

/* Answers with the request backwards, byte by byte. */
static int backwards(const uint8_t *req, size_t len, uint8_t *rsp)
{
	for (size_t i = 0; i < len; i++)
		rsp[i] = req[len - 1 - i];
	return result ? result : (int)len;
}

static int fast(void *opaque, uint8_t *type, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	ck_assert_uint_eq(cap, MAX - 8);
	calls++;
	if (result == 1)
		return 0;
	return backwards(req, len, rsp);
}

static void nap(unsigned us)
{
	nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

static int slow(void *opaque, uint8_t *type, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	bool wanted;

	atomic_fetch_add(&slow_calls, 1);
	while (atomic_load(&hold) && !atomic_load(&doe.quit))
		nap(100);
	if (!pci_doe_lock(&doe, &wanted))
		return 0;
	atomic_fetch_add(&acted, wanted);
	pci_doe_unlock(&doe);
	if (len == 4)
		*type = 7;
	return backwards(req, len, rsp);
}

static unsigned tick(void *opaque)
{
	return atomic_fetch_add(&ticks, 1) < 3 ? 1 : 0;
}

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void setup(void)
{
	struct pci_doe_config config = {
		.offset = AT,
		.max_object = MAX,
		.protocols = {{.vendor = 0x1234, .type = 5, .handle = fast},
			      {.vendor = 0x1234, .type = 6, .handle = slow, .slow = true},
			      {.vendor = 0x1234, .type = 7, .handle = fast}},
		.nr_protocols = 3,
		.interrupt = interrupt,
		.vector = 3,
		.tick = tick,
	};

	log_set_sink(quiet, NULL);
	interrupts = 0;
	calls = 0;
	result = 0;
	atomic_store(&hold, false);
	atomic_store(&slow_calls, 0);
	atomic_store(&ticks, 100);
	atomic_store(&acted, 0);
	fake_pci_start(&w);
	ep = fake_endpoint_new("ep");
	ck_assert_int_eq(fake_pci_place(&w, 0, 0, ep), 0);
	ck_assert_int_eq(pci_doe_add(&doe, &ep->fn, &w.vm.bus, &config), 0);
}

static void teardown(void)
{
	pci_doe_fini(&doe);
	fake_pci_stop(&w);
}

static uint32_t get(unsigned reg)
{
	return (uint32_t)fake_cfg_read(&w, 1, 0, AT + reg, 4);
}

static void put(unsigned reg, uint32_t value)
{
	fake_cfg_write(&w, 1, 0, AT + reg, 4, value);
}

static uint32_t status(void)
{
	return get(DOE_STATUS) & ~DOE_STATUS_INT;
}

static void send_object(uint16_t vendor, uint8_t type, uint32_t dwords)
{
	put(DOE_WRITE_MBOX, vendor | (uint32_t)type << 16);
	put(DOE_WRITE_MBOX, dwords);
	for (uint32_t i = 2; i < dwords; i++)
		put(DOE_WRITE_MBOX, i);
	put(DOE_CTRL, DOE_CTRL_GO);
}

static uint32_t pop(void)
{
	uint32_t value = get(DOE_READ_MBOX);

	put(DOE_READ_MBOX, 0xabcd);
	return value;
}

static void wait_idle(void)
{
	for (unsigned i = 0; i < 100000 && (get(DOE_STATUS) & DOE_STATUS_BUSY); i++)
		nap(100);
	ck_assert(!(get(DOE_STATUS) & DOE_STATUS_BUSY));
}

START_TEST(capability)
{
	ck_assert_uint_eq(get(0), 0x0002002e);
	ck_assert_uint_eq(fake_cfg_read(&w, 1, 0, 0x100, 4), 0x26010000); /* a null capability leads to it */
	ck_assert_uint_eq(get(DOE_CAP), DOE_CAP_INT_SUPPORT | 3 << 1);
	ck_assert_uint_eq(get(DOE_CTRL), 0);
	ck_assert_uint_eq(get(DOE_STATUS), 0);
	put(DOE_CAP, 0);
	put(DOE_STATUS, UINT32_MAX);
	ck_assert_uint_eq(get(DOE_CAP), DOE_CAP_INT_SUPPORT | 3 << 1);
	ck_assert_uint_eq(get(DOE_STATUS), 0);
	put(DOE_CTRL, DOE_CTRL_INT_ENABLE);
	ck_assert_uint_eq(get(DOE_CTRL), DOE_CTRL_INT_ENABLE);
	put(DOE_CTRL, DOE_CTRL_INT_ENABLE | DOE_CTRL_ABORT);
	ck_assert_uint_eq(get(DOE_CTRL), DOE_CTRL_INT_ENABLE);
	put(DOE_WRITE_MBOX, 5);
	ck_assert_uint_eq(get(DOE_WRITE_MBOX), 0);
}
END_TEST

START_TEST(round_trip)
{
	send_object(0x1234, 5, 4);
	ck_assert_uint_eq(status(), DOE_STATUS_READY);
	ck_assert_uint_eq(get(DOE_READ_MBOX), 0x00051234);
	ck_assert_uint_eq(get(DOE_READ_MBOX), 0x00051234); /* stays until it is popped */
	ck_assert_uint_eq(pop(), 0x00051234);
	ck_assert_uint_eq(pop(), 4);
	ck_assert_uint_eq(pop(), 0x03000000);
	ck_assert_uint_eq(status(), DOE_STATUS_READY);
	ck_assert_uint_eq(pop(), 0x02000000);
	ck_assert_uint_eq(status(), 0);
	ck_assert_uint_eq(pop(), 0);
	ck_assert_uint_eq(status(), 0);
}
END_TEST

START_TEST(discovery)
{
	static const uint32_t expect[] = {0x01000001, 0x02051234, 0x03061234, 0x00071234};

	for (uint32_t i = 0; i < 6; i++) {
		put(DOE_WRITE_MBOX, 1);
		put(DOE_WRITE_MBOX, 3);
		put(DOE_WRITE_MBOX, i | 2 << 8);
		put(DOE_CTRL, DOE_CTRL_GO);
		ck_assert_uint_eq(pop(), 1);
		ck_assert_uint_eq(pop(), 3);
		ck_assert_uint_eq(pop(), i < 4 ? expect[i] : 0x00ffffff);
	}
	ck_assert_uint_eq(calls, 0);
}
END_TEST

/* 6.30.1: neither READY nor ERROR. */
START_TEST(discarded)
{
	put(DOE_CTRL, DOE_CTRL_GO); /* nothing was written */
	ck_assert_uint_eq(status(), 0);
	send_object(0x1234, 8, 3); /* nobody's */
	ck_assert_uint_eq(status(), 0);
	send_object(1, 0, 4); /* a discovery with too many DWs */
	ck_assert_uint_eq(status(), 0);
	for (unsigned dw = 1; dw < 6; dw++) { /* says that it is 4 long */
		put(DOE_WRITE_MBOX, 0x00051234);
		for (unsigned i = 1; i < dw; i++)
			put(DOE_WRITE_MBOX, 4);
		put(DOE_CTRL, DOE_CTRL_GO);
		ck_assert_uint_eq(status(), dw == 4 ? DOE_STATUS_READY : 0);
		put(DOE_CTRL, DOE_CTRL_ABORT);
	}
	result = 1; /* the protocol has no answer */
	send_object(0x1234, 5, 3);
	ck_assert_uint_eq(status(), 0);
	ck_assert_uint_eq(calls, 2);
}
END_TEST

START_TEST(errors)
{
	/* An object that there is no room for. */
	send_object(0x1234, 5, MAX / 4 + 1);
	ck_assert_uint_eq(status(), DOE_STATUS_ERROR);
	/* ERROR stays until ABORT; nothing else works. */
	send_object(0x1234, 5, 3);
	ck_assert_uint_eq(status(), DOE_STATUS_ERROR);
	put(DOE_CTRL, DOE_CTRL_ABORT);
	ck_assert_uint_eq(status(), 0);
	send_object(0x1234, 5, MAX / 4);
	ck_assert_uint_eq(status(), DOE_STATUS_READY);
	/* GO while an answer waits. */
	send_object(0x1234, 5, 3);
	ck_assert_uint_eq(status(), DOE_STATUS_READY | DOE_STATUS_ERROR);
	put(DOE_CTRL, DOE_CTRL_ABORT | DOE_CTRL_GO);
	ck_assert_uint_eq(status(), 0);
	result = -EIO;
	send_object(0x1234, 5, 3);
	ck_assert_uint_eq(status(), DOE_STATUS_ERROR);
	result = MAX - 7; /* more than fits */
	put(DOE_CTRL, DOE_CTRL_ABORT);
	send_object(0x1234, 5, 3);
	ck_assert_uint_eq(status(), DOE_STATUS_ERROR);
	put(DOE_CTRL, DOE_CTRL_ABORT);
	/* What was written before an abort is forgotten. */
	put(DOE_WRITE_MBOX, 5);
	put(DOE_CTRL, DOE_CTRL_ABORT);
	result = 0;
	send_object(0x1234, 5, 3);
	ck_assert_uint_eq(status(), DOE_STATUS_READY);
}
END_TEST

/* Mailboxes are accessed in DWs. */
START_TEST(sizes)
{
	fake_cfg_write(&w, 1, 0, AT + DOE_WRITE_MBOX, 2, 0x1234);
	fake_cfg_write(&w, 1, 0, AT + DOE_WRITE_MBOX + 2, 1, 5);
	send_object(0x1234, 5, 3);
	ck_assert_uint_eq(status(), DOE_STATUS_READY);
	fake_cfg_write(&w, 1, 0, AT + DOE_CTRL, 1, DOE_CTRL_ABORT);
	ck_assert_uint_eq(status(), 0);
	put(DOE_WRITE_MBOX, 0x00051234);
	put(DOE_WRITE_MBOX, 3);
	put(DOE_WRITE_MBOX, 7);
	fake_cfg_write(&w, 1, 0, AT + DOE_CTRL, 2, 0);
	ck_assert_uint_eq(status(), 0);
	fake_cfg_write(&w, 1, 0, AT + DOE_CTRL + 3, 1, 0x80);
	ck_assert_uint_eq(status(), DOE_STATUS_READY);
}
END_TEST

START_TEST(interrupts_)
{
	send_object(0x1234, 5, 3);
	ck_assert_uint_eq(interrupts, 0);
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_READY);
	put(DOE_CTRL, DOE_CTRL_ABORT | DOE_CTRL_INT_ENABLE);
	put(DOE_WRITE_MBOX, 0x00051234);
	put(DOE_WRITE_MBOX, 3);
	put(DOE_WRITE_MBOX, 7);
	put(DOE_CTRL, DOE_CTRL_GO | DOE_CTRL_INT_ENABLE);
	ck_assert_uint_eq(interrupts, 1);
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_READY | DOE_STATUS_INT);
	put(DOE_STATUS, DOE_STATUS_INT);
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_READY);
	put(DOE_CTRL, DOE_CTRL_GO | DOE_CTRL_INT_ENABLE); /* an error */
	ck_assert_uint_eq(interrupts, 2);
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_READY | DOE_STATUS_ERROR | DOE_STATUS_INT);
}
END_TEST

START_TEST(busy)
{
	atomic_store(&hold, true);
	put(DOE_CTRL, DOE_CTRL_INT_ENABLE);
	put(DOE_WRITE_MBOX, 0x00061234);
	put(DOE_WRITE_MBOX, 3);
	put(DOE_WRITE_MBOX, 0x11223344);
	put(DOE_CTRL, DOE_CTRL_INT_ENABLE | DOE_CTRL_GO);
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_BUSY);
	/* What comes meanwhile is lost. */
	send_object(0x1234, 5, 3);
	put(DOE_READ_MBOX, 0);
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_BUSY);
	put(DOE_CTRL, DOE_CTRL_INT_ENABLE);
	atomic_store(&hold, false);
	wait_idle();
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_READY | DOE_STATUS_INT);
	ck_assert_uint_eq(interrupts, 1);     /* for READY, none for the end of BUSY */
	ck_assert_uint_eq(pop(), 0x00071234); /* the handler chose another type */
	ck_assert_uint_eq(pop(), 3);
	ck_assert_uint_eq(pop(), 0x44332211);
	ck_assert_uint_eq(atomic_load(&acted), 1);
}
END_TEST

START_TEST(abort_while_busy)
{
	atomic_store(&hold, true);
	send_object(0x1234, 6, 4);
	put(DOE_CTRL, DOE_CTRL_ABORT);
	/* The thread has it still, so the mailbox takes nothing yet. */
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_BUSY);
	send_object(0x1234, 5, 3);
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_BUSY);
	atomic_store(&hold, false);
	wait_idle();
	ck_assert_uint_eq(get(DOE_STATUS), 0);
	ck_assert_uint_eq(atomic_load(&acted), 0); /* nor does the aborted request have an effect */
	send_object(0x1234, 6, 4);
	wait_idle();
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_READY);
	ck_assert_uint_eq(atomic_load(&slow_calls), 2);
}
END_TEST

/* Function level or not: the request in work has no effect, and the thread still has it. */
START_TEST(reset_while_busy)
{
	atomic_store(&hold, true);
	send_object(0x1234, 6, 4);
	bus_lock(&w.vm.bus);
	_i ? pci_function_flr(&ep->fn) : pci_function_reset(&ep->fn);
	bus_unlock(&w.vm.bus);
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_BUSY);
	atomic_store(&hold, false);
	wait_idle();
	ck_assert_uint_eq(get(DOE_STATUS), 0);
	ck_assert_uint_eq(atomic_load(&acted), 0);
	send_object(0x1234, 5, 3);
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_READY);
}
END_TEST

/* Nothing of an object that was half written, or of an answer that was half read, is in the way of the next guest. */
START_TEST(reset_half_way)
{
	put(DOE_WRITE_MBOX, 0x00051234);
	pci_function_reset(&ep->fn);
	send_object(0x1234, 5, 4);
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_READY);
	pop();
	pci_function_reset(&ep->fn);
	ck_assert_uint_eq(get(DOE_STATUS), 0);
	ck_assert_uint_eq(get(DOE_READ_MBOX), 0);
	send_object(0x1234, 5, 3);
	ck_assert_uint_eq(get(DOE_STATUS), DOE_STATUS_READY);
	ck_assert_uint_eq(pop(), 0x00051234);
}
END_TEST

/* The end does not wait for ever, whatever the thread is at; the device lock may be held. */
START_TEST(end_while_busy)
{
	atomic_store(&hold, true);
	send_object(0x1234, 6, 4);
	bus_lock(&w.vm.bus);
	pci_doe_fini(&doe);
	pci_doe_fini(&doe);
	bus_unlock(&w.vm.bus);
	ck_assert_ptr_null(ep->fn.mailboxes);
}
END_TEST

START_TEST(ticks_)
{
	atomic_store(&ticks, 0);
	send_object(0x1234, 6, 4);
	wait_idle();
	for (unsigned i = 0; i < 1000 && atomic_load(&ticks) < 4; i++)
		nap(1000);
	nap(20000);
	ck_assert_uint_eq(atomic_load(&ticks), 4); /* after the request, three times again, and then no more */
}
END_TEST

START_TEST(two_mailboxes)
{
	static struct pci_doe other;
	struct pci_doe_config config = {.offset = 0x300,
					.max_object = MAX,
					.protocols = {{.vendor = 9, .type = 9, .handle = fast}},
					.nr_protocols = 1};

	ck_assert_int_eq(pci_doe_add(&other, &ep->fn, &w.vm.bus, &config), 0);
	ck_assert(!other.has_thread);
	ck_assert_uint_eq(fake_cfg_read(&w, 1, 0, 0x300 + DOE_CAP, 4), 0);
	send_object(9, 9, 3);
	ck_assert_uint_eq(status(), 0);
	fake_cfg_write(&w, 1, 0, 0x300 + DOE_WRITE_MBOX, 4, 0x00090009);
	send_object(0x1234, 5, 3);
	fake_cfg_write(&w, 1, 0, 0x300 + DOE_WRITE_MBOX, 4, 3);
	fake_cfg_write(&w, 1, 0, 0x300 + DOE_WRITE_MBOX, 4, 7);
	fake_cfg_write(&w, 1, 0, 0x300 + DOE_CTRL, 4, DOE_CTRL_GO);
	ck_assert_uint_eq(status(), DOE_STATUS_READY);
	ck_assert_uint_eq(fake_cfg_read(&w, 1, 0, 0x300 + DOE_STATUS, 4), DOE_STATUS_READY);
	ck_assert_int_eq(pci_doe_add(&(struct pci_doe){0}, &ep->fn, &w.vm.bus, &config), -EINVAL); /* taken */
	pci_doe_fini(&other);
	ck_assert_ptr_eq(ep->fn.mailboxes, &doe);
}
END_TEST

static int guest_read(void *opaque, uint16_t offset, uint32_t *value)
{
	*value = (uint32_t)fake_cfg_read(&w, 1, 0, offset, 4);
	return 0;
}

static int guest_write(void *opaque, uint16_t offset, uint32_t value)
{
	fake_cfg_write(&w, 1, 0, offset, 4, value);
	return 0;
}

static void guest_sleep(void *opaque, unsigned us)
{
	nap(us);
}

/* aerie's requester finds the mailbox and speaks with it. */
START_TEST(with_requester)
{
	static const struct doe_cfg_ops ops = {guest_read, guest_write, guest_sleep};
	struct doe_feature features[8];
	struct doe_mailbox mb;
	uint8_t rsp[64];

	ck_assert_int_eq(doe_find(&ops, NULL, "ep", 0), AT);
	ck_assert_int_eq(doe_mailbox_init(&mb, &ops, NULL, "ep", AT), 0);
	ck_assert_int_eq(doe_discover(&mb, features, 8), 4);
	ck_assert_uint_eq(features[2].type, 6);
	ck_assert_int_eq(doe_exchange(&mb, 0x1234, 6, "abcdefg", 7, rsp, sizeof(rsp)), 8);
	ck_assert_int_eq(memcmp(rsp, "\0gfedcba", 8), 0);
	mb.timeout_ms = 20;
	ck_assert_int_eq(doe_exchange(&mb, 0x1234, 9, NULL, 0, rsp, sizeof(rsp)), -ETIMEDOUT);
	result = -EIO;
	ck_assert_int_eq(doe_exchange(&mb, 0x1234, 5, "x", 1, rsp, sizeof(rsp)), -EIO);
	result = 0;
	ck_assert_int_eq(doe_exchange(&mb, 0x1234, 5, "x", 1, rsp, sizeof(rsp)), 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_doe");
	TCase *tc = tcase_create("doe");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, capability);
	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, discovery);
	tcase_add_test(tc, discarded);
	tcase_add_test(tc, errors);
	tcase_add_test(tc, sizes);
	tcase_add_test(tc, interrupts_);
	tcase_add_test(tc, busy);
	tcase_add_test(tc, abort_while_busy);
	tcase_add_loop_test(tc, reset_while_busy, 0, 2);
	tcase_add_test(tc, reset_half_way);
	tcase_add_test(tc, end_while_busy);
	tcase_add_test(tc, ticks_);
	tcase_add_test(tc, two_mailboxes);
	tcase_add_test(tc, with_requester);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
