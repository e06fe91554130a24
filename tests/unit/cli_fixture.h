/* SPDX-License-Identifier: Apache-2.0 */
/* A pretended /sys, /proc and /dev in a temporary directory, and the output of commands, for the tests of the CLI. */
#ifndef AERIE_CLI_FIXTURE_H
#define AERIE_CLI_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "sys.h"

static char fx_root[64];
static char fx_logged[8192]; /* every line since fx_start(), each with a newline */
static FILE *fx_stdout;
static char *fx_text;
static size_t fx_size;

static inline void fx_sink(enum log_level level, const char *line, void *opaque)
{
	static const char *const kind[] = {"error: ", "warning: ", "", "debug: "};
	size_t used = strlen(fx_logged);

	(void)opaque;
	snprintf(fx_logged + used, sizeof(fx_logged) - used, "%s%s\n", kind[level], line);
}

static inline void fx_start(void)
{
	strcpy(fx_root, "/tmp/aerie-cli-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fx_root));
	sys_root = fx_root;
	fx_logged[0] = '\0';
	log_set_sink(fx_sink, NULL);
}

static inline int fx_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void fx_stop(void)
{
	log_set_sink(NULL, NULL);
	sys_root = "";
	nftw(fx_root, fx_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/** Path of @name (absolute in the pretended tree) outside; one of four buffers in turn. */
static inline const char *fx_path(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%s%s", fx_root, name);
	return path;
}

/** Makes all folders above the last component of @name. */
static inline void fx_parents(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", fx_path(name));
	for (char *p = path + strlen(fx_root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
}

static inline void fx_dir(const char *name)
{
	fx_parents(name);
	ck_assert(mkdir(fx_path(name), 0755) == 0 || errno == EEXIST);
}

static inline void fx_file(const char *name, const char *text)
{
	FILE *f;

	fx_parents(name);
	f = fopen(fx_path(name), "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static inline void fx_link(const char *name, const char *target)
{
	fx_parents(name);
	unlink(fx_path(name));
	ck_assert_int_eq(symlink(target, fx_path(name)), 0);
}

/** printf into one of four buffers in turn. */
__attribute__((format(printf, 1, 2))) static inline const char *fx_f(const char *fmt, ...)
{
	static char texts[4][PATH_MAX];
	static unsigned next;
	char *text = texts[next++ % 4];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, PATH_MAX, fmt, args);
	va_end(args);
	return text;
}

#define FX_DEV "/sys/bus/pci/devices/"

/** A PCI function in sysfs; @group < 0: no IOMMU; @driver NULL: none. */
static inline void fx_pci(const char *bdf, const char *id, const char *class_code, const char *driver, int group)
{
	fx_dir(fx_f(FX_DEV "%s", bdf));
	fx_file(fx_f(FX_DEV "%s/vendor", bdf), fx_f("0x%.4s\n", id));
	fx_file(fx_f(FX_DEV "%s/device", bdf), fx_f("0x%.4s\n", id + 5));
	fx_file(fx_f(FX_DEV "%s/class", bdf), fx_f("0x%s\n", class_code));
	fx_file(fx_f(FX_DEV "%s/driver_override", bdf), "(null)\n");
	if (driver) {
		fx_dir(fx_f("/sys/bus/pci/drivers/%s", driver));
		fx_link(fx_f(FX_DEV "%s/driver", bdf), fx_f("../../drivers/%s", driver));
	}
	if (group < 0)
		return;
	fx_dir(fx_f("/sys/kernel/iommu_groups/%d/devices/%s", group, bdf));
	fx_link(fx_f(FX_DEV "%s/iommu_group", bdf), fx_f("../../../../kernel/iommu_groups/%d", group));
	fx_link(fx_f(FX_DEV "%s/iommu", bdf), "../../../../devices/platform/smmu3.0x09050000/iommu/smmu3.0x09050000");
}

/** Gives @bdf the character device vfio@n. */
static inline void fx_cdev(const char *bdf, unsigned n)
{
	fx_dir(fx_f(FX_DEV "%s/vfio-dev/vfio%u", bdf, n));
	fx_file(fx_f("/dev/vfio/devices/vfio%u", n), "");
}

/** From here on what is printed is kept ... */
static inline void fx_capture(void)
{
	fflush(stdout);
	fx_stdout = stdout;
	stdout = open_memstream(&fx_text, &fx_size);
	ck_assert_ptr_nonnull(stdout);
}

/** ... until here; the caller frees it. */
static inline char *fx_captured(void)
{
	fclose(stdout);
	stdout = fx_stdout;
	return fx_text;
}

static inline void fx_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "expected\n  %s\nin\n%s", part, text);
}

static inline void fx_has_not(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "did not expect\n  %s\nin\n%s", part, text);
}

#endif
