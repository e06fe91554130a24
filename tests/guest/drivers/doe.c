/* SPDX-License-Identifier: Apache-2.0 */
#include "doe.h"

#include "doe_regs.h"

#define WAIT_US 5000000u

bool doe_init(struct doe *doe, struct pci_fn *fn)
{
	doe->fn = fn;
	doe->at = pci_ext_cap(fn, DOE_CAP_ID);
	return doe->at != 0;
}

uint32_t doe_get(const struct doe *doe, unsigned reg)
{
	return pci_get32(doe->fn, doe->at + reg);
}

void doe_set(const struct doe *doe, unsigned reg, uint32_t value)
{
	pci_set32(doe->fn, doe->at + reg, value);
}

uint32_t doe_status(const struct doe *doe)
{
	return doe_get(doe, DOE_STATUS) & ~DOE_STATUS_INT;
}

void doe_send(const struct doe *doe, uint16_t vendor, uint8_t type, const uint32_t *payload, unsigned dwords,
	      uint32_t ctrl)
{
	doe_set(doe, DOE_WRITE_MBOX, vendor | (uint32_t)type << 16);
	doe_set(doe, DOE_WRITE_MBOX, dwords + 2);
	for (unsigned i = 0; i < dwords; i++)
		doe_set(doe, DOE_WRITE_MBOX, payload[i]);
	doe_set(doe, DOE_CTRL, DOE_CTRL_GO | ctrl);
}

bool doe_wait(const struct doe *doe)
{
	return WAIT_FOR(!(doe_get(doe, DOE_STATUS) & DOE_STATUS_BUSY), WAIT_US);
}

bool doe_receive(struct doe *doe)
{
	unsigned n = 0, want = 2;

	while ((doe_get(doe, DOE_STATUS) & DOE_STATUS_READY) && n < want && n < DOE_MAX_DWORDS) {
		doe->rsp[n++] = doe_get(doe, DOE_READ_MBOX);
		doe_set(doe, DOE_READ_MBOX, 0);
		if (n == 2)
			want = doe->rsp[1];
	}
	doe->rsp_dwords = n;
	return n >= 2 && n == want;
}

bool doe_ask(struct doe *doe, uint16_t vendor, uint8_t type, const uint32_t *payload, unsigned dwords)
{
	doe_send(doe, vendor, type, payload, dwords, 0);
	return doe_wait(doe) && doe_receive(doe);
}

bool doe_abort(const struct doe *doe)
{
	doe_set(doe, DOE_CTRL, DOE_CTRL_ABORT);
	return WAIT_FOR(!(doe_get(doe, DOE_STATUS) & (DOE_STATUS_BUSY | DOE_STATUS_ERROR)), WAIT_US);
}
