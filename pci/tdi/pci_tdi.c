/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_tdi.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>

#include "log.h"
#include "tdi_priv.h"
#include "vm.h"

#define SELECTIVE_STREAMS 2u

static void mailbox_interrupt(void *opaque, unsigned vector)
{
	struct pci_tdi *tdi = opaque;

	pci_endpoint_interrupt(tdi->ep, vector, NULL);
}

static int add_mailbox(struct pci_tdi *tdi)
{
	struct pci_doe_config config = {
		.offset = tdi->config.doe_offset,
		.interrupt = mailbox_interrupt,
		.opaque = tdi,
		.vector = tdi->config.vector,
	};

	tdi_spdm_protocols(tdi, &config);
	return pci_doe_add(&tdi->doe, &tdi->ep->fn, &tdi->ep->vm->bus, &config);
}

static int add_ide(struct pci_tdi *tdi)
{
	struct pci_ide_config config = {
		.offset = tdi->config.ide_offset,
		.link = true,
		.selective = SELECTIVE_STREAMS,
		.addresses = 1,
		.insecure = tdi_stream_insecure,
		.opaque = tdi,
	};

	return pci_ide_add(&tdi->ide, &tdi->ep->fn, &config);
}

int pci_tdi_create(struct pci_tdi **out, struct pci_endpoint *ep, const struct pci_tdi_config *config)
{
	struct pci_tdi *tdi;
	int err;

	if (!config->certificates != !config->key || (config->tdisp && !config->ide))
		return log_fail(-EINVAL, "%s: a certificate chain needs its key, and TDISP needs IDE", ep->fn.name);
	tdi = calloc(1, sizeof(*tdi));
	if (!tdi)
		return log_fail(-ENOMEM, "%s: no memory for device security", ep->fn.name);
	tdi->guard.ops = &tdi_guard_ops;
	tdi->ep = ep;
	tdi->config = *config;
	tdisp_responder_init(&tdi->tdisp, &tdi_device_config, &tdi_device_ops, tdi);
	err = tdi_spdm_create(tdi);
	if (!err && config->ide)
		err = add_ide(tdi);
	if (!err)
		err = add_mailbox(tdi);
	if (err) {
		pci_tdi_destroy(tdi);
		return err;
	}
	/* 7.5.3.3: TEE-IO Supported. */
	if (config->tdisp)
		pci_cfg_own(&ep->fn.cfg, PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_TEE, PCI_EXP_DEVCAP_TEE);
	ep->fn.guard = &tdi->guard;
	*out = tdi;
	return 0;
}

void pci_tdi_destroy(struct pci_tdi *tdi)
{
	if (!tdi)
		return;
	pci_doe_fini(&tdi->doe);
	tdi_spdm_destroy(tdi);
	if (tdi->ep->fn.guard == &tdi->guard)
		tdi->ep->fn.guard = NULL;
	tdi->ep->fn.ide = NULL;
	free(tdi);
}

enum tdisp_state pci_tdi_state(const struct pci_tdi *tdi)
{
	return tdi->tdisp.state;
}

void pci_tdi_fail(struct pci_tdi *tdi)
{
	tdisp_responder_fail(&tdi->tdisp);
}

void pci_tdi_break_stream(struct pci_tdi *tdi, uint8_t stream)
{
	if (tdi->config.ide)
		pci_ide_fail_stream(&tdi->ide, stream);
}
