/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames over a stream socket, both ends. The peer is hostile: a length is believed only up to the caller's buffer, and
 * no call waits longer than it was told. One write per frame.
 */
#ifndef AERIE_SPDM_SOCK_H
#define AERIE_SPDM_SOCK_H

#include <stddef.h>
#include <stdint.h>

#include "spdm_sock_regs.h"

struct spdm_sock_frame {
	uint32_t command;   /* SPDM_SOCK_* */
	uint32_t transport; /* SPDM_SOCK_TRANSPORT_* */
	uint32_t size;	    /* bytes of payload */
};

/** Decodes a header. 0, or -EMSGSIZE when it claims more than SPDM_SOCK_MAX_PAYLOAD (not logged). */
int spdm_sock_decode(struct spdm_sock_frame *frame, const uint8_t header[SPDM_SOCK_HEADER]);

/** Sends one frame. 0, -ETIMEDOUT when the peer does not take it within @timeout_ms, or -errno (not logged). */
int spdm_sock_send(int fd, const struct spdm_sock_frame *frame, const void *payload, int timeout_ms);

/**
 * Receives one frame, its payload into @buf. 0; -EPIPE at the end of the connection between frames, -EPROTO inside one;
 * -EMSGSIZE when it is longer than @cap (its payload is unread: the stream is of no use any more); -ETIMEDOUT when it
 * is not there within @timeout_ms (-1: no limit for its first byte, the rest has SPDM_SOCK_PATIENCE_MS); -errno. Not
 * logged.
 */
int spdm_sock_recv(int fd, struct spdm_sock_frame *frame, void *buf, size_t cap, int timeout_ms);
#define SPDM_SOCK_PATIENCE_MS 5000

#endif
