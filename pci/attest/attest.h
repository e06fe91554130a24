/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attestation of one device, and the session that is kept with it: who it is (certificates, challenge), what it runs
 * (measurements held against a policy), keys for its link (IDE_KM), a locked and started interface (TDISP). The
 * evidence is kept whatever the verdict.
 *
 * One thread at a time. Calls wait for the device and may take seconds: never with the device lock held.
 */
#ifndef AERIE_ATTEST_H
#define AERIE_ATTEST_H

#include <stdbool.h>
#include <stdint.h>

#include "policy.h"
#include "spdm_requester.h"
#include "tdisp_report.h"

#define ATTEST_SPDM	    (1u << 0)
#define ATTEST_MEASUREMENTS (1u << 1)
#define ATTEST_IDE	    (1u << 2)
#define ATTEST_TDISP	    (1u << 3)

/* Who gives the keys of the link. */
enum attest_keys {
	ATTEST_KEYS_AUTO,   /* the host's kernel where it offers that and TDISP is not required; else aerie */
	ATTEST_KEYS_HOST,   /* the host's kernel, to both ends of the link */
	ATTEST_KEYS_DEVICE, /* aerie, to the device alone */
};

/* The stream that is keyed, and the default stream of the locked interface. */
#define ATTEST_STREAM 0u

struct json_object;
struct attest;

struct attest_config {
	const char *name; /* for messages; borrowed, like all that follows */
	struct spdm_transport transport;
	enum spdm_binding binding;	     /* of the transport */
	const struct spdm_profile *profile;  /* NULL: attest_profile() */
	const struct spdm_roots *roots;	     /* NULL: nobody is trusted, the verdict says so */
	const struct spdm_device_id *device; /* NULL: the certificate's name is not compared */
	const struct policy *policy;	     /* NULL: any measurements */
	const struct tdisp_bar *bars;	     /* TDISP_NR_BARS of them; NULL: the report is not held against BARs */
	unsigned require;		     /* ATTEST_*; what is not required is not asked for */
	unsigned slot;			     /* of the certificate chain */
	uint16_t rid;			     /* requester id on the host */
	const char *host_bdf;		     /* the function on this host; NULL: none, and no TSM speaks for it */
	enum attest_keys keys;
	bool ide_capability; /* config space shows IDE; without it keys are a promise of the device */
	int64_t now;	     /* as for the requester */
	unsigned timeout_ms; /* for one answer; 0: the requester's default */
	unsigned patience_s; /* for one step; 0: four minutes to verify, seconds for what follows */
};

/** All that aerie speaks, in pieces that QEMU's mailbox carries. */
struct spdm_profile attest_profile(void);

/** 0 or -errno (logged). The config is copied. */
int attest_create(struct attest **out, const struct attest_config *config);
/** Forgets all keys; says nothing to the device. NULL inside is fine. */
void attest_destroy(struct attest **attest);

/* The steps, in order. Each returns 0 or -errno and sets the verdict, which the caller tells; engines and transports
 * log particulars. After a failure the next call is attest_end(). */

/** Identity, measurements, session, link keys: all but TDISP. Starts over when it has been called before, and
 * attest_end() since. When the host's kernel has given the keys, the session is over. */
int attest_verify(struct attest *a);
/** Locks the interface, reads its report and checks it. Nothing happens when TDISP is not required. */
int attest_lock(struct attest *a);
/** Starts the locked interface. When TDISP is not required: asks whether the session, or the host's connection, is
 * still there. */
int attest_start(struct attest *a);
/** Asks whether all is still as it was: session alive, interface in RUN; or the host's connection in force. */
int attest_alive(struct attest *a);
/** Stops the interface, ends the session and the host's connection as far as they exist; what fails is not reported
 * again. The evidence and
 * the verdict stay. */
void attest_end(struct attest *a);

/** Seconds between two calls of attest_alive(): less than the device's heartbeat period, at most @most. */
unsigned attest_period_s(const struct attest *a, unsigned most);

/** "trusted", "pending", or a stable name of what went wrong ("unknown-root", "policy", "lock-refused"). */
const char *attest_verdict(const struct attest *a);
/** The same in a sentence. */
const char *attest_why(const struct attest *a);
/** Records a verdict that was found elsewhere, such as "lock-broken". @verdict: static. */
void attest_condemn(struct attest *a, const char *verdict, const char *why);

/** The report of the locked interface; NULL when there is none. */
const struct tdisp_report *attest_report(const struct attest *a);
const struct spdm_measurements *attest_measurements(const struct attest *a);
/** Name of the measurement hash in policies: "sha384"; "raw" when there is none. */
const char *attest_hash(const struct attest *a);
/** The name in the leaf certificate for a PCI function; "" when there is none. */
const char *attest_device_name(const struct attest *a);

/** The chain as certificates in DER, root first; NULL when there is none. Borrowed until the next step. */
const uint8_t *attest_chain(const struct attest *a, size_t *len);
/** The report of the interface as it was read; NULL when there is none. Borrowed as well. */
const uint8_t *attest_report_bytes(const struct attest *a, size_t *len);

/** All of the evidence; the caller owns the reference. NULL: no memory. */
struct json_object *attest_json(const struct attest *a);
/** The same for people. */
void attest_print(const struct attest *a, FILE *out);

#endif
