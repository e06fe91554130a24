/* SPDX-License-Identifier: Apache-2.0 */
/* How a device that has to prove itself is reached, and what of it is opened. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attest_function.h"
#include "attest_tsm.h"
#include "bits.h"
#include "fd.h"
#include "log.h"
#include "machine_trust.h"

_Static_assert(TDISP_NR_BARS == PCI_NR_BARS && HOST_NR_BARS == PCI_NR_BARS, "BARs are BARs");

/* ---- Emulated devices: their configuration space is at hand ---- */

static int function_read(void *opaque, uint16_t offset, uint32_t *value)
{
	struct machine_trust *t = opaque;

	bus_lock(&t->m->vm.bus);
	*value = pci_function_cfg_read(t->ep->fn, offset, 4);
	bus_unlock(&t->m->vm.bus);
	return 0;
}

static int function_write(void *opaque, uint16_t offset, uint32_t value)
{
	struct machine_trust *t = opaque;

	bus_lock(&t->m->vm.bus);
	pci_function_cfg_write(t->ep->fn, offset, 4, value);
	bus_unlock(&t->m->vm.bus);
	return 0;
}

static void function_sleep(void *opaque, unsigned us)
{
	usleep(us);
}

static const struct doe_cfg_ops function_ops = {
	.read = function_read,
	.write = function_write,
	.sleep = function_sleep,
};

/* Where BARs of emulated functions are is the guest's choice, also while nothing is there yet: offsets are reported. */
static int reach_emulated(struct machine_trust *t)
{
	int err = doe_open_spdm(&t->mailbox, &function_ops, t, t->name, 0);

	pci_endpoint_of(t->ep->fn)->gate = &t->gate;
	if (err == -ENODEV)
		return log_fail(err, "%s: has no mailbox that speaks SPDM: it cannot prove anything", t->name);
	return err < 0 ? err : attest_read_function(&function_ops, t, t->name, &t->id, &t->ide_capability);
}

/* ---- Devices of the host ---- */

/* The kernel's VFIO hides the mailbox's capability from the list, not its registers; sysfs knows where they are. */
static int find_mailbox(struct machine_trust *t)
{
	struct doe_cfg_fd sysfs = {.name = t->name};
	int err = doe_open_spdm(&t->mailbox, &doe_cfg_fd_ops, &t->cfg, t->name, 0);

	if (err == 0)
		return attest_read_function(&doe_cfg_fd_ops, &t->cfg, t->name, &t->id, &t->ide_capability);
	if (err != -ENODEV)
		return err;
	sysfs.fd = doe_cfg_open_sysfs(t->ep->config->assign);
	if (sysfs.fd < 0)
		return sysfs.fd;
	err = doe_open_spdm(&t->mailbox, &doe_cfg_fd_ops, &sysfs, t->name, 0);
	if (err == 0)
		err = attest_read_function(&doe_cfg_fd_ops, &sysfs, t->name, &t->id, &t->ide_capability);
	fd_close(&sysfs.fd);
	return err;
}

static int reach_assigned(struct machine_trust *t)
{
	struct host_bar bars[HOST_NR_BARS];
	int err;

	t->cfg = (struct doe_cfg_fd){.name = t->name};
	t->cfg.fd = assigned_config_fd(t->ep->assigned, &t->cfg.base);
	err = tsm_must_be_free(t->ep->config->assign, t->name);
	if (err == 0)
		err = find_mailbox(t);
	if (err == -ENODEV)
		return log_fail(
			err,
			"%s: has no mailbox that speaks SPDM: it cannot prove anything; leave \"trust\" out only "
			"if you trust it as it is",
			t->name);
	if (err == 0)
		err = doe_mailbox_init(&t->mailbox, &doe_cfg_fd_ops, &t->cfg, t->name, t->mailbox.offset);
	if (err < 0)
		return err;
	err = host_dev_bars(t->ep->config->assign, bars);
	if (err < 0)
		return log_fail(err, "%s: the host does not tell where its BARs are: %s", t->name, strerror(-err));
	for (unsigned i = 0; i < PCI_NR_BARS; i++)
		if (bars[i].memory)
			t->bars[i] = (struct tdisp_bar){bars[i].addr, bars[i].size};
	return 0;
}

int trust_reach(struct machine_trust *t)
{
	t->link = (struct attest_link){.name = t->name, .mb = &t->mailbox, .fd = -1};
	return t->ep->assigned ? reach_assigned(t) : reach_emulated(t);
}

/* The id that the device itself knows: of the host's bus. "0000:01:00.0" has been checked. */
uint16_t trust_rid(const struct machine_trust *t)
{
	unsigned domain, bus, device, function;

	if (!t->ep->assigned || sscanf(t->ep->config->assign, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
		return pci_function_rid(t->ep->fn);
	return (uint16_t)(bus << 8 | device << 3 | function);
}

static bool locks(const struct machine_trust *t)
{
	return t->config->requires & ATTEST_TDISP;
}

int trust_hold(struct machine_trust *t)
{
	int err;

	if (!locks(t) || !t->ep->assigned)
		return 0;
	bus_lock(&t->m->vm.bus);
	err = assigned_hold(t->ep->assigned);
	bus_unlock(&t->m->vm.bus);
	return err;
}

/* The reported ranges, checked against the BARs already, as offsets in them. */
static unsigned reported(const struct machine_trust *t, struct assign_range out[ASSIGN_MAX_RANGES])
{
	const struct tdisp_report *report = attest_report(t->attest);
	unsigned n = 0;

	for (unsigned i = 0; report && i < report->nr_ranges && n < ASSIGN_MAX_RANGES; i++) {
		const struct tdisp_range *r = &report->ranges[i];
		struct range bytes;

		if (r->id >= PCI_NR_BARS || !tdisp_range_bytes(r, 0, &bytes))
			continue;
		out[n].bar = r->id;
		out[n].range.first = bytes.first - t->bars[r->id].addr;
		out[n++].range.last = bytes.last - t->bars[r->id].addr;
	}
	return n;
}

/* The device lock is held. */
static unsigned resets(const struct machine_trust *t)
{
	return t->ep->assigned ? assigned_resets(t->ep->assigned) : pci_endpoint_of(t->ep->fn)->resets;
}

unsigned trust_resets(const struct machine_trust *t)
{
	unsigned n;

	bus_lock(&t->m->vm.bus);
	n = resets(t);
	bus_unlock(&t->m->vm.bus);
	return n;
}

int trust_open(struct machine_trust *t)
{
	struct assign_range ranges[ASSIGN_MAX_RANGES];
	unsigned n = locks(t) ? reported(t, ranges) : 0;
	int err = 0;

	bus_lock(&t->m->vm.bus);
	if (resets(t) != t->resets)
		err = -ESTALE;
	else if (t->ep->assigned)
		err = assigned_open(t->ep->assigned, locks(t) ? ranges : NULL, n, locks(t));
	else
		pci_endpoint_gate(pci_endpoint_of(t->ep->fn), false);
	bus_unlock(&t->m->vm.bus);
	return err;
}

void trust_close(struct machine_trust *t)
{
	bus_lock(&t->m->vm.bus);
	if (t->ep->assigned)
		assigned_close(t->ep->assigned);
	else
		pci_endpoint_gate(pci_endpoint_of(t->ep->fn), true);
	bus_unlock(&t->m->vm.bus);
}

bool trust_is_open(const struct machine_trust *t)
{
	bool open;

	bus_lock(&t->m->vm.bus);
	open = t->ep->assigned ? assigned_is_open(t->ep->assigned) : !pci_endpoint_of(t->ep->fn)->gated;
	bus_unlock(&t->m->vm.bus);
	return open;
}
