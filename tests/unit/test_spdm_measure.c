/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements as a requester takes them: all at once or one by one, signed or not, and mixed up on their way. */
#include <check.h>

#include "bits.h"
#include "log.h"
#include "run_suite.h"
#include "spdm_rig.h"

static struct spdm_rig rig;

static void silence(enum log_level level, const char *line, void *opaque)
{
}

static void setup(void)
{
	log_set_sink(silence, NULL);
	spdm_rig_init(&rig, SPDM_ASYM_P256);
}

static void teardown(void)
{
	spdm_rig_fini(&rig);
}

START_TEST(measurements)
{
	static const struct spdm_block other[] = {{1, 0, 3, (const uint8_t *)"new"}};
	struct spdm_measurements m;

	ck_assert_int_eq(spdm_rig_start(&rig), 0);
	ck_assert_int_eq(spdm_requester_connect(rig.req), 0);
	ck_assert_int_eq(spdm_requester_measurements(rig.req, 0, true, false, &m), -EINVAL); /* no chain yet */
	ck_assert_int_eq(spdm_requester_measurements(rig.req, 0, false, false, &m), 0);
	ck_assert_uint_eq(m.count, ARRAY_LEN(spdm_rig_blocks));
	ck_assert_uint_eq(m.blocks[0].len, 48);
	ck_assert_uint_eq(m.blocks[2].type, 0x87);
	ck_assert_uint_eq(m.blocks[2].value[0], 5);
	spdm_measurements_fini(&m);
	/* Unsigned ones before a signed one are covered by its signature too. */
	ck_assert_int_eq(spdm_requester_chain(rig.req, 0), 0);
	ck_assert_int_eq(spdm_requester_measurements(rig.req, 0, false, true, &m), 0);
	ck_assert_mem_eq(m.blocks[1].value, "firmware", 8);
	spdm_measurements_fini(&m);
	ck_assert_int_eq(spdm_requester_measurements(rig.req, 0, true, false, &m), 0);
	ck_assert(m.is_signed);
	spdm_measurements_fini(&m);
	spdm_responder_set_blocks(rig.rsp, other, 1);
	ck_assert_int_eq(spdm_requester_measurements(rig.req, 0, true, true, &m), 0);
	ck_assert_uint_eq(m.count, 1);
	ck_assert_mem_eq(m.blocks[0].value, "new", 3);
	spdm_measurements_fini(&m);
}
END_TEST

/* The same from a device that gives one at a time: with gaps between them, signed and not, in a session and outside. */
START_TEST(measurements_one_by_one)
{
	static const struct spdm_block gaps[] = {
		{1, 0, 3, (const uint8_t *)"rom"}, {7, 1, 2, (const uint8_t *)"fw"}, {254, 3, 1, (const uint8_t *)"c"}};
	struct spdm_measurements m;
	uint32_t session;

	rig.rsp_config.fault = SPDM_FAULT_MEASURE_SINGLY;
	rig.rsp_config.blocks = gaps;
	rig.rsp_config.block_count = ARRAY_LEN(gaps);
	ck_assert_int_eq(spdm_rig_start(&rig), 0);
	ck_assert_int_eq(spdm_requester_connect(rig.req), 0);
	ck_assert_int_eq(spdm_requester_chain(rig.req, 0), 0);
	ck_assert_int_eq(spdm_requester_start_session(rig.req, &session), 0);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(spdm_requester_measurements(rig.req, i & 2 ? session : 0, i & 1, true, &m), 0);
		ck_assert_uint_eq(m.count, ARRAY_LEN(gaps));
		ck_assert(m.is_signed == (i & 1));
		for (unsigned b = 0; b < ARRAY_LEN(gaps); b++) {
			ck_assert_uint_eq(m.blocks[b].index, gaps[b].index);
			ck_assert_mem_eq(m.blocks[b].value, gaps[b].value, gaps[b].len);
		}
		spdm_measurements_fini(&m);
	}
	ck_assert(spdm_requester_session_alive(rig.req, session));
}
END_TEST

/* Blocks come with the answer to how many there are, which nobody signs: as many as it counts. */
static size_t blocks_with_the_count(struct spdm_rig *r, bool out, bool secured, uint8_t *bytes, size_t len)
{
	static const uint8_t forged[] = {1, 1, 6, 0, 0x80, 3, 0, 'b', 'a', 'd'};
	static bool counting;

	if (secured || len < 8)
		return len;
	if (!out)
		counting = bytes[1] == SPDM_GET_MEASUREMENTS && bytes[3] == SPDM_MEAS_OP_COUNT;
	if (!out || !counting || bytes[1] != SPDM_RESPONSE(SPDM_GET_MEASUREMENTS))
		return len;
	memmove(bytes + 8 + sizeof(forged), bytes + 8, len - 8);
	memcpy(bytes + 8, forged, sizeof(forged));
	bytes[4] = 1;
	bytes[5] = sizeof(forged);
	return len + sizeof(forged);
}

START_TEST(measurements_nobody_signed)
{
	struct spdm_measurements m;

	rig.rsp_config.fault = SPDM_FAULT_MEASURE_SINGLY;
	rig.rsp_config.block_count = 1;
	rig.hook = blocks_with_the_count;
	ck_assert_int_eq(spdm_rig_start(&rig), 0);
	ck_assert_int_eq(spdm_requester_connect(rig.req), 0);
	ck_assert_int_eq(spdm_requester_chain(rig.req, 0), 0);
	ck_assert_int_eq(spdm_requester_measurements(rig.req, 0, true, true, &m), -EPROTO);
	ck_assert_int_eq(spdm_requester_reason(rig.req), SPDM_MALFORMED);
	ck_assert_uint_eq(m.count, 0);
}
END_TEST

/* An index twice; another index than the one that was asked for; a count of none. */
static size_t other_measurements(struct spdm_rig *r, bool out, bool secured, uint8_t *bytes, size_t len)
{
	static uint8_t op;

	if (!out)
		op = bytes[3];
	if (!out || bytes[1] != SPDM_RESPONSE(SPDM_GET_MEASUREMENTS))
		return len;
	if (*(int *)r->hook_data == 0)
		bytes[8 + 4 + bytes[10]] = bytes[8];
	else if (*(int *)r->hook_data == 1 && op != SPDM_MEAS_OP_COUNT)
		bytes[8]++;
	else if (*(int *)r->hook_data == 2 && op == SPDM_MEAS_OP_COUNT)
		bytes[2] = 0;
	return len;
}

START_TEST(measurements_mixed_up)
{
	struct spdm_measurements m;

	rig.rsp_config.fault = _i ? SPDM_FAULT_MEASURE_SINGLY : SPDM_FAULT_NONE;
	rig.hook = other_measurements;
	rig.hook_data = &_i;
	ck_assert_int_eq(spdm_rig_start(&rig), 0);
	ck_assert_int_eq(spdm_requester_connect(rig.req), 0);
	ck_assert_int_eq(spdm_requester_measurements(rig.req, 0, false, false, &m), -EPROTO);
	ck_assert_int_eq(spdm_requester_reason(rig.req), SPDM_MALFORMED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spdm_measure");
	TCase *tc = tcase_create("requester");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, measurements);
	tcase_add_test(tc, measurements_one_by_one);
	tcase_add_test(tc, measurements_nobody_signed);
	tcase_add_loop_test(tc, measurements_mixed_up, 0, 3);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
