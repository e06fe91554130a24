/* SPDX-License-Identifier: Apache-2.0 */
/* bind, unbind and devices against a pretended sysfs whose driver attributes behave like the kernel's. */
#include "cli_fixture.h"

#include "cli.h"
#include "fake.h"
#include "host_bind.h"

#define NVME "0000:01:00.0"
#define NIC  "0000:02:00.0"

/* Knobs and state of the pretended driver core. */
static struct {
	char override[32];
	int err;	    /* of every write */
	bool vfio_refuses;  /* vfio-pci does not probe the device */
	bool no_cdev;	    /* it probes, but without a character device */
	const char *native; /* what takes the device without an override */
	unsigned writes;
} kernel;

static ssize_t write_override(struct fake_file *file, const void *buf, size_t len, off_t offset)
{
	kernel.writes++;
	if (kernel.err)
		return -kernel.err;
	snprintf(kernel.override, sizeof(kernel.override), "%.*s", (int)len, (const char *)buf);
	kernel.override[strcspn(kernel.override, "\n")] = '\0';
	return (ssize_t)len;
}

static ssize_t write_unbind(struct fake_file *file, const void *buf, size_t len, off_t offset)
{
	kernel.writes++;
	ck_assert_int_eq(strncmp(buf, NVME, strlen(NVME)), 0);
	unlink(fx_path(FX_DEV NVME "/driver"));
	rmdir(fx_path(FX_DEV NVME "/vfio-dev/vfio7"));
	unlink(fx_path("/dev/vfio/devices/vfio7"));
	return (ssize_t)len;
}

static ssize_t write_probe(struct fake_file *file, const void *buf, size_t len, off_t offset)
{
	const char *driver = kernel.override[0] ? kernel.override : kernel.native;

	kernel.writes++;
	ck_assert_int_eq(strncmp(buf, NVME, strlen(NVME)), 0);
	if (!driver || access(fx_path(FX_DEV NVME "/driver"), F_OK) == 0)
		return (ssize_t)len;
	if (strcmp(driver, "vfio-pci") == 0 && kernel.vfio_refuses)
		return (ssize_t)len;
	fx_link(FX_DEV NVME "/driver", fx_f("../../drivers/%s", driver));
	if (strcmp(driver, "vfio-pci") == 0 && !kernel.no_cdev)
		fx_cdev(NVME, 7);
	return (ssize_t)len;
}

static const struct fake_type types[] = {
	{.prefix = FX_DEV NVME "/driver_override", .pwrite = write_override},
	{.prefix = FX_DEV NVME "/driver/unbind", .pwrite = write_unbind},
	{.prefix = "/sys/bus/pci/drivers_probe", .pwrite = write_probe},
};

static void setup(void)
{
	fx_start();
	fake_reset();
	memset(&kernel, 0, sizeof(kernel));
	kernel.native = "nvme";
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		fake_register(&types[i]);
	fx_dir("/sys/bus/pci/drivers/vfio-pci");
	fx_pci(NVME, "1b36:0010", "010802", "nvme", 5);
	fx_pci(NIC, "8086:10d3", "020000", NULL, -1);
	fx_pci("0000:00:00.0", "1b36:0008", "060000", NULL, -1);
	fx_pci("0000:00:01.0", "1b36:000c", "060400", "pcieport", 3);
}

static void teardown(void)
{
	ck_assert_uint_eq(fake_leaks(), 0);
	fx_stop();
}

static int cli(char **out, const char *a, const char *b, const char *c)
{
	char *argv[] = {(char *)"aerie", (char *)a, (char *)b, (char *)c, NULL};
	int argc = c ? 4 : b ? 3 : 2, status;
	char *text;

	fx_capture();
	status = cli_main(argc, argv, NULL);
	text = fx_captured();
	if (out)
		*out = text;
	else
		free(text);
	return status;
}

static bool driver_is(const char *driver)
{
	char target[PATH_MAX] = "";
	ssize_t n = readlink(fx_path(FX_DEV NVME "/driver"), target, sizeof(target) - 1);

	return n <= 0 ? driver == NULL : driver && strcmp(target, fx_f("../../drivers/%s", driver)) == 0;
}

START_TEST(bind_and_unbind)
{
	char *out;

	ck_assert_int_eq(cli(&out, "bind", NVME, NULL), 0);
	ck_assert_str_eq(out, NVME ": bound to vfio-pci, /dev/vfio/devices/vfio7\n");
	free(out);
	ck_assert(driver_is("vfio-pci"));
	ck_assert_str_eq(kernel.override, "vfio-pci");

	/* Again, and without the domain: nothing is written any more. */
	kernel.writes = 0;
	ck_assert_int_eq(cli(&out, "bind", "01:00.0", NULL), 0);
	ck_assert_str_eq(out, NVME ": bound to vfio-pci, /dev/vfio/devices/vfio7\n");
	free(out);
	ck_assert_uint_eq(kernel.writes, 0);

	ck_assert_int_eq(cli(&out, "unbind", "01:00.0", NULL), 0);
	ck_assert_str_eq(out, NVME ": back with driver nvme\n");
	free(out);
	ck_assert(driver_is("nvme"));
	ck_assert_str_eq(kernel.override, "");

	ck_assert_int_eq(cli(&out, "unbind", NVME, NULL), 0);
	ck_assert_str_eq(out, NVME ": back with driver nvme\n");
	free(out);
	ck_assert_str_eq(fx_logged, "");
}
END_TEST

START_TEST(unbind_without_a_native_driver)
{
	char *out;

	ck_assert_int_eq(cli(NULL, "bind", NVME, NULL), 0);
	kernel.native = NULL;
	ck_assert_int_eq(cli(&out, "unbind", NVME, NULL), 0);
	ck_assert_str_eq(out, NVME ": released; no driver of the host took it\n");
	free(out);
}
END_TEST

START_TEST(no_such_device)
{
	ck_assert_int_eq(cli(NULL, "bind", "0000:09:00.0", NULL), MACHINE_REFUSED);
	fx_has(fx_logged, "error: this host has no PCI device 0000:09:00.0; `aerie devices` lists them");
}
END_TEST

START_TEST(bridge)
{
	ck_assert_int_eq(cli(NULL, "bind", "0000:00:01.0", NULL), MACHINE_REFUSED);
	fx_has(fx_logged, "error: 0000:00:01.0 is a bridge (PCI bridge); bind the devices behind it");
}
END_TEST

START_TEST(no_vfio_pci)
{
	rmdir(fx_path("/sys/bus/pci/drivers/vfio-pci"));
	ck_assert_int_eq(cli(NULL, "bind", NVME, NULL), MACHINE_REFUSED);
	fx_has(fx_logged, "`modprobe vfio-pci`");
	ck_assert_uint_eq(kernel.writes, 0);
}
END_TEST

START_TEST(no_permission)
{
	kernel.err = EACCES;
	ck_assert_int_eq(cli(NULL, "bind", NVME, NULL), MACHINE_REFUSED);
	fx_has(fx_logged, "no permission to write " FX_DEV NVME "/driver_override; run as root");
	ck_assert(driver_is("nvme"));
}
END_TEST

START_TEST(vfio_refuses)
{
	kernel.vfio_refuses = true;
	ck_assert_int_eq(cli(NULL, "bind", NVME, NULL), MACHINE_FAILED);
	fx_has(fx_logged, "error: vfio-pci does not take " NVME);
	/* The host has its drive back. */
	ck_assert_str_eq(kernel.override, "");
	ck_assert(driver_is("nvme"));
}
END_TEST

START_TEST(no_cdev)
{
	kernel.no_cdev = true;
	ck_assert_int_eq(cli(NULL, "bind", NVME, NULL), MACHINE_REFUSED);
	ck_assert_str_eq(kernel.override, "");
	ck_assert(driver_is("nvme"));
	fx_has(fx_logged, "offers no character device; use a kernel with CONFIG_VFIO_DEVICE_CDEV");
}
END_TEST

static void add_disk(const char *name, const char *number, const char *below)
{
	fx_dir(fx_f("%s/%s/holders", below, name));
	fx_file(fx_f("%s/%s/dev", below, name), fx_f("%s\n", number));
	fx_link(fx_f("/sys/class/block/%s", name), fx_f("../..%s/%s", below + strlen("/sys"), name));
}

#define NVME_TREE "/sys/devices/pci0000:00/0000:00:01.0/" NVME "/nvme/nvme0"

static const struct {
	const char *mountinfo, *swaps, *holder, *message;
} uses[] = {
	{"22 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n", "", NULL, "nvme0n1p1 is mounted on /;"},
	{"22 1 0:41 / /data rw - btrfs /dev/nvme0n1 rw\n", "", NULL, "nvme0n1 is mounted on /data;"},
	{"", "/dev/nvme0n1p1 partition 1 0 -2\n", NULL, "nvme0n1p1 is swap space;"},
	{"", "", "dm-0", "nvme0n1p1 is part of dm-0;"},
};

START_TEST(disk_in_use)
{
	add_disk("nvme0n1", "259:0", NVME_TREE);
	add_disk("nvme0n1p1", "259:1", NVME_TREE "/nvme0n1");
	add_disk("sda", "8:0", "/sys/devices/pci0000:00/0000:00:02.0/ata1");
	fx_file("/proc/self/mountinfo", uses[_i].mountinfo);
	fx_file("/proc/swaps", uses[_i].swaps);
	if (uses[_i].holder)
		fx_dir(fx_f(NVME_TREE "/nvme0n1/nvme0n1p1/holders/%s", uses[_i].holder));

	ck_assert_int_eq(cli(NULL, "bind", NVME, NULL), MACHINE_REFUSED);
	fx_has(fx_logged, "error: the host uses " NVME ": ");
	fx_has(fx_logged, uses[_i].message);
	fx_has(fx_logged, "--force");
	ck_assert_uint_eq(kernel.writes, 0);
	ck_assert(driver_is("nvme"));

	fx_logged[0] = '\0';
	ck_assert_int_eq(cli(NULL, "bind", "--force", NVME), 0);
	fx_has(fx_logged, "warning: the host uses " NVME " and loses it");
	ck_assert(driver_is("vfio-pci"));
}
END_TEST

/* Native NVMe multipath: the disk that is mounted is not below the device. */
START_TEST(multipath_disk_in_use)
{
	add_disk("nvme3c1n2", "259:8", NVME_TREE);
	add_disk("nvme3n2", "259:2", "/sys/devices/virtual/nvme-subsystem/nvme-subsys3");
	add_disk("nvme3n2p1", "259:3", "/sys/devices/virtual/nvme-subsystem/nvme-subsys3/nvme3n2");
	fx_file("/proc/self/mountinfo", "22 1 259:3 / /home rw - ext4 /dev/nvme3n2p1 rw\n");
	ck_assert_int_eq(cli(NULL, "bind", NVME, NULL), MACHINE_REFUSED);
	fx_has(fx_logged, "nvme3n2p1 is mounted on /home");
}
END_TEST

START_TEST(others_disk_in_use)
{
	add_disk("nvme0n1", "259:0", NVME_TREE);
	add_disk("sda", "8:0", "/sys/devices/pci0000:00/0000:00:02.0/ata1");
	fx_file("/proc/self/mountinfo", "22 1 8:0 / / rw - ext4 /dev/sda rw\n");
	ck_assert_int_eq(cli(NULL, "bind", NVME, NULL), 0);
	ck_assert_str_eq(fx_logged, "");
}
END_TEST

START_TEST(interface_up)
{
	fx_file(FX_DEV NVME "/net/eth7/operstate", "up\n");
	ck_assert_int_eq(cli(NULL, "bind", NVME, NULL), 0);
	fx_has(fx_logged, "warning: the host loses its network interface eth7, which is up");
}
END_TEST

START_TEST(unbind_in_use)
{
	ck_assert_int_eq(cli(NULL, "bind", NVME, NULL), 0);
	fx_file("/proc/4711/comm", "aerie\n");
	fx_link("/proc/4711/fd/9", "/dev/vfio/devices/vfio7");
	ck_assert_int_eq(cli(NULL, "unbind", NVME, NULL), MACHINE_REFUSED);
	fx_has(fx_logged, "error: " NVME " is in use by aerie (pid 4711); end it first");
	ck_assert(driver_is("vfio-pci"));
	ck_assert_str_eq(kernel.override, "vfio-pci");
}
END_TEST

/* Every call of a bind fails in turn: a message, nothing left open, and the device is with one of the two drivers or
 * free. */
START_TEST(every_failure)
{
	for (unsigned nth = 1;; nth++) {
		char cdev[64];
		int err;

		fake_fail_nth(nth, EIO);
		fx_logged[0] = '\0';
		err = host_bind(NVME, false, cdev);
		if (!fake_failed()) {
			ck_assert_int_eq(err, 0);
			break;
		}
		fake_fail_nth(0, 0);
		if (err < 0)
			fx_has(fx_logged, "error: ");
		ck_assert_uint_eq(fake_leaks(), 0);
		if (driver_is("vfio-pci"))
			ck_assert_int_eq(cli(NULL, "unbind", NVME, NULL), 0);
		kernel.override[0] = '\0';
		fx_link(FX_DEV NVME "/driver", "../../drivers/nvme");
	}
}
END_TEST

static bool line_has(const char *text, const char *bdf, const char *part)
{
	const char *line = strstr(text, fx_f("\n%s ", bdf));
	char copy[512];

	if (!line)
		return false;
	snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
	return strstr(copy, part) != NULL;
}

START_TEST(devices)
{
	char *out;

	fx_pci("0000:03:00.0", "10ec:8168", "020000", "vfio-pci", 7);
	fx_cdev("0000:03:00.0", 2);
	fx_pci("0000:04:00.0", "10de:1234", "030000", NULL, 8);
	fx_pci("0000:04:00.1", "10de:1235", "040300", "snd", 8);
	fx_pci("0000:05:00.0", "10de:1234", "120000", NULL, 9);
	fx_pci("0000:06:00.0", "10de:1234", "ffffff", "vfio-pci", 10);
	ck_assert_int_eq(cli(&out, "devices", NULL, NULL), 0);
	ck_assert(line_has(out, NVME, "1b36:0010  NVMe controller"));
	ck_assert(line_has(out, NVME, "no, driver nvme has it; run `aerie bind 0000:01:00.0`"));
	ck_assert(line_has(out, NVME, "smmu3.0x09050000"));
	ck_assert(line_has(out, NIC, "no, no IOMMU of this host translates it"));
	ck_assert(line_has(out, "0000:03:00.0", "yes"));
	ck_assert(line_has(out, "0000:04:00.0", "no, shares IOMMU group 8 with 0000:04:00.1;"));
	ck_assert(line_has(out, "0000:04:00.1", "no, shares IOMMU group 8 with 0000:04:00.0;"));
	ck_assert(line_has(out, "0000:05:00.0", "no, has no driver; run `aerie bind 0000:05:00.0`"));
	ck_assert(line_has(out, "0000:06:00.0", "no, vfio-pci gives it no character device"));
	fx_has_not(out, "0000:00:01.0");
	fx_has_not(out, "0000:00:00.0");
	ck_assert(strstr(out, NVME) < strstr(out, NIC));
	ck_assert(strstr(out, NIC) < strstr(out, "0000:03:00.0"));
	free(out);
	ck_assert_str_eq(fx_logged, "");
}
END_TEST

START_TEST(devices_without_pci)
{
	sys_root = "/nonexistent";
	ck_assert_int_eq(cli(NULL, "devices", NULL, NULL), MACHINE_REFUSED);
	fx_has(fx_logged, "cannot list the PCI devices of this host");
	sys_root = fx_root;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_bind");
	TCase *tc = tcase_create("cli_bind");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, bind_and_unbind);
	tcase_add_test(tc, unbind_without_a_native_driver);
	tcase_add_test(tc, no_such_device);
	tcase_add_test(tc, bridge);
	tcase_add_test(tc, no_vfio_pci);
	tcase_add_test(tc, no_permission);
	tcase_add_test(tc, vfio_refuses);
	tcase_add_test(tc, no_cdev);
	tcase_add_loop_test(tc, disk_in_use, 0, sizeof(uses) / sizeof(uses[0]));
	tcase_add_test(tc, multipath_disk_in_use);
	tcase_add_test(tc, others_disk_in_use);
	tcase_add_test(tc, interface_up);
	tcase_add_test(tc, unbind_in_use);
	tcase_add_test(tc, every_failure);
	tcase_add_test(tc, devices);
	tcase_add_test(tc, devices_without_pci);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
