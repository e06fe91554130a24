/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an assigned device. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "assign_priv.h"
#include "log.h"
#include "sys.h"

static void assigned_function_destroy(struct pci_function *fn)
{
	assigned_destroy(assigned_of(fn));
}

static const struct pci_function_ops assigned_ops = {
	.cfg_read = assign_cfg_read,
	.cfg_write = assign_cfg_write,
	.command = assign_command,
	.bar_map = assign_bar_map,
	.bar_unmap = assign_bar_unmap,
	.bar_access = assign_bar_access,
	.irq_changed = assign_irq_reconcile,
	.reset = assign_reset,
	.destroy = assigned_function_destroy,
};

static int find_config(struct assigned *a)
{
	int err = vfio_get_region(a->host.fd, VFIO_PCI_CONFIG_REGION_INDEX, &a->config);

	if (!err && a->config.size < PCI_CFG_SPACE_SIZE) {
		a->config.size = 0;
		err = -EINVAL;
	}
	if (err)
		return log_fail(err, "%s: VFIO shows no configuration space: %s", a->fn.name, strerror(-err));
	if (a->config.size > PCI_CFG_SIZE)
		a->config.size = PCI_CFG_SIZE;
	return 0;
}

/* Config space as the device shows it after reset, for the decisions of assign_cfg_build(). */
static int read_snapshot(struct assigned *a)
{
	ssize_t n = sys_pread(a->host.fd, a->snapshot, a->config.size, (off_t)a->config.offset);
	int err;

	if (n == (ssize_t)a->config.size)
		return 0;
	err = n < 0 ? -errno : -EIO;
	memset(a->snapshot, 0, sizeof(a->snapshot));
	return log_fail(err, "%s: cannot read its configuration space: %s", a->fn.name, strerror(-err));
}

static int open_device(struct assigned *a, const struct assign_config *config)
{
	int err = host_dev_open(&a->host, config->bdf, config->iommufd);

	if (err)
		return err;
	if (config->gate) {
		a->gate.config = *config->gate;
		a->gate.guarded = true;
		err = host_dev_block(&a->host); /* before anything can be attached */
		if (err)
			return err;
	}
	pci_function_init(&a->fn, a->host.bdf, &assigned_ops);
	err = vfio_get_info(a->host.fd, &a->can_reset);
	if (err)
		return log_fail(err, "%s: VFIO does not describe it as a PCI device: %s", a->host.bdf, strerror(-err));
	return 0;
}

static int build(struct assigned *a)
{
	int err = find_config(a);

	if (err)
		return err;
	if (!a->can_reset)
		log_warn("%s: has no function reset; what one guest left in it, the next one finds", a->fn.name);
	err = assign_quiet(a);
	if (!err)
		err = read_snapshot(a);
	if (!err)
		err = assign_irq_init(a);
	if (!err)
		err = assign_cfg_build(a);
	if (!err)
		err = assign_bars_mmap(a);
	if (!err)
		err = assign_doorbell_init(a);
	return err ? err : assign_events_init(a);
}

int assigned_create(struct assigned **out, struct vm *vm, const struct assign_config *config)
{
	struct assigned *a = calloc(1, sizeof(*a));
	int err;

	*out = NULL;
	if (!a)
		return log_fail(-ENOMEM, "cannot assign %s: out of memory", config->bdf);
	a->vm = vm;
	a->translated = config->translated;
	a->nested = config->nested;
	a->page = (uint64_t)sysconf(_SC_PAGESIZE);
	a->host.fd = a->err_fd = a->req_fd = a->irq.trigger = a->irq.resample = -1;
	a->irq.active = ASSIGN_IRQ_NONE;
	err = open_device(a, config);
	if (!err)
		err = build(a);
	if (err) {
		assigned_destroy(a);
		return err;
	}
	*out = a;
	return 0;
}

/* Whatever state the guest left the device in, the host gets it quiet, and closing it resets it. */
void assigned_destroy(struct assigned *dev)
{
	if (!dev)
		return;
	if (dev->fn.ops) {
		assign_bars_munmap(dev);
		assign_irq_shutdown(dev);
		assign_doorbell_fini(dev);
		assign_events_fini(dev);
		if (dev->config.size)
			assign_quiet(dev);
		assign_irq_fini(dev);
		pci_function_fini(&dev->fn);
	}
	host_dev_close(&dev->host);
	free(dev);
}

void assigned_stop(struct assigned *dev)
{
	assign_quiet(dev);
}

struct pci_function *assigned_function(struct assigned *dev)
{
	return &dev->fn;
}

struct host_dev *assigned_host_dev(struct assigned *dev)
{
	return &dev->host;
}
