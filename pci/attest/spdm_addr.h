/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an SPDM peer is: "HOST:PORT", "[HOST]:PORT" or the path of a Unix socket (anything with a "/"). SPDM is spoken
 * in clear until a session stands, and a responder holds private keys: only loopback addresses are taken unless the
 * caller says otherwise.
 */
#ifndef AERIE_SPDM_ADDR_H
#define AERIE_SPDM_ADDR_H

#include <stdbool.h>
#include <sys/socket.h>

struct spdm_addr {
	struct sockaddr_storage sa;
	socklen_t len;
};

/** Parses @text; hosts are numeric or "localhost". @anywhere: addresses other than loopback too. 0 or -errno (logged).
 */
int spdm_addr_parse(struct spdm_addr *addr, const char *text, bool anywhere);

/** True when @text has the form of an address rather than of a PCI device's. */
bool spdm_addr_looks_like(const char *text);

/** A connected stream socket, TCP_NODELAY set where it applies; or -errno (logged): -ETIMEDOUT after five seconds. */
int spdm_addr_connect(const char *text, bool anywhere);

/** A listening socket. A stale Unix socket at the path that nobody listens on is replaced. Or -errno (logged). */
int spdm_addr_listen(const char *text, bool anywhere);

/** Waits for the next peer of @listener. A connected socket or -errno (not logged). */
int spdm_addr_accept(int listener);

/** Port that a TCP @listener was given (for port 0); 0 for Unix sockets. */
unsigned spdm_addr_port(int listener);

#endif
