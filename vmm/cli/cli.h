/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: aerie(1). */
#ifndef AERIE_CLI_H
#define AERIE_CLI_H

#include "config.h"
#include "machine.h"

/** Lives one VM from build to teardown; returns the exit status (enum machine_status). main.c has the real one. */
typedef int (*cli_run)(const struct config *config, const struct machine_options *options);

/** Carries out the command that @argv names. Returns the exit status: 0 done, 1 failed, 2 refused. */
int cli_main(int argc, char **argv, cli_run run);

#endif
