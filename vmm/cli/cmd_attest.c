/* SPDX-License-Identifier: Apache-2.0 */
/* aerie attest: asks a device who it is and what it runs, and says whether to believe it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "attest.h"
#include "attest_function.h"
#include "attest_link.h"
#include "attest_tsm.h"
#include "bits.h"
#include "cli_priv.h"
#include "fd.h"
#include "host_dev.h"
#include "log.h"
#include "policy_load.h"
#include "spdm_addr.h"

/* Exit status: the device is trusted, and a file that was asked for is not there. */
#define NOT_WRITTEN 3

static const struct cli_option options[] = {
	{"roots", 'r', "FILE", "certificates (PEM) of those who may vouch for the device"},
	{"policy", 'p', "FILE", "allowed measurements; see --record"},
	{"require", 'n', "LIST", "what it must show, of spdm,measurements,ide,tdisp (default: the first two)"},
	{"record", 'o', "FILE", "write a policy that allows what is measured now, if the device is trusted"},
	{"json", 'j', NULL, "print the evidence as JSON"},
	{"capture", 'c', "FILE", "write the exchange there, in pcap format"},
	{"slot", 's', "N", "certificate slot, 0 to 7"},
	{"identity", 'i', "ID", "behind a socket: vendor:device:class:revision:subvendor:subdevice[:serial], in hex"},
	{"function", 'f', "RID", "behind a socket: the requester id that TDISP speaks of, in hex (default 0)"},
	{"transport", 'm', "NAME", "behind a socket: doe (default) or mctp"},
	{"timeout", 't', "MS", "how long to wait for one answer (default 2000)"},
	{"anywhere", 'a', NULL, "addresses other than loopback, too"},
	{0},
};

struct attestation {
	const char *target, *roots_file, *policy_file, *record, *capture;
	bool json, anywhere, has_id;
	unsigned require, slot, timeout_ms;

	struct spdm_roots *roots;
	struct policy *policy;
	struct spdm_device_id id;
	struct doe_cfg_fd cfg;
	struct doe_mailbox mailbox;
	struct tdisp_bar bars[TDISP_NR_BARS];
	bool has_bars, ide;
	struct attest_link link;
	int fd;
	uint16_t rid;
	char bdf[HOST_BDF_LEN];
};

static bool parse_require(const char *list, unsigned *require)
{
	static const char *const names[] = {"spdm", "measurements", "ide", "tdisp"};
	char copy[64], *rest = copy, *word;

	if (strlen(list) >= sizeof(copy))
		return false;
	strcpy(copy, list);
	*require = 0;
	while ((word = strsep(&rest, ","))) {
		unsigned i = 0;

		while (i < ARRAY_LEN(names) && strcmp(names[i], word) != 0)
			i++;
		if (i == ARRAY_LEN(names))
			return false;
		*require |= 1u << i;
	}
	return true;
}

static bool parse_identity(const char *text, struct spdm_device_id *id)
{
	unsigned vendor, device, class_code, revision, sub_vendor, sub_device;
	unsigned long long serial = 0;
	int end = -1, n = sscanf(text, "%4x:%4x:%6x:%2x:%4x:%4x%n:%16llx%n", &vendor, &device, &class_code, &revision,
				 &sub_vendor, &sub_device, &end, &serial, &end);

	if (n < 6 || text[end] != '\0')
		return false;
	*id = (struct spdm_device_id){
		.vendor = (uint16_t)vendor,
		.device = (uint16_t)device,
		.class_code = class_code,
		.revision = (uint8_t)revision,
		.subsystem_vendor = (uint16_t)sub_vendor,
		.subsystem = (uint16_t)sub_device,
		.has_serial = n == 7,
		.serial = serial,
	};
	return true;
}

static bool parse_number(const char *text, unsigned max, unsigned *value)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || n > max)
		return false;
	*value = (unsigned)n;
	return true;
}

static bool parse_rid(const char *text, uint16_t *rid)
{
	size_t len = strlen(text);

	*rid = (uint16_t)strtoul(text, NULL, 16);
	return len > 0 && len <= 4 && strspn(text, "0123456789abcdefABCDEF") == len;
}

static int parse_option(struct cli_args *args, struct attestation *t, int letter)
{
	switch (letter) {
	case 'r':
		t->roots_file = optarg;
		break;
	case 'p':
		t->policy_file = optarg;
		break;
	case 'o':
		t->record = optarg;
		break;
	case 'c':
		t->capture = optarg;
		break;
	case 'j':
		t->json = true;
		break;
	case 'a':
		t->anywhere = true;
		break;
	case 'n':
		return parse_require(optarg, &t->require) ? 0
							  : cli_refuse(args,
								       "--require %.64s: a list of spdm, "
								       "measurements, ide, tdisp, with commas",
								       optarg);
	case 's':
		return parse_number(optarg, 7, &t->slot) ? 0 : cli_refuse(args, "--slot %.20s: from 0 to 7", optarg);
	case 't':
		return parse_number(optarg, 600000, &t->timeout_ms)
			       ? 0
			       : cli_refuse(args, "--timeout %.20s: up to 600000 ms", optarg);
	case 'm':
		t->link.binding = strcmp(optarg, "mctp") == 0 ? SPDM_BINDING_MCTP : SPDM_BINDING_DOE;
		return t->link.binding == SPDM_BINDING_MCTP || strcmp(optarg, "doe") == 0
			       ? 0
			       : cli_refuse(args, "--transport %.20s: doe or mctp", optarg);
	case 'f':
		return parse_rid(optarg, &t->rid)
			       ? 0
			       : cli_refuse(args, "--function %.20s: a requester id in hex, up to ffff", optarg);
	case 'i':
		t->has_id = parse_identity(optarg, &t->id);
		return t->has_id ? 0
				 : cli_refuse(args, "--identity %.64s: write it like 1b36:0010:010802:02:1af4:1100",
					      optarg);
	default:
		break;
	}
	return 0;
}

static int parse(struct cli_args *args, struct attestation *t)
{
	int letter, status = 0;

	while (status == 0 && (letter = cli_next(args)) > 0)
		status = parse_option(args, t, letter);
	if (status)
		return status;
	if (letter < 0)
		return args->status == MACHINE_DONE ? -1 : args->status;
	if (args->argc - optind != 1)
		return cli_refuse(args, args->argc == optind ? "which device?" : "more than one device");
	t->target = args->argv[optind];
	if (t->link.binding == SPDM_BINDING_MCTP && (t->capture || !spdm_addr_looks_like(t->target)))
		return cli_refuse(args, "--transport mctp is for sockets, and cannot be captured");
	if ((t->policy_file || t->record) && !(t->require & ATTEST_MEASUREMENTS))
		return cli_refuse(args, "--policy and --record need measurements in --require");
	return 0;
}

static int open_function(struct attestation *t)
{
	unsigned domain, bus, device, function;
	struct host_bar bars[HOST_NR_BARS];
	int err;

	if (host_bdf_parse(t->target, t->bdf) < 0)
		return log_fail(-EINVAL,
				"\"%s\" is neither a PCI address (0000:01:00.0) nor where a responder listens "
				"(127.0.0.1:2323, or a path)",
				t->target);
	sscanf(t->bdf, "%x:%x:%x.%x", &domain, &bus, &device, &function);
	t->rid = (uint16_t)(bus << 8 | device << 3 | function);
	t->target = t->bdf;
	err = tsm_must_be_free(t->bdf, t->bdf);
	if (err < 0)
		return err;
	t->fd = doe_cfg_open_sysfs(t->bdf);
	if (t->fd < 0)
		return t->fd;
	t->cfg = (struct doe_cfg_fd){.fd = t->fd, .name = t->bdf};
	err = doe_open_spdm(&t->mailbox, &doe_cfg_fd_ops, &t->cfg, t->bdf, 0);
	if (err == -ENODEV)
		return log_fail(err, "%s: has no mailbox that speaks SPDM", t->bdf);
	if (err == 0)
		err = attest_read_function(&doe_cfg_fd_ops, &t->cfg, t->bdf, &t->id, &t->ide);
	if (err < 0)
		return err;
	t->has_id = true;
	t->has_bars = host_dev_bars(t->bdf, bars) == 0;
	for (unsigned i = 0; t->has_bars && i < HOST_NR_BARS; i++)
		if (bars[i].memory)
			t->bars[i] = (struct tdisp_bar){bars[i].addr, bars[i].size};
	t->link.mb = &t->mailbox;
	return 0;
}

static int reach(struct attestation *t)
{
	int err = 0;

	if (!spdm_addr_looks_like(t->target)) {
		err = open_function(t);
	} else {
		t->fd = spdm_addr_connect(t->target, t->anywhere);
		err = t->fd < 0 ? t->fd : 0;
		t->link.fd = t->fd;
	}
	t->link.name = t->target;
	if (err == 0 && t->capture)
		err = spdm_pcap_create(&t->link.pcap, t->capture);
	return err;
}

/* Whether a file is written beside the one that is meant and takes its place when it is whole; else (a device, a link)
 * it is written where it is. */
static bool is_replaced(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 || S_ISREG(st.st_mode);
}

static int write_policy(const char *path, const struct attest *a)
{
	const struct spdm_measurements *m = attest_measurements(a);
	struct policy_measurement list[SPDM_MAX_BLOCKS];
	const char *name = attest_device_name(a);
	FILE *out = fopen(path, "we");
	int err;

	for (unsigned i = 0; i < m->count; i++)
		list[i] = (struct policy_measurement){m->blocks[i].index, m->blocks[i].type, m->blocks[i].value,
						      m->blocks[i].len};
	err = out ? policy_record(out, name[0] ? name : NULL, list, m->count, attest_hash(a)) : -errno;
	if (out && fclose(out) != 0 && err == 0)
		err = -errno;
	return err;
}

static int record(const struct attestation *t, const struct attest *a)
{
	bool replaced = is_replaced(t->record);
	char path[PATH_MAX];
	int err = -ENAMETOOLONG;

	if (snprintf(path, sizeof(path), "%s%s", t->record, replaced ? ".new" : "") < (int)sizeof(path))
		err = write_policy(path, a);
	if (err == 0 && replaced && rename(path, t->record) < 0)
		err = -errno;
	if (err < 0 && err != -ENAMETOOLONG && replaced)
		unlink(path);
	return err < 0 ? log_fail(err, "cannot write the policy %s: %s", t->record, strerror(-err)) : 0;
}

static int show(const struct attestation *t, const struct attest *a)
{
	struct json_object *json;

	if (!t->json) {
		attest_print(a, stdout);
	} else {
		json = attest_json(a);
		printf("%s\n", json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
									    JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(json);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		return log_fail(-EIO, "%s: what there is to say of it cannot be written to the standard output: %s",
				t->target, strerror(errno));
	return 0;
}

static int attest(struct attestation *t)
{
	int status = MACHINE_DONE;
	struct attest *a;
	int err = attest_create(&a, &(struct attest_config){
					    .name = t->target,
					    .transport = attest_link_transport(&t->link),
					    .binding = t->link.binding,
					    .roots = t->roots,
					    .device = t->has_id ? &t->id : NULL,
					    .policy = t->policy,
					    .bars = t->has_bars ? t->bars : NULL,
					    .require = t->require,
					    .slot = t->slot,
					    .rid = t->rid,
					    .ide_capability = t->ide,
					    .timeout_ms = t->timeout_ms,
				    });

	if (err < 0)
		return MACHINE_FAILED;
	err = attest_verify(a);
	if (err == 0)
		err = attest_lock(a);
	if (err == 0)
		err = attest_start(a);
	if (err == 0)
		err = attest_alive(a);
	if (err < 0)
		status = MACHINE_FAILED;
	else if (t->record && record(t, a) < 0)
		status = NOT_WRITTEN;
	if (show(t, a) < 0 && status == MACHINE_DONE)
		status = NOT_WRITTEN;
	attest_end(a);
	attest_link_leave(&t->link);
	attest_destroy(&a);
	return status;
}

static int attest_main(struct cli_args *args)
{
	struct attestation t = {.require = ATTEST_SPDM | ATTEST_MEASUREMENTS, .fd = -1, .link.fd = -1};
	int status = parse(args, &t);

	if (status)
		return status < 0 ? MACHINE_DONE : status;
	if ((t.roots_file && spdm_roots_load(t.roots_file, &t.roots) < 0) ||
	    (t.policy_file && policy_load(&t.policy, t.policy_file) < 0) || reach(&t) < 0)
		status = MACHINE_REFUSED;
	else
		status = attest(&t);
	if (spdm_pcap_close(&t.link.pcap) < 0 && status == MACHINE_DONE)
		status = NOT_WRITTEN;
	fd_close(&t.fd);
	policy_free(t.policy);
	spdm_roots_free(t.roots);
	return status;
}

const struct cli_command cli_cmd_attest = {
	.name = "attest",
	.usage = "[OPTION...] DEVICE",
	.summary = "ask a device to prove who it is and what it runs",
	.help = "DEVICE is a PCI function of this host with a DOE mailbox (0000:01:00.0; needs CAP_SYS_ADMIN), or where an\n"
		"SPDM responder listens in QEMU's framing: HOST:PORT or the path of a Unix socket. Certificates,\n"
		"challenge, a session, measurements in it; with --require also keys for its link and a locked and started\n"
		"interface, which is stopped again at the end. The device must not be in use by a VM with \"trust\".",
	.example = "  aerie attest --roots roots.pem --record nvme-fw.yaml 0000:01:00.0\n"
		   "  aerie attest --roots roots.pem --policy nvme-fw.yaml --json 127.0.0.1:2323",
	.status = "  0  the device is trusted\n"
		  "  1  it is not, or did not answer as it must; the verdict says why\n"
		  "  2  the command line or a file was refused, or there is no such device\n"
		  "  3  the device is trusted, but policy, capture or evidence could not be written",
	.options = options,
	.main = attest_main,
};
