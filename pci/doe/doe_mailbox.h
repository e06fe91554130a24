/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requester of a DOE mailbox (PCIe 6.2, 6.30.2), over whatever reaches the function's configuration space.
 *
 * A mailbox is used by one thread at a time. Nobody else may use it meanwhile: there is no lock in hardware, and the
 * kernel offers none. The kernel itself uses it while it enumerates and while `tsm/connect` is in force.
 *
 * Waiting sleeps, for longer and longer, up to DOE_POLL_MAX_US between two looks.
 */
#ifndef AERIE_DOE_MAILBOX_H
#define AERIE_DOE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOE_TIMEOUT_MS	 1000u	/* 6.30.2: the longest time from GO to an answer, and for an abort */
#define DOE_DISCOVERY_MS 10000u /* that all mailboxes of a function may let us wait for what they speak */
#define DOE_POLL_MIN_US	 50u
#define DOE_POLL_MAX_US	 8000u

/* Access to configuration space, dwords at multiples of 4. 0 or -errno (logged). */
struct doe_cfg_ops {
	int (*read)(void *opaque, uint16_t offset, uint32_t *value);
	int (*write)(void *opaque, uint16_t offset, uint32_t value);
	/** Gives the processor away for @us microseconds. */
	void (*sleep)(void *opaque, unsigned us);
};

/* The ops over a descriptor: config space begins at @base of @fd. Not owned. */
struct doe_cfg_fd {
	int fd;
	uint64_t base;
	const char *name; /* for messages; borrowed */
};

/** Ops of struct doe_cfg_fd, for sysfs `config` files (base 0) and for config regions of VFIO devices. */
extern const struct doe_cfg_ops doe_cfg_fd_ops;

/** Opens the config file of host device @bdf ("0000:00:05.0") for doe_cfg_fd_ops. The descriptor is the caller's.
 *  Needs CAP_SYS_ADMIN for more than the first 64 bytes. Returns it, or -errno (logged). */
int doe_cfg_open_sysfs(const char *bdf);

struct doe_mailbox {
	const struct doe_cfg_ops *ops;
	void *opaque;
	const char *name;    /* for messages; borrowed */
	uint16_t offset;     /* of the capability */
	uint8_t version;     /* of the capability */
	unsigned timeout_ms; /* for an answer; DOE_TIMEOUT_MS by default */
	uint64_t slept_us;   /* waiting for it, in all */
};

struct doe_feature {
	uint16_t vendor;
	uint8_t type;
};

/** Walks the extended capabilities for a DOE one behind @after (0: the first). Returns its offset, 0: no more, or
 * -errno (logged; -EBADMSG: the list leaves its space or loops). */
int doe_find(const struct doe_cfg_ops *ops, void *opaque, const char *name, uint16_t after);

/** Sets up @mb for the capability at @offset, which may come from elsewhere (a VFIO region hides the capability from
 * the list). Nothing is written. 0 or -errno (logged; -ENODEV: no DOE capability there). */
int doe_mailbox_init(struct doe_mailbox *mb, const struct doe_cfg_ops *ops, void *opaque, const char *name,
		     uint16_t offset);

/** Ends what is under way. 0, or -ETIMEDOUT (logged): the mailbox is dead. */
int doe_abort(struct doe_mailbox *mb);

/**
 * Sends @len bytes of @req as an object and receives the answer, which is of the same vendor and type. When anything
 * goes wrong the mailbox is aborted and may be used again, unless that fails, too.
 * Returns the bytes of the answer's payload in @rsp, padding included; -errno (logged): -EBUSY the mailbox stays busy,
 * -ETIMEDOUT no answer, -EIO the mailbox reports an error, -EBADMSG another kind of answer or a bad length, -EMSGSIZE
 * the answer is longer than @cap.
 */
int doe_exchange(struct doe_mailbox *mb, uint16_t vendor, uint8_t type, const void *req, size_t len, void *rsp,
		 size_t cap);
/**
 * The same for protocols whose answers may be of another type of the vendor than the request, which @type tells
 * afterwards: a device that has lost a session answers a secured SPDM message with one in clear.
 */
int doe_exchange_typed(struct doe_mailbox *mb, uint16_t vendor, uint8_t *type, const void *req, size_t len, void *rsp,
		       size_t cap);

/** Asks for what the mailbox speaks. Returns the number of features (<= @max are stored, a device that lists more or
 * goes round in circles gets -EBADMSG), -ETIMEDOUT when it has let wait for DOE_DISCOVERY_MS, or -errno (logged). */
int doe_discover(struct doe_mailbox *mb, struct doe_feature *features, unsigned max);

/** The first mailbox of the function that lists both CMA/SPDM and secured CMA/SPDM. @skip: how many of those to pass
 * over. 0, -ENODEV (not logged: there is none), other -errno (logged). */
int doe_open_spdm(struct doe_mailbox *mb, const struct doe_cfg_ops *ops, void *opaque, const char *name, unsigned skip);

#endif
