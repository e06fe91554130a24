/* SPDX-License-Identifier: Apache-2.0 */
/* aerie devices: what could be assigned, and if not, why. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_check.h"
#include "cli_priv.h"
#include "log.h"
#include "pci_class.h"
#include "sys.h"

static int is_bdf(const struct dirent *entry)
{
	char bdf[HOST_BDF_LEN];

	return host_bdf_parse(entry->d_name, bdf) == 0;
}

static void print_row(const struct host_dev_info *info)
{
	char why[512], id[16], group[16] = "-";

	snprintf(id, sizeof(id), "%04x:%04x", info->vendor, info->device);
	if (info->group >= 0)
		snprintf(group, sizeof(group), "%d", info->group);
	printf("%-12s  %-9s  %-24s  %-12s  %-5s  %-20s  ", info->bdf, id, pci_class_name(info->class_code),
	       info->driver[0] ? info->driver : "-", group, info->iommu[0] ? info->iommu : "-");
	if (check_device_obstacle(info, why, sizeof(why)))
		printf("no, %s\n", why);
	else
		printf("yes\n");
}

static int list(void)
{
	struct dirent **entries;
	char path[PATH_MAX];
	unsigned shown = 0;
	int n;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices", sys_root);
	n = scandir(path, &entries, is_bdf, alphasort);
	if (n < 0) {
		log_error(
			"cannot list the PCI devices of this host: %s: %s; is sysfs mounted, and has the machine PCI?",
			path, strerror(errno));
		return errno == ENOENT ? MACHINE_REFUSED : MACHINE_FAILED;
	}
	for (int i = 0; i < n; i++) {
		struct host_dev_info info;

		if (host_dev_probe(entries[i]->d_name, &info) == 0 && info.class_code >> 16 != PCI_CLASS_BRIDGE) {
			if (shown++ == 0)
				printf("%-12s  %-9s  %-24s  %-12s  %-5s  %-20s  %s\n", "ADDRESS", "ID", "CLASS",
				       "DRIVER", "GROUP", "IOMMU", "ASSIGNABLE");
			print_row(&info);
		}
		free(entries[i]);
	}
	free(entries);
	if (shown == 0)
		printf("This host has no PCI devices other than bridges.\n");
	return MACHINE_DONE;
}

static int devices_main(struct cli_args *args)
{
	if (cli_next(args) < 0)
		return args->status;
	if (args->argc != optind)
		return cli_refuse(args, "unexpected argument %s", args->argv[optind]);
	return list();
}

const struct cli_command cli_cmd_devices = {
	.name = "devices",
	.usage = "",
	.summary = "list the host's PCI devices: what could be assigned, and if not, why",
	.help = "One line for each PCI function that is no bridge: address, vendor:device, class, the driver that has it, its\n"
		"IOMMU group and IOMMU, and whether it can be assigned now; if not, the first thing that stands in the way\n"
		"and what to do about it. Changes nothing.",
	.example = "  aerie devices",
	.status = "  0  listed\n"
		  "  2  this host has no PCI, or the command line was refused",
	.main = devices_main,
};
