/* SPDX-License-Identifier: Apache-2.0 */
/* Exits that only x86 has. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>

#include "arch.h"
#include "layout.h"
#include "log.h"
#include "vm.h"
#include "x86_kvm.h"

/* One IN or OUT; string instructions come as @count of them, their data side by side. Sizes are 1, 2 or 4. */
static void access_ports(struct bus *bus, struct kvm_run *run)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		uint64_t value = 0;

		if (run->io.direction == KVM_EXIT_IO_IN) {
			bus_read(bus, PORT_BASE + run->io.port, run->io.size, &value);
			value = htole64(value);
			memcpy(data, &value, run->io.size);
		} else {
			memcpy(&value, data, run->io.size);
			bus_write(bus, PORT_BASE + run->io.port, run->io.size, le64toh(value));
		}
	}
}

/*
 * KVM does not emulate an access to a device that the delivery of an exception makes. On SVM it takes the type in
 * EXITINTINFO for that (Linux svm_check_emulate_instruction()), even where the field is not valid, and QEMU's emulated
 * SVM leaves a type there after an exception of the guest that made no exit. The guest has not moved: entered again it
 * exits with a clean field. What was true comes back at the same place.
 */
static bool try_again(struct vcpu *vcpu, const struct kvm_run *run)
{
	uint64_t before = vcpu->again_at;
	struct kvm_regs regs;

	if (run->internal.suberror != KVM_INTERNAL_ERROR_DELIVERY_EV || kvm_x86_get_regs(vcpu->fd, &regs) != 0)
		return false;
	vcpu->again_at = regs.rip + 1;
	return vcpu->again_at != before;
}

bool arch_vcpu_exit(struct vcpu *vcpu, struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		access_ports(&vcpu->vm->bus, run);
		return true;
	case KVM_EXIT_INTERNAL_ERROR:
		return try_again(vcpu, run);
	default:
		return false;
	}
}

/* KVM_INTERNAL_ERROR_EMULATION comes with the instruction's bytes where KVM knows them. */
static void instruction(const struct kvm_run *run, char *out, size_t cap)
{
	size_t at = 0;

	out[0] = '\0';
	if (run->exit_reason != KVM_EXIT_INTERNAL_ERROR || run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION ||
	    run->emulation_failure.ndata < 3 ||
	    !(run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES))
		return;
	at = (size_t)snprintf(out, cap, ", instruction bytes");
	for (unsigned i = 0; i < run->emulation_failure.insn_size && i < 15; i++)
		at += (size_t)snprintf(out + at, cap - at, " %02x", run->emulation_failure.insn_bytes[i]);
}

void arch_vcpu_where(const struct vcpu *vcpu, const struct kvm_run *run, char *out)
{
	char bytes[72];
	struct kvm_regs regs;

	out[0] = '\0';
	if (kvm_x86_get_regs(vcpu->fd, &regs) != 0)
		return;
	instruction(run, bytes, sizeof(bytes));
	snprintf(out, ARCH_WHERE_MAX, " at RIP %#" PRIx64 "%s", (uint64_t)regs.rip, bytes);
}
