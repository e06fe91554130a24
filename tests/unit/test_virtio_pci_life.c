/* SPDX-License-Identifier: Apache-2.0 */
/* How devices and queues start, stop and are reset, and that a reset which cannot wait leaves nothing running. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "log.h"
#include "run_suite.h"
#include "virtio_driver.h"
#include "virtio_toy.h"

#define S_NEED VIRTIO_CONFIG_S_NEEDS_RESET
#define DEVCTL (PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL)
#define PMCSR  (PCI_ENDPOINT_CAP_PM + PCI_PM_CTRL)

static struct vd_world w;
static struct vd d;
static struct toy *toy;
static unsigned destroyed;

static void sink(enum log_level level, const char *line, void *opaque)
{
}

static void setup(void)
{
	log_set_sink(sink, NULL);
	destroyed = 0;
	vd_world_start(&w);
	toy = toy_new(&w.pci.vm, VIRTIO_KICKS_DEVICE, 2, 64);
	toy->destroyed = &destroyed;
	vd_probe(&d, &w, &toy->dev, 0);
	toy_told(toy);
}

static void teardown(void)
{
	vd_world_stop(&w);
	ck_assert_uint_eq(destroyed, 1);
	log_set_sink(NULL, NULL);
}

static void told(const char *what)
{
	ck_assert_str_eq(toy_told(toy), what);
}

/* Brings the device up; nothing is left in its log. */
static void up(void)
{
	ck_assert(vd_init(&d, VD_ALL, 16));
	toy_told(toy);
}

static void flr(void)
{
	vd_cfg_write(&d, DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
}

/* Everything reads as after power-on. */
static void pristine(void)
{
	ck_assert_uint_eq(vd_status(&d), 0);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_MSIX, 2), 0xffff);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2), 0);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_DFSELECT, 4), 0);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_GF, 4), 0);
	for (unsigned i = 0; i < 2; i++) {
		vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, i);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2), 64);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_RESET, 2), 0);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 8), 0);
		ck_assert(!toy->dev.queues[i].running && !toy->dev.queues[i].quit);
	}
	ck_assert(!toy->dev.running && !toy->dev.stopping && !toy->dev.quit);
	ck_assert_uint_eq(toy->dev.features, 0);
}

START_TEST(at_once)
{
	ck_assert(vd_init(&d, VD_ALL, 16));
	told("rFS");
	ck_assert(toy->dev.running && toy->dev.queues[0].running);
	vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	told("Tr");
	pristine();
	vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	told("r");
	up();
	vd_cfg_write(&d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	vd_cfg_write(&d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	told("mM");
}
END_TEST

/* Until the device says that it has stopped, status keeps its value and nothing can be done. */
START_TEST(later)
{
	toy->answers = false;
	up();
	vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	told("T");
	ck_assert(toy->dev.stopping && !toy->dev.running && toy->dev.quit && toy->dev.queues[1].quit);
	ck_assert_uint_eq(vd_status(&d), 15);
	vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, 1);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 8, 0);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
	vd_accept(&d, 0);
	vd_kick(&d, 0);
	told("");
	ck_assert_uint_eq(fd_drain(toy->dev.queues[0].kick), 1); /* of start; the kick went nowhere */
	ck_assert_uint_eq(vd_status(&d), 15);
	ck_assert_uint_eq(toy->dev.queues[1].desc, d.q[1].ring.desc);
	virtio_stopped(&toy->dev);
	told("r");
	vd_set(&d, VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	pristine();
	virtio_stopped(&toy->dev); /* once too often */
	told("");
}
END_TEST

/* Function reset, wake-up from D3hot, machine reset: at rest when they return. */
static void hard_reset(int how)
{
	switch (how) {
	case 0:
		flr();
		break;
	case 1:
		vd_cfg_write(&d, PMCSR, 2, 3);
		vd_cfg_write(&d, PMCSR, 2, 0);
		break;
	default:
		bus_lock(&w.pci.vm.bus);
		ck_assert_int_eq(pci_function_reset(&toy->dev.ep.fn), 0);
		bus_unlock(&w.pci.vm.bus);
		break;
	}
}

START_TEST(hard)
{
	static const char *const plain[] = {"mTQR", "mTQR", "mTQR"};

	toy->answers = _i & 4;
	up();
	hard_reset(_i & 3);
	told(plain[_i & 3]);
	vd_enable_pci(&d);
	pristine();
	virtio_stopped(&toy->dev);
	told("");
	/* Nothing runs: nothing to stop. */
	hard_reset(_i & 3);
	told("R");
	vd_enable_pci(&d);
	up();
	hard_reset(_i & 3);
	toy_told(toy);
	vd_enable_pci(&d);
	pristine();
}
END_TEST

/* In the middle of a reset by the driver: stop does not come twice. */
START_TEST(hard_while_stopping)
{
	toy->answers = false;
	up();
	vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	told("T");
	hard_reset(_i);
	told("QR");
	vd_enable_pci(&d);
	pristine();
}
END_TEST

START_TEST(destroy_running)
{
	toy->answers = _i;
	up();
	/* teardown destroys it */
}
END_TEST

START_TEST(start_fails)
{
	toy->start_result = -EIO;
	vd_init(&d, VD_ALL, 16);
	told("rFS");
	ck_assert_uint_eq(vd_status(&d), 15 | S_NEED);
	ck_assert_uint_eq(vd_interrupts(&d, 0), 1);
	ck_assert(!toy->dev.running && !toy->dev.queues[0].running);
	ck_assert_uint_eq(fd_drain(toy->dev.queues[0].kick), 0);
	vd_kick(&d, 0);
	ck_assert_uint_eq(fd_drain(toy->dev.queues[0].kick), 0);
	/* No stop for what did not start. */
	if (_i)
		flr();
	else
		vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	told(_i ? "R" : "r");
	vd_enable_pci(&d);
	pristine();
	toy->start_result = 0;
	up();
	ck_assert_uint_eq(vd_status(&d), 15);
}
END_TEST

/* Before DRIVER_OK there is nothing to stop either. */
START_TEST(reset_early)
{
	vd_negotiate(&d, VD_ALL & vd_offered(&d));
	vd_queue(&d, 0, 16);
	toy_told(toy);
	vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	told("r");
	pristine();
}
END_TEST

static void reset_queue(unsigned index)
{
	vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, index);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
}

/* 2.6.1, 4.1.4.3.1 */
START_TEST(queue_reset)
{
	struct virtq *q = toy->dev.queues;

	toy->answers = _i;
	up();
	vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_RESET, 2, 0);
	told("");
	reset_queue(1);
	told("t");
	if (!_i) {
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_RESET, 2), 1);
		ck_assert(q[1].quit && !q[0].quit && !toy->dev.quit);
		reset_queue(1);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
		told("");
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_RESET, 2), 1);
		vd_kick(&d, 1);
		virtio_queue_stopped(&toy->dev, 1);
	}
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_RESET, 2), 0);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2), 64);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 8), 0);
	ck_assert(q[0].running && !q[0].quit && !q[1].running && !q[1].quit);
	virtio_queue_stopped(&toy->dev, 1);
	told("");
	ck_assert_uint_eq(fd_drain(q[1].kick), 0);
	/* With another size, and it works. */
	vd_queue(&d, 1, 4);
	told("s");
	ck_assert_uint_eq(fd_drain(q[1].kick), 1);
	vd_add(&d, 1, &(struct vr_buf){vd_alloc(&w, 64, 64), 64, true}, 1);
	ck_assert_int_eq(virtq_pop(&q[1], &toy->chain), 1);
	ck_assert_uint_eq(q[1].size, 4);
	vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	told(_i ? "Tr" : "T");
	virtio_stopped(&toy->dev);
}
END_TEST

/* A reset of the device, or a hard one, overtakes that of a queue. */
START_TEST(queue_reset_overtaken)
{
	toy->answers = false;
	up();
	reset_queue(0);
	told("t");
	if (_i == 0) {
		vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
		told("T");
		virtio_queue_stopped(&toy->dev, 0);
		ck_assert_uint_eq(vd_status(&d), 15);
		ck_assert(toy->dev.queues[0].quit && toy->dev.queues[0].enabled);
		virtio_stopped(&toy->dev);
		told("r");
		vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
		vd_set(&d, VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
	} else {
		flr();
		told("mTQR");
		vd_enable_pci(&d);
	}
	pristine();
}
END_TEST

/* Without VIRTIO_F_RING_RESET there is no such register, and no queue comes late. */
START_TEST(queue_reset_absent)
{
	vd_negotiate(&d, vd_offered(&d) & ~BIT64(VIRTIO_F_RING_RESET));
	vd_queue(&d, 0, 16);
	vd_driver_ok(&d);
	toy_told(toy);
	reset_queue(0);
	told("");
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_RESET, 2), 0);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
	vd_queue(&d, 1, 16);
	told("");
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	ck_assert(vd_status(&d) & S_NEED);
}
END_TEST

START_TEST(start_queue_fails)
{
	up();
	reset_queue(0);
	toy->start_result = -EIO;
	vd_queue(&d, 0, 16);
	told("ts");
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	ck_assert(!toy->dev.queues[0].running);
	ck_assert(vd_status(&d) & S_NEED);
}
END_TEST

/*
 * A device with a thread that translates, interrupts and complains all the time, while vCPUs reset the function: the
 * holder of the device lock waits for a thread that may be waiting for the lock.
 */
static struct worker {
	pthread_t thread;
	_Atomic bool end, runs;
	_Atomic unsigned rounds, canceled;
} worker;

static void *work(void *opaque)
{
	struct virtq *q = &toy->dev.queues[0];

	while (!atomic_load(&toy->dev.quit)) {
		int ret = virtq_pop(q, &toy->chain);

		if (ret == 1) {
			virtq_push(q, toy->chain.id, toy->chain.nr_descs, 0);
			virtq_notify(q);
		}
		worker.canceled += ret == -ECANCELED;
		worker.rounds++;
		virtio_config_changed(&toy->dev);
		/* A walk for each access: the lock is taken all the time. */
		memset(q->dma.slots, 0, sizeof(q->dma.slots));
	}
	return NULL;
}

static int worker_start(struct virtio_device *dev)
{
	worker.runs = true;
	return pthread_create(&worker.thread, NULL, work, NULL);
}

static void worker_rest(struct toy *t)
{
	pthread_join(worker.thread, NULL);
	worker.runs = false;
}

START_TEST(threads)
{
	struct virtio_ops ops = *toy->dev.ops;
	static const struct virtio_ops *kept;

	ops.start = worker_start;
	kept = toy->dev.ops;
	toy->dev.ops = &ops;
	toy->on_quiesce = worker_rest;
	toy->answers = false;
	vd_translate(&d);
	for (unsigned i = 0; i < 100; i++) {
		unsigned before = worker.rounds;

		w.next_free = VD_RAM;
		ck_assert(vd_init(&d, VD_ALL, 16));
		while (worker.rounds == before)
			vd_hole(&d, 0, 0); /* invalidates, with the lock */
		hard_reset((int)i % 3);
		ck_assert(!worker.runs);
		unsigned rounds = worker.rounds;

		vd_enable_pci(&d);
		ck_assert_uint_eq(worker.rounds, rounds);
		ck_assert_uint_eq(vd_status(&d), 0);
		toy_told(toy);
	}
	toy->on_quiesce = NULL;
	toy->dev.ops = kept;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtio_pci_life");
	TCase *tc = tcase_create("life");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, at_once);
	tcase_add_test(tc, later);
	tcase_add_loop_test(tc, hard, 0, 3);
	tcase_add_loop_test(tc, hard, 4, 7);
	tcase_add_loop_test(tc, hard_while_stopping, 0, 3);
	tcase_add_loop_test(tc, destroy_running, 0, 2);
	tcase_add_loop_test(tc, start_fails, 0, 2);
	tcase_add_test(tc, reset_early);
	tcase_add_loop_test(tc, queue_reset, 0, 2);
	tcase_add_loop_test(tc, queue_reset_overtaken, 0, 2);
	tcase_add_test(tc, queue_reset_absent);
	tcase_add_test(tc, start_queue_fails);
	tcase_add_test(tc, threads);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
