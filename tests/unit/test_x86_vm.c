/* SPDX-License-Identifier: Apache-2.0 */
/* The x86 machine on a pretended KVM: order of calls, start and reset of vCPUs, exits. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arch_vm.h"
#include "fake_kvm_x86.h"
#include "irq.h"
#include "log.h"
#include "loop.h"
#include "run_suite.h"
#include "vm.h"

#define MIB UINT64_C(0x100000)

static struct vm vm;
static struct loop loop;
static char logged[512];
static unsigned nr_logged;

static void sink(enum log_level level, const char *line, void *opaque)
{
	if (level > LOG_WARN)
		return;
	nr_logged++;
	snprintf(logged, sizeof(logged), "%s", line);
}

static void setup(void)
{
	fake_reset();
	fake_kvm_x86_install();
	nr_logged = 0;
	log_set_sink(sink, NULL);
	ck_assert_int_eq(loop_init(&loop), 0);
}

static void teardown(void)
{
	loop_fini(&loop);
	log_set_sink(NULL, NULL);
	ck_assert_uint_eq(fake_leaks(), 0);
	ck_assert(!fake_kvm_x86.vm);
}

static int build(unsigned cpus)
{
	int err = vm_create(&vm, &loop, -1, 64 * MIB);

	if (err)
		return err;
	err = gmem_add(&vm.gmem, gpa(0), 64 * MIB, GMEM_PAGES_NORMAL);
	if (!err)
		err = vm_map_ram(&vm);
	if (!err)
		err = vm_create_vcpus(&vm, cpus);
	if (err)
		vm_destroy(&vm);
	return err;
}

START_TEST(order)
{
	ck_assert_int_eq(build(3), 0);
	ck_assert(fake_kvm_x86.irqchip);
	ck_assert_uint_eq(fake_kvm_x86.tss, TSS_BASE);
	ck_assert_uint_eq(fake_kvm_x86.identity_map, IDENTITY_MAP);
	ck_assert_uint_eq(fake_kvm_x86.x2apic_api,
			  KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(fake_kvm_x86.vcpus[i].apic_id, i);
	ck_assert_uint_eq(arch_pci_mmio64(&vm).first, UINT64_C(4) << 30);
	ck_assert_uint_eq(fake_kvm_x86.nr_routes, arch_layout.lines); /* not KVM's first table, with the PIC in it */
	vm_destroy(&vm);
	ck_assert_uint_eq(nr_logged, 0);
}
END_TEST

START_TEST(every_failure)
{
	unsigned calls = 0;

	for (unsigned n = 1;; n++) {
		fake_reset();
		fake_kvm_x86_install();
		nr_logged = 0;
		fake_fail_nth(n, EIO);
		int err = build(2);

		if (!fake_failed()) {
			ck_assert_int_eq(err, 0);
			vm_destroy(&vm);
			break;
		}
		calls++;
		/* Questions about capabilities and single MSRs may fail without harm. */
		if (err == 0) {
			ck_assert_msg(nr_logged == 0, "%s", logged);
			vm_destroy(&vm);
		} else {
			ck_assert_msg(nr_logged == 1, "call %u: %u messages", n, nr_logged);
		}
		ck_assert_uint_eq(fake_leaks(), 0);
	}
	ck_assert_uint_gt(calls, 50);
}
END_TEST

static const struct {
	unsigned cap;
	const char *word;
} missing[] = {
	{KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP"},
	{KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI"},
	{KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"},
	{KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR"},
	{KVM_CAP_SET_IDENTITY_MAP_ADDR, "IDENTITY_MAP"},
	{KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE"},
};

START_TEST(weak_host)
{
	fake_kvm_x86.caps[missing[_i].cap] = 0;
	ck_assert_int_eq(build(1), -ENOTSUP);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_ptr_nonnull(strstr(logged, missing[_i].word));
}
END_TEST

START_TEST(without_x2apic_api)
{
	fake_kvm_x86.caps[KVM_CAP_X2APIC_API] = 0;
	ck_assert_int_eq(build(1), 0);
	ck_assert(!vm.arch->wide_destinations);
	vm_destroy(&vm);
}
END_TEST

/* PVH boot ABI (Xen docs/misc/pvh.pandoc). */
static void is_pvh_start(const struct fake_x86_vcpu *v)
{
	ck_assert_uint_eq(v->regs.rip, 0x200040);
	ck_assert_uint_eq(v->regs.rbx, 0x6000);
	ck_assert_uint_eq(v->regs.rflags, 2);
	ck_assert_uint_eq(v->sregs.cr0, 0x11);
	ck_assert_uint_eq(v->sregs.cr4, 0);
	ck_assert_uint_eq(v->sregs.efer, 0);
	ck_assert_uint_eq(v->sregs.cs.base, 0);
	ck_assert_uint_eq(v->sregs.cs.limit, UINT32_MAX);
	ck_assert(v->sregs.cs.db && v->sregs.cs.g && v->sregs.cs.s && v->sregs.cs.present && !v->sregs.cs.l);
	ck_assert_uint_eq(v->sregs.cs.type, 11);
	ck_assert_uint_eq(v->sregs.ss.type, 3);
	ck_assert_uint_eq(v->sregs.es.limit, UINT32_MAX);
	ck_assert_uint_eq(v->sregs.tr.limit, 0x67);
	ck_assert_uint_eq(v->sregs.tr.type, 11);
	ck_assert_uint_eq(v->sregs.apic_base, 0xfee00900);
}

/* @_i: KVM has the call for all of the extended state */
START_TEST(start_and_reset)
{
	const struct arch_boot boot = {.entry = {0x200040}, .tables = {0x6000}};
	struct fake_x86_vcpu *v = fake_kvm_x86.vcpus;

	fake_kvm_x86.caps[KVM_CAP_XSAVE] = _i;
	ck_assert_int_eq(build(2), 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 2; i++)
			ck_assert_int_eq(arch_vcpu_reset(&vm.vcpus[i], &boot), 0);
		is_pvh_start(&v[0]);
		ck_assert_uint_eq(v[0].mp_state.mp_state, KVM_MP_STATE_RUNNABLE);
		ck_assert_uint_eq(v[1].mp_state.mp_state, KVM_MP_STATE_UNINITIALIZED);
		ck_assert_uint_eq(v[1].regs.rip, 0xfff0);
		ck_assert_uint_eq(v[1].sregs.cr0, 0x60000010);
		for (unsigned i = 0; i < 2; i++) {
			ck_assert_uint_eq(v[i].msrs[1], 0x0007040600070406);
			ck_assert_int_eq(v[i].lapic.regs[0x80], 0);
			ck_assert_uint_eq(v[i].events.exception.injected, 0);
			ck_assert_uint_eq(v[i].debugregs.dr7, 0);
			ck_assert_uint_eq(v[i].fpu.fcw, 0);
			ck_assert_uint_eq(v[i].xsave.region[144], 0); /* upper halves of YMM0 */
			/* What a guest leaves behind */
			memset(&v[i].regs, 0x77, sizeof(v[i].regs));
			memset(&v[i].sregs, 0x77, sizeof(v[i].sregs));
			memset(&v[i].lapic, 0x77, sizeof(v[i].lapic));
			v[i].mp_state.mp_state = KVM_MP_STATE_HALTED;
			v[i].msrs[0] = 123456;
			v[i].msrs[1] = 0;
			v[i].events.exception.injected = 1;
			v[i].debugregs.dr7 = 0x401;
			if (_i)
				v[i].xsave.region[144] = 0x77;
			else
				v[i].fpu.fcw = 0x77;
		}
	}
	ck_assert_uint_eq(v[0].msrs[0], 123456); /* time goes on */
	memset(&fake_kvm_x86.chips[KVM_IRQCHIP_IOAPIC].chip, 0x77, 64);
	ck_assert_int_eq(arch_irqchip_reset(&vm), 0);
	ck_assert_uint_eq(fake_kvm_x86.chip_writes, 3);
	ck_assert_int_eq(fake_kvm_x86.chips[KVM_IRQCHIP_IOAPIC].chip.dummy[5], 3);
	vm_destroy(&vm);
	ck_assert_uint_eq(nr_logged, 0);
}
END_TEST

START_TEST(interrupts)
{
	const struct msi_msg msg = {.address = 0xfee00000, .data = 0x41}, nowhere = {.address = 0x1000};
	struct irq_route route;
	struct irq_line line;

	ck_assert_int_eq(build(1), 0);
	for (unsigned i = 0; i < arch_layout.lines; i++)
		ck_assert_int_eq(irq_line_alloc(vm.irqchip, &line, true), 0);
	ck_assert_uint_eq(line.gsi, 23);
	irq_line_set(&line, true);
	ck_assert_uint_eq(fake_kvm_x86.last_line, 23 << 1 | 1);
	ck_assert_int_eq(irq_line_alloc(vm.irqchip, &line, true), -ENOSPC);
	ck_assert_int_eq(irq_route_init(&route, vm.irqchip), 0);
	ck_assert_int_eq(irq_route_connect(&route, &msg), 0);
	ck_assert_uint_eq(fake_kvm_x86.nr_routes, arch_layout.lines + 1);
	ck_assert_uint_eq(fake_kvm_x86.routes[arch_layout.lines].u.msi.data, 0x41);
	ck_assert_int_eq(irq_route_connect(&route, &nowhere), -EINVAL);
	irq_route_fini(&route);
	vm_destroy(&vm);
}
END_TEST

static enum vm_stop play(const struct fake_x86_exit *script, unsigned n)
{
	const struct arch_boot boot = {.entry = {0x200040}, .tables = {0x6000}};
	enum vm_stop why;

	ck_assert_int_eq(build(1), 0);
	ck_assert_int_eq(arch_vcpu_reset(&vm.vcpus[0], &boot), 0);
	fake_kvm_x86.vcpus[0].script = script;
	fake_kvm_x86.vcpus[0].script_len = n;
	ck_assert_int_eq(vm_start(&vm), 0);
	why = (enum vm_stop)loop_run(&loop);
	vm_pause(&vm);
	return why;
}

/* Nobody answers at a port; reads are all ones of their size. */
START_TEST(ports)
{
	static const struct fake_x86_exit script[] = {
		{KVM_EXIT_IO, .port = 0x80, .size = 1},
		{KVM_EXIT_IO, .port = 0x71, .size = 1, .in = true},
		{KVM_EXIT_IO, .port = 0xcfc, .size = 4, .in = true},
		{KVM_EXIT_SHUTDOWN},
	};

	ck_assert_int_eq(play(script, ARRAY_LEN(script)), VM_STOP_CRASH);
	ck_assert_uint_eq(fake_kvm_x86.vcpus[0].nr_port_reads, 2);
	ck_assert_uint_eq(fake_kvm_x86.vcpus[0].port_reads[0], 0xff);
	ck_assert_uint_eq(fake_kvm_x86.vcpus[0].port_reads[1], UINT32_MAX);
	ck_assert_ptr_nonnull(strstr(logged, "vCPU 0: triple fault at RIP 0x200040"));
	ck_assert_uint_eq(nr_logged, 1);
	vm_destroy(&vm);
}
END_TEST

START_TEST(weak_kvm)
{
	static const struct fake_x86_exit script[] = {{KVM_EXIT_INTERNAL_ERROR}};

	ck_assert_int_eq(play(script, 1), VM_STOP_ERROR);
	ck_assert_ptr_nonnull(strstr(logged, "KVM cannot go on at RIP 0x200040"));
	ck_assert_ptr_nonnull(strstr(logged, "`aerie check`"));
	vm_destroy(&vm);
}
END_TEST

/* An exit amid the delivery of an exception that was none is not there the second time. */
START_TEST(delivered_after_all)
{
	static const struct fake_x86_exit script[] = {
		{KVM_EXIT_INTERNAL_ERROR, .suberror = KVM_INTERNAL_ERROR_DELIVERY_EV},
		{KVM_EXIT_IO, .port = 0x80, .size = 1},
		{KVM_EXIT_INTERNAL_ERROR, .suberror = KVM_INTERNAL_ERROR_DELIVERY_EV},
		{KVM_EXIT_SHUTDOWN},
	};

	ck_assert_int_eq(play(script, ARRAY_LEN(script)), VM_STOP_CRASH);
	ck_assert_uint_eq(nr_logged, 1);
	vm_destroy(&vm);
}
END_TEST

START_TEST(not_delivered)
{
	static const struct fake_x86_exit script[] = {
		{KVM_EXIT_INTERNAL_ERROR, .suberror = KVM_INTERNAL_ERROR_DELIVERY_EV},
		{KVM_EXIT_INTERNAL_ERROR, .suberror = KVM_INTERNAL_ERROR_DELIVERY_EV},
	};

	ck_assert_int_eq(play(script, ARRAY_LEN(script)), VM_STOP_ERROR);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_ptr_nonnull(strstr(logged, "suberror 3"));
	vm_destroy(&vm);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("x86_vm");
	TCase *tc = tcase_create("x86_vm");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, order);
	tcase_add_test(tc, every_failure);
	tcase_add_loop_test(tc, weak_host, 0, ARRAY_LEN(missing));
	tcase_add_test(tc, without_x2apic_api);
	tcase_add_loop_test(tc, start_and_reset, 0, 2);
	tcase_add_test(tc, interrupts);
	tcase_add_test(tc, ports);
	tcase_add_test(tc, weak_kvm);
	tcase_add_test(tc, delivered_after_all);
	tcase_add_test(tc, not_delivered);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
