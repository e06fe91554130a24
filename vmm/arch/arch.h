/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The complete contract between aerie and an architecture. vmm/arch/arm64 and vmm/arch/x86 each define every function
 * below once; Meson chooses the folder, and no other file has an #if for an architecture.
 * struct arch_vm is private to each of them, so nothing above this box depends on the architecture's types.
 */
#ifndef AERIE_ARCH_H
#define AERIE_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "range.h"

struct acpi;
struct arch_vm;
struct fdtw;
struct irq_line;
struct kvm_irq_routing_entry;
struct kvm_run;
struct msi_msg;
struct vcpu;
struct vm;

/* How the guest's kernel is loaded and started. */
enum arch_boot_protocol {
	ARCH_BOOT_ARM64_IMAGE, /* Linux Documentation/arch/arm64/booting.rst */
	ARCH_BOOT_PVH,	       /* ELF with a PVH note (Xen docs/misc/pvh.pandoc) */
	ARCH_BOOT_LINUX64,     /* bzImage, entered in long mode (Linux Documentation/arch/x86/boot.rst) */
};

enum arch_serial {
	ARCH_SERIAL_PL011,
	ARCH_SERIAL_16550,
};

/* The fixed map of guest physical addresses, and what the machine is made of. One const instance for each architecture,
 * with an ASCII map beside it. */
struct arch_layout {
	const char *machine; /* name, for messages and `compatible` */
	uint64_t ram_base;
	struct range ram_hole;	      /* where RAM makes way for devices and goes on behind it; 0, 0: nowhere */
	enum arch_boot_protocol boot; /* ARCH_BOOT_PVH: ARCH_BOOT_LINUX64 too, as the kernel's file says */
	enum arch_serial serial;
	uint64_t serial_base; /* first serial port, one page */
	uint64_t port_base;   /* where the bus has I/O port 0: beyond what a guest can address; 0: there are none */
	uint16_t serial_port; /* the serial port's first I/O port */
	uint16_t exit_port;   /* where a debug exit port can be */
	uint8_t reset_port;   /* resets the machine (devices/reset_port.h); 0: none */
	uint64_t rtc_base;    /* one page; 0: none, the CPUs know the time */
	uint64_t power_base;  /* sleep and reset registers, one page; 0: none, the CPUs have calls for that */
	/* Where firmware starts: banks of the flash (code, variables), each at the start of its range, and fw_cfg; 0, 0
	 * and 0: the machine takes no firmware. */
	struct range flash_code, flash_vars;
	uint64_t fw_cfg_base;
	uint64_t smmu_base; /* smmu_stride bytes each, smmu_max of them */
	uint64_t smmu_stride;
	unsigned smmu_max;
	unsigned lines;		   /* wired interrupts, at most IRQ_MAX_LINES */
	struct range pci_mmio32;   /* BAR window below 4 GiB */
	struct range msi_doorbell; /* where devices write their messages */
	struct range msi_window;   /* IOVAs that the host uses for the doorbells of assigned devices; never RAM */
};

extern const struct arch_layout arch_layout;

/** Configuration space of 256 buses (256 MiB), never RAM. Valid after arch_vm_create(). */
struct range arch_pci_ecam(const struct vm *vm);

/** BAR window for 64-bit prefetchable BARs, above the end of RAM and inside the guest's physical address space. */
struct range arch_pci_mmio64(const struct vm *vm);

/** Says what this host's KVM cannot do for us. 0, or -ENOTSUP (logged with remedy). Needs only @kvm_fd (/dev/kvm). */
int arch_check_host(int kvm_fd);

/** Runs a few instructions that kernels use in a VM of their own, where a KVM may be there and yet not able to. 0;
 *  -ENOTSUP, and @why lists what does not run; other -errno of KVM. Not logged. */
int arch_try_guest(int kvm_fd, char *why, size_t cap);

/** Creates the VM in KVM with an address space that holds @memory bytes of RAM. Sets vm->vm_fd and vm->arch.
 *  0 or -errno (logged), then neither is set. arch_vm_destroy() closes and frees both; idempotent. */
int arch_vm_create(struct vm *vm, uint64_t memory);
void arch_vm_destroy(struct vm *vm);

/** After all vCPUs exist: features and KVM_ARM_VCPU_INIT (or CPUID, MSRs), then the in-kernel interrupt controller with
 * its MSI doorbell, timers and PMU. 0 or -errno (logged). */
int arch_vcpus_init(struct vm *vm);
int arch_irqchip_create(struct vm *vm);

/** Puts the in-kernel interrupt controller back to its reset state. vCPUs are paused. 0 or -errno (logged). */
int arch_irqchip_reset(struct vm *vm);

/** What the boot vCPU finds: where it starts and the address of the firmware tables. */
struct arch_boot {
	enum arch_boot_protocol protocol;
	gpa_t entry;
	gpa_t tables; /* arm64: device tree blob (x0); PVH: hvm_start_info (ebx); LINUX64: boot_params (rsi) */

	/* LINUX64 only: the page tables to run on, and the descriptor table with its size in bytes. */
	gpa_t page_tables, gdt;
	uint16_t gdt_size;
};

/** Puts @vcpu into its power-on state; the boot vCPU (index 0) gets @boot, the others wait to be started by the guest.
 *  0 or -errno (logged). */
int arch_vcpu_reset(struct vcpu *vcpu, const struct arch_boot *boot);

/** Handles an exit that is not common to all architectures. Returns true when handled. */
bool arch_vcpu_exit(struct vcpu *vcpu, struct kvm_run *run);

/** Where @vcpu is stopped, as the end of a message about it: "" or " at ..."; @out has room for ARCH_WHERE_MAX bytes.
 *  From the vCPU's own thread. */
#define ARCH_WHERE_MAX 160u
void arch_vcpu_where(const struct vcpu *vcpu, const struct kvm_run *run, char *out);

/** Fills a KVM routing entry for @msg (type, flags, address, devid; gsi is the caller's).
 *  Returns 0, or -EINVAL when the message's address is not a doorbell of this machine and it is not translated. */
int arch_msi_route(const struct vm *vm, const struct msi_msg *msg, struct kvm_irq_routing_entry *entry);

/** True when a device that the host has told to send its messages to the I/O address @address reaches the host's
 * doorbell at the guest physical address of the guest's own doorbell, so that a guest's translation of the latter leads
 * to the former. */
bool arch_msi_shares_doorbell(uint64_t address);

/** Fills the KVM routing entry of wired line @gsi. */
void arch_line_route(const struct vm *vm, uint32_t gsi, struct kvm_irq_routing_entry *entry);

/** Numbers of line @index (0 ..): gsi, intid and gsiv. */
void arch_line_number(unsigned index, struct irq_line *line);

/** Drives the line by KVM_IRQ_LINE. 0 or -errno. */
int arch_line_set(struct vm *vm, const struct irq_line *line, bool high);

/** Writes /cpus, /psci, /timer, the interrupt controller and PMU nodes. Phandles: see fdtw.h. */
void arch_describe(struct vm *vm, struct fdtw *fdt);

/** The same for ACPI: processors, MADT, timers, and what the FADT says of the architecture. */
void arch_describe_acpi(struct vm *vm, struct acpi *acpi);

#endif
