/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page faults of devices whose transactions the host's SMMU stalls. The kernel hands them over in groups, each with a
 * cookie, and resumes the transaction when the cookie is answered (drivers/iommu/iommufd/eventq.c). Who answers is
 * never in doubt: a group that was read is in the table until nested_answer(), its deadline, or the end of the
 * attachment that it came from, at which the kernel answers it "invalid" itself (iommufd_auto_response_faults()). The
 * kernel uses a cookie again once it is answered, so cookies never leave this file.
 */
#include "nested_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "bits.h"
#include "fd.h"
#include "host_ioctl.h"
#include "host_priv.h"
#include "log.h"
#include "smmu_host_regs.h"
#include "stats.h"
#include "sys.h"

/* Page requests of the largest group that is read at all, so that it can be answered. */
#define LARGEST_GROUP 4096u

#define PAGE_BITS    12u
#define NSEC_PER_SEC UINT64_C(1000000000)

#define HANDLE_INDEX	  MASK32(9, 0)
#define HANDLE_GENERATION MASK32(31, 10)

_Static_assert(NESTED_MAX_FAULTS == HANDLE_INDEX + 1, "a handle is an index and a generation");

bool nested_host_stalls(uint32_t idr0, bool marked)
{
	switch (field_get32(HOST_IDR0_STALL_MODEL, idr0)) {
	case HOST_STALL_MODEL_BOTH:
		return marked;
	case HOST_STALL_MODEL_FORCE:
		return true;
	default:
		return false;
	}
}

int nested_faults_create(struct nested *nested)
{
	struct nested_faults *f = calloc(1, sizeof(*f));
	struct iommu_obj *obj;
	uint32_t id;
	int err;

	if (!f)
		return log_fail(-ENOMEM, "cannot make a fault queue on %s: out of memory", nested->iommu);
	nested->faults = f;
	f->fd = f->timer_fd = -1;
	obj = iommu_obj_prepare(nested->iommufd, IOMMU_FAULT, NULL);
	if (!obj)
		return -ENOMEM;
	err = ioc_fault_alloc(nested->iommufd->fd, &id, &f->fd);
	if (err) {
		free(obj);
		return log_fail(err, "cannot make a fault queue on %s: %s", nested->iommu, strerror(-err));
	}
	iommu_obj_publish(obj, id);
	f->queue = obj;
	f->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (f->timer_fd < 0)
		return log_fail(-errno, "cannot make a fault queue on %s: no timer: %s", nested->iommu,
				strerror(errno));
	return 0;
}

void nested_faults_destroy(struct nested *nested)
{
	struct nested_faults *f = nested->faults;

	if (!f)
		return;
	nested->faults = NULL;
	if (f->nr)
		log_error("internal error: %u page faults of %s are still open", f->nr, nested->iommu);
	fd_close(&f->fd); /* the open queue holds the object */
	if (f->timer_fd >= 0)
		close(f->timer_fd);
	iommu_obj_destroy(&f->queue);
	free(f);
}

int nested_fault_fd(const struct nested *nested)
{
	return nested->faults ? nested->faults->fd : -1;
}

int nested_timer_fd(const struct nested *nested)
{
	return nested->faults ? nested->faults->timer_fd : -1;
}

unsigned nested_pending(const struct nested *nested)
{
	return nested->faults ? nested->faults->nr : 0;
}

/* 0: the kernel had the group, or has answered it itself meanwhile. */
static int respond(struct nested *nested, uint32_t cookie, bool retry)
{
	const struct iommu_hwpt_page_response response = {
		.cookie = cookie,
		.code = retry ? IOMMUFD_PAGE_RESP_SUCCESS : IOMMUFD_PAGE_RESP_INVALID,
	};
	ssize_t n;

	do {
		n = sys_write(nested->faults->fd, &response, sizeof(response));
	} while (n < 0 && errno == EINTR);
	if (n == sizeof(response))
		return 0;
	if (n < 0 && errno == EINVAL)
		return 0;
	return log_fail(n < 0 ? -errno : -EIO, "cannot answer a page fault of %s: %s", nested->iommu,
			n < 0 ? strerror(errno) : "the host took less than one answer");
}

/* A group that nobody will answer. */
static void turn_away(struct nested *nested, uint32_t cookie)
{
	stats_inc(&stats.host_faults_turned_away);
	respond(nested, cookie, false);
}

static struct nested_dev *find_device(const struct nested *nested, uint32_t devid)
{
	struct nested_dev *d = nested->devices;

	while (d && d->dev->devid != devid)
		d = d->next;
	return d;
}

uint64_t nested_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* For the oldest group, which may have been answered when it fires. */
static void arm_timer(struct nested_faults *f, uint64_t now)
{
	uint64_t oldest = UINT64_MAX;
	struct itimerspec in = {0};

	for (uint32_t i = 0; i < NESTED_MAX_FAULTS; i++)
		if (f->table[i].dev && f->table[i].deadline < oldest)
			oldest = f->table[i].deadline;
	if (oldest == UINT64_MAX)
		return;
	oldest = oldest > now ? oldest - now : 1; /* 0 would disarm */
	in.it_value.tv_sec = (time_t)(oldest / NSEC_PER_SEC);
	in.it_value.tv_nsec = (long)(oldest % NSEC_PER_SEC);
	timerfd_settime(f->timer_fd, 0, &in, NULL);
}

/* A free place; NULL: none. */
static struct nested_pending *take_place(struct nested_faults *f, uint32_t *handle)
{
	for (unsigned i = 0; i < NESTED_MAX_FAULTS; i++) {
		uint32_t index = (f->next + i) % NESTED_MAX_FAULTS;
		struct nested_pending *p = &f->table[index];

		if (p->dev)
			continue;
		f->next = (index + 1) % NESTED_MAX_FAULTS;
		p->generation = p->generation >= field_get32(HANDLE_GENERATION, UINT32_MAX) ? 1 : p->generation + 1;
		*handle = field_prep32(HANDLE_GENERATION, p->generation) | index;
		return p;
	}
	return NULL;
}

static void drop(struct nested_faults *f, struct nested_pending *p)
{
	p->dev = NULL;
	f->nr--;
}

/*
 * A fault of stage 2 cannot be told from one of stage 1 here (arm_smmu_handle_event() drops the mark), and the guest
 * would answer it with "retry" for ever: its table maps the page, to an address at which the host has nothing. It has
 * no reason then to take the page out of TLBs, as it has when one page is lent to the device again and again.
 */
static bool hopeless(struct nested_dev *dev, const struct iommu_hwpt_pgfault *raw)
{
	uint64_t page = raw->addr >> PAGE_BITS;

	if (dev->same_faults == 0 || dev->fault_page != page || dev->fault_pasid != raw->pasid) {
		dev->fault_page = page;
		dev->fault_pasid = raw->pasid;
		dev->same_faults = 1;
		return false;
	}
	if (dev->same_faults++ < NESTED_SAME_PAGE)
		return false;
	dev->same_faults = 0;
	log_guest("%s: the page at 0x%" PRIx64 " faults for ever, whatever the guest does; its table may lead to where "
		  "the guest has no memory; the access fails",
		  dev->dev->bdf, page << PAGE_BITS);
	return true;
}

/* What a command of the guest takes out of TLBs: @page of any ASID, or everything. */
static bool takes_away(const uint64_t cmd[2], uint64_t page)
{
	uint64_t op = field_get(HOST_CMD0_OP, cmd[0]), tg = field_get(HOST_CMD1_TG, cmd[1]);
	uint64_t first = field_get(HOST_CMD1_VA, cmd[1]), pages = 1;

	if (op < HOST_CMD_TLBI_FIRST || op > HOST_CMD_TLBI_LAST)
		return false;
	if (op != HOST_CMD_NH_VA && op != HOST_CMD_NH_VAA)
		return true;
	/* 4.4.1.1 */
	if (tg != 0)
		pages = ((field_get(HOST_CMD0_NUM, cmd[0]) + 1) << field_get(HOST_CMD0_SCALE, cmd[0])) << 2 * (tg - 1);
	return page - first < pages;
}

/* A page that the guest has taken away in between faults anew, and for a reason. */
void nested_faults_invalidated(struct nested *nested, const uint64_t (*cmds)[2], uint32_t n)
{
	for (struct nested_dev *d = nested->devices; d; d = d->next)
		for (uint32_t i = 0; d->same_faults && i < n; i++)
			if (takes_away(cmds[i], d->fault_page))
				d->same_faults = 0;
}

/* The place of the group of @raw, a new one when it begins a group; 0: turned away. */
static uint32_t hold(struct nested *nested, const struct iommu_hwpt_pgfault *raw, struct nested_dev *dev)
{
	struct nested_faults *f = nested->faults;
	struct nested_pending *p;
	uint32_t handle = 0;

	p = dev && !hopeless(dev, raw) ? take_place(f, &handle) : NULL;
	stats_inc(&stats.host_faults);
	if (!p) {
		turn_away(nested, raw->cookie);
		return 0;
	}
	p->dev = dev;
	p->cookie = raw->cookie;
	p->deadline = nested_now() + NESTED_FAULT_SECONDS * NSEC_PER_SEC;
	if (f->nr++ == 0)
		arm_timer(f, nested_now());
	return handle;
}

unsigned nested_take_faults(struct nested *nested, const struct iommu_hwpt_pgfault *raw, unsigned n,
			    struct nested_fault *faults)
{
	uint32_t handle = 0;
	unsigned out = 0;
	bool begins = true;

	for (unsigned i = 0; i < n; i++) {
		struct nested_dev *dev = find_device(nested, raw[i].dev_id);

		begins |= i > 0 && raw[i].cookie != raw[i - 1].cookie;
		if (begins)
			handle = hold(nested, &raw[i], dev);
		begins = raw[i].flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE;
		if (!handle || !dev)
			continue;
		faults[out++] = (struct nested_fault){
			.dev = dev,
			.handle = handle,
			.pasid = raw[i].flags & IOMMU_PGFAULT_FLAGS_PASID_VALID ? raw[i].pasid : NESTED_NO_PASID,
			.group = raw[i].grpid,
			.addr = raw[i].addr,
			.last = begins,
			.read = raw[i].perm & IOMMU_PGFAULT_PERM_READ,
			.write = raw[i].perm & IOMMU_PGFAULT_PERM_WRITE,
			.exec = raw[i].perm & IOMMU_PGFAULT_PERM_EXEC,
			.priv = raw[i].perm & IOMMU_PGFAULT_PERM_PRIV,
		};
	}
	return out;
}

/* Reads as many whole groups as fit into @max records. Returns the number of records, or -errno, not logged. */
static int read_records(struct nested *nested, struct iommu_hwpt_pgfault *raw, size_t max)
{
	ssize_t len;

	do {
		len = sys_read(nested->faults->fd, raw, max * sizeof(*raw));
	} while (len < 0 && errno == EINTR);
	return len < 0 ? -errno : (int)((size_t)len / sizeof(*raw));
}

/* The first group that waits is larger than a batch. No SMMUv3 makes such; it is read and turned away, so that it does
 * not stand before the others for ever. */
static int skip_large_group(struct nested *nested)
{
	struct iommu_hwpt_pgfault *raw = calloc(LARGEST_GROUP, sizeof(*raw));
	int n;

	if (!raw)
		return log_fail(-ENOMEM, "cannot read the page faults of %s: out of memory", nested->iommu);
	n = read_records(nested, raw, LARGEST_GROUP);
	for (int i = 0; i < n; i++) {
		if (i > 0 && raw[i].cookie == raw[i - 1].cookie)
			continue;
		stats_inc(&stats.host_faults);
		turn_away(nested, raw[i].cookie);
	}
	free(raw);
	if (n < 0)
		return log_fail(n, "cannot read the page faults of %s: a group of more than %u page requests: %s",
				nested->iommu, LARGEST_GROUP, strerror(-n));
	return 0;
}

int nested_read_faults(struct nested *nested, struct nested_fault faults[NESTED_FAULT_BATCH])
{
	struct iommu_hwpt_pgfault raw[NESTED_FAULT_BATCH];
	int n = read_records(nested, raw, NESTED_FAULT_BATCH);

	if (n == -EAGAIN)
		return 0;
	if (n == -EINVAL)
		return skip_large_group(nested);
	if (n < 0)
		return log_fail(n, "cannot read the page faults of %s: %s", nested->iommu, strerror(-n));
	return (int)nested_take_faults(nested, raw, (unsigned)n, faults);
}

bool nested_is_open(const struct nested *nested, const struct nested_dev *dev, uint32_t handle)
{
	const struct nested_faults *f = nested->faults;
	const struct nested_pending *p = f ? &f->table[handle & HANDLE_INDEX] : NULL;

	return p && p->dev == dev && p->generation == field_get32(HANDLE_GENERATION, handle);
}

int nested_answer(struct nested_dev *dev, uint32_t handle, bool retry)
{
	struct nested_faults *f = dev->nested->faults;
	struct nested_pending *p;

	if (!nested_is_open(dev->nested, dev, handle))
		return -ENOENT;
	p = &f->table[handle & HANDLE_INDEX];
	drop(f, p);
	stats_inc(retry ? &stats.host_faults_retried : &stats.host_faults_refused);
	return respond(dev->nested, p->cookie, retry);
}

void nested_kick(struct nested *nested)
{
	timerfd_settime(nested->faults->timer_fd, 0, &(struct itimerspec){.it_value.tv_nsec = 1}, NULL);
}

unsigned nested_expire(struct nested *nested, uint64_t now, struct nested_fault gone[NESTED_FAULT_BATCH])
{
	struct nested_faults *f = nested->faults;
	uint64_t expirations;
	unsigned n = 0;

	/* Only says that time has passed. */
	if (read(f->timer_fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		log_warn("cannot read the timer of the page faults of %s: %s", nested->iommu, strerror(errno));
	for (uint32_t i = 0; i < NESTED_MAX_FAULTS && n < NESTED_FAULT_BATCH; i++) {
		struct nested_pending *p = &f->table[i];

		if (!p->dev || p->deadline > now)
			continue;
		gone[n++] = (struct nested_fault){
			.dev = p->dev,
			.handle = field_prep32(HANDLE_GENERATION, p->generation) | i,
			.last = true,
		};
		log_guest("%s: a page fault has not been answered for %u s; its access fails", p->dev->dev->bdf,
			  NESTED_FAULT_SECONDS);
		drop(f, p);
		stats_inc(&stats.host_faults_expired);
		respond(nested, p->cookie, false);
	}
	arm_timer(f, now);
	return n;
}

void nested_faults_refuse(struct nested_dev *dev)
{
	struct nested_faults *f = dev->nested->faults;

	for (uint32_t i = 0; f && f->nr && i < NESTED_MAX_FAULTS; i++) {
		struct nested_pending *p = &f->table[i];

		if (p->dev != dev)
			continue;
		drop(f, p);
		stats_inc(&stats.host_faults_withdrawn);
		respond(dev->nested, p->cookie, false);
	}
}

void nested_faults_withdraw(struct nested_dev *dev)
{
	struct nested_faults *f = dev->nested->faults;

	for (uint32_t i = 0; f && f->nr && i < NESTED_MAX_FAULTS; i++)
		if (f->table[i].dev == dev) {
			drop(f, &f->table[i]);
			stats_inc(&stats.host_faults_withdrawn);
		}
}
