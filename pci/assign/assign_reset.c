/* SPDX-License-Identifier: Apache-2.0 */
/* Function reset: before the first guest instruction, when the guest resets, and before the host has the device again.
 */
#include <errno.h>
#include <string.h>

#include "assign_priv.h"
#include "log.h"

int assign_reset_device(struct assigned *a)
{
	int err = 0;

	if (a->can_reset)
		err = vfio_reset(a->host.fd);
	if (err)
		log_warn(
			"%s: the host cannot reset it: %s; its bus mastering and memory decoding are turned off instead",
			a->fn.name, strerror(-err));
	/* VFIO restores COMMAND after the reset: bring it to its reset value, which also stops DMA where there was
	 * none. */
	err = assign_write_command(a, 0);
	if (err)
		return log_fail(err, "%s: cannot turn its bus mastering off: %s; remove the device or reset the host",
				a->fn.name, strerror(-err));
	return 0;
}

int assign_reset(struct pci_function *fn)
{
	struct assigned *a = assigned_of(fn);

	assign_irq_shutdown(a);
	assign_bars_unmap(a);
	return assign_reset_device(a);
}
