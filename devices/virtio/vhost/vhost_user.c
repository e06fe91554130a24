/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost_user.h"

#include <errno.h>
#include <stdlib.h>
#include <linux/virtio_ids.h>

#include "bits.h"
#include "log.h"
#include "vu_device.h"

#define DEFAULT_QUEUE_SIZE 128u

/* What is usual for a device type: PCI class (PCI Code and ID Assignment), bytes of its structure in virtio 1.3, 5. */
static const struct device_type {
	uint16_t id;
	uint32_t class_code, config_size;
} types[] = {
	{VIRTIO_ID_NET, 0x020000, 24},	      {VIRTIO_ID_BLOCK, 0x010000, 96}, {VIRTIO_ID_CONSOLE, 0x078000, 12},
	{VIRTIO_ID_RNG, 0x00ff00, 0},	      {VIRTIO_ID_SCSI, 0x010000, 36},  {VIRTIO_ID_GPU, 0x038000, 16},
	{VIRTIO_ID_INPUT, 0x090000, 136},     {VIRTIO_ID_VSOCK, 0x028000, 8},  {VIRTIO_ID_CRYPTO, 0x100000, 56},
	{VIRTIO_ID_I2C_ADAPTER, 0x0c8000, 0}, {VIRTIO_ID_SCMI, 0x0c8000, 0},   {VIRTIO_ID_SOUND, 0x040100, 16},
	{VIRTIO_ID_FS, 0x018000, 40},	      {VIRTIO_ID_GPIO, 0x0c8000, 8},   {VIRTIO_ID_CAN, 0x028000, 2},
	{VIRTIO_ID_SPI, 0x0c8000, 32},
};

static struct device_type type_of(const struct vhost_user_config *config)
{
	struct device_type type = {config->device_id, 0x00ff00, 0};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].id == config->device_id)
			type = types[i];
	if (config->class_code)
		type.class_code = config->class_code;
	if (config->config_size)
		type.config_size = config->config_size;
	return type;
}

static void config_read(struct virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	vu_backend_config_read(((struct vu_device *)dev)->backend, offset, buf, len);
}

static void config_write(struct virtio_device *dev, uint32_t offset, const void *buf, uint32_t len)
{
	vu_backend_config_write(((struct vu_device *)dev)->backend, offset, buf, len);
}

static const struct virtio_ops ops = {
	.config_read = config_read,
	.config_write = config_write,
	.start = vu_device_start,
	.stop = vu_device_stop,
	.quiesce = vu_device_quiesce,
	.start_queue = vu_device_start_queue,
	.stop_queue = vu_device_stop_queue,
	.destroy = vu_device_destroy,
};

static int validate(const struct vhost_user_config *config, uint16_t queue_size, uint32_t config_size)
{
	if (config->queues == 0 || config->queues > VIRTIO_MAX_QUEUES)
		return log_fail(-EINVAL, "%s: %u queues; a device has 1 to %u", config->name, config->queues,
				VIRTIO_MAX_QUEUES);
	if (!is_pow2(queue_size) || queue_size < 2 || queue_size > VIRTQ_MAX_SIZE)
		return log_fail(-EINVAL, "%s: queues of %u entries; it must be a power of two from 2 to %u",
				config->name, (unsigned)queue_size, VIRTQ_MAX_SIZE);
	if (config_size > VIRTIO_MAX_CONFIG)
		return log_fail(-EINVAL, "%s: a configuration space of %u bytes; at most %u are possible", config->name,
				config_size, VIRTIO_MAX_CONFIG);
	return 0;
}

int vhost_user_create(struct virtio_device **out, struct vm *vm, const struct vhost_user_config *config)
{
	struct device_type type = type_of(config);
	uint16_t queue_size = config->queue_size ? config->queue_size : DEFAULT_QUEUE_SIZE;
	struct vu_backend_config backend = {
		.name = config->name,
		.socket = config->socket,
		.features = VU_DEVICE_FEATURES,
		.queues = config->queues,
		.config_size = type.config_size,
	};
	int err = validate(config, queue_size, type.config_size);

	*out = NULL;
	if (err)
		return err;
	struct vu_device *vu = calloc(1, sizeof(*vu));

	if (!vu)
		return log_fail(-ENOMEM, "%s: out of memory", config->name);
	err = vu_backend_create(&vu->backend, &backend);
	if (err) {
		free(vu);
		return err;
	}
	struct virtio_config device = {
		.name = config->name,
		.type = config->device_id,
		.class_code = type.class_code,
		.features = vu_backend_features(vu->backend),
		.nr_queues = config->queues,
		.queue_size = queue_size,
		.config_size = type.config_size,
		.kicks = VIRTIO_KICKS_DEVICE,
	};
	err = vu_device_finish(vu, vm, &device, &ops);
	if (!err)
		*out = &vu->dev;
	return err;
}
