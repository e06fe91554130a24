/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a guest asks aerie, which is its TEE security manager, about a device: a DOE protocol of the device's emulated
 * mailbox (vendor 0x1234, type 0x01). The device may be an assigned one, whose own mailbox the guest never reaches.
 *
 * A request is a DW and arguments, an answer a DW with a status and what was asked for; all little-endian DWs.
 * docs/device-security.md is the guest programmer's description.
 */
#ifndef AERIE_TSM_MAILBOX_H
#define AERIE_TSM_MAILBOX_H

#include <stddef.h>
#include <stdint.h>

#define TSM_DOE_VENDOR 0x1234u
#define TSM_DOE_TYPE   0x01u

#define TSM_VERSION 1u

/* First DW: 7:0 operation, 15:8 TSM_VERSION, 31:16 status (0 in requests) */
enum tsm_operation {
	TSM_INFO = 0,	  /* -> state, flags, generation */
	TSM_LOCK = 1,	  /* attests and locks -> as INFO */
	TSM_ACCEPT = 2,	  /* generation: starts what was locked then, no other -> as INFO */
	TSM_UNLOCK = 3,	  /* -> as INFO */
	TSM_EVIDENCE = 4, /* kind, offset, length -> total, length, that many bytes, padded */
};

enum tsm_status {
	TSM_OK = 0,
	TSM_BAD_REQUEST = 1,   /* not understood */
	TSM_BAD_STATE = 2,     /* not now */
	TSM_REFUSED = 3,       /* the device does not fulfil the policy */
	TSM_DEVICE_FAILED = 4, /* no or a wrong answer from the device */
	TSM_NO_EVIDENCE = 5,   /* there is none of this kind */
	TSM_STALE = 6,	       /* ACCEPT of another lock than the present one */
};

enum tsm_state { /* those of TDISP, as aerie knows them */
		 TSM_UNLOCKED = 0,
		 TSM_LOCKED = 1,
		 TSM_RUN = 2,
		 TSM_ERROR = 3,
};

#define TSM_FLAG_REQUIRED     0x01u /* the configuration demands trust: without RUN no DMA and no BARs */
#define TSM_FLAG_SPDM	      0x02u /* the device has proven its identity */
#define TSM_FLAG_MEASUREMENTS 0x04u /* its measurements are those of the policy */
#define TSM_FLAG_IDE	      0x08u /* its link is keyed */
#define TSM_FLAG_TDISP	      0x10u /* its interface obeys TDISP */

enum tsm_evidence {
	TSM_EVIDENCE_CERTIFICATES = 0, /* DER, root first */
	TSM_EVIDENCE_MEASUREMENTS = 1, /* DMTF measurement record, as signed */
	TSM_EVIDENCE_REPORT = 2,       /* device interface report of TDISP */
	TSM_EVIDENCE_VERDICT = 3,      /* JSON */
};

struct tsm_info {
	enum tsm_state state;
	uint32_t flags;	     /* TSM_FLAG_* */
	uint32_t generation; /* counts locks */
};

/* All return a tsm_status and may take as long as the device does. */
struct tsm_ops {
	enum tsm_status (*lock)(void *opaque);
	enum tsm_status (*accept)(void *opaque, uint32_t generation);
	enum tsm_status (*unlock)(void *opaque);
	void (*info)(void *opaque, struct tsm_info *info);
	/** At most @cap bytes from @offset; *@len: how many, *@total: of all. */
	enum tsm_status (*evidence)(void *opaque, uint32_t kind, uint32_t offset, uint8_t *buf, size_t cap, size_t *len,
				    size_t *total);
};

/** Answers a request, as struct pci_doe_protocol's handle: bytes of the answer. @cap is at least 32. */
int tsm_mailbox_respond(const struct tsm_ops *ops, void *opaque, const uint8_t *req, size_t len, uint8_t *rsp,
			size_t cap);

#endif
