/* SPDX-License-Identifier: Apache-2.0 */
/* What the host itself does with a PCI device: its disks' mounts, swap and volumes, its network interfaces. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "host_bind.h"
#include "sys.h"

#define MAX_HEADS 16u /* NVMe namespaces whose disk is shared by several controllers */

struct disks {
	const char *bdf;
	char heads[MAX_HEADS][32];
	unsigned nr_heads;
};

/* Target of the link `name` in @dir, false when there is none. */
static bool link_target(const char *dir, const char *name, char *target, size_t cap)
{
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s%s/%s", sys_root, dir, name);
	n = readlink(path, target, cap - 1);
	target[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool below_device(const char *target, const char *bdf)
{
	const char *at = strstr(target, bdf);

	return at && at > target && at[-1] == '/' && at[strlen(bdf)] == '/';
}

/*
 * With native multipath, what the controller has is a hidden disk nvme0c1n1 (subsystem 0, controller 1, namespace 1),
 * and what is mounted is nvme0n1 below /sys/devices/virtual.
 */
static void note_head(struct disks *disks, const char *name)
{
	unsigned subsystem, controller, ns;
	int end = 0;

	if (sscanf(name, "nvme%uc%un%u%n", &subsystem, &controller, &ns, &end) == 3 && name[end] == '\0' &&
	    disks->nr_heads < MAX_HEADS)
		snprintf(disks->heads[disks->nr_heads++], sizeof(disks->heads[0]), "nvme%un%u", subsystem, ns);
}

static bool is_ours(const struct disks *disks, const char *name, const char *target)
{
	if (below_device(target, disks->bdf))
		return true;
	for (unsigned i = 0; i < disks->nr_heads; i++) {
		size_t len = strlen(disks->heads[i]);

		if (strncmp(name, disks->heads[i], len) == 0 && (name[len] == '\0' || name[len] == 'p'))
			return true;
	}
	return false;
}

/* True when @file (mountinfo, swaps) has a line with the word @word; @text gets word number @field (from 0) of it. */
static bool line_with(const char *file, const char *word, unsigned field, char *text, size_t cap)
{
	char path[PATH_MAX], *line = NULL;
	size_t size = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", sys_root, file);
	f = fopen(path, "re");
	while (f && !found && getline(&line, &size, f) >= 0) {
		char *save, *w, *wanted = NULL;
		unsigned i = 0;

		for (w = strtok_r(line, " \t\n", &save); w; w = strtok_r(NULL, " \t\n", &save), i++) {
			if (i == field)
				wanted = w;
			found |= strcmp(w, word) == 0;
		}
		if (found)
			snprintf(text, cap, "%s", wanted ? wanted : "?");
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

static bool has_holder(const char *name, char *holder, size_t cap)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/class/block/%.64s/holders", sys_root, name);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir)))
		if (entry->d_name[0] != '.') {
			snprintf(holder, cap, "%s", entry->d_name);
			found = true;
		}
	if (dir)
		closedir(dir);
	return found;
}

/* mountinfo (proc_pid_mountinfo(5)): the third word is the device number, the fifth the mount point. Some file systems
 * show numbers of their own there but name the device as the source. */
static bool disk_used(const char *name, char *text, size_t cap)
{
	char attribute[PATH_MAX], number[32], node[80], where[PATH_MAX];

	snprintf(node, sizeof(node), "/dev/%.64s", name);
	snprintf(attribute, sizeof(attribute), "/sys/class/block/%.64s/dev", name);
	if ((fd_read_text(attribute, number, sizeof(number)) > 0 &&
	     line_with("/proc/self/mountinfo", number, 4, where, sizeof(where))) ||
	    line_with("/proc/self/mountinfo", node, 4, where, sizeof(where)))
		snprintf(text, cap, "%s is mounted on %.128s", name, where);
	else if (line_with("/proc/swaps", node, 0, where, sizeof(where)))
		snprintf(text, cap, "%s is swap space", name);
	else if (has_holder(name, where, sizeof(where)))
		snprintf(text, cap, "%s is part of %.64s", name, where);
	else
		return false;
	return true;
}

bool host_dev_used(const char *bdf, char *text, size_t cap)
{
	struct disks disks = {.bdf = bdf};
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	bool used = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/class/block", sys_root);
	dir = opendir(path);
	if (!dir)
		return false;
	while ((entry = readdir(dir)))
		if (link_target("/sys/class/block", entry->d_name, target, sizeof(target)) && below_device(target, bdf))
			note_head(&disks, entry->d_name);
	rewinddir(dir);
	while (!used && (entry = readdir(dir)))
		if (link_target("/sys/class/block", entry->d_name, target, sizeof(target)) &&
		    is_ours(&disks, entry->d_name, target))
			used = disk_used(entry->d_name, text, cap);
	closedir(dir);
	return used;
}

bool host_dev_netif_up(const char *bdf, char *name, size_t cap)
{
	char path[PATH_MAX], state[32];
	struct dirent *entry;
	bool up = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/net", sys_root, bdf);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!up && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/net/%.64s/operstate", bdf, entry->d_name);
		up = fd_read_text(path, state, sizeof(state)) > 0 && strcmp(state, "up") == 0;
		if (up)
			snprintf(name, cap, "%s", entry->d_name);
	}
	closedir(dir);
	return up;
}
