/* SPDX-License-Identifier: Apache-2.0 */
/* What emulated endpoints have in common (pci_endpoint.h): DMA switch, power, resets, and messages that are translated.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "fake_irq.h"
#include "fake_pci.h"
#include "log.h"
#include "pci_endpoint.h"
#include "run_suite.h"

#define VECTORS	 3u
#define BAR	 UINT64_C(0x10000000)
#define MSIX_CTL (PCI_ENDPOINT_CAP_MSIX + PCI_MSIX_FLAGS)
#define PMCSR	 (PCI_ENDPOINT_CAP_PM + PCI_PM_CTRL)
#define DEVCTL	 (PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL)
#define DOORBELL UINT64_C(0x08010040)

static struct fake_pci w;
static struct loop loop;

static struct device_under_test {
	struct pci_endpoint ep;
	unsigned resets, accesses, masters, destroyed;
	bool master;
} dut;

static enum bus_verdict dut_bar(struct pci_endpoint *ep, unsigned bar, struct bus_access *access)
{
	dut.accesses++;
	access->value = 0x55;
	return BUS_HANDLED;
}

static void dut_master(struct pci_endpoint *ep, bool on)
{
	dut.masters++;
	dut.master = on;
}

static void dut_reset(struct pci_endpoint *ep)
{
	ck_assert(!ep->dma.enabled);
	dut.resets++;
}

static void dut_destroy(struct pci_endpoint *ep)
{
	dut.destroyed++;
	pci_endpoint_fini(ep);
}

static const struct pci_endpoint_ops dut_ops = {
	.bar_access = dut_bar,
	.bus_master = dut_master,
	.reset = dut_reset,
	.destroy = dut_destroy,
};

static const struct pci_endpoint_config dut_config = {
	.name = "dut",
	.vendor = 0x1234,
	.device = 0x11e9,
	.subsystem_vendor = 0xabcd,
	.subsystem = 1,
	.class_code = 0xff0000,
	.revision = 3,
	.vectors = VECTORS,
};

/* Maps exactly one page, the doorbell's, while @doorbell_mapped. */
static bool doorbell_mapped;
static unsigned faults;

static int translate(void *owner, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out)
{
	if (!doorbell_mapped || iova >> 12 != 0xfff) {
		faults += !(access & DMA_PROBE);
		return -EFAULT;
	}
	*out = (struct dma_target){{0xfff000, 0xffffff}, gpa(DOORBELL & ~UINT64_C(0xfff)), DMA_WRITE};
	return 0;
}

static const struct dma_translator translator = {translate};

static void sink(enum log_level level, const char *line, void *opaque)
{
}

static void cfg(unsigned reg, uint8_t size, uint64_t value)
{
	fake_cfg_write(&w, 1, 0, reg, size, value);
}

static uint32_t get(unsigned reg, uint8_t size)
{
	return (uint32_t)fake_cfg_read(&w, 1, 0, reg, size);
}

static void switch_on(void)
{
	cfg(PCI_BASE_ADDRESS_0, 4, BAR);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	cfg(MSIX_CTL, 2, PCI_MSIX_FLAGS_ENABLE);
}

static void setup(void)
{
	log_set_sink(sink, NULL);
	fake_irq = (struct fake_irq){.doorbell = DOORBELL};
	fake_pci_start(&w);
	ck_assert_int_eq(loop_init(&loop), 0);
	w.vm.loop = &loop;
	dut = (struct device_under_test){0};
	faults = 0;
	doorbell_mapped = true;
	ck_assert_int_eq(pci_endpoint_init(&dut.ep, &w.vm, &dut_config, &dut_ops), 0);
	ck_assert_int_eq(pci_bar_define(&dut.ep.fn, 0, 0x4000, true, false), 0);
	ck_assert_uint_eq(pci_endpoint_msix_size(VECTORS), 0x2000);
	ck_assert_int_eq(pci_endpoint_add_msix(&dut.ep, 0, 0x1000), 0);
	ck_assert_int_eq(pci_host_place(w.host, w.port[0], 0, &dut.ep.fn), 0);
	fake_port_open(&w, 0, 0x10000000, 0x10ffffff, UINT64_MAX, 0);
}

static void teardown(void)
{
	fake_pci_stop(&w);
	ck_assert_uint_eq(dut.destroyed, 1);
	ck_assert_uint_eq(fake_irq.routes, 0);
	ck_assert_uint_eq(fake_irq.connected, 0);
	loop_fini(&loop);
	log_set_sink(NULL, NULL);
}

/* Programs @vector with a message to @address and unmasks it. */
static void program(unsigned vector, uint64_t address, uint32_t data)
{
	uint64_t entry = BAR + 0x1000 + vector * 16;

	bus_write(&w.vm.bus, entry, 8, address);
	bus_write(&w.vm.bus, entry + 8, 4, data);
	bus_write(&w.vm.bus, entry + 12, 4, 0);
}

START_TEST(identity)
{
	ck_assert_ptr_eq(pci_endpoint_of(&dut.ep.fn), &dut.ep);
	ck_assert_ptr_null(pci_endpoint_of(&w.port[0]->fn));
	ck_assert_uint_eq(get(PCI_VENDOR_ID, 4), 0x11e91234);
	ck_assert_uint_eq(get(PCI_CLASS_REVISION, 4), 0xff000003);
	ck_assert_uint_eq(get(PCI_SUBSYSTEM_VENDOR_ID, 4), 0x0001abcd);
	ck_assert_uint_eq(get(PCI_INTERRUPT_PIN, 1), 0);
	ck_assert_uint_eq(get(MSIX_CTL, 2) & PCI_MSIX_FLAGS_QSIZE, VECTORS - 1);
	ck_assert(get(PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
}
END_TEST

START_TEST(dma_follows_bus_master)
{
	ck_assert(!dut.ep.dma.enabled);
	switch_on();
	ck_assert(dut.ep.dma.enabled && dut.master);
	fake_cfg_write(&w, 0, 8, PCI_COMMAND, 2, PCI_COMMAND_MEMORY); /* the port above */
	ck_assert(!dut.ep.dma.enabled && !dut.master);
	fake_cfg_write(&w, 0, 8, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert(dut.ep.dma.enabled);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert(!dut.ep.dma.enabled);
	ck_assert_uint_eq(dut.masters, 4);
}
END_TEST

/* Another bus number is another requester, for which an IOMMU has other translations. */
START_TEST(renumbered)
{
	uint64_t before;

	switch_on();
	before = dut.ep.dma.generation;
	fake_cfg_write(&w, 0, 8, PCI_SECONDARY_BUS, 1, 5);
	ck_assert_uint_gt(dut.ep.dma.generation, before);
	before = dut.ep.dma.generation;
	fake_cfg_write(&w, 0, 8, PCI_SECONDARY_BUS, 1, 5);
	ck_assert_uint_eq(dut.ep.dma.generation, before);
	fake_cfg_write(&w, 0, 8, PCI_SECONDARY_BUS, 1, 1);
}
END_TEST

START_TEST(power)
{
	uint64_t value;

	switch_on();
	program(0, DOORBELL, 1);
	ck_assert_uint_eq(fake_irq.connected, 1);
	cfg(PMCSR, 2, 1); /* D1 is not there */
	ck_assert_uint_eq(get(PMCSR, 2) & 3, 0);
	cfg(PMCSR, 2, 3);
	ck_assert(!pci_endpoint_powered(&dut.ep) && !dut.ep.dma.enabled);
	ck_assert_uint_eq(fake_irq.connected, 0);
	bus_read(&w.vm.bus, BAR, 4, &value);
	ck_assert_uint_eq(value, 0xffffffff);
	ck_assert_uint_eq(dut.accesses, 0);
	ck_assert_uint_eq(dut.resets, 0);
	cfg(PMCSR, 2, 0);
	ck_assert_uint_eq(dut.resets, 1);
	ck_assert_uint_eq(get(PCI_COMMAND, 2), 0);
	switch_on();
	bus_read(&w.vm.bus, BAR, 4, &value);
	ck_assert_uint_eq(value, 0x55);
}
END_TEST

START_TEST(function_level_reset)
{
	switch_on();
	program(1, DOORBELL, 9);
	fake_irq.pending = true;
	cfg(DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	ck_assert_uint_eq(dut.resets, 1);
	ck_assert_uint_eq(get(DEVCTL, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0);
	ck_assert_uint_eq(get(PCI_COMMAND, 2), 0);
	ck_assert_uint_eq(fake_irq.connected, 0);
	ck_assert(!fake_irq.pending);
}
END_TEST

START_TEST(messages)
{
	switch_on();
	program(2, DOORBELL, 42);
	ck_assert_uint_eq(fake_irq.connected, 1);
	ck_assert_uint_eq(fake_irq.last.address, DOORBELL);
	ck_assert_uint_eq(fake_irq.last.data, 42);
	ck_assert_uint_eq(fake_irq.last.requester, 0x100);
	program(2, DOORBELL, 42);
	ck_assert_uint_eq(fake_irq.connected, 1);
	pci_endpoint_interrupt(&dut.ep, 2, NULL);
	ck_assert_uint_eq(fake_irq.signals, 1);
	pci_endpoint_interrupt(&dut.ep, VECTORS, NULL);
	ck_assert_uint_eq(fake_irq.signals, 1);
}
END_TEST

START_TEST(translated_messages)
{
	dma_space_set_translator(&dut.ep.dma, &translator, NULL);
	switch_on();
	program(0, 0xfff040, 7);
	ck_assert_uint_eq(fake_irq.connected, 1);
	ck_assert_uint_eq(fake_irq.last.address, DOORBELL);
	ck_assert_uint_eq(faults, 0);
}
END_TEST

static bool pending(unsigned vector)
{
	return irq_route_pending(&(struct irq_route){.eventfd = pci_endpoint_vector_fd(&dut.ep, vector)});
}

/* The guest maps the doorbell only after it has programmed the vector. */
START_TEST(mapped_late)
{
	doorbell_mapped = false;
	dma_space_set_translator(&dut.ep.dma, &translator, NULL);
	switch_on();
	program(0, 0xfff040, 7);
	ck_assert_uint_eq(fake_irq.connected, 0);
	ck_assert_uint_eq(faults, 0); /* nothing was written yet */
	pci_endpoint_interrupt(&dut.ep, 0, NULL);
	ck_assert_uint_eq(faults, 1); /* now it was, and is lost */
	ck_assert_uint_eq(fake_irq.signals, 0);
	ck_assert(!pending(0));
	doorbell_mapped = true; /* needs no invalidation */
	pci_endpoint_interrupt(&dut.ep, 0, NULL);
	ck_assert_uint_eq(faults, 1);
	ck_assert_uint_eq(fake_irq.signals, 1);
	ck_assert_uint_eq(fake_irq.connected, 1);
	ck_assert_uint_eq(fake_irq.last.data, 7);
}
END_TEST

START_TEST(unmapped_later)
{
	dma_space_set_translator(&dut.ep.dma, &translator, NULL);
	switch_on();
	program(0, 0xfff040, 7);
	doorbell_mapped = false;
	pci_endpoint_interrupt(&dut.ep, 0, NULL);
	ck_assert_uint_eq(fake_irq.signals, 1); /* cached: nobody has invalidated it */
	dma_space_invalidate(&dut.ep.dma);
	pci_endpoint_interrupt(&dut.ep, 0, NULL);
	ck_assert_uint_eq(fake_irq.signals, 1);
	ck_assert_uint_eq(faults, 1);
	ck_assert_uint_eq(fake_irq.connected, 0);
}
END_TEST

/* Pending while masked, sent when it is unmasked: into nothing. */
START_TEST(nowhere)
{
	switch_on();
	pci_endpoint_interrupt(&dut.ep, 0, NULL);
	ck_assert(pending(0));
	fake_irq.connect_error = -EINVAL;
	program(0, 0x1000, 7);
	ck_assert(!pending(0));
	pci_endpoint_interrupt(&dut.ep, 0, NULL);
	ck_assert(!pending(0));
	fake_irq.connect_error = 0;
	program(0, DOORBELL, 8);
	ck_assert_uint_eq(fake_irq.connected, 1);
	ck_assert(!pending(0));
}
END_TEST

START_TEST(to_memory)
{
	uint32_t *ram;

	ck_assert_int_eq(gmem_add(&w.vm.gmem, gpa(0x40000000), 0x1000, GMEM_PAGES_NORMAL), 0);
	ram = gmem_host(&w.vm.gmem, gpa(0x40000010), 4);
	switch_on();
	fake_irq.connect_error = -EINVAL;
	program(0, 0x40000010, 0x1234);
	ck_assert_uint_eq(*ram, 0);
	pci_endpoint_interrupt(&dut.ep, 0, NULL);
	ck_assert_uint_eq(*ram, 0x1234);
	gmem_fini(&w.vm.gmem);
}
END_TEST

/* A thread for which the holder of the lock waits sends nothing that it would have to wait for. */
START_TEST(gives_up)
{
	const _Atomic bool quit = true;

	switch_on();
	program(0, DOORBELL, 1);
	dma_space_invalidate(&dut.ep.dma);
	pci_endpoint_interrupt(&dut.ep, 0, &quit);
	ck_assert_uint_eq(fake_irq.signals, 0);
}
END_TEST

START_TEST(message_by_dma)
{
	static struct dma_user user;
	uint32_t data = 77;

	switch_on();
	dma_user_init(&user, &dut.ep.dma, NULL);
	ck_assert_int_eq(dma_write_any(&user, DOORBELL, &data, 4), 0);
	ck_assert_uint_eq(fake_irq.messages, 1);
	ck_assert_uint_eq(fake_irq.sent.data, 77);
	ck_assert_uint_eq(fake_irq.sent.requester, 0x100);
}
END_TEST

START_TEST(refused)
{
	struct device_under_test other = {0};

	fake_irq.init_error = -EMFILE;
	ck_assert_int_eq(pci_endpoint_init(&other.ep, &w.vm, &dut_config, &dut_ops), -EMFILE);
	ck_assert_uint_eq(fake_irq.routes, VECTORS + 2); /* those of dut and the ports */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_endpoint");
	TCase *tc = tcase_create("pci_endpoint");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, identity);
	tcase_add_test(tc, dma_follows_bus_master);
	tcase_add_test(tc, renumbered);
	tcase_add_test(tc, power);
	tcase_add_test(tc, function_level_reset);
	tcase_add_test(tc, messages);
	tcase_add_test(tc, translated_messages);
	tcase_add_test(tc, mapped_late);
	tcase_add_test(tc, unmapped_later);
	tcase_add_test(tc, nowhere);
	tcase_add_test(tc, to_memory);
	tcase_add_test(tc, gives_up);
	tcase_add_test(tc, message_by_dma);
	tcase_add_test(tc, refused);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
