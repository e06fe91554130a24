/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-console, driven as a guest does (virtio 1.3, 5.3), with real consoles behind its ports. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>

#include "bits.h"
#include "capture.h"
#include "console.h"
#include "run_suite.h"
#include "vconsole.h"
#include "vconsole_regs.h"
#include "virtio_driver.h"

#define PORTS	 3u
#define RX(port) ((port) ? 2 + 2 * (port) : 0u)
#define TX(port) (RX(port) + 1)
#define MINIMAL	 (BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_F_ACCESS_PLATFORM))

static struct vd_world w;
static struct vd d;
static struct virtio_device *dev;
static struct console_env env;
static struct console *consoles[PORTS];
static int host_in[PORTS], host_out[PORTS]; /* our ends: what the guest reads, what it wrote */
static int their_in[PORTS], their_out[PORTS];

static void setup(void)
{
	static const char *const names[PORTS] = {NULL, "org.example.agent.0", "log"};
	struct virtio_console_port ports[PORTS];

	capture_begin();
	vd_world_start(&w);
	env = (struct console_env){.loop = &w.loop, .bus = &w.pci.vm.bus, .quit_reason = 1};
	for (unsigned i = 0; i < PORTS; i++) {
		int in[2], out[2];

		ck_assert_int_eq(pipe2(in, O_NONBLOCK), 0);
		ck_assert_int_eq(pipe2(out, O_NONBLOCK), 0);
		their_in[i] = in[0];
		host_in[i] = in[1];
		host_out[i] = out[0];
		their_out[i] = out[1];
		ck_assert_int_eq(console_open_stdio(&consoles[i], &env, their_in[i], their_out[i]), 0);
		ports[i] = (struct virtio_console_port){names[i], consoles[i]};
	}
	ck_assert_int_eq(virtio_console_create(&dev, &w.pci.vm, "console0", ports, PORTS), 0);
	vd_probe(&d, &w, dev, 0);
}

static void teardown(void)
{
	fake_pci_stop(&w.pci);
	for (unsigned i = 0; i < PORTS; i++) {
		console_close(consoles[i]);
		close(host_in[i]);
		close(host_out[i]);
		close(their_in[i]);
		close(their_out[i]);
	}
	gmem_fini(&w.pci.vm.gmem);
	loop_fini(&w.loop);
	log_set_sink(NULL, NULL);
}

/* ---- control queue ---- */

struct said {
	struct vconsole_control msg;
	char name[64];
};

static uint64_t control_buf[64];
static int control_id[64];
static unsigned nr_control;

static void offer_control(unsigned n, uint32_t len)
{
	while (n-- > 0) {
		control_buf[nr_control] = vd_alloc(&w, len, 8);
		control_id[nr_control] = vd_add(&d, 2, &(struct vr_buf){control_buf[nr_control], len, true}, 1);
		ck_assert_int_ge(control_id[nr_control], 0);
		nr_control++;
	}
	vd_kick(&d, 2);
}

/* The next message of the device; false: none. */
static bool heard(struct said *s)
{
	uint16_t id;
	uint32_t len;

	vd_pump(&w);
	*s = (struct said){0};
	if (!vd_used(&d, 2, &id, &len))
		return false;
	for (unsigned i = nr_control; i-- > 0;)
		if (control_id[i] == id) {
			ck_assert_uint_ge(len, 8);
			memcpy(&s->msg, vd_mem(&w, control_buf[i], 8), 8);
			memcpy(s->name, vd_mem(&w, control_buf[i] + 8, len - 8), len - 8);
			return true;
		}
	ck_abort_msg("a buffer that we did not give");
	return false;
}

static void tell(uint32_t id, uint16_t event, uint16_t value)
{
	const struct vconsole_control msg = {id, event, value};

	ck_assert_int_eq(vd_call(&d, 3, &msg, sizeof(msg), NULL, 0), 0);
	vd_pump(&w);
}

static void ck_heard(uint32_t port, uint16_t event, const char *name)
{
	struct said s;

	ck_assert_msg(heard(&s), "nothing was said; expected %u of port %u", event, port);
	ck_assert_uint_eq(s.msg.id, port);
	ck_assert_uint_eq(s.msg.event, event);
	ck_assert_uint_eq(s.msg.value, 1);
	ck_assert_str_eq(s.name, name);
}

/* As a driver does it, up to open ports. */
static void open_ports(void)
{
	struct said s;

	nr_control = 0;
	ck_assert(vd_init(&d, VD_ALL, 64));
	offer_control(20, 128);
	tell(0, VCONSOLE_DEVICE_READY, 1);
	for (unsigned i = 0; i < PORTS; i++) {
		tell(i, VCONSOLE_PORT_READY, 1);
		tell(i, VCONSOLE_PORT_OPEN, 1);
	}
	while (heard(&s))
		;
}

START_TEST(identity)
{
	ck_assert_uint_eq(vd_cfg_read(&d, PCI_VENDOR_ID, 4), 0x10431af4);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_NUMQ, 2), 2 + 2 * PORTS);
	ck_assert_uint_eq(vd_config(&d, 4, 4), PORTS);
	ck_assert(vd_offered(&d) >> VCONSOLE_F_MULTIPORT & 1);
	ck_assert(!(vd_offered(&d) & 1)); /* no size */
}
END_TEST

START_TEST(announcement)
{
	struct said s;

	nr_control = 0;
	ck_assert(vd_init(&d, VD_ALL, 64));
	tell(0, VCONSOLE_DEVICE_READY, 1);
	ck_assert(!heard(&s));
	offer_control(2, 128); /* fewer than messages: the rest comes later */
	ck_heard(0, VCONSOLE_PORT_ADD, "");
	ck_heard(1, VCONSOLE_PORT_ADD, "");
	ck_assert(!heard(&s));
	offer_control(10, 128);
	ck_heard(2, VCONSOLE_PORT_ADD, "");
	ck_assert(!heard(&s));
	tell(0, VCONSOLE_PORT_READY, 1);
	ck_heard(0, VCONSOLE_CONSOLE_PORT, "");
	ck_heard(0, VCONSOLE_PORT_OPEN, "");
	tell(1, VCONSOLE_PORT_READY, 1);
	ck_heard(1, VCONSOLE_PORT_NAME, "org.example.agent.0");
	ck_heard(1, VCONSOLE_PORT_OPEN, "");
	ck_assert(!heard(&s));
	ck_silent();
	/* A driver that says it a thousand times makes nothing grow. */
	for (unsigned i = 0; i < 1000; i++)
		tell(2, VCONSOLE_PORT_READY, 1);
	offer_control(10, 128);
	unsigned n = 0;

	while (heard(&s))
		n++;
	ck_assert_uint_le(n, 20);
}
END_TEST

START_TEST(bad_control)
{
	struct said s;

	nr_control = 0;
	ck_assert(vd_init(&d, VD_ALL, 64));
	tell(PORTS, VCONSOLE_PORT_READY, 1);
	ck_said("names port 3");
	tell(UINT32_MAX, VCONSOLE_PORT_OPEN, 1);
	tell(0, VCONSOLE_PORT_ADD, 1);
	ck_said("control message 1 is not one");
	tell(0, 77, 1);
	tell(0, VCONSOLE_DEVICE_READY, 0);
	ck_said("could not set up the device");
	tell(1, VCONSOLE_PORT_READY, 0);
	ck_said("could not set up port 1");
	ck_assert_int_eq(vd_call(&d, 3, "abc", 3, NULL, 0), 0);
	ck_said("3 bytes is too short");
	offer_control(4, 64);
	ck_assert(!heard(&s)); /* none of that asked for anything */
	/* Buffers without enough room are given back, and said. */
	tell(1, VCONSOLE_PORT_READY, 1);
	ck_assert(heard(&s));
	ck_assert(heard(&s));
	open_ports();
}
END_TEST

/* ---- bytes ---- */

/* The host reads what there is. */
static size_t host_read(unsigned port, char *buf, size_t cap)
{
	size_t got = 0;

	for (unsigned i = 0; i < 50; i++) {
		vd_pump(&w);
		ssize_t n = read(host_out[port], buf + got, cap - got);

		if (n > 0)
			got += (size_t)n;
	}
	return got;
}

START_TEST(output)
{
	char buf[64] = {0};

	if (_i & 1)
		vd_translate(&d);
	open_ports();
	for (unsigned p = 0; p < PORTS; p++) {
		char text[32];

		snprintf(text, sizeof(text), "port %u speaks", p);
		ck_assert_int_eq(vd_call(&d, TX(p), text, (uint32_t)strlen(text), NULL, 0), 0);
		memset(buf, 0, sizeof(buf));
		host_read(p, buf, sizeof(buf) - 1);
		ck_assert_str_eq(buf, text);
	}
	ck_silent();
}
END_TEST

START_TEST(input)
{
	char in[64];

	if (_i & 1)
		vd_translate(&d);
	open_ports();
	for (unsigned p = 0; p < PORTS; p++) {
		ck_assert_int_eq(write(host_in[p], "hello", 5), 5);
		ck_assert_int_eq(vd_call(&d, RX(p), NULL, 0, in, sizeof(in)), 5);
		ck_assert_mem_eq(in, "hello", 5);
	}
}
END_TEST

/* Nothing is taken for a port that the guest has not opened, and nothing of it is lost. */
START_TEST(closed_port)
{
	uint64_t at = vd_alloc(&w, 64, 8);
	uint16_t id;
	uint32_t len;

	nr_control = 0;
	ck_assert(vd_init(&d, VD_ALL, 64));
	ck_assert_int_eq(write(host_in[1], "early", 5), 5);
	vd_add(&d, RX(1), &(struct vr_buf){at, 64, true}, 1);
	vd_kick(&d, RX(1));
	vd_pump(&w);
	ck_assert(!vd_used(&d, RX(1), &id, &len));
	tell(1, VCONSOLE_PORT_OPEN, 1);
	ck_assert(vd_wait(&d, RX(1), &id, &len, 1000));
	ck_assert_uint_eq(len, 5);
	ck_assert_mem_eq(vd_mem(&w, at, 5), "early", 5);
	tell(1, VCONSOLE_PORT_OPEN, 0);
	ck_assert_int_eq(write(host_in[1], "later", 5), 5);
	vd_add(&d, RX(1), &(struct vr_buf){at, 64, true}, 1);
	vd_kick(&d, RX(1));
	vd_pump(&w);
	ck_assert(!vd_used(&d, RX(1), &id, &len));
	tell(1, VCONSOLE_PORT_OPEN, 1);
	ck_assert(vd_wait(&d, RX(1), &id, &len, 1000));
	ck_assert_mem_eq(vd_mem(&w, at, 5), "later", 5);
}
END_TEST

/* More input than there are buffers: the sender waits, and every byte comes, in order, whatever the buffers' sizes. */
START_TEST(much_input)
{
	enum { N = 40000 };
	static char want[N], got[N];
	size_t sent = 0, have = 0;
	uint64_t at = vd_alloc(&w, 256, 8);
	unsigned turn = 0;

	for (unsigned i = 0; i < N; i++)
		want[i] = (char)(i * 31 + i / 251);
	open_ports();
	while (have < N) {
		ssize_t n = sent < N ? write(host_in[2], want + sent, N - sent) : 0;
		uint32_t len, size = 1 + turn++ * 37 % 200;
		uint16_t id;

		sent += n > 0 ? (size_t)n : 0;
		vd_add(&d, RX(2), &(struct vr_buf){at, size, true}, 1);
		vd_kick(&d, RX(2));
		ck_assert(vd_wait(&d, RX(2), &id, &len, 5000));
		ck_assert_uint_le(len, size);
		ck_assert_uint_gt(len, 0);
		memcpy(got + have, vd_mem(&w, at, len), len);
		have += len;
	}
	ck_assert_mem_eq(got, want, N);
}
END_TEST

/* A reader that lags: the request stays in the queue, the others go on, and every byte arrives. */
START_TEST(slow_reader)
{
	enum { N = 400000 };
	static char want[N], got[N + 1];
	uint64_t at = vd_alloc(&w, N, 8);
	char small[8];
	size_t have = 0;
	uint16_t id;
	uint32_t len;

	for (unsigned i = 0; i < N; i++)
		want[i] = (char)(i * 13 + i / 509);
	open_ports();
	memcpy(vd_mem(&w, at, N), want, N);
	vd_add(&d, TX(1), &(struct vr_buf){at, N, false}, 1);
	vd_kick(&d, TX(1));
	vd_pump(&w);
	ck_assert(!vd_used(&d, TX(1), &id, &len)); /* pipe and buffer hold less */
	ck_assert_int_eq(vd_call(&d, TX(2), "other", 5, NULL, 0), 0);
	ck_assert_uint_eq(host_read(2, small, sizeof(small)), 5);
	for (unsigned i = 0; i < 10000 && have < N; i++)
		have += host_read(1, got + have, N + 1 - have);
	ck_assert_uint_eq(have, N);
	ck_assert_mem_eq(got, want, N);
	ck_assert(vd_wait(&d, TX(1), &id, &len, 1000));
	ck_silent();
}
END_TEST

/* Nothing of a request that was half done is left after a reset, of the device or of its queue. */
START_TEST(reset_half_way)
{
	enum { N = 400000 };
	uint64_t at = vd_alloc(&w, N, 8);
	static char buf[N];

	open_ports();
	memset(vd_mem(&w, at, N), 'x', N);
	vd_add(&d, TX(1), &(struct vr_buf){at, N, false}, 1);
	vd_kick(&d, TX(1));
	vd_pump(&w);
	if (_i) {
		vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, TX(1));
		vd_set(&d, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_RESET, 2), 0);
		vd_queue(&d, TX(1), 64);
	} else {
		open_ports();
	}
	memset(vd_mem(&w, at, N), 'y', N);
	while (host_read(1, buf, sizeof(buf)) > 0)
		;
	ck_assert_int_eq(vd_call(&d, TX(1), "z", 1, NULL, 0), 0);
	ck_assert_uint_eq(host_read(1, buf, sizeof(buf)), 1);
	ck_assert_int_eq(buf[0], 'z');
}
END_TEST

/* 5.3.5: without MULTIPORT there is port 0, open from the start. */
START_TEST(single_port)
{
	char in[16], buf[16] = {0};

	ck_assert(vd_init(&d, MINIMAL, 64));
	ck_assert_int_eq(write(host_in[0], "abc", 3), 3);
	ck_assert_int_eq(vd_call(&d, 0, NULL, 0, in, sizeof(in)), 3);
	ck_assert_int_eq(vd_call(&d, 1, "def", 3, NULL, 0), 0);
	ck_assert_uint_eq(host_read(0, buf, sizeof(buf)), 3);
	ck_assert_str_eq(buf, "def");
}
END_TEST

START_TEST(emergency_write)
{
	char buf[16] = {0};

	vd_write(&d, d.config + 8, 4, 'A'); /* before anything was set up */
	vd_write(&d, d.config + 8, 4, 'B');
	vd_write(&d, d.config + 4, 4, 'C');
	host_read(0, buf, sizeof(buf));
	ck_assert_str_eq(buf, "AB");
}
END_TEST

/* Buffers of the wrong kind come back untouched, and nothing spins. */
START_TEST(wrong_buffers)
{
	char in[16];

	open_ports();
	ck_assert_int_eq(write(host_in[1], "abc", 3), 3);
	ck_assert_int_eq(vd_call(&d, RX(1), "x", 1, NULL, 0), 0);
	ck_assert_int_eq(vd_call(&d, RX(1), "x", 1, in, sizeof(in)), 3);
	ck_assert_mem_eq(in, "abc", 3);
	ck_assert_int_eq(vd_call(&d, TX(1), NULL, 0, in, sizeof(in)), 0);
	ck_assert_int_eq(vd_call(&d, 3, NULL, 0, in, sizeof(in)), 0);
	vd_call(&d, 2, "x", 1, NULL, 0);
}
END_TEST

START_TEST(bad_ports)
{
	struct virtio_console_port many[VCONSOLE_MAX_PORTS + 1];
	struct virtio_device *out;
	char name[80];

	for (unsigned i = 0; i < ARRAY_LEN(many); i++)
		many[i] = (struct virtio_console_port){NULL, consoles[0]};
	ck_assert_int_eq(virtio_console_create(&out, &w.pci.vm, "c", many, 0), -EINVAL);
	ck_assert_int_eq(virtio_console_create(&out, &w.pci.vm, "c", many, ARRAY_LEN(many)), -EINVAL);
	ck_said("1 to 16");
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	many[0].name = name;
	ck_assert_int_eq(virtio_console_create(&out, &w.pci.vm, "c", many, 1), -EINVAL);
	many[0].name = "";
	ck_assert_int_eq(virtio_console_create(&out, &w.pci.vm, "c", many, 1), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtio_console");
	TCase *tc = tcase_create("console");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, identity);
	tcase_add_test(tc, announcement);
	tcase_add_test(tc, bad_control);
	tcase_add_loop_test(tc, output, 0, 2);
	tcase_add_loop_test(tc, input, 0, 2);
	tcase_add_test(tc, closed_port);
	tcase_add_test(tc, much_input);
	tcase_add_test(tc, slow_reader);
	tcase_add_loop_test(tc, reset_half_way, 0, 2);
	tcase_add_test(tc, single_port);
	tcase_add_test(tc, emergency_write);
	tcase_add_test(tc, wrong_buffers);
	tcase_add_test(tc, bad_ports);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
