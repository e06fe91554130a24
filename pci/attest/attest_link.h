/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to a device's SPDM responder, each a struct spdm_transport: a DOE mailbox, or a socket in QEMU's framing. */
#ifndef AERIE_ATTEST_LINK_H
#define AERIE_ATTEST_LINK_H

#include "doe_mailbox.h"
#include "spdm_pcap.h"
#include "spdm_requester.h"

struct attest_link {
	const char *name;	/* for messages; borrowed */
	struct doe_mailbox *mb; /* borrowed; NULL: fd is a socket */
	int fd;			/* borrowed */
	struct spdm_pcap *pcap; /* borrowed; NULL: no capture */
};

/** The transport of @link, which the caller keeps alive. */
struct spdm_transport attest_link_transport(struct attest_link *link);

#endif
