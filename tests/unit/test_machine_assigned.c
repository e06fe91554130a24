/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole machine with two host devices on the pretended kernel: each host call fails in turn; a guest's driver
 * installs a translation and an interrupt; a reset and the end give all of it back.
 */
#include <fcntl.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include "machine_assigned_fixture.h"

/* Calls whose failure only means that the host lacks something. A group's member of unknown class counts as no bridge,
 * which is the safe side; the interrupts ERR and REQ are optional. */
static const char *const passing[] = {
	"ioctl KVM_CHECK_EXTENSION",
	"ioctl KVM_ENABLE_CAP",
	"ioctl KVM_IRQ_LINE",
	"ioctl KVM_RUN",
	"ioctl VFIO_DEVICE_GET_IRQ_INFO",
	"* /sys/bus/pci/devices/*/class",
	NULL,
};

static void after(unsigned n)
{
	(void)n;
	for (unsigned i = 0; i < NR_DEVS; i++)
		ck_assert_msg(!devs[i]->open && !devs[i]->dev && !devs[i]->attached,
			      "%s is still in use after %s (call %u)", bdfs[i], fake_failed_call(), n);
}

START_TEST(boot_reboot_poweroff)
{
	ck_assert_int_eq(machine_life(NULL), 0);
	ck_assert_msg(nr_messages == 0, "%s", last_message);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
	ck_assert_uint_eq(fake_iommu_seen.maps, 0);
}
END_TEST

START_TEST(fail_nth_two_smmus)
{
	machine_fail_nth(assigned_host, NULL, passing, after);
}
END_TEST

START_TEST(fail_nth_one_untranslated)
{
	machine_yaml("8M", one_smmu_and_none);
	machine_fail_nth(assigned_host, NULL, passing, after);
}
END_TEST

static unsigned nr_smmus(const struct machine *m)
{
	return m->config->iommus_count;
}

/* Both devices behind SMMUs of their own: first abort, then the guest's stage 1, then interrupts. */
static void guest_drives(struct machine *m)
{
	for (unsigned i = 0; i < nr_smmus(m); i++) {
		driver_start(m, i);
		driver_install(m, i, (i + 1) << 8, driver_s1(i));
		ck_assert_msg(host_cfg(i) == -1 || host_cfg(i) == (int)STE_CFG_ABORT || host_cfg(i) == (int)STE_CFG_S1,
			      "%s is attached with Cfg %d after %s", bdfs[i], host_cfg(i), fake_failed_call());
	}
	for (unsigned i = 0; i < NR_DEVS; i++)
		driver_msix(m, i, 3);
}

START_TEST(fail_nth_with_guest)
{
	machine_fail_nth(assigned_host, guest_drives, passing, after);
}
END_TEST

/* The translation that the host has for a device follows the guest's registers and tables. */
START_TEST(driver_to_host)
{
	struct machine *m;
	struct config *config;

	ck_assert_int_eq(machine_make(&m, &config), 0);
	for (unsigned i = 0; i < NR_DEVS; i++) {
		const uint32_t sid = (i + 1) << 8;

		ck_assert_int_eq(host_cfg(i), STE_CFG_BYPASS); /* GBPA.ABORT is 0 after reset */
		driver_start(m, i);
		ck_assert_int_eq(host_cfg(i), STE_CFG_ABORT);
		devs[i]->was_bypassed = false;
		driver_install(m, i, sid, driver_s1(i));
		ck_assert_uint_eq(smmu_read(m, i, SMMU_CMDQ_CONS), 2);
		ck_assert_int_eq(host_cfg(i), STE_CFG_S1);
		ck_assert_uint_eq(devs[i]->attached->ste[0], driver_s1(i));
		ck_assert_int_eq(devs[i]->vsid, sid);
		driver_install(m, i, sid, driver_s1(i) + (1u << 12)); /* another table */
		ck_assert_uint_eq(devs[i]->attached->ste[0], driver_s1(i) + (1u << 12));
		driver_install(m, i, sid, 0); /* an STE with V = 0 blocks */
		ck_assert_int_eq(host_cfg(i), STE_CFG_ABORT);
		driver_install(m, i, sid, STE0_V | field_prep(STE0_CFG, STE_CFG_NESTED)); /* a stage 2 is not offered */
		ck_assert_int_eq(host_cfg(i), STE_CFG_ABORT);
		driver_install(m, i, sid, driver_s1(i));
		ck_assert(!devs[i]->was_bypassed);
		driver_install(m, i, sid, STE0_V | field_prep(STE0_CFG, STE_CFG_BYPASS));
		ck_assert_int_eq(host_cfg(i), STE_CFG_BYPASS);
		driver_install(m, i, sid, driver_s1(i));
		driver_stop(m, i);
		ck_assert_int_eq(host_cfg(i), STE_CFG_BYPASS); /* by GBPA again */
	}
	/* One stage 2, one vIOMMU, one event queue and two common HWPTs for each SMMU, one vDEVICE for each device. */
	ck_assert_uint_eq(fake_iommu_seen.objects, 1 + 2 * (1 + 1 + 1 + 2 + 1));
	machine_unmake(&m, config);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
}
END_TEST

/* A host whose event queue fails does not keep the event loop busy with it. */
#define EVTQ 0x60000u /* of the driver */

/* A device of the host waits for a page: the guest hears of it, answers, and the device goes on. */
START_TEST(page_fault)
{
	const struct fake_fault fault = {.tag = 1, .perm = IOMMU_PGFAULT_PERM_WRITE, .grpid = 77, .addr = 0x123000};
	struct machine *m;
	struct config *config;
	uint64_t event[EVT_SIZE / 8];

	host_stalls = true;
	assigned_host();
	ck_assert_int_eq(machine_make(&m, &config), 0);
	ck_assert(m->endpoints[0].fn->dt_can_stall && !m->endpoints[1].fn->dt_can_stall);
	ck_assert(m->iommus[0].faults.added && m->iommus[0].timer.added);
	ck_assert_uint_eq(field_get32(IDR0_STALL_MODEL, smmu_read(m, 0, SMMU_IDR0)), IDR0_STALL_BOTH);
	ck_assert_uint_eq(field_get32(IDR0_STALL_MODEL, smmu_read(m, 1, SMMU_IDR0)), IDR0_STALL_NONE);
	driver_start(m, 0);
	smmu_write(m, 0, SMMU_EVENTQ_BASE, 8, (DRIVER_AT(0) + EVTQ) | 4);
	smmu_write(m, 0, SMMU_CR0, 4, CR0_CMDQEN | CR0_EVENTQEN | CR0_SMMUEN);
	driver_install(m, 0, 0x100, driver_s1(0));

	ck_assert(fake_fault_raise(devs[0]->dev, devs[0]->attached, &fault));
	m->iommus[0].faults.handler(&m->iommus[0].faults);
	ck_assert_uint_eq(smmu_read(m, 0, SMMU_EVENTQ_PROD), 1);
	ck_assert_int_eq(gmem_read(&m->vm.gmem, gpa(DRIVER_AT(0) + EVTQ), event, sizeof(event)), 0);
	ck_assert_uint_eq(field_get(EVT0_ID, event[0]), EVT_F_TRANSLATION);
	ck_assert_uint_eq(field_get(EVT0_SID, event[0]), 0x100);
	ck_assert(event[1] & EVT1_STALL);
	ck_assert_uint_eq(event[2], 0x123000);
	ck_assert_uint_eq(fake_faults_seen.open, 1);
	driver_command(m, 0, CMD_RESUME | field_prep(CMD0_SID, 0x100) | UINT64_C(1) << 12,
		       field_get(EVT1_STAG, event[1]));
	ck_assert_uint_eq(fake_faults_seen.retried, 1);

	/* one that the guest leaves open ends with the machine */
	ck_assert(fake_fault_raise(devs[0]->dev, devs[0]->attached, &(struct fake_fault){.tag = 2}));
	m->iommus[0].faults.handler(&m->iommus[0].faults);
	m->iommus[0].timer.handler(&m->iommus[0].timer); /* nothing is due */
	ck_assert_uint_eq(fake_faults_seen.open, 1);
	machine_unmake(&m, config);
	ck_assert_uint_eq(fake_faults_seen.open, 0);
	ck_assert_uint_eq(fake_faults_seen.unknown, 0);
}
END_TEST

START_TEST(event_queue_fails)
{
	struct machine *m;
	struct config *config;

	ck_assert_int_eq(machine_make(&m, &config), 0);

	struct loop_source *events = &m->iommus[0].events;
	int saved = dup(events->fd), bad = open("/dev/null", O_WRONLY);

	ck_assert(saved >= 0 && bad >= 0 && events->added);
	events->handler(events);
	ck_assert(events->added);
	ck_assert_int_eq(dup2(bad, events->fd), events->fd);
	events->handler(events);
	ck_assert(!events->added);
	ck_assert_ptr_nonnull(strstr(last_message, "is not told"));
	ck_assert_int_eq(dup2(saved, events->fd), events->fd);
	close(saved);
	close(bad);
	machine_unmake(&m, config);
}
END_TEST

/* GBPA.ABORT lets nothing through while the SMMU is off, and a reset takes it back. */
START_TEST(reset_goes_by_gbpa)
{
	struct machine *m;
	struct config *config;

	ck_assert_int_eq(machine_make(&m, &config), 0);
	smmu_write(m, 0, SMMU_GBPA, 4, GBPA_UPDATE | GBPA_ABORT);
	ck_assert_int_eq(host_cfg(0), STE_CFG_ABORT);
	ck_assert_int_eq(host_cfg(1), STE_CFG_BYPASS);
	guest_drives(m);

	for (unsigned i = 0; i < NR_DEVS; i++) {
		ck_assert_int_eq(devs[i]->active, VFIO_PCI_MSIX_IRQ_INDEX);
		ck_assert_int_ge(devs[i]->trigger[3], 0);
		ck_assert(devs[i]->config[PCI_COMMAND] & PCI_COMMAND_MASTER);
		devs[i]->resets = 0;
	}
	ck_assert_uint_gt(fake_kvm_routes(), 0);
	ck_assert_int_eq(machine_reset(m), 0);
	for (unsigned i = 0; i < NR_DEVS; i++) {
		ck_assert_int_eq(host_cfg(i), STE_CFG_BYPASS);
		ck_assert_int_eq(devs[i]->active, -1);
		ck_assert_uint_eq(devs[i]->resets, 1);
		ck_assert_uint_eq(devs[i]->config[PCI_COMMAND] & PCI_COMMAND_MASTER, 0);
		ck_assert_uint_eq(cfg_read(m, 0, (i + 1) << 3, PCI_SECONDARY_BUS, 1), i + 1);
		ck_assert_uint_eq(cfg_read(m, i + 1, 0, PCI_COMMAND, 2), 0);
		ck_assert_uint_eq(smmu_read(m, i, SMMU_CR0) | smmu_read(m, i, SMMU_CMDQ_PROD), 0);
	}
	/* What follows finds the machine as new. */
	guest_drives(m);
	for (unsigned i = 0; i < NR_DEVS; i++)
		ck_assert_int_eq(host_cfg(i), STE_CFG_S1);
	machine_unmake(&m, config);
	ck_assert_msg(nr_messages == 0, "%s", last_message);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
}
END_TEST

/* A device that the guest does not translate is on stage 2 alone, from first to last. */
START_TEST(untranslated)
{
	struct machine *m;
	struct config *config;

	machine_yaml("8M", one_smmu_and_none);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	ck_assert_int_eq(host_cfg(0), STE_CFG_BYPASS);
	ck_assert_int_eq(host_cfg(1), -2);
	guest_drives(m);
	ck_assert_int_eq(host_cfg(0), STE_CFG_S1);
	ck_assert_int_eq(host_cfg(1), -2);
	ck_assert_int_eq(machine_reset(m), 0);
	ck_assert_int_eq(host_cfg(0), STE_CFG_BYPASS);
	ck_assert_int_eq(host_cfg(1), -2);
	machine_unmake(&m, config);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
}
END_TEST

/* Two devices behind one SMMU have translations of their own. */
START_TEST(shared)
{
	struct machine *m;
	struct config *config;

	machine_yaml("8M", shared_smmu);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	driver_start(m, 0);
	driver_install(m, 0, 0x200, driver_s1(0));
	ck_assert_int_eq(host_cfg(0), STE_CFG_ABORT);
	ck_assert_int_eq(host_cfg(1), STE_CFG_S1);
	ck_assert_int_eq(devs[1]->vsid, 0x200);
	driver_install(m, 0, 0x100, driver_s1(1));
	ck_assert_int_eq(host_cfg(0), STE_CFG_S1);
	ck_assert_uint_eq(devs[1]->attached->ste[0], driver_s1(0));
	machine_unmake(&m, config);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, assigned_setup, assigned_teardown);
	tcase_add_test(tc, boot_reboot_poweroff);
	tcase_add_test(tc, driver_to_host);
	tcase_add_test(tc, page_fault);
	tcase_add_test(tc, event_queue_fails);
	tcase_add_test(tc, reset_goes_by_gbpa);
	tcase_add_test(tc, untranslated);
	tcase_add_test(tc, shared);
	tcase_add_test(tc, fail_nth_two_smmus);
	tcase_add_test(tc, fail_nth_one_untranslated);
	tcase_add_test(tc, fail_nth_with_guest);
}

MACHINE_MAIN("machine_assigned", add_tests)
