/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "stats.h"
#include "vm_fixture.h"

#define DEV	 UINT64_C(0x09000000)
#define CORE(r)	 (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(r))
#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* A device that remembers the last access and reads as its offset times 0x0101...; at offset 0x100 it dawdles. */
static struct {
	struct bus_window window;
	struct bus_access last;
	_Atomic unsigned accesses;
	_Atomic bool inside;
} dev;

static enum bus_verdict handler(struct bus_window *w, struct bus_access *a)
{
	if (a->offset == 0x100) {
		atomic_store(&dev.inside, true);
		usleep(50000);
	}
	if (!a->is_write)
		a->value = a->offset * UINT64_C(0x0101010101010101);
	dev.last = *a;
	atomic_fetch_add(&dev.accesses, 1);
	return BUS_HANDLED;
}

static void setup(void)
{
	fixture_vm(2);
	memset(&dev, 0, sizeof(dev));
	dev.window.handler = handler;
	dev.window.name = "test device";
	ck_assert_int_eq(bus_add(&vm.bus, &dev.window, DEV, 0x1000), 0);
}

static void teardown(void)
{
	vm_pause(&vm);
	bus_remove(&vm.bus, &dev.window);
	fixture_vm_end();
}

static const struct fake_kvm_exit mmio[] = {
	{.reason = KVM_EXIT_MMIO, .addr = DEV + 0x12, .len = 2, .is_write = false},
	{.reason = KVM_EXIT_MMIO, .addr = DEV + 0x34, .len = 8, .is_write = false},
	{.reason = KVM_EXIT_MMIO, .addr = 0x123456, .len = 4, .is_write = false}, /* nobody home */
	{.reason = KVM_EXIT_MMIO, .addr = DEV + 8, .len = 4, .is_write = true, .data = UINT64_C(0xdeadbeef87654321)},
	{.reason = KVM_EXIT_INTR},
	{.err = -EINTR, .reason = KVM_EXIT_INTR},
	{.err = -EAGAIN},
};

START_TEST(mmio_exits)
{
	ck_assert_uint_eq(stats.phase.first_instruction, 0);
	fake_kvm_script(0, mmio, ARRAY(mmio));
	ck_assert_int_eq(vm_start(&vm), 0);
	wait_until(fake_kvm_script_pos(0) == ARRAY(mmio));
	vm_pause(&vm);
	vm_pause(&vm); /* idempotent */
	ck_assert_uint_eq(fake_kvm_completed(0), 4);
	ck_assert_uint_eq(fake_kvm_read_value(0, 0), 0x1212);
	ck_assert_uint_eq(fake_kvm_read_value(0, 1), UINT64_C(0x3434343434343434));
	ck_assert_uint_eq(fake_kvm_read_value(0, 2), 0xffffffff);
	ck_assert_uint_eq(dev.accesses, 3);
	ck_assert(dev.last.is_write);
	ck_assert_uint_eq(dev.last.offset, 8);
	ck_assert_uint_eq(dev.last.size, 4);
	ck_assert_uint_eq(dev.last.value, 0x87654321); /* no more than the access's bytes */
	ck_assert_uint_eq(stats.exit_mmio, 4);
	ck_assert_uint_eq(stats.exit_mmio_unhandled, 1);
	ck_assert_uint_ne(stats.phase.first_instruction, 0);
	ck_assert_uint_eq(nr_errors, 0);
}
END_TEST

static const struct fake_kvm_exit odd_size[] = {
	{.reason = KVM_EXIT_MMIO, .addr = DEV, .len = 3},
	{.reason = KVM_EXIT_MMIO, .addr = DEV, .len = 0},
	{.reason = KVM_EXIT_MMIO, .addr = DEV, .len = 16},
	{.reason = KVM_EXIT_MMIO, .addr = DEV, .len = UINT32_MAX, .is_write = true},
};

START_TEST(odd_sizes)
{
	fake_kvm_script(0, odd_size, ARRAY(odd_size));
	ck_assert_int_eq(vm_start(&vm), 0);
	wait_until(fake_kvm_script_pos(0) == ARRAY(odd_size));
	vm_pause(&vm);
	ck_assert_uint_eq(dev.accesses, 0);
	ck_assert_uint_eq(fake_kvm_read_value(0, 0), 0xffffff);
}
END_TEST

/* Exit, and how the loop ends. */
static const struct {
	struct fake_kvm_exit exit;
	enum vm_stop why;
	const char *word; /* of the message; NULL: none */
} endings[] = {
	{{.reason = KVM_EXIT_SYSTEM_EVENT, .event = KVM_SYSTEM_EVENT_SHUTDOWN}, VM_STOP_POWEROFF, NULL},
	{{.reason = KVM_EXIT_SYSTEM_EVENT, .event = KVM_SYSTEM_EVENT_RESET}, VM_STOP_RESET, NULL},
	{{.reason = KVM_EXIT_SYSTEM_EVENT, .event = KVM_SYSTEM_EVENT_CRASH}, VM_STOP_CRASH, "crashed"},
	{{.reason = KVM_EXIT_FAIL_ENTRY}, VM_STOP_ERROR, "taskset"},
	{{.reason = KVM_EXIT_INTERNAL_ERROR}, VM_STOP_ERROR, "internal error"},
	{{.reason = KVM_EXIT_DEBUG}, VM_STOP_ERROR, "exit reason"},
	{{.err = -ENOSYS}, VM_STOP_ERROR, "Function not implemented"},
	{{.err = -EFAULT}, VM_STOP_ERROR, "Bad address"},
};

START_TEST(ending)
{
	fake_kvm_script(1, &endings[_i].exit, 1); /* any vCPU may end it */
	ck_assert_int_eq(vm_start(&vm), 0);
	ck_assert_int_eq(loop_run(&loop), (int)endings[_i].why);
	vm_pause(&vm);
	ck_assert_uint_eq(fake_kvm_script_pos(1), 1);
	ck_assert_uint_eq(nr_errors, endings[_i].word != NULL);
	if (endings[_i].word)
		ck_assert_msg(strstr(last_error, endings[_i].word), "%s", last_error);
}
END_TEST

/* A guest that touches what cannot be emulated, or a BAR that does not decode, gets an abort and goes on. */
static const struct fake_kvm_exit aborts[] = {
	{.reason = KVM_EXIT_ARM_NISV, .addr = DEV},
	{.reason = KVM_EXIT_ARM_LDST64B, .addr = DEV},
	{.err = -EFAULT, .reason = KVM_EXIT_MEMORY_FAULT, .addr = 0x10000000},
	{.reason = KVM_EXIT_SYSTEM_EVENT, .event = KVM_SYSTEM_EVENT_WAKEUP},
};

START_TEST(guest_aborts)
{
	fake_kvm_script(0, aborts, ARRAY(aborts));
	ck_assert_int_eq(vm_start(&vm), 0);
	wait_until(fake_kvm_script_pos(0) == ARRAY(aborts));
	vm_pause(&vm);
	ck_assert_uint_eq(fake_kvm_aborts(0), 3);
}
END_TEST

/* Stopped inside a device: the access is finished, also in the eyes of KVM, and its value has arrived. */
static const struct fake_kvm_exit slow[] = {
	{.reason = KVM_EXIT_MMIO, .addr = DEV + 0x100, .len = 2, .is_write = false},
	{.reason = KVM_EXIT_MMIO, .addr = DEV + 0x20, .len = 1, .is_write = true},
};

START_TEST(stop_inside_handler)
{
	fake_kvm_script(0, slow, ARRAY(slow));
	ck_assert_int_eq(vm_start(&vm), 0);
	wait_until(atomic_load(&dev.inside));
	vm_pause(&vm);
	ck_assert_uint_eq(dev.accesses, 1);
	ck_assert_uint_eq(fake_kvm_script_pos(0), 1);
	ck_assert_uint_eq(fake_kvm_completed(0), 1);
	ck_assert_uint_eq(fake_kvm_read_value(0, 0), 0x0100 * 0x0101 & 0xffff);
	/* And it goes on where it was. */
	ck_assert_int_eq(vm_start(&vm), 0);
	wait_until(fake_kvm_script_pos(0) == 2);
	vm_pause(&vm);
	ck_assert_uint_eq(dev.accesses, 2);
	ck_assert_uint_eq(fake_kvm_completed(0), 2);
}
END_TEST

/* No wake-up is lost whenever the stop comes: before the thread runs, in KVM_RUN, between two of them. */
START_TEST(pause_resume_races)
{
	static struct fake_kvm_exit busy[400];

	for (unsigned i = 0; i < ARRAY(busy); i++)
		busy[i] = mmio[i % 2];
	for (unsigned round = 0; round < 300; round++) {
		fake_kvm_script(0, busy, ARRAY(busy));
		fake_kvm_script(1, busy, round % 3 ? ARRAY(busy) : 0);
		ck_assert_int_eq(vm_start(&vm), 0);
		if (round % 2)
			usleep((round * 37) % 500);
		vm_pause(&vm);
		for (unsigned v = 0; v < 2; v++) {
			ck_assert(!vm.vcpus[v].running);
			ck_assert_uint_eq(fake_kvm_completed(v), fake_kvm_script_pos(v));
		}
	}
	ck_assert_uint_eq(nr_errors, 0);
}
END_TEST

START_TEST(reset_again)
{
	const struct arch_boot boot = {.entry = {0x41000000}, .tables = {0x4f000000}};
	unsigned inits = fake_kvm_vcpu_inits(0);

	ck_assert_uint_eq(fake_kvm_reg(0, CORE(regs.pc)), 0x40200000);
	ck_assert_uint_eq(fake_kvm_reg(0, CORE(regs.regs[0])), 0x48000000);
	fake_kvm_script(0, &endings[1].exit, 1);
	ck_assert_int_eq(vm_start(&vm), 0);
	ck_assert_int_eq(loop_run(&loop), VM_STOP_RESET);
	vm_pause(&vm);
	ck_assert_int_eq(arch_irqchip_reset(&vm), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(arch_vcpu_reset(&vm.vcpus[i], &boot), 0);
	ck_assert_uint_eq(fake_kvm_vcpu_inits(0), inits + 1);
	ck_assert_uint_eq(fake_kvm_reg(0, CORE(regs.pc)), 0x41000000);
	ck_assert_uint_eq(fake_kvm_reg(0, CORE(regs.regs[0])), 0x4f000000);
	/* Only the boot vCPU starts by itself. */
	ck_assert(!(fake_kvm_vcpu_features(0) >> KVM_ARM_VCPU_POWER_OFF & 1));
	ck_assert(fake_kvm_vcpu_features(1) >> KVM_ARM_VCPU_POWER_OFF & 1);
	fake_kvm_script(0, &endings[0].exit, 1);
	ck_assert_int_eq(vm_start(&vm), 0);
	ck_assert_int_eq(loop_run(&loop), VM_STOP_POWEROFF);
}
END_TEST

/* The controller cannot be reset under running vCPUs: KVM says so, and so do we. */
START_TEST(reset_while_running)
{
	ck_assert_int_eq(vm_start(&vm), 0);
	fake_kvm_script(0, mmio, 1);
	wait_until(fake_kvm_script_pos(0) == 1);
	usleep(10000);
	ck_assert_int_eq(arch_irqchip_reset(&vm), -EBUSY);
	ck_assert_uint_eq(nr_errors, 1);
	vm_pause(&vm);
	ck_assert_int_eq(arch_irqchip_reset(&vm), 0);
}
END_TEST

START_TEST(first_reason_wins)
{
	vm_stop(&vm, VM_STOP_QUIT);
	vm_stop(&vm, VM_STOP_RESET);
	ck_assert_int_eq(loop_run(&loop), VM_STOP_QUIT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vcpu");
	TCase *tc = tcase_create("vcpu");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, mmio_exits);
	tcase_add_test(tc, odd_sizes);
	tcase_add_loop_test(tc, ending, 0, ARRAY(endings));
	tcase_add_test(tc, guest_aborts);
	tcase_add_test(tc, stop_inside_handler);
	tcase_add_test(tc, pause_resume_races);
	tcase_add_test(tc, reset_again);
	tcase_add_test(tc, reset_while_running);
	tcase_add_test(tc, first_reason_wins);
	suite_add_tcase(suite, tc);
	return fixture_run_suite(suite);
}
