/* SPDX-License-Identifier: Apache-2.0 */
/* What `aerie check` says of the host's device security. */
#include "check_fixture.h"
#include "cli.h"
#include "fake_tsm.h"
#include "run_suite.h"

#define DEV "/sys/bus/pci/devices/" NVME "/"

static const char trusted_vm[] =
	"version: 1\nmachine: { cpus: 2, memory: 512M }\nboot: { kernel: /dev/null }\n"
	"pci: [{ root-port: rp0, devices: [{ assign: \"" NVME "\", trust: { roots: /r.pem, require: [spdm] } }] }]\n";

START_TEST(nothing)
{
	ck_assert_uint_eq(check_with(check_tsm, NULL, NULL), 0);
	ck_assert_uint_eq(check_with(check_tsm, nested_vm, NULL), 0);
	ck_assert_str_eq(findings, "");
}
END_TEST

START_TEST(mailboxes)
{
	ck_assert_uint_eq(check_with(check_tsm, trusted_vm, NULL), 0);
	found("^warning device " NVME ": the kernel knows no DOE mailbox of it");
	fake_sysfs_file(DEV "doe_features/doe_discovery", "0001:00\n");
	ck_assert_uint_eq(check_with(check_tsm, trusted_vm, NULL), 1);
	found("^error device " NVME ": its DOE mailboxes do not speak SPDM .*0001:01 and 0001:02");
	ck_assert_uint_eq(check_with(check_tsm, nested_vm, NULL), 0);
	fake_sysfs_file(DEV "doe_features/0001:01", "0001:01\n");
	ck_assert_uint_eq(check_with(check_tsm, trusted_vm, NULL), 1);
	fake_sysfs_file(DEV "doe_features/0001:02", "0001:02\n");
	ck_assert_uint_eq(check_with(check_tsm, trusted_vm, NULL), 0);
	ck_assert_str_eq(findings, "");
}
END_TEST

START_TEST(managers)
{
	fake_sysfs_file("/sys/class/tsm/tsm0/uevent", "");
	check_with(check_tsm, NULL, NULL);
	found("^ok device security: the kernel has a TEE security manager \\(tsm0\\)");
	fake_sysfs_file(DEV "tsm/connect", "\n");
	check_with(check_tsm, nested_vm, NULL);
	found("^ok device " NVME ": can be connected to a security manager of the host \\(tsm0\\)");
	fake_sysfs_file(DEV "tsm/connect", "tsm0\n");
	ck_assert_uint_eq(check_with(check_tsm, nested_vm, NULL), 0);
	found("^ok device " NVME ": connected to tsm0");
	ck_assert_uint_eq(check_with(check_tsm, trusted_vm, NULL), 1);
	found("^error device " NVME ": the kernel has connected " NVME
	      " to tsm0 and uses its mailbox.*write tsm0 to tsm/disconnect");
}
END_TEST

static const char keyed_vm[] = "version: 1\nmachine: { cpus: 2, memory: 512M }\nboot: { kernel: /dev/null }\n"
			       "pci: [{ root-port: rp0, devices: [{ assign: \"" NVME
			       "\", trust: { roots: /r.pem, require: [ide], link-keys: auto } }] }]\n";

static void keys(const char *who, const char *more, const char *finding)
{
	char choice[64];
	const char *const set[] = {choice, more, NULL};

	snprintf(choice, sizeof(choice), "pci.0.devices.0.trust.link-keys=%s", who);

	check_with(check_trust, keyed_vm, set);
	found(finding);
}

/* Who is going to key the link, and whether that can be. */
START_TEST(link_keys)
{
	static const char device[] = "^warning trust " NVME ": the keys of its link are given to the device alone";
	static const char host[] =
		"^ok trust " NVME ": once it has proven itself, both ends of its link are keyed by the host";

	keys("auto", NULL, device);
	keys("host", NULL, "^error trust " NVME ": the kernel offers no tsm/connect for " NVME ".*no security manager");
	fake_tsm_install(NVME);
	keys("auto", NULL, host);
	keys("host", NULL, host);
	keys("device", NULL, device);
	keys("auto", "pci.0.devices.0.trust.require.1=tdisp", device);
	fake_sysfs_file(FAKE_TSM_BRIDGE "/available_secure_streams", "0\n");
	keys("auto", NULL, "^error trust " NVME ": no IDE stream is left on its host bridge");
	fake_sysfs_file(FAKE_TSM_BRIDGE "/available_secure_streams", "4\n");
	keys("auto", NULL, host);
}
END_TEST

/* A function that another one's connection manages. */
START_TEST(managed)
{
	fake_sysfs_file(DEV "tsm/dsm", NIC "\n");
	fake_sysfs_file("/sys/bus/pci/devices/" NIC "/tsm/connect", "tsm0\n");
	ck_assert_uint_eq(check_with(check_tsm, trusted_vm, NULL), 1);
	found("^error device " NVME ": the kernel has connected " NIC " to tsm0 .*tsm/disconnect of " NIC);
	fake_sysfs_file("/sys/bus/pci/devices/" NIC "/tsm/connect", "\n");
	ck_assert_uint_eq(check_with(check_tsm, trusted_vm, NULL), 0);
}
END_TEST

/* aerie attest asks nothing of a device whose mailbox is the kernel's. */
START_TEST(attest_is_refused)
{
	char aerie[] = "aerie", attest[] = "attest", bdf[] = NVME;
	char *argv[] = {aerie, attest, bdf, NULL};

	fake_tsm_install(NVME);
	strcpy(fake_tsm.connected, "tsm0");
	ck_assert_int_eq(cli_main(3, argv, NULL), 2);
	ck_said(NVME ": cannot be asked to prove itself: the kernel has connected " NVME " to tsm0");
	ck_said("echo tsm0 >/sys/bus/pci/devices/" NVME "/tsm/disconnect");
	ck_assert_uint_eq(captured_errors, 1);
}
END_TEST

START_TEST(identity)
{
	static const char vm[] =
		"version: 1\nmachine: { cpus: 2, memory: 512M }\nboot: { kernel: /dev/null }\n"
		"pci: [{ root-port: rp0, devices: [{ test: { doe: true, identity: { certificates: /no/chain.pem, key: "
		"/no/key.pem } } }] }]\n";

	ck_assert_uint_eq(check_with(check_emulated, vm, NULL), 1);
	found("^error device rp0.0: .*/no/(chain|key).pem");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_tsm");
	TCase *tc = tcase_create("tsm");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing);
	tcase_add_test(tc, mailboxes);
	tcase_add_test(tc, managers);
	tcase_add_test(tc, link_keys);
	tcase_add_test(tc, managed);
	tcase_add_test(tc, attest_is_refused);
	tcase_add_test(tc, identity);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
