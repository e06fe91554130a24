/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DOE mailbox that the guest finds in a function's extended config space (PCIe 6.2, 6.30 and 7.9.24): the responder.
 * Any function can have some, emulated or assigned.
 *
 * The mailbox keeps the registers, answers discovery, and hands every other object to the protocol that it names. What
 * is answered at once is answered within the guest's write of GO. A protocol that takes CPU time is `slow`: its objects
 * go to the mailbox's own thread, BUSY is set meanwhile, and the device lock is free.
 *
 * Objects that no protocol takes, and those with another number of DWs than their header says, are discarded: neither
 * READY nor ERROR follows. ABORT forgets the object, also one that is being worked on: its answer never shows, and BUSY
 * stays until the thread is free.
 *
 * Guarded by the device lock, but for what stands below `thread`.
 */
#ifndef AERIE_PCI_DOE_H
#define AERIE_PCI_DOE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doe_regs.h"

struct bus;
struct pci_doe;
struct pci_function;

#define PCI_DOE_MAX_PROTOCOLS 8u

struct pci_doe_protocol {
	uint16_t vendor;
	uint8_t type;
	bool slow; /* runs in the mailbox's thread, without the device lock */
	/**
	 * Answers the payload of an object (padding included) with that of another, of type *@type: that of the request
	 * unless the handler says otherwise. Returns the bytes in @rsp; 0: no answer; -errno: the mailbox shows ERROR.
	 * Calls of one mailbox never overlap. A slow one that takes the device lock does so with pci_doe_lock().
	 */
	int (*handle)(void *opaque, uint8_t *type, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap);
	void *opaque;
};

struct pci_doe_config {
	uint16_t offset;   /* of the capability */
	size_t max_object; /* bytes of the largest object, header included; a multiple of 4 */
	struct pci_doe_protocol protocols[PCI_DOE_MAX_PROTOCOLS];
	unsigned nr_protocols;
	/** Sends the mailbox's interrupt; NULL: the capability does not offer one. Called with the device lock. */
	void (*interrupt)(void *opaque, unsigned vector);
	void *opaque;
	unsigned vector;
	/** Called by the thread after each request and when the milliseconds are over that the last call returned; 0:
	 * not before the next request. May be NULL. */
	unsigned (*tick)(void *opaque);
	void *tick_opaque;
};

struct pci_doe {
	struct pci_function *fn; /* not owned */
	struct bus *bus;
	struct pci_doe_config config;
	struct pci_doe *next; /* of the function's mailboxes */

	/* While `working` both buffers are the thread's: BUSY keeps everybody else out. */
	uint8_t *request; /* what has been written so far */
	size_t request_len;
	bool overflow; /* more was written than an object may have */
	uint8_t *response;
	size_t response_len, response_at;
	uint64_t epoch; /* changes with every abort and reset: answers to older requests are void */
	bool working;	/* the thread has the request */

	bool has_thread;
	pthread_t thread;
	pthread_mutex_t mutex; /* inside the device lock; guards what follows */
	pthread_cond_t wake;
	const struct pci_doe_protocol *job; /* NULL: none */
	uint64_t job_epoch;		    /* of the last job; written with both locks held */
	_Atomic bool quit;
};

/** Adds the capability to @fn, behind those that it has, and starts the thread if a protocol is slow. @doe stays where
 *  it is and lives as long as @fn. 0 or -errno (logged). */
int pci_doe_add(struct pci_doe *doe, struct pci_function *fn, struct bus *bus, const struct pci_doe_config *config);

/** Ends the thread and frees what the mailbox holds. Device lock held or not; idempotent, also on a zeroed struct. */
void pci_doe_fini(struct pci_doe *doe);

/** The registers as after a reset; config space has been reset already. Every reset of the function does it. */
void pci_doe_reset(struct pci_doe *doe);

/** From within a slow handler or a tick: takes the device lock. False, without it: the mailbox is going away or gone.
 * *@wanted tells whether the request is still wanted; what an aborted one asks for should not be done. */
bool pci_doe_lock(struct pci_doe *doe, bool *wanted);
void pci_doe_unlock(struct pci_doe *doe);

#endif
