/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>

#include "sys.h"
#include "vm_fixture.h"

#define BAR UINT64_C(0x10000000)

START_TEST(build_and_destroy)
{
	struct kvm_userspace_memory_region r;

	ck_assert_int_eq(fixture_build(64 * FIXTURE_MIB, 3), 0);
	ck_assert_uint_eq(fake_kvm_slots(), 1);
	ck_assert(fake_kvm_slot(0, &r));
	ck_assert_uint_eq(r.guest_phys_addr, arch_layout.ram_base);
	ck_assert_uint_eq(r.memory_size, 64 * FIXTURE_MIB);
	ck_assert_uint_eq(r.userspace_addr, (uintptr_t)vm.gmem.regions[0].host);
	ck_assert_uint_eq(vm.nr_vcpus, 3);
	ck_assert_uint_eq(fake_kvm_vm_type(), KVM_VM_TYPE_ARM_IPA_SIZE(40));
	ck_assert(fake_kvm_enabled_cap(KVM_CAP_ARM_NISV_TO_USER));
	for (unsigned i = 0; i < 3; i++) {
		uint32_t off = fake_kvm_vcpu_features(i) >> KVM_ARM_VCPU_POWER_OFF & 1;

		ck_assert_uint_eq(off, i != 0);
	}
	vm_pause(&vm); /* not running: harmless */
	vm_destroy(&vm);
	ck_assert_uint_eq(nr_errors, 0);
}
END_TEST

START_TEST(kvm_fd_handed_in)
{
	int fd = sys_open("/dev/kvm", O_RDWR);

	fake_fail_nth(1, EIO); /* would hit an open of our own */
	ck_assert_int_eq(vm_create(&vm, &loop, fd, 64 * FIXTURE_MIB), -EIO);
	ck_assert_str_eq(fake_failed_call(), "ioctl KVM_GET_API_VERSION");
	fd = sys_open("/dev/kvm", O_RDWR); /* taken over and closed, also by the failure */
	ck_assert_int_eq(vm_create(&vm, &loop, fd, 64 * FIXTURE_MIB), 0);
	ck_assert_int_eq(vm.kvm_fd, fd);
	vm_destroy(&vm);
}
END_TEST

/* What is missing, and what the one message must say. */
static const struct {
	unsigned cap;
	const char *word;
} missing[] = {
	{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
	{KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
	{KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING"},
	{KVM_CAP_IRQFD, "KVM_CAP_IRQFD"},
	{KVM_CAP_IRQFD_RESAMPLE, "KVM_CAP_IRQFD_RESAMPLE"},
	{KVM_CAP_DEVICE_CTRL, "KVM_CAP_DEVICE_CTRL"},
	{KVM_CAP_ONE_REG, "KVM_CAP_ONE_REG"},
	{KVM_CAP_ARM_PSCI_0_2, "PSCI"},
	{KVM_CAP_IRQCHIP, "GICv3"},
	{KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI"},
};

START_TEST(missing_capability)
{
	fake_kvm_set_cap(missing[_i].cap, 0);
	ck_assert_int_eq(vm_create(&vm, &loop, -1, 64 * FIXTURE_MIB), -ENOTSUP);
	ck_assert_uint_eq(nr_errors, 1);
	ck_assert_msg(strstr(last_error, missing[_i].word), "%s", last_error);
	ck_assert(strstr(last_error, "; ")); /* the remedy */
}
END_TEST

static const struct {
	int err;
	const char *word;
} open_errors[] = {
	{ENOENT, "CONFIG_KVM"},
	{EACCES, "usermod"},
	{EBUSY, "another hypervisor"},
	{EMFILE, "Too many open files"},
};

START_TEST(open_fails)
{
	fake_fail_nth(1, open_errors[_i].err);
	ck_assert_int_eq(vm_create(&vm, &loop, -1, 64 * FIXTURE_MIB), -open_errors[_i].err);
	ck_assert_str_eq(fake_failed_call(), "open /dev/kvm");
	ck_assert_uint_eq(nr_errors, 1);
	ck_assert_msg(strstr(last_error, open_errors[_i].word), "%s", last_error);
}
END_TEST

START_TEST(host_refusals)
{
	fake_kvm_set_api_version(11);
	ck_assert_int_eq(vm_create(&vm, &loop, -1, 64 * FIXTURE_MIB), -ENOTSUP);
	ck_assert(strstr(last_error, "version 11"));
	fake_kvm_set_api_version(KVM_API_VERSION);

	fake_kvm_set_gicv3(false);
	ck_assert_int_eq(fixture_build(64 * FIXTURE_MIB, 1), -ENODEV);
	ck_assert(strstr(last_error, "GICv3"));
	fake_kvm_set_gicv3(true);

	fake_kvm_set_cap(KVM_CAP_MAX_VCPUS, 4);
	ck_assert_int_eq(fixture_build(64 * FIXTURE_MIB, 5), -EINVAL);
	ck_assert(strstr(last_error, "1 to 4; change machine.cpus"));
	ck_assert_int_eq(fixture_build(64 * FIXTURE_MIB, 0), -EINVAL);
	ck_assert_uint_eq(nr_errors, 4);

	fake_kvm_set_cap(KVM_CAP_ARM_VM_IPA_SIZE, 36);
	ck_assert_int_eq(vm_create(&vm, &loop, -1, UINT64_C(64) << 30), -EINVAL);
	ck_assert(strstr(last_error, "36 address bits"));
	ck_assert_int_eq(vm_create(&vm, &loop, -1, UINT64_C(4) << 30), 0);
	ck_assert_uint_eq(fake_kvm_vm_type(), 36);
	vm_destroy(&vm);
	/* A KVM without the capability has 40 bits and wants type 0. */
	fake_kvm_set_cap(KVM_CAP_ARM_VM_IPA_SIZE, 0);
	ck_assert_int_eq(vm_create(&vm, &loop, -1, UINT64_C(4) << 30), 0);
	ck_assert_uint_eq(fake_kvm_vm_type(), 0);
	vm_destroy(&vm);
}
END_TEST

/* Features follow what the host has; without a PMU, its attributes are not touched. */
START_TEST(optional_features)
{
	static const struct {
		unsigned cap, feature;
	} optional[] = {
		{KVM_CAP_ARM_PMU_V3, KVM_ARM_VCPU_PMU_V3},
		{KVM_CAP_ARM_SVE, KVM_ARM_VCPU_SVE},
		{KVM_CAP_ARM_PTRAUTH_ADDRESS, KVM_ARM_VCPU_PTRAUTH_ADDRESS},
		{KVM_CAP_ARM_PTRAUTH_GENERIC, KVM_ARM_VCPU_PTRAUTH_ADDRESS}, /* both or none */
	};

	ck_assert_int_eq(fixture_build(64 * FIXTURE_MIB, 2), 0);
	for (unsigned i = 0; i < 4; i++)
		ck_assert(fake_kvm_vcpu_features(0) >> optional[i].feature & 1);
	vm_destroy(&vm);
	for (unsigned i = 0; i < 4; i++) {
		fake_kvm_set_cap(optional[i].cap, 0);
		ck_assert_int_eq(fixture_build(64 * FIXTURE_MIB, 2), 0);
		ck_assert(!(fake_kvm_vcpu_features(1) >> optional[i].feature & 1));
		vm_destroy(&vm);
		fake_kvm_set_cap(optional[i].cap, 1);
	}
	ck_assert_uint_eq(nr_errors, 0);
}
END_TEST

START_TEST(slots)
{
	uint32_t a, b, c;
	struct kvm_userspace_memory_region r;
	void *host = aligned_alloc(4096, 0x10000);

	ck_assert_int_eq(fixture_build(64 * FIXTURE_MIB, 1), 0);
	ck_assert_int_eq(vm_map_slot(&vm, gpa(BAR), host, 0x4000, &a), 0);
	ck_assert_int_eq(vm_map_slot(&vm, gpa(BAR + 0x4000), host, 0x4000, &b), 0);
	ck_assert_uint_ne(a, b);
	ck_assert_uint_ne(a, 0); /* that is RAM */
	vm_unmap_slot(&vm, a);
	vm_unmap_slot(&vm, a); /* idempotent */
	ck_assert_uint_eq(fake_kvm_slots(), 2);
	ck_assert_int_eq(vm_map_slot(&vm, gpa(BAR + 0x8000), host, 0x4000, &c), 0);
	ck_assert_uint_eq(c, a); /* used again */
	ck_assert_uint_eq(nr_errors, 0);

	/* KVM refuses overlaps: with another slot, with RAM. */
	ck_assert_int_eq(vm_map_slot(&vm, gpa(BAR + 0x7000), host, 0x2000, &a), -EEXIST);
	ck_assert_int_eq(vm_map_slot(&vm, gpa(arch_layout.ram_base + 0x1000), host, 0x1000, &a), -EEXIST);
	ck_assert_int_eq(vm_map_slot(&vm, gpa(UINT64_C(1) << 40), host, 0x1000, &a), -EFAULT);
	ck_assert_uint_eq(nr_errors, 3);

	/* A slot that KVM does not give back is not used again. */
	fake_fail_nth(1, ENOMEM);
	vm_unmap_slot(&vm, c);
	ck_assert(fake_kvm_slot(c, &r));
	ck_assert_int_eq(vm_map_slot(&vm, gpa(BAR + 0x20000), host, 0x1000, &a), 0);
	ck_assert_uint_ne(a, c);

	while (vm_map_slot(&vm, gpa(BAR + 0x100000 + a * UINT64_C(0x1000)), host, 0x1000, &a) == 0)
		ck_assert_uint_lt(a, VM_MAX_SLOTS);
	ck_assert(strstr(last_error, "memory slots are in use"));
	vm_unmap_slot(&vm, UINT32_MAX);
	vm_destroy(&vm);
	free(host);
}
END_TEST

static int whole_life(void)
{
	const struct arch_boot boot = {.entry = {0x40200000}, .tables = {0x48000000}};
	int err = fixture_build(64 * FIXTURE_MIB, 2);

	if (err)
		return err;
	for (unsigned i = 0; !err && i < vm.nr_vcpus; i++)
		err = arch_vcpu_reset(&vm.vcpus[i], &boot);
	if (!err)
		err = arch_irqchip_reset(&vm);
	vm_destroy(&vm);
	return err;
}

/* Every call of the kernel from vm_create() to vm_destroy() fails in turn: an error with its message, and no leak. */
START_TEST(fail_nth)
{
	const unsigned before = fake_leaks(); /* the fixture's own */
	unsigned total = fake_calls();

	ck_assert_int_eq(whole_life(), 0);
	total = fake_calls() - total;
	ck_assert_uint_gt(total, 30);
	for (unsigned n = 1; n <= total; n++) {
		nr_errors = 0;
		fake_fail_nth(n, EIO);
		int err = whole_life();

		ck_assert_msg(fake_failed(), "call %u of %u was not reached", n, total);
		/* What is optional may fail: that capability is then as good as missing, or a warning says what it
		 * means. */
		if (err == 0) {
			ck_assert_msg(strcmp(fake_failed_call(), "ioctl KVM_CHECK_EXTENSION") == 0 ||
					      strcmp(fake_failed_call(), "ioctl KVM_ENABLE_CAP") == 0,
				      "%s (call %u) failed and nobody noticed", fake_failed_call(), n);
		} else {
			ck_assert_msg(nr_errors == 1, "%u messages after %s (call %u) failed: %s", nr_errors,
				      fake_failed_call(), n, last_error);
		}
		unsigned leaks = fake_leaks();
		ck_assert_msg(leaks == before, "%u leaks after %s (call %u) failed", leaks - before, fake_failed_call(),
			      n);
	}
	fake_fail_nth(0, 0);
	ck_assert_int_eq(whole_life(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vm");
	TCase *tc = tcase_create("vm");

	tcase_add_checked_fixture(tc, fixture_begin, fixture_end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, build_and_destroy);
	tcase_add_test(tc, kvm_fd_handed_in);
	tcase_add_loop_test(tc, missing_capability, 0, sizeof(missing) / sizeof(missing[0]));
	tcase_add_loop_test(tc, open_fails, 0, sizeof(open_errors) / sizeof(open_errors[0]));
	tcase_add_test(tc, host_refusals);
	tcase_add_test(tc, optional_features);
	tcase_add_test(tc, slots);
	tcase_add_test(tc, fail_nth);
	suite_add_tcase(suite, tc);
	return fixture_run_suite(suite);
}
