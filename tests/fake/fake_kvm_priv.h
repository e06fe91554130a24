/* SPDX-License-Identifier: Apache-2.0 */
/* State of the pretended KVM, shared by fake_kvm_*.c. */
#ifndef AERIE_FAKE_KVM_PRIV_H
#define AERIE_FAKE_KVM_PRIV_H

#include <pthread.h>

#include "fake_kvm.h"

#define MAX_VCPUS      512
#define MAX_CAPS       256
#define MAX_SLOTS      600
#define MAX_IRQFDS     8192
#define MAX_IOEVENTFDS 1024
#define MAX_ROUTES     4096 /* KVM_MAX_IRQ_ROUTES */
#define MAX_MSIS       1024
#define MAX_REGS       16
#define MAX_GIC_REGS   65536 /* power of 2 */
#define MAX_INTIDS     1024
#define MAX_READS      16

struct fake_vcpu {
	bool created, initialized, sve_finalized, has_run, in_run;
	bool pmu_irq_set, pmu_ready;
	uint32_t features; /* without POWER_OFF */
	uint32_t last_features;
	unsigned inits, aborts;
	struct kvm_run *run;
	bool mmio_pending; /* an MMIO exit was returned and not completed yet */
	bool mmio_is_write;
	const struct fake_kvm_exit *script;
	unsigned script_len, script_pos, completed, nr_reads;
	uint64_t reads[MAX_READS];
	struct {
		uint64_t id, value;
	} regs[MAX_REGS];
	unsigned nr_regs;
};

struct fake_irqfd {
	int eventfd, resample;
	uint32_t gsi;
	bool used;
};

struct fake_ioeventfd {
	uint64_t addr;
	uint32_t len; /* 0: any */
	int eventfd;
	bool used;
};

struct fake_gic {
	bool created, initialized, its_created;
	uint64_t dist, its; /* 0: not set */
	struct {
		uint64_t base;
		unsigned count;
	} redist[4];
	unsigned nr_redist;
	uint32_t nr_irqs;
	uint32_t maintenance; /* KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ, 0: not set */
	unsigned its_resets;
	struct {
		bool used;
		uint32_t group;
		uint64_t attr, value;
	} regs[MAX_GIC_REGS];
};

struct fake_kvm {
	pthread_mutex_t lock;
	int caps[MAX_CAPS];
	bool enabled[MAX_CAPS];
	int api_version;
	bool has_gicv3;
	unsigned priority_bits;
	bool vm; /* there is one */
	unsigned long vm_type;
	unsigned ipa_bits;
	struct kvm_userspace_memory_region slots[MAX_SLOTS]; /* memory_size 0: free */
	struct fake_vcpu vcpus[MAX_VCPUS];
	unsigned nr_vcpus;
	struct fake_gic gic;
	struct kvm_irq_routing_entry routes[MAX_ROUTES];
	unsigned nr_routes;
	bool routing_set;
	struct fake_irqfd irqfds[MAX_IRQFDS];
	struct fake_ioeventfd ioeventfds[MAX_IOEVENTFDS];
	bool line[MAX_INTIDS];
	unsigned rises[MAX_INTIDS];
	struct fake_kvm_msi msis[MAX_MSIS];
	unsigned nr_msis;
};

extern struct fake_kvm fake_kvm;
extern const struct fake_type fake_vcpu_type, fake_gic_type, fake_its_type;

/* Ioctls of the VM that other files answer; all with the lock held, >= 0 or -errno. */
int fake_vm_create_vcpu(unsigned id);
int fake_vm_create_device(struct kvm_create_device *args);
int fake_vm_irq_line(const struct kvm_irq_level *args);
int fake_vm_set_routing(const struct kvm_irq_routing *table);
int fake_vm_signal_msi(const struct kvm_msi *msi);
int fake_vm_irqfd(const struct kvm_irqfd *args);
int fake_vm_ioeventfd(const struct kvm_ioeventfd *args);

/** A write of the guest that KVM takes for an eventfd: true, and nobody else sees it. With the lock held. */
bool fake_ioeventfd_write(uint64_t addr, uint32_t len);

uint64_t fake_mpidr(unsigned vcpu);

#endif
