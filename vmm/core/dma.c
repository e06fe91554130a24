/* SPDX-License-Identifier: Apache-2.0 */
#include "dma.h"

#include <errno.h>
#include <string.h>

#include "bits.h"
#include "bus.h"
#include "dma_stall.h"
#include "gmem.h"

#define PAGE UINT64_C(4096)

void dma_space_init(struct dma_space *space, const char *name, const struct gmem *gmem, struct bus *bus)
{
	*space = (struct dma_space){.name = name, .gmem = gmem, .bus = bus, .generation = 1};
}

void dma_space_set_translator(struct dma_space *space, const struct dma_translator *translator, void *owner)
{
	space->translator = translator;
	space->owner = owner;
	dma_space_invalidate(space);
}

void dma_space_invalidate(struct dma_space *space)
{
	atomic_fetch_add_explicit(&space->generation, 1, memory_order_release);
	if (space->invalidated)
		space->invalidated(space->opaque);
}

void dma_space_enable(struct dma_space *space, bool on)
{
	if (atomic_exchange_explicit(&space->enabled, on, memory_order_relaxed) == on)
		return;
	dma_space_invalidate(space);
	if (!on)
		dma_stall_cancel(space, NULL);
}

static bool is_enabled(struct dma_space *space)
{
	return atomic_load_explicit(&space->enabled, memory_order_relaxed);
}

/* Device lock held. @stall is NULL for requesters that cannot wait. */
static int walk(struct dma_space *space, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out,
		struct dma_stall *stall)
{
	const struct dma_translator *translator = space->translator;

	if (!is_enabled(space))
		return -EPERM;
	if (translator && translator->translate_or_stall)
		return translator->translate_or_stall(space->owner, pasid, iova, access, out, stall);
	if (translator)
		return translator->translate(space->owner, pasid, iova, access, out);
	*out = (struct dma_target){
		.iovas = {0, UINT64_MAX},
		.perms = DMA_READ | DMA_WRITE | DMA_EXEC,
	};
	return 0;
}

int dma_translate_or_stall(struct dma_space *space, uint32_t pasid, uint64_t iova, unsigned access,
			   struct dma_target *out, struct dma_stall *stall)
{
	bus_lock(space->bus);
	int err = walk(space, pasid, iova, access, out, stall);

	bus_unlock(space->bus);
	return err;
}

int dma_translate(struct dma_space *space, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out)
{
	bus_lock(space->bus);
	int err = walk(space, pasid, iova, access, out, NULL);

	bus_unlock(space->bus);
	return err;
}

void dma_user_init(struct dma_user *user, struct dma_space *space, const _Atomic bool *quit)
{
	*user = (struct dma_user){.space = space, .quit = quit, .pasid = DMA_NO_PASID};
}

static struct dma_slot *slot_of(struct dma_user *user, uint64_t page)
{
	return &user->slots[page & (DMA_CACHE_SLOTS - 1)];
}

/* The cache does not tell privileged from unprivileged: a user has one mode, and changing it is for uncached users. */
static bool hit(const struct dma_user *user, const struct dma_slot *slot, uint64_t page, unsigned access,
		uint64_t generation)
{
	return slot->page == page && slot->generation == generation && slot->pasid == user->pasid &&
	       (access & ~slot->perms) == 0;
}

/*
 * Fills the slot of @iova's page. The generation is read before the walk, so that an invalidation that comes in between
 * leaves a slot that is void already.
 */
static int fill(struct dma_user *user, struct dma_slot *slot, uint64_t iova, unsigned access)
{
	struct dma_space *space = user->space;
	uint64_t page = iova / PAGE;
	uint64_t generation = atomic_load_explicit(&space->generation, memory_order_acquire);
	struct dma_target target;

	if (!bus_lock_unless(space->bus, user->quit))
		return -ECANCELED;
	int err = walk(space, user->pasid, iova, access | user->mode, &target, user->stall);

	bus_unlock(space->bus);
	slot->generation = 0;
	if (err)
		return err;
	struct range whole = {page * PAGE, page * PAGE + (PAGE - 1)};

	/* No IOMMU of ours translates less than a page. */
	if (!range_contains(target.iovas, whole))
		return -EFAULT;
	uint8_t *host = gmem_host(space->gmem, gpa(target.pa.v + (whole.first - target.iovas.first)), PAGE);

	if (!host)
		return -EFAULT;
	*slot = (struct dma_slot){
		.page = page,
		.generation = generation,
		.pasid = user->pasid,
		.perms = target.perms,
		.host = host,
	};
	return 0;
}

/* Host pointer to @iova; the rest of its 4 KiB page follows. */
static uint8_t *page_host(struct dma_user *user, uint64_t iova, unsigned access, int *err)
{
	struct dma_slot *slot = slot_of(user, iova / PAGE);
	uint64_t generation = atomic_load_explicit(&user->space->generation, memory_order_acquire);

	*err = 0;
	if (!hit(user, slot, iova / PAGE, access, generation)) {
		*err = fill(user, slot, iova, access);
		if (*err)
			return NULL;
	}
	return slot->host + iova % PAGE;
}

/* Without a translator nothing needs to be looked up: memory is contiguous as far as its region reaches. */
static uint8_t *direct_host(struct dma_user *user, uint64_t iova, uint64_t len, int *err)
{
	uint8_t *host = is_enabled(user->space) ? gmem_host(user->space->gmem, gpa(iova), len) : NULL;

	*err = host ? 0 : is_enabled(user->space) ? -EFAULT : -EPERM;
	return host;
}

static bool valid(uint64_t iova, uint64_t len)
{
	struct range r;

	return range_make(&r, iova, len);
}

void *dma_host(struct dma_user *user, uint64_t iova, uint32_t len, unsigned access, int *err)
{
	struct iovec iov;
	int ignored;

	if (!err)
		err = &ignored;
	*err = -EFAULT;
	if (!valid(iova, len))
		return NULL;
	if (!user->space->translator)
		return direct_host(user, iova, len, err);
	if (iova / PAGE == (iova + len - 1) / PAGE)
		return page_host(user, iova, access, err);
	*err = dma_map(user, iova, len, access, &iov, 1);
	if (*err == -E2BIG)
		*err = -EFAULT;
	if (*err < 0)
		return NULL;
	*err = 0;
	return iov.iov_base;
}

int dma_map(struct dma_user *user, uint64_t iova, uint64_t len, unsigned access, struct iovec *iov, unsigned max)
{
	unsigned n = 0;
	int err;

	if (!valid(iova, len))
		return -EFAULT;
	if (!user->space->translator) {
		uint8_t *host = direct_host(user, iova, len, &err);

		if (!host || max == 0)
			return host ? -E2BIG : err;
		iov[0] = (struct iovec){host, len};
		return 1;
	}
	while (len > 0) {
		uint64_t piece = PAGE - iova % PAGE;
		uint8_t *host = page_host(user, iova, access, &err);

		if (!host)
			return err;
		if (piece > len)
			piece = len;
		if (n > 0 && (uint8_t *)iov[n - 1].iov_base + iov[n - 1].iov_len == host) {
			iov[n - 1].iov_len += piece;
		} else {
			if (n == max)
				return -E2BIG;
			iov[n++] = (struct iovec){host, piece};
		}
		iova += piece;
		len -= piece;
	}
	return (int)n;
}

/* One piece at a time: what the copy needs is never more than the next page. */
static int copy(struct dma_user *user, uint64_t iova, uint8_t *buf, size_t len, unsigned access)
{
	if (len > 0 && !valid(iova, len))
		return -EFAULT;
	while (len > 0) {
		size_t piece = PAGE - iova % PAGE;
		struct iovec iov;

		if (piece > len)
			piece = len;
		int n = dma_map(user, iova, piece, access, &iov, 1);

		if (n < 0)
			return n;
		if (access & DMA_WRITE)
			memcpy(iov.iov_base, buf, piece);
		else
			memcpy(buf, iov.iov_base, piece);
		iova += piece;
		buf += piece;
		len -= piece;
	}
	return 0;
}

int dma_read(struct dma_user *user, uint64_t iova, void *buf, size_t len)
{
	int err = copy(user, iova, buf, len, DMA_READ);

	if (err)
		memset(buf, 0, len);
	return err;
}

int dma_write(struct dma_user *user, uint64_t iova, const void *buf, size_t len)
{
	return copy(user, iova, (uint8_t *)(uintptr_t)buf, len, DMA_WRITE);
}

/* Registers take accesses of their own size: the largest naturally aligned piece. */
static uint8_t register_piece(uint64_t pa, size_t len)
{
	uint8_t size = 8;

	while (pa % size != 0 || size > len)
		size /= 2;
	return size;
}

void dma_access_registers(struct dma_space *space, uint64_t pa, void *data, size_t len, unsigned access)
{
	uint8_t *buf = data;

	while (len > 0) {
		uint8_t size = register_piece(pa, len);
		uint64_t value = 0;

		memcpy(&value, buf, size);
		if (!(access & DMA_WRITE)) {
			bus_read(space->bus, pa, size, &value);
			memcpy(buf, &value, size);
		} else if (size != 4 || !space->message || !space->message(space->opaque, gpa(pa), (uint32_t)value)) {
			bus_write(space->bus, pa, size, value);
		}
		pa += size;
		buf += size;
		len -= size;
	}
}

static int copy_any(struct dma_user *user, uint64_t iova, uint8_t *buf, size_t len, unsigned access)
{
	struct dma_space *space = user->space;

	if (len > 0 && !valid(iova, len))
		return -EFAULT;
	while (len > 0) {
		size_t piece = PAGE - iova % PAGE;
		struct dma_target target;
		int err = walk(space, user->pasid, iova, access | user->mode, &target, NULL);

		if (err)
			return err;
		if (piece > len)
			piece = len;
		uint64_t pa = target.pa.v + (iova - target.iovas.first);
		uint8_t *host = gmem_host(space->gmem, gpa(pa), piece);

		if (!host)
			dma_access_registers(space, pa, buf, piece, access);
		else if (access & DMA_WRITE)
			memcpy(host, buf, piece);
		else
			memcpy(buf, host, piece);
		iova += piece;
		buf += piece;
		len -= piece;
	}
	return 0;
}

int dma_read_any(struct dma_user *user, uint64_t iova, void *buf, size_t len)
{
	bus_lock(user->space->bus);
	int err = copy_any(user, iova, buf, len, DMA_READ);

	bus_unlock(user->space->bus);
	if (err)
		memset(buf, 0, len);
	return err;
}

int dma_write_any(struct dma_user *user, uint64_t iova, const void *buf, size_t len)
{
	bus_lock(user->space->bus);
	int err = copy_any(user, iova, (uint8_t *)(uintptr_t)buf, len, DMA_WRITE);

	bus_unlock(user->space->bus);
	return err;
}
