/* SPDX-License-Identifier: Apache-2.0 */
/* vhost-user back ends that lie, and those that cannot be used. */
#include "vhost_fixture.h"

#include "relay.h"
#include "run_suite.h"
#include "virtio.h"

static int try_create(void)
{
	struct virtio_device *dev = (void *)1;
	int err = create_device(&dev);

	ck_assert_int_lt(err, 0);
	ck_assert_uint_eq(captured_errors, 1);
	return err;
}

START_TEST(nobody_there)
{
	try_create();
	ck_said("cannot connect to the vhost-user back end at");
	ck_said("start it first");
}
END_TEST

static const struct bad_start {
	enum fake_vu_evil evil;
	unsigned request;
	const char *says;
} bad_starts[] = {
	{FAKE_VU_WRONG_REQUEST, VU_GET_FEATURES, "answers request 1 with request 2"},
	{FAKE_VU_NO_REPLY_FLAG, VU_GET_FEATURES, "answers request 1 with request 1, flags 0x1"},
	{FAKE_VU_WRONG_VERSION, VU_GET_FEATURES, "flags 0x6"},
	{FAKE_VU_SHORT, VU_GET_FEATURES, "with 4 bytes, it must be 8"},
	{FAKE_VU_LONG, VU_GET_FEATURES, "with 4294967295 bytes"},
	{FAKE_VU_FDS, VU_GET_FEATURES, "file descriptors that nobody asked for"},
	{FAKE_VU_SILENT, VU_GET_FEATURES, "does not answer request 1 within"},
	{FAKE_VU_CLOSE, VU_GET_FEATURES, "closed the connection at once"},
	{FAKE_VU_FDS, VU_GET_PROTOCOL_FEATURES, "file descriptors that nobody asked for"},
	{FAKE_VU_SHORT, VU_GET_QUEUE_NUM, "request 17 with 4 bytes"},
	{FAKE_VU_SHORT, VU_GET_CONFIG, "request 24 with 24 bytes"},
	{FAKE_VU_LONG, VU_GET_CONFIG, "request 24 with 4294967295 bytes"},
	{FAKE_VU_REFUSE, VU_GET_CONFIG, "does not tell bytes 0 to 15"},
};

START_TEST(lies_at_first)
{
	const struct bad_start *bad = &bad_starts[_i];

	vu = fake_vu_start(path, &options);
	fake_vu_be_evil(vu, bad->evil, bad->request);
	try_create();
	ck_said(bad->says);
}
END_TEST

START_TEST(too_old)
{
	options.features &= ~BIT(VIRTIO_F_VERSION_1);
	vu = fake_vu_start(path, &options);
	try_create();
	ck_said("older than virtio 1.0");
}
END_TEST

START_TEST(too_few_queues)
{
	options.queue_num = 1;
	vu = fake_vu_start(path, &options);
	try_create();
	ck_said("has 1 queues, 2 are configured");
}
END_TEST

START_TEST(no_configuration)
{
	options.protocol &= ~BIT(VU_PROTOCOL_F_CONFIG);
	vu = fake_vu_start(path, &options);
	try_create();
	ck_said("does not tell its configuration space");
}
END_TEST

START_TEST(bad_parameters)
{
	static const struct {
		unsigned queues;
		uint16_t size;
		uint32_t space;
		const char *says;
	} rows[] = {
		{0, 64, 0, "0 queues"},
		{VIRTIO_MAX_QUEUES + 1, 64, 0, "65 queues"},
		{1, 63, 0, "queues of 63 entries"},
		{1, 2048, 0, "queues of 2048 entries"},
		{1, 64, VIRTIO_MAX_CONFIG + 1, "1025 bytes"},
	};
	struct vhost_user_config config = {
		.name = "vu0",
		.socket = path,
		.device_id = VIRTIO_ID_SCMI,
		.queues = rows[_i].queues,
		.queue_size = rows[_i].size,
		.config_size = rows[_i].space,
	};
	struct virtio_device *dev;

	ck_assert_int_eq(vhost_user_create(&dev, &world.pci.vm, &config), -EINVAL);
	ck_said(rows[_i].says);
}
END_TEST

/* Lies when a ring starts: it is left, tried again, and served once it behaves. */
static const struct bad_start bad_rings[] = {
	{FAKE_VU_REFUSE, VU_SET_FEATURES, "refuses request 2"},
	{FAKE_VU_REFUSE, VU_SET_MEM_TABLE, "refuses request 5"},
	{FAKE_VU_REFUSE, VU_SET_VRING_ADDR, "refuses request 9"},
	{FAKE_VU_SHORT, VU_SET_VRING_KICK, "request 12 with 4 bytes"},
	{FAKE_VU_WRONG_REQUEST, VU_SET_VRING_ENABLE, "request 18 with request 19"},
	{FAKE_VU_FDS, VU_SET_VRING_CALL, "file descriptors that nobody asked for"},
	{FAKE_VU_CLOSE, VU_SET_VRING_BASE, "does not take a queue"},
	{FAKE_VU_SILENT, VU_SET_VRING_NUM, "does not answer request 8 within"},
};

START_TEST(lies_about_rings)
{
	const struct bad_start *bad = &bad_rings[_i];
	struct virtio_device *dev;
	uint64_t to;
	uint16_t id;
	uint32_t len;

	vu = fake_vu_start(path, &options);
	ck_assert_int_eq(create_device(&dev), 0);
	vd_probe(&drv, &world, dev, 0);
	fake_vu_be_evil(vu, bad->evil, bad->request);
	ck_assert(vd_init(&drv, VD_ALL, 64));
	send_tag(0, 77, &to);
	eventually(said(bad->says));
	fake_vu_be_evil(vu, FAKE_VU_GOOD, 0);
	ck_assert(vd_wait(&drv, 0, &id, &len, 20000));
	ck_assert_uint_eq(tag_at(to), 77);
	check_works();
	ck_said("is back");
}
END_TEST

/* A used ring that makes no sense. The request is still the guest's, and answered once in the end. */
static const enum fake_vu_evil bad_useds[] = {
	FAKE_VU_USED_BEYOND,
	FAKE_VU_USED_IDLE,
	FAKE_VU_USED_JUMP,
	FAKE_VU_USED_TWICE,
};

START_TEST(lies_about_used)
{
	unsigned variant = (unsigned)_i / 4;
	uint64_t to[3];
	uint16_t id;
	uint32_t len;

	if (variant & 2)
		options.features &= ~BIT(VIRTIO_RING_F_INDIRECT_DESC);
	begin(variant & 1 ? VD_ALL : ~BIT(VIRTIO_F_RING_PACKED), variant & 1);
	check_works();
	fake_vu_be_evil(vu, bad_useds[_i % 4], 0);
	for (unsigned i = 0; i < 3; i++)
		send_tag(0, 50 + i, &to[i]);
	eventually(said("broke a queue's used ring"));
	fake_vu_be_evil(vu, FAKE_VU_GOOD, 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(vd_wait(&drv, 0, &id, &len, 20000));
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(tag_at(to[i]), 50 + i);
	usleep(10000);
	ck_assert(!vd_used(&drv, 0, &id, &len));
	check_works();
}
END_TEST

/* More written than there was room for: the guest hears of what there was room for. */
START_TEST(lies_about_length)
{
	uint64_t to;
	uint16_t id;
	uint32_t len;

	begin(_i ? VD_ALL : ~BIT(VIRTIO_F_RING_PACKED), false);
	fake_vu_be_evil(vu, FAKE_VU_USED_LENGTH, 0);
	send_tag(0, 1, &to);
	ck_assert(vd_wait(&drv, 0, &id, &len, 10000));
	ck_assert_uint_eq(len, 16);
}
END_TEST

/* It overwrites what it was given. Nothing of that is read back. */
START_TEST(scribbles)
{
	if (_i & 2)
		options.features &= ~BIT(VIRTIO_RING_F_INDIRECT_DESC);
	begin(_i & 1 ? VD_ALL : ~BIT(VIRTIO_F_RING_PACKED), false);
	fake_vu_be_evil(vu, FAKE_VU_SCRIBBLE, 0);
	for (unsigned i = 0; i < 100; i++) {
		char in[16];

		ck_assert_int_eq(vd_call(&drv, 0, "0123456789abcdef", 16, in, 16), 16);
		ck_assert_mem_eq(in, "0123456789abcdef", 16);
	}
	ck_silent();
}
END_TEST

/* It keeps a ring that it must give back: the reset ends all the same, and does not last. */
START_TEST(keeps_a_ring)
{
	uint64_t to;

	begin(VD_ALL, false);
	check_works();
	fake_vu_hold(vu, true);
	send_tag(0, 1, &to);
	fake_vu_be_evil(vu, FAKE_VU_SILENT, VU_GET_VRING_BASE);
	if (_i)
		ck_assert_int_eq(pci_function_reset(&drv.dev->ep.fn), 0);
	else
		vd_reset(&drv);
	ck_said("does not answer request 11 within 2000 ms");
	ck_said("does not give a queue back");
	fake_vu_be_evil(vu, FAKE_VU_GOOD, 0);
	fake_vu_hold(vu, false);
	vd_enable_pci(&drv);
	ck_assert(vd_init(&drv, VD_ALL, 64));
	check_works();
}
END_TEST

/* It does not acknowledge what the guest writes: the guest waits no longer than that, and the back end is left. */
START_TEST(ignores_configuration)
{
	begin(VD_ALL, false);
	check_works();
	fake_vu_be_evil(vu, FAKE_VU_SILENT, VU_SET_CONFIG);
	vd_write(&drv, drv.config, 4, 1);
	ck_said("does not answer request 25 within 1000 ms");
	fake_vu_be_evil(vu, FAKE_VU_GOOD, 0);
	eventually(said("is back"));
	check_works();
}
END_TEST

static long ms_since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000;
}

/* A vCPU that writes to the configuration space while the back end is being waited for: all vCPUs wait with it, so not
 * for longer than the back end has for that write itself. */
START_TEST(silent_while_configured)
{
	struct timespec from;

	begin(VD_ALL, false);
	check_works();
	fake_vu_be_evil(vu, FAKE_VU_SILENT, VU_GET_FEATURES);
	fake_vu_drop(vu);
	eventually(fake_vu_connections(vu) == 2);
	usleep(50000);
	clock_gettime(CLOCK_MONOTONIC, &from);
	vd_write(&drv, drv.config, 4, 1);
	ck_assert_int_lt(ms_since(&from), 1300);
	ck_assert(said("vu0: the guest's write to the configuration space is lost"));
	fake_vu_be_evil(vu, FAKE_VU_GOOD, 0);
	eventually(said("is back"));
	check_works();
}
END_TEST

/* One that goes away each time it has come back, which a guest may be able to bring about, is not waited for ever more
 * eagerly: a server of ours would be started ten times a second. */
START_TEST(goes_away_again)
{
	struct timespec from;

	begin(VD_ALL, false);
	check_works();
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned i = 2; i < 7; i++) {
		fake_vu_drop(vu);
		eventually(fake_vu_connections(vu) == i);
		check_works();
	}
	ck_assert_int_gt(ms_since(&from), RELAY_RETRY_MIN_MS * (1 + 2 + 4 + 8 + 16) - 100);
	/* One that lasts has made up for it. */
	usleep((RELAY_LASTS_MS + 100) * 1000);
	clock_gettime(CLOCK_MONOTONIC, &from);
	fake_vu_drop(vu);
	eventually(fake_vu_connections(vu) == 7);
	ck_assert_int_lt(ms_since(&from), RELAY_RETRY_MIN_MS * 8);
}
END_TEST

/* It comes back and says nothing: a function reset does not wait for it. */
START_TEST(silent_when_back)
{
	struct timespec from, till;
	uint64_t to;

	begin(VD_ALL, false);
	check_works();
	fake_vu_be_evil(vu, FAKE_VU_SILENT, VU_GET_FEATURES);
	send_tag(0, 1, &to);
	fake_vu_drop(vu);
	eventually(fake_vu_connections(vu) == 2);
	usleep(50000);
	clock_gettime(CLOCK_MONOTONIC, &from);
	ck_assert_int_eq(pci_function_reset(&drv.dev->ep.fn), 0);
	clock_gettime(CLOCK_MONOTONIC, &till);
	ck_assert_int_lt((till.tv_sec - from.tv_sec) * 1000 + (till.tv_nsec - from.tv_nsec) / 1000000, 1000);
	fake_vu_be_evil(vu, FAKE_VU_GOOD, 0);
	vd_enable_pci(&drv);
	ck_assert(vd_init(&drv, VD_ALL, 64));
	check_works();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost_hostile");
	TCase *t = tcase_create("vhost_hostile");

	tcase_add_checked_fixture(t, fixture_setup, fixture_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, nobody_there);
	tcase_add_loop_test(t, lies_at_first, 0, sizeof(bad_starts) / sizeof(bad_starts[0]));
	tcase_add_test(t, too_old);
	tcase_add_test(t, too_few_queues);
	tcase_add_test(t, no_configuration);
	tcase_add_loop_test(t, bad_parameters, 0, 5);
	tcase_add_loop_test(t, lies_about_rings, 0, sizeof(bad_rings) / sizeof(bad_rings[0]));
	tcase_add_loop_test(t, lies_about_used, 0, 16);
	tcase_add_loop_test(t, lies_about_length, 0, 2);
	tcase_add_loop_test(t, scribbles, 0, 4);
	tcase_add_loop_test(t, keeps_a_ring, 0, 2);
	tcase_add_test(t, ignores_configuration);
	tcase_add_test(t, silent_while_configured);
	tcase_add_test(t, goes_away_again);
	tcase_add_test(t, silent_when_back);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
