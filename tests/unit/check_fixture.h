/* SPDX-License-Identifier: Apache-2.0 */
/* A pretended host on which everything is right, with two assignable devices, and what the checks say of it. */
#ifndef AERIE_CHECK_FIXTURE_H
#define AERIE_CHECK_FIXTURE_H

#include <regex.h>
#include <stdlib.h>

#include "capture.h"
#include "fake.h"
#include "fake_vfio.h"
#include "host_check.h"

#define NVME "0000:01:00.0"
#define NIC  "0000:02:00.0"

static struct fake_vfio_dev *nvme, *nic;
static char findings[16384];

static inline void on_finding(struct check *check, enum check_level level, const char *what, const char *text)
{
	static const char *const names[] = {"ok", "warning", "error"};
	size_t used = strlen(findings);

	ck_assert_msg(*what && *text && !strchr(text, '\n'), "a bad finding: %s: %s", what, text);
	snprintf(findings + used, sizeof(findings) - used, "%s %s: %s\n", names[level], what, text);
}

static inline void setup(void)
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

static inline void teardown(void)
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

static inline struct config *parse(const char *text, const char *const *set)
{
	struct config *config;

	ck_assert_msg(config_parse(&config, "vm.yaml", text, strlen(text), set) == 0, "%s", captured);
	return config;
}

/* Runs one check over @text with overrides; returns the number of errors. */
static inline unsigned check_with(void (*one)(struct check *), const char *text, const char *const *set)
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

static inline void found(const char *regex)
{
	regex_t re;

	ck_assert_int_eq(regcomp(&re, regex, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
	ck_assert_msg(regexec(&re, findings, 0, NULL, 0) == 0, "expected\n  %s\nin\n%s", regex, findings);
	regfree(&re);
}

static inline void not_found(const char *part)
{
	ck_assert_msg(!strstr(findings, part), "did not expect\n  %s\nin\n%s", part, findings);
}

/** An empty host. */
static inline void gone(void)
{
	fake_sysfs_remove();
	fake_sysfs_create();
}

#endif
