/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on the control socket: any line. The answer is always one line of JSON with "ok" or "error". */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "control_priv.h"

static void require(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

static int call(void *opaque, const char *arg, struct json_object **result, char error[CONTROL_ERROR])
{
	*result = json_object_new_object();
	if (arg)
		json_object_object_add(*result, "arg", json_object_new_string(arg));
	return 0;
}

static const struct control_request requests[] = {{"status", NULL, call}, {"trust", "device", call}, {0}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct control control = {.requests = requests};
	struct json_object *parsed, *part;
	bool events = false;
	char *answer;

	if (size >= CONTROL_MAX_LINE || memchr(data, '\n', size))
		return 0;
	answer = control_answer(&control, (const char *)data, size, &events);
	require(answer && !strchr(answer, '\n'), "one line");
	parsed = json_tokener_parse(answer);
	require(parsed && json_object_object_get_ex(parsed, "ok", &part) !=
				  json_object_object_get_ex(parsed, "error", &part),
		"ok or error");
	json_object_put(parsed);
	free(answer);
	return 0;
}
