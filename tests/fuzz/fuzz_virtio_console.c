/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-console under any buffers on any of its queues. Input: 1 byte of options, then records of u8 queue, u8 layout
 * and 8 bytes of data (a control message as it may be). Nothing that a guest does stops the device: after a reset it
 * announces its ports again.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bits.h"
#include "console.h"
#include "log.h"
#include "vconsole.h"
#include "vconsole_regs.h"
#include "virtio_driver.h"

#define PORTS	    2u
#define RECORD	    10u
#define MAX_RECORDS 64u

static struct vd_world w;
static struct vd d;
static struct console *consoles[PORTS];
static int host_in;
static uint64_t first_free;

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void begin(void)
{
	static struct console_env env;
	struct virtio_console_port ports[PORTS];
	struct virtio_device *dev;
	int in[2];

	if (env.loop)
		return;
	log_set_sink(quiet, NULL);
	vd_world_start(&w);
	env = (struct console_env){.loop = &w.loop, .bus = &w.pci.vm.bus, .quit_reason = 1};
	vd_must(pipe2(in, O_NONBLOCK) == 0);
	host_in = in[1];
	int out = open("/dev/null", O_WRONLY);

	vd_must(console_open_stdio(&consoles[0], &env, in[0], out) == 0);
	vd_must(console_open_none(&consoles[1], &env) == 0);
	ports[0] = (struct virtio_console_port){NULL, consoles[0]};
	ports[1] = (struct virtio_console_port){"agent", consoles[1]};
	vd_must(virtio_console_create(&dev, &w.pci.vm, "console0", ports, PORTS) == 0);
	vd_probe(&d, &w, dev, 0);
	first_free = w.next_free;
}

static void one(const uint8_t *rec)
{
	unsigned queue = rec[0] % (2 + 2 * PORTS);
	uint64_t at = vd_alloc(&w, 512, 16);
	struct vr_buf bufs[3];
	unsigned n = 0;
	uint16_t id;
	uint32_t len;

	memcpy(vd_mem(&w, at, 8), rec + 2, 8);
	if (rec[0] & 0x40)
		vd_must(write(host_in, rec, RECORD) != 0);
	if (rec[1] & 1)
		bufs[n++] = (struct vr_buf){at, 1u + (rec[1] >> 2 & 15), false};
	if (rec[1] & 2)
		bufs[n++] = (struct vr_buf){at + 64, 1u + (rec[1] >> 2), true};
	if (rec[0] & 0x20)
		bufs[n++] = (struct vr_buf){at + 256, 64, true};
	if (n > 0)
		vd_add(&d, queue, bufs, n);
	if (rec[0] & 0x80) {
		vd_kick(&d, queue);
		vd_must(vd_pump(&w) < 10000);
	}
	while (vd_used(&d, queue, &id, &len))
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vconsole_control ready = {.event = VCONSOLE_DEVICE_READY, .value = 1};
	struct vconsole_control heard;

	if (size < 1)
		return 0;
	begin();
	w.next_free = first_free;
	vd_must(vd_init(&d, data[0] & 1 ? VD_ALL : VD_ALL & ~BIT64(VIRTIO_F_RING_PACKED), 32));
	for (size_t at = 1; at + RECORD <= size && at / RECORD < MAX_RECORDS; at += RECORD)
		one(data + at);
	vd_must(vd_init(&d, VD_ALL, 32));
	vd_must(vd_call(&d, VCONSOLE_CONTROL_TX, &ready, sizeof(ready), NULL, 0) == 0);
	vd_must(vd_call(&d, VCONSOLE_CONTROL_RX, NULL, 0, &heard, sizeof(heard)) == sizeof(heard));
	vd_must(heard.event == VCONSOLE_PORT_ADD && heard.id == 0);
	return 0;
}
