/* SPDX-License-Identifier: Apache-2.0 */
#include "vu_device.h"

#include <stdlib.h>

#include "relay.h"

static struct relay *relay_of(struct virtio_device *dev)
{
	return vu_backend_relay(((struct vu_device *)dev)->backend);
}

int vu_device_start(struct virtio_device *dev)
{
	relay_start(relay_of(dev), UINT64_MAX);
	return 0;
}

void vu_device_stop(struct virtio_device *dev)
{
	relay_stop(relay_of(dev));
}

void vu_device_quiesce(struct virtio_device *dev)
{
	relay_quiesce(relay_of(dev));
}

int vu_device_start_queue(struct virtio_device *dev, unsigned index)
{
	relay_start_queue(relay_of(dev), index);
	return 0;
}

void vu_device_stop_queue(struct virtio_device *dev, unsigned index)
{
	relay_stop_queue(relay_of(dev), index);
}

void vu_device_destroy(struct virtio_device *dev)
{
	vu_backend_destroy(((struct vu_device *)dev)->backend);
}

int vu_device_finish(struct vu_device *vu, struct vm *vm, const struct virtio_config *config,
		     const struct virtio_ops *ops)
{
	int err = virtio_init(&vu->dev, vm, config, ops);

	if (!err) {
		err = vu_backend_attach(vu->backend, vm, &vu->dev, config->nr_queues, NULL);
		if (err)
			virtio_fini(&vu->dev);
	}
	if (err) {
		vu_backend_destroy(vu->backend);
		free(vu);
	}
	return err;
}
