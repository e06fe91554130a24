/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pretended tap interface and vhost devices. A tap's queue is a socket whose other end the test holds. A vhost device
 * remembers what it is told, checks it as the kernel does, and serves its rings when the test says so.
 */
#ifndef AERIE_FAKE_VHOST_H
#define AERIE_FAKE_VHOST_H

#include <linux/vhost.h>
#include <stdbool.h>
#include <stdint.h>

#define FAKE_VHOST_MAX 16u

struct fake_vhost_ring {
	uint32_t num;
	struct vhost_vring_addr addr;
	int kick, call, err;
	int backend; /* vhost-net: the tap's queue, -1: stopped */
	uint16_t next_avail, next_used;
};

struct fake_vhost_dev {
	bool open, owned, running, vsock;
	uint64_t acked, cid;
	struct vhost_memory_region regions[8];
	unsigned nr_regions;
	struct fake_vhost_ring ring[2];
};

extern struct fake_vhost {
	/* Knobs. */
	bool no_net, no_vsock, cid_taken; /* no such file; EADDRINUSE */
	uint64_t features;		  /* of vhost devices */
	bool no_tap, no_uso;
	unsigned long tun_flags; /* of the interface */
	unsigned mtu;
	int tap_error; /* of TUNSETIFF, positive */
	/* Observations. */
	struct fake_vhost_dev dev[FAKE_VHOST_MAX];
	unsigned nr_devs;
	int tap[FAKE_VHOST_MAX]; /* the other end of the tap's queues */
	bool attached[FAKE_VHOST_MAX];
	unsigned long offload[FAKE_VHOST_MAX];
	unsigned nr_taps;
} fake_vhost;

/** Registers the types, with an interface "tap0" and both vhost devices. After fake_reset(). */
void fake_vhost_install(void);
void fake_vhost_uninstall(void);

/**
 * Serves ring @index of device @n: the readable part of its next request is copied to @out (*@out_len: room, then
 * bytes), @in_len bytes of @in go into the writable part. False: nothing there, or the device is stopped.
 */
bool fake_vhost_serve(unsigned n, unsigned index, void *out, uint32_t *out_len, const void *in, uint32_t in_len);

#endif
