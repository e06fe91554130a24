/* SPDX-License-Identifier: Apache-2.0 */
/* A test endpoint below a root port, 1 MiB of RAM, and a translator that can be put in between. */
#ifndef AERIE_TESTDEV_FIXTURE_H
#define AERIE_TESTDEV_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "dma.h"
#include "fake_irq.h"
#include "fake_pci.h"
#include "fd.h"
#include "gmem.h"
#include "log.h"
#include "pci_endpoint.h"
#include "testdev.h"
#include "testdev_regs.h"

#define RAM	 UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x100000)
#define PAGE	 UINT64_C(0x1000)
#define REGS	 UINT64_C(0x8000000000) /* BAR 0 */
#define MEMORY	 UINT64_C(0x8000100000) /* BAR 2 */
#define PORT	 UINT64_C(0x10000000)	/* BAR 4 */
#define DOORBELL UINT64_C(0x08010040)
#define ATOMICS	 (PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL2)
#define PASID	 0x160u /* of the capability */

static struct fake_pci w;
static struct loop loop;
static struct pci_endpoint *ep;

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static inline void cfg(unsigned reg, uint8_t size, uint64_t value)
{
	fake_cfg_write(&w, 1, 0, reg, size, value);
}

static inline uint32_t get(unsigned reg, uint8_t size)
{
	return (uint32_t)fake_cfg_read(&w, 1, 0, reg, size);
}

static inline uint64_t load(uint64_t addr, uint8_t size)
{
	uint64_t value;

	bus_read(&w.vm.bus, addr, size, &value);
	return value;
}

static inline void store(uint64_t addr, uint8_t size, uint64_t value)
{
	bus_write(&w.vm.bus, addr, size, value);
}

static inline void *host(uint64_t addr)
{
	void *p = gmem_host(&w.vm.gmem, gpa(addr), 1);

	ck_assert_ptr_nonnull(p);
	return p;
}

static inline void switch_on(void)
{
	cfg(PCI_BASE_ADDRESS_0, 4, (uint32_t)REGS);
	cfg(PCI_BASE_ADDRESS_1, 4, REGS >> 32);
	cfg(PCI_BASE_ADDRESS_2, 4, (uint32_t)MEMORY);
	cfg(PCI_BASE_ADDRESS_3, 4, MEMORY >> 32);
	cfg(PCI_BASE_ADDRESS_4, 4, PORT);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static inline void start(const struct testdev_config *config)
{
	struct pci_function *fn;

	log_set_sink(quiet, NULL);
	fake_irq = (struct fake_irq){.doorbell = DOORBELL};
	fake_pci_start(&w);
	ck_assert_int_eq(loop_init(&loop), 0);
	w.vm.loop = &loop;
	gmem_init(&w.vm.gmem);
	ck_assert_int_eq(gmem_add(&w.vm.gmem, gpa(RAM), RAM_SIZE, GMEM_PAGES_NORMAL), 0);
	ck_assert_int_eq(testdev_create(&fn, &w.vm, config), 0);
	ck_assert_int_eq(pci_host_place(w.host, w.port[0], 0, fn), 0);
	ep = pci_endpoint_of(fn);
	ck_assert_ptr_nonnull(ep);
	/* BAR 0 is not prefetchable, but may lie in a 64-bit window all the same. */
	fake_port_open(&w, 0, 0x10000000, 0x10ffffff, REGS, REGS + 0xffffff);
	switch_on();
}

static inline void stop(void)
{
	fake_pci_stop(&w);
	gmem_fini(&w.vm.gmem);
	loop_fini(&loop);
	ck_assert_uint_eq(fake_irq.routes, 0);
	log_set_sink(NULL, NULL);
}

static inline void end_of_turn(struct loop_source *src)
{
	fd_drain(src->fd);
	loop_stop(&loop, 1);
}

/* Lets the loop handle what is ready by now. */
static inline void turn(void)
{
	struct loop_source end = {0};
	int fd = fd_eventfd();

	ck_assert_int_eq(loop_add(&loop, &end, fd, end_of_turn), 0);
	fd_signal(fd);
	ck_assert_int_eq(loop_run(&loop), 1);
	loop_del(&loop, &end);
	fd_close(&fd);
}

static inline uint64_t reg(unsigned channel, unsigned offset)
{
	return REGS + TESTDEV_CHAN(channel) + offset;
}

static inline bool busy(unsigned channel)
{
	return load(reg(channel, TESTDEV_CH_STATUS), 4) & TESTDEV_STATUS_BUSY;
}

static inline void begin(unsigned channel, const struct testdev_desc *desc)
{
	uint64_t words[8];

	memcpy(words, desc, sizeof(words));
	for (unsigned i = 0; i < 8; i++)
		store(reg(channel, TESTDEV_CH_DESC + 8 * i), 8, words[i]);
	store(reg(channel, TESTDEV_CH_GO), 4, 1);
}

/* Does a request on channel 0 to its end and returns its code. */
static inline uint32_t run(const struct testdev_desc *desc)
{
	begin(0, desc);
	ck_assert(busy(0));
	for (unsigned i = 0; i < 10000 && busy(0); i++)
		turn();
	ck_assert(!busy(0));
	return (uint32_t)load(reg(0, TESTDEV_CH_CODE), 4);
}

static inline uint32_t code(enum testdev_kind kind, enum testdev_where where)
{
	return field_prep32(TESTDEV_CODE_KIND, kind) | field_prep32(TESTDEV_CODE_WHERE, where);
}

#define OK code(TESTDEV_KIND_OK, TESTDEV_AT_NOTHING)

#endif
