/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that exists only as an SPDM responder: identity, measurements, IDE_KM, TDISP. It has no registers; what a
 * real one would do with its link and its interface is a promise. Behind `aerie spdm-responder` and tests.
 *
 * DOE objects in, DOE objects out; does no I/O. One thread at a time.
 */
#ifndef AERIE_SOFT_DEVICE_H
#define AERIE_SOFT_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spdm_responder.h"
#include "tdisp_report.h"

/*
 * Misbehaviour beyond SPDM itself (SPDM_FAULTS has that).
 * X(enumerator, name, what it does)
 */
#define SOFT_FAULTS(X)                                                                                                 \
	X(SOFT_FAULT_NONE, "none", "behaves")                                                                          \
	X(SOFT_FAULT_KEY_REFUSED, "key-refused", "refuses the keys of its link")                                       \
	X(SOFT_FAULT_LOCK_REFUSED, "lock-refused", "refuses to lock its interface: INVALID_DEVICE_CONFIGURATION")      \
	X(SOFT_FAULT_EXTRA_RANGE, "extra-range", "reports a range that is in none of its BARs")                        \
	X(SOFT_FAULT_OVERLAP, "overlapping-ranges", "reports ranges that overlap")                                     \
	X(SOFT_FAULT_EMPTY_RANGE, "empty-range", "reports a range without pages")                                      \
	X(SOFT_FAULT_REPORT_SHORT, "report-short", "says that it reports more ranges than there are")                  \
	X(SOFT_FAULT_PORTION_LONG, "portion-long", "says that a portion of its report is longer than it is")           \
	X(SOFT_FAULT_PORTION_MORE, "portion-more", "says after each portion of its report that there is more")         \
	X(SOFT_FAULT_CUT_AFTER_LOCK, "cut-after-lock",                                                                 \
	  "forgets the session between LOCK and START, once it has reported")                                          \
	X(SOFT_FAULT_START_REFUSED, "start-refused", "refuses to start its interface: INVALID_NONCE")                  \
	X(SOFT_FAULT_ERROR_IN_RUN, "error-in-run", "goes from RUN to ERROR when it is asked for its state again")      \
	X(SOFT_FAULT_SILENT_IN_RUN, "silent-in-run", "does not answer any more once its interface runs")               \
	X(SOFT_FAULT_CUT_IN_RUN, "cut-in-run",                                                                         \
	  "forgets the session once its interface runs and it was asked for its state again")

enum soft_fault {
#define X(id, name, text) id,
	SOFT_FAULTS(X)
#undef X
		SOFT_FAULT_COUNT,
};

const char *soft_fault_name(enum soft_fault fault);
const char *soft_fault_text(enum soft_fault fault);

struct soft_device;

struct soft_device_config {
	struct spdm_profile profile;
	const struct spdm_identity *identity; /* borrowed */
	const struct spdm_block *blocks;      /* raw measurements; borrowed */
	unsigned nr_blocks;
	bool ide, tdisp;
	bool unkeyed;			      /* locks its interface although its link has no keys */
	struct tdisp_bar bars[TDISP_NR_BARS]; /* reported whole */
	uint8_t heartbeat_s;
	enum spdm_fault spdm_fault;
	enum soft_fault fault;
	/* Whether a fault of a running interface may come now; NULL: always. */
	bool (*fault_due)(void *opaque);
	void *opaque;
};

/** 0 or -errno (logged). */
int soft_device_create(struct soft_device **out, const struct soft_device_config *config);
void soft_device_destroy(struct soft_device **dev);

/** Finds a fault of either kind by its name and sets it in @config. False: no such fault. */
bool soft_device_fault(struct soft_device_config *config, const char *name);

/**
 * Answers one DOE object, discovery included. Returns the bytes of the answer in @out; 0: no answer; -EBADMSG: @in is
 * no DOE object that the device knows (it stays silent, as a mailbox does); -EINVAL: @cap is too small.
 */
int soft_device_handle(struct soft_device *dev, const uint8_t *in, size_t len, uint8_t *out, size_t cap);

/**
 * The same for a message without anything around it, which came over @binding. *@secured says of which kind it is, then
 * of which kind the answer is.
 */
int soft_device_message(struct soft_device *dev, enum spdm_binding binding, bool *secured, const uint8_t *in,
			size_t len, uint8_t *out, size_t cap);

/** Time passes: see spdm_responder_tick(). */
void soft_device_tick(struct soft_device *dev, uint64_t now_ms);
/** The peer has gone: sessions end, the interface is unlocked. */
void soft_device_reset(struct soft_device *dev);

#endif
