/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VM that is to end, or to start again, while a device that has to prove itself lets everybody wait: nobody waits for
 * it, no guest gets it, and nothing is called an error.
 */
#include <signal.h>

#include "machine_trust_fixture.h"

static pthread_t sender;

/* Once the device has been asked for something, if it can be. */
static void *send_term(void *opaque)
{
	const unsigned *after = opaque;

	for (unsigned i = 0; i < 1000 && mailbox.requests < *after; i++)
		usleep(100);
	kill(getpid(), SIGTERM);
	return NULL;
}

static void term_when_asked(void)
{
	static unsigned after;
	sigset_t set;

	/* Else the thread would take the signal before the machine listens. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	after = mailbox.mute_at ? mailbox.mute_at : 1;
	ck_assert_int_eq(pthread_create(&sender, NULL, send_term, &after), 0);
}

/* Before the guest runs: a mailbox that never does what it is asked for, one without an answer, and one that is about
 * to be opened. */
START_TEST(before_the_guest)
{
	require(_i == 2 ? "spdm" : "spdm, ide, tdisp", "");
	devs[0]->attaches = 0;
	mailbox.silent = _i == 0;
	if (_i == 1)
		mailbox.device = NULL;
	term_when_asked();
	ck_assert_int_eq(machine_make(&m, &config), -ECANCELED);
	pthread_join(sender, NULL);
	ck_assert_ptr_null(m);
	ck_assert_uint_eq(nr_messages, 0);
	ck_assert_uint_eq(devs[0]->attaches, 0);
	all_given_back();
}
END_TEST

/* Between two guests. */
START_TEST(after_a_reset)
{
	require("spdm", "");
	must_make();
	mailbox.mute_at = mailbox.requests + 2; /* the first is the end of the session */
	term_when_asked();
	ck_assert_int_eq(machine_reset(m), -ECANCELED);
	pthread_join(sender, NULL);
	ck_assert_uint_eq(nr_messages, 0);
	ck_assert_str_eq(state(), "blocked");
	ck_assert(!dma_open());
}
END_TEST

/* The device's own thread asks it, after a reset of the function, and gets no answer. */
static void let_the_thread_ask(void)
{
	unsigned before;

	require("spdm", "");
	must_make();
	ck_assert_int_eq(machine_start_trust(m), 0);
	enable();
	before = mailbox.requests;
	mailbox.mute_at = before + 2;
	cfg_write(m, 1, 0, find_cap(m, 1, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	for (unsigned i = 0; i < 10000 && mailbox.requests < before + 2; i++)
		usleep(1000);
	ck_assert_uint_ge(mailbox.requests, before + 2);
}

START_TEST(while_its_thread_asks)
{
	let_the_thread_ask();
	machine_unmake(&m, config);
	m = NULL;
	ck_assert_uint_eq(nr_messages, 0);
	all_given_back();
}
END_TEST

/* What the thread asks is void with the reset, and the device is asked anew. */
START_TEST(reset_while_its_thread_asks)
{
	let_the_thread_ask();
	mailbox.mute_at = 0;
	ck_assert_int_eq(machine_reset(m), 0);
	ck_assert_uint_eq(nr_messages, 0);
	ck_assert_str_eq(state(), "open");
	ck_assert_str_eq(verdict(), "trusted");
}
END_TEST

/* The mailbox of the guest that is gone waited for the thread: nothing is asked on its behalf while devices are reset,
 * or the next guest would wait for that. */
START_TEST(asked_between_two_guests)
{
	unsigned before;

	require("spdm", "");
	must_make();
	machine_trust_before_reset(m);
	before = mailbox.requests;
	pthread_mutex_lock(&trust()->mutex);
	ck_assert_int_eq(trust_lock(trust()), -ECANCELED);
	trust_blocked(trust());
	pthread_mutex_unlock(&trust()->mutex);
	ck_assert_uint_eq(mailbox.requests, before);
	ck_assert_uint_eq(nr_messages, 0);
	ck_assert_int_eq(machine_trust_after_reset(m), 0);
	ck_assert_str_eq(state(), "open");
	ck_assert_str_eq(verdict(), "trusted");
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, before_the_guest, 0, 3);
	tcase_add_test(t, after_a_reset);
	tcase_add_test(t, while_its_thread_asks);
	tcase_add_test(t, reset_while_its_thread_asks);
	tcase_add_test(t, asked_between_two_guests);
}

MACHINE_MAIN("machine_trust_stop", add_tests)
