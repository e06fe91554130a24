/* SPDX-License-Identifier: Apache-2.0 */
/* A whole arm64 machine without assigned devices, from its configuration to its end, on the pretended kernel. */
#include "machine_fixture.h"

static void host(void)
{
	fake_reset();
	fake_kvm_install();
}

static void setup(void)
{
	machine_fixture_begin();
	machine_yaml("64M", "");
	host();
}

START_TEST(boot_reboot_poweroff)
{
	ck_assert_int_eq(machine_life(NULL), 0);
	ck_assert_uint_eq(nr_messages, 0);
	ck_assert_uint_eq(fake_kvm_its_resets(), 1);
	ck_assert_uint_eq(fake_kvm_vcpu_inits(1), 3); /* creation, start, restart */
}
END_TEST

START_TEST(fail_nth)
{
	static const char *const passing[] = {"ioctl KVM_CHECK_EXTENSION", "ioctl KVM_ENABLE_CAP", "ioctl KVM_IRQ_LINE",
					      "ioctl KVM_RUN", NULL};

	machine_fail_nth(host, NULL, passing, NULL);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, machine_fixture_end);
	tcase_add_test(tc, boot_reboot_poweroff);
	tcase_add_test(tc, fail_nth);
}

MACHINE_MAIN("machine_life", add_tests)
