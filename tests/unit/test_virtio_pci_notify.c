/* SPDX-License-Identifier: Apache-2.0 */
/* Which writes KVM turns into notifications by itself, with a double of vm_notify_add() that keeps books. */
#include <check.h>
#include <stdlib.h>

#include "log.h"
#include "run_suite.h"
#include "virtio_driver.h"
#include "virtio_toy.h"

#define QUEUES 3u

static struct vd_world w;
static struct vd d;
static struct toy *toy;

/* The doubles stand before those of core. */
static struct {
	uint64_t addr;
	int fd;
} notes[16];
static unsigned nr_notes;
static int fail_after; /* that many calls succeed */

int vm_notify_add(struct vm *vm, gpa_t addr, int eventfd)
{
	if (fail_after-- <= 0)
		return -ENOSPC;
	for (unsigned i = 0; i < nr_notes; i++)
		vd_must(notes[i].addr != addr.v && notes[i].fd != eventfd);
	notes[nr_notes].addr = addr.v;
	notes[nr_notes++].fd = eventfd;
	return 0;
}

void vm_notify_remove(struct vm *vm, gpa_t addr, int eventfd)
{
	unsigned i = 0;

	while (i < nr_notes && (notes[i].addr != addr.v || notes[i].fd != eventfd))
		i++;
	vd_must(i < nr_notes); /* never added */
	notes[i] = notes[--nr_notes];
}

static void sink(enum log_level level, const char *line, void *opaque)
{
}

static void begin(enum virtio_kicks kicks, int succeed)
{
	log_set_sink(sink, NULL);
	nr_notes = 0;
	fail_after = succeed;
	vd_world_start(&w);
	toy = toy_new(&w.pci.vm, kicks, QUEUES, 16);
	vd_probe(&d, &w, &toy->dev, 0);
}

static void end(void)
{
	vd_world_stop(&w);
	ck_assert_uint_eq(nr_notes, 0);
	log_set_sink(NULL, NULL);
}

/* Each queue's own address, and nothing else. */
static void all_at(uint64_t base)
{
	ck_assert_uint_eq(nr_notes, QUEUES);
	for (unsigned i = 0; i < QUEUES; i++) {
		unsigned queue = (unsigned)(notes[i].addr - base) / 4;

		ck_assert_uint_lt(queue, QUEUES);
		ck_assert_int_eq(notes[i].fd, toy->dev.queues[queue].kick);
	}
}

START_TEST(follows_the_bar)
{
	begin(_i ? VIRTIO_KICKS_DEVICE : VIRTIO_KICKS_LOOP, 100);
	all_at(d.notify);
	vd_cfg_write(&d, PCI_COMMAND, 2, 0);
	ck_assert_uint_eq(nr_notes, 0);
	vd_cfg_write(&d, PCI_BASE_ADDRESS_0, 4, 0x100000);
	vd_cfg_write(&d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	all_at(d.notify + 0x100000);
	vd_cfg_write(&d, PCI_BASE_ADDRESS_0, 4, 0x200000); /* while it decodes */
	all_at(d.notify + 0x200000);
	vd_enable_pci(&d);
	all_at(d.notify);
	vd_init(&d, VD_ALL, 0);
	vd_reset(&d);
	all_at(d.notify);
	vd_cfg_write(&d, PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	ck_assert_uint_eq(nr_notes, 0);
	vd_enable_pci(&d);
	end();
}
END_TEST

/* What KVM will not take comes over the bus. */
START_TEST(some_fail)
{
	begin(VIRTIO_KICKS_DEVICE, _i);
	ck_assert_uint_eq(nr_notes, (unsigned)_i);
	vd_init(&d, VD_ALL, 0);
	for (unsigned i = 0; i < QUEUES; i++) {
		fd_drain(toy->dev.queues[i].kick);
		vd_kick(&d, i);
		ck_assert_uint_eq(fd_drain(toy->dev.queues[i].kick), 1);
	}
	end();
}
END_TEST

/* Those who answer inside the write must see it. */
START_TEST(in_the_write)
{
	begin(VIRTIO_KICKS_SYNC, 100);
	ck_assert_uint_eq(nr_notes, 0);
	end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtio_pci_notify");
	TCase *tc = tcase_create("notify");

	tcase_add_loop_test(tc, follows_the_bar, 0, 2);
	tcase_add_loop_test(tc, some_fail, 0, (int)QUEUES + 1);
	tcase_add_test(tc, in_the_write);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
