/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices that have to prove themselves, in whole machines: before the guest runs, while it runs, and after it resets.
 * The first device has a mailbox with a device in software behind it.
 */
#include "machine_trust_fixture.h"

static int test_endpoint_pki(void)
{
	return attest_pki_generate(pki, &(struct attest_pki_config){
						.asym = SPDM_ASYM_P384,
						.name = "Vendor=1234:Device=ae71:CC=ff0000:REV=00:SSVID=1234:SSID=ae71",
					});
}

START_TEST(identity_only)
{
	require("spdm", "");
	must_make();
	ck_assert_str_eq(state(), "open");
	ck_assert_str_eq(verdict(), "trusted");
	ck_assert(dma_open());
	ck_assert_int_eq(host_cfg(0), STE_CFG_BYPASS); /* as the guest's SMMU starts */
	ck_assert_uint_eq(nr_messages, 0);
	/* the guest may do as it likes */
	enable();
	cfg_write(m, 1, 0, PCI_COMMAND, 2, 0);
	ck_assert_str_eq(state(), "open");
	look();
	ck_assert_str_eq(state(), "open");
}
END_TEST

START_TEST(everything)
{
	require("spdm, ide, tdisp", "");
	must_make();
	ck_assert_str_eq(verdict(), "trusted");
	ck_assert_str_eq(state(), "open");
	ck_assert(!dma_open()); /* the guest has not turned bus mastering on */
	enable();
	ck_assert(dma_open());
	ck_assert_uint_eq(cfg_read(m, 1, 0, PCI_VENDOR_ID, 4), 0x00101b36);
	look();
	look();
	ck_assert_str_eq(state(), "open");
	ck_assert(dma_open());

	struct json_object *json = machine_trust_json(&m->endpoints[0]), *part;

	ck_assert(json_object_object_get_ex(json, "checks", &part));
	ck_assert_int_eq(json_object_get_int(part), 2);
	ck_assert(json_object_object_get_ex(json, "gate", &part));
	ck_assert_str_eq(json_object_get_string(part), "open");
	json_object_put(json);
	/* the other device of the machine has never been asked */
	ck_assert_ptr_null(m->endpoints[1].trust);
	ck_assert_ptr_nonnull(devs[1]->attached);
}
END_TEST

static const struct {
	const char *fault, *message;
} refusals[] = {
	{"bad-signature", "bad-signature"},   {"zero-nonce", "bad-nonce"},	  {"no-reply", "no-reply"},
	{"key-refused", "ide-refused"},	      {"lock-refused", "lock-refused"},	  {"extra-range", "report-bad"},
	{"overlapping-ranges", "report-bad"}, {"start-refused", "start-refused"}, {"cut-after-lock", "session-lost"},
};

/* No guest runs, the last message says why in a word, and the device has never been able to do DMA. */
START_TEST(refused)
{
	char wanted[128];

	make_device(refusals[_i].fault);
	require("spdm, ide, tdisp", "");
	devs[0]->attaches = 0;
	ck_assert_int_lt(machine_make(&m, &config), 0);
	snprintf(wanted, sizeof(wanted), "nvme0: is not given to a guest: %s: ", refusals[_i].message);
	ck_assert_msg(strstr(last_message, wanted) == last_message, "%s: %s", refusals[_i].fault, last_message);
	ck_assert_uint_eq(devs[0]->attaches, 0);
	ck_assert_ptr_null(m);
	all_given_back();
}
END_TEST

START_TEST(policy)
{
	FILE *f = fopen(in_pki("policy.yaml"), "w");
	char more[128];

	fprintf(f, "version: 1\nmeasurements:\n  - {index: 1, allowed: [\"raw:726f6d\"]}\n");
	fclose(f);
	snprintf(more, sizeof(more), "measurements: %s, ", in_pki("policy.yaml"));
	require("spdm, measurements", more);
	ck_assert_int_eq(machine_make(&m, &config), -EACCES);
	said("^nvme0: is not given to a guest: policy: measurement 1 .*does not allow: sha");
	ck_assert_uint_eq(nr_messages, 1);
}
END_TEST

START_TEST(files_that_are_not_there)
{
	unlink(in_pki("root.pem"));
	require("spdm", "");
	ck_assert_int_lt(machine_make(&m, &config), 0);
	said("root.pem");
	ck_assert_uint_eq(nr_messages, 1);
	ck_assert_uint_eq(mailbox.requests, 0);
}
END_TEST

START_TEST(no_mailbox)
{
	fake_vfio_set(devs[0], 0x150, 4, 0x00010003);
	require("spdm", "");
	ck_assert_int_lt(machine_make(&m, &config), 0);
	ck_assert_uint_eq(nr_messages, 1);
	said("0000:01:00.0|nvme0");
}
END_TEST

static const struct {
	const char *what;
	unsigned reg;
	uint32_t value;
} breaks[] = {
	{"bus mastering was turned off", PCI_COMMAND, PCI_COMMAND_MEMORY},
	{"memory decoding was turned off", PCI_COMMAND, PCI_COMMAND_MASTER},
};

/* DMA is gone at once, in the guest's own access; then the device is told, and the reset brings it back. */
START_TEST(guest_breaks_the_lock)
{
	unsigned before;

	require("spdm, ide, tdisp", "");
	must_make();
	forget_messages(); /* that IDE is a promise */
	enable();
	ck_assert(dma_open());
	before = mailbox.requests;
	cfg_write(m, 1, 0, breaks[_i].reg, 2, breaks[_i].value);
	ck_assert(!dma_open());
	ck_assert_uint_eq(mailbox.requests, before); /* nobody has told it */
	ck_assert_str_eq(state(), "blocked");
	hear();
	ck_assert_uint_gt(mailbox.requests, before);
	ck_assert_str_eq(verdict(), "lock-broken");
	ck_assert_uint_eq(nr_messages, 1);
	said("nvme0: is blocked: lock-broken: .*turned off; its DMA is stopped");
	enable();
	ck_assert(!dma_open());
	ck_assert_int_eq(machine_reset(m), 0);
	ck_assert_str_eq(state(), "open");
	ck_assert_str_eq(verdict(), "trusted");
	ck_assert(!dma_open());
	enable();
	ck_assert(dma_open());
}
END_TEST

static bool said_in_evidence(const char *verdict_)
{
	struct json_object *json = machine_trust_json(&m->endpoints[0]), *part;
	bool same = json_object_object_get_ex(json, "verdict", &part) &&
		    strcmp(json_object_get_string(part), verdict_) == 0;

	json_object_put(json);
	return same;
}

/* Nobody but the device's own thread is needed to tell it, and to look at it again after a reset. */
START_TEST(watched_by_a_thread)
{
	require("spdm, ide, tdisp", "");
	must_make();
	ck_assert_int_eq(machine_start_trust(m), 0);
	ck_assert_int_eq(machine_start_trust(m), 0);
	enable();
	cfg_write(m, 1, 0, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	for (unsigned i = 0; i < 10000 && !said_in_evidence("lock-broken"); i++)
		usleep(1000);
	ck_assert(said_in_evidence("lock-broken"));
	ck_assert(!dma_open());
	/* what was broken before a reset is forgotten with it, whether the thread has seen it or not */
	ck_assert_int_eq(machine_reset(m), 0);
	enable();
	ck_assert(dma_open());
	cfg_write(m, 1, 0, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_int_eq(machine_reset(m), 0);
	ck_assert_str_eq(state(), "open");
}
END_TEST

static const char *const failures[] = {"error-in-run", "silent-in-run", "cut-in-run"};

START_TEST(device_fails_while_the_guest_runs)
{
	make_device(failures[_i]);
	require("spdm, ide, tdisp", "");
	must_make();
	enable();
	ck_assert(dma_open());
	for (unsigned i = 0; i < 4 && dma_open(); i++)
		look();
	ck_assert(!dma_open());
	ck_assert_str_eq(state(), "blocked");
	ck_assert_str_ne(verdict(), "trusted");
	said("nvme0: is blocked: ");
	/* looking again changes nothing */
	forget_messages();
	enable();
	ck_assert(!dma_open());
	ck_assert_uint_eq(nr_messages, 0);
}
END_TEST

/* After a reset the device is another one: the guest starts without it. */
START_TEST(exchanged_at_a_reset)
{
	require("spdm, ide, tdisp", "");
	must_make();
	enable();
	make_device("bad-signature");
	ck_assert_int_eq(machine_reset(m), 0);
	ck_assert_str_eq(state(), "blocked");
	said("nvme0: is blocked: bad-signature");
	enable();
	ck_assert(!dma_open());
}
END_TEST

/* Without a lock a reset of the function is no offence: it is asked again. */
START_TEST(function_level_reset)
{
	unsigned before;

	require("spdm", "");
	must_make();
	enable();
	before = mailbox.requests;
	cfg_write(m, 1, 0, find_cap(m, 1, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	ck_assert(!dma_open());
	hear();
	ck_assert(dma_open());
	ck_assert_uint_gt(mailbox.requests, before);
	ck_assert_str_eq(state(), "open");
	ck_assert_uint_eq(nr_messages, 0);
}
END_TEST

static void flr(void)
{
	cfg_write(m, 1, 0, find_cap(m, 1, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
}

/* A reset between the proof and the opening: what was proven is void, and the gate stays closed. */
START_TEST(reset_while_it_proves_itself)
{
	require(_i ? "spdm, ide, tdisp" : "spdm", "");
	must_make();
	enable();
	pthread_mutex_lock(&trust()->mutex);
	trust_end(trust());
	ck_assert_int_eq(trust_lock(trust()), 0);
	flr();
	ck_assert_int_lt(trust_accept(trust()), 0);
	pthread_mutex_unlock(&trust()->mutex);
	ck_assert_str_eq(state(), "blocked");
	ck_assert_str_eq(verdict(), "lock-broken");
	enable();
	ck_assert(!dma_open());
}
END_TEST

/* Asked while somebody else asks the device: the event loop gets an answer, not a wait. */
START_TEST(evidence_does_not_wait)
{
	struct json_object *json, *part;

	require("spdm", "");
	must_make();
	pthread_mutex_lock(&trust()->mutex);
	json = machine_trust_json(&m->endpoints[0]);
	pthread_mutex_unlock(&trust()->mutex);
	ck_assert(json_object_object_get_ex(json, "verdict", &part));
	ck_assert_str_eq(json_object_get_string(part), "pending");
	ck_assert(json_object_object_get_ex(json, "gate", &part));
	json_object_put(json);
}
END_TEST

/* The guest's mailbox: DWs through config space, as a driver does it; the answer's DWs. */
static unsigned guest_asks(const uint32_t *dws, unsigned n, uint32_t *answer, unsigned cap)
{
	const unsigned at = 0xfe0;
	unsigned got = 0;

	cfg_write(m, 1, 0, at + 0x10, 4, TSM_DOE_VENDOR | TSM_DOE_TYPE << 16);
	cfg_write(m, 1, 0, at + 0x10, 4, n + 2);
	for (unsigned i = 0; i < n; i++)
		cfg_write(m, 1, 0, at + 0x10, 4, dws[i]);
	cfg_write(m, 1, 0, at + 0x08, 4, 1u << 31);
	for (unsigned i = 0; i < 5000 && !(cfg_read(m, 1, 0, at + 0x0c, 4) & 1u << 31); i++)
		usleep(1000);
	while (cfg_read(m, 1, 0, at + 0x0c, 4) & 1u << 31) {
		uint32_t dw = cfg_read(m, 1, 0, at + 0x14, 4);

		if (got >= 2 && got - 2 < cap)
			answer[got - 2] = dw;
		got++;
		cfg_write(m, 1, 0, at + 0x14, 4, 0);
	}
	ck_assert_uint_gt(got, 2);
	return got - 2;
}

static uint32_t guest_does(uint32_t operation, uint32_t argument, uint32_t answer[4])
{
	const uint32_t dws[] = {operation | TSM_VERSION << 8, argument};

	ck_assert_uint_eq(guest_asks(dws, operation == TSM_ACCEPT ? 2 : 1, answer, 4), 4);
	return answer[0] >> 16;
}

/* The guest gives the device back, looks at the evidence of a new lock, and accepts that one and no other. */
START_TEST(guest_asks_aerie)
{
	uint32_t answer[1024], generation;

	require("spdm, ide, tdisp", "");
	must_make();
	enable();
	ck_assert_uint_eq(guest_does(TSM_INFO, 0, answer), TSM_OK);
	ck_assert_uint_eq(answer[1], TSM_RUN);
	ck_assert_uint_eq(answer[2], TSM_FLAG_REQUIRED | TSM_FLAG_SPDM | TSM_FLAG_IDE | TSM_FLAG_TDISP);
	ck_assert_uint_eq(guest_does(TSM_LOCK, 0, answer), TSM_BAD_STATE);
	ck_assert(dma_open());
	ck_assert_uint_eq(guest_does(TSM_UNLOCK, 0, answer), TSM_OK);
	ck_assert_uint_eq(answer[1], TSM_UNLOCKED);
	ck_assert(!dma_open());
	ck_assert_uint_eq(guest_does(TSM_LOCK, 0, answer), TSM_OK);
	ck_assert_uint_eq(answer[1], TSM_LOCKED);
	generation = answer[3];
	ck_assert(!dma_open());

	const uint32_t certificates[] = {TSM_EVIDENCE | TSM_VERSION << 8, TSM_EVIDENCE_CERTIFICATES, 0, 64};
	const uint32_t verdict_[] = {TSM_EVIDENCE | TSM_VERSION << 8, TSM_EVIDENCE_VERDICT, 0, 4000};

	ck_assert_uint_eq(guest_asks(certificates, 4, answer, 1024), 3 + 16);
	ck_assert_uint_eq(answer[0] >> 16, TSM_OK);
	ck_assert_uint_gt(answer[1], 1000);
	ck_assert_uint_eq(answer[2], 64);
	ck_assert_uint_eq(answer[3] & 0xff, 0x30); /* a SEQUENCE */
	guest_asks(verdict_, 4, answer, 1024);
	ck_assert_uint_eq(answer[0] >> 16, TSM_OK);
	ck_assert_uint_eq(answer[3] & 0xff, '{');

	ck_assert_uint_eq(guest_does(TSM_ACCEPT, generation - 1, answer), TSM_STALE);
	ck_assert(!dma_open());
	ck_assert_uint_eq(guest_does(TSM_ACCEPT, generation, answer), TSM_OK);
	ck_assert_uint_eq(answer[1], TSM_RUN);
	ck_assert(dma_open());
	ck_assert_str_eq(state(), "open");
}
END_TEST

/* A device that does not prove itself any more stays blocked, whatever the guest accepts. */
START_TEST(guest_asks_for_a_bad_device)
{
	uint32_t answer[4];

	require("spdm", "");
	must_make();
	enable();
	make_device("bad-signature");
	ck_assert_uint_eq(guest_does(TSM_UNLOCK, 0, answer), TSM_OK);
	ck_assert_uint_ne(guest_does(TSM_LOCK, 0, answer), TSM_OK);
	ck_assert_uint_eq(answer[1], TSM_ERROR);
	ck_assert_uint_eq(guest_does(TSM_ACCEPT, answer[3], answer), TSM_BAD_STATE);
	ck_assert(!dma_open());
	ck_assert_str_eq(state(), "blocked");
}
END_TEST

/* An endpoint that aerie plays itself, asked over its own mailbox; the certificate of another device is refused. */
START_TEST(emulated)
{
	char rest[1024], chain[64], key[64];

	if (_i == 0)
		ck_assert_int_eq(test_endpoint_pki(), 0);
	snprintf(chain, sizeof(chain), "%s", in_pki("chain.pem"));
	snprintf(key, sizeof(key), "%s", in_pki("key.pem"));
	snprintf(rest, sizeof(rest),
		 "pci:\n  - root-port: rp0\n    devices:\n"
		 "      - id: test0\n"
		 "        test: { doe: true, ide: true, identity: { certificates: %s, key: %s } }\n"
		 "        trust: { roots: %s/root.pem, require: [spdm, ide] }\n",
		 chain, key, pki);
	machine_yaml("8M", rest);
	if (_i) {
		ck_assert_int_lt(machine_make(&m, &config), 0);
		said("^test0: is not given to a guest: name-mismatch: ");
		return;
	}
	must_make();
	ck_assert_str_eq(state(), "open");
	ck_assert(!pci_endpoint_of(m->endpoints[0].fn)->gated);
	look();
	ck_assert_str_eq(state(), "open");
	/* a reset of its bus ends the session: the gate closes with it, and it proves itself again */
	bus_lock(&m->vm.bus);
	pci_function_reset(m->endpoints[0].fn);
	bus_unlock(&m->vm.bus);
	ck_assert_str_eq(state(), "blocked");
	hear();
	ck_assert_str_eq(state(), "open");
	ck_assert_int_eq(machine_reset(m), 0);
	ck_assert_str_eq(state(), "open");
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, identity_only);
	tcase_add_test(t, everything);
	tcase_add_loop_test(t, refused, 0, sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(t, policy);
	tcase_add_test(t, files_that_are_not_there);
	tcase_add_test(t, no_mailbox);
	tcase_add_loop_test(t, guest_breaks_the_lock, 0, sizeof(breaks) / sizeof(breaks[0]));
	tcase_add_loop_test(t, device_fails_while_the_guest_runs, 0, sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(t, watched_by_a_thread);
	tcase_add_test(t, exchanged_at_a_reset);
	tcase_add_test(t, function_level_reset);
	tcase_add_loop_test(t, reset_while_it_proves_itself, 0, 2);
	tcase_add_test(t, evidence_does_not_wait);
	tcase_add_loop_test(t, emulated, 0, 2);
	tcase_add_test(t, guest_asks_aerie);
	tcase_add_test(t, guest_asks_for_a_bad_device);
}

MACHINE_MAIN("machine_trust", add_tests)
