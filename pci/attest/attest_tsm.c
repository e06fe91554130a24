/* SPDX-License-Identifier: Apache-2.0 */
#include "attest_tsm.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "sys.h"

#define PCI_DEVICES "/sys/bus/pci/devices"

static int number_of(const char *name)
{
	return atoi(name + strlen("tsm"));
}

static int by_number(const void *a, const void *b)
{
	return number_of(a) - number_of(b);
}

/* "tsm" and a number, which is what the kernel takes (connect_store() in drivers/pci/tsm.c). */
static bool is_tsm(const char *name)
{
	size_t digits;

	if (strncmp(name, "tsm", 3) != 0)
		return false;
	digits = strspn(name + 3, "0123456789");
	return digits > 0 && digits < 10 && name[3 + digits] == '\0';
}

unsigned tsm_names(char names[TSM_MAX][TSM_NAME])
{
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/class/tsm", sys_root);
	dir = opendir(path);
	while (dir && n < TSM_MAX && (entry = readdir(dir)) != NULL)
		if (is_tsm(entry->d_name))
			snprintf(names[n++], TSM_NAME, "%.*s", (int)TSM_NAME - 1, entry->d_name);
	if (dir)
		closedir(dir);
	qsort(names, n, TSM_NAME, by_number);
	return n;
}

static void attribute_path(char path[PATH_MAX], const char *bdf, const char *name)
{
	snprintf(path, PATH_MAX, PCI_DEVICES "/%s/tsm/%s", bdf, name);
}

/* "" when it is not there, or says nothing. */
static void attribute(const char *bdf, const char *name, char value[TSM_NAME])
{
	char path[PATH_MAX];

	attribute_path(path, bdf, name);
	if (fd_read_text(path, value, TSM_NAME) < 0)
		value[0] = '\0';
}

bool tsm_offered(const char *bdf)
{
	char path[PATH_MAX], value[TSM_NAME];

	attribute_path(path, bdf, "connect");
	return fd_read_text(path, value, sizeof(value)) >= 0;
}

bool tsm_connected(const char *bdf, char name[TSM_NAME], char dsm[TSM_NAME])
{
	snprintf(dsm, TSM_NAME, "%s", bdf);
	attribute(bdf, "connect", name);
	if (name[0])
		return true;
	attribute(bdf, "dsm", dsm);
	if (!dsm[0])
		return false;
	attribute(dsm, "connect", name);
	return name[0];
}

int tsm_must_be_free(const char *bdf, const char *name)
{
	char tsm[TSM_NAME], dsm[TSM_NAME];

	if (!tsm_connected(bdf, tsm, dsm))
		return 0;
	return log_fail(
		-EBUSY,
		"%s: cannot be asked to prove itself: the kernel has connected %s to %s, and its DOE mailbox is the "
		"kernel's; end that with: echo %s >" PCI_DEVICES "/%s/tsm/disconnect",
		name, dsm, tsm, tsm, dsm);
}

/* The folder of the host bridge above @bdf: the last "pciDDDD:BB" of the path of its device. */
static bool host_bridge(const char *bdf, char out[PATH_MAX])
{
	char path[PATH_MAX], *at, *end = NULL;

	snprintf(path, sizeof(path), "%s" PCI_DEVICES "/%s", sys_root, bdf);
	if (!realpath(path, out))
		return false;
	for (at = out; (at = strstr(at, "/pci")) != NULL; at++) {
		size_t digits = strspn(at + 4, "0123456789abcdef");

		if (digits >= 4 && at[4 + digits] == ':' && isxdigit(at[5 + digits]))
			end = at + strcspn(at + 1, "/") + 1;
	}
	if (end)
		*end = '\0';
	return end;
}

int tsm_streams_left(const char *bdf)
{
	char path[PATH_MAX], file[PATH_MAX + 32], text[16];
	const char *below_root;

	if (!host_bridge(bdf, path))
		return -1;
	below_root = strstr(path, "/sys/devices");
	if (!below_root)
		return -1;
	snprintf(file, sizeof(file), "%s/available_secure_streams", below_root);
	return fd_read_text(file, text, sizeof(text)) > 0 && isdigit(text[0]) ? atoi(text) : -1;
}

static bool links_to(DIR *dir, const char *name, const char *bdf)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd(dir), name, target, sizeof(target) - 1);
	const char *last;

	if (n <= 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	return last && strcmp(last + 1, bdf) == 0;
}

bool tsm_stream(const char *bdf, char stream[TSM_STREAM])
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	if (!host_bridge(bdf, path))
		return false;
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, "stream", 6) != 0 || strlen(entry->d_name) >= TSM_STREAM)
			continue;
		found = links_to(dir, entry->d_name, bdf);
		snprintf(stream, TSM_STREAM, "%.*s", (int)TSM_STREAM - 1, entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* What connect_store() and the platform's driver mean by it. */
static int explain(int err, const char *bdf, const char *name, char why[TSM_WHY])
{
	char other[TSM_NAME], dsm[TSM_NAME];

	switch (err) {
	case -ENOENT:
		snprintf(why, TSM_WHY,
			 "the kernel offers no tsm/connect for it any more: its security manager has gone");
		break;
	case -ENXIO:
		snprintf(why, TSM_WHY, "the host's %s does not take it: %s", name,
			 "it has gone, or does not connect devices, or the device has no mailbox for it");
		break;
	case -EBUSY:
		snprintf(why, TSM_WHY, "somebody else has connected it to %s meanwhile",
			 tsm_connected(bdf, other, dsm) ? other : "a security manager");
		break;
	case -EACCES:
	case -EPERM:
		snprintf(why, TSM_WHY, "only root may write its tsm/connect");
		break;
	default:
		snprintf(why, TSM_WHY, "the host's %s cannot connect to it: %s; the kernel's log says more (dmesg)",
			 name, strerror(-err));
		break;
	}
	return err;
}

static int connect_to(const char *bdf, const char *name, char why[TSM_WHY])
{
	char path[PATH_MAX], now[TSM_NAME];
	int err;

	attribute_path(path, bdf, "connect");
	err = fd_write_text(path, name);
	if (err < 0)
		return explain(err, bdf, name, why);
	attribute(bdf, "connect", now);
	if (strcmp(now, name) == 0)
		return 0;
	snprintf(why, TSM_WHY, "the kernel has connected it to %s, but says that it is connected to %s", name,
		 now[0] ? now : "nothing");
	if (!now[0]) /* or could not say: the mailbox must not stay the kernel's */
		tsm_disconnect(bdf, name);
	return -EIO;
}

int tsm_connect(const char *bdf, char name[TSM_NAME], char why[TSM_WHY])
{
	char names[TSM_MAX][TSM_NAME];
	unsigned n = tsm_names(names);
	int err = -ENXIO;

	snprintf(why, TSM_WHY, "the host has no security manager (/sys/class/tsm is empty)");
	for (unsigned i = 0; i < n && err == -ENXIO; i++) {
		snprintf(name, TSM_NAME, "%s", names[i]);
		err = connect_to(bdf, name, why);
	}
	return err;
}

int tsm_disconnect(const char *bdf, const char *name)
{
	char path[PATH_MAX];
	int err;

	attribute_path(path, bdf, "disconnect");
	err = fd_write_text(path, name);
	/* Device or security manager are gone, and the connection with them; or (-EINVAL) it is another's by now. */
	if (err == 0 || err == -ENXIO || err == -ENOENT || err == -EINVAL)
		return 0;
	return log_fail(err, "%s: stays connected to %s: %s; end that with: echo %s >%s", bdf, name, strerror(-err),
			name, path);
}
