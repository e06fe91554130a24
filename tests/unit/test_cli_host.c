/* SPDX-License-Identifier: Apache-2.0 */
/* The findings about the host as a whole, and `aerie check` itself. Assigned devices: test_cli_check.c. */
#include <errno.h>
#include <linux/kvm.h>
#include <sys/resource.h>
#include <zlib.h>

#include "check_fixture.h"
#include "cli.h"
#include "sys.h"

/* --- the host as a whole --- */

START_TEST(iommufd_and_vfio)
{
	ck_assert_uint_eq(check_with(check_iommufd, nested_vm, NULL), 0);
	found("^ok /dev/iommu: opens$");
	found("^ok vfio-pci: there, with character devices$");

	fake_sysfs_file("/proc/devices", "Character devices:\n 10 misc\n511 vfio-device\n");
	ck_assert_uint_eq(check_with(check_iommufd, nested_vm, NULL), 1);
	found("^error vfio-pci: .*CONFIG_VFIO_DEVICE_CDEV$");

	gone();
	ck_assert_uint_eq(check_with(check_iommufd, nested_vm, NULL), 1);
	found("^error vfio-pci: the driver is not there; `modprobe vfio-pci`");
}
END_TEST

START_TEST(nothing_assigned_nothing_needed)
{
	const char *const set[] = {"pci=", "iommus=", NULL};

	gone();
	fake_iommu.open_err = ENOENT;
	ck_assert_uint_eq(check_with(check_iommufd, nested_vm, set), 0);
	ck_assert_uint_eq(check_with(check_kernel_options, nested_vm, set), 0);
	ck_assert_uint_eq(check_with(check_devices, nested_vm, set), 0);
	ck_assert_str_eq(findings, "");
	/* Without any configuration the host is looked at for all that it could do. */
	ck_assert_uint_eq(check_with(check_iommufd, NULL, NULL), 2);
}
END_TEST

static void write_options(const char *text)
{
	char path[512];
	gzFile gz;

	fake_sysfs_file("/proc/config.gz", "");
	snprintf(path, sizeof(path), "%s/proc/config.gz", sys_root);
	gz = gzopen(path, "w");
	ck_assert_ptr_nonnull(gz);
	gzputs(gz, text);
	gzclose(gz);
}

START_TEST(kernel_options)
{
	const char *const plain[] = {"pci.0.iommu=", "iommus=", NULL};

	ck_assert_uint_eq(check_with(check_kernel_options, nested_vm, NULL), 0);
	ck_assert_str_eq(findings, ""); /* most kernels have no /proc/config.gz */

	write_options("CONFIG_IOMMUFD=m\nCONFIG_VFIO_PCI=y\n# CONFIG_ARM_SMMU_V3_IOMMUFD is not set\n"
		      "CONFIG_VFIO_DEVICE_CDEV=y\nCONFIG_IOMMUFD_VFIO_CONTAINER=y\n");
	ck_assert_uint_eq(check_with(check_kernel_options, nested_vm, NULL), 1);
	found("^error kernel options: /proc/config.gz lacks CONFIG_ARM_SMMU_V3_IOMMUFD; use a kernel");
	ck_assert_uint_eq(check_with(check_kernel_options, nested_vm, plain), 0);
	found("^ok kernel options");

	write_options("CONFIG_IOMMUFD_VFIO_CONTAINER=y\nCONFIG_VFIO_PCI=n\nCONFIG_VFIO_PCI_CORE=y\n");
	ck_assert_uint_eq(check_with(check_kernel_options, nested_vm, plain), 1);
	found("lacks CONFIG_IOMMUFD CONFIG_VFIO_PCI CONFIG_VFIO_DEVICE_CDEV;");

	fake_sysfs_file("/proc/config.gz", "this is not gzip");
	check_with(check_kernel_options, nested_vm, NULL);
}
END_TEST

/* --- memory --- */

START_TEST(memory)
{
	const char *const much[] = {"machine.memory=1536M", NULL};
	const char *const alone[] = {"machine.memory=1536M", "pci=", NULL};
	const char *const more[] = {"machine.memory=2050M", "pci=", NULL};

	ck_assert_uint_eq(check_with(check_memory, nested_vm, NULL), 0);
	found("^ok memory: 512 MiB of 1024 MiB available$");
	found("^ok memlock: no limit applies \\(CAP_IPC_LOCK\\)$");
	ck_assert_uint_eq(check_with(check_memory, nested_vm, much), 1);
	found("^error memory: 1536 MiB wanted, 1024 MiB are available now, and assigned devices pin all of it;");
	ck_assert_uint_eq(check_with(check_memory, nested_vm, alone), 0);
	found("^warning memory: 1536 MiB wanted, 1024 MiB are available now;");
	not_found("memlock");
	ck_assert_uint_eq(check_with(check_memory, nested_vm, more), 1);
	found("^error memory: 2050 MiB wanted, this host has 2048 MiB in all;");
}
END_TEST

START_TEST(memlock)
{
	struct rlimit limit = {.rlim_cur = 8 << 20, .rlim_max = 8 << 20};

	/* All capabilities but CAP_IPC_LOCK (bit 14). */
	fake_sysfs_file("/proc/self/status", "CapEff:\t000001ffffffbfff\n");
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	ck_assert_uint_eq(check_with(check_memory, nested_vm, NULL), 1);
	found("^error memlock: cannot lock 512 MiB of guest memory for DMA: the limit is 8 MiB; raise it with `ulimit -l 524288` "
	      "or run with CAP_IPC_LOCK$");
}
END_TEST

/* --- files --- */

START_TEST(files)
{
	const char *set[] = {"boot.kernel=" CONFIGS_DIR "/vms/minimal.yaml", "boot.initrd=/nonexistent", NULL};
	const char *const console[] = {"console.type=file", "console.path=/nonexistent/log", NULL};

	ck_assert_uint_eq(check_with(check_files, nested_vm, set), 1);
	found("^ok boot.kernel: .*minimal.yaml, 1 KiB$");
	found("^error boot.initrd: cannot open /nonexistent: No such file or directory; the path is relative to");
	ck_assert_uint_eq(check_with(check_files, nested_vm, console), 2);
	found("^error boot.kernel: /dev/null is no file;");
	found("^error console.path: cannot write /nonexistent/log: /nonexistent: No such file or directory; choose");
}
END_TEST

/* --- KVM --- */

static int kvm_version, kvm_most, kvm_open_err;

static int kvm_open(struct fake_file *file, const char *path)
{
	return -kvm_open_err;
}

static int kvm_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	if (request == KVM_GET_API_VERSION)
		return kvm_version;
	if (request == KVM_CHECK_EXTENSION && (uintptr_t)arg == KVM_CAP_MAX_VCPUS)
		return kvm_most;
	if (request == KVM_CHECK_EXTENSION && (uintptr_t)arg == KVM_CAP_NR_VCPUS)
		return 4;
	return request == KVM_CHECK_EXTENSION ? 1 : -ENOTTY;
}

START_TEST(kvm)
{
	static const struct fake_type type = {.prefix = "/dev/kvm", .open = kvm_open, .ioctl = kvm_ioctl};
	const char *const many[] = {"machine.cpus=6", NULL};

	ck_assert_uint_eq(check_with(check_kvm, NULL, NULL), 1);
	found("^error /dev/kvm: not there; enable virtualization");

	fake_register(&type);
	kvm_open_err = EACCES;
	ck_assert_uint_eq(check_with(check_kvm, NULL, NULL), 1);
	found("^error /dev/kvm: permission denied; run as root or join the group kvm$");

	kvm_open_err = 0;
	kvm_version = 11;
	ck_assert_uint_eq(check_with(check_kvm, NULL, NULL), 1);
	found("^error /dev/kvm: speaks API version 11, aerie 12;");

	/* What else the architecture wants is its own matter and its own test. */
	kvm_version = 12;
	kvm_most = 8;
	check_with(check_kvm, nested_vm, NULL);
	found("^ok vCPUs: 2 of at most 8$");
	check_with(check_kvm, nested_vm, many);
	found("^warning vCPUs: 6 wanted, KVM recommends at most 4 here");
	kvm_most = 4;
	check_with(check_kvm, nested_vm, many);
	found("^error vCPUs: 6 wanted, KVM of this host allows 4; lower machine.cpus$");
	ck_silent();
}
END_TEST

/* --- the command --- */

static int check_command(const char *file, char **out)
{
	char *argv[] = {(char *)"aerie", (char *)"check", (char *)file, NULL};
	FILE *saved = stdout;
	size_t size;
	int status;

	fflush(stdout);
	stdout = open_memstream(out, &size);
	ck_assert_ptr_nonnull(stdout);
	status = cli_main(file ? 3 : 2, argv, NULL);
	fclose(stdout);
	stdout = saved;
	snprintf(findings, sizeof(findings), "%s", *out);
	return status;
}

START_TEST(command)
{
	char *out;

	ck_assert_int_eq(check_command(CONFIGS_DIR "/bad/unknown-key.yaml", &out), MACHINE_REFUSED);
	found("^error    configuration: .*/bad/unknown-key.yaml:4:3: unknown key \"memry\" in \"machine\"; known keys: ");
	found("^error    /dev/kvm: not there"); /* the host is looked at all the same */
	found("^2 errors, [0-9]+ warnings$");
	free(out);

	ck_assert_int_eq(check_command(CONFIGS_DIR "/vms/first-flight.yaml", &out), MACHINE_REFUSED);
	found("^ok       configuration: .*/first-flight.yaml describes \"first-flight\"$");
	found("^error    boot.kernel: cannot open /guest/Image");
	found("^ok       device " NVME ": NVMe controller, free");
	free(out);

	ck_assert_int_eq(check_command(NULL, &out), MACHINE_REFUSED);
	found("^error    /dev/kvm: not there");
	found("^ok       /dev/iommu: opens$");
	free(out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_host");
	TCase *tc = tcase_create("cli_host");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, iommufd_and_vfio);
	tcase_add_test(tc, nothing_assigned_nothing_needed);
	tcase_add_test(tc, kernel_options);
	tcase_add_test(tc, memory);
	tcase_add_test(tc, memlock);
	tcase_add_test(tc, files);
	tcase_add_test(tc, kvm);
	tcase_add_test(tc, command);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
