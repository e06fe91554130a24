/* SPDX-License-Identifier: Apache-2.0 */
/* Options by getopt_long(3), with messages of our own. */
#include "cli_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

/* Options that every command has. */
static const struct cli_option common[] = {
	{"verbose", 'v', NULL, "say more of what is done"},
	{"quiet", 'q', NULL, "say only what goes wrong"},
	{"help", 'h', NULL, "show this help"},
	{0},
};

static void add_options(struct cli_args *args, const struct cli_option *options, unsigned *n, char **shorts)
{
	for (; options && options->name && *n < CLI_MAX_OPTIONS; options++, (*n)++) {
		args->longs[*n] = (struct option){.name = options->name,
						  .has_arg = options->arg ? required_argument : no_argument,
						  .val = (unsigned char)options->letter};
		*(*shorts)++ = options->letter;
		if (options->arg)
			*(*shorts)++ = ':';
	}
}

void cli_args_init(struct cli_args *args, const struct cli_command *command, int argc, char **argv, cli_run run)
{
	char *shorts;
	unsigned n = 0;

	*args = (struct cli_args){.command = command, .run = run, .argc = argc, .argv = argv};
	shorts = args->shorts;
	*shorts++ = ':'; /* tells a missing argument from an unknown option */
	add_options(args, command->options, &n, &shorts);
	add_options(args, common, &n, &shorts);
	opterr = 0;
	optind = 0; /* starts over, as glibc and musl understand it */
}

int cli_refuse(const struct cli_args *args, const char *fmt, ...)
{
	char text[512];
	va_list list;

	va_start(list, fmt);
	vsnprintf(text, sizeof(text), fmt, list);
	va_end(list);
	log_error("%s; see `aerie %s --help`", text, args->command->name);
	return MACHINE_REFUSED;
}

static int unknown_option(struct cli_args *args)
{
	const char *given = args->argv[optind - 1];
	char known[CLI_MAX_OPTIONS][32];
	const char *words[CLI_MAX_OPTIONS + 1] = {NULL};
	char word[64];
	const char *near;

	if (optopt > ' ' && (strncmp(given, "--", 2) != 0)) {
		args->status = cli_refuse(args, "unknown option -%c", optopt);
		return -1;
	}
	if (optopt != 0) { /* --quiet=x: a known option that takes no argument */
		args->status = cli_refuse(args, "%.64s: this option takes no argument", given);
		return -1;
	}
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(given, "="), given);
	for (unsigned i = 0; args->longs[i].name; i++) {
		snprintf(known[i], sizeof(known[i]), "--%s", args->longs[i].name);
		words[i] = known[i];
	}
	near = cli_nearest(word, words);
	args->status = near ? cli_refuse(args, "unknown option %.64s (did you mean %s?)", word, near)
			    : cli_refuse(args, "unknown option %.64s", word);
	return -1;
}

int cli_next(struct cli_args *args)
{
	for (;;) {
		int letter = getopt_long(args->argc, args->argv, args->shorts, args->longs, NULL);

		switch (letter) {
		case -1:
			return 0;
		case 'v':
			log_set_level(LOG_DEBUG);
			break;
		case 'q':
			log_set_level(LOG_ERROR);
			break;
		case 'h':
			cli_print_command_help(args->command);
			args->status = MACHINE_DONE;
			return -1;
		case ':':
			args->status = cli_refuse(args, "option %s needs an argument", args->argv[optind - 1]);
			return -1;
		case '?':
			return unknown_option(args);
		default:
			return letter;
		}
	}
}

static void print_options(const struct cli_option *options)
{
	for (; options && options->name; options++) {
		char left[48];

		snprintf(left, sizeof(left), "-%c, --%s%s%s", options->letter, options->name, options->arg ? " " : "",
			 options->arg ? options->arg : "");
		printf("  %-26s %s\n", left, options->text);
	}
}

void cli_print_command_help(const struct cli_command *command)
{
	printf("aerie %s - %s\n\nUsage:\n  aerie %s %s\n\n%s\n\nOptions:\n", command->name, command->summary,
	       command->name, command->usage, command->help);
	print_options(command->options);
	print_options(common);
	printf("\nExample:\n%s\n\nExit status:\n%s\n", command->example, command->status);
}

void cli_print_help(void)
{
	printf("aerie %s - run a virtual machine with real PCI devices behind a virtual IOMMU\n\n"
	       "Usage:\n  aerie COMMAND ...\n\nCommands:\n",
	       AERIE_VERSION);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		printf("  %-14s %s\n", (*c)->name, (*c)->summary);
	printf("  %-14s %s\n", "help", "show this, or the help of a command: aerie help run");
	printf("\nA first VM with the host's PCI device 0000:01:00.0:\n"
	       "  aerie devices                                 what could be assigned, and if not, why\n"
	       "  aerie bind 0000:01:00.0                       take it from the host's driver\n"
	       "  aerie check configs/vms/first-flight.yaml     would it work here?\n"
	       "  aerie run configs/vms/first-flight.yaml       run it\n"
	       "  aerie unbind 0000:01:00.0                     give the device back\n"
	       "\nExit status: 0 done, 1 something failed, 2 the input or the host was refused.\n"
	       "The configuration file is described in docs/config.md, everything else in aerie(1).\n");
}
