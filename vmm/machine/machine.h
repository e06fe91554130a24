/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine is a VM with everything that its configuration describes. The machine build is the only code that names
 * concrete devices; it joins the boxes by handles (a vIOMMU to its backend, a PCI function to its host device).
 *
 * Everything here belongs to the main thread.
 */
#ifndef AERIE_MACHINE_H
#define AERIE_MACHINE_H

#include "config.h"
#include "vm.h"

struct machine;

/* Exit statuses of the process, as aerie(1) promises them. */
enum machine_status {
	MACHINE_DONE = 0,    /* the guest powered off, or the user asked to quit */
	MACHINE_FAILED = 1,  /* something failed while the guest ran */
	MACHINE_REFUSED = 2, /* the configuration or the host cannot do it; no guest ran */
};

struct machine_options {
	const char *stats_path; /* JSON statistics are written there on exit; NULL: no */
	bool dry_run;		/* build everything, start nothing */
};

/**
 * Builds the machine: opens every file and device, reserves memory, connects all parts. @config is borrowed for the
 * life of the machine. Returns 0; -ECANCELED: a signal has ended the VM before its guest ran; or
 * -errno (logged once, with remedy). On failure nothing is left behind.
 */
int machine_build(struct machine **out, const struct config *config);

/** Loads the guest's software into memory and starts its vCPUs. 0 or -errno (logged). */
int machine_start(struct machine *machine);

/** Runs until the guest stops or is stopped; all vCPUs are paused on return. */
enum vm_stop machine_run(struct machine *machine);

/** Puts every device and the interrupt controller back to power-on state. 0; -ECANCELED: a signal has ended the VM
 * meanwhile; or -errno (logged). */
int machine_reset(struct machine *machine);

/** The process's exit status after VM_STOP_DEBUG_EXIT. */
int machine_debug_status(const struct machine *machine);

/** Presses the power button once: the guest is asked to power off, if it uses ACPI. From the event loop's thread. */
void machine_power_button(struct machine *machine);

/** Gives everything back to the host. NULL inside is fine. */
void machine_destroy(struct machine **machine);

#endif
