/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

struct tdev dev, peer;
uint64_t *data;

void payload_main(void)
{
	if (!pci_init() || !tdev_init(&dev, 0) || !tdev_init(&peer, 1) || !irq_init()) {
		print("FAIL prepare: no two test endpoints, or no ITS\n");
		return;
	}
	data = aligned(65536);
	run_cases(config_cases, nr_config);
	run_cases(bar_cases, nr_bar);
	run_cases(power_cases, nr_power);
	run_cases(message_cases, nr_message);
	run_cases(engine_cases, nr_engine);
}
