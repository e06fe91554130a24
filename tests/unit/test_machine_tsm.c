/* SPDX-License-Identifier: Apache-2.0 */
/* Devices whose links are keyed by the host's kernel (tsm/connect), in whole machines on a pretended sysfs. */
#include "fake_tsm.h"
#include "machine_trust_fixture.h"
#include "sys.h"

static void tsm_setup(void)
{
	setup();
	fake_tsm_install(bdfs[0]);
}

/* A value of the evidence's "ide", as text. */
static const char *ide(const char *key)
{
	struct json_object *json = machine_trust_json(&m->endpoints[0]), *part, *value;
	static char text[64];

	ck_assert(json_object_object_get_ex(json, "ide", &part));
	ck_assert_msg(json_object_object_get_ex(part, key, &value), "no %s", key);
	snprintf(text, sizeof(text), "%s", value ? json_object_get_string(value) : "null");
	json_object_put(json);
	return text;
}

/* The device has proven itself to aerie first, and then the mailbox was the kernel's. */
START_TEST(keyed_by_the_host)
{
	unsigned requests;

	require("spdm, ide", "");
	must_make();
	ck_assert_str_eq(state(), "open");
	ck_assert_str_eq(verdict(), "trusted");
	ck_assert_str_eq(fake_tsm.connected, "tsm0");
	ck_assert_uint_eq(nr_messages, 0);
	ck_assert_str_eq(ide("keyed"), "true");
	ck_assert_str_eq(ide("enforced"), "true");
	ck_assert_str_eq(ide("keyed_by"), "tsm0");
	ck_assert_str_eq(ide("identity_verified_by"), "tsm0");
	ck_assert_str_eq(ide("stream"), "stream0.1.0");
	requests = mailbox.requests;
	look();
	look();
	ck_assert_str_eq(state(), "open");
	ck_assert_uint_eq(mailbox.requests, requests);
	machine_unmake(&m, config);
	m = NULL;
	ck_assert_str_eq(fake_tsm.connected, "");
	ck_assert_uint_eq(fake_tsm.disconnects, 1);
	ck_assert_uint_eq(mailbox.requests, requests);
}
END_TEST

/* One message more than without keys: our session ends before the kernel begins its own. */
START_TEST(session_ends_first)
{
	unsigned without, before;

	require("spdm", "");
	must_make();
	without = mailbox.requests;
	machine_unmake(&m, config);
	before = mailbox.requests;
	require("spdm, ide", "");
	must_make();
	ck_assert_uint_eq(mailbox.requests - before, without + 1);
	ck_assert_str_eq(fake_tsm.connected, "tsm0");
}
END_TEST

/* Before a guest starts again, and after a reset of the function, the device proves itself anew. */
START_TEST(connected_again)
{
	require("spdm, ide", "link-keys: host, ");
	must_make();
	ck_assert_int_eq(machine_reset(m), 0);
	ck_assert_uint_eq(fake_tsm.connects, 2);
	ck_assert_uint_eq(fake_tsm.disconnects, 1);
	ck_assert_str_eq(state(), "open");
	enable();
	cfg_write(m, 1, 0, find_cap(m, 1, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	ck_assert(!dma_open());
	hear();
	ck_assert_uint_eq(fake_tsm.connects, 3);
	ck_assert_str_eq(state(), "open");
	ck_assert(dma_open());
}
END_TEST

START_TEST(device_alone)
{
	const bool tdisp = _i;

	require(tdisp ? "spdm, ide, tdisp" : "spdm, ide", tdisp ? "" : "link-keys: device, ");
	must_make();
	ck_assert_uint_eq(fake_tsm.connects, 0);
	ck_assert_str_eq(ide("keyed"), "true");
	ck_assert_str_eq(ide("enforced"), "false");
	ck_assert_str_eq(ide("keyed_by"), "aerie");
}
END_TEST

/* Without anything required of the link, the host is not asked either. */
START_TEST(nothing_required)
{
	require("spdm", "");
	must_make();
	ck_assert_uint_eq(fake_tsm.connects, 0);
	look();
	ck_assert_str_eq(state(), "open");
}
END_TEST

static void must_refuse(const char *regex)
{
	devs[0]->attaches = 0;
	ck_assert_int_lt(machine_make(&m, &config), 0);
	said(regex);
	ck_assert_uint_eq(nr_messages, 1);
	ck_assert_uint_eq(devs[0]->attaches, 0);
	ck_assert_ptr_null(m);
	all_given_back();
}

static const struct {
	int err;
	const char *message;
} failures[] = {
	{-EBUSY, "ide-refused: somebody else has connected it"},
	{-ENXIO, "ide-refused: the host's tsm0 does not take it"},
	{-EIO, "ide-refused: the host's tsm0 cannot connect to it: Input/output error; the kernel's log"},
	{-EPERM, "ide-refused: only root may write"},
	{-ENOENT, "ide-refused: .*its security manager has gone"},
};

START_TEST(connect_fails)
{
	char wanted[128];

	require("spdm, ide", "");
	fake_tsm.connect_err = failures[_i].err;
	snprintf(wanted, sizeof(wanted), "^nvme0: is not given to a guest: %s", failures[_i].message);
	must_refuse(wanted);
}
END_TEST

/* Also when another device below the same host bridge has a stream; and links that are no streams do not count. */
START_TEST(connects_without_ide)
{
	require("spdm, ide", "");
	fake_tsm.no_stream = true;
	if (_i)
		fake_sysfs_link(FAKE_TSM_BRIDGE "/stream0.0.0", "0000:00:01.0/0000:02:00.0");
	fake_sysfs_link(FAKE_TSM_BRIDGE "/of_node", "0000:00:01.0/0000:01:00.0");
	must_refuse("^nvme0: is not given to a guest: ide-unsupported: .*tsm0 .*shows no IDE stream");
	ck_assert_uint_eq(fake_tsm.connects, 1);
	ck_assert_str_eq(fake_tsm.connected, "");
}
END_TEST

START_TEST(does_not_say_that_it_is_connected)
{
	require("spdm, ide", "");
	fake_tsm.forgets = true;
	must_refuse("^nvme0: is not given to a guest: ide-refused: .*connected to nothing");
	ck_assert_uint_eq(fake_tsm.disconnects, 1);
}
END_TEST

/* Several managers: the one that takes the device, in the order of their numbers. */
START_TEST(the_one_that_takes_it)
{
	fake_sysfs_file("/sys/class/tsm/tsm10/uevent", "");
	fake_sysfs_file("/sys/class/tsm/tsm2/uevent", "");
	fake_sysfs_file("/sys/class/tsm/else/uevent", "");
	fake_tsm.takes = _i ? "tsm10" : "tsm2";
	require("spdm, ide", "");
	must_make();
	ck_assert_str_eq(fake_tsm.connected, fake_tsm.takes);
	ck_assert_str_eq(ide("keyed_by"), fake_tsm.takes);
}
END_TEST

START_TEST(no_manager)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/sys/class/tsm/tsm0/uevent", sys_root);
	unlink(path);
	*strrchr(path, '/') = '\0';
	ck_assert_int_eq(rmdir(path), 0);
	require("spdm, ide", "");
	must_refuse("^nvme0: is not given to a guest: ide-refused: .*/sys/class/tsm is empty");
}
END_TEST

/* Somebody has connected it before: its mailbox is the kernel's, and not touched. */
START_TEST(connected_already)
{
	require(_i ? "spdm, ide" : "spdm", "");
	strcpy(fake_tsm.connected, "tsm0");
	must_refuse(
		"^nvme0: cannot be asked to prove itself: the kernel has connected 0000:01:00.0 to tsm0.*echo tsm0 >"
		"/sys/bus/pci/devices/0000:01:00.0/tsm/disconnect");
	ck_assert_uint_eq(mailbox.requests, 0);
	ck_assert_str_eq(fake_tsm.connected, "tsm0");
}
END_TEST

/* The same between two guests: the next one does not get the device. */
START_TEST(taken_between_guests)
{
	unsigned requests;

	require("spdm", "");
	must_make();
	machine_trust_before_reset(m);
	requests = mailbox.requests;
	strcpy(fake_tsm.connected, "tsm0");
	machine_trust_after_reset(m);
	ck_assert_str_eq(state(), "blocked");
	ck_assert_str_eq(verdict(), "mailbox-taken");
	ck_assert_uint_eq(mailbox.requests, requests);
	ck_assert_uint_eq(fake_tsm.disconnects, 0);
}
END_TEST

START_TEST(lost_in_use)
{
	require("spdm, ide", "");
	must_make();
	enable();
	ck_assert(dma_open());
	if (_i == 0)
		fake_tsm.connected[0] = '\0';
	else if (_i == 1)
		strcpy(fake_tsm.connected, "tsm1");
	else
		fake_tsm_stream(false);
	look();
	ck_assert(!dma_open());
	ck_assert_str_eq(state(), "blocked");
	ck_assert_str_eq(verdict(), "link-lost");
	said("^nvme0: is blocked: link-lost: ");
	ck_assert_uint_eq(nr_messages, 1);
	ck_assert_str_eq(ide("keyed"), "true"); /* it was */
	ck_assert_str_eq(ide("enforced"), "false");
}
END_TEST

/* The guest takes its time between LOCK and ACCEPT, and in between the link is lost. */
START_TEST(lost_before_it_is_accepted)
{
	require("spdm, ide", "");
	must_make();
	enable();
	pthread_mutex_lock(&trust()->mutex);
	trust_end(trust());
	ck_assert_int_eq(trust_lock(trust()), 0);
	ck_assert_str_eq(verdict(), "trusted");
	fake_tsm_stream(false);
	devs[0]->attaches = 0;
	ck_assert_int_eq(trust_accept(trust()), -ECONNABORTED);
	pthread_mutex_unlock(&trust()->mutex);
	ck_assert_str_eq(verdict(), "link-lost");
	ck_assert(!dma_open());
	ck_assert_uint_eq(devs[0]->attaches, 0);
	ck_assert_str_eq(state(), "blocked");
}
END_TEST

/* The kernel does not let go: said once, with what to do; and the device cannot prove itself again. */
START_TEST(disconnect_fails)
{
	require("spdm, ide", "");
	must_make();
	fake_tsm.disconnect_err = -EIO;
	machine_trust_before_reset(m);
	said("^0000:01:00.0: stays connected to tsm0: Input/output error; .*echo tsm0 >.*/tsm/disconnect");
	ck_assert_uint_eq(nr_messages, 1);
	machine_trust_after_reset(m);
	ck_assert_str_eq(state(), "blocked");
	said("^nvme0: is blocked: mailbox-taken: ");
}
END_TEST

/* What is asked for by name and not there is no reason to do less. */
START_TEST(not_offered)
{
	require("spdm, ide", "link-keys: host, ");
	fake_reset();
	assigned_host();
	fake_doe_remove(&mailbox);
	fake_doe_add(&mailbox, devs[0], device);
	must_refuse("^nvme0: is not given to a guest: ide-unsupported: .*offers no tsm/connect");
	ck_assert_uint_eq(mailbox.requests, 0);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, tsm_setup, teardown);
	tcase_add_test(t, keyed_by_the_host);
	tcase_add_test(t, session_ends_first);
	tcase_add_test(t, connected_again);
	tcase_add_loop_test(t, device_alone, 0, 2);
	tcase_add_test(t, nothing_required);
	tcase_add_loop_test(t, connect_fails, 0, sizeof(failures) / sizeof(failures[0]));
	tcase_add_loop_test(t, connects_without_ide, 0, 2);
	tcase_add_test(t, does_not_say_that_it_is_connected);
	tcase_add_loop_test(t, the_one_that_takes_it, 0, 2);
	tcase_add_test(t, no_manager);
	tcase_add_loop_test(t, connected_already, 0, 2);
	tcase_add_test(t, taken_between_guests);
	tcase_add_loop_test(t, lost_in_use, 0, 3);
	tcase_add_test(t, lost_before_it_is_accepted);
	tcase_add_test(t, disconnect_fails);
	tcase_add_test(t, not_offered);
}

MACHINE_MAIN("machine_tsm", add_tests)
