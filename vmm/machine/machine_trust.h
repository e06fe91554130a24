/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that has to prove itself: its evidence, the session with it, and the gate in front of it. Shared by
 * machine_trust.c (when) and machine_trust_gate.c (how it is reached and what is opened). Belongs to the main thread;
 * `broken` and `what` are guarded by the device lock.
 */
#ifndef AERIE_MACHINE_TRUST_H
#define AERIE_MACHINE_TRUST_H

#include "attest.h"
#include "attest_link.h"
#include "machine_priv.h"

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

	struct attest *attest;	   /* NULL: nothing has been asked */
	struct loop_source timer;  /* timerfd: is all still as it was? */
	struct loop_source breaks; /* eventfd: the gate closed by itself */
	bool broken;
	enum assign_break why;
	const char *what;
};

/** Finds mailbox, identity and BARs of the device. 0 or -errno (logged). */
int trust_reach(struct machine_trust *t);
/** Requester id of the device on the host's bus. */
uint16_t trust_rid(const struct machine_trust *t);
/** Opens the gate for what the device has reported. 0 or -errno (logged). */
int trust_open(struct machine_trust *t);
/** Prepares it for a lock, where one is required. 0 or -errno (logged). */
int trust_hold(struct machine_trust *t);
/** Closes the gate. */
void trust_close(struct machine_trust *t);
bool trust_is_open(const struct machine_trust *t);

#endif
