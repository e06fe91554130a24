/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to a device's SPDM responder, each a struct spdm_transport: a DOE mailbox, or a socket in QEMU's framing. */
#ifndef AERIE_ATTEST_LINK_H
#define AERIE_ATTEST_LINK_H

#include "doe_mailbox.h"
#include "spdm_pcap.h"
#include "spdm_requester.h"

struct attest_link {
	const char *name;	   /* for messages; borrowed */
	struct doe_mailbox *mb;	   /* borrowed; NULL: fd is a socket */
	int fd;			   /* borrowed */
	enum spdm_binding binding; /* over the socket */
	struct spdm_pcap *pcap;	   /* borrowed; NULL: no capture */
};

/** Tells a peer on a socket that there is nothing more to come, and that it may serve the next one: DMTF's emulator
 * ends when a peer just leaves. Waits a moment for its word. */
void attest_link_leave(struct attest_link *link);

/** The transport of @link, which the caller keeps alive. */
struct spdm_transport attest_link_transport(struct attest_link *link);

#endif
