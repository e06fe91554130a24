/* SPDX-License-Identifier: Apache-2.0 */
/* A small sysfs in a temporary directory. */
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_vfio.h"
#include "sys.h"

static char root[PATH_MAX / 2];

static void must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "fake sysfs: %s: %s\n", what, strerror(errno));
	abort();
}

/* In memory where that is possible: tests write these small files again and again. */
static const char *temporary(void)
{
	const char *dir = getenv("TMPDIR");

	if (dir)
		return dir;
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : P_tmpdir;
}

void fake_sysfs_create(void)
{
	snprintf(root, sizeof(root), "%s/aerie-sysfs-XXXXXX", temporary());
	must(mkdtemp(root) ? 0 : -1, root);
	sys_root = root;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void fake_sysfs_remove(void)
{
	if (!*sys_root)
		return;
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	sys_root = "";
}

/* The path below the root, with its folders made. */
static const char *place(const char *path)
{
	static char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(full, 0755) < 0 && errno != EEXIST)
			must(-1, full);
		*p = '/';
	}
	return full;
}

void fake_sysfs_file(const char *path, const char *text)
{
	FILE *f = fopen(place(path), "w");

	must(f ? 0 : -1, path);
	fputs(text, f);
	fclose(f);
}

void fake_sysfs_link(const char *path, const char *target)
{
	const char *full = place(path);

	unlink(full);
	must(symlink(target, full), path);
}

void fake_sysfs_device(const char *bdf, uint32_t class_code, const char *driver, const char *iommu, int group)
{
	char path[256], text[256];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vendor", bdf);
	fake_sysfs_file(path, "0x1b36\n");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/device", bdf);
	fake_sysfs_file(path, "0x0010\n");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/class", bdf);
	snprintf(text, sizeof(text), "0x%06" PRIx32 "\n", class_code);
	fake_sysfs_file(path, text);
	if (driver) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", bdf);
		snprintf(text, sizeof(text), "../../../../bus/pci/drivers/%s", driver);
		fake_sysfs_link(path, text);
	}
	if (iommu) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu", bdf);
		snprintf(text, sizeof(text), "../../../platform/arm-smmu-v3.0.auto/iommu/%s", iommu);
		fake_sysfs_link(path, text);
	}
	if (group < 0)
		return;
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices/%s", group, bdf);
	snprintf(text, sizeof(text), "../../../../bus/pci/devices/%s", bdf);
	fake_sysfs_link(path, text);
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/reserved_regions", group);
	fake_sysfs_file(path, "0x0000000008000000 0x00000000080fffff msi\n");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	snprintf(text, sizeof(text), "../../../../kernel/iommu_groups/%d", group);
	fake_sysfs_link(path, text);
}
