/* SPDX-License-Identifier: Apache-2.0 */
#include "attest_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doe_object.h"
#include "doe_regs.h"
#include "log.h"
#include "spdm_sock.h"

#define LEAVE_MS 200

static int type_of(bool secured)
{
	return secured ? DOE_TYPE_SECURED_SPDM : DOE_TYPE_SPDM;
}

static void capture(struct attest_link *link, bool secured, const uint8_t *message, size_t len)
{
	size_t cap = len + DOE_OBJECT_HEADER_BYTES + 4;
	uint8_t *object;
	int n;

	if (!link->pcap)
		return;
	object = malloc(cap);
	n = object ? doe_object_write(object, cap, DOE_VENDOR_PCI_SIG, (uint8_t)type_of(secured), message, len) : -1;
	if (n > 0)
		spdm_pcap_write(link->pcap, object, (size_t)n);
	free(object);
}

static int over_mailbox(struct attest_link *link, bool *secured, const uint8_t *req, size_t req_len, uint8_t *rsp,
			size_t cap, size_t *len, unsigned timeout_ms)
{
	uint8_t type = (uint8_t)type_of(*secured);
	int n;

	link->mb->timeout_ms = timeout_ms;
	n = doe_exchange_typed(link->mb, DOE_VENDOR_PCI_SIG, &type, req, req_len, rsp, cap);
	if (n < 0)
		return n;
	if (type != DOE_TYPE_SPDM && type != DOE_TYPE_SECURED_SPDM)
		return log_fail(-EBADMSG, "%s: the answer is an object of type 0x%02x, not an SPDM message", link->name,
				type);
	*secured = type == DOE_TYPE_SECURED_SPDM;
	*len = (size_t)n;
	return 0;
}

static int sock_fail(const struct attest_link *link, int err)
{
	if (err == -ETIMEDOUT)
		return err; /* the requester says what there was no answer to */
	if (err == -EPIPE || err == -EPROTO || err == -ECONNRESET)
		return log_fail(-ECONNRESET, "%s: the peer has closed the connection", link->name);
	if (err == -EMSGSIZE)
		return log_fail(err, "%s: the peer sends a longer answer than was asked for", link->name);
	return log_fail(err, "%s: the connection failed: %s", link->name, strerror(-err));
}

/* The message in the frame that came back, whose header the peer has made up. */
static int take_message(const struct attest_link *link, const uint8_t *buf, size_t n, bool *secured, uint8_t *rsp,
			size_t cap, size_t *len)
{
	struct doe_object object = {.vendor = DOE_VENDOR_PCI_SIG, .payload = buf + 1, .len = n - 1};
	bool mctp = link->binding == SPDM_BINDING_MCTP, ok;

	if (mctp) {
		ok = n > 0 && (buf[0] == SPDM_MCTP_TYPE_SPDM || buf[0] == SPDM_MCTP_TYPE_SECURED);
		*secured = ok && buf[0] == SPDM_MCTP_TYPE_SECURED;
	} else {
		ok = doe_object_parse(buf, n, &object) == 0 && object.vendor == DOE_VENDOR_PCI_SIG &&
		     (object.type == DOE_TYPE_SPDM || object.type == DOE_TYPE_SECURED_SPDM);
		*secured = ok && object.type == DOE_TYPE_SECURED_SPDM;
	}
	if (!ok)
		return log_fail(-EBADMSG, "%s: the answer is no %s with an SPDM message", link->name,
				mctp ? "MCTP message" : "DOE object");
	if (object.len > cap)
		return sock_fail(link, -EMSGSIZE);
	memcpy(rsp, object.payload, object.len);
	*len = object.len;
	return 0;
}

/* What goes into the frame; its length or -EMSGSIZE. */
static int wrap(const struct attest_link *link, bool secured, const uint8_t *req, size_t len, uint8_t *buf, size_t cap)
{
	if (link->binding == SPDM_BINDING_DOE)
		return doe_object_write(buf, cap, DOE_VENDOR_PCI_SIG, (uint8_t)type_of(secured), req, len);
	buf[0] = secured ? SPDM_MCTP_TYPE_SECURED : SPDM_MCTP_TYPE_SPDM;
	memcpy(buf + 1, req, len);
	return (int)len + 1;
}

static int over_socket(struct attest_link *link, bool *secured, const uint8_t *req, size_t req_len, uint8_t *rsp,
		       size_t cap, size_t *len, unsigned timeout_ms)
{
	bool mctp = link->binding == SPDM_BINDING_MCTP;
	struct spdm_sock_frame frame = {SPDM_SOCK_NORMAL, mctp ? SPDM_SOCK_TRANSPORT_MCTP : SPDM_SOCK_TRANSPORT_DOE, 0};
	size_t room = (req_len > cap ? req_len : cap) + DOE_OBJECT_HEADER_BYTES + 4;
	uint8_t *buf = malloc(room);
	int n, err;

	if (!buf)
		return log_fail(-ENOMEM, "%s: out of memory", link->name);
	n = wrap(link, *secured, req, req_len, buf, room);
	if (n < 0) {
		free(buf);
		return log_fail(n, "%s: a message of %zu bytes fits no DOE object", link->name, req_len);
	}
	frame.size = (uint32_t)n;
	err = spdm_sock_send(link->fd, &frame, buf, (int)timeout_ms);
	if (err == 0)
		err = spdm_sock_recv(link->fd, &frame, buf, room, (int)timeout_ms);
	if (err < 0)
		err = sock_fail(link, err);
	else if (frame.command == SPDM_SOCK_UNKNOWN)
		err = log_fail(-EBADMSG, "%s: the peer does not speak %s; see --transport", link->name,
			       mctp ? "MCTP" : "PCI_DOE");
	else if (frame.command != SPDM_SOCK_NORMAL)
		err = log_fail(-EBADMSG, "%s: the peer answers with command 0x%x", link->name, frame.command);
	else
		err = take_message(link, buf, frame.size, secured, rsp, cap, len);
	explicit_bzero(buf, room);
	free(buf);
	return err;
}

void attest_link_leave(struct attest_link *link)
{
	struct spdm_sock_frame frame = {
		SPDM_SOCK_CONTINUE,
		link->binding == SPDM_BINDING_MCTP ? SPDM_SOCK_TRANSPORT_MCTP : SPDM_SOCK_TRANSPORT_DOE, 0};

	if (!link->mb && spdm_sock_send(link->fd, &frame, NULL, LEAVE_MS) == 0)
		spdm_sock_recv(link->fd, &frame, NULL, 0, LEAVE_MS);
}

static int exchange(void *ctx, bool *secured, const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap, size_t *len,
		    unsigned timeout_ms)
{
	struct attest_link *link = ctx;
	int err;

	capture(link, *secured, req, req_len);
	if (link->mb)
		err = over_mailbox(link, secured, req, req_len, rsp, cap, len, timeout_ms);
	else
		err = over_socket(link, secured, req, req_len, rsp, cap, len, timeout_ms);
	if (err == 0)
		capture(link, *secured, rsp, *len);
	return err;
}

struct spdm_transport attest_link_transport(struct attest_link *link)
{
	return (struct spdm_transport){.ctx = link, .exchange = exchange};
}
