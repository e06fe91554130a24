/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test endpoint under any register accesses, rings and descriptors. Input: 16 KiB at most of what RAM begins with,
 * after a u16 that says how much that is; then records of u8 kind, u16 offset, u64 value. RAM lies at 0, so that small
 * numbers are addresses. The machine's lock and loop must survive whatever the engine's accesses hit.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "fake_irq.h"
#include "fake_pci.h"
#include "fd.h"
#include "gmem.h"
#include "log.h"
#include "pci_endpoint.h"
#include "testdev.h"
#include "testdev_regs.h"

#define RECORD	    11u
#define MAX_RECORDS 64u
#define TURNS	    40u
#define RAM_SIZE    0x10000u
#define REGS	    UINT64_C(0x10000000)
#define PORT	    UINT64_C(0x10020000)
#define MEMORY	    UINT64_C(0x10030000)

static struct fake_pci w;
static struct loop loop;

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void cfg(unsigned reg, uint8_t size, uint64_t value)
{
	fake_cfg_write(&w, 1, 0, reg, size, value);
}

static void switch_on(void)
{
	cfg(PCI_BASE_ADDRESS_0, 4, REGS);
	cfg(PCI_BASE_ADDRESS_2, 4, MEMORY);
	cfg(PCI_BASE_ADDRESS_4, 4, PORT);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void end_of_turn(struct loop_source *src)
{
	fd_drain(src->fd);
	loop_stop(&loop, 1);
}

static void turns(unsigned n)
{
	struct loop_source end = {0};
	int fd = fd_eventfd();

	must(loop_add(&loop, &end, fd, end_of_turn) == 0);
	for (unsigned i = 0; i < n; i++) {
		fd_signal(fd);
		must(loop_run(&loop) == 1);
	}
	loop_del(&loop, &end);
	fd_close(&fd);
}

static void one(const uint8_t *rec)
{
	uint8_t size = (uint8_t)(1u << (rec[0] & 3u));
	uint16_t at = (uint16_t)(rec[1] | rec[2] << 8);
	uint64_t value;

	memcpy(&value, rec + 3, sizeof(value));
	switch (rec[0] >> 4) {
	case 0:
		cfg(at & 0xfffcu & (PCI_CFG_SIZE - 1), 4, value);
		break;
	case 1:
		switch_on();
		break;
	case 2:
	case 3:
		turns(2);
		break;
	case 4:
		bus_write(&w.vm.bus, (at & 0x8000u ? PORT : MEMORY) + (at & 0xfffu), size, value);
		break;
	case 5:
		bus_read(&w.vm.bus, REGS + at, size, &value);
		break;
	case 6: /* a register of a channel, which are few */
		bus_write(&w.vm.bus, REGS + TESTDEV_CHAN(at & 3u) + (at >> 2 & 0xfcu), size < 4 ? 4 : size, value);
		break;
	default:
		bus_write(&w.vm.bus, REGS + (at & 0x7ffu), size, value);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct testdev_config config = {
		.name = "test", .vectors = 3, .memory = 0x10000, .pasid = true, .aer = true, .serial = 1};
	struct pci_function *fn;

	if (size < 2)
		return 0;
	size_t fill = (data[0] | (size_t)data[1] << 8) % 0x4000;

	data += 2;
	size -= 2;
	if (fill > size)
		fill = size;
	log_set_sink(quiet, NULL);
	fake_irq = (struct fake_irq){.doorbell = 0x08010040};
	fake_pci_start(&w);
	must(loop_init(&loop) == 0);
	w.vm.loop = &loop;
	gmem_init(&w.vm.gmem);
	must(gmem_add(&w.vm.gmem, gpa(0), RAM_SIZE, GMEM_PAGES_NORMAL) == 0);
	memcpy(gmem_host(&w.vm.gmem, gpa(0), RAM_SIZE), data, fill);
	must(testdev_create(&fn, &w.vm, &config) == 0);
	must(pci_host_place(w.host, w.port[0], 0, fn) == 0);
	fake_port_open(&w, 0, REGS, 0x1fffffff, REGS, 0x1fffffff);
	switch_on();
	data += fill;
	size -= fill;
	for (unsigned n = 0; n < MAX_RECORDS && size >= RECORD; n++, data += RECORD, size -= RECORD)
		one(data);
	turns(TURNS);
	fake_pci_stop(&w);
	gmem_fini(&w.vm.gmem);
	loop_fini(&loop);
	must(fake_irq.routes == 0);
	return 0;
}
