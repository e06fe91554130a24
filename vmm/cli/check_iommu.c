/* SPDX-License-Identifier: Apache-2.0 */
/* What IOMMUs of the guest need of the machine, and assignment of the host as a whole. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "arch.h"
#include "bits.h"
#include "host_check.h"
#include "fd.h"
#include "iommufd.h"
#include "sys.h"

/* True when the configuration has a device of the host behind an SMMUv3. */
static bool nests(const struct config *config)
{
	for (unsigned i = 0; i < config->pci_count; i++) {
		const struct config_port *port = &config->pci[i];

		if (!port->iommu || config->iommus[config_iommu_index(config, port->iommu)].type != IOMMU_TYPE_SMMUV3)
			continue;
		for (unsigned d = 0; d < port->devices_count; d++)
			if (port->devices[d].kind == DEVICE_ASSIGN)
				return true;
	}
	return false;
}

/* SMMUs have places in the memory map, by their number in the list; virtio-iommus are devices of bus 0, as ports are.
 */
void check_iommus(struct check *check)
{
	const struct config *config = check->config;
	unsigned virtio = 0;

	for (unsigned i = 0; config && i < config->iommus_count; i++) {
		const struct config_iommu *iommu = &config->iommus[i];

		virtio += iommu->type == IOMMU_TYPE_VIRTIO;
		if (iommu->type == IOMMU_TYPE_SMMUV3 && i >= arch_layout.smmu_max)
			check_add(check, CHECK_ERROR, iommu->id,
				  "machine %s has room for SMMUs among the first %u entries of \"iommus\" only; use "
				  "fewer, or put them first",
				  arch_layout.machine, arch_layout.smmu_max);
	}
	if (config && config->pci_count + virtio > CONFIG_MAX_PORTS)
		check_add(
			check, CHECK_ERROR, "iommus",
			"%u of type virtio-iommu and %u root ports do not fit on bus 0, which has %u places; use fewer "
			"ports",
			virtio, config->pci_count, CONFIG_MAX_PORTS);
}

static bool wanted(const struct check *check)
{
	return !check->config || config_assigns(check->config);
}

/* /proc/devices lists the registered character devices by major number and name. */
static bool proc_devices_has(const char *name)
{
	char text[8192], *save, *line;

	if (fd_read_text("/proc/devices", text, sizeof(text)) < 0)
		return false;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " 0123456789");
		if (strcmp(line, name) == 0)
			return true;
	}
	return false;
}

static bool has_dir(const char *path)
{
	OWNED_FD int fd = sys_open(path, O_RDONLY | O_DIRECTORY);

	return fd >= 0;
}

void check_iommufd(struct check *check)
{
	struct check_capture capture;
	struct iommufd iommufd;
	int err;

	if (!wanted(check))
		return;
	check_capture_begin(&capture);
	err = iommufd_open(&iommufd, -1);
	check_capture_end();
	if (err == 0)
		iommufd_close(&iommufd);
	check_add(check, err < 0 ? CHECK_ERROR : CHECK_OK, "/dev/iommu", "%s", err < 0 ? capture.text : "opens");

	if (!has_dir("/sys/bus/pci/drivers/vfio-pci"))
		check_add(check, CHECK_ERROR, "vfio-pci",
			  "the driver is not there; `modprobe vfio-pci`, or use a kernel with "
			  "CONFIG_VFIO_PCI");
	else if (!proc_devices_has("vfio-dev"))
		check_add(check, CHECK_ERROR, "vfio-pci",
			  "VFIO of this kernel has no character devices; use a kernel with CONFIG_VFIO_DEVICE_CDEV");
	else
		check_add(check, CHECK_OK, "vfio-pci", "there, with character devices");
}

/* The options that make the difference; the last for guests' SMMUs only. */
static const struct {
	const char *name;
	bool nesting;
} options[] = {
	{"CONFIG_IOMMUFD", false},
	{"CONFIG_VFIO_PCI", false},
	{"CONFIG_VFIO_DEVICE_CDEV", false},
	{"CONFIG_ARM_SMMU_V3_IOMMUFD", true},
};

/* Marks those of @options that @line ("CONFIG_X=y") switches on. */
static void match_option(const char *line, bool *on)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		size_t len = strlen(options[i].name);

		if (strncmp(line, options[i].name, len) == 0 && line[len] == '=' && strchr("ym", line[len + 1]))
			on[i] = true;
	}
}

void check_kernel_options(struct check *check)
{
	bool on[ARRAY_LEN(options)] = {false};
	bool nesting = check->config && nests(check->config);
	char line[256], missing[256] = "";
	gzFile gz;

	if (!wanted(check))
		return;
	OWNED_FD int fd = sys_open("/proc/config.gz", O_RDONLY);
	if (fd < 0)
		return; /* most kernels have none: nothing to say */
	gz = gzdopen(dup(fd), "r");
	if (!gz)
		return;
	while (gzgets(gz, line, sizeof(line)))
		match_option(line, on);
	gzclose(gz);
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (!on[i] && (!options[i].nesting || nesting))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " %s", options[i].name);
	if (missing[0])
		check_add(check, CHECK_ERROR, "kernel options", "/proc/config.gz lacks%s; use a kernel that has them",
			  missing);
	else
		check_add(check, CHECK_OK, "kernel options", "/proc/config.gz has what %s needs",
			  nesting ? "nested assignment" : "assignment");
}
