/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AERIE_ATTEST_PRIV_H
#define AERIE_ATTEST_PRIV_H

#include "attest.h"
#include "attest_tsm.h"
#include "tdisp_requester.h"

#define ATTEST_WHY 512u

/* Seconds that a step may take in all, whatever a device does that answers each request just in time: so many
 * portions, chunks and BUSYs does the standard allow it. Three signatures of a minute each fit into the first. */
#define ATTEST_VERIFY_S 240u
#define ATTEST_LOCK_S	60u
#define ATTEST_OTHER_S	5u /* start, a look, the end */

struct attest {
	struct attest_config config;
	struct spdm_requester *rq;
	int64_t deadline_ms; /* of the present step, on the monotonic clock */
	uint32_t session;    /* 0: none */
	const char *verdict;
	char why[ATTEST_WHY];

	/* evidence */
	bool connected;
	bool challenged;
	struct spdm_measurements measurements;
	bool measured;
	bool policy_held;
	bool keyed;		 /* IDE: all keys of ATTEST_STREAM run; by_host: the host shows a stream */
	bool by_host;		 /* the host's kernel gives the keys */
	bool tsm_up;		 /* we have connected it to ... */
	char tsm[TSM_NAME];	 /* ... this one */
	char stream[TSM_STREAM]; /* name of its IDE stream on the host */
	struct tdisp_requester tdisp;
	struct tdisp_report report; /* points into tdisp.report */
	uint64_t mmio_offset;	    /* as asked for in the last lock */
	bool locked, started;	    /* at some time; tdisp.state is the present */
	uint8_t lock_nonce[TDISP_NONCE_BYTES];
	uint64_t checks; /* calls of attest_alive() that found all well */
};

/** A step begins that may take @seconds. */
void attest_begin(struct attest *a, unsigned seconds);

/** Sets the verdict and its reason; returns @err. */
__attribute__((format(printf, 4, 5))) int attest_fail(struct attest *a, int err, const char *verdict, const char *fmt,
						      ...);

/** The verdict is that the device answered with ERROR, which inside of IDE_KM and TDISP means that it does not know
 * them. */
bool attest_peer_refused(const struct attest *a);

/** Sets the verdict "trusted", and says what it does not cover. Returns 0. */
int attest_trusted(struct attest *a);
/** What was read and not compared with anything, since there is nothing: "name", "measurements" or "report", for @i
 * below ATTEST_COMPARISONS; NULL: it was. */
const char *attest_not_compared(const struct attest *a, unsigned i);
#define ATTEST_COMPARISONS 3u

/** Sets verdict and reason to the requester's, which has logged it; returns @err. */
int attest_spdm_fail(struct attest *a, int err);

/* attest_keys.c: each 0, or -errno with the verdict set. */

/** Before anything is asked: who is to give the keys, and whether the mailbox is ours. */
int attest_keys_choose(struct attest *a);
/** Keys the link, if that is required. By the host: our session is over then. */
int attest_keys_give(struct attest *a);
/** Keyed by the host: whether it still is. */
int attest_keys_look(struct attest *a);
/** Takes back what the host was asked for. */
void attest_keys_end(struct attest *a);

/** tdisp_exchange_fn and ide_km_exchange_fn: a vendor-defined message in the session. */
int attest_vendor(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap);

#endif
