/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One virtual machine: its KVM handle, memory, bus, interrupts and vCPUs.
 *
 * Life: vm_create -> gmem_add ... vm_map_ram -> arch_* (vCPUs, interrupt controller) -> devices -> vm_start ->
 * loop_run -> vm_pause -> [reset everything, vm_start again] -> vm_destroy.
 * Threads: one per vCPU (vcpu.c), and main, which runs the loop.
 */
#ifndef AERIE_VM_H
#define AERIE_VM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch.h"
#include "bus.h"
#include "gmem.h"
#include "irq.h"
#include "loop.h"
#include "vcpu.h"

/* Why the guest stopped; the value that loop_run() returns. */
enum vm_stop {
	VM_STOP_POWEROFF = 1, /* the guest asked for power-off */
	VM_STOP_RESET,	      /* the guest asked for a reset */
	VM_STOP_CRASH,	      /* the guest reported a crash (SYSTEM_EVENT_CRASH, SEA ...) */
	VM_STOP_QUIT,	      /* the user asked: SIGINT, SIGTERM, SIGHUP, console escape */
	VM_STOP_ERROR,	      /* aerie or KVM failed; logged */
	VM_STOP_DEBUG_EXIT,   /* a payload said that it is done, and with what result */
};

/* Memory slots: pieces of RAM, and BARs that the guest reaches without an exit. */
#define VM_MAX_SLOTS 512u

struct vm {
	int kvm_fd;	   /* /dev/kvm, owned */
	int vm_fd;	   /* owned */
	struct loop *loop; /* not owned */
	struct gmem gmem;
	struct bus bus;
	struct irqchip *irqchip;
	struct vcpu *vcpus; /* nr_vcpus of them; state inside vcpu.h */
	unsigned nr_vcpus;
	bool nested; /* the guest can be a host of virtual machines; set before vm_create_vcpus(), false by default */
	uint64_t slots[VM_MAX_SLOTS / 64]; /* memory slot numbers in use, one bit each */
	int vfio_fd;			   /* KVM's VFIO device, owned; -1: none */
	struct arch_vm *arch;		   /* what only the architecture knows; owned, see arch_vm_create() */
};

/**
 * Opens /dev/kvm (or takes @kvm_fd when >= 0), checks the API version and the capabilities that aerie needs, creates
 * the VM with room for @memory bytes of RAM, and the bus. vCPUs come with vm_create_vcpus(). Returns 0 or -errno
 * (logged, each with its remedy). On failure everything is closed, @kvm_fd too.
 */
int vm_create(struct vm *vm, struct loop *loop, int kvm_fd, uint64_t memory);
void vm_destroy(struct vm *vm);

/** The pieces of @memory bytes of RAM in the machine's map, in order of address. How many: 1 or 2. */
unsigned vm_ram_pieces(uint64_t memory, struct range pieces[2]);

/** Creates @n vCPUs (1 .. host's limit) and then the in-kernel interrupt controller. 0 or -errno (logged). */
int vm_create_vcpus(struct vm *vm, unsigned n);

/** Registers every gmem region as a memory slot. 0 or -errno (logged). */
int vm_map_ram(struct vm *vm);

/** Maps @len bytes of host memory at @addr (page aligned both) as guest-visible device memory, e.g. a BAR.
 *  *@slot receives the slot for vm_unmap_slot(). 0 or -errno (logged). Slots of unmapped ranges are used again. */
int vm_map_slot(struct vm *vm, gpa_t addr, void *host, uint64_t len, uint32_t *slot);
void vm_unmap_slot(struct vm *vm, uint32_t slot);

/** The same for memory that the guest reads and executes; its writes exit to the bus. */
int vm_map_rom(struct vm *vm, gpa_t addr, void *host, uint64_t len, uint32_t *slot);

/** Makes guest writes at @addr, of any size, signal @eventfd without an exit. 0 or -errno (not logged: the write then
 * exits to the bus, where the device finds it). */
int vm_notify_add(struct vm *vm, gpa_t addr, int eventfd);
void vm_notify_remove(struct vm *vm, gpa_t addr, int eventfd);

/** Has KVM's VFIO device in vm->vfio_fd, which assigned devices are to be shown to; without one where the kernel has
 *  none (CONFIG_KVM_VFIO). 0 or -errno (logged). */
int vm_create_vfio(struct vm *vm);

/** Lets all vCPUs run. The boot vCPU starts at @entry (arch_vcpu_reset() has been told). 0 or -errno (logged). */
int vm_start(struct vm *vm);

/** Returns when no vCPU runs any more. Idempotent. Caller does not hold the device lock. */
void vm_pause(struct vm *vm);

/** Asks the main loop to stop. Any thread; the first reason wins. */
void vm_stop(struct vm *vm, enum vm_stop why);

#endif
