/* SPDX-License-Identifier: Apache-2.0 */
/* Schema of the entries of `pci.N.devices`, a part of config_schema.c's. */
#include "bits.h"
#include "config_priv.h"

#define OPTIONAL_STRING(key, type, member, min, max)                                                                   \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, min, max)
#define OPTIONAL_BOOL(key, type, member) CYAML_FIELD_BOOL(key, CYAML_FLAG_OPTIONAL, type, member)
#define OPTIONAL_UINT(key, type, member) CYAML_FIELD_UINT(key, CYAML_FLAG_OPTIONAL, type, member)
#define OPTIONAL_ENUM(key, type, member, values)                                                                       \
	CYAML_FIELD_ENUM(key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, type, member, values, ARRAY_LEN(values))
#define KIND(key, member, fields)                                                                                      \
	CYAML_FIELD_MAPPING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_device, member, fields)

const cyaml_strval_t config_console_values[CONFIG_NR_CONSOLES] = {
	{"stdio", CONSOLE_STDIO},
	{"file", CONSOLE_FILE},
	{"pty", CONSOLE_PTY},
	{"none", CONSOLE_NONE},
};

static const cyaml_strval_t cache_values[] = {
	{"auto", CACHE_AUTO},
	{"direct", CACHE_DIRECT},
	{"buffered", CACHE_BUFFERED},
};

static const cyaml_strval_t switch_values[] = {
	{"auto", SWITCH_AUTO},
	{"on", SWITCH_ON},
	{"off", SWITCH_OFF},
};

static const cyaml_schema_field_t blk_fields[] = {
	CYAML_FIELD_STRING_PTR("path", CYAML_FLAG_POINTER, struct config_blk, path, 1, CONFIG_TEXT_MAX),
	OPTIONAL_BOOL("readonly", struct config_blk, readonly),
	OPTIONAL_STRING("serial", struct config_blk, serial, 1, 20),
	OPTIONAL_UINT("queues", struct config_blk, queues),
	OPTIONAL_ENUM("cache", struct config_blk, cache, cache_values),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t net_fields[] = {
	OPTIONAL_STRING("tap", struct config_net, tap, 1, 15),
	OPTIONAL_STRING("socket", struct config_net, socket, 1, CONFIG_SOCKET_MAX),
	OPTIONAL_BOOL("user", struct config_net, user),
	OPTIONAL_STRING("mac", struct config_net, mac, 1, CONFIG_NAME_MAX),
	OPTIONAL_ENUM("vhost", struct config_net, vhost, switch_values),
	OPTIONAL_UINT("queues", struct config_net, queues),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t console_port_fields[] = {
	OPTIONAL_STRING("name", struct config_console_port, name, 1, CONFIG_NAME_MAX),
	CYAML_FIELD_ENUM("type", CYAML_FLAG_STRICT, struct config_console_port, type, config_console_values,
			 CONFIG_NR_CONSOLES),
	OPTIONAL_STRING("path", struct config_console_port, path, 1, CONFIG_TEXT_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t console_port_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_console_port, console_port_fields),
};

static const cyaml_schema_field_t vconsole_fields[] = {
	CYAML_FIELD_SEQUENCE("ports", CYAML_FLAG_POINTER, struct config_vconsole, ports, &console_port_entry, 0,
			     CONFIG_MAX_VSP_PORTS),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t rng_fields[] = {
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t vsock_fields[] = {
	CYAML_FIELD_UINT("cid", CYAML_FLAG_DEFAULT, struct config_vsock, cid),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t fs_fields[] = {
	CYAML_FIELD_STRING_PTR("tag", CYAML_FLAG_POINTER, struct config_fs, tag, 1, 36),
	OPTIONAL_STRING("path", struct config_fs, path, 1, CONFIG_TEXT_MAX),
	OPTIONAL_STRING("socket", struct config_fs, socket, 1, CONFIG_SOCKET_MAX),
	OPTIONAL_BOOL("readonly", struct config_fs, readonly),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t balloon_fields[] = {
	OPTIONAL_BOOL("reporting", struct config_balloon, reporting),
	OPTIONAL_BOOL("deflate-on-oom", struct config_balloon, deflate_on_oom),
	OPTIONAL_STRING("target", struct config_balloon, target, 1, CONFIG_NAME_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t vhost_user_fields[] = {
	CYAML_FIELD_UINT("device-id", CYAML_FLAG_DEFAULT, struct config_vhost_user, device_id),
	CYAML_FIELD_STRING_PTR("socket", CYAML_FLAG_POINTER, struct config_vhost_user, socket, 1, CONFIG_SOCKET_MAX),
	OPTIONAL_UINT("queues", struct config_vhost_user, queues),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t identity_fields[] = {
	CYAML_FIELD_STRING_PTR("certificates", CYAML_FLAG_POINTER, struct config_identity, certificates, 1,
			       CONFIG_TEXT_MAX),
	CYAML_FIELD_STRING_PTR("key", CYAML_FLAG_POINTER, struct config_identity, key, 1, CONFIG_TEXT_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t test_fields[] = {
	OPTIONAL_UINT("vectors", struct config_test, vectors),
	OPTIONAL_STRING("memory", struct config_test, memory, 1, CONFIG_NAME_MAX),
	OPTIONAL_BOOL("pasid", struct config_test, pasid),
	OPTIONAL_BOOL("aer", struct config_test, aer),
	OPTIONAL_BOOL("stall", struct config_test, stall),
	OPTIONAL_BOOL("ats", struct config_test, ats),
	OPTIONAL_BOOL("pri", struct config_test, pri),
	OPTIONAL_STRING("serial", struct config_test, serial, 1, 16),
	OPTIONAL_BOOL("doe", struct config_test, doe),
	OPTIONAL_BOOL("ide", struct config_test, ide),
	OPTIONAL_BOOL("tdisp", struct config_test, tdisp),
	OPTIONAL_UINT("heartbeat", struct config_test, heartbeat),
	CYAML_FIELD_MAPPING_PTR("identity", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_test, identity,
				identity_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t device_fields[] = {
	OPTIONAL_STRING("id", struct config_device, id, 1, CONFIG_NAME_MAX),
	OPTIONAL_UINT("function", struct config_device, function),
	OPTIONAL_STRING("assign", struct config_device, assign, 1, CONFIG_NAME_MAX),
	KIND("blk", blk, blk_fields),
	KIND("net", net, net_fields),
	KIND("console", console, vconsole_fields),
	KIND("rng", rng, rng_fields),
	KIND("vsock", vsock, vsock_fields),
	KIND("fs", fs, fs_fields),
	KIND("balloon", balloon, balloon_fields),
	KIND("vhost-user", vhost_user, vhost_user_fields),
	KIND("test", test, test_fields),
	KIND("trust", trust, config_trust_fields),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t config_device_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_device, device_fields),
};
