/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint below a root port, its message interrupts, and what their owner is told of them. */
#ifndef AERIE_PCI_MSI_FIXTURE_H
#define AERIE_PCI_MSI_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "fake_irq.h"
#include "fake_pci.h"
#include "log.h"

#define MSI    0x50u
#define MASTER (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

static struct fake_pci w;
static struct fake_endpoint *ep;

static inline void sink(enum log_level level, const char *line, void *opaque)
{
}

static inline void setup(void)
{
	log_set_sink(sink, NULL);
	fake_irq = (struct fake_irq){0};
	fake_pci_start(&w);
	ep = fake_endpoint_new("ep");
	ck_assert_int_eq(pci_bar_define(&ep->fn, 2, 0x4000, true, false), 0);
	ck_assert_int_eq(fake_pci_place(&w, 0, 0, ep), 0);
	fake_port_open(&w, 0, 0x10000000, 0x10ffffff, UINT64_MAX, 0);
}

static inline void teardown(void)
{
	fake_pci_stop(&w);
	ck_assert_uint_eq(fake_irq.routes, 0);
	log_set_sink(NULL, NULL);
}

static inline void cfg(unsigned reg, uint8_t size, uint64_t value)
{
	fake_cfg_write(&w, 1, 0, reg, size, value);
}

static inline uint32_t get(unsigned reg, uint8_t size)
{
	return (uint32_t)fake_cfg_read(&w, 1, 0, reg, size);
}

/* Vector @v has this message and may (not) be delivered. */
static inline void vector(unsigned v, bool open, uint64_t address, uint32_t data)
{
	struct msi_msg msg = {.translated = true};

	ck_assert_int_eq(pci_irq_vector(&ep->fn, v, &msg), open);
	ck_assert_uint_eq(msg.address, address);
	ck_assert_uint_eq(msg.data, data);
	ck_assert_uint_eq(msg.requester, pci_function_rid(&ep->fn));
	ck_assert(!msg.translated);
}

/* Since the last call the owner was told @n times. */
static inline void told(unsigned n)
{
	ck_assert_uint_eq(ep->irq_changes, n);
	ep->irq_changes = 0;
}

#endif
