/* SPDX-License-Identifier: Apache-2.0 */
/* aerie ctl: asks a running VM on its control socket. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cli_priv.h"
#include "fd.h"
#include "log.h"

#define LINE_MAX_BYTES (1u << 20)
#define ANSWER_S       30 /* the VM's main thread may wait for a device meanwhile */

static const struct cli_option options[] = {
	{"raw", 'r', NULL, "print the answer as the line that came, not indented"},
	{"until", 'u', "EVENT", "with events: end when this one has come"},
	{0},
};

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return log_fail(-ENAMETOOLONG, "%s: the path of a socket has at most %zu bytes", path,
				sizeof(addr.sun_path) - 1);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;

	int err = -errno;

	if (fd >= 0)
		close(fd);
	return log_fail(err, "cannot reach a VM at %s: %s; is it running, with \"control\" in its configuration?", path,
			strerror(-err));
}

static int send_request(FILE *vm, const char *request, const char *device)
{
	struct json_object *object = json_object_new_object();
	int n;

	json_object_object_add(object, "do", json_object_new_string(request));
	if (device)
		json_object_object_add(object, "device", json_object_new_string(device));
	n = fprintf(vm, "%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
	if (n < 0 || fflush(vm) != 0)
		return log_fail(-EIO, "the VM does not take the request: %s", strerror(errno));
	return 0;
}

static struct json_object *read_answer(FILE *vm, char *line)
{
	struct json_object *answer = fgets(line, LINE_MAX_BYTES, vm) ? json_tokener_parse(line) : NULL;

	if (!answer)
		log_error("the VM has not answered; it may have ended");
	return answer;
}

static void print(struct json_object *value, bool raw)
{
	printf("%s\n", json_object_to_json_string_ext(value, (raw ? JSON_C_TO_STRING_PLAIN
								  : JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED) |
								     JSON_C_TO_STRING_NOSLASHESCAPE));
	fflush(stdout);
}

/* One line each, until the VM goes. */
static int follow(FILE *vm, char *line, const char *until)
{
	while (fgets(line, LINE_MAX_BYTES, vm)) {
		struct json_object *event = json_tokener_parse(line), *name = NULL;
		bool last;

		if (!event)
			break;
		json_object_object_get_ex(event, "event", &name);
		last = until && name && strcmp(json_object_get_string(name), until) == 0;
		print(event, true);
		json_object_put(event);
		if (last)
			return MACHINE_DONE;
	}
	if (!until)
		return MACHINE_DONE;
	log_error("the VM has ended without the event %s", until);
	return MACHINE_FAILED;
}

static int ask(FILE *vm, const char *request, const char *device, bool raw, const char *until)
{
	static char line[LINE_MAX_BYTES];
	struct json_object *answer, *part = NULL;
	int status = MACHINE_FAILED;

	if (send_request(vm, request, device) < 0)
		return MACHINE_FAILED;
	answer = read_answer(vm, line);
	if (!answer)
		return MACHINE_FAILED;
	if (json_object_object_get_ex(answer, "error", &part)) {
		log_error("%s: %s", request, json_object_get_string(part));
	} else if (json_object_object_get_ex(answer, "ok", &part)) {
		status = MACHINE_DONE;
		if (strcmp(request, "events") != 0)
			print(part, raw);
	}
	json_object_put(answer);
	return status == MACHINE_DONE && strcmp(request, "events") == 0 ? follow(vm, line, until) : status;
}

static int ctl_main(struct cli_args *args)
{
	const struct timeval patience = {.tv_sec = ANSWER_S};
	const char *request, *device, *until = NULL;
	bool raw = false;
	int letter, fd, status, left;
	FILE *vm;

	while ((letter = cli_next(args)) > 0) {
		if (letter == 'u')
			until = optarg;
		else
			raw = true;
	}
	if (letter < 0)
		return args->status;
	left = args->argc - optind;
	if (left < 2 || left > 3)
		return cli_refuse(args, left < 2 ? "which socket, and what to ask?" : "too many arguments");
	request = args->argv[optind + 1];
	device = left == 3 ? args->argv[optind + 2] : NULL;
	if (until && strcmp(request, "events") != 0)
		return cli_refuse(args, "--until has a meaning only with events");
	fd = connect_to(args->argv[optind]);
	if (fd < 0)
		return MACHINE_REFUSED;
	if (strcmp(request, "events") != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	vm = fdopen(fd, "r+");
	if (!vm) {
		close(fd);
		log_error("out of memory");
		return MACHINE_FAILED;
	}
	status = ask(vm, request, device, raw, until);
	fclose(vm);
	return status;
}

const struct cli_command cli_cmd_ctl = {
	.name = "ctl",
	.usage = "[OPTION...] SOCKET REQUEST [DEVICE]",
	.summary = "ask a running VM, or tell it something",
	.help = "Sends one REQUEST to the VM whose control socket (`control` in its configuration) is SOCKET, and prints\n"
		"the answer as JSON. docs/control.md describes the protocol. Requests:\n"
		"  status         name, size, how long it runs\n"
		"  stats          all counters\n"
		"  devices        what is below its root ports, and whether it is trusted\n"
		"  trust DEVICE   the evidence about a device that has to prove itself\n"
		"  events         a line for each event, until the VM ends\n"
		"  power          presses the power button\n"
		"  reset          resets the VM\n"
		"  quit           ends the VM",
	.example = "  aerie ctl /run/vm.sock trust nvme0\n"
		   "  aerie ctl --until device-blocked /run/vm.sock events",
	.status = "  0  it was done\n"
		  "  1  the VM refused, or ended meanwhile\n"
		  "  2  the command line was refused, or no VM is there",
	.options = options,
	.main = ctl_main,
};
