/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch.h"
#include "check_emulated.h"
#include "fd.h"
#include "flash_image.h"
#include "sys.h"

/* Whether it is a kernel at all is found out by the loader. */
static void check_readable(struct check *check, const char *key, const char *path)
{
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		check_add(check, CHECK_ERROR, key, "cannot open %s: %s; the path is relative to the working directory",
			  path, strerror(errno));
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		check_add(check, CHECK_ERROR, key, "%s is no file; give the path of a file", path);
	else if (st.st_size == 0)
		check_add(check, CHECK_ERROR, key, "%s is empty; give the path of a file with contents", path);
	else
		check_add(check, CHECK_OK, key, "%s, %lld KiB", path, (long long)(st.st_size + 1023) / 1024);
}

/* The files of the flash. */
static void check_flash(struct check *check, enum flash_file kind, const char *key, const char *path)
{
	const bool vars = kind == FLASH_FILE_VARS;
	const struct range bank = vars ? arch_layout.flash_vars : arch_layout.flash_code;
	OWNED_FD int fd = open(path, (vars ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	const char *problem = NULL;
	struct stat st;

	if (arch_layout.flash_code.last == 0)
		check_add(check, CHECK_ERROR, key, "machine %s has no flash for a firmware; give boot.kernel instead",
			  arch_layout.machine);
	else if (fd < 0)
		check_add(check, CHECK_ERROR, key,
			  "cannot open %s: %s; the path is relative to the working directory%s", path, strerror(errno),
			  vars ? ", and the VM writes the file: a blank one is made by `truncate -s 768K`" : "");
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		check_add(check, CHECK_ERROR, key, "%s is no file; give the path of a file", path);
	else if ((problem = flash_file_problem(kind, fd, (uint64_t)st.st_size, range_len(bank))))
		check_add(check, CHECK_ERROR, key, "%s %s", path, problem);
	else if (vars && sys_lock_file(fd, true) < 0)
		check_add(check, CHECK_ERROR, key, "%s is in use by another VM; each VM needs a file of its own", path);
	else
		check_add(check, CHECK_OK, key, "%s, %lld KiB", path, (long long)(st.st_size + 1023) / 1024);
}

void check_files(struct check *check)
{
	if (!check->config)
		return;
	const struct config_boot *boot = &check->config->boot;

	if (boot->firmware)
		check_flash(check, FLASH_FILE_FIRMWARE, "boot.firmware", boot->firmware);
	if (boot->vars)
		check_flash(check, FLASH_FILE_VARS, "boot.vars", boot->vars);
	if (boot->kernel)
		check_readable(check, "boot.kernel", boot->kernel);
	if (boot->initrd)
		check_readable(check, "boot.initrd", boot->initrd);
	check_console_path(check, "console.path", check->config->console.type, check->config->console.path);
}
