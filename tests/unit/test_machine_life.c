/* SPDX-License-Identifier: Apache-2.0 */
/* A whole arm64 machine without assigned devices, from its configuration to its end, on the pretended kernel. */
#include <errno.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"
#include "fake_kvm.h"
#include "log.h"
#include "machine.h"

static char image[] = "/tmp/aerie-test-image-XXXXXX";
static char yaml[512];
static unsigned nr_errors;
static char last_error[512];

static void sink(enum log_level level, const char *line, void *opaque)
{
	if (level > LOG_WARN)
		return;
	nr_errors++;
	snprintf(last_error, sizeof(last_error), "%s", line);
}

static void put_le64(unsigned char *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

/* The smallest thing that has the header of an arm64 Image (Linux Documentation/arch/arm64/booting.rst). */
static void write_image(void)
{
	static unsigned char header[4096];
	int fd = mkstemp(image);

	ck_assert_int_ge(fd, 0);
	put_le64(header + 16, sizeof(header)); /* image_size */
	put_le64(header + 24, 0xa);	       /* little-endian, 4 KiB pages, anywhere in memory */
	memcpy(header + 56, "ARM\x64", 4);
	ck_assert_int_eq((int)write(fd, header, sizeof(header)), (int)sizeof(header));
	close(fd);
}

static void setup(void)
{
	write_image();
	snprintf(yaml, sizeof(yaml),
		 "version: 1\nname: life\nmachine: { cpus: 2, memory: 64M }\nboot: { kernel: %s }\n"
		 "console: { type: none }\n",
		 image);
	fake_reset();
	fake_kvm_install();
	nr_errors = 0;
	log_set_sink(sink, NULL);
}

static void teardown(void)
{
	log_set_sink(NULL, NULL);
	unlink(image);
	ck_assert_uint_eq(fake_leaks(), 0);
}

static const struct fake_kvm_exit reboot = {.reason = KVM_EXIT_SYSTEM_EVENT, .event = KVM_SYSTEM_EVENT_RESET};
static const struct fake_kvm_exit poweroff = {.reason = KVM_EXIT_SYSTEM_EVENT, .event = KVM_SYSTEM_EVENT_SHUTDOWN};

/* Boots, reboots once, powers off. */
static int life(void)
{
	struct machine *m = NULL;
	struct config *config;
	int err = config_parse(&config, "life", yaml, strlen(yaml), NULL);

	if (err)
		return err;
	err = machine_build(&m, config);
	fake_kvm_script(0, &reboot, 1);
	if (!err)
		err = machine_start(m);
	if (!err)
		err = machine_run(m) == VM_STOP_RESET ? 0 : -EIO;
	if (!err)
		err = machine_reset(m);
	fake_kvm_script(0, &poweroff, 1);
	if (!err)
		err = machine_start(m);
	if (!err)
		err = machine_run(m) == VM_STOP_POWEROFF ? 0 : -EIO;
	machine_destroy(&m);
	config_free(config);
	return err;
}

START_TEST(boot_reboot_poweroff)
{
	ck_assert_int_eq(life(), 0);
	ck_assert_uint_eq(nr_errors, 0);
	ck_assert_uint_eq(fake_kvm_its_resets(), 1);
	ck_assert_uint_eq(fake_kvm_vcpu_inits(1), 3); /* creation, start, restart */
}
END_TEST

/* A failure that may pass: the host then merely seems to lack something, or a warning has said what it means. */
static bool may_pass(const char *call)
{
	return strcmp(call, "ioctl KVM_CHECK_EXTENSION") == 0 || strcmp(call, "ioctl KVM_ENABLE_CAP") == 0 ||
	       strcmp(call, "ioctl KVM_IRQ_LINE") == 0 || strcmp(call, "ioctl KVM_RUN") == 0;
}

START_TEST(fail_nth)
{
	unsigned total = fake_calls();

	ck_assert_int_eq(life(), 0);
	total = fake_calls() - total;
	for (unsigned n = 1; n <= total; n++) {
		nr_errors = 0;
		fake_fail_nth(n, EIO);
		int err = life();

		/* vCPU threads call too, so the last few numbers may not be reached. */
		if (!fake_failed())
			continue;
		if (err == 0 && !may_pass(fake_failed_call()))
			ck_abort_msg("%s (call %u) failed and nobody noticed", fake_failed_call(), n);
		if (err != 0)
			ck_assert_msg(nr_errors == 1, "%u messages after %s (call %u) failed: %s", nr_errors,
				      fake_failed_call(), n, last_error);
		ck_assert_msg(fake_leaks() == 0, "leak after %s (call %u) failed", fake_failed_call(), n);
	}
	fake_fail_nth(0, 0);
	ck_assert_int_eq(life(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("machine_life");
	TCase *tc = tcase_create("machine_life");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 100);
	tcase_add_test(tc, boot_reboot_poweroff);
	tcase_add_test(tc, fail_nth);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
