/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KVM's ioctls (Documentation/virt/kvm/api.rst), one typed wrapper each; nothing else in the tree issues them, but for
 * the ones whose argument an architecture defines (KVM_ARM_*, vCPU events), which are in vmm/arch. Every wrapper
 * returns 0, a descriptor or a count, or -errno; none logs: the caller knows what the failure means to the user.
 */
#ifndef AERIE_KVM_H
#define AERIE_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

/* --- /dev/kvm (kvm_system.c) --- */

/** KVM_API_VERSION is the only one that exists since Linux 2.6.22. */
int kvm_api_version(int kvm_fd);

/** Value of KVM_CAP_* @cap (0: not there); @fd is /dev/kvm or a VM, which may know better. */
int kvm_check_extension(int fd, unsigned cap);

/** Bytes of a vCPU's shared page(s), to be mapped at offset 0 of its descriptor. */
int kvm_vcpu_mmap_size(int kvm_fd);

/** @type is the architecture's (arm64: KVM_VM_TYPE_ARM_IPA_SIZE). Returns the VM's descriptor. */
int kvm_create_vm(int kvm_fd, unsigned long type);

/* --- a VM (kvm_vm.c) --- */

int kvm_enable_cap(int vm_fd, unsigned cap, uint64_t arg0);

/** Returns the vCPU's descriptor. */
int kvm_create_vcpu(int vm_fd, unsigned id);

/** Maps @len bytes at @host into slot @slot at @gpa; @len 0 removes the slot. @flags: KVM_MEM_*. */
int kvm_set_memory(int vm_fd, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t len, void *host);

/* --- a vCPU (kvm_vcpu.c) --- */

/** -EINTR when a signal came or run->immediate_exit was set. */
int kvm_vcpu_run(int vcpu_fd);

/** @id says how many bytes @value points to (KVM_REG_SIZE_*). */
int kvm_get_one_reg(int vcpu_fd, uint64_t id, void *value);
int kvm_set_one_reg(int vcpu_fd, uint64_t id, const void *value);

/* --- interrupts (kvm_irq.c) --- */

/** @irq is encoded as the architecture says. */
int kvm_irq_line(int vm_fd, uint32_t irq, bool high);

/** Replaces the whole routing table. */
int kvm_set_gsi_routing(int vm_fd, struct kvm_irq_routing *table);

/** Makes signals of @eventfd raise @gsi. */
int kvm_irqfd_assign(int vm_fd, int eventfd, uint32_t gsi);

/** The same for a level line: it stays high until the guest's EOI, which lowers it and signals @resample. */
int kvm_irqfd_assign_resample(int vm_fd, int eventfd, uint32_t gsi, int resample);

/** No interrupt of @eventfd arrives on @gsi after the return. */
int kvm_irqfd_deassign(int vm_fd, int eventfd, uint32_t gsi);

/** Makes guest writes of any size at @addr signal @eventfd instead of leaving to us (KVM_IOEVENTFD without datamatch).
 */
int kvm_ioeventfd_assign(int vm_fd, uint64_t addr, int eventfd);
int kvm_ioeventfd_deassign(int vm_fd, uint64_t addr, int eventfd);

/** KVM_SIGNAL_MSI: delivers the message of an MSI routing entry once. > 0 delivered, 0 the guest blocks it, or -errno.
 */
int kvm_signal_msi(int vm_fd, const struct kvm_irq_routing_entry *entry);

/* --- in-kernel devices (kvm_device.c) --- */

/** @type: KVM_DEV_TYPE_*. Returns the device's descriptor. */
int kvm_create_device(int vm_fd, uint32_t type);

/** Attributes of devices, and of VMs and vCPUs; @value points to what the group defines, or is NULL. */
int kvm_set_device_attr(int fd, uint32_t group, uint64_t attr, const void *value);
int kvm_get_device_attr(int fd, uint32_t group, uint64_t attr, void *value);

#endif
