/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a device that has to prove itself is reached: its mailbox in config space, its identity, its BARs. Waiting for it
 * ends when nobody wants the answer any more: whoever asks on the main thread listens for signals meanwhile, and
 * trust_cancel() ends a wait from any thread.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attest_function.h"
#include "attest_tsm.h"
#include "bits.h"
#include "fd.h"
#include "log.h"
#include "machine_trust.h"

_Static_assert(TDISP_NR_BARS == PCI_NR_BARS && HOST_NR_BARS == PCI_NR_BARS, "BARs are BARs");

/* ---- Waiting ---- */

bool trust_cancel(struct machine_trust *t)
{
	bool was = atomic_exchange(&t->cancelled, true);

	fd_signal(t->cancel_fd);
	return was;
}

void trust_resume(struct machine_trust *t)
{
	fd_drain(t->cancel_fd);
	atomic_store(&t->cancelled, false);
}

/* Waits, or less long when it is cancelled. True: it is. */
static bool rest(struct machine_trust *t, uint64_t us)
{
	struct pollfd p[] = {{.fd = t->cancel_fd, .events = POLLIN},
			     {.fd = t->on_main ? t->m->signals.fd : -1, .events = POLLIN}};
	const struct timespec time = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};

	if (ppoll(p, ARRAY_LEN(p), &time, NULL) > 0 && p[1].revents && machine_hear_signal(t->m))
		trust_cancel(t);
	return atomic_load(&t->cancelled);
}

static void wait_us(void *opaque, uint64_t us)
{
	rest(opaque, us);
}

static int exchange(void *opaque, bool *secured, const uint8_t *req, size_t req_len, uint8_t *rsp, size_t cap,
		    size_t *len, unsigned timeout_ms)
{
	struct machine_trust *t = opaque;
	const struct spdm_transport link = attest_link_transport(&t->link);

	if (rest(t, 0))
		return -ECANCELED;
	return link.exchange(link.ctx, secured, req, req_len, rsp, cap, len, timeout_ms);
}

struct spdm_transport trust_transport(struct machine_trust *t)
{
	return (struct spdm_transport){.ctx = t, .exchange = exchange, .wait_us = wait_us};
}

/* ---- Config space ---- */

static int cfg_read(void *opaque, uint16_t offset, uint32_t *value)
{
	struct machine_trust *t = opaque;

	if (atomic_load(&t->cancelled))
		return -ECANCELED;
	if (t->ep->assigned)
		return doe_cfg_fd_ops.read(&t->cfg, offset, value);
	bus_lock(&t->m->vm.bus);
	*value = pci_function_cfg_read(t->ep->fn, offset, 4);
	bus_unlock(&t->m->vm.bus);
	return 0;
}

/* Also when cancelled: the mailbox is told to abort. */
static int cfg_write(void *opaque, uint16_t offset, uint32_t value)
{
	struct machine_trust *t = opaque;

	if (t->ep->assigned)
		return doe_cfg_fd_ops.write(&t->cfg, offset, value);
	bus_lock(&t->m->vm.bus);
	pci_function_cfg_write(t->ep->fn, offset, 4, value);
	bus_unlock(&t->m->vm.bus);
	return 0;
}

static void cfg_sleep(void *opaque, unsigned us)
{
	rest(opaque, us);
}

static const struct doe_cfg_ops cfg_ops = {
	.read = cfg_read,
	.write = cfg_write,
	.sleep = cfg_sleep,
};

static int look_for_mailbox(struct machine_trust *t)
{
	int err = doe_open_spdm(&t->mailbox, &cfg_ops, t, t->name, 0);

	return err < 0 ? err : attest_read_function(&cfg_ops, t, t->name, &t->id, &t->ide_capability);
}

/* Where BARs of emulated functions are is the guest's choice, also while nothing is there yet: offsets are reported. */
static int reach_emulated(struct machine_trust *t)
{
	int err = look_for_mailbox(t);

	pci_endpoint_of(t->ep->fn)->gate = &t->gate;
	if (err == -ENODEV)
		return log_fail(err, "%s: has no mailbox that speaks SPDM: it cannot prove anything", t->name);
	return err;
}

/* The kernel's VFIO hides the mailbox's capability from the list, not its registers; sysfs knows where they are. */
static int find_mailbox(struct machine_trust *t)
{
	const struct doe_cfg_fd vfio = t->cfg;
	int err = look_for_mailbox(t);

	if (err != -ENODEV)
		return err;
	t->cfg = (struct doe_cfg_fd){.name = t->name, .fd = doe_cfg_open_sysfs(t->ep->config->assign)};
	err = t->cfg.fd < 0 ? t->cfg.fd : look_for_mailbox(t);
	fd_close(&t->cfg.fd);
	t->cfg = vfio;
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
		err = doe_mailbox_init(&t->mailbox, &cfg_ops, t, t->name, t->mailbox.offset);
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
