/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing but what every payload stands on: memory, time, the PCI tree, a message to itself. */
#include "pci.h"

static void enumerate(void)
{
	unsigned n;
	struct pci_fn *fn = pci_functions(&n);

	for (unsigned i = 0; i < n; i++)
		print("%02x:%02x.%u %04x:%04x class %06x msix %u\n", fn[i].bus, fn[i].devfn >> 3, fn[i].devfn & 7,
		      fn[i].vendor, fn[i].device, fn[i].class_code, fn[i].vectors);
	CHECK(n > 0, "no functions");
}

static void clock(void)
{
	uint64_t begin = now_us();

	CHECK(WAIT_FOR(now_us() > begin, 1000), "time stands still");
}

static void interrupt_controller(void)
{
	CHECK(irq_init(), "no interrupt controller that takes messages");
	CHECK(irq_device(0x10, 4), "no messages");
	CHECK_EQ(irq_poll(), 0);
}

static const struct guest_case cases[] = {
	{"clock", clock},
	{"enumerate", enumerate},
	{"interrupt controller", interrupt_controller},
};

void payload_main(void)
{
	if (!pci_init())
		print("FAIL pci: no host bridge\n");
	run_cases(cases, ARRAY_LEN(cases));
}
