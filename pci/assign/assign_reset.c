/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Function reset, when the guest resets. Before the first guest instruction and after the last one the kernel does it:
 * opening the VFIO device resets the function (vfio_pci_core_enable()), closing it does so again
 * (vfio_pci_core_disable()), and doing it twice would only cost another 100 ms of the specification's waiting time
 * (PCIe 6.0, 6.6.2) each.
 */
#include <errno.h>
#include <string.h>

#include "assign_priv.h"
#include "log.h"

int assign_quiet(struct assigned *a)
{
	int err = assign_write_command(a, 0);

	if (err)
		return log_fail(err, "%s: cannot turn its bus mastering off: %s; remove the device or reset the host",
				a->fn.name, strerror(-err));
	return 0;
}

/* VFIO restores COMMAND after a reset: quieting brings it to its reset value, and stops DMA if there was no reset. */
static int reset_device(struct assigned *a)
{
	int err = a->can_reset ? vfio_reset(a->host.fd) : 0;

	if (err)
		log_warn(
			"%s: the host cannot reset it: %s; its bus mastering and memory decoding are turned off instead",
			a->fn.name, strerror(-err));
	return assign_quiet(a);
}

int assign_reset(struct pci_function *fn)
{
	struct assigned *a = assigned_of(fn);

	assign_gate_reset(a);
	assign_irq_shutdown(a);
	assign_bars_unmap(a);
	return reset_device(a);
}
