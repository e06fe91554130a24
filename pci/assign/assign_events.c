/* SPDX-License-Identifier: Apache-2.0 */
/* What VFIO has to say about the device itself: uncorrectable errors (ERR), and the host wanting it back (REQ). */
#include <errno.h>
#include <string.h>

#include "assign_priv.h"
#include "bits.h"
#include "fd.h"
#include "log.h"
#include "vm.h"

static void on_error(struct loop_source *src)
{
	struct assigned *a = container_of(src, struct assigned, err);

	fd_drain(src->fd);
	log_error(
		"%s: the device has reported an uncorrectable PCIe error; the guest is not told yet, and its driver may "
		"hang or time out; look at the host's kernel log, and reset the guest or shut it down",
		a->fn.name);
}

static void on_request(struct loop_source *src)
{
	struct assigned *a = container_of(src, struct assigned, req);

	fd_drain(src->fd);
	log_warn(
		"%s: the host asks for the device back (unbind or unplug) and waits until it is released; shut the guest "
		"down",
		a->fn.name);
}

static int watch(struct assigned *a, uint32_t index, struct loop_source *src, int *fd, loop_handler handler)
{
	struct vfio_irqs irqs;
	int32_t eventfd;
	int err = vfio_get_irqs(a->host.fd, index, &irqs);

	/* Both are optional: ERR exists for PCIe devices only. */
	if (err || !irqs.count || !irqs.eventfd)
		return 0;
	*fd = fd_eventfd();
	if (*fd < 0)
		return *fd;
	err = loop_add(a->vm->loop, src, *fd, handler);
	if (err)
		return err;
	eventfd = *fd;
	err = vfio_set_trigger(a->host.fd, index, 0, &eventfd, 1);
	return err ? log_fail(err, "%s: cannot watch for its errors and release requests: %s", a->fn.name,
			      strerror(-err))
		   : 0;
}

int assign_events_init(struct assigned *a)
{
	int err = watch(a, VFIO_PCI_ERR_IRQ_INDEX, &a->err, &a->err_fd, on_error);

	return err ? err : watch(a, VFIO_PCI_REQ_IRQ_INDEX, &a->req, &a->req_fd, on_request);
}

void assign_events_fini(struct assigned *a)
{
	loop_del(a->vm->loop, &a->err);
	loop_del(a->vm->loop, &a->req);
	fd_close(&a->err_fd); /* VFIO lets go of both when the device is closed */
	fd_close(&a->req_fd);
}
