/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_priv.h"

#include <stdio.h>
#include <string.h>

#include "bits.h"
#include "log.h"

const struct cli_command *const cli_commands[] = {
	&cli_cmd_run, &cli_cmd_check,  &cli_cmd_devices,	&cli_cmd_bind, &cli_cmd_unbind,
	&cli_cmd_ctl, &cli_cmd_attest, &cli_cmd_spdm_responder, NULL,
};

static const struct cli_command *find_command(const char *name)
{
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

static int unknown_command(const char *name)
{
	static const char *const known[] = {"run",    "check",		"devices", "bind",	"unbind", "ctl",
					    "attest", "spdm-responder", "help",	   "--version", "--help", NULL};
	const char *near = cli_nearest(name, known);

	if (near)
		log_error("unknown %s \"%s\"; did you mean \"%s\"? `aerie --help` lists the commands",
			  name[0] == '-' ? "option" : "command", name, near);
	else
		log_error("unknown %s \"%s\"; `aerie --help` lists the commands", name[0] == '-' ? "option" : "command",
			  name);
	return MACHINE_REFUSED;
}

static int help(const char *name)
{
	const struct cli_command *command = name ? find_command(name) : NULL;

	if (name && !command)
		return unknown_command(name);
	if (command)
		cli_print_command_help(command);
	else
		cli_print_help();
	return MACHINE_DONE;
}

int cli_main(int argc, char **argv, cli_run run)
{
	const struct cli_command *command;
	struct cli_args args;

	if (argc < 2) {
		log_error("no command; try `aerie run FILE`, or `aerie --help` for all commands");
		return MACHINE_REFUSED;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
		return help(argc > 2 ? argv[2] : NULL);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("aerie %s (configuration version %u)\n", AERIE_VERSION, CONFIG_VERSION);
		return MACHINE_DONE;
	}
	command = find_command(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	cli_args_init(&args, command, argc - 1, argv + 1, run);
	return command->main(&args);
}
