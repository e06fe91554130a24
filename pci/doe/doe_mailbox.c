/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange through a DOE mailbox (PCIe 6.2, 6.30.2). */
#include "doe_mailbox.h"

#include <errno.h>
#include <string.h>

#include "doe_object.h"
#include "doe_regs.h"
#include "log.h"
#include "wire.h"

static int get(struct doe_mailbox *mb, unsigned reg, uint32_t *value)
{
	return mb->ops->read(mb->opaque, (uint16_t)(mb->offset + reg), value);
}

static int put(struct doe_mailbox *mb, unsigned reg, uint32_t value)
{
	return mb->ops->write(mb->opaque, (uint16_t)(mb->offset + reg), value);
}

/* Waits until a bit of @any is set, or all of @none are clear. Returns 0, -ETIMEDOUT, or -errno (logged). */
static int wait_status(struct doe_mailbox *mb, uint32_t any, uint32_t none, unsigned ms, uint32_t *status)
{
	uint64_t slept = 0;
	unsigned us = DOE_POLL_MIN_US;

	for (;;) {
		int err = get(mb, DOE_STATUS, status);

		if (err)
			return err;
		if (*status == UINT32_MAX)
			return log_fail(-ENODEV, "%s: the DOE mailbox reads all ones; the device may be gone",
					mb->name);
		if ((*status & any) || (none && !(*status & none)))
			return 0;
		if (slept >= (uint64_t)ms * 1000)
			return -ETIMEDOUT;
		mb->ops->sleep(mb->opaque, us);
		slept += us;
		mb->slept_us += us;
		if (us < DOE_POLL_MAX_US)
			us *= 2;
	}
}

int doe_abort(struct doe_mailbox *mb)
{
	uint32_t status;
	int err = put(mb, DOE_CTRL, DOE_CTRL_ABORT);

	if (!err)
		err = wait_status(mb, 0, DOE_STATUS_BUSY | DOE_STATUS_ERROR, DOE_TIMEOUT_MS, &status);
	if (err == -ETIMEDOUT)
		return log_fail(err, "%s: the DOE mailbox at 0x%03x does not come back from an abort; reset the device",
				mb->name, mb->offset);
	return err;
}

/* What an earlier requester left behind must go before a new object is written. */
static int make_idle(struct doe_mailbox *mb)
{
	uint32_t status;
	int err = wait_status(mb, 0, DOE_STATUS_BUSY, mb->timeout_ms, &status);

	if (err == -ETIMEDOUT)
		return log_fail(-EBUSY, "%s: the DOE mailbox at 0x%03x stays busy; somebody else may be using it",
				mb->name, mb->offset);
	if (!err && (status & (DOE_STATUS_ERROR | DOE_STATUS_READY)))
		err = doe_abort(mb);
	return err;
}

static int send_object(struct doe_mailbox *mb, uint16_t vendor, uint8_t type, const uint8_t *req, size_t len)
{
	struct wire_in in = wire_in(req, len);
	uint32_t dwords = (uint32_t)(DOE_OBJECT_HEADER_BYTES + align_up(len, 4)) / 4;
	int err =
		put(mb, DOE_WRITE_MBOX, field_prep32(DOE_OBJECT_VENDOR, vendor) | field_prep32(DOE_OBJECT_TYPE, type));

	if (!err)
		err = put(mb, DOE_WRITE_MBOX, field_prep32(DOE_OBJECT_LENGTH, dwords));
	while (!err && in.left > 0)
		err = put(mb, DOE_WRITE_MBOX, (uint32_t)wire_number(&in, in.left < 4 ? (unsigned)in.left : 4));
	return err ? err : put(mb, DOE_CTRL, DOE_CTRL_GO);
}

/* Takes one DW of the answer. The object must still be there before it is popped (6.30.2). */
static int pop(struct doe_mailbox *mb, uint32_t *value)
{
	uint32_t status;
	int err = get(mb, DOE_STATUS, &status);

	if (!err && !(status & DOE_STATUS_READY))
		return log_fail(-EIO, "%s: the DOE mailbox takes its answer back half way", mb->name);
	if (!err)
		err = get(mb, DOE_READ_MBOX, value);
	return err ? err : put(mb, DOE_READ_MBOX, 0);
}

/* @answer: NULL, or where the type goes of an answer that may have another one. */
static int receive_header(struct doe_mailbox *mb, uint16_t vendor, uint8_t type, uint8_t *answer, size_t *len)
{
	uint8_t header[DOE_OBJECT_HEADER_BYTES];
	struct wire_out out = wire_out(header, sizeof(header));
	uint32_t id = 0, length = 0;
	int err = pop(mb, &id);

	if (!err)
		err = pop(mb, &length);
	if (err)
		return err;
	wire_put_u32(&out, id);
	wire_put_u32(&out, length);
	if (field_get32(DOE_OBJECT_VENDOR, id) != vendor || (!answer && field_get32(DOE_OBJECT_TYPE, id) != type))
		return log_fail(-EBADMSG, "%s: the DOE mailbox answers %04x:%02x with an object of %04x:%02x", mb->name,
				vendor, type, field_get32(DOE_OBJECT_VENDOR, id), field_get32(DOE_OBJECT_TYPE, id));
	int size = doe_object_size(header);

	if (size < 0)
		return log_fail(size, "%s: the DOE mailbox answers with an object of an impossible length", mb->name);
	if (answer)
		*answer = (uint8_t)field_get32(DOE_OBJECT_TYPE, id);
	*len = (size_t)size - sizeof(header);
	return 0;
}

static int receive_object(struct doe_mailbox *mb, uint16_t vendor, uint8_t type, uint8_t *answer, uint8_t *rsp,
			  size_t cap)
{
	struct wire_out out = wire_out(rsp, cap);
	uint32_t value = 0, status = 0;
	size_t len = 0;
	int err = receive_header(mb, vendor, type, answer, &len);

	if (err)
		return err;
	if (len > cap)
		return log_fail(-EMSGSIZE, "%s: the DOE mailbox answers with %zu bytes, %zu are expected at most",
				mb->name, len, cap);
	for (size_t at = 0; !err && at < len; at += 4) {
		err = pop(mb, &value);
		if (!err)
			wire_put_u32(&out, value);
	}
	if (!err)
		err = get(mb, DOE_STATUS, &status);
	if (!err && (status & DOE_STATUS_ERROR))
		return log_fail(-EIO, "%s: the DOE mailbox reports an error at the end of its answer", mb->name);
	return err ? err : (int)len;
}

static int exchange(struct doe_mailbox *mb, uint16_t vendor, uint8_t type, uint8_t *answer, const void *req, size_t len,
		    void *rsp, size_t cap)
{
	uint32_t status;
	int err = send_object(mb, vendor, type, req, len);

	if (err)
		return err;
	err = wait_status(mb, DOE_STATUS_READY | DOE_STATUS_ERROR, 0, mb->timeout_ms, &status);
	if (err == -ETIMEDOUT)
		return log_fail(err, "%s: no answer from the DOE mailbox at 0x%03x to an object %04x:%02x in %u ms",
				mb->name, mb->offset, vendor, type, mb->timeout_ms);
	if (err)
		return err;
	if (status & DOE_STATUS_ERROR)
		return log_fail(-EIO, "%s: the DOE mailbox at 0x%03x reports an error for an object %04x:%02x",
				mb->name, mb->offset, vendor, type);
	return receive_object(mb, vendor, type, answer, rsp, cap);
}

static int exchange_when_idle(struct doe_mailbox *mb, uint16_t vendor, uint8_t type, uint8_t *answer, const void *req,
			      size_t len, void *rsp, size_t cap)
{
	if (len > DOE_OBJECT_MAX_BYTES - DOE_OBJECT_HEADER_BYTES)
		return log_fail(-EMSGSIZE, "%s: a request of %zu bytes does not fit in a DOE object", mb->name, len);
	int err = make_idle(mb);

	if (err)
		return err;
	err = exchange(mb, vendor, type, answer, req, len, rsp, cap);
	if (err < 0 && err != -ENODEV)
		doe_abort(mb);
	return err;
}

int doe_exchange(struct doe_mailbox *mb, uint16_t vendor, uint8_t type, const void *req, size_t len, void *rsp,
		 size_t cap)
{
	return exchange_when_idle(mb, vendor, type, NULL, req, len, rsp, cap);
}

int doe_exchange_typed(struct doe_mailbox *mb, uint16_t vendor, uint8_t *type, const void *req, size_t len, void *rsp,
		       size_t cap)
{
	return exchange_when_idle(mb, vendor, *type, type, req, len, rsp, cap);
}
