/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-net inside: the device (vnet.c), its control queue (vnet_ctrl.c), and its three kinds of data path. */
#ifndef AERIE_VNET_PRIV_H
#define AERIE_VNET_PRIV_H

#include <pthread.h>

#include "virtio.h"
#include "vnet.h"
#include "worker.h"

#define VNET_MAX_FRAME 65562u /* 64 KiB of IP, an Ethernet header with a VLAN tag, and some room */
#define VNET_HDR       12u    /* bytes of struct virtio_net_hdr_v1 */

struct vnet;

/* A data path: queues 0 .. 2 * pairs - 1. Device lock held but where it says otherwise. */
struct vnet_path {
	/** As in struct virtio_ops, but that the device says virtio_stopped(). @queues: those to start. */
	int (*start)(struct vnet *net, uint64_t queues);
	void (*stop)(struct vnet *net);
	void (*quiesce)(struct vnet *net);
	int (*start_queue)(struct vnet *net, unsigned index);
	void (*stop_queue)(struct vnet *net, unsigned index);
	void (*vector)(struct vnet *net, unsigned index); /* may be NULL */
	void (*bus_master)(struct vnet *net, bool on);	  /* may be NULL */
	bool (*rests)(struct vnet *net, unsigned index);
	bool (*idle)(struct vnet *net);
	/** The driver uses @pairs pairs from now on. Control queue's thread. May be NULL. */
	int (*use_pairs)(struct vnet *net, unsigned pairs);
	/** After virtio_init(): 0 or -errno (logged). */
	int (*attach)(struct vnet *net);
	void (*destroy)(struct vnet *net);
};

struct vnet_taps {
	char name[16]; /* IFNAMSIZ */
	unsigned nr;
	int fds[VNET_MAX_PAIRS];     /* owned, non-blocking */
	bool active[VNET_MAX_PAIRS]; /* attached to the interface */
	uint64_t features;	     /* offloads that the host can do */
	uint16_t mtu;		     /* of the interface */
};

struct vnet {
	struct virtio_device dev;
	struct vm *vm;
	const struct vnet_path *path;
	unsigned pairs;
	uint64_t resting; /* queues of which virtio_queue_stopped() is still owed */
	struct worker *ctrl;
	struct virtq *ctrl_queue; /* as the driver negotiated */
	pthread_mutex_t lock;	  /* leaf; guards: */
	uint8_t mac[6];		  /* as the driver set it */
	uint16_t link;		  /* VIRTIO_NET_S_* */

	uint8_t own_mac[6];
	uint16_t mtu;		  /* 0: none to tell */
	struct virtq_chain chain; /* the control queue's */
	/* Of the path: */
	struct vnet_taps taps;
	struct vnet_io *io;
	struct vnet_vhost *vhost;
	struct vu_backend *backend;
};

/** Opens @pairs queues of the tap @name, which exists. 0 or -errno (logged, with the remedy). */
int vnet_taps_open(struct vnet_taps *taps, const char *device, const char *name, unsigned pairs);
void vnet_taps_close(struct vnet_taps *taps);
/** Offloads as the driver's @features ask for them. 0 or -errno (logged). */
int vnet_taps_offload(struct vnet_taps *taps, const char *device, uint64_t features);
/** Attaches the first @pairs queues, detaches the others. 0 or -errno (logged). */
int vnet_taps_use(struct vnet_taps *taps, const char *device, unsigned pairs);

/** Something may have come to rest. */
void vnet_rested(struct virtio_device *dev);

/** Changes what the guest sees of the link. Any thread. */
void vnet_set_link(struct vnet *net, bool up);

extern const struct worker_ops vnet_ctrl_ops;

extern const struct vnet_path vnet_path_io;    /* threads of our own on a tap */
extern const struct vnet_path vnet_path_vhost; /* vhost-net on a tap */
extern const struct vnet_path vnet_path_user;  /* vhost-user */

/** Opens vhost-net for the taps; *@features: which the kernel's rings have. 0 or -errno; logged, unless @quiet. */
int vnet_vhost_open(struct vnet *net, const char *name, bool quiet, uint64_t *ring_features);

#endif
