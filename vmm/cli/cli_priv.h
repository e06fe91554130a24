/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the commands: one table row each in cli.c, one file cmd_*.c each. */
#ifndef AERIE_CLI_PRIV_H
#define AERIE_CLI_PRIV_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli.h"

#define CLI_MAX_OPTIONS 24u

struct cli_option {
	const char *name; /* long name; NULL ends the table */
	char letter;	  /* short name, or a code below ' ' */
	const char *arg;  /* what the argument is called; NULL: takes none */
	const char *text; /* one line of help */
};

struct cli_args;

struct cli_command {
	const char *name;
	const char *usage;   /* after the name */
	const char *summary; /* one line */
	const char *help;    /* what it does */
	const char *example;
	const char *status; /* exit statuses */
	const struct cli_option *options;
	int (*main)(struct cli_args *args);
};

extern const struct cli_command cli_cmd_run, cli_cmd_check, cli_cmd_devices, cli_cmd_bind, cli_cmd_unbind, cli_cmd_ctl,
	cli_cmd_attest, cli_cmd_spdm_responder;
/* All of them; NULL ends the table. */
extern const struct cli_command *const cli_commands[];

/* One command line on its way. */
struct cli_args {
	const struct cli_command *command;
	cli_run run;
	int argc; /* argv[0] is the command's name */
	char **argv;
	int status; /* exit status when cli_next() ended the command */
	struct option longs[CLI_MAX_OPTIONS + 1];
	char shorts[CLI_MAX_OPTIONS * 2 + 2];
};

void cli_args_init(struct cli_args *args, const struct cli_command *command, int argc, char **argv, cli_run run);

/** The next option's letter, its argument in optarg; 0 when only operands are left (argv[optind] ...); -1 when the
 * command is over with args->status: help was asked for, or an option was wrong (logged). --help, --verbose and --quiet
 * are dealt with here. */
int cli_next(struct cli_args *args);

/** Refuses a command line: logs the message with a hint to the help; returns MACHINE_REFUSED. */
__attribute__((format(printf, 2, 3))) int cli_refuse(const struct cli_args *args, const char *fmt, ...);

void cli_print_help(void);
void cli_print_command_help(const struct cli_command *command);

/** The word of @words (NULL-terminated) that @word is most likely a slip of, or NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *words);

#endif
