/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of `pci.N.devices`: one struct for each kind of device. Strings are the configuration's. */
#ifndef AERIE_CONFIG_DEVICES_H
#define AERIE_CONFIG_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

enum config_console_type {
	CONSOLE_STDIO, /* terminal in raw mode; ends with the escape key */
	CONSOLE_FILE,  /* output only */
	CONSOLE_PTY,   /* a new pseudo terminal; its name is logged and linked from `path` when given */
	CONSOLE_NONE,
};

enum config_cache {
	CACHE_AUTO,
	CACHE_DIRECT,
	CACHE_BUFFERED,
};

enum config_switch {
	SWITCH_AUTO,
	SWITCH_ON,
	SWITCH_OFF,
};

#define CONFIG_MAX_BLK_QUEUES 16u
#define CONFIG_MAX_NET_QUEUES 16u
#define CONFIG_MAX_VSP_PORTS  16u /* ports of one virtio console */

struct config_blk {
	char *path;
	bool readonly;
	char *serial;	 /* at most 20 bytes; NULL: none */
	uint32_t queues; /* 1 .. CONFIG_MAX_BLK_QUEUES, default 1 */
	enum config_cache cache;
};

struct config_net {
	char *tap, *socket; /* one of tap, socket and user */
	bool user;
	char *mac; /* "52:54:00:12:34:56"; NULL: made from the device's id */
	uint8_t mac_bytes[6];
	enum config_switch vhost;
	uint32_t queues; /* pairs, 1 .. CONFIG_MAX_NET_QUEUES, default 1 */
};

struct config_console_port {
	char *name;		       /* NULL: a console */
	enum config_console_type type; /* not stdio */
	char *path;
};

struct config_vconsole {
	struct config_console_port *ports;
	unsigned ports_count;
};

/* Nothing to say about it; libcyaml wants an object to point at. */
struct config_rng {
	bool unused;
};

struct config_vsock {
	uint32_t cid;
};

struct config_fs {
	char *tag;
	char *path, *socket; /* one of them */
	bool readonly;
};

struct config_balloon {
	bool reporting;
	bool deflate_on_oom;
	char *target; /* "64M": memory that the guest is asked to do without; NULL: none */
	uint64_t target_bytes;
};

struct config_vhost_user {
	uint16_t device_id; /* VIRTIO_ID_* */
	char *socket;
	uint32_t queues; /* 1 .. 64, default 1 */
};

/* Who a device is: for its SPDM responder. */
struct config_identity {
	char *certificates; /* path: the chain, PEM */
	char *key;	    /* path: the leaf's key, PEM */
};

struct config_test {
	uint32_t vectors; /* 1 .. 2048, default 64 */
	char *memory;	  /* "1M"; NULL: the default */
	uint64_t memory_bytes;
	bool pasid;
	bool aer;
	bool stall; /* its accesses may be stalled (dma-can-stall) */
	bool ats;
	bool pri;     /* with ats */
	char *serial; /* up to 16 hexadecimal digits; NULL: no such capability */
	uint64_t serial_number;
	bool doe, ide, tdisp;		  /* each needs the one before it */
	struct config_identity *identity; /* NULL: made at start */
	uint32_t heartbeat;		  /* seconds, 0 .. 255; with doe */
};

/* What a device must prove before a guest may use it. */
enum config_requirement {
	REQUIRE_SPDM,	      /* identity: certificates, challenge, a session */
	REQUIRE_MEASUREMENTS, /* what it runs, held against a policy */
	REQUIRE_IDE,	      /* link encryption, keyed over the session */
	REQUIRE_TDISP,	      /* a locked and started interface */
	REQUIREMENTS,
};

enum config_link_keys {
	LINK_KEYS_AUTO,
	LINK_KEYS_HOST,	  /* by the host's kernel, tsm/connect */
	LINK_KEYS_DEVICE, /* by aerie, to the device alone */
};

struct config_trust {
	char *roots;	    /* path: certificates of the authorities that may vouch for it, PEM */
	char *measurements; /* path: measurement policy; NULL: none */
	enum config_requirement *require;
	unsigned require_count;
	enum config_link_keys link_keys;
	unsigned requires; /* set by config_validate(): bits 1 << REQUIRE_*, what follows from them included */
};

/* Which of the pointers in struct config_device is set. */
enum config_device_kind {
	DEVICE_ASSIGN,
	DEVICE_BLK,
	DEVICE_NET,
	DEVICE_CONSOLE,
	DEVICE_RNG,
	DEVICE_VSOCK,
	DEVICE_FS,
	DEVICE_BALLOON,
	DEVICE_VHOST_USER,
	DEVICE_TEST,
	DEVICE_KINDS,
};

/* Exactly one of the kinds. */
struct config_device {
	char *id;	  /* for messages; default: the host BDF, or port and function ("rp0.0") */
	uint8_t function; /* 0 .. 7 below the port; default 0 */
	char *assign;	  /* host BDF; validated to full form */
	struct config_blk *blk;
	struct config_net *net;
	struct config_vconsole *console;
	struct config_rng *rng;
	struct config_vsock *vsock;
	struct config_fs *fs;
	struct config_balloon *balloon;
	struct config_vhost_user *vhost_user;
	struct config_test *test;
	struct config_trust *trust;   /* NULL: taken as it is */
	enum config_device_kind kind; /* set by config_validate() */
};

#endif
