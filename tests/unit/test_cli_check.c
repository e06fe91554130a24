/* SPDX-License-Identifier: Apache-2.0 */
/* The findings about the host: one knob of a pretended host turned at a time, the line that must come, nothing left
 * open. */
#include <errno.h>
#include <linux/kvm.h>
#include <regex.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#include "capture.h"
#include "cli.h"
#include "fake.h"
#include "fake_vfio.h"
#include "host_check.h"
#include "sys.h"

#define NVME "0000:01:00.0"
#define NIC  "0000:02:00.0"
#define DEV  "/sys/bus/pci/devices/"

static struct fake_vfio_dev *nvme, *nic;
static char findings[16384];

static void on_finding(struct check *check, enum check_level level, const char *what, const char *text)
{
	static const char *const names[] = {"ok", "warning", "error"};
	size_t used = strlen(findings);

	ck_assert_msg(*what && *text && !strchr(text, '\n'), "a bad finding: %s: %s", what, text);
	snprintf(findings + used, sizeof(findings) - used, "%s %s: %s\n", names[level], what, text);
}

/* A host on which everything is right. */
static void setup(void)
{
	fake_reset();
	fake_sysfs_create();
	fake_iommu_install();
	fake_vfio_install();
	nvme = calloc(1, sizeof(*nvme));
	nic = calloc(1, sizeof(*nic));
	fake_vfio_nvme(nvme, NULL);
	fake_vfio_add(nvme, NVME);
	fake_vfio_nvme(nic, NULL);
	fake_vfio_add(nic, NIC);
	fake_sysfs_file("/proc/meminfo", "MemTotal:        2097152 kB\nMemAvailable:    1048576 kB\n");
	fake_sysfs_file("/proc/self/status", "Name:\taerie\nCapEff:\t000001ffffffffff\n");
	fake_sysfs_file("/proc/devices", "Character devices:\n  1 mem\n511 vfio-dev\n\nBlock devices:\n  8 sd\n");
	fake_sysfs_file("/sys/bus/pci/drivers/vfio-pci/new_id", "");
	findings[0] = '\0';
	capture_begin();
}

static void teardown(void)
{
	ck_assert_uint_eq(fake_leaks(), 0);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
	fake_sysfs_remove();
	free(nvme);
	free(nic);
	log_set_sink(NULL, NULL);
}

static const char nested_vm[] = "version: 1\nmachine: { cpus: 2, memory: 512M }\nboot: { kernel: /dev/null }\n"
				"iommus: [{ id: smmu0, type: smmuv3 }]\n"
				"pci: [{ root-port: rp0, iommu: smmu0, devices: [{ assign: \"" NVME "\" }] }]\n";

static struct config *parse(const char *text, const char *const *set)
{
	struct config *config;

	ck_assert_msg(config_parse(&config, "vm.yaml", text, strlen(text), set) == 0, "%s", captured);
	return config;
}

/* Runs one check over @text with overrides; returns the number of errors. */
static unsigned check_with(void (*one)(struct check *), const char *text, const char *const *set)
{
	struct check check = {.report = on_finding};
	struct config *config = text ? parse(text, set) : NULL;

	check.config = config;
	findings[0] = '\0';
	one(&check);
	if (check.errors)
		ck_assert(check.first_error[0]);
	config_free(config);
	return check.errors;
}

static void found(const char *regex)
{
	regex_t re;

	ck_assert_int_eq(regcomp(&re, regex, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
	ck_assert_msg(regexec(&re, findings, 0, NULL, 0) == 0, "expected\n  %s\nin\n%s", regex, findings);
	regfree(&re);
}

static void not_found(const char *part)
{
	ck_assert_msg(!strstr(findings, part), "did not expect\n  %s\nin\n%s", part, findings);
}

/* --- devices --- */

START_TEST(device_good)
{
	check_with(check_devices, nested_vm, NULL);
	found("^ok device " NVME ": NVMe controller, free, alone in group 1[0-9], behind smmu3");
	found("^ok device " NVME ": smmu3.* translates it in two stages for the guest's SMMU");
	not_found("error device");
	ck_assert(!nvme->open);
}
END_TEST

START_TEST(device_without_guest_iommu)
{
	const char *const set[] = {"pci.0.iommu=", "iommus=", NULL};

	fake_iommu.no_viommu = true;
	ck_assert_uint_eq(check_with(check_devices, nested_vm, set), 0);
	found("^ok device " NVME ": NVMe controller, free");
	not_found("two stages");
}
END_TEST

static void gone(void)
{
	fake_sysfs_remove();
	fake_sysfs_create();
}

static void rebuilt(uint32_t class_code, const char *driver, const char *iommu, int group)
{
	gone();
	fake_sysfs_device(NVME, class_code, driver, iommu, group);
}

static void bridge(void)
{
	rebuilt(0x060400, "pcieport", "smmu3.0", 10);
}

static void with_driver(void)
{
	rebuilt(0x010802, "nvme", "smmu3.0", 10);
}

static void without_driver(void)
{
	rebuilt(0x010802, NULL, "smmu3.0", 10);
}

static void without_cdev(void)
{
	rebuilt(0x010802, "vfio-pci", "smmu3.0", 10);
}

static void without_iommu(void)
{
	rebuilt(0x010802, "vfio-pci", NULL, -1);
}

static void shared_group(void)
{
	rebuilt(0x010802, "vfio-pci", "smmu3.0", 10);
	fake_sysfs_device("0000:01:00.1", 0x020000, "e1000e", "smmu3.0", 10);
	fake_sysfs_device("0000:01:00.2", 0x020000, NULL, "smmu3.0", 10);
}

static void busy(void)
{
	nvme->bind_err = EBUSY;
}

static void used_by(void)
{
	fake_sysfs_file("/proc/4711/comm", "qemu-system-aar\n");
	fake_sysfs_link("/proc/4711/fd/3", "/dev/null");
	fake_sysfs_link("/proc/4711/fd/9", "/dev/vfio/devices/vfio0");
}

static void not_isolated(void)
{
	nvme->bind_err = EPERM;
}

static void no_stage1(void)
{
	fake_iommu.idr[0] &= ~2u;
}

static void no_stage2(void)
{
	fake_iommu.idr[0] &= ~1u;
}

static void no_fwb(void)
{
	fake_iommu.idr[3] = 0;
	fake_iommu.no_viommu = true;
}

static void no_viommu(void)
{
	fake_iommu.no_viommu = true;
}

static void no_hw_info(void)
{
	fake_iommu.hw_type = 0;
}

static void reserved(void)
{
	fake_sysfs_file(
		DEV NVME "/iommu_group/reserved_regions",
		"0x0000000008000000 0x00000000080fffff msi\n0x0000000050000000 0x000000005000ffff direct-relaxable\n"
		"0x000000005ffff000 0x0000000060000fff direct\n");
}

static const struct {
	void (*knob)(void);
	const char *finding;
} device_cases[] = {
	{gone, "^error device " NVME ": this host has no such PCI device; `aerie devices` lists them$"},
	{bridge, "^error device " NVME ": is a bridge \\(PCI bridge\\); assign the devices behind it$"},
	{with_driver, "^error device " NVME ": driver nvme has it; run `aerie bind " NVME "`$"},
	{without_driver, "^error device " NVME ": has no driver; run `aerie bind " NVME "`$"},
	{without_cdev, "^error device " NVME ": vfio-pci gives it no character device; .*CONFIG_VFIO_DEVICE_CDEV$"},
	{without_iommu, "^error device " NVME ": no IOMMU of this host translates it"},
	{shared_group, "^error device " NVME ": shares IOMMU group 10 with 0000:01:00.1, 0000:01:00.2;"},
	{busy, "^error device " NVME ": .*another process"},
	{used_by, "^error device " NVME ": in use by qemu-system-aar \\(pid 4711\\); end it first$"},
	{not_isolated, "^error device " NVME ": .*does not isolate its interrupts"},
	{no_stage1, "^error device " NVME ": .*S1P"},
	{no_stage2, "^error device " NVME ": .*S2P"},
	{no_fwb, "^error device " NVME ": .*FWB.*CANWBS"},
	{no_viommu, "^error device " NVME ": .*CONFIG_ARM_SMMU_V3_IOMMUFD"},
	{no_hw_info, "^error device " NVME ": .*CONFIG_ARM_SMMU_V3_IOMMUFD"},
	{reserved,
	 "^error device " NVME ": the host reserves I/O addresses 0x5ffff000-0x60000fff \\(direct\\) where the guest "
	 "has its RAM \\(0x40000000-0x5fffffff\\); lower machine.memory$"},
};

START_TEST(device_bad)
{
	device_cases[_i].knob();
	ck_assert_uint_ge(check_with(check_devices, nested_vm, NULL), 1);
	found(device_cases[_i].finding);
	not_found("relaxable");
	ck_silent();
}
END_TEST

START_TEST(one_smmu_for_two)
{
	const char *const set[] = {"pci.1.root-port=rp1", "pci.1.iommu=smmu0", "pci.1.devices.0.assign=" NIC, NULL};

	check_with(check_devices, nested_vm, set);
	not_found("give each an entry of its own");
	fake_sysfs_link(DEV NIC "/iommu", "../../../platform/x/iommu/smmu3.other");
	check_with(check_devices, nested_vm, set);
	found("^error smmu0: device " NIC
	      " is behind smmu3.other of the host, another device of this IOMMU behind smmu3");
}
END_TEST

START_TEST(no_iommufd)
{
	fake_iommu.open_err = ENOENT;
	check_with(check_devices, nested_vm, NULL);
	not_found("free"); /* nothing is claimed of a device that could not be tried; check_iommufd() says why */
	ck_assert_uint_eq(check_with(check_iommufd, nested_vm, NULL), 1);
	found("^error /dev/iommu: .*CONFIG_IOMMUFD");
}
END_TEST

/* Every host call of the whole check fails in turn. An object that the kernel does not destroy is gone with the
 * iommufd. */
START_TEST(every_failure)
{
	bool failed = true;

	for (unsigned nth = 1; failed; nth++) {
		teardown();
		setup();
		fake_fail_nth(nth, EIO);
		check_with(check_devices, nested_vm, NULL);
		failed = fake_failed();
		ck_assert_msg(!failed || fake_iommu_seen.objects == 0 || strstr(fake_failed_call(), "DESTROY"),
			      "objects left behind after a failure of %s", fake_failed_call());
		ck_assert(!nvme->open);
		fake_iommu_seen.objects = 0;
		fake_fail_nth(0, 0);
	}
}
END_TEST

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
	found("^2 errors, 0 warnings$");
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
	Suite *suite = suite_create("cli_check");
	TCase *tc = tcase_create("cli_check");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, device_good);
	tcase_add_test(tc, device_without_guest_iommu);
	tcase_add_loop_test(tc, device_bad, 0, sizeof(device_cases) / sizeof(device_cases[0]));
	tcase_add_test(tc, one_smmu_for_two);
	tcase_add_test(tc, no_iommufd);
	tcase_add_test(tc, every_failure);
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
