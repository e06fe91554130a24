/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked on the control socket (docs/control.md). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "control.h"
#include "log.h"
#include "machine_priv.h"
#include "stats.h"

static void add(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int do_status(void *opaque, const char *arg, struct json_object **result, char error[CONTROL_ERROR])
{
	const struct machine *m = opaque;
	struct json_object *o = json_object_new_object();

	add(o, "name", m->config->name);
	add(o, "version", AERIE_VERSION);
	json_object_object_add(o, "cpus", json_object_new_int64(m->config->machine.cpus));
	json_object_object_add(o, "memory", json_object_new_uint64(m->config->machine.memory_bytes));
	json_object_object_add(o, "uptime_ms", json_object_new_uint64((now_ns() - m->started_ns) / 1000000));
	json_object_object_add(o, "resets", json_object_new_uint64(stats.resets));
	*result = o;
	return 0;
}

static int do_stats(void *opaque, const char *arg, struct json_object **result, char error[CONTROL_ERROR])
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out) {
		stats_json(out);
		fclose(out);
		*result = json_tokener_parse(text);
	}
	free(text);
	if (*result)
		return 0;
	snprintf(error, CONTROL_ERROR, "out of memory");
	return -ENOMEM;
}

static struct json_object *describe(const struct machine *m, const struct machine_endpoint *ep)
{
	struct json_object *o = json_object_new_object();
	uint16_t rid = pci_function_rid(ep->fn);
	char bdf[16];

	snprintf(bdf, sizeof(bdf), "%02x:%02x.%u", rid >> 8, rid >> 3 & 0x1fu, rid & 7u);
	add(o, "id", ep->config->id);
	add(o, "guest", bdf);
	if (ep->assigned)
		add(o, "host", ep->config->assign);
	if (m->config->pci[ep->port].iommu)
		add(o, "iommu", m->config->pci[ep->port].iommu);
	if (ep->trust)
		add(o, "trust", machine_trust_state(ep));
	return o;
}

static int do_devices(void *opaque, const char *arg, struct json_object **result, char error[CONTROL_ERROR])
{
	const struct machine *m = opaque;
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < m->nr_endpoints; i++)
		json_object_array_add(list, describe(m, &m->endpoints[i]));
	*result = json_object_new_object();
	json_object_object_add(*result, "devices", list);
	return 0;
}

static int do_trust(void *opaque, const char *arg, struct json_object **result, char error[CONTROL_ERROR])
{
	const struct machine *m = opaque;

	if (!arg) {
		snprintf(error, CONTROL_ERROR, "the request trust needs a device");
		return -EINVAL;
	}
	for (unsigned i = 0; i < m->nr_endpoints; i++) {
		const struct machine_endpoint *ep = &m->endpoints[i];

		if (strcmp(ep->config->id, arg) != 0)
			continue;
		if (!ep->trust) {
			snprintf(error, CONTROL_ERROR, "nothing is asked of device %.64s: it has no \"trust\"", arg);
			return -ENOENT;
		}
		*result = machine_trust_json(ep);
		return 0;
	}
	snprintf(error, CONTROL_ERROR, "there is no device \"%.64s\"", arg);
	return -ENOENT;
}

static int do_power(void *opaque, const char *arg, struct json_object **result, char error[CONTROL_ERROR])
{
	machine_power_button(opaque);
	return 0;
}

static int do_reset(void *opaque, const char *arg, struct json_object **result, char error[CONTROL_ERROR])
{
	struct machine *m = opaque;

	log_info("the VM is reset over its control socket");
	vm_stop(&m->vm, VM_STOP_RESET);
	return 0;
}

static int do_quit(void *opaque, const char *arg, struct json_object **result, char error[CONTROL_ERROR])
{
	struct machine *m = opaque;

	log_info("the VM is stopped over its control socket");
	vm_stop(&m->vm, VM_STOP_QUIT);
	return 0;
}

static const struct control_request requests[] = {
	{"status", NULL, do_status},   {"stats", NULL, do_stats},
	{"devices", NULL, do_devices}, {"trust", "device", do_trust},
	{"power", NULL, do_power},     {"reset", NULL, do_reset},
	{"quit", NULL, do_quit},       {0},
};

int machine_build_control(struct machine *m)
{
	m->started_ns = now_ns();
	if (!m->config->control)
		return 0;
	return control_create(&m->control, &m->loop, m->config->control, requests, m);
}
