/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be refused: every file of configs/bad with the message that its first line names ("# expect: REGEX"), bad
 * overrides, and what cannot be kept as a file. Always -errno, exactly one message, nothing left behind (ASan).
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "logged.h"

static void setup(void)
{
	logged_begin();
}

static void teardown(void)
{
	log_set_sink(NULL, NULL);
}

/* @err and @config are what the load returned; the message must match. */
static void refused(const char *what, int err, const struct config *config, const char *regex)
{
	regex_t re;

	ck_assert_msg(err < 0, "%s: accepted", what);
	ck_assert_ptr_null(config);
	ck_assert_msg(nr_logged == 1, "%s: %u messages, the last: %s", what, nr_logged, logged);
	ck_assert_int_eq(logged_level, LOG_ERROR);
	ck_assert_msg(strchr(logged, '\n') == NULL, "%s: more than one line: %s", what, logged);
	ck_assert_msg(regcomp(&re, regex, REG_EXTENDED | REG_NOSUB) == 0, "%s: bad expectation: %s", what, regex);
	ck_assert_msg(regexec(&re, logged, 0, NULL, 0) == 0, "%s: wrong message\n got: %s\nwant: %s", what, logged,
		      regex);
	regfree(&re);
	nr_logged = 0;
}

START_TEST(files)
{
	DIR *dir = opendir(CONFIGS_DIR "/bad");
	struct dirent *entry;
	unsigned n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		struct config *config = NULL;
		char path[512], line[512] = "";
		FILE *f;
		int err;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), CONFIGS_DIR "/bad/%s", entry->d_name);
		f = fopen(path, "r");
		ck_assert_ptr_nonnull(f);
		ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
		fclose(f);
		line[strcspn(line, "\n")] = '\0';
		ck_assert_msg(strncmp(line, "# expect: ", 10) == 0, "%s: first line is not \"# expect: REGEX\"", path);
		err = config_load(&config, path, NULL);
		refused(entry->d_name, err, config, line + 10);
		/* The place comes first. */
		ck_assert_msg(strncmp(logged, path, strlen(path)) == 0 && logged[strlen(path)] == ':', "%s: %s", path,
			      logged);
		n++;
	}
	closedir(dir);
	ck_assert_uint_ge(n, 60);
}
END_TEST

#define HEAD "version: 1\nmachine: { memory: 512M }\nboot: { kernel: Image }\n"

static const struct {
	const char *set;
	const char *regex;
} set_cases[] = {
	{"", "^--set : must be PATH=VALUE"},
	{"machine.cpus", "^--set machine.cpus: must be PATH=VALUE"},
	{"=4", "^--set =4: must be PATH=VALUE"},
	{"machine.cpu=4",
	 "^--set machine.cpu=4: unknown key \"cpu\" in \"machine\"; known keys: cpus, memory, hugepages, nested, debug-exit$"},
	{"nothing=4", "^--set nothing=4: unknown key \"nothing\" at the top level; known keys: version, "},
	{"nothing=", "^--set nothing=: unknown key \"nothing\" at the top level"},
	{"console.typ=", "^--set console.typ=: unknown key \"typ\" in \"console\"; known keys: type, path$"},
	{"console.type.x=", "\"console.type\" is a single value; nothing lies below it"},
	{"machine=4", "^--set machine=4: \"machine\" is a mapping; name a value inside it, like machine.cpus"},
	{"pci=4", "^--set pci=4: \"pci\" is a list; name a value inside it, like pci.0"},
	{"machine.cpus.x=4", "\"machine.cpus\" is a single value; nothing lies below it"},
	{"machine..cpus=4", "the path has an empty part"},
	{".machine.cpus=4", "the path has an empty part"},
	{"machine.=4", "the path has an empty part"},
	{"pci.x.iommu=s", "\"pci\" is a list; name an entry by its number: pci.0"},
	{"pci.-1.iommu=s", "name an entry by its number"},
	{"pci.1.iommu=s", "there is no pci.1; \"pci\" has 0 entries, counted from 0, and one can be added at the end"},
	{"pci.99999999999999999999.iommu=s", "name an entry by its number"},
	{"pci.0=", "there is no pci.0; \"pci\" has 0 entries, counted from 0$"},
	{"iommus.0.id=s", "^--set iommus.0.id=s: \"iommus.0\" lacks the key \"type\""},
	{"machine.cpus=many", "^--set machine.cpus=many: \"machine.cpus\" must be a whole number"},
	{"machine.cpus=0", "^--set machine.cpus=0: \"machine.cpus\" must be from 1"},
	{"machine.memory=1.5K", "^--set machine.memory=1.5K: \"machine.memory\" must be a whole number of units"},
	{"machine.memory=", "^vm.yaml:2:1: \"machine\" lacks the key \"memory\""},
	{"boot=", "^vm.yaml:1:1: the key \"boot\" is missing"},
	{"version=2", "^--set version=2: schema version 2 is not known"},
	{"pci.0.root-port=a b", "^--set pci.0.root-port=a b: \"pci.0.root-port\" is no name"},
	{"console.type=file", "^--set console.type=file: a console of type file needs"},
	{"name=\xff", "^--set:1:6: byte 0xff is not UTF-8"},
	{"name=~", "has no value"},
};

START_TEST(overrides)
{
	const char *const set[] = {set_cases[_i].set, NULL};
	struct config *config = NULL;
	int err = config_parse(&config, "vm.yaml", HEAD, strlen(HEAD), set);

	refused(set_cases[_i].set, err, config, set_cases[_i].regex);
}
END_TEST

START_TEST(set_below_a_wrong_kind)
{
	static const char text[] = "version: 1\nmachine: 5\nboot: { kernel: [k] }\n";
	const char *const below[] = {"machine.cpus=1", NULL};
	const char *const at[] = {"boot.kernel=k", NULL};
	struct config *config = NULL;

	refused("below", config_parse(&config, "vm.yaml", text, strlen(text), below), config,
		"^vm.yaml:2:10: \"machine\" must be a mapping");
	refused("at", config_parse(&config, "vm.yaml", text, strlen(text), at), config,
		"^vm.yaml:3:17: \"boot.kernel\" must be a single value, not a list");
}
END_TEST

static const struct {
	const char *text;
	size_t len;
	const char *regex;
} byte_cases[] = {
	{"", 0, "^x:1:1: the file is empty"},
	{"\xef\xbb\xbfversion: 1", 13, "^x:1:1: begins with a byte order mark"},
	{"\xff\xfev\0", 4, "^x:1:1: begins with a byte order mark"},
	{"\xfe\xff\0v", 4, "^x:1:1: begins with a byte order mark"},
	{"a: \0b", 5, "^x:1:4: byte 0x00 is not text"},
	{"a: b\n\x1b[0m", 9, "^x:2:1: byte 0x1b is not text"},
	{"a: \xc0\x80", 5, "^x:1:4: byte 0xc0 is not UTF-8"},
	{"a: \xed\xa0\x80", 6, "^x:1:4: byte 0xed is not UTF-8"},
	{"a: \xe2\x82", 5, "^x:1:4: byte 0xe2 is not UTF-8"},
	{"a: \xf4\x90\x80\x80", 7, "^x:1:4: byte 0xf4 is not UTF-8"},
	{"- a\n \t- b", 9, "^x:2:2: a tab in the indentation"},
	{"%YAML 9.0\n--- {}\n", 17, "^x:1:1: not valid YAML: found incompatible YAML document"},
};

START_TEST(bytes)
{
	struct config *config = NULL;
	/* A copy of exactly the length, so that reading beyond it is seen. */
	char *copy = malloc(byte_cases[_i].len + 1);
	int err;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, byte_cases[_i].text, byte_cases[_i].len);
	copy = realloc(copy, byte_cases[_i].len ? byte_cases[_i].len : 1);
	err = config_parse(&config, "x", copy, byte_cases[_i].len, NULL);
	refused("bytes", err, config, byte_cases[_i].regex);
	free(copy);
}
END_TEST

START_TEST(too_large)
{
	size_t len = CONFIG_MAX_FILE + 1;
	struct config *config = NULL;
	char *text = malloc(len);

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', len);
	ck_assert_int_eq(config_parse(&config, "x", text, len, NULL), -EFBIG);
	refused("too large", -EFBIG, config, "^x: larger than 1024 KiB");
	free(text);
}
END_TEST

START_TEST(too_many_values)
{
	static char text[CONFIG_MAX_FILE];
	struct config *config = NULL;

	memset(text, ',', sizeof(text));
	for (size_t i = 1; i < sizeof(text); i += 2)
		text[i] = 'a';
	text[0] = '[';
	refused("too many", config_parse(&config, "x", text, sizeof(text), NULL), config, "^x: more than 4096 values");
}
END_TEST

START_TEST(deep_flow)
{
	static char text[CONFIG_MAX_FILE];
	struct config *config = NULL;

	memset(text, '[', sizeof(text));
	refused("deep", config_parse(&config, "x", text, sizeof(text), NULL), config, "^x:1:17: nested too deeply");
}
END_TEST

START_TEST(no_file)
{
	char path[] = "/tmp/aerie-config-XXXXXX";
	struct config *config = NULL;

	ck_assert_int_eq(config_load(&config, "/nonexistent/vm.yaml", NULL), -ENOENT);
	refused("no file", -ENOENT, config, "^cannot open the configuration /nonexistent/vm.yaml: No such file");
	ck_assert_int_eq(config_load(&config, "/", NULL), -EISDIR);
	refused("directory", -EISDIR, config, "it is a directory");
	ck_assert_int_eq(config_load(&config, "/dev/zero", NULL), -EFBIG);
	refused("endless", -EFBIG, config, "^/dev/zero: larger than");
	ck_assert_ptr_nonnull(mkdtemp(path));
	rmdir(path);
}
END_TEST

/* Every prefix of a good file is refused or accepted, never more than one message. */
START_TEST(prefixes)
{
	static const char text[] = HEAD "iommus: [{id: s, type: smmuv3}]\n"
					"pci:\n- root-port: a\n  iommu: s\n  devices: [{assign: \"0000:01:00.0\"}]\n";

	for (size_t len = 0; len <= strlen(text); len++) {
		struct config *config = NULL;
		int err;

		nr_logged = 0;
		err = config_parse(&config, "x", text, len, NULL);
		ck_assert_uint_eq(nr_logged, err < 0 ? 1 : 0);
		ck_assert((err == 0) == (config != NULL));
		config_free(config);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config_bad");
	TCase *tc = tcase_create("config_bad");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, files);
	tcase_add_loop_test(tc, overrides, 0, sizeof(set_cases) / sizeof(set_cases[0]));
	tcase_add_test(tc, set_below_a_wrong_kind);
	tcase_add_loop_test(tc, bytes, 0, sizeof(byte_cases) / sizeof(byte_cases[0]));
	tcase_add_test(tc, too_large);
	tcase_add_test(tc, too_many_values);
	tcase_add_test(tc, deep_flow);
	tcase_add_test(tc, no_file);
	tcase_add_test(tc, prefixes);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
