/* SPDX-License-Identifier: Apache-2.0 */
/* aerie bind, aerie unbind: several devices in one call, each for itself. */
#include <errno.h>
#include <stdio.h>

#include "cli_priv.h"
#include "host_bind.h"
#include "log.h"

static int status_of(int err)
{
	switch (err) {
	case 0:
		return MACHINE_DONE;
	case -ENOENT:
	case -EBUSY:
	case -EOPNOTSUPP:
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return MACHINE_REFUSED;
	default:
		return MACHINE_FAILED;
	}
}

static int bind_one(const char *bdf, bool force)
{
	char cdev[64];
	int err = host_bind(bdf, force, cdev);

	if (err == 0)
		printf("%s: bound to vfio-pci, %s\n", bdf, cdev);
	return err;
}

static int unbind_one(const char *bdf, bool force)
{
	char driver[64];
	int err = host_unbind(bdf, driver);

	(void)force;
	if (err == 0 && driver[0])
		printf("%s: back with driver %s\n", bdf, driver);
	else if (err == 0)
		printf("%s: released; no driver of the host took it\n", bdf);
	return err;
}

/* All addresses are checked before the first device is touched; the worst status wins. */
static int for_each(struct cli_args *args, bool force, int (*one)(const char *bdf, bool force))
{
	char bdf[HOST_BDF_LEN];
	int worst = MACHINE_DONE;

	if (args->argc == optind)
		return cli_refuse(args, "which device?");
	for (int i = optind; i < args->argc; i++)
		if (host_bdf_parse(args->argv[i], bdf) < 0)
			return cli_refuse(args, "\"%.64s\" is no PCI address like 0000:01:00.0", args->argv[i]);
	for (int i = optind; i < args->argc; i++) {
		int status;

		host_bdf_parse(args->argv[i], bdf);
		status = status_of(one(bdf, force));
		if (worst == MACHINE_DONE || status == MACHINE_FAILED)
			worst = status;
	}
	return worst;
}

static int bind_main(struct cli_args *args)
{
	bool force = false;
	int letter;

	while ((letter = cli_next(args)) > 0)
		force = true;
	return letter < 0 ? args->status : for_each(args, force, bind_one);
}

static int unbind_main(struct cli_args *args)
{
	return cli_next(args) < 0 ? args->status : for_each(args, false, unbind_one);
}

static const struct cli_option bind_options[] = {
	{"force", 'f', NULL, "also take a device whose disk the host has mounted"},
	{0},
};

const struct cli_command cli_cmd_bind = {
	.name = "bind",
	.usage = "[--force] ADDRESS...",
	.summary = "take PCI devices from the host's drivers, for assignment",
	.help = "Hands each device to the driver vfio-pci and prints the character device by which VMs reach it. ADDRESS is as\n"
		"`aerie devices` shows it; the domain 0000: may be left out. Needs root. A device that is bound already is\n"
		"left as it is. Bridges are refused, and devices that hold a mounted file system, swap or a volume.",
	.example = "  aerie bind 0000:01:00.0",
	.status = "  0  every device is bound\n"
		  "  1  a driver could not be changed\n"
		  "  2  refused: no such device, in use, a bridge, no permission, no vfio-pci",
	.options = bind_options,
	.main = bind_main,
};

const struct cli_command cli_cmd_unbind = {
	.name = "unbind",
	.usage = "ADDRESS...",
	.summary = "give PCI devices back to the host's drivers",
	.help = "Takes each device from vfio-pci and lets the kernel choose a driver for it again. Needs root. Devices that are\n"
		"not with vfio-pci keep their driver. A device that a VM uses is refused.",
	.example = "  aerie unbind 0000:01:00.0",
	.status = "  0  every device is given back\n"
		  "  1  a driver could not be changed\n"
		  "  2  refused: no such device, in use, no permission",
	.main = unbind_main,
};
