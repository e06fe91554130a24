/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: what is understood, what is refused and with which words, what reaches the machine. */
#include "cli_fixture.h"

#include "cli.h"
#include "cli_priv.h"

static struct {
	unsigned calls;
	char name[64], cmdline[64], console_path[128], stats_path[64];
	unsigned cpus;
	enum config_console_type console;
	bool dry_run;
	int status; /* to return */
} ran;

static int run(const struct config *config, const struct machine_options *options)
{
	ran.calls++;
	ran.cpus = config->machine.cpus;
	ran.console = config->console.type;
	ran.dry_run = options->dry_run;
	snprintf(ran.name, sizeof(ran.name), "%s", config->name);
	snprintf(ran.cmdline, sizeof(ran.cmdline), "%s", config->boot.cmdline);
	snprintf(ran.console_path, sizeof(ran.console_path), "%s", config->console.path ? config->console.path : "-");
	snprintf(ran.stats_path, sizeof(ran.stats_path), "%s", options->stats_path ? options->stats_path : "-");
	return ran.status;
}

static char vm[PATH_MAX], kernel[PATH_MAX];

static void setup(void)
{
	fx_start();
	memset(&ran, 0, sizeof(ran));
	fx_file("/proc/meminfo", "MemTotal:  2097152 kB\nMemFree: 1 kB\nMemAvailable:    1048576 kB\n");
	fx_file("/kernel", "not empty");
	snprintf(kernel, sizeof(kernel), "%s", fx_path("/kernel"));
	fx_file("/vm.yaml", fx_f("version: 1\nname: here\nmachine: { cpus: 2, memory: 512M }\nboot: { kernel: %s }\n"
				 "console: { type: pty, path: /tmp/link }\n",
				 kernel));
	snprintf(vm, sizeof(vm), "%s", fx_path("/vm.yaml"));
}

static void teardown(void)
{
	fx_stop();
}

#define MAX_WORDS 12
/* @words end with NULL. A word "VM" stands for the configuration's path. */
static int cli(const char *const *words, char **out)
{
	char *argv[MAX_WORDS + 2] = {(char *)"aerie"};
	int argc = 1, status;
	char *text;

	for (; words[argc - 1]; argc++)
		argv[argc] = strcmp(words[argc - 1], "VM") == 0 ? vm : (char *)words[argc - 1];
	fx_capture();
	status = cli_main(argc, argv, run);
	text = fx_captured();
	if (out)
		*out = text;
	else
		free(text);
	return status;
}

static const struct {
	const char *words[MAX_WORDS];
	const char *message;
} refusals[] = {
	{{NULL}, "error: no command; try `aerie run FILE`"},
	{{"rum"}, "error: unknown command \"rum\"; did you mean \"run\"?"},
	{{"rnu"}, "unknown command \"rnu\"; did you mean \"run\"?"},
	{{"frobnicate"}, "error: unknown command \"frobnicate\"; `aerie --help` lists the commands"},
	{{"--verison"}, "error: unknown option \"--verison\"; did you mean \"--version\"?"},
	{{"help", "divices"}, "unknown command \"divices\"; did you mean \"devices\"?"},
	{{"run"}, "error: which configuration file?; see `aerie run --help`"},
	{{"run", "VM", "VM"}, "error: more than one configuration file; see `aerie run --help`"},
	{{"run", "--dryrun", "VM"}, "error: unknown option --dryrun (did you mean --dry-run?); see `aerie run --help`"},
	{{"run", "--frob", "VM"}, "error: unknown option --frob; see `aerie run --help`"},
	{{"run", "-x", "VM"}, "error: unknown option -x; see"},
	{{"run", "--dry-run=yes", "VM"}, "error: --dry-run=yes: this option takes no argument; see"},
	{{"run", "VM", "--set"}, "error: option --set needs an argument; see"},
	{{"run", "VM", "-s"}, "error: option -s needs an argument; see"},
	{{"run", "VM", "--set", "machine.cpu=3"}, "error: --set machine.cpu=3: unknown key \"cpu\" in \"machine\""},
	{{"run", "VM", "--console", "tty"}, "error: --console tty: must be stdio, file:PATH, pty, pty:LINK or none"},
	{{"run", "VM", "--console", "file"}, "error: --console file: must be"},
	{{"run", "VM", "--console", "file:"}, "error: --console file:: must be"},
	{{"run", "VM", "--console", "stdio:x"}, "error: --console stdio:x: must be"},
	{{"run", "VM", "--console", ""}, "error: --console : must be"},
	{{"run", "/nonexistent.yaml"}, "error: cannot open the configuration /nonexistent.yaml: No such file"},
	{{"run", "VM", "--set", "boot.kernel=/nonexistent"},
	 "error: boot.kernel: cannot open /nonexistent: No such file"},
	{{"run", "VM", "--set", "boot.kernel=/"}, "error: boot.kernel: / is no file"},
	{{"run", "VM", "--set", "boot.initrd=/dev/null"}, "error: boot.initrd: /dev/null is no file"},
	{{"run", "VM", "--set", "machine.memory=4G"},
	 "error: memory: 4096 MiB wanted, this host has 2048 MiB in all; lower machine.memory"},
	{{"run", "VM", "--set", "machine.memory=1536M", "--set", "pci.0.root-port=p", "--set",
	  "pci.0.devices.0.assign=01:00.0"},
	 "error: memory: 1536 MiB wanted, 1024 MiB are available now, and assigned devices pin all of it"},
	{{"run", "VM", "--set", "machine.hugepages=2M"}, "error: hugepages: this host has no 2 MiB pages"},
	{{"check", "VM", "VM"}, "error: more than one configuration file; see `aerie check --help`"},
	{{"check", "--set", "machine.cpus=1"}, "error: --set changes a configuration file, and there is none"},
	{{"devices", "all"}, "error: unexpected argument all; see `aerie devices --help`"},
	{{"bind"}, "error: which device?; see `aerie bind --help`"},
	{{"bind", "0000:01:00"}, "error: \"0000:01:00\" is no PCI address like 0000:01:00.0; see"},
	{{"unbind", "01:00.0", "nvme0"}, "error: \"nvme0\" is no PCI address"},
	{{"unbind", "--force", "01:00.0"}, "error: unknown option --force; see `aerie unbind --help`"},
};

START_TEST(refused)
{
	char *out;

	ck_assert_int_eq(cli(refusals[_i].words, &out), MACHINE_REFUSED);
	fx_has(fx_logged, refusals[_i].message);
	/* Exactly one message, nothing on standard output, nothing run. */
	ck_assert_msg(strchr(fx_logged, '\n') == fx_logged + strlen(fx_logged) - 1, "%s", fx_logged);
	ck_assert_str_eq(out, "");
	ck_assert_uint_eq(ran.calls, 0);
	free(out);
}
END_TEST

START_TEST(plain_run)
{
	ck_assert_int_eq(cli((const char *[]){"run", "VM", NULL}, NULL), 0);
	ck_assert_uint_eq(ran.calls, 1);
	ck_assert_str_eq(ran.name, "here");
	ck_assert_uint_eq(ran.cpus, 2);
	ck_assert(!ran.dry_run);
	ck_assert_str_eq(ran.stats_path, "-");
	ck_assert_int_eq(ran.console, CONSOLE_PTY);
	ck_assert_str_eq(ran.console_path, "/tmp/link");
	ck_assert_str_eq(fx_logged, "");
}
END_TEST

START_TEST(run_with_everything)
{
	const char *const words[] = {"run",
				     "-q",
				     "--set",
				     "machine.cpus=4",
				     "VM",
				     "--dry-run",
				     "--stats=/tmp/s.json",
				     "-s",
				     "boot.cmdline=a=b c",
				     "-s",
				     "machine.cpus=8",
				     NULL};

	ck_assert_int_eq(cli(words, NULL), 0);
	ck_assert_uint_eq(ran.calls, 1);
	ck_assert_uint_eq(ran.cpus, 8);
	ck_assert_str_eq(ran.cmdline, "a=b c");
	ck_assert_str_eq(ran.stats_path, "/tmp/s.json");
	ck_assert(ran.dry_run);
}
END_TEST

START_TEST(status_is_passed_on)
{
	ran.status = MACHINE_FAILED;
	ck_assert_int_eq(cli((const char *[]){"run", "VM", NULL}, NULL), MACHINE_FAILED);
}
END_TEST

static const struct {
	const char *where;
	enum config_console_type type;
	const char *path;
} consoles[] = {
	{"stdio", CONSOLE_STDIO, "-"},
	{"none", CONSOLE_NONE, "-"},
	{"pty", CONSOLE_PTY, "-"},
	{"pty:/tmp/other", CONSOLE_PTY, "/tmp/other"},
	{"file:/tmp/a:b", CONSOLE_FILE, "/tmp/a:b"},
};

START_TEST(console)
{
	const char *const words[] = {"run", "VM", "--console", consoles[_i].where, NULL};

	ck_assert_int_eq(cli(words, NULL), 0);
	ck_assert_int_eq(ran.console, consoles[_i].type);
	ck_assert_str_eq(ran.console_path, consoles[_i].path);
}
END_TEST

START_TEST(the_last_console_counts)
{
	const char *const words[] = {"run", "--console", "file:/tmp/a", "--console", "none", "VM", NULL};

	ck_assert_int_eq(cli(words, NULL), 0);
	ck_assert_int_eq(ran.console, CONSOLE_NONE);
}
END_TEST

START_TEST(overcommit_without_devices_is_fine)
{
	const char *const words[] = {"run", "VM", "--set", "machine.memory=1536M", NULL};

	ck_assert_int_eq(cli(words, NULL), 0);
	ck_assert_uint_eq(ran.calls, 1);
}
END_TEST

START_TEST(huge_pages)
{
	const char *const words[] = {"run", "VM", "--set", "machine.hugepages=2M", NULL};

	fx_file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "255\n");
	ck_assert_int_eq(cli(words, NULL), MACHINE_REFUSED);
	fx_has(fx_logged, "hugepages: 256 pages of 2 MiB wanted, 255 are free; raise the number in "
			  "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages by 1");
	fx_file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "256\n");
	ck_assert_int_eq(cli(words, NULL), 0);
}
END_TEST

static const struct {
	const char *words[4];
	const char *parts[4];
} helps[] = {
	{{"--help"}, {"run ", "unbind ", "Exit status: 0 done", "aerie bind 0000:01:00.0"}},
	{{"-h"}, {"Commands:"}},
	{{"help"}, {"Commands:"}},
	{{"help", "run"}, {"aerie run [OPTION...] FILE", "--set PATH=VALUE", "Example:", "Exit status:"}},
	{{"run", "--help"}, {"aerie run [OPTION...] FILE", "--dry-run", "--console WHERE", "--stats FILE"}},
	{{"check", "-h"}, {"--set PATH=VALUE", "Example:", "Exit status:"}},
	{{"devices", "--help"}, {"Example:", "Exit status:"}},
	{{"bind", "--help"}, {"--force", "Example:", "Exit status:"}},
	{{"unbind", "--help"}, {"ADDRESS...", "Example:", "Exit status:"}},
	{{"--version"}, {"aerie " AERIE_VERSION " (configuration version 1)\n"}},
	{{"-V"}, {"aerie " AERIE_VERSION}},
};

START_TEST(help)
{
	const char *words[MAX_WORDS] = {helps[_i].words[0], helps[_i].words[1], helps[_i].words[2]};
	char *out;

	ck_assert_int_eq(cli(words, &out), 0);
	for (unsigned i = 0; i < 4 && helps[_i].parts[i]; i++)
		fx_has(out, helps[_i].parts[i]);
	for (const char *line = out; *line; line += strcspn(line, "\n") + 1)
		ck_assert_msg(strcspn(line, "\n") <= 120, "line too long: %.120s", line);
	ck_assert_str_eq(fx_logged, "");
	ck_assert_uint_eq(ran.calls, 0);
	free(out);
}
END_TEST

START_TEST(nearest)
{
	static const char *const words[] = {"check", "devices", "run", NULL};

	ck_assert_str_eq(cli_nearest("check", words), "check");
	ck_assert_str_eq(cli_nearest("chekc", words), "check");
	ck_assert_str_eq(cli_nearest("device", words), "devices");
	ck_assert_str_eq(cli_nearest("ru", words), "run");
	ck_assert_ptr_null(cli_nearest("", words));
	ck_assert_ptr_null(cli_nearest("completely-else", words));
	ck_assert_ptr_null(
		cli_nearest("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", words));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli");
	TCase *tc = tcase_create("cli");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, refused, 0, sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(tc, plain_run);
	tcase_add_test(tc, run_with_everything);
	tcase_add_test(tc, status_is_passed_on);
	tcase_add_loop_test(tc, console, 0, sizeof(consoles) / sizeof(consoles[0]));
	tcase_add_test(tc, the_last_console_counts);
	tcase_add_test(tc, overcommit_without_devices_is_fine);
	tcase_add_test(tc, huge_pages);
	tcase_add_loop_test(tc, help, 0, sizeof(helps) / sizeof(helps[0]));
	tcase_add_test(tc, nearest);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
