/* SPDX-License-Identifier: Apache-2.0 */
/* The queues of the pretended iommufd: vEVENTQs, fed by tests byte by byte, and fault queues (eventq.c of the kernel).
 */
#include "fake_iommu_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* vEVENTQ */

static void veventq_close(struct fake_file *file)
{
	struct fake_obj *obj = file->state;

	close(obj->pipe_wr);
	obj->pipe_wr = -1;
	obj->users--;
}

static const struct fake_type veventq_type = {.close = veventq_close};

static struct fake_obj *veventq_below(const struct fake_obj *viommu)
{
	for (uint32_t i = 1; i < FAKE_MAX_OBJS; i++) {
		struct fake_obj *obj = fake_iommu_get(i, FAKE_VEVENTQ);

		if (obj && (!viommu || obj->parent == viommu))
			return obj;
	}
	return NULL;
}

int fake_veventq_alloc(struct iommu_veventq_alloc *arg)
{
	struct fake_obj *viommu = fake_iommu_get(arg->viommu_id, FAKE_VIOMMU), *obj;
	int fds[2];

	if (!viommu)
		return -ENOENT;
	if (arg->type != IOMMU_VEVENTQ_TYPE_ARM_SMMUV3)
		return -EOPNOTSUPP;
	if (!arg->veventq_depth || arg->veventq_depth > 1u << 19)
		return -EINVAL;
	if (veventq_below(viommu))
		return -EEXIST;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	obj = fake_iommu_make(FAKE_VEVENTQ, viommu, viommu->smmu);
	obj->pipe_wr = fds[1];
	obj->users = 1; /* the open queue */
	fake_track(fds[0], "vEVENTQ", &veventq_type, obj);
	arg->out_veventq_id = obj->id;
	arg->out_veventq_fd = (uint32_t)fds[0];
	return 0;
}

void fake_iommu_feed(const void *bytes, size_t len)
{
	struct fake_obj *obj = veventq_below(NULL);

	if (obj && write(obj->pipe_wr, bytes, len) != (ssize_t)len)
		abort();
}

/* Fault queue */

#define MAX_GROUPS 8192u

enum group_state {
	GROUP_FREE,
	GROUP_DELIVER, /* waits to be read */
	GROUP_RESPONSE /* was read, waits for its answer */
};

struct group {
	enum group_state state;
	struct fake_obj *queue, *dev;
	struct fake_fault fault;
	uint64_t order; /* in which groups are read */
	uint32_t cookie;
};

struct fake_faults_seen fake_faults_seen;
static struct group groups[MAX_GROUPS];
static unsigned group_top; /* groups[] from here on have never been used */
static uint64_t group_order;

void fake_faults_reset(void)
{
	memset(groups, 0, sizeof(groups));
	memset(&fake_faults_seen, 0, sizeof(fake_faults_seen));
	group_top = 0;
	group_order = 0;
}

static struct group *oldest(const struct fake_obj *queue)
{
	struct group *found = NULL;

	for (unsigned i = 0; i < group_top; i++)
		if (groups[i].state == GROUP_DELIVER && groups[i].queue == queue &&
		    (!found || groups[i].order < found->order))
			found = &groups[i];
	return found;
}

static struct group *by_cookie(const struct fake_obj *queue, uint32_t cookie)
{
	for (unsigned i = 0; i < group_top; i++)
		if (groups[i].state == GROUP_RESPONSE && groups[i].queue == queue && groups[i].cookie == cookie)
			return &groups[i];
	return NULL;
}

static void answered(struct group *g, unsigned *counter)
{
	fake_faults_seen.unread -= g->state == GROUP_DELIVER;
	fake_faults_seen.open--;
	fake_faults_seen.answers[g->fault.tag]++;
	(*counter)++;
	g->state = GROUP_FREE;
}

bool fake_fault_raise(struct fake_obj *dev, const struct fake_obj *to, const struct fake_fault *fault)
{
	struct group *g = groups;

	if (!dev->stalls || fault->tag >= FAKE_MAX_FAULTS) {
		fprintf(stderr, "fake iommufd: %s\n", dev->stalls ? "too many faults" : "a device stalls that cannot");
		abort();
	}
	if (!to || !to->fault)
		return false;
	while (g < &groups[MAX_GROUPS] && g->state != GROUP_FREE)
		g++;
	if (g == &groups[MAX_GROUPS])
		abort();
	if (g >= &groups[group_top])
		group_top = (unsigned)(g - groups) + 1;
	*g = (struct group){GROUP_DELIVER, to->fault, dev, *fault, group_order++, 0};
	fake_faults_seen.open++;
	fake_faults_seen.unread++;
	return eventfd_write(to->fault->fd, 1) == 0;
}

void fake_fault_detach(const struct fake_obj *dev)
{
	for (unsigned i = 0; i < group_top; i++)
		if (groups[i].state != GROUP_FREE && groups[i].dev == dev)
			answered(&groups[i], &fake_faults_seen.autos);
}

static void write_records(const struct group *g, struct iommu_hwpt_pgfault *out, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		out[i] = (struct iommu_hwpt_pgfault){
			.flags = g->fault.flags | (i == n - 1 ? IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0u),
			.dev_id = g->dev->id,
			.pasid = g->fault.pasid,
			.grpid = g->fault.grpid,
			.perm = g->fault.perm,
			.addr = g->fault.addr + i * UINT64_C(4096),
			.cookie = g->cookie,
		};
}

static ssize_t fault_read(struct fake_file *file, void *buf, size_t len)
{
	struct iommu_hwpt_pgfault *out = buf;
	size_t room = len / sizeof(*out), done = 0;
	struct group *g;
	eventfd_t value;

	if (len % sizeof(*out))
		return -ESPIPE;
	while ((g = oldest(file->state))) {
		unsigned n = g->fault.n ? g->fault.n : 1;

		if (n > room - done)
			return done ? (ssize_t)(done * sizeof(*out)) : -EINVAL;
		for (g->cookie = 1; by_cookie(file->state, g->cookie);) /* xa_alloc(): the lowest that is free */
			g->cookie++;
		g->state = GROUP_RESPONSE;
		fake_faults_seen.unread--;
		write_records(g, out + done, n);
		done += n;
	}
	eventfd_read(file->fd, &value); /* nothing waits any more */
	return (ssize_t)(done * sizeof(*out));
}

static ssize_t fault_write(struct fake_file *file, const void *buf, size_t len)
{
	const struct iommu_hwpt_page_response *in = buf;
	size_t n = len / sizeof(*in), done;

	if (len % sizeof(*in))
		return -ESPIPE;
	for (done = 0; done < n; done++) {
		struct group *g = by_cookie(file->state, in[done].cookie);
		bool success = in[done].code == IOMMUFD_PAGE_RESP_SUCCESS;

		if (!g || (!success && in[done].code != IOMMUFD_PAGE_RESP_INVALID)) {
			fake_faults_seen.unknown++;
			return done ? (ssize_t)(done * sizeof(*in)) : -EINVAL;
		}
		answered(g, success ? &fake_faults_seen.retried : &fake_faults_seen.invalid);
	}
	return (ssize_t)len;
}

static void fault_close(struct fake_file *file)
{
	struct fake_obj *obj = file->state;

	obj->fd = -1;
	obj->users--;
}

static const struct fake_type fault_type = {.read = fault_read, .write = fault_write, .close = fault_close};

int fake_fault_alloc(struct iommu_fault_alloc *arg)
{
	struct fake_obj *obj = fake_iommu_make(FAKE_FAULT, NULL, NULL);

	obj->fd = fake_fd(&fault_type, obj);
	obj->users = 1; /* the open queue */
	arg->out_fault_id = obj->id;
	arg->out_fault_fd = (uint32_t)obj->fd;
	return 0;
}
