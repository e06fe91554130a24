/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration must come to. What must be refused, and with which words: test_config_bad.c and configs/bad/. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "config_priv.h"
#include "logged.h"

static void setup(void)
{
	logged_begin();
}

static void teardown(void)
{
	log_set_sink(NULL, NULL);
}

static struct config *parse(const char *text, const char *const *overrides)
{
	struct config *config = NULL;

	ck_assert_msg(config_parse(&config, "vm.yaml", text, strlen(text), overrides) == 0, "refused: %s", logged);
	ck_assert_uint_eq(nr_logged, 0);
	ck_assert_ptr_nonnull(config);
	return config;
}

#define MINIMAL "version: 1\nmachine: { memory: 512M }\nboot: { kernel: Image }\n"

START_TEST(defaults)
{
	struct config *c = parse(MINIMAL, NULL);

	ck_assert_uint_eq(c->version, 1);
	ck_assert_str_eq(c->name, "vm");
	ck_assert_uint_eq(c->machine.cpus, 1);
	ck_assert_uint_eq(c->machine.memory_bytes, 512ull << 20);
	ck_assert_int_eq(c->machine.hugepages, HUGEPAGES_NONE);
	ck_assert_str_eq(c->boot.kernel, "Image");
	ck_assert_ptr_null(c->boot.initrd);
	ck_assert_str_eq(c->boot.cmdline, "");
	ck_assert_int_eq(c->console.type, CONSOLE_STDIO);
	ck_assert_ptr_null(c->console.path);
	ck_assert_uint_eq(c->iommus_count, 0);
	ck_assert_uint_eq(c->pci_count, 0);
	config_free(c);
}
END_TEST

START_TEST(everything)
{
	struct config *c = parse("version: 1\n"
				 "name: all-of.it_1\n"
				 "machine:\n"
				 "  cpus: 512\n"
				 "  memory: 4G\n"
				 "  hugepages: 2M\n"
				 "  nested: true\n"
				 "boot:\n"
				 "  kernel: /boot/Image\n"
				 "  initrd: /boot/initrd\n"
				 "  cmdline: \"a=b c: # d \\u00e9\"\n"
				 "console: { type: pty, path: /tmp/tty }\n"
				 "iommus:\n"
				 "- { id: s0, type: smmuv3 }\n"
				 "- { id: s1, type: smmuv3 }\n"
				 "pci:\n"
				 "- root-port: a\n"
				 "  slot: 2\n"
				 "  iommu: s1\n"
				 "  devices:\n"
				 "  - { assign: 0000:01:00.0 }\n"
				 "  - { assign: \"0A:1f.7\", function: 7 }\n"
				 "- root-port: b\n"
				 "- root-port: c\n"
				 "  slot: 31\n"
				 "  devices: []\n"
				 "- root-port: d\n",
				 NULL);

	ck_assert_str_eq(c->name, "all-of.it_1");
	ck_assert_uint_eq(c->machine.cpus, 512);
	ck_assert_uint_eq(c->machine.memory_bytes, 4ull << 30);
	ck_assert_int_eq(c->machine.hugepages, HUGEPAGES_2M);
	ck_assert(c->machine.nested);
	ck_assert_str_eq(c->boot.initrd, "/boot/initrd");
	ck_assert_str_eq(c->boot.cmdline, "a=b c: # d \xc3\xa9");
	ck_assert_int_eq(c->console.type, CONSOLE_PTY);
	ck_assert_str_eq(c->console.path, "/tmp/tty");
	ck_assert_uint_eq(c->iommus_count, 2);
	ck_assert_int_eq(config_iommu_index(c, "s0"), 0);
	ck_assert_int_eq(config_iommu_index(c, "s1"), 1);
	ck_assert_int_eq(config_iommu_index(c, "s2"), -1);
	ck_assert_uint_eq(c->pci_count, 4);
	ck_assert_str_eq(c->pci[0].iommu, "s1");
	ck_assert_uint_eq(c->pci[0].devices_count, 2);
	ck_assert_str_eq(c->pci[0].devices[0].assign, "0000:01:00.0");
	ck_assert_uint_eq(c->pci[0].devices[0].function, 0);
	ck_assert_str_eq(c->pci[0].devices[1].assign, "0000:0a:1f.7");
	ck_assert_uint_eq(c->pci[0].devices[1].function, 7);
	ck_assert_ptr_null(c->pci[1].iommu);
	ck_assert_uint_eq(c->pci[1].devices_count, 0);
	/* Ports without a slot take the free ones in order. */
	ck_assert_uint_eq(c->pci[0].slot, 2);
	ck_assert_uint_eq(c->pci[1].slot, 1);
	ck_assert_uint_eq(c->pci[2].slot, 31);
	ck_assert_uint_eq(c->pci[3].slot, 3);
	config_free(c);
}
END_TEST

static const struct {
	const char *text;
	uint64_t bytes;
} memory_cases[] = {
	{"2M", 2ull << 20},   {"2048K", 2ull << 20},   {"2097152", 2ull << 20},
	{"1G", 1ull << 30},   {"0512M", 512ull << 20}, {"3T", 3ull << 40},
	{"64T", 64ull << 40}, {"514M", 514ull << 20},  {"\"1G\"", 1ull << 30},
};

START_TEST(memory)
{
	char text[128];
	struct config *c;

	snprintf(text, sizeof(text), "version: 1\nmachine: { memory: %s }\nboot: { kernel: Image }\n",
		 memory_cases[_i].text);
	c = parse(text, NULL);
	ck_assert_uint_eq(c->machine.memory_bytes, memory_cases[_i].bytes);
	config_free(c);
}
END_TEST

START_TEST(line_ends_and_comments)
{
	struct config *c = parse("# hello\r\n---\r\nversion: 1\r\nmachine:\r\n  memory: 512M # half\r\n  \r\n"
				 "boot:\r\n  kernel:\tImage\r\n...\r\n",
				 NULL);

	ck_assert_str_eq(c->boot.kernel, "Image");
	config_free(c);
}
END_TEST

START_TEST(set_replaces)
{
	const char *const set[] = {"machine.cpus=4", "machine.memory=1G", "boot.cmdline=a=b, c: {d}",
				   "name=other",     "machine.cpus=8",	  NULL};
	struct config *c = parse(MINIMAL, set);

	ck_assert_uint_eq(c->machine.cpus, 8);
	ck_assert_uint_eq(c->machine.memory_bytes, 1ull << 30);
	ck_assert_str_eq(c->boot.cmdline, "a=b, c: {d}");
	ck_assert_str_eq(c->name, "other");
	config_free(c);
}
END_TEST

START_TEST(set_makes)
{
	const char *const set[] = {"iommus.0.id=s",
				   "iommus.0.type=smmuv3",
				   "pci.0.root-port=rp",
				   "pci.0.iommu=s",
				   "pci.0.devices.0.assign=01:00.0",
				   "pci.0.devices.1.assign=01:00.1",
				   "pci.0.devices.1.function=1",
				   "console.type=none",
				   NULL};
	struct config *c = parse(MINIMAL, set);

	ck_assert_uint_eq(c->iommus_count, 1);
	ck_assert_uint_eq(c->pci_count, 1);
	ck_assert_str_eq(c->pci[0].root_port, "rp");
	ck_assert_uint_eq(c->pci[0].devices_count, 2);
	ck_assert_str_eq(c->pci[0].devices[1].assign, "0000:01:00.1");
	ck_assert_int_eq(c->console.type, CONSOLE_NONE);
	config_free(c);
}
END_TEST

START_TEST(set_makes_the_whole)
{
	const char *const set[] = {"version=1", "machine.memory=512M", "boot.kernel=Image", NULL};
	struct config *c = parse("{}", set);

	ck_assert_uint_eq(c->machine.memory_bytes, 512ull << 20);
	config_free(c);
}
END_TEST

START_TEST(set_removes)
{
	const char *const set[] = {"boot.initrd=", "pci=", "console.path=", "iommus.1=", NULL};
	struct config *c = parse("version: 1\nmachine: { memory: 512M }\nboot: { kernel: k, initrd: i }\n"
				 "iommus: [{id: a, type: smmuv3}, {id: b, type: smmuv3}]\npci: [{root-port: x}]\n",
				 set);

	ck_assert_ptr_null(c->boot.initrd);
	ck_assert_uint_eq(c->pci_count, 0);
	ck_assert_uint_eq(c->iommus_count, 1);
	ck_assert_str_eq(c->iommus[0].id, "a");
	config_free(c);
}
END_TEST

/* The examples that users start from: one for each kind of device and IOMMU at least. */
START_TEST(examples)
{
	DIR *dir = opendir(CONFIGS_DIR "/vms");
	unsigned n = 0, kinds = 0, iommus = 0;
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		char path[512];
		struct config *c = NULL;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), CONFIGS_DIR "/vms/%s", entry->d_name);
		ck_assert_msg(config_load(&c, path, NULL) == 0, "%s is refused: %s", path, logged);
		for (unsigned i = 0; i < c->pci_count; i++)
			for (unsigned d = 0; d < c->pci[i].devices_count; d++)
				kinds |= 1u << c->pci[i].devices[d].kind;
		for (unsigned i = 0; i < c->iommus_count; i++)
			iommus |= 1u << c->iommus[i].type;
		config_free(c);
		n++;
	}
	closedir(dir);
	ck_assert_uint_ge(n, 15);
	ck_assert_uint_eq(kinds, (1u << DEVICE_KINDS) - 1);
	ck_assert_uint_eq(iommus, 1u << IOMMU_TYPE_SMMUV3 | 1u << IOMMU_TYPE_VIRTIO);
}
END_TEST

START_TEST(first_flight)
{
	struct config *c = NULL;

	ck_assert_int_eq(config_load(&c, CONFIGS_DIR "/vms/first-flight.yaml", NULL), 0);
	ck_assert_str_eq(c->name, "first-flight");
	ck_assert_uint_eq(c->machine.cpus, 2);
	ck_assert_uint_eq(c->machine.memory_bytes, 512ull << 20);
	ck_assert_str_eq(c->boot.kernel, "/guest/Image");
	ck_assert_str_eq(c->boot.initrd, "/guest/initrd.gz");
	ck_assert_str_eq(c->boot.cmdline, "console=ttyAMA0");
	ck_assert_int_eq(c->iommus[0].type, IOMMU_TYPE_SMMUV3);
	ck_assert_int_eq(config_iommu_index(c, c->pci[0].iommu), 0);
	ck_assert_str_eq(c->pci[0].devices[0].assign, "0000:01:00.0");
	config_free(c);
}
END_TEST

/* Every key of @schema stands in @text, as `path.of.key` with N for entries of lists. Returns how many there are. */
static unsigned named(const char *text, const char *path, const cyaml_schema_value_t *schema)
{
	char wanted[160];
	unsigned n = 0;

	if (schema->type == CYAML_SEQUENCE) {
		snprintf(wanted, sizeof(wanted), "%s.N", path);
		return named(text, wanted, schema->sequence.entry);
	}
	if (schema->type == CYAML_MAPPING && schema->mapping.fields->key) {
		for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++) {
			snprintf(wanted, sizeof(wanted), "%s%s%s", path, *path ? "." : "", field->key);
			n += named(text, wanted, &field->value);
		}
		return n;
	}
	snprintf(wanted, sizeof(wanted), "`%s`", path);
	ck_assert_msg(strstr(text, wanted) != NULL, "docs/config.md does not describe %s", wanted);
	return 1;
}

/* docs/config.md is the reference. */
START_TEST(reference_names_every_key)
{
	static char text[1 << 16];
	FILE *f = fopen(CONFIGS_DIR "/../docs/config.md", "r");

	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	ck_assert_uint_gt(named(text, "", &config_schema), 40);
}
END_TEST

START_TEST(free_of_nothing)
{
	config_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tc = tcase_create("config");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, everything);
	tcase_add_loop_test(tc, memory, 0, sizeof(memory_cases) / sizeof(memory_cases[0]));
	tcase_add_test(tc, line_ends_and_comments);
	tcase_add_test(tc, set_replaces);
	tcase_add_test(tc, set_makes);
	tcase_add_test(tc, set_makes_the_whole);
	tcase_add_test(tc, set_removes);
	tcase_add_test(tc, examples);
	tcase_add_test(tc, first_flight);
	tcase_add_test(tc, reference_names_every_key);
	tcase_add_test(tc, free_of_nothing);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
