/* SPDX-License-Identifier: Apache-2.0 */
/* Whole machines on the pretended kernel: their kernel image, their life, and what their messages must be like. */
#ifndef AERIE_TEST_MACHINE_FIXTURE_H
#define AERIE_TEST_MACHINE_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"
#include "fake_kvm.h"
#include "log.h"
#include "machine.h"

#define IMAGE_SIZE 4096u

static char image[] = "/tmp/aerie-test-image-XXXXXX";
static char yaml[4096];
static unsigned nr_messages; /* warnings and errors */
static char last_message[1024];

/* What no message may be: without a reason, or with one that only a programmer understands. */
static inline void check_message(const char *line)
{
	static const char *const bad[] = {"errno", "Unknown error", "(null)", "internal error", "  ", "\n"};
	size_t len = strlen(line);

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!strstr(line, bad[i]), "'%s' in the message: %s", bad[i], line);
	ck_assert_msg(len > 20 && strchr(" :;,", line[len - 1]) == NULL, "no reason in the message: '%s'", line);
	ck_assert_msg(strstr(line, ": ") || strstr(line, "; "), "what failed and why are not apart: %s", line);
}

static inline void machine_sink(enum log_level level, const char *line, void *opaque)
{
	(void)opaque;
	if (level > LOG_WARN)
		return;
	nr_messages++;
	snprintf(last_message, sizeof(last_message), "%s", line);
	check_message(line);
}

/* The last message matches @regex. */
static inline void said(const char *regex)
{
	regex_t re;

	ck_assert_int_eq(regcomp(&re, regex, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&re, last_message, 0, NULL, 0) == 0, "expected\n  %s\nin\n  %s", regex, last_message);
	regfree(&re);
}

static inline void put_le64(unsigned char *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

/* The smallest thing that has the header of an arm64 Image (Linux Documentation/arch/arm64/booting.rst). */
static inline void write_image(void)
{
	static unsigned char header[IMAGE_SIZE];
	int fd = mkstemp(image);

	ck_assert_int_ge(fd, 0);
	put_le64(header + 16, sizeof(header)); /* image_size */
	put_le64(header + 24, 0xa);	       /* little-endian, 4 KiB pages, anywhere in memory */
	memcpy(header + 56, "ARM\x64", 4);
	ck_assert_int_eq((int)write(fd, header, sizeof(header)), (int)sizeof(header));
	close(fd);
}

/* A machine with the image and @rest of a configuration. */
static inline void machine_yaml(const char *memory, const char *rest)
{
	snprintf(yaml, sizeof(yaml),
		 "version: 1\nname: life\nmachine: { cpus: 2, memory: %s }\nboot: { kernel: %s, cmdline: quiet }\n"
		 "console: { type: none }\n%s",
		 memory, image, rest);
}

static inline void forget_messages(void)
{
	nr_messages = 0;
	last_message[0] = '\0';
}

static inline void machine_fixture_begin(void)
{
	write_image();
	forget_messages();
	log_set_sink(machine_sink, NULL);
}

static inline void machine_fixture_end(void)
{
	log_set_sink(NULL, NULL);
	unlink(image);
	ck_assert_uint_eq(fake_leaks(), 0);
}

static const struct fake_kvm_exit reboot = {.reason = KVM_EXIT_SYSTEM_EVENT, .event = KVM_SYSTEM_EVENT_RESET};
static const struct fake_kvm_exit poweroff = {.reason = KVM_EXIT_SYSTEM_EVENT, .event = KVM_SYSTEM_EVENT_SHUTDOWN};

/* Parses and builds. On success *@config must be freed after the machine. */
static inline int machine_make(struct machine **m, struct config **config)
{
	int err = config_parse(config, "life", yaml, strlen(yaml), NULL);

	*m = NULL;
	if (err)
		return err;
	err = machine_build(m, *config);
	if (err) {
		config_free(*config);
		*config = NULL;
	}
	return err;
}

static inline void machine_unmake(struct machine **m, struct config *config)
{
	machine_destroy(m);
	config_free(config);
}

/* Lets the guest run until it does @exit of its own accord; *@err: what came before, and what came of it. */
static inline void machine_live(struct machine *m, const struct fake_kvm_exit *exit, void (*guest)(struct machine *m),
				int *err)
{
	enum vm_stop why = exit == &reboot ? VM_STOP_RESET : VM_STOP_POWEROFF;

	if (guest && !*err)
		guest(m);
	fake_kvm_script(0, exit, 1);
	if (!*err)
		*err = machine_start(m);
	log_set_capped(false); /* the cap is for a process with one guest */
	if (!*err)
		*err = machine_run(m) == why ? 0 : -EIO;
}

/* Boots, reboots once, powers off. @guest, if any, stands for the guest's software: what it does to its devices each
 * time. */
static inline int machine_life(void (*guest)(struct machine *m))
{
	struct machine *m;
	struct config *config;
	int err = machine_make(&m, &config);

	if (err)
		return err;
	machine_live(m, &reboot, guest, &err);
	if (!err)
		err = machine_reset(m);
	machine_live(m, &poweroff, guest, &err);
	machine_unmake(&m, config);
	return err;
}

/* A failure that may pass unnoticed; @calls: patterns as the shell's. */
static inline bool may_pass(const char *call, const char *const *calls)
{
	for (; *calls; calls++)
		if (fnmatch(*calls, call, 0) == 0)
			return true;
	return false;
}

/*
 * Lets each host call of a life fail in turn, with @host before each. Whoever notices says so in exactly one message
 * and nothing is left behind; calls that may fail unnoticed are in @passing.
 */
static inline void machine_fail_nth(void (*host)(void), void (*guest)(struct machine *m), const char *const *passing,
				    void (*after)(unsigned n))
{
	host();
	ck_assert_int_eq(machine_life(guest), 0);

	unsigned total = fake_calls(), first = 1;

	if (guest) { /* the build has been tried without it */
		struct machine *m;
		struct config *config;

		host();
		ck_assert_int_eq(machine_make(&m, &config), 0);
		first += fake_calls();
		machine_unmake(&m, config);
	}
	for (unsigned n = first; n <= total; n++) {
		host();
		forget_messages();
		fake_fail_nth(n, EIO);
		int err = machine_life(guest);

		/* vCPU threads call too, so the last few numbers may not be reached. */
		if (!fake_failed())
			continue;
		if (err == 0 && nr_messages == 0 && !may_pass(fake_failed_call(), passing))
			ck_abort_msg("%s (call %u) failed and nobody noticed", fake_failed_call(), n);
		/* A guest that goes on may meet the consequences, which are other failures. */
		if (err != 0 || !guest)
			ck_assert_msg(nr_messages == 1 || (err == 0 && nr_messages == 0),
				      "%u messages after %s (call %u) failed: %s", nr_messages, fake_failed_call(), n,
				      last_message);
		if (nr_messages && strncmp(fake_failed_call(), "ioctl VFIO_", 11) == 0)
			ck_assert_msg(strstr(last_message, "0000:0"), "%s (call %u) failed, and no device is named: %s",
				      fake_failed_call(), n, last_message);
		ck_assert_msg(fake_leaks() == 0, "leak after %s (call %u) failed", fake_failed_call(), n);
		if (after)
			after(n);
	}
	fake_fail_nth(0, 0);
	host();
	ck_assert_int_eq(machine_life(guest), 0);
}

#define MACHINE_MAIN(name, add_tests)                                                                                  \
	int main(void)                                                                                                 \
	{                                                                                                              \
		Suite *s = suite_create(name);                                                                         \
		TCase *t = tcase_create(name);                                                                         \
		SRunner *r = srunner_create(s);                                                                        \
                                                                                                                       \
		tcase_set_timeout(t, 100);                                                                             \
		add_tests(t);                                                                                          \
		suite_add_tcase(s, t);                                                                                 \
		srunner_run_all(r, CK_ENV);                                                                            \
		int failed = srunner_ntests_failed(r);                                                                 \
                                                                                                                       \
		srunner_free(r);                                                                                       \
		return failed ? EXIT_FAILURE : EXIT_SUCCESS;                                                           \
	}

#endif
