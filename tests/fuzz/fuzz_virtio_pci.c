/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers of virtio over PCI under any access, with a toy device whose shape and answers the input chooses.
 * Input: a byte of shape, then records of u8 kind, u16 offset, u32 value. The device must hear of things in an order
 * that makes sense, whatever the driver does.
 */
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "log.h"
#include "virtio_driver.h"
#include "virtio_toy.h"

#define RECORD	    7u
#define MAX_RECORDS 256u
#define DEVCTL	    (PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL)

static struct vd_world w;
static struct vd d;
static struct toy *toy;
static bool runs, stops; /* what the device has been told */

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

/* The order of calls that virtio.h promises. */
static void check_order(void)
{
	for (const char *c = toy_told(toy); *c; c++) {
		switch (*c) {
		case 'S':
			vd_must(!runs && !stops);
			runs = toy->start_result == 0;
			break;
		case 'T':
			vd_must(runs && !stops);
			runs = false;
			stops = true;
			break;
		case 'Q':
			vd_must(stops);
			break;
		case 'r':
		case 'R':
			vd_must(!runs);
			stops = false;
			break;
		case 'K':
		case 's':
		case 't':
		case 'V':
		case 'm':
		case 'M':
			vd_must(runs && !stops);
			break;
		}
	}
	vd_must(toy->dev.running == runs && (!toy->dev.stopping || stops));
	vd_must(!(vd_status(&d) & VIRTIO_CONFIG_S_DRIVER_OK) || (vd_status(&d) & VIRTIO_CONFIG_S_FEATURES_OK));
	for (unsigned i = 0; i < toy->dev.config.nr_queues; i++)
		vd_must(!toy->dev.queues[i].running || toy->dev.queues[i].enabled);
}

/* Takes and returns what there is. */
static void on_kick(struct toy *t, unsigned index)
{
	struct virtq *q = &t->dev.queues[index];

	for (unsigned i = 0; i < 8 && virtq_pop(q, &t->chain) == 1; i++)
		virtq_push(q, t->chain.id, t->chain.nr_descs, 1);
	virtq_notify(q);
}

static void one(const uint8_t *r)
{
	static const uint16_t pages[] = {0x0000, 0x1000, 0x2000, 0x3000};
	uint16_t at = (uint16_t)(r[1] | r[2] << 8);
	uint8_t size = (uint8_t)(1u << (r[0] & 3));
	uint32_t value;

	memcpy(&value, r + 3, 4);
	switch (r[0] >> 3 & 15) {
	case 0: /* anywhere in the BAR */
		vd_write(&d, d.common + at, size, value);
		break;
	case 1:
		vd_read(&d, d.common + at, size);
		break;
	case 2: /* where the structures are */
	case 3:
		vd_write(&d, d.common + pages[at >> 8 & 3] + at % 72, size, r[0] & 4 ? value & 0xff : value);
		break;
	case 4:
		vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, value);
		break;
	case 5: /* queue set-up, likely to be good */
		vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, at % 4);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_DESCLO + 8 * (value % 3), 8, VD_RAM + (value & 0x1ffff0));
		vd_set(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, value >> 24 & 1);
		break;
	case 6: /* the window, and whatever else is in config space */
		vd_cfg_write(&d, d.window + 4 * (at % 5), 4, value & 0x3fff);
		break;
	case 7:
		vd_cfg_read(&d, d.window + 16, (uint8_t)(1u << (at % 3)));
		break;
	case 8:
		vd_cfg_write(&d, at % 4 == 0 ? PCI_COMMAND : at % 256u & ~3u, 4, value);
		break;
	case 9:
		vd_enable_pci(&d);
		break;
	case 10: /* everything as a good driver does */
		if (!toy->dev.stopping && toy->features_result == 0) {
			w.next_free = VD_RAM;
			vd_enable_pci(&d);
			vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
			if (vd_status(&d) == 0) /* neither stopping nor asleep */
				vd_init(&d, value, 0);
		}
		break;
	case 11:
		virtio_stopped(&toy->dev);
		break;
	case 12:
		virtio_queue_stopped(&toy->dev, at % toy->dev.config.nr_queues);
		break;
	case 13:
		toy->answers = at & 1;
		toy->start_result = at & 2 ? -EIO : 0;
		toy->features_result = at & 4 ? -EINVAL : 0;
		break;
	case 14:
		(at & 1 ? virtio_config_changed : virtio_needs_reset)(&toy->dev);
		vd_pump(&w);
		break;
	default:
		vd_enable_pci(&d);
		vd_cfg_write(&d, DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
		vd_enable_pci(&d);
		vd_must(!runs || toy->logged > 0);
		check_order();
		vd_must(vd_status(&d) == 0 && !toy->dev.quit && !toy->dev.stopping);
		break;
	}
	check_order();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned destroyed = 0;

	if (size < 1)
		return 0;
	log_set_sink(quiet, NULL);
	vd_world_start(&w);
	toy = toy_new(&w.pci.vm, (enum virtio_kicks)(data[0] % 3), 1 + (data[0] >> 2 & 3), 16);
	toy->on_kick = on_kick;
	toy->destroyed = &destroyed;
	runs = stops = false;
	vd_probe(&d, &w, &toy->dev, 0);
	check_order();
	data++;
	size--;
	for (unsigned n = 0; n < MAX_RECORDS && size >= RECORD; n++, data += RECORD, size -= RECORD)
		one(data);
	vd_world_stop(&w);
	vd_must(destroyed == 1);
	return 0;
}
