/* SPDX-License-Identifier: Apache-2.0 */
/* The whole life of a VM on one page. */
#include <errno.h>

#include "cli.h"
#include "machine.h"
#include "stats.h"

/* A guest that resets comes back to the same machine: devices are reset, its software is loaded again. */
static int live(struct machine *machine)
{
	int status = MACHINE_REFUSED; /* until the guest has run */
	enum vm_stop why;
	int err = 0;

	do {
		if (machine_start(machine) < 0)
			return status;
		why = machine_run(machine);
		status = MACHINE_FAILED;
		if (why == VM_STOP_RESET)
			err = machine_reset(machine);
	} while (why == VM_STOP_RESET && err == 0);

	if (err == -ECANCELED)
		return MACHINE_DONE;
	if (why == VM_STOP_DEBUG_EXIT)
		return machine_debug_status(machine);
	return why == VM_STOP_POWEROFF || why == VM_STOP_QUIT ? MACHINE_DONE : status;
}

static int run_vm(const struct config *config, const struct machine_options *options)
{
	struct machine *machine;
	int status = MACHINE_DONE, err = machine_build(&machine, config);

	if (err < 0)
		return err == -ECANCELED ? MACHINE_DONE : MACHINE_REFUSED;
	if (!options->dry_run)
		status = live(machine);
	machine_destroy(&machine);

	if (!options->dry_run && status != MACHINE_REFUSED)
		stats_print(stderr);
	if (options->stats_path && stats_write_json(options->stats_path) < 0)
		return MACHINE_FAILED;
	return status;
}

int main(int argc, char **argv)
{
	stats_stamp(&stats.phase.process_start);
	return cli_main(argc, argv, run_vm);
}
