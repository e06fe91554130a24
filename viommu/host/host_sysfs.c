/* SPDX-License-Identifier: Apache-2.0 */
/* What sysfs says of a PCI device: driver, VFIO character device, IOMMU, group, reserved regions. */
#include "host_dev.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bits.h"
#include "fd.h"
#include "sys.h"

#define PCI_DEVICES  "/sys/bus/pci/devices"
#define VFIO_DEVICES "/dev/vfio/devices"

#define CLASS_BRIDGE_PCI 0x0604u

/* A hexadecimal number of @digits digits at *@p, which moves behind it; -1 when there is none. */
static int hex_field(const char **p, int digits)
{
	int value = 0;

	for (int i = 0; i < digits; i++, (*p)++) {
		int c = tolower((unsigned char)**p);

		if (!isxdigit(c))
			return -1;
		value = value * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return value;
}

int host_bdf_parse(const char *text, char bdf[HOST_BDF_LEN])
{
	const char *p = text;
	int domain = 0, bus, device, function;

	if (strlen(text) >= 5 && text[4] == ':') {
		domain = hex_field(&p, 4);
		if (domain < 0)
			return -EINVAL;
		p++;
	}
	bus = hex_field(&p, 2);
	if (bus < 0 || *p++ != ':')
		return -EINVAL;
	device = hex_field(&p, 2);
	if (device < 0 || device > 0x1f || *p++ != '.')
		return -EINVAL;
	function = hex_field(&p, 1);
	if (function < 0 || function > 7 || *p != '\0')
		return -EINVAL;
	snprintf(bdf, HOST_BDF_LEN, "%04x:%02x:%02x.%x", (unsigned)domain & 0xffff, (unsigned)bus & 0xff,
		 (unsigned)device & 0x1f, (unsigned)function & 7);
	return 0;
}

/* Last component of the link @name in the device's folder, "" when there is none. */
static void link_name(const char *bdf, const char *name, char *out, size_t cap)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	ssize_t n;

	out[0] = '\0';
	snprintf(path, sizeof(path), "%s" PCI_DEVICES "/%s/%s", sys_root, bdf, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	last = strrchr(target, '/');
	snprintf(out, cap, "%.*s", (int)cap - 1, last ? last + 1 : target);
}

static int64_t hex_attribute(const char *bdf, const char *name)
{
	char path[320], text[32], *end;
	unsigned long long value;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", bdf, name);
	if (fd_read_text(path, text, sizeof(text)) <= 0)
		return -1;
	value = strtoull(text, &end, 16);
	return *end || value > INT64_MAX ? -1 : (int64_t)value;
}

static DIR *open_dir(const char *bdf, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s" PCI_DEVICES "/%s/%s", sys_root, bdf, name);
	return opendir(path);
}

static void find_cdev(const char *bdf, char cdev[64])
{
	DIR *dir = open_dir(bdf, "vfio-dev");
	struct dirent *entry;

	cdev[0] = '\0';
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "vfio", 4) && strlen(entry->d_name) < 32)
			snprintf(cdev, 64, VFIO_DEVICES "/%.31s", entry->d_name);
	closedir(dir);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Members other than PCI-to-PCI bridges: a bridge issues no DMA of its own, its driver (pcieport) is no obstacle to
 * VFIO. */
static void read_group(const char *bdf, struct host_dev_info *info)
{
	DIR *dir = open_dir(bdf, "iommu_group/devices");
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || hex_attribute(entry->d_name, "class") >> 8 == CLASS_BRIDGE_PCI)
			continue;
		if (info->nr_group < HOST_GROUP_MAX)
			snprintf(info->members[info->nr_group], HOST_BDF_LEN, "%.*s", (int)HOST_BDF_LEN - 1,
				 entry->d_name);
		info->nr_group++;
	}
	closedir(dir);
	qsort(info->members, info->nr_group < HOST_GROUP_MAX ? info->nr_group : HOST_GROUP_MAX,
	      sizeof(info->members[0]), by_name);
}

/* PCI functions of which the kernel knows without firmware that they can stall (quirk_huawei_pcie_sva()). */
static bool quirk_stalls(const struct host_dev_info *info, bool has_node)
{
	static const uint16_t devices[] = {0xa250, 0xa251, 0xa255, 0xa256, 0xa258, 0xa259};
	int64_t revision;

	if (info->vendor != 0x19e5 || has_node)
		return false;
	revision = hex_attribute(info->bdf, "revision");
	if (revision != 0x21 && revision != 0x30)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(devices); i++)
		if (devices[i] == info->device)
			return true;
	return false;
}

/* arm_smmu_probe_device() */
static bool can_stall(const struct host_dev_info *info)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s" PCI_DEVICES "/%s/of_node", sys_root, info->bdf);
	bool has_node = access(path, F_OK) == 0;

	snprintf(path + n, sizeof(path) - (size_t)n, "/dma-can-stall");
	return access(path, F_OK) == 0 || quirk_stalls(info, has_node);
}

int host_dev_probe(const char *bdf, struct host_dev_info *info)
{
	char group[32], *end;
	int64_t vendor, device, class_code;

	*info = (struct host_dev_info){.group = -1};
	if (host_bdf_parse(bdf, info->bdf))
		return -ENOENT;
	vendor = hex_attribute(info->bdf, "vendor");
	device = hex_attribute(info->bdf, "device");
	class_code = hex_attribute(info->bdf, "class");
	if (vendor < 0 || device < 0 || class_code < 0)
		return -ENOENT;
	info->vendor = (uint16_t)vendor;
	info->device = (uint16_t)device;
	info->class_code = (uint32_t)class_code & 0xffffff;
	link_name(info->bdf, "driver", info->driver, sizeof(info->driver));
	link_name(info->bdf, "iommu", info->iommu, sizeof(info->iommu));
	link_name(info->bdf, "iommu_group", group, sizeof(group));
	if (group[0]) {
		unsigned long number = strtoul(group, &end, 10);

		if (!*end && number <= INT_MAX)
			info->group = (int)number;
		read_group(info->bdf, info);
	}
	find_cdev(info->bdf, info->cdev);
	info->can_stall = can_stall(info);
	return 0;
}

int host_dev_reserved(const char *bdf, struct host_reserved *regions, unsigned max)
{
	char path[320], text[4096], *line, *save = NULL;
	unsigned n = 0;
	ssize_t len;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/iommu_group/reserved_regions", bdf);
	len = fd_read_text(path, text, sizeof(text));
	if (len < 0)
		return (int)len;
	for (line = strtok_r(text, "\n", &save); line && n < max; line = strtok_r(NULL, "\n", &save)) {
		struct host_reserved *r = &regions[n];

		if (sscanf(line, "%" SCNx64 " %" SCNx64 " %23s", &r->range.first, &r->range.last, r->type) == 3 &&
		    r->range.first <= r->range.last)
			n++;
	}
	return (int)n;
}

/* Lines of `resource`: first and last address, and flags (IORESOURCE_MEM 0x200); the first six are the BARs. */
int host_dev_bars(const char *bdf, struct host_bar bars[HOST_NR_BARS])
{
	char path[PATH_MAX], text[2048], *line = text;
	ssize_t n;

	memset(bars, 0, HOST_NR_BARS * sizeof(bars[0]));
	snprintf(path, sizeof(path), "%s" PCI_DEVICES "/%s/resource", sys_root, bdf);
	n = fd_read_text(path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	for (unsigned i = 0; i < HOST_NR_BARS && line; i++) {
		uint64_t first, last, flags;

		if (sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64, &first, &last, &flags) != 3)
			return -EBADMSG;
		if (last > first)
			bars[i] = (struct host_bar){first, last - first + 1, flags & 0x200};
		line = strchr(line, '\n');
		line += line != NULL;
	}
	return 0;
}
