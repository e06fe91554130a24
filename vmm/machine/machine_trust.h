/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that has to prove itself: its evidence, the session with it, and the gate in front of it. Shared by
 * machine_trust.c (when), machine_trust_reach.c (how it is reached), machine_trust_gate.c (what is opened) and
 * machine_trust_guest.c (what the guest may ask).
 *
 * Asked by the main thread (before the guest runs), by the device's own thread and by that of the guest's mailbox, one
 * at a time: `mutex`, which comes before the
 * device lock. `broken`, `why` and `what` are guarded by the device lock, since vCPUs write them.
 */
#ifndef AERIE_MACHINE_TRUST_H
#define AERIE_MACHINE_TRUST_H

#include <stdatomic.h>

#include "attest.h"
#include "attest_link.h"
#include "machine_priv.h"
#include "pci_doe.h"
#include "tsm_mailbox.h"

struct machine_trust {
	struct machine *m;
	struct machine_endpoint *ep;
	const char *name; /* the device's id */
	const struct config_trust *config;
	struct spdm_roots *roots;
	struct policy *policy; /* NULL: none */

	/* the way to its mailbox */
	struct doe_cfg_fd cfg; /* assigned: configuration space over VFIO */
	struct doe_mailbox mailbox;
	struct attest_link link;
	struct spdm_device_id id;
	struct tdisp_bar bars[TDISP_NR_BARS];
	bool ide_capability;
	atomic_bool cancelled; /* what it is being asked is void; cancel_fd wakes who waits for it */
	int cancel_fd;	       /* eventfd */

	pthread_mutex_t mutex;
	bool on_main;	       /* whoever asks is the main thread, so that nobody else listens for signals */
	struct attest *attest; /* NULL: nothing has been asked */
	enum tsm_state state;
	uint32_t generation;  /* counts locks */
	struct pci_doe guest; /* the mailbox by which the guest asks */
	struct pci_gate gate; /* emulated: tells of resets */
	struct loop loop;     /* of `thread`: what follows */
	pthread_t thread;     /* has_thread */
	bool has_thread;
	struct loop_source timer;  /* timerfd: is all still as it was? */
	struct loop_source breaks; /* eventfd: the gate closed by itself */
	unsigned resets;	   /* of the function, when it was last asked to prove itself */
	bool broken;
	enum assign_break why;
	const char *what;
};

/* machine_trust.c; `mutex` is held. */

/** Asks the device all that is required and locks its interface. 0 or -errno; then the gate is closed. -ECANCELED:
 * nobody wants to know any more. */
int trust_lock(struct machine_trust *t);
/** Starts what is locked and opens the gate. 0 or -errno; then it is closed. -ESTALE: the function has been reset since
 * trust_lock() began. */
int trust_accept(struct machine_trust *t);
/** Closes the gate, then tells the device, as far as it listens. */
void trust_end(struct machine_trust *t);
/** That, and tells user and guest that something went wrong. When it was cancelled, nothing did. */
void trust_blocked(struct machine_trust *t);

/* machine_trust_thread.c */

/** Ends the device's thread; `mutex` and the device lock are not held. Idempotent. */
void trust_thread_stop(struct machine_trust *t);

/* machine_trust_guest.c */

/** Adds the guest's mailbox to the function. 0 or -errno (logged). */
int trust_guest_add(struct machine_trust *t);
/** Ends its thread; `mutex` and the device lock are not held. Idempotent. */
void trust_guest_remove(struct machine_trust *t);

/* machine_trust_reach.c */

/** Finds mailbox, identity and BARs of the device. 0 or -errno (logged but for -ECANCELED). */
int trust_reach(struct machine_trust *t);
/** Requester id of the device on the host's bus. */
uint16_t trust_rid(const struct machine_trust *t);
/** Its mailbox, which fails with -ECANCELED (not logged) once it is cancelled. */
struct spdm_transport trust_transport(struct machine_trust *t);
/** Whatever the device is being asked ends at once with -ECANCELED, and all that follows until trust_resume(). Returns
 * whether it was cancelled before. From any thread. */
bool trust_cancel(struct machine_trust *t);
void trust_resume(struct machine_trust *t);

/* machine_trust_gate.c */

/** Resets of the function until now. */
unsigned trust_resets(const struct machine_trust *t);
/** Opens the gate for what the device has reported. 0, -ESTALE (not logged): the function has been reset since
 * trust_lock() began; or -errno (logged). */
int trust_open(struct machine_trust *t);
/** Prepares it for a lock, where one is required. 0 or -errno (logged). */
int trust_hold(struct machine_trust *t);
/** Closes the gate. */
void trust_close(struct machine_trust *t);
bool trust_is_open(const struct machine_trust *t);

#endif
