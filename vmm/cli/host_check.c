/* SPDX-License-Identifier: Apache-2.0 */
#include "host_check.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "sys.h"

void check_add(struct check *check, enum check_level level, const char *what, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (level == CHECK_ERROR && check->errors++ == 0)
		snprintf(check->first_error, sizeof(check->first_error), "%s: %.900s", what, text);
	if (level == CHECK_WARNING)
		check->warnings++;
	if (check->report)
		check->report(check, level, what, text);
}

static void on_line(enum log_level level, const char *line, void *opaque)
{
	struct check_capture *capture = opaque;

	if (level == LOG_ERROR && !capture->text[0])
		snprintf(capture->text, sizeof(capture->text), "%s", line);
}

void check_capture_begin(struct check_capture *capture)
{
	capture->text[0] = '\0';
	log_set_sink(on_line, capture);
}

void check_capture_end(void)
{
	log_set_sink(NULL, NULL);
}

bool check_proc_field(const char *path, const char *key, char *value, size_t cap)
{
	char text[8192], *save, *line;
	size_t len = strlen(key);

	if (fd_read_text(path, text, sizeof(text)) < 0)
		return false;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, key, len) != 0)
			continue;
		snprintf(value, cap, "%s", line + len + strspn(line + len, " \t"));
		return true;
	}
	return false;
}

bool check_has_capability(unsigned number)
{
	char value[32];

	if (!check_proc_field("/proc/self/status", "CapEff:", value, sizeof(value)))
		return false;
	return strtoull(value, NULL, 16) >> number & 1;
}

void check_group_members(const struct host_dev_info *info, char *text, size_t cap)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < info->nr_group && i < HOST_GROUP_MAX && used < cap; i++)
		if (strcmp(info->members[i], info->bdf) != 0)
			used += (size_t)snprintf(text + used, cap - used, "%s%s", used ? ", " : "", info->members[i]);
}

/* True when a descriptor of process @pid is @cdev. */
static bool process_has(const char *pid, const char *cdev)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc/%.20s/fd", sys_root, pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		found = strcmp(target, cdev) == 0;
	}
	closedir(dir);
	return found;
}

bool check_cdev_user(const char *cdev, char *text, size_t cap)
{
	char path[PATH_MAX], comm[32];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc", sys_root);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		if (strspn(entry->d_name, "0123456789") != strlen(entry->d_name) || !process_has(entry->d_name, cdev))
			continue;
		found = true;
		snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
		if (fd_read_text(path, comm, sizeof(comm)) <= 0)
			snprintf(comm, sizeof(comm), "a process");
		snprintf(text, cap, "%s (pid %.20s)", comm, entry->d_name);
	}
	closedir(dir);
	return found;
}
