/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-net's data path over vhost-user. */
#include "relay.h"
#include "vnet_priv.h"
#include "vu_backend.h"

static struct relay *relay_of(struct vnet *net)
{
	return vu_backend_relay(net->backend);
}

static int start(struct vnet *net, uint64_t queues)
{
	relay_start(relay_of(net), queues);
	return 0;
}

static void stop(struct vnet *net)
{
	relay_stop(relay_of(net));
}

static void quiesce(struct vnet *net)
{
	relay_quiesce(relay_of(net));
}

static int start_queue(struct vnet *net, unsigned index)
{
	relay_start_queue(relay_of(net), index);
	return 0;
}

static void stop_queue(struct vnet *net, unsigned index)
{
	relay_stop_queue(relay_of(net), index);
}

static bool rests(struct vnet *net, unsigned index)
{
	return relay_rests(relay_of(net), index);
}

static bool idle(struct vnet *net)
{
	return relay_idle(relay_of(net));
}

static int attach(struct vnet *net)
{
	return vu_backend_attach(net->backend, net->vm, &net->dev, 2 * net->pairs, vnet_rested);
}

static void destroy(struct vnet *net)
{
	vu_backend_destroy(net->backend);
}

const struct vnet_path vnet_path_user = {
	.start = start,
	.stop = stop,
	.quiesce = quiesce,
	.start_queue = start_queue,
	.stop_queue = stop_queue,
	.rests = rests,
	.idle = idle,
	.attach = attach,
	.destroy = destroy,
};
