/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DOE mailbox from both sides. The first byte chooses: a guest that does anything to the registers of an emulated
 * mailbox (records of u8 register and size, u32 value), or a device that answers aerie's requester with the input as
 * the contents of its config space, read by read.
 */
#include <stdlib.h>
#include <string.h>

#include "doe_mailbox.h"
#include "doe_object.h"
#include "doe_regs.h"
#include "fake_pci.h"
#include "log.h"
#include "pci_doe.h"

#define AT	   0x260u
#define MAX_OBJECT 64u
#define RECORD	   5u
#define MAX_READS  4096u

static const uint8_t *input;
static size_t left;
static unsigned reads;

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Answers with the request, but for the first byte, which says what else may happen. */
static int handle(void *opaque, uint8_t *type, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	must(len <= cap && len % 4 == 0);
	if (len == 0)
		return 0;
	memcpy(rsp, req, len);
	*type = req[0];
	switch (req[0] & 0xc0u) {
	case 0x40:
		return -5;
	case 0x80:
		return 0;
	case 0xc0:
		return (int)cap - 3;
	default:
		return (int)len;
	}
}

static void registers(const uint8_t *data, size_t size)
{
	static const unsigned regs[] = {DOE_CTRL,	DOE_WRITE_MBOX, DOE_READ_MBOX,	DOE_STATUS,
					DOE_WRITE_MBOX, DOE_CAP,	DOE_WRITE_MBOX, DOE_READ_MBOX};
	const struct pci_doe_config config = {
		.offset = AT,
		.max_object = MAX_OBJECT,
		.protocols = {{.vendor = 1, .type = 1, .handle = handle}},
		.nr_protocols = 1,
	};
	struct fake_pci w;
	struct fake_endpoint *ep;
	struct pci_doe doe;

	fake_pci_start(&w);
	ep = fake_endpoint_new("ep");
	must(fake_pci_place(&w, 0, 0, ep) == 0);
	must(pci_doe_add(&doe, &ep->fn, &w.vm.bus, &config) == 0);
	for (; size >= RECORD; data += RECORD, size -= RECORD) {
		unsigned reg = AT + regs[data[0] & 7u];
		uint8_t bytes = data[0] & 0x80u ? (uint8_t)(1u << (data[0] >> 5 & 1u)) : 4;
		uint32_t value;

		memcpy(&value, data + 1, 4);
		if (data[0] & 0x40u)
			fake_cfg_read(&w, 1, 0, reg, bytes);
		else
			fake_cfg_write(&w, 1, 0, reg, bytes, value);
		must(doe.request_len <= MAX_OBJECT && doe.response_len <= MAX_OBJECT);
		must(doe.response_at <= doe.response_len);
		must((doe.response_len != 0) == !!(fake_cfg_read(&w, 1, 0, AT + DOE_STATUS, 4) & DOE_STATUS_READY));
	}
	pci_doe_fini(&doe);
	fake_pci_stop(&w);
}

static int dev_read(void *opaque, uint16_t offset, uint32_t *value)
{
	must(offset % 4 == 0 && offset < 4096);
	*value = 0;
	if (++reads > MAX_READS)
		return -5;
	memcpy(value, input, left < 4 ? left : 4);
	input += left < 4 ? left : 4;
	left -= left < 4 ? left : 4;
	return 0;
}

static int dev_write(void *opaque, uint16_t offset, uint32_t value)
{
	must(offset % 4 == 0 && offset < 4096);
	return 0;
}

static void dev_sleep(void *opaque, unsigned us)
{
	must(us > 0);
}

static void requester(void)
{
	static const struct doe_cfg_ops ops = {dev_read, dev_write, dev_sleep};
	struct doe_feature features[8];
	struct doe_mailbox mb;
	uint8_t rsp[64];

	reads = 0;
	if (doe_open_spdm(&mb, &ops, NULL, "dev", 0) != 0 && doe_mailbox_init(&mb, &ops, NULL, "dev", AT) != 0)
		return;
	mb.timeout_ms = 10;
	must(doe_discover(&mb, features, 8) <= 8);
	must(doe_exchange(&mb, 1, 1, "abcde", 5, rsp, sizeof(rsp)) <= (int)sizeof(rsp));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct doe_object object;

	if (size < 1)
		return 0;
	log_set_sink(quiet, NULL);
	input = data + 1;
	left = size - 1;
	if (doe_object_parse(input, left, &object) == 0)
		must(object.len + DOE_OBJECT_HEADER_BYTES == left);
	if (data[0] & 1)
		registers(input, left);
	else
		requester();
	return 0;
}
