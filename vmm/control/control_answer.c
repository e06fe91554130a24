/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request: {"do": NAME, "id": anything scalar, ARG: text}. The answer carries the same id and either "ok" or
 * "error". Unknown keys are errors, as in the configuration.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "control_priv.h"

static struct json_object *parse(const char *line, size_t len, char error[CONTROL_ERROR])
{
	struct json_tokener *tok = json_tokener_new_ex(CONTROL_MAX_DEPTH);
	struct json_object *object = NULL;

	if (!tok) {
		snprintf(error, CONTROL_ERROR, "out of memory");
		return NULL;
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tok, line, (int)len);
	/* A number may go on until something else ends it; an object ends with its brace. */
	if (json_tokener_get_error(tok) != json_tokener_success || json_tokener_get_parse_end(tok) != len ||
	    !json_object_is_type(object, json_type_object)) {
		snprintf(error, CONTROL_ERROR,
			 "a request is one JSON object in a line, such as {\"do\": \"status\"}: %s",
			 json_tokener_error_desc(json_tokener_get_error(tok)));
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tok);
	return object;
}

static const struct control_request *find(const struct control *control, const char *name)
{
	for (const struct control_request *r = control->requests; r->name; r++)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

static void list_requests(const struct control *control, char error[CONTROL_ERROR])
{
	size_t used = (size_t)snprintf(error, CONTROL_ERROR, "\"do\" must be one of events");

	for (const struct control_request *r = control->requests; r->name && used < CONTROL_ERROR; r++)
		used += (size_t)snprintf(error + used, CONTROL_ERROR - used, ", %s", r->name);
}

/* Reads the keys; false with the reason in @error. */
static bool read_keys(struct json_object *object, const char **name, struct json_object **id, const char **arg_key,
		      const char **arg, char error[CONTROL_ERROR])
{
	json_object_object_foreach(object, key, value)
	{
		bool is_text = json_object_is_type(value, json_type_string);

		if (strcmp(key, "id") == 0) {
			if (json_object_is_type(value, json_type_object) || json_object_is_type(value, json_type_array))
				return snprintf(error, CONTROL_ERROR, "\"id\" must be a number or a text") < 0;
			*id = value;
		} else if (!is_text) {
			return snprintf(error, CONTROL_ERROR, "\"%.64s\" must be a text", key) < 0;
		} else if (strcmp(key, "do") == 0) {
			*name = json_object_get_string(value);
		} else if (*arg_key) {
			return snprintf(error, CONTROL_ERROR, "unknown key \"%.64s\"", key) < 0;
		} else {
			*arg_key = key;
			*arg = json_object_get_string(value);
		}
	}
	return true;
}

static int carry_out(const struct control *control, const char *name, const char *arg_key, const char *arg,
		     struct json_object **result, bool *events, char error[CONTROL_ERROR])
{
	const struct control_request *r = name ? find(control, name) : NULL;

	if (name && strcmp(name, "events") == 0 && !arg_key) {
		*events = true;
		return 0;
	}
	if (!r) {
		list_requests(control, error);
		return -EINVAL;
	}
	if (arg_key && (!r->arg || strcmp(r->arg, arg_key) != 0)) {
		snprintf(error, CONTROL_ERROR, "unknown key \"%.64s\" of the request %s%s%s", arg_key, r->name,
			 r->arg ? "; it takes " : "", r->arg ? r->arg : "");
		return -EINVAL;
	}
	return r->call(control->opaque, arg, result, error);
}

char *control_answer(const struct control *control, const char *line, size_t len, bool *events)
{
	struct json_object *id = NULL, *result = NULL, *object, *answer = json_object_new_object();
	const char *name = NULL, *arg_key = NULL, *arg = NULL;
	char error[CONTROL_ERROR] = "it failed";
	char *text;
	int err = -EINVAL;

	object = parse(line, len, error);
	if (object && read_keys(object, &name, &id, &arg_key, &arg, error))
		err = carry_out(control, name, arg_key, arg, &result, events, error);
	if (id)
		json_object_object_add(answer, "id", json_object_get(id));
	if (err == 0)
		json_object_object_add(answer, "ok", result ? result : json_object_new_object());
	else
		json_object_object_add(answer, "error", json_object_new_string(error));
	text = strdup(json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(answer);
	json_object_put(object);
	return text;
}
