/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to a vhost-user back end: whole messages, with descriptors, in time. The back end is not trusted: a
 * reply has the request, version, flags and size that it must have and brings no descriptors, or the connection is
 * void.
 *
 * Errors: -EPIPE: the back end closed the connection (not logged: the caller knows what that means now); -ETIMEDOUT,
 * -EPROTO, -EREMOTEIO (it answered that it failed) and others: logged.
 */
#ifndef AERIE_VU_CONN_H
#define AERIE_VU_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhost_user_regs.h"

struct vu_conn {
	int fd;		  /* owned, non-blocking; -1: none */
	const char *name; /* of the device, for messages; borrowed */
	int allowed_ms;	  /* and */
	int64_t deadline; /*   until when, as vu_allow() says */
	bool reply_ack;	  /* negotiated */
	/* Asked every now and then while waiting; true: -ECANCELED. NULL: never. */
	bool (*cancelled)(void *owner);
	void *owner;
};

/** Connects to @path. 0; -errno (not logged). */
int vu_connect(struct vu_conn *conn, const char *path);

/** All that follows, until the next call, has @ms milliseconds together. */
void vu_allow(struct vu_conn *conn, int ms);

/** True while nothing but silence comes from the other end: neither its end nor a message that nobody asked for. */
bool vu_alive(const struct vu_conn *conn);

/** Sends a request with @nr_fds (0 .. VU_MAX_REGIONS) descriptors. With REPLY_ACK waits for its result. */
int vu_set(struct vu_conn *conn, enum vu_request request, const void *payload, uint32_t len, const int *fds,
	   unsigned nr_fds);

/** The same without payload. */
int vu_command(struct vu_conn *conn, enum vu_request request);

int vu_set_u64(struct vu_conn *conn, enum vu_request request, uint64_t value);

/** Sends a request and takes its reply of exactly @reply_len bytes. */
int vu_get(struct vu_conn *conn, enum vu_request request, const void *payload, uint32_t len, void *reply,
	   uint32_t reply_len);

int vu_get_u64(struct vu_conn *conn, enum vu_request request, uint64_t *value);

/** Reads [@offset, @offset + @len) of the configuration space; @len <= VU_MAX_CONFIG. -EREMOTEIO: refused. */
int vu_get_config(struct vu_conn *conn, uint32_t offset, void *buf, uint32_t len);
int vu_set_config(struct vu_conn *conn, uint32_t offset, const void *buf, uint32_t len);

#endif
