/* SPDX-License-Identifier: Apache-2.0 */
#include "soft_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "doe_object.h"
#include "doe_regs.h"
#include "ide_km.h"
#include "log.h"
#include "tdisp_responder.h"

struct soft_device {
	struct soft_device_config config;
	struct spdm_responder *spdm;
	struct ide_km_responder ide;
	struct tdisp_responder tdisp;
	unsigned states_told; /* GET_STATE answered with RUN since START */
	bool cut;	      /* the session is to be forgotten after this answer */
};

static const struct {
	const char *name, *text;
} faults[] = {
#define X(id, name, text) [id] = {name, text},
	SOFT_FAULTS(X)
#undef X
};

const char *soft_fault_name(enum soft_fault fault)
{
	return faults[fault].name;
}

const char *soft_fault_text(enum soft_fault fault)
{
	return faults[fault].text;
}

bool soft_device_fault(struct soft_device_config *config, const char *name)
{
	enum spdm_fault spdm = spdm_fault_find(name);

	if (spdm != SPDM_FAULT_COUNT)
		config->spdm_fault = spdm;
	for (unsigned f = 0; f < SOFT_FAULT_COUNT; f++)
		if (strcmp(faults[f].name, name) == 0) {
			config->fault = (enum soft_fault)f;
			return true;
		}
	return spdm != SPDM_FAULT_COUNT;
}

/* ---- The link: keys are taken and forgotten ---- */

static bool has_stream(void *opaque, uint8_t stream)
{
	return true;
}

/* There are no registers to show: a capability with IDE_KM, and a control register. */
static int registers(void *opaque, uint8_t *buf, size_t cap)
{
	static const uint8_t bytes[] = {IDE_CAP_SELECTIVE | IDE_CAP_KM, 0, 0, 0, 0, 0, 0, 0};

	if (cap < sizeof(bytes))
		return -EMSGSIZE;
	memcpy(buf, bytes, sizeof(bytes));
	return (int)sizeof(bytes);
}

static int take_key(void *opaque, uint8_t stream, unsigned key_set, unsigned number, const struct ide_key *key)
{
	struct soft_device *dev = opaque;

	return key && dev->config.fault == SOFT_FAULT_KEY_REFUSED ? -EIO : 0;
}

static void secure_changed(void *opaque, uint8_t stream, bool secure)
{
	struct soft_device *dev = opaque;

	if (!secure)
		tdisp_responder_stream_insecure(&dev->tdisp, stream);
}

static const struct ide_km_ops ide_ops = {
	.has_stream = has_stream,
	.registers = registers,
	.key = take_key,
	.secure = secure_changed,
};

/* ---- The interface ---- */

static enum tdisp_error check_lock(void *opaque, const struct tdisp_lock *lock, uint32_t session)
{
	struct soft_device *dev = opaque;
	uint32_t keyed_by = 0;

	if (dev->config.fault == SOFT_FAULT_LOCK_REFUSED)
		return TDISP_ERR_INVALID_CONFIGURATION;
	if (dev->config.ide && !dev->config.unkeyed &&
	    (!ide_km_secure(&dev->ide, lock->stream, &keyed_by) || keyed_by != session))
		return TDISP_ERR_INVALID_REQUEST;
	return TDISP_OK;
}

static struct tdisp_range range_of(const struct tdisp_bar *bar, unsigned index, uint64_t mmio_offset)
{
	return (struct tdisp_range){
		.first_page = (bar->addr + mmio_offset) >> TDISP_PAGE_SHIFT,
		.pages = (uint32_t)((bar->size + 4095) >> TDISP_PAGE_SHIFT),
		.id = (uint16_t)index,
	};
}

static void spoil(const struct soft_device *dev, struct tdisp_report *report)
{
	struct tdisp_range *last = &report->ranges[report->nr_ranges ? report->nr_ranges - 1 : 0];
	struct tdisp_range *next = last + 1;

	if (dev->config.fault == SOFT_FAULT_EXTRA_RANGE) {
		*next = (struct tdisp_range){
			.first_page = last->first_page + last->pages + 0x1000, .pages = 1, .id = last->id};
		report->nr_ranges++;
	} else if (dev->config.fault == SOFT_FAULT_OVERLAP) {
		*next = *last;
		report->nr_ranges++;
	} else if (dev->config.fault == SOFT_FAULT_EMPTY_RANGE) {
		last->pages = 0;
	}
}

static int write_report(void *opaque, const struct tdisp_lock *lock, uint8_t *buf, size_t cap)
{
	struct tdisp_report report = {.info = TDISP_INFO_DMA_NO_PASID};
	struct soft_device *dev = opaque;
	int n;

	for (unsigned i = 0; i < TDISP_NR_BARS; i++)
		if (dev->config.bars[i].size)
			report.ranges[report.nr_ranges++] = range_of(&dev->config.bars[i], i, lock->mmio_offset);
	spoil(dev, &report);
	n = tdisp_report_write(&report, buf, cap);
	if (n > 0 && dev->config.fault == SOFT_FAULT_REPORT_SHORT)
		buf[TDISP_REPORT_FIXED_BYTES - 4]++; /* low byte of the number of ranges */
	return n;
}

static void state_changed(void *opaque, enum tdisp_state from, enum tdisp_state to)
{
	struct soft_device *dev = opaque;

	log_info("interface: %s to %s", tdisp_state_name(from), tdisp_state_name(to));
	dev->states_told = 0;
}

static int random_bytes(void *opaque, uint8_t *buf, size_t len)
{
	return RAND_bytes(buf, (int)len) == 1 ? 0 : -EIO;
}

static const struct tdisp_device_ops tdisp_ops = {
	.check_lock = check_lock,
	.report = write_report,
	.changed = state_changed,
	.random = random_bytes,
};

/* ---- Sessions ---- */

/* Whether the trouble of a running interface comes now: not at the first look at it. */
static bool fails_in_run(struct soft_device *dev)
{
	const struct soft_device_config *config = &dev->config;

	return dev->tdisp.state == TDISP_RUN && dev->states_told++ > 0 &&
	       (!config->fault_due || config->fault_due(config->opaque));
}

/* What a device in trouble does around a TDISP request. True: there is no answer. */
static bool misbehave(struct soft_device *dev, uint8_t message)
{
	switch (dev->config.fault) {
	case SOFT_FAULT_CUT_AFTER_LOCK:
		dev->cut = dev->tdisp.state == TDISP_LOCKED && message == TDISP_GET_REPORT;
		return false;
	case SOFT_FAULT_START_REFUSED:
		if (message == TDISP_START_INTERFACE)
			dev->tdisp.nonce[0] ^= 1;
		return false;
	case SOFT_FAULT_ERROR_IN_RUN:
		if (message == TDISP_GET_STATE && fails_in_run(dev))
			tdisp_responder_fail(&dev->tdisp);
		return false;
	case SOFT_FAULT_SILENT_IN_RUN:
		return fails_in_run(dev);
	case SOFT_FAULT_CUT_IN_RUN:
		dev->cut = fails_in_run(dev);
		return false;
	default:
		return false;
	}
}

/* DEVICE_INTERFACE_REPORT: bytes of the portion, bytes that are left, the portion. */
static void spoil_portion(const struct soft_device *dev, uint8_t *out, int len)
{
	if (len < (int)TDISP_HEADER_BYTES + 4 || out[TDISP_AT_MESSAGE] != (TDISP_GET_REPORT & ~TDISP_REQUEST))
		return;
	if (dev->config.fault == SOFT_FAULT_PORTION_LONG)
		out[TDISP_HEADER_BYTES]++;
	else if (dev->config.fault == SOFT_FAULT_PORTION_MORE)
		out[TDISP_HEADER_BYTES + 2]++;
}

static int vendor(void *opaque, uint32_t session, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	struct soft_device *dev = opaque;
	int n;

	if (len < 1)
		return -EBADMSG;
	if (in[0] == PCI_SIG_PROTOCOL_IDE_KM && dev->config.ide)
		return ide_km_respond(&dev->ide, session, in, len, out, cap);
	if (in[0] != PCI_SIG_PROTOCOL_TDISP || !dev->config.tdisp)
		return -ENOTSUP;
	/* Where the device is on its bus is what it is addressed as, until that is locked. */
	if (len >= TDISP_AT_FUNCTION + 4 && dev->tdisp.state == TDISP_UNLOCKED) {
		dev->tdisp.rid = (uint16_t)(in[TDISP_AT_FUNCTION] | in[TDISP_AT_FUNCTION + 1] << 8);
		dev->tdisp.segment = in[TDISP_AT_FUNCTION + 2];
	}
	if (len > TDISP_AT_MESSAGE && misbehave(dev, in[TDISP_AT_MESSAGE]))
		return 0;
	n = tdisp_respond(&dev->tdisp, session, in, len, out, cap);
	spoil_portion(dev, out, n);
	return n;
}

static void session_up(void *opaque, uint32_t session)
{
	log_info("session 0x%08x is up", session);
}

static void session_end(void *opaque, uint32_t session, enum spdm_end why)
{
	static const char *const reasons[] = {
		[SPDM_END_REQUESTED] = "the peer ended it",
		[SPDM_END_RESET] = "the connection began anew or ended",
		[SPDM_END_DECRYPT] = "a message did not decrypt",
		[SPDM_END_SILENT] = "no heartbeat came",
	};
	struct soft_device *dev = opaque;

	log_info("session 0x%08x is over: %s", session, reasons[why]);
	tdisp_responder_session_ended(&dev->tdisp, session);
	ide_km_session_ended(&dev->ide, session);
}

static const struct spdm_responder_ops spdm_ops = {
	.vendor = vendor,
	.session_up = session_up,
	.session_end = session_end,
};

int soft_device_create(struct soft_device **out, const struct soft_device_config *config)
{
	struct soft_device *dev = calloc(1, sizeof(*dev));
	int err;

	*out = NULL;
	if (!dev)
		return log_fail(-ENOMEM, "out of memory");
	dev->config = *config;
	ide_km_responder_init(&dev->ide, &ide_ops, dev);
	tdisp_responder_init(&dev->tdisp,
			     &(struct tdisp_responder_config){
				     .lock_flags = TDISP_LOCK_NO_FW_UPDATE | TDISP_LOCK_MSIX,
				     .addr_width = 52,
				     .req_this = 1,
				     .req_all = 1,
			     },
			     &tdisp_ops, dev);
	err = spdm_responder_create(
		&(struct spdm_responder_config){
			.profile = config->profile,
			.slots = {config->identity},
			.blocks = config->blocks,
			.block_count = config->nr_blocks,
			.ops = &spdm_ops,
			.opaque = dev,
			.heartbeat_s = config->heartbeat_s,
			.fault = config->spdm_fault,
		},
		&dev->spdm);
	if (err < 0) {
		free(dev);
		return err;
	}
	*out = dev;
	return 0;
}

void soft_device_destroy(struct soft_device **dev)
{
	struct soft_device *d = *dev;

	if (!d)
		return;
	*dev = NULL;
	spdm_responder_destroy(d->spdm);
	explicit_bzero(d, sizeof(*d));
	free(d);
}

/* PCIe 6.0, 6.30.1.1: three entries. */
static int discover(const struct doe_object *in, uint8_t *out, size_t cap)
{
	uint32_t index = in->len >= 4 ? in->payload[0] : UINT32_MAX;
	uint8_t dw[4] = {0xff, 0xff, 0, 0};

	if (index > DOE_TYPE_SECURED_SPDM)
		return doe_object_write(out, cap, DOE_VENDOR_PCI_SIG, DOE_TYPE_DISCOVERY, dw, sizeof(dw));
	dw[0] = DOE_VENDOR_PCI_SIG;
	dw[1] = 0;
	dw[2] = (uint8_t)index; /* types 0, 1 and 2 */
	dw[3] = index == DOE_TYPE_SECURED_SPDM ? 0 : (uint8_t)(index + 1);
	return doe_object_write(out, cap, DOE_VENDOR_PCI_SIG, DOE_TYPE_DISCOVERY, dw, sizeof(dw));
}

int soft_device_message(struct soft_device *dev, enum spdm_binding binding, bool *secured, const uint8_t *in,
			size_t len, uint8_t *out, size_t cap)
{
	size_t answer = 0;
	int err;

	spdm_responder_set_binding(dev->spdm, binding);
	err = spdm_responder_handle(dev->spdm, secured, in, len, out, cap, &answer);
	if (dev->cut) {
		dev->cut = false;
		spdm_responder_reset(dev->spdm);
	}
	return err < 0 ? err : (int)answer;
}

int soft_device_handle(struct soft_device *dev, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	struct doe_object object;
	bool secured;
	int n;

	if (doe_object_parse(in, len, &object) < 0 || object.vendor != DOE_VENDOR_PCI_SIG)
		return -EBADMSG;
	if (object.type == DOE_TYPE_DISCOVERY)
		return discover(&object, out, cap);
	if (object.type != DOE_TYPE_SPDM && object.type != DOE_TYPE_SECURED_SPDM)
		return -EBADMSG;
	if (cap < DOE_OBJECT_HEADER_BYTES + 4)
		return -EINVAL;
	secured = object.type == DOE_TYPE_SECURED_SPDM;
	n = soft_device_message(dev, SPDM_BINDING_DOE, &secured, object.payload, object.len,
				out + DOE_OBJECT_HEADER_BYTES, cap - DOE_OBJECT_HEADER_BYTES - 3);
	if (n <= 0)
		return n;
	return doe_object_write(out, cap, DOE_VENDOR_PCI_SIG, secured ? DOE_TYPE_SECURED_SPDM : DOE_TYPE_SPDM,
				out + DOE_OBJECT_HEADER_BYTES, (size_t)n);
}

void soft_device_tick(struct soft_device *dev, uint64_t now_ms)
{
	spdm_responder_tick(dev->spdm, now_ms);
}

void soft_device_reset(struct soft_device *dev)
{
	spdm_responder_reset(dev->spdm);
	tdisp_responder_reset(&dev->tdisp);
	ide_km_responder_reset(&dev->ide);
}
