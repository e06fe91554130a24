/* SPDX-License-Identifier: Apache-2.0 */
/* Network back ends: a tap and vhost-net, passt, or a socket. */
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_emulated.h"
#include "fd.h"

/* An attribute of the interface in sysfs; false when there is none. */
static bool attribute(const char *tap, const char *name, long *value)
{
	char path[96], text[32], *end;

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/%s", tap, name);
	if (fd_read_text(path, text, sizeof(text)) <= 0)
		return false;
	*value = strtol(text, &end, 0);
	return *end == '\0';
}

static bool is_tap(const struct check_subject *s, const char *tap, long *flags)
{
	const char *multi = s->device->net->queues > 1 ? " multi_queue" : "";
	long mtu;

	if (!attribute(tap, "mtu", &mtu)) {
		check_add(s->check, CHECK_ERROR, s->what,
			  "there is no network interface %s; create it with `ip tuntap add dev %s mode tap%s` and `ip "
			  "link set %s up`",
			  tap, tap, multi, tap);
		return false;
	}
	if (!attribute(tap, "tun_flags", flags) || !(*flags & IFF_TAP)) {
		check_add(s->check, CHECK_ERROR, s->what,
			  "the network interface %s is no tap; create one with `ip tuntap add dev NAME mode tap`", tap);
		return false;
	}
	if (*multi && !(*flags & IFF_MULTI_QUEUE)) {
		check_add(s->check, CHECK_ERROR, s->what,
			  "the tap %s has one queue, %u are wanted; create it with `ip tuntap add dev %s mode tap "
			  "multi_queue`, or leave \"queues\" out",
			  tap, s->device->net->queues, tap);
		return false;
	}
	return true;
}

static bool in_group(gid_t gid)
{
	gid_t groups[256];
	int n = getgroups(256, groups);

	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return gid == getegid();
}

/* As the kernel decides it (tun_not_capable() in drivers/net/tun.c). */
static bool may_use(const char *tap)
{
	long owner = -1, group = -1;

	attribute(tap, "owner", &owner);
	attribute(tap, "group", &group);
	if ((owner < 0 || (uid_t)owner == geteuid()) && (group < 0 || in_group((gid_t)group)))
		return true;
	return check_has_capability(CAP_NET_ADMIN);
}

/* A tap has a carrier while a program holds one of its queues; the attribute cannot be read while it is down. */
static void check_state(const struct check_subject *s, const char *tap, long tun_flags)
{
	long flags = IFF_UP, carrier = 0;

	attribute(tap, "flags", &flags);
	attribute(tap, "carrier", &carrier);
	if (carrier > 0 && !(tun_flags & IFF_MULTI_QUEUE))
		check_add(s->check, CHECK_ERROR, s->what, "the tap %s is in use by another program; end it first", tap);
	else if (!(flags & IFF_UP))
		check_add(s->check, CHECK_WARNING, s->what, "the tap %s is down; `ip link set %s up`", tap, tap);
	else
		check_add(s->check, CHECK_OK, s->what, "tap %s", tap);
}

static void check_vhost(const struct check_subject *s)
{
	enum config_switch vhost = s->device->net->vhost;

	if (vhost == SWITCH_OFF)
		return;
	OWNED_FD int fd = check_open_node(s->check, s->what, &check_node_vhost_net,
					  vhost == SWITCH_ON ? CHECK_ERROR : CHECK_WARNING);

	if (fd >= 0)
		check_add(s->check, CHECK_OK, s->what, "vhost-net carries the frames");
}

static void check_tap(const struct check_subject *s, const char *tap)
{
	long flags = 0;

	if (!is_tap(s, tap, &flags))
		return;
	OWNED_FD int fd = check_open_node(s->check, s->what, &check_node_tun, CHECK_ERROR);

	if (fd < 0)
		return;
	if (!may_use(tap)) {
		check_add(s->check, CHECK_ERROR, s->what,
			  "the tap %s is another user's; give it to yours with `ip tuntap add dev %s mode tap user "
			  "USER`, or run with CAP_NET_ADMIN",
			  tap, tap);
		return;
	}
	check_state(s, tap, flags);
	check_vhost(s);
}

void check_net(const struct check_subject *s)
{
	const struct config_net *net = s->device->net;

	if (net->tap)
		check_tap(s, net->tap);
	else if (net->socket)
		check_socket(s, net->socket);
	else
		check_program(s, "passt", NULL,
			      "install the package passt (2025 or later), or connect the device to a tap");
}
