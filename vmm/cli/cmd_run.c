/* SPDX-License-Identifier: Apache-2.0 */
/* aerie run: parse, load, ask the host the cheap questions, hand over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_check.h"
#include "cli_priv.h"
#include "log.h"
#include "stats.h"

enum {
	OPT_DRY_RUN = 'n',
	OPT_SET = 's',
	OPT_STATS = 'S',
	OPT_CONSOLE = 'c',
};

static const struct cli_option options[] = {
	{"set", OPT_SET, "PATH=VALUE", "change the configuration, e.g. machine.cpus=4 (repeatable; empty: remove)"},
	{"console", OPT_CONSOLE, "WHERE", "stdio, file:PATH, pty, pty:LINK or none, instead of the file's"},
	{"dry-run", OPT_DRY_RUN, NULL, "build the whole machine, devices included, but start nothing"},
	{"stats", OPT_STATS, "FILE", "write the statistics there as JSON when the guest has ended"},
	{0},
};

struct run {
	const char **overrides; /* NULL-terminated */
	unsigned nr_overrides;
	char *console_path; /* "console.path=...", owned */
	struct machine_options machine;
};

static void override(struct run *run, const char *text)
{
	run->overrides[run->nr_overrides++] = text;
}

/* --console is shorthand for two overrides. */
static int set_console(struct cli_args *args, struct run *run, const char *where)
{
	const char *colon = strchr(where, ':');
	const char *path = colon ? colon + 1 : "";
	size_t len = colon ? (size_t)(colon - where) : strlen(where);
	static const struct {
		const char *name, *set;
		bool may_path, must_path;
	} types[] = {
		{"stdio", "console.type=stdio", false, false},
		{"file", "console.type=file", true, true},
		{"pty", "console.type=pty", true, false},
		{"none", "console.type=none", false, false},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strlen(types[i].name) != len || strncmp(types[i].name, where, len) != 0)
			continue;
		if ((types[i].must_path && !*path) || (colon && (!types[i].may_path || !*path)))
			break;
		free(run->console_path);
		if (asprintf(&run->console_path, "console.path=%s", path) < 0) {
			run->console_path = NULL;
			log_error("out of memory");
			return MACHINE_FAILED;
		}
		override(run, "console.path="); /* whatever the file says of the path goes with its type */
		override(run, types[i].set);
		if (*path)
			override(run, run->console_path);
		return MACHINE_DONE;
	}
	return cli_refuse(args, "--console %s: must be stdio, file:PATH, pty, pty:LINK or none", where);
}

static int parse(struct cli_args *args, struct run *run)
{
	const char *console = NULL;
	int letter;

	while ((letter = cli_next(args)) > 0) {
		if (letter == OPT_SET)
			override(run, optarg);
		else if (letter == OPT_STATS)
			run->machine.stats_path = optarg;
		else if (letter == OPT_DRY_RUN)
			run->machine.dry_run = true;
		else
			console = optarg;
	}
	if (letter < 0)
		return args->status;
	if (args->argc - optind != 1)
		return cli_refuse(args, args->argc == optind ? "which configuration file?"
							     : "more than one configuration file");
	return console ? set_console(args, run, console) : MACHINE_DONE;
}

/* What can be refused before anything is built: one message, the first. */
static int refuse_early(const struct config *config)
{
	struct check check = {.config = config};

	check_files(&check);
	check_memory(&check);
	if (check.errors == 0)
		return MACHINE_DONE;
	log_error("%s", check.first_error);
	return MACHINE_REFUSED;
}

static int load_and_run(struct cli_args *args, const struct run *run)
{
	struct config *config;
	int status;

	if (config_load(&config, args->argv[optind], run->overrides) < 0)
		return MACHINE_REFUSED;
	stats_stamp(&stats.phase.config_read);
	status = refuse_early(config);
	if (status == MACHINE_DONE)
		status = args->run(config, &run->machine);
	config_free(config);
	return status;
}

static int run_main(struct cli_args *args)
{
	struct run run = {0};
	bool over = false;
	int status;

	/* Each word of the command line makes one override at most, --console three. */
	run.overrides = calloc((size_t)args->argc + 4, sizeof(run.overrides[0]));
	if (!run.overrides) {
		log_error("out of memory");
		return MACHINE_FAILED;
	}
	args->status = -1;
	status = parse(args, &run);
	over = status != MACHINE_DONE || args->status == MACHINE_DONE; /* --help ends with 0 too */
	if (!over)
		status = load_and_run(args, &run);
	free(run.overrides);
	free(run.console_path);
	return status;
}

const struct cli_command cli_cmd_run = {
	.name = "run",
	.usage = "[OPTION...] FILE",
	.summary = "run the VM that FILE describes, until its guest powers off",
	.help = "Reads the configuration FILE (docs/config.md), builds the machine and runs it in the foreground. The\n"
		"guest's console is the terminal unless the configuration says otherwise; Ctrl-A x ends the VM.\n"
		"SIGINT, SIGTERM and SIGHUP end it too; SIGUSR1 prints the statistics so far, SIGUSR2\n"
		"presses the power button.",
	.example =
		"  aerie run configs/vms/first-flight.yaml\n"
		"  aerie run --set machine.cpus=4 --set boot.cmdline='console=ttyAMA0 quiet' --console file:vm.log vm.yaml",
	.status = "  0  the guest powered off, or the VM was ended by the user\n"
		  "  1  the guest crashed, or something failed while it ran\n"
		  "  2  the command line, the configuration or the host was refused; no guest ran",
	.options = options,
	.main = run_main,
};
