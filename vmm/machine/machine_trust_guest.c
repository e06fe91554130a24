/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest may ask of the security manager that aerie is for it (tsm_mailbox.h): a DOE mailbox of our own in the
 * function's config space. Requests run in the mailbox's thread, so that no vCPU waits for a device.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "log.h"
#include "machine_trust.h"
#include "tsm_mailbox.h"

#define MAILBOX_AT   0xfe0u /* the last place in config space that has room for one */
#define MAX_OBJECT   4096u
#define BLOCK_HEADER 7u /* of a measurement in the record: index, specification, size, type, size of the value */
#define SPEC_DMTF    1u

/* Whether the guest that asked is still there: it may have reset, or aborted, while `mutex` was waited for. */
static bool still_wanted(struct machine_trust *t)
{
	bool wanted;

	if (!pci_doe_lock(&t->guest, &wanted))
		return false;
	pci_doe_unlock(&t->guest);
	return wanted;
}

static enum tsm_status lock(void *opaque)
{
	struct machine_trust *t = opaque;
	enum tsm_status status = TSM_BAD_STATE;
	int err;

	pthread_mutex_lock(&t->mutex);
	if (t->state == TSM_UNLOCKED && still_wanted(t)) {
		err = trust_lock(t);
		if (err < 0)
			trust_blocked(t);
		status = err == 0 ? TSM_OK : (err == -EACCES ? TSM_REFUSED : TSM_DEVICE_FAILED);
	}
	pthread_mutex_unlock(&t->mutex);
	return status;
}

static enum tsm_status accept_lock(void *opaque, uint32_t generation)
{
	struct machine_trust *t = opaque;
	enum tsm_status status = TSM_BAD_STATE;

	pthread_mutex_lock(&t->mutex);
	if (!still_wanted(t)) {
		status = TSM_BAD_STATE;
	} else if (t->state == TSM_LOCKED && generation != t->generation) {
		status = TSM_STALE;
	} else if (t->state == TSM_LOCKED) {
		int err = trust_accept(t);

		status = err == 0 ? TSM_OK : (err == -ESTALE ? TSM_STALE : TSM_DEVICE_FAILED);
		if (err == -ESTALE) /* the guest's own doing, and it may lock again */
			trust_end(t);
		else if (err < 0)
			trust_blocked(t);
	}
	pthread_mutex_unlock(&t->mutex);
	return status;
}

static enum tsm_status unlock(void *opaque)
{
	struct machine_trust *t = opaque;

	pthread_mutex_lock(&t->mutex);
	if (still_wanted(t))
		trust_end(t);
	pthread_mutex_unlock(&t->mutex);
	return TSM_OK;
}

static void info(void *opaque, struct tsm_info *out)
{
	struct machine_trust *t = opaque;
	bool proven;

	pthread_mutex_lock(&t->mutex);
	proven = t->state == TSM_LOCKED || t->state == TSM_RUN;
	*out = (struct tsm_info){.state = t->state, .flags = TSM_FLAG_REQUIRED, .generation = t->generation};
	if (proven)
		out->flags |= TSM_FLAG_SPDM;
	if (proven && t->policy)
		out->flags |= TSM_FLAG_MEASUREMENTS;
	if (proven && (t->config->requires & ATTEST_IDE))
		out->flags |= TSM_FLAG_IDE;
	if (proven && (t->config->requires & ATTEST_TDISP))
		out->flags |= TSM_FLAG_TDISP;
	pthread_mutex_unlock(&t->mutex);
}

/* DSP0274 10.11.1: the blocks one after another. The caller frees; NULL: there are none, or no memory. */
static uint8_t *record(const struct attest *a, size_t *len)
{
	const struct spdm_measurements *m = attest_measurements(a);
	uint8_t *bytes, *at;
	size_t total = 0;

	for (unsigned i = 0; i < m->count; i++)
		total += BLOCK_HEADER + m->blocks[i].len;
	bytes = at = total ? malloc(total) : NULL;
	for (unsigned i = 0; bytes && i < m->count; i++) {
		const struct spdm_block *b = &m->blocks[i];
		const uint8_t header[BLOCK_HEADER] = {
			b->index, SPEC_DMTF,	   (uint8_t)(b->len + 3u), (uint8_t)((b->len + 3u) >> 8),
			b->type,  (uint8_t)b->len, (uint8_t)(b->len >> 8),
		};

		memcpy(at, header, sizeof(header));
		memcpy(at + sizeof(header), b->value, b->len);
		at += sizeof(header) + b->len;
	}
	*len = total;
	return bytes;
}

static enum tsm_status copy_out(const void *bytes, size_t have, uint32_t offset, uint8_t *buf, size_t cap, size_t *len,
				size_t *total)
{
	if (!bytes || have == 0)
		return TSM_NO_EVIDENCE;
	if (offset > have)
		return TSM_BAD_REQUEST;
	*total = have;
	*len = have - offset < cap ? have - offset : cap;
	memcpy(buf, (const uint8_t *)bytes + offset, *len);
	return TSM_OK;
}

static enum tsm_status evidence(void *opaque, uint32_t kind, uint32_t offset, uint8_t *buf, size_t cap, size_t *len,
				size_t *total)
{
	struct machine_trust *t = opaque;
	enum tsm_status status = TSM_NO_EVIDENCE;
	struct json_object *json;
	const char *text;
	uint8_t *owned;
	size_t have;

	pthread_mutex_lock(&t->mutex);
	if (t->attest && kind == TSM_EVIDENCE_CERTIFICATES) {
		const uint8_t *bytes = attest_chain(t->attest, &have);

		status = copy_out(bytes, have, offset, buf, cap, len, total);
	} else if (t->attest && kind == TSM_EVIDENCE_REPORT) {
		const uint8_t *bytes = attest_report_bytes(t->attest, &have);

		status = copy_out(bytes, have, offset, buf, cap, len, total);
	} else if (t->attest && kind == TSM_EVIDENCE_MEASUREMENTS) {
		owned = record(t->attest, &have);
		status = copy_out(owned, have, offset, buf, cap, len, total);
		free(owned);
	} else if (t->attest && kind == TSM_EVIDENCE_VERDICT) {
		json = attest_json(t->attest);
		text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN);
		status = copy_out(text, text ? strlen(text) : 0, offset, buf, cap, len, total);
		json_object_put(json);
	}
	pthread_mutex_unlock(&t->mutex);
	return status;
}

static const struct tsm_ops tsm_ops = {
	.lock = lock,
	.accept = accept_lock,
	.unlock = unlock,
	.info = info,
	.evidence = evidence,
};

static int handle(void *opaque, uint8_t *type, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	return tsm_mailbox_respond(&tsm_ops, opaque, req, len, rsp, cap);
}

int trust_guest_add(struct machine_trust *t)
{
	const struct pci_doe_config config = {
		.offset = MAILBOX_AT,
		.max_object = MAX_OBJECT,
		.protocols = {{
			.vendor = TSM_DOE_VENDOR,
			.type = TSM_DOE_TYPE,
			.slow = true,
			.handle = handle,
			.opaque = t,
		}},
		.nr_protocols = 1,
	};

	return pci_doe_add(&t->guest, t->ep->fn, &t->m->vm.bus, &config);
}

void trust_guest_remove(struct machine_trust *t)
{
	bool was = trust_cancel(t);

	pci_doe_fini(&t->guest);
	if (!was)
		trust_resume(t);
}
