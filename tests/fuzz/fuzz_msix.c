/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSI-X capability, table and pending bits under any access. Input: 4 bytes of layout (vectors, offsets), then records
 * of u8 kind, u16 offset, u64 value. The owner must have been told of everything that changed what may be delivered: a
 * copy of the answers is taken at every irq_changed and compared after every access.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "fake_pci.h"
#include "log.h"

#define CAP	    0x70u
#define RECORD	    11u
#define MAX_RECORDS 256u
#define MAX_VECTORS 128u
#define BAR_SIZE    0x2000u

struct answer {
	bool open;
	uint64_t address;
	uint32_t data;
};

static struct fake_pci w;
static struct fake_endpoint *ep;
static unsigned told;

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* What can be delivered now; the message of a closed vector is of no interest. */
static void ask(struct answer *answers)
{
	memset(answers, 0, sizeof(*answers) * MAX_VECTORS);
	for (unsigned v = 0; v < MAX_VECTORS; v++) {
		struct msi_msg msg;

		if (pci_irq_vector(&ep->fn, v, &msg))
			answers[v] = (struct answer){true, msg.address, msg.data};
	}
}

static bool same(const struct answer *a, const struct answer *b)
{
	for (unsigned v = 0; v < MAX_VECTORS; v++)
		if (a[v].open != b[v].open || a[v].address != b[v].address || a[v].data != b[v].data)
			return false;
	return true;
}

static void one(const uint8_t *rec)
{
	uint8_t size = (uint8_t)(1u << (rec[0] & 3u));
	uint16_t at = (uint16_t)(rec[1] | rec[2] << 8);
	uint64_t value;

	memcpy(&value, rec + 3, sizeof(value));
	switch (rec[0] >> 3 & 3u) {
	case 0: /* the capability */
		pci_function_cfg_write(&ep->fn, (uint16_t)(CAP + at % 12u), size, (uint32_t)value);
		break;
	case 1: /* command register */
		pci_function_cfg_write(&ep->fn, PCI_COMMAND, 2, (uint32_t)value);
		break;
	default: {
		struct bus_access access = {
			.offset = rec[0] & 0x80u ? value : at % (BAR_SIZE + 16u),
			.value = value,
			.size = size,
			.is_write = rec[0] & 4u,
		};

		pci_msix_access(&ep->fn, at & 1u ? 0 : rec[2] % 8u, &access);
		break;
	}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer before[MAX_VECTORS], after[MAX_VECTORS];

	if (size < 4)
		return 0;
	log_set_sink(quiet, NULL);
	fake_pci_start(&w);
	ep = fake_endpoint_new("ep");
	must(pci_bar_define(&ep->fn, 0, BAR_SIZE, false, false) == 0);
	must(fake_pci_place(&w, 0, 0, ep) == 0);
	fake_port_open(&w, 0, 0x10000000, 0x1fffffff, UINT64_MAX, 0);
	ep->pending = 0xa5a5a5a55a5a5a5a;
	if (pci_msix_add(&ep->fn, CAP, data[0] % (MAX_VECTORS + 1u), data[3] >> 7, data[1] * 64u, data[3] >> 7 & 1u,
			 data[2] * 64u + (data[3] & 0x3fu)) == 0) {
		const struct pci_irq *irq = &ep->fn.irq;

		must(irq->table_offset + irq->msix_vectors * 16u <= BAR_SIZE && irq->pba_offset < BAR_SIZE);
	}
	ask(before);
	told = ep->irq_changes;
	data += 4;
	size -= 4;
	for (unsigned n = 0; n < MAX_RECORDS && size >= RECORD; n++, data += RECORD, size -= RECORD) {
		one(data);
		ask(after);
		must(same(before, after) || ep->irq_changes != told);
		memcpy(before, after, sizeof(before));
		told = ep->irq_changes;
	}
	must(pci_function_reset(&ep->fn) == 0);
	must(pci_irq_mode(&ep->fn) == PCI_IRQ_INTX);
	fake_pci_stop(&w);
	return 0;
}
