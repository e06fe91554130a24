/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDISP and IDE_KM, both ends, and the device interface report. Input: records of u8 kind, u8 length, that many bytes.
 * What gets to the device as a message is held against the model of tests/model; what gets to the security manager as
 * an answer must be refused or believed without harm.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ide_km.h"
#include "log.h"
#include "tdisp_ref.h"
#include "tdisp_requester.h"

#define RID	0x0100u
#define SESSION 0x10001u

static struct tdisp_responder dev;
static struct ide_km_responder km;
static struct tdisp_requester tsm;
static struct ide_km_requester kmrq;
static struct ref ref;

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

static enum tdisp_error check_lock(void *opaque, const struct tdisp_lock *lock, uint32_t session)
{
	uint32_t owner;

	return ide_km_secure(&km, lock->stream, &owner) && owner == session ? TDISP_OK : TDISP_ERR_INVALID_REQUEST;
}

static int report(void *opaque, const struct tdisp_lock *lock, uint8_t *buf, size_t cap)
{
	return tdisp_report_write(&(struct tdisp_report){.nr_ranges = 1, .ranges = {{1, 1, 0, 0}}}, buf, cap);
}

static void changed(void *opaque, enum tdisp_state from, enum tdisp_state to)
{
}

static int fill(void *opaque, uint8_t *buf, size_t len)
{
	memset(buf, 0x5a, len);
	return 0;
}

static enum tdisp_error bind(void *opaque, uint8_t stream, bool on, uint32_t session)
{
	return TDISP_OK;
}

static enum tdisp_error attribute(void *opaque, const struct tdisp_range *range)
{
	return TDISP_OK;
}

static int vdm(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	return 0;
}

static bool has_stream(void *opaque, uint8_t stream)
{
	return true;
}

static int capability(void *opaque, uint8_t *buf, size_t cap)
{
	memset(buf, 0, 12);
	return 12;
}

static int set_key(void *opaque, uint8_t stream, unsigned set, unsigned number, const struct ide_key *key)
{
	must(set < 2 && number < IDE_NR_KEYS);
	return 0;
}

static void set_secure(void *opaque, uint8_t stream, bool on)
{
	if (!on)
		tdisp_responder_stream_insecure(&dev, stream);
}

static void to_device(const uint8_t *msg, size_t len)
{
	uint8_t rsp[256];
	struct ref_answer want = ref_message(&ref, SESSION, msg, len);
	int n = -EBADMSG;

	if (len > 0 && msg[0] == 0)
		n = ide_km_respond(&km, SESSION, msg, len, rsp, sizeof(rsp));
	else if (len > 0 && msg[0] == 1)
		n = tdisp_respond(&dev, SESSION, msg, len, rsp, sizeof(rsp));
	must((want.kind == REF_REFUSED) == (n == -EBADMSG));
	if (want.kind == REF_OK && msg[0] == 1 && msg[2] == 0x83)
		ref_nonce(&ref, rsp + 17);
	must("ULRE"[dev.state] == ref.state);
}

static void to_manager(uint8_t kind, const uint8_t *msg, size_t len)
{
	struct tdisp_lock lock = {.stream = 1};
	struct tdisp_range range = {0};
	struct ide_km_port port;
	struct ide_key key = {.ifv = 1};
	uint8_t req[128];

	switch (kind) {
	case 0:
		tdisp_ask_version(&tsm, req, sizeof(req));
		break;
	case 1:
		tdisp_ask_capabilities(&tsm, req, sizeof(req));
		break;
	case 2:
		tdisp_ask_lock(&tsm, &lock, req, sizeof(req));
		break;
	case 3:
		tdisp_ask_report(&tsm, 64, req, sizeof(req));
		break;
	case 4:
		tdisp_ask_state(&tsm, req, sizeof(req));
		break;
	case 5:
		tdisp_ask_start(&tsm, req, sizeof(req));
		break;
	case 6:
		tdisp_ask_mmio_attribute(&tsm, &range, req, sizeof(req));
		break;
	case 7:
		tdisp_ask_vdm(&tsm, "x", 1, req, sizeof(req));
		break;
	case 8:
		ide_km_ask_query(&kmrq, 0, req, sizeof(req));
		break;
	default:
		ide_km_ask_key(&kmrq, 0, 1, 0, 0, &key, req, sizeof(req));
		break;
	}
	if (kind >= 8)
		ide_km_take(&kmrq, msg, len, &port);
	else
		tdisp_take(&tsm, msg, len);
	must(tsm.report_len <= sizeof(tsm.report) && tsm.vdm_len <= sizeof(tsm.answer_to_vdm));
}

static void read_report(const uint8_t *data, size_t len)
{
	static const struct tdisp_bar bars[TDISP_NR_BARS] = {{0x10000000, 0x4000}, {0}, {0x20000000, 0x1000}};
	struct tdisp_report r;
	struct range range;
	const char *why;
	uint8_t buf[256];

	if (tdisp_report_parse(data, len, &r, &why) != 0)
		return;
	must(tdisp_report_write(&r, buf, sizeof(buf)) == (int)len);
	if (tdisp_report_check(&r, bars, 0, &why) != 0)
		return;
	for (unsigned i = 0; i < r.nr_ranges; i++)
		must(tdisp_range_bytes(&r.ranges[i], 0, &range) && range.first >= bars[r.ranges[i].id].addr &&
		     range.last < bars[r.ranges[i].id].addr + bars[r.ranges[i].id].size);
}

static void begin(void)
{
	static const struct tdisp_device_ops ops = {check_lock, report, changed, fill, bind, attribute, vdm};
	static const struct ide_km_ops km_ops = {has_stream, capability, set_key, set_secure};
	static const struct tdisp_responder_config config = {.lock_flags = TDISP_LOCK_MSIX | TDISP_LOCK_BIND_P2P,
							     .addr_width = 52};

	log_set_sink(quiet, NULL);
	tdisp_responder_init(&dev, &config, &ops, NULL);
	dev.rid = RID;
	ide_km_responder_init(&km, &km_ops, NULL);
	tdisp_requester_init(&tsm, RID, -1);
	kmrq = (struct ide_km_requester){0};
	memset(&ref, 0, sizeof(ref));
	ref = (struct ref){.rid = RID,
			   .flags_offered = config.lock_flags,
			   .can_lock = true,
			   .report_len = 36,
			   .state = 'U',
			   .streams_max = IDE_KM_MAX_STREAMS};
}

/* All keys of a stream, which random bytes seldom find. */
static void give_keys(uint8_t stream)
{
	uint8_t msg[48] = {0};

	for (uint8_t i = 0; i < 2 * IDE_NR_KEYS; i++) {
		msg[1] = i < IDE_NR_KEYS ? IDE_KM_KEY_PROG : IDE_KM_K_SET_GO;
		msg[4] = stream;
		msg[6] = (uint8_t)(i % IDE_NR_KEYS / 2 << 4 | i % 2 << 1);
		msg[44] = 1;
		to_device(msg, i < IDE_NR_KEYS ? 48 : 8);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin();
	while (size >= 2) {
		uint8_t kind = data[0];
		size_t len = data[1];

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		switch (kind >> 5) {
		case 0:
		case 1:
		case 2:
			to_device(data, len);
			break;
		case 3:
			to_manager(kind & 0xf, data, len);
			break;
		case 4:
			read_report(data, len);
			break;
		case 5:
			give_keys(kind & 3);
			break;
		case 6:
			tdisp_responder_fail(&dev);
			ref_disturbed(&ref);
			break;
		default:
			ide_km_session_ended(&km, SESSION);
			tdisp_responder_session_ended(&dev, SESSION);
			ref_session_ended(&ref, SESSION);
			break;
		}
		data += len;
		size -= len;
	}
	return 0;
}
