/* SPDX-License-Identifier: Apache-2.0 */
/* aerie check: every finding about a configuration and this host, one line each. */
#include <stdio.h>
#include <stdlib.h>

#include "host_check.h"
#include "cli_priv.h"
#include "log.h"

static const struct cli_option options[] = {
	{"set", 's', "PATH=VALUE", "change the configuration first, as for `aerie run` (repeatable)"},
	{0},
};

static void print_finding(struct check *check, enum check_level level, const char *what, const char *text)
{
	static const char *const names[] = {"ok", "warning", "error"};

	(void)check;
	printf("%-8s %s: %s\n", names[level], what, text);
	fflush(stdout); /* so that lines of other origin come in order */
}

static int run_checks(struct check *check)
{
	check_kvm(check);
	check_files(check);
	check_control(check);
	check_memory(check);
	check_iommufd(check);
	check_kernel_options(check);
	check_iommus(check);
	check_devices(check);
	check_tsm(check);
	check_emulated(check);
	check_trust(check);
	check_host_devices(check);
	check_limits(check);
	return check->errors > 0 ? MACHINE_REFUSED : MACHINE_DONE;
}

static int check_file(const char *path, const char *const *overrides)
{
	struct check check = {.report = print_finding};
	struct check_capture capture;
	struct config *config = NULL;
	int err = 0, status;

	if (path) {
		check_capture_begin(&capture);
		err = config_load(&config, path, overrides);
		check_capture_end();
		if (err < 0)
			check_add(&check, CHECK_ERROR, "configuration", "%s", capture.text);
		else
			check_add(&check, CHECK_OK, "configuration", "%s describes \"%s\"", path, config->name);
	}
	check.config = config;
	status = run_checks(&check);
	printf("%u error%s, %u warning%s\n", check.errors, check.errors == 1 ? "" : "s", check.warnings,
	       check.warnings == 1 ? "" : "s");
	config_free(config);
	return status;
}

static int check_main(struct cli_args *args)
{
	const char **overrides = calloc((size_t)args->argc + 1, sizeof(overrides[0]));
	unsigned n = 0;
	int letter, status;

	if (!overrides) {
		log_error("out of memory");
		return MACHINE_FAILED;
	}
	while ((letter = cli_next(args)) > 0)
		overrides[n++] = optarg;
	if (letter < 0)
		status = args->status;
	else if (args->argc - optind > 1)
		status = cli_refuse(args, "more than one configuration file");
	else if (n > 0 && args->argc == optind)
		status = cli_refuse(args, "--set changes a configuration file, and there is none");
	else
		status = check_file(args->argv[optind], overrides);
	free(overrides);
	return status;
}

const struct cli_command cli_cmd_check = {
	.name = "check",
	.usage = "[--set PATH=VALUE]... [FILE]",
	.summary = "say whether FILE is right and whether this host can run it",
	.help = "Prints one line for each finding: ok, warning or error, what it is about, what is the case and what to\n"
		"do. Looks at the file, the place of its control socket, KVM, iommufd, VFIO, memory and its limits, the\n"
		"kernel's options, and at each assigned device: its driver, group and IOMMU, whether it is free, whether\n"
		"its IOMMU can nest, and whether addresses that the host reserves collide with the guest's memory; then at\n"
		"what the other devices stand on: images and their locks, taps, vhost, sockets, folders, servers to start,\n"
		"open files, io_uring. Devices are opened and closed again; nothing is changed. Without FILE it looks at\n"
		"the host alone.",
	.example = "  aerie check configs/vms/first-flight.yaml",
	.status = "  0  no errors (warnings are allowed)\n"
		  "  2  at least one error, or the command line was refused",
	.options = options,
	.main = check_main,
};
