/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test endpoint as a device that proves itself: aerie's own requester against it through its DOE registers, with
 * real cryptography, from GET_VERSION to RUN; and what its DMA engine notices when the lock breaks.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "doe_mailbox.h"
#include "fake_pki.h"
#include "ide_km.h"
#include "run_suite.h"
#include "spdm_requester.h"
#include "tdisp_requester.h"
#include "testdev_fixture.h"

#define NAME	   "Vendor=1234:Device=ae71:CC=ff0000:REV=00:SSVID=1234:SSID=ae71"
#define STREAM	   3u
#define STREAM_CTL (0x300u + 0x18u)
#define SECURITY   (REGS + TESTDEV_SECURITY)

static const struct spdm_device_id device_id = {.vendor = TESTDEV_VENDOR_ID,
						.device = TESTDEV_DEVICE_ID,
						.class_code = TESTDEV_CLASS_CODE,
						.subsystem_vendor = TESTDEV_VENDOR_ID,
						.subsystem = TESTDEV_DEVICE_ID};

static struct fake_pki pki;
static struct doe_mailbox mb;
static struct spdm_requester *spdm;
static struct tdisp_requester tsm;
static struct tdisp_report report;
static uint32_t session;
static char folder[64];

static int guest_read(void *opaque, uint16_t offset, uint32_t *value)
{
	*value = get(offset, 4);
	return 0;
}

static int guest_write(void *opaque, uint16_t offset, uint32_t value)
{
	cfg(offset, 4, value);
	return 0;
}

static void guest_sleep(void *opaque, unsigned us)
{
	nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

static const struct doe_cfg_ops guest_ops = {guest_read, guest_write, guest_sleep};

static int transport(void *ctx, bool *secured, const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap,
		     size_t *len, unsigned timeout_ms)
{
	int n = doe_exchange(&mb, 0x0001, *secured ? 2 : 1, req, req_len, rsp, cap);

	*len = n < 0 ? 0 : (size_t)n;
	return n < 0 ? n : 0;
}

static int vendor(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	size_t got = 0;
	int err = spdm_requester_vendor(spdm, session, req, len, rsp, cap, &got);

	return err ? err : (int)got;
}

static void path(char *text, const char *name)
{
	snprintf(text, 128, "%s/%s", folder, name);
}

/* @own: the endpoint makes its identity itself. */
static void begin_test(bool own, uint8_t heartbeat)
{
	const struct fake_pki_options options = {.asym = SPDM_ASYM_P384, .name = NAME};
	char chain[128], key[128], roots[128];
	struct testdev_config config = {
		.name = "test0", .doe = true, .ide = true, .tdisp = true, .heartbeat_s = heartbeat};
	struct spdm_requester_config rq = {.transport = {NULL, transport, NULL},
					   .profile = spdm_profile_requester(),
					   .device = &device_id,
					   .timeout_ms = 20000};

	fake_pki_make(&pki, &options);
	snprintf(folder, sizeof(folder), "/tmp/aerie-testdev-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	fake_pki_write(&pki, folder);
	path(chain, "chain.pem");
	path(key, "key.pem");
	path(roots, "roots.pem");
	if (!own) {
		config.certificates = chain;
		config.key = key;
		rq.roots = pki.roots;
	}
	start(&config);
	unlink(chain);
	unlink(key);
	unlink(roots);
	rmdir(folder);
	ck_assert_int_eq(doe_open_spdm(&mb, &guest_ops, NULL, "test0", 0), 0);
	mb.timeout_ms = 20000;
	ck_assert_int_eq(spdm_requester_create(&rq, &spdm), 0);
	tdisp_requester_init(&tsm, 0x0100, -1);
}

static void setup(void)
{
	begin_test(false, 0);
}

static void teardown(void)
{
	spdm_requester_destroy(spdm);
	fake_pki_free(&pki);
	stop();
}

static void attest(void)
{
	struct spdm_measurements m;

	ck_assert_int_eq(spdm_requester_connect(spdm), 0);
	ck_assert_int_eq(spdm_requester_chain(spdm, 0), 0);
	ck_assert(spdm_requester_chain_ok(spdm));
	ck_assert_int_eq(spdm_requester_challenge(spdm), 0);
	ck_assert_int_eq(spdm_requester_measurements(spdm, 0, true, false, &m), 0);
	ck_assert_uint_eq(m.count, 2);
	spdm_measurements_fini(&m);
	ck_assert_int_eq(spdm_requester_start_session(spdm, &session), 0);
}

static void to_run(void)
{
	struct tdisp_bar bars[TDISP_NR_BARS] = {
		{REGS, ep->fn.bars[0].size}, {0}, {MEMORY, ep->fn.bars[2].size}, {0}, {PORT, ep->fn.bars[4].size}};
	struct tdisp_lock lock = {.flags = TDISP_LOCK_MSIX, .stream = STREAM};
	struct ide_keys keys;
	const char *why = NULL;

	ck_assert_int_eq(ide_keys_generate(&keys), 0);
	cfg(STREAM_CTL, 4, STREAM << 24);
	ck_assert_int_eq(ide_km_start_stream("test0", 0, STREAM, 0, &keys, vendor, NULL), 0);
	cfg(STREAM_CTL, 4, STREAM << 24 | 1);
	ck_assert_int_eq(tdisp_lock_interface(&tsm, "test0", &lock, vendor, NULL, &report), 0);
	ck_assert_int_eq(tdisp_report_check(&report, bars, 0, &why), 0);
	ck_assert_uint_eq(load(REGS, 4), UINT32_MAX);
	ck_assert_int_eq(tdisp_start_interface(&tsm, "test0", vendor, NULL), 0);
	ck_assert_uint_eq(field_get32(TESTDEV_SEC_STATE, (uint32_t)load(SECURITY, 4)), TDISP_RUN);
}

static const struct testdev_desc fill = {.op = TESTDEV_OP_FILL, .dst = RAM, .len = 8, .operand = 0x600d};

START_TEST(whole_way)
{
	attest();
	to_run();
	ck_assert_uint_eq(run(&fill), OK);
	ck_assert_uint_eq(*(uint64_t *)host(RAM), 0x600d);
	ck_assert_int_eq(spdm_requester_key_update(spdm, session, SPDM_UPDATE_ALL), 0);
	ck_assert_int_eq(tdisp_look(&tsm, "test0", vendor, NULL), TDISP_RUN);
}
END_TEST

/* What is under way when the lock breaks ends as with bus mastering off, and memory stays as it was. */
static void broken(void)
{
	ck_assert(!ep->dma.enabled);
	ck_assert_uint_eq(load(REGS, 4), UINT32_MAX);
	for (unsigned i = 0; i < 100; i++)
		turn();
	ck_assert_uint_eq(*(uint64_t *)host(RAM), 0);
}

START_TEST(session_ends)
{
	attest();
	to_run();
	begin(0, &fill);
	ck_assert_int_eq(spdm_requester_end_session(spdm, session), 0);
	broken();
}
END_TEST

START_TEST(new_connection)
{
	attest();
	to_run();
	begin(0, &fill);
	ck_assert_int_eq(spdm_requester_connect(spdm), 0);
	broken();
}
END_TEST

START_TEST(link_breaks)
{
	attest();
	to_run();
	begin(0, &fill);
	store(SECURITY, 4, TESTDEV_SEC_BREAK | STREAM);
	broken();
}
END_TEST

START_TEST(bar_moves)
{
	attest();
	to_run();
	begin(0, &fill);
	cfg(PCI_BASE_ADDRESS_4, 4, PORT + 0x1000);
	broken();
	cfg(PCI_BASE_ADDRESS_4, 4, PORT);
	ck_assert_int_eq(tdisp_look(&tsm, "test0", vendor, NULL), TDISP_IN_ERROR);
	ck_assert_int_eq(tdisp_stop_interface(&tsm, "test0", vendor, NULL), 0);
	ck_assert_uint_eq(run(&fill), OK);
}
END_TEST

/* A session without heartbeats ends by itself, and takes the lock with it. */
START_TEST(silence)
{
	teardown();
	begin_test(false, 1);
	attest();
	to_run();
	ck_assert_uint_eq(spdm_requester_heartbeat_period(spdm, session), 1);
	ck_assert_int_eq(spdm_requester_heartbeat(spdm, session), 0);
	ck_assert(ep->dma.enabled);
	for (unsigned i = 0; i < 2000 && atomic_load(&ep->dma.enabled); i++)
		guest_sleep(NULL, 10000);
	broken();
}
END_TEST

/* An identity of its own making: the chain is in order, and known to nobody. */
START_TEST(own_identity)
{
	teardown();
	begin_test(true, 0);
	ck_assert_int_eq(spdm_requester_connect(spdm), 0);
	spdm_requester_chain(spdm, 0);
	ck_assert_int_eq(spdm_requester_reason(spdm), SPDM_UNKNOWN_ROOT);

	size_t len;
	const uint8_t *ders = spdm_requester_ders(spdm, &len);
	struct spdm_roots *roots;

	/* With its first certificate as root, all the rules hold. */
	ck_assert_ptr_nonnull(ders);
	ck_assert_int_eq(spdm_roots_create(ders, len, &roots), 0);
	spdm_requester_destroy(spdm);

	struct spdm_requester_config rq = {.transport = {NULL, transport, NULL},
					   .profile = spdm_profile_requester(),
					   .roots = roots,
					   .device = &device_id,
					   .timeout_ms = 20000};

	ck_assert_int_eq(spdm_requester_create(&rq, &spdm), 0);
	attest();
	spdm_requester_destroy(spdm);
	spdm = NULL;
	spdm_roots_free(roots);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("testdev_security");
	TCase *tc = tcase_create("security");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, whole_way);
	tcase_add_test(tc, session_ends);
	tcase_add_test(tc, new_connection);
	tcase_add_test(tc, link_breaks);
	tcase_add_test(tc, bar_moves);
	tcase_add_test(tc, silence);
	tcase_add_test(tc, own_identity);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
