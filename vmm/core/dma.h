/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an emulated device reaches memory: by I/O virtual address, through the IOMMU above it if there is one.
 *
 * struct dma_space - what one requester sees. Owned by its PCI function; the machine installs a translator when the
 *                    requester is behind a guest IOMMU, else IOVA and guest physical address are the same.
 * struct dma_user  - one thread's use of a space, with a cache of translations of its own (the device's ATC, if you
 *                    will, but one that every invalidation reaches). Nothing else is needed to do DMA from an I/O
 *                    thread without the device lock: a hit costs one atomic load and a compare.
 *
 * Order: a translator that forgets or changes a translation calls dma_space_invalidate() before it tells its guest that
 * it has. Lookups that begin after that walk again. Host pointers that a device took before are transactions under way:
 * they end in guest RAM (which stays mapped as long as the VM), as those of a real device may.
 *
 * Faults: the translator records them with its guest; a device sees -EFAULT and does what its specification says. A
 * device that can wait (struct dma_stall) may see -EINPROGRESS instead: software has been asked to mend the
 * translation. Stalls, and what PCI Express offers in their place (ATS and page requests): dma_stall.h, dma_ats.h.
 */
#ifndef AERIE_DMA_H
#define AERIE_DMA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "addr.h"
#include "range.h"

struct bus;
struct dma_ats_ops;
struct dma_page_request;
struct dma_space;
struct dma_stall;
struct gmem;

/* Kinds of access, as bits: what a request asks for, and what a translation permits. */
#define DMA_READ  1u
#define DMA_WRITE 2u
#define DMA_EXEC  4u  /* instruction fetch: PASID prefix with Execute Requested */
#define DMA_PRIV  8u  /* privileged: PASID prefix with Privileged Mode Requested */
#define DMA_PROBE 16u /* only a question, no transaction: no fault is recorded, no flag in a table is set */

#define DMA_NO_PASID UINT32_MAX

/* One translation: iova in [iovas.first, iovas.last] goes to pa.v + (iova - iovas.first). */
struct dma_target {
	struct range iovas; /* covers the address asked for; any size and alignment */
	gpa_t pa;	    /* where iovas.first goes; RAM, MMIO or nothing at all */
	unsigned perms;	    /* DMA_READ, DMA_WRITE, DMA_EXEC that need no further walk (a clean page: no DMA_WRITE) */
};

struct dma_translator {
	/**
	 * Translates @iova for @access (DMA_READ and/or DMA_WRITE, with DMA_EXEC, DMA_PRIV or DMA_PROBE) of @pasid (or
	 * DMA_NO_PASID). 0, or -EFAULT: the fault has been recorded with the guest. The device lock is held. @owner is
	 * what dma_space_set_translator() got.
	 */
	int (*translate)(void *owner, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out);
	/** In its place, for a requester that can wait (or not: @stall NULL). -EINPROGRESS: the access is stalled and
	 * @stall pending, until dma_stall_end(). NULL: nothing stalls here. */
	int (*translate_or_stall)(void *owner, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out,
				  struct dma_stall *stall);
	/** Ends @stall (NULL: all of the space) as DMA_TERMINATED: the requester has forgotten its access. */
	void (*cancel)(void *owner, struct dma_stall *stall);
	/* PCI Express ATS and page requests, see dma_ats.h. All or none. */
	int (*ats_translate)(void *owner, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out);
	int (*ats_access)(void *owner, uint64_t addr, unsigned access, struct dma_target *out);
	void (*page_request)(void *owner, const struct dma_page_request *request);
	/** An Invalidate Request that was under way has been answered. */
	void (*ats_invalidated)(void *owner, uint32_t tag);
};

struct dma_space {
	const char *name; /* of the requester, for messages; borrowed */
	const struct gmem *gmem;
	struct bus *bus;
	const struct dma_translator *translator; /* NULL: none */
	void *owner;
	_Atomic uint64_t generation; /* cached translations of older generations are void */
	_Atomic bool enabled;	     /* bus mastering; while false every access fails with -EPERM */
	/** Called, with the device lock held, after each invalidation; NULL: nobody cares. */
	void (*invalidated)(void *opaque);
	/** A write of 4 bytes to @pa, which is no RAM: true when that was a message to the interrupt controller, which
	 * has been sent. NULL: never. Device lock held. */
	bool (*message)(void *opaque, gpa_t pa, uint32_t data);
	void *opaque;
	const struct dma_ats_ops *ats; /* NULL: the requester has no ATC, sends no page requests */
	void *ats_opaque;
};

/** Begins enabled = false, without a translator. */
void dma_space_init(struct dma_space *space, const char *name, const struct gmem *gmem, struct bus *bus);

/** Puts the requester behind a translator, or (NULL) in front of memory itself. Device lock held or start-up. */
void dma_space_set_translator(struct dma_space *space, const struct dma_translator *translator, void *owner);

/** Makes all cached translations of the space void. Device lock held. */
void dma_space_invalidate(struct dma_space *space);

/** Bus mastering on or off. Off ends what is stalled. Device lock held. */
void dma_space_enable(struct dma_space *space, bool on);

/** Translates without a cache: for MSIs and for whatever is not memory. Takes the device lock.
 *  0; -EFAULT (recorded); -EPERM (bus mastering off). */
int dma_translate(struct dma_space *space, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out);

#define DMA_CACHE_SLOTS 256u /* power of two */

struct dma_slot {
	uint64_t page;	     /* iova >> 12 */
	uint64_t generation; /* 0: empty; spaces begin at 1 */
	uint32_t pasid;
	unsigned perms;
	uint8_t *host; /* of the page's first byte */
};

/* Used by one thread at a time. */
struct dma_user {
	struct dma_space *space;
	/* Set by whoever waits, with the device lock held, for this user to come to rest: a walk that would have to
	 * wait for the lock gives up with -ECANCELED instead. NULL: never. */
	const _Atomic bool *quit;
	uint32_t pasid; /* of all accesses; DMA_NO_PASID by default */
	unsigned mode;	/* DMA_PRIV, or 0 */
	/* For a user that can wait: idle, or pending after a call that returned -EINPROGRESS. NULL: it cannot. */
	struct dma_stall *stall;
	struct dma_slot slots[DMA_CACHE_SLOTS];
};

/** @quit may be NULL. */
void dma_user_init(struct dma_user *user, struct dma_space *space, const _Atomic bool *quit);

/**
 * Host pointer to [@iova, @iova + @len) when that is RAM behind one translation, which is certain for what does not
 * cross a 4 KiB boundary. NULL when it is not RAM, not contiguous or not permitted; *@err (may be NULL) says which:
 * -EFAULT, -EPERM, -ECANCELED as in dma_map(). @access as in dma_translator.
 */
void *dma_host(struct dma_user *user, uint64_t iova, uint32_t len, unsigned access, int *err);

/**
 * Splits [@iova, @iova + @len) into pieces of host memory, neighbours joined. Returns the number of pieces (1 .. @max);
 * -EFAULT: a translation fault (recorded), or what it leads to is not RAM; -EPERM: bus mastering is off; -E2BIG: more
 * than @max pieces; -ECANCELED: *quit; -EINPROGRESS: stalled (only with user->stall): to be repeated after that has
 * ended. @len 0 is -EFAULT.
 */
int dma_map(struct dma_user *user, uint64_t iova, uint64_t len, unsigned access, struct iovec *iov, unsigned max);

/** Copies from and to memory. 0 or as dma_map(); after a failure a part may have been written, and @buf of a read is
 *  zeroed. RAM only. */
int dma_read(struct dma_user *user, uint64_t iova, void *buf, size_t len);
int dma_write(struct dma_user *user, uint64_t iova, const void *buf, size_t len);

/** Copies to or from what is no RAM at guest physical @pa, in naturally aligned pieces of at most 8 bytes: for a device
 *  that has translated by itself. Device lock held. */
void dma_access_registers(struct dma_space *space, uint64_t pa, void *data, size_t len, unsigned access);

/** The same for whatever lies there, other devices' registers included (peer to peer), in naturally aligned pieces of
 * at most 8 bytes. Not for I/O threads: takes the device lock for as long as it lasts. */
int dma_read_any(struct dma_user *user, uint64_t iova, void *buf, size_t len);
int dma_write_any(struct dma_user *user, uint64_t iova, const void *buf, size_t len);

#endif
