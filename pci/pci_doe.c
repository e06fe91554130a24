/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of an emulated DOE mailbox (PCIe 6.2, 7.9.24). Its thread: pci_doe_thread.c. */
#include "pci_doe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doe_object.h"
#include "log.h"
#include "pci_doe_priv.h"
#include "pci_function.h"
#include "wire.h"

#define DOE_CAP_VERSION	     2u
#define DISCOVERY_BYTES	     4u
#define DISCOVERY_NO_FEATURE 0xffffu
#define MIN_OBJECT	     (DOE_OBJECT_HEADER_BYTES + DISCOVERY_BYTES)
#define REG(doe, reg)	     ((uint16_t)((doe)->config.offset + (reg)))

static uint32_t get_status(const struct pci_doe *doe)
{
	return pci_cfg_get(&doe->fn->cfg, REG(doe, DOE_STATUS), 4);
}

static void change_status(struct pci_doe *doe, uint32_t clear, uint32_t set)
{
	pci_cfg_set(&doe->fn->cfg, REG(doe, DOE_STATUS), 4, (get_status(doe) & ~clear) | set);
}

/* 6.30.3: READY and ERROR interrupt, the end of BUSY does not. */
static void raise(struct pci_doe *doe)
{
	uint32_t ctrl = pci_cfg_get(&doe->fn->cfg, REG(doe, DOE_CTRL), 4);

	if (!doe->config.interrupt || !(ctrl & DOE_CTRL_INT_ENABLE))
		return;
	change_status(doe, 0, DOE_STATUS_INT);
	doe->config.interrupt(doe->config.opaque, doe->config.vector);
}

static void fail(struct pci_doe *doe)
{
	change_status(doe, 0, DOE_STATUS_ERROR);
	raise(doe);
}

/* Shows the DW of the answer that comes next; 0 when there is none. */
static void show(struct pci_doe *doe)
{
	struct wire_in in = wire_in(doe->response + doe->response_at, doe->response_len - doe->response_at);

	pci_cfg_set(&doe->fn->cfg, REG(doe, DOE_READ_MBOX), 4, in.left ? wire_u32(&in) : 0);
}

static void forget(struct pci_doe *doe)
{
	doe->epoch++;
	if (!doe->working)
		doe->request_len = 0;
	doe->overflow = false;
	doe->response_len = 0;
	doe->response_at = 0;
	change_status(doe, UINT32_MAX & ~DOE_STATUS_INT, doe->working ? DOE_STATUS_BUSY : 0);
	show(doe);
}

void pci_doe_answer(struct pci_doe *doe, uint16_t vendor, uint8_t type, int len)
{
	if (len == 0)
		return;
	if (len > 0)
		len = doe_object_write(doe->response, doe->config.max_object, vendor, type,
				       doe->response + DOE_OBJECT_HEADER_BYTES, (size_t)len);
	if (len < 0) {
		fail(doe);
		return;
	}
	doe->response_len = (size_t)len;
	doe->response_at = 0;
	show(doe);
	change_status(doe, 0, DOE_STATUS_READY);
	raise(doe);
}

void pci_doe_worked(struct pci_doe *doe, uint64_t epoch, uint16_t vendor, uint8_t type, int len)
{
	doe->working = false;
	doe->request_len = 0;
	change_status(doe, DOE_STATUS_BUSY, 0);
	if (epoch == doe->epoch)
		pci_doe_answer(doe, vendor, type, len);
}

/* 6.30.1.1: index 0 is discovery itself. */
static int discover(void *opaque, uint8_t *type, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	const struct pci_doe *doe = opaque;
	struct wire_in in = wire_in(req, len);
	struct wire_out out = wire_out(rsp, cap);
	uint32_t index = field_get32(DOE_DISCOVERY_INDEX, wire_u32(&in));
	uint32_t dw = DISCOVERY_NO_FEATURE | field_prep32(DOE_DISCOVERY_TYPE, UINT32_MAX);

	if (len != DISCOVERY_BYTES)
		return 0;
	if (index == 0)
		dw = field_prep32(DOE_DISCOVERY_VENDOR, DOE_VENDOR_PCI_SIG) |
		     field_prep32(DOE_DISCOVERY_TYPE, DOE_TYPE_DISCOVERY);
	else if (index <= doe->config.nr_protocols)
		dw = field_prep32(DOE_DISCOVERY_VENDOR, doe->config.protocols[index - 1].vendor) |
		     field_prep32(DOE_DISCOVERY_TYPE, doe->config.protocols[index - 1].type);
	wire_put_u32(&out, dw | field_prep32(DOE_DISCOVERY_NEXT, index < doe->config.nr_protocols ? index + 1 : 0));
	return (int)out.len;
}

static const struct pci_doe_protocol discovery = {
	.vendor = DOE_VENDOR_PCI_SIG,
	.type = DOE_TYPE_DISCOVERY,
	.handle = discover,
};

static const struct pci_doe_protocol *find_protocol(const struct pci_doe *doe, const struct doe_object *object)
{
	if (object->vendor == discovery.vendor && object->type == discovery.type)
		return &discovery;
	for (unsigned i = 0; i < doe->config.nr_protocols; i++)
		if (doe->config.protocols[i].vendor == object->vendor && doe->config.protocols[i].type == object->type)
			return &doe->config.protocols[i];
	return NULL;
}

/* 6.30.2: the object is complete, says the requester. */
static void go(struct pci_doe *doe)
{
	uint32_t status = get_status(doe);
	const struct pci_doe_protocol *protocol;
	struct doe_object object;
	bool overflow = doe->overflow;
	size_t len = doe->request_len;

	if (status & (DOE_STATUS_BUSY | DOE_STATUS_ERROR))
		return;
	doe->overflow = false;
	doe->request_len = 0;
	/* An answer waits to be taken, or the object is one that this mailbox has no room for. */
	if ((status & DOE_STATUS_READY) || overflow) {
		fail(doe);
		return;
	}
	if (doe_object_parse(doe->request, len, &object) != 0)
		return;
	protocol = find_protocol(doe, &object);
	if (!protocol)
		return;
	if (protocol->slow) {
		doe->request_len = len;
		doe->working = true;
		change_status(doe, 0, DOE_STATUS_BUSY);
		pci_doe_work(doe, protocol);
		return;
	}

	uint8_t type = object.type;
	int n = protocol->handle(protocol == &discovery ? doe : protocol->opaque, &type, object.payload, object.len,
				 doe->response + DOE_OBJECT_HEADER_BYTES,
				 doe->config.max_object - DOE_OBJECT_HEADER_BYTES);

	pci_doe_answer(doe, object.vendor, type, n);
}

static struct pci_doe *find_mailbox(const struct pci_function *fn, uint16_t offset)
{
	for (struct pci_doe *doe = fn->mailboxes; doe; doe = doe->next)
		if (offset >= doe->config.offset && offset < doe->config.offset + DOE_CAP_SIZE)
			return doe;
	return NULL;
}

static void control_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	struct pci_doe *doe = find_mailbox(fn, offset);

	/* ABORT and GO read as 0. A write of the lower bytes only leaves GO alone. */
	pci_cfg_set(&fn->cfg, offset, 4, now & DOE_CTRL_INT_ENABLE);
	if (now & mask & DOE_CTRL_ABORT)
		forget(doe);
	else if (now & mask & DOE_CTRL_GO)
		go(doe);
}

/* Mailboxes are written in DWs; what comes in other sizes, or while the mailbox is busy, is lost (7.9.24.5). */
static void mailbox_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	struct pci_doe *doe = find_mailbox(fn, offset);
	struct wire_out out = wire_out(doe->request + doe->request_len, 4);

	pci_cfg_set(&fn->cfg, offset, 4, 0);
	if (mask != UINT32_MAX || (get_status(doe) & (DOE_STATUS_BUSY | DOE_STATUS_ERROR)))
		return;
	if (doe->request_len >= doe->config.max_object) {
		doe->overflow = true;
		return;
	}
	wire_put_u32(&out, now);
	doe->request_len += 4;
}

/* 7.9.24.6: a write of any value takes the DW that the register shows. */
static void read_popped(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	struct pci_doe *doe = find_mailbox(fn, offset);

	if (doe->response_len == 0)
		return;
	doe->response_at += 4;
	if (doe->response_at == doe->response_len) {
		doe->response_len = 0;
		doe->response_at = 0;
		change_status(doe, DOE_STATUS_READY, 0);
	}
	show(doe);
}

static int check_config(const struct pci_function *fn, const struct pci_doe_config *config)
{
	if (config->nr_protocols > PCI_DOE_MAX_PROTOCOLS || config->max_object < MIN_OBJECT ||
	    config->max_object > DOE_OBJECT_MAX_BYTES || config->max_object % 4 != 0 ||
	    !pci_cfg_unclaimed(&fn->cfg, config->offset, DOE_CAP_SIZE))
		return log_fail(-EINVAL, "%s: no DOE mailbox of that kind at 0x%03x; this is a bug of aerie", fn->name,
				config->offset);
	return 0;
}

int pci_doe_add(struct pci_doe *doe, struct pci_function *fn, struct bus *bus, const struct pci_doe_config *config)
{
	struct pci_cfg *cfg = &fn->cfg;
	uint32_t cap = config->interrupt ? DOE_CAP_INT_SUPPORT | field_prep32(DOE_CAP_INT_VECTOR, config->vector) : 0;
	int err = check_config(fn, config);

	*doe = (struct pci_doe){.fn = fn, .bus = bus, .config = *config};
	if (err)
		return err;
	err = pci_cfg_add_ext_cap(cfg, DOE_CAP_ID, DOE_CAP_VERSION, config->offset);
	if (err)
		return log_fail(err, "%s: the DOE capability overlaps another; this is a bug of aerie", fn->name);
	doe->request = calloc(1, config->max_object);
	doe->response = calloc(1, config->max_object);
	if (!doe->request || !doe->response) {
		pci_doe_fini(doe);
		return log_fail(-ENOMEM, "%s: no memory for a DOE mailbox", fn->name);
	}
	err = pci_doe_start(doe);
	if (err) {
		pci_doe_fini(doe);
		return err;
	}
	pci_cfg_emulate(cfg, REG(doe, DOE_CAP), cap, 0, 0, NULL);
	pci_cfg_emulate(cfg, REG(doe, DOE_CTRL), 0,
			DOE_CTRL_ABORT | DOE_CTRL_GO | (config->interrupt ? DOE_CTRL_INT_ENABLE : 0), 0,
			control_written);
	pci_cfg_emulate(cfg, REG(doe, DOE_STATUS), 0, 0, DOE_STATUS_INT, NULL);
	pci_cfg_emulate(cfg, REG(doe, DOE_WRITE_MBOX), 0, UINT32_MAX, 0, mailbox_written);
	pci_cfg_emulate(cfg, REG(doe, DOE_READ_MBOX), 0, 0, 0, read_popped);
	doe->next = fn->mailboxes;
	fn->mailboxes = doe;
	return 0;
}

void pci_doe_reset(struct pci_doe *doe)
{
	forget(doe);
}

static void unlink_mailbox(struct pci_doe *doe)
{
	struct pci_doe **at = doe->fn ? &doe->fn->mailboxes : NULL;

	while (at && *at && *at != doe)
		at = &(*at)->next;
	if (at && *at)
		*at = doe->next;
}

void pci_doe_fini(struct pci_doe *doe)
{
	pci_doe_stop(doe);
	unlink_mailbox(doe);
	free(doe->request);
	free(doe->response);
	*doe = (struct pci_doe){0};
}
