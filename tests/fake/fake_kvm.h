/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pretended KVM of an arm64 host: what tests set and see. It enforces the order of calls, the ranges and the error
 * codes of the real one (Linux arch/arm64/kvm, virt/kvm), for one VM at a time; fake_kvm_install() forgets everything.
 */
#ifndef AERIE_FAKE_KVM_H
#define AERIE_FAKE_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "fake.h"

/* --- knobs --- */

/** Value of a capability from now on (0: not there). */
void fake_kvm_set_cap(unsigned cap, int value);
void fake_kvm_set_api_version(int version);
/** The host's GIC: false makes KVM_CREATE_DEVICE of a GICv3 fail. */
void fake_kvm_set_gicv3(bool there);
/** Priority bits of the GIC CPU interface (5 .. 7), default 5. */
void fake_kvm_set_priority_bits(unsigned bits);

/* --- running --- */

/* One return of KVM_RUN. */
struct fake_kvm_exit {
	int err;	 /* < 0: KVM_RUN fails with it; the rest then is the exit reason it leaves behind */
	uint32_t reason; /* KVM_EXIT_* */
	uint64_t addr;	 /* KVM_EXIT_MMIO */
	uint32_t len;
	bool is_write;
	uint64_t data;
	uint32_t event; /* KVM_EXIT_SYSTEM_EVENT */
};

/** KVM_RUN of @vcpu returns these exits in order and then blocks until it is interrupted. @exits stays valid. */
void fake_kvm_script(unsigned vcpu, const struct fake_kvm_exit *exits, unsigned n);

/** Exits of the script that have been returned, and accesses that KVM has been let complete. Any thread. */
unsigned fake_kvm_script_pos(unsigned vcpu);
unsigned fake_kvm_completed(unsigned vcpu);
/** What the @nth (0 ..) completed read of @vcpu got; the first 16 are kept. */
uint64_t fake_kvm_read_value(unsigned vcpu, unsigned nth);

/* --- observations --- */

unsigned long fake_kvm_vm_type(void);
uint64_t fake_kvm_enabled_cap(unsigned cap); /* 1 when KVM_ENABLE_CAP was called for it */
unsigned fake_kvm_slots(void);
bool fake_kvm_slot(uint32_t slot, struct kvm_userspace_memory_region *region);

unsigned fake_kvm_vcpu_inits(unsigned vcpu);
/** Feature words of the last KVM_ARM_VCPU_INIT, POWER_OFF included. */
uint32_t fake_kvm_vcpu_features(unsigned vcpu);
uint64_t fake_kvm_reg(unsigned vcpu, uint64_t id);
/** External aborts injected. */
unsigned fake_kvm_aborts(unsigned vcpu);

/** Last value written to a register of the GIC (KVM_DEV_ARM_VGIC_GRP_*_REGS, CPU_SYSREGS). False: never written. */
bool fake_kvm_gic_reg(uint32_t group, uint64_t attr, uint64_t *value);
unsigned fake_kvm_its_resets(void);
/** Maintenance interrupt of the GIC, 0: none. */
uint32_t fake_kvm_maintenance(void);

/** Entries of the present routing table; 0 before the first KVM_SET_GSI_ROUTING. */
unsigned fake_kvm_routes(void);
bool fake_kvm_route(uint32_t gsi, struct kvm_irq_routing_entry *entry);
unsigned fake_kvm_irqfds(void);
bool fake_kvm_irqfd(int eventfd, uint32_t *gsi);

unsigned fake_kvm_ioeventfds(void);
/** A write of the guest's at @addr: true when KVM signalled an eventfd for it, else it would be an exit. */
bool fake_kvm_guest_write(uint64_t addr, uint32_t len);

/* An MSI that reached the ITS. */
struct fake_kvm_msi {
	uint64_t address;
	uint32_t data;
	uint32_t devid;
};

/** Lets KVM notice all signals of irqfds. */
void fake_kvm_pump(void);
unsigned fake_kvm_msis(void);
struct fake_kvm_msi fake_kvm_msi(unsigned nth);

/** Level of SPI @intid, and how often it rose. */
bool fake_kvm_line(uint32_t intid);
unsigned fake_kvm_line_rises(uint32_t intid);
/** The guest's EOI of a level line: lowers it and signals the resample eventfds. */
void fake_kvm_eoi(uint32_t intid);

#endif
