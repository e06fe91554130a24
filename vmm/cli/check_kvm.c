/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "arch.h"
#include "host_check.h"
#include "fd.h"
#include "kvm.h"
#include "sys.h"

static void report_open(struct check *check, int err)
{
	if (err == EACCES || err == EPERM)
		check_add(check, CHECK_ERROR, "/dev/kvm", "permission denied; run as root or join the group kvm");
	else if (err == ENOENT || err == ENODEV || err == ENXIO)
		check_add(
			check, CHECK_ERROR, "/dev/kvm",
			"not there; enable virtualization in the firmware and use a kernel with CONFIG_KVM (arm64: one that "
			"was started at EL2)");
	else
		check_add(check, CHECK_ERROR, "/dev/kvm", "cannot be opened: %s; see the kernel's log", strerror(err));
}

static void check_cpus(struct check *check, int kvm_fd)
{
	int most = kvm_check_extension(kvm_fd, KVM_CAP_MAX_VCPUS);
	int good = kvm_check_extension(kvm_fd, KVM_CAP_NR_VCPUS);
	unsigned want = check->config->machine.cpus;

	if (most > 0 && want > (unsigned)most)
		check_add(check, CHECK_ERROR, "vCPUs", "%u wanted, KVM of this host allows %d; lower machine.cpus",
			  want, most);
	else if (good > 0 && want > (unsigned)good)
		check_add(check, CHECK_WARNING, "vCPUs",
			  "%u wanted, KVM recommends at most %d here; they share the host's CPUs", want, good);
	else
		check_add(check, CHECK_OK, "vCPUs", "%u of at most %d", want, most);
}

/* /dev/kvm says what it is meant to do; whether it does shows in a trial. */
static void check_guest(struct check *check, int kvm_fd)
{
	char why[256];
	int err = arch_try_guest(kvm_fd, why, sizeof(why));

	if (err == -ENOTSUP)
		check_add(check, CHECK_WARNING, "/dev/kvm",
			  "too weak for kernels, guests cannot execute: %s; small bare-metal payloads may run; for "
			  "kernels use a host with hardware virtualization (VT-x or AMD-V, nested if it is a VM)",
			  why);
	else if (err < 0)
		check_add(check, CHECK_ERROR, "/dev/kvm", "a VM on trial cannot be made: %s; see the kernel's log",
			  strerror(-err));
	else
		check_add(check, CHECK_OK, "/dev/kvm", "has all that machine %s needs", arch_layout.machine);
}

void check_kvm(struct check *check)
{
	struct check_capture capture;
	OWNED_FD int fd = sys_open("/dev/kvm", O_RDWR);
	int version;

	if (fd < 0) {
		report_open(check, errno);
		return;
	}
	version = kvm_api_version(fd);
	if (version != KVM_API_VERSION) {
		check_add(check, CHECK_ERROR, "/dev/kvm", "speaks API version %d, aerie %d; use Linux 2.6.22 or later",
			  version, KVM_API_VERSION);
		return;
	}
	check_capture_begin(&capture);
	version = arch_check_host(fd);
	check_capture_end();
	if (version < 0)
		check_add(check, CHECK_ERROR, "/dev/kvm", "%s", capture.text);
	else
		check_guest(check, fd);
	if (check->config)
		check_cpus(check, fd);
}
