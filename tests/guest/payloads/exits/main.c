/* SPDX-License-Identifier: Apache-2.0 */
/* What an exit to the process costs: reads of a configuration register, each of which the VMM answers. */
#include "pci.h"

#define READS 20000u

static void config_reads(void)
{
	unsigned n;
	struct pci_fn *fn = pci_functions(&n);
	uint32_t first = pci_get32(fn, 0);
	unsigned same = 0;
	uint64_t begin = now_us();

	for (unsigned i = 0; i < READS; i++)
		same += pci_get32(fn, 0) == first;
	print("exits: %u in %lu us\n", READS, now_us() - begin);
	CHECK_EQ(same, READS);
}

static const struct guest_case cases[] = {
	{"configuration reads", config_reads},
};

void payload_main(void)
{
	if (!pci_init())
		print("FAIL pci: no host bridge\n");
	run_cases(cases, ARRAY_LEN(cases));
}
