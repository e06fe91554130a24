/* SPDX-License-Identifier: Apache-2.0 */
/* A VM on the pretended KVM, and the messages that it logs. One test program, one VM. */
#ifndef AERIE_VM_FIXTURE_H
#define AERIE_VM_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"
#include "fake_kvm.h"
#include "log.h"
#include "loop.h"
#include "vm.h"

#define FIXTURE_MIB UINT64_C(0x100000)

static struct vm vm;
static struct loop loop;
static unsigned nr_errors; /* messages above LOG_INFO since fixture_begin() */
static char last_error[512];

static void fixture_sink(enum log_level level, const char *line, void *opaque)
{
	if (level > LOG_WARN)
		return;
	nr_errors++;
	snprintf(last_error, sizeof(last_error), "%s", line);
}

/* The pretended host, without a VM. */
static inline void fixture_begin(void)
{
	fake_reset();
	fake_kvm_install();
	nr_errors = 0;
	last_error[0] = '\0';
	log_set_sink(fixture_sink, NULL);
	ck_assert_int_eq(loop_init(&loop), 0);
}

static inline void fixture_end(void)
{
	loop_fini(&loop);
	log_set_sink(NULL, NULL);
	ck_assert_uint_eq(fake_leaks(), 0);
}

static bool fixture_nested; /* machine.nested of the next VM */

static inline int fixture_build(uint64_t memory, unsigned cpus)
{
	int err = vm_create(&vm, &loop, -1, memory);

	if (err)
		return err;
	vm.nested = fixture_nested;
	err = gmem_add(&vm.gmem, gpa(arch_layout.ram_base), memory, GMEM_PAGES_NORMAL);
	if (!err)
		err = vm_map_ram(&vm);
	if (!err)
		err = vm_create_vcpus(&vm, cpus);
	if (err)
		vm_destroy(&vm);
	return err;
}

/* The same with a VM of @cpus vCPUs, reset but not running. */
static inline void fixture_vm(unsigned cpus)
{
	const struct arch_boot boot = {.entry = {0x40200000}, .tables = {0x48000000}};

	fixture_begin();
	ck_assert_int_eq(fixture_build(64 * FIXTURE_MIB, cpus), 0);
	for (unsigned i = 0; i < cpus; i++)
		ck_assert_int_eq(arch_vcpu_reset(&vm.vcpus[i], &boot), 0);
	ck_assert_uint_eq(nr_errors, 0);
}

static inline void fixture_vm_end(void)
{
	vm_destroy(&vm);
	fixture_end();
}

/* Waits (10 s at most) until @cond is true. */
#define wait_until(cond)                                                                                               \
	do {                                                                                                           \
		unsigned spins_ = 0;                                                                                   \
		while (!(cond) && spins_++ < 100000)                                                                   \
			usleep(100);                                                                                   \
		ck_assert_msg(cond, "waited in vain for " #cond);                                                      \
	} while (0)

static inline int fixture_run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
