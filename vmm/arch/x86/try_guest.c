/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries what kernels need of the guest's CPU: a VM of one page table and one page of code, in long mode from its first
 * instruction on, and one vCPU without APIC, so that HLT comes back to us. A KVM without hardware virtualization
 * interprets the guest's kernel code and stops at what it does not know.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch.h"
#include "fd.h"
#include "kvm.h"
#include "sys.h"
#include "x86_kvm.h"
#include "x86_regs.h"

/* Pages of the VM, at guest physical 0. */
enum {
	PAGE_TABLE4,
	PAGE_TABLE3,
	PAGE_TABLE2,
	PAGE_CODE,
	PAGE_IDT,
	PAGE_STACK,
	PAGE_DATA,
	PAGES,
};

#define PAGE	    4096u
#define AT(page)    ((uint64_t)(page)*PAGE)
#define HANDLER	    0x800u /* in the code page */
#define GATE	    0x8e00u
#define TABLE	    0x03u /* present, writable */
#define LARGE	    0x83u
#define KERNEL_CODE 0x10u

/* Each ends in HLT by itself or through the breakpoint handler; rdi points to 4 KiB of zeroes, rax and rdx are 0. Those
 * that a CPU may lack are tried only where KVM says that the guest's has them. */
static const struct {
	const char *name;
	uint8_t code[8];
	uint32_t leaf, index; /* of CPUID; 0: every CPU of 64 bits has it */
	uint32_t eax, ecx;    /* the bit, in one of them */
} trials[] = {
	{"any instruction", {0x90, 0xf4}},
	{"cmpxchg16b", {0x48, 0x0f, 0xc7, 0x0f, 0xf4}, .leaf = 1, .ecx = CPUID_1_ECX_CX16},
	{"int3", {0xcc}},
	{"fxsave64", {0x48, 0x0f, 0xae, 0x07, 0xf4}},
	{"xsave64", {0x48, 0x0f, 0xae, 0x27, 0xf4}, .leaf = 1, .ecx = CPUID_1_ECX_XSAVE},
	{"xrstors64", {0x48, 0x0f, 0xc7, 0x1f, 0xf4}, .leaf = 0xd, .index = 1, .eax = CPUID_D_1_EAX_XSAVES},
};

struct trial_vm {
	int vm, vcpu;
	uint8_t *memory;
	struct kvm_run *run;
	size_t run_size;
	struct kvm_cpuid2 *cpuid;
};

static void put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static int set_up(struct trial_vm *t, int kvm_fd)
{
	int err;

	t->vm = kvm_create_vm(kvm_fd, 0);
	if (t->vm < 0)
		return t->vm;
	t->memory = sys_mmap(PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->memory == MAP_FAILED)
		return -errno;
	err = kvm_set_memory(t->vm, 0, 0, 0, PAGES * PAGE, t->memory);
	if (err)
		return err;
	t->vcpu = kvm_create_vcpu(t->vm, 0);
	if (t->vcpu < 0)
		return t->vcpu;
	t->run = sys_mmap(t->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, t->vcpu, 0);
	if (t->run == MAP_FAILED)
		return -errno;
	err = kvm_x86_supported_cpuid(kvm_fd, &t->cpuid);
	return err ? err : kvm_x86_set_cpuid(t->vcpu, t->cpuid);
}

static void tear_down(struct trial_vm *t)
{
	if (t->run && t->run != MAP_FAILED)
		sys_munmap(t->run, t->run_size);
	fd_close(&t->vcpu);
	fd_close(&t->vm);
	if (t->memory && t->memory != MAP_FAILED)
		sys_munmap(t->memory, PAGES * PAGE);
	free(t->cpuid);
}

static bool offered(const struct trial_vm *t, unsigned trial)
{
	for (uint32_t i = 0; i < t->cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &t->cpuid->entries[i];

		if (e->function == trials[trial].leaf && e->index == trials[trial].index)
			return (e->eax & trials[trial].eax) || (e->ecx & trials[trial].ecx);
	}
	return false;
}

/* The first 2 MiB 1:1, and a gate for breakpoints that leads to a HLT. */
static void fill(uint8_t *memory, const uint8_t *code, size_t len)
{
	uint64_t handler = AT(PAGE_CODE) + HANDLER;

	memset(memory, 0, PAGES * PAGE);
	put64(memory + AT(PAGE_TABLE4), AT(PAGE_TABLE3) | TABLE);
	put64(memory + AT(PAGE_TABLE3), AT(PAGE_TABLE2) | TABLE);
	put64(memory + AT(PAGE_TABLE2), LARGE);
	memcpy(memory + AT(PAGE_CODE), code, len);
	memory[AT(PAGE_CODE) + HANDLER] = 0xf4;
	put64(memory + AT(PAGE_IDT) + 3 * 16, handler | KERNEL_CODE << 16 | (uint64_t)GATE << 32);
	/* The code segment that the gate loads */
	put64(memory + AT(PAGE_IDT) + PAGE / 2 + KERNEL_CODE, UINT64_C(0x00af9b000000ffff));
}

static int set_registers(const struct trial_vm *t, unsigned trial)
{
	const struct kvm_segment data = {
		.limit = UINT32_MAX, .selector = 0x18, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1};
	const struct kvm_regs regs = {
		.rip = AT(PAGE_CODE), .rsp = AT(PAGE_STACK) + PAGE, .rdi = AT(PAGE_DATA), .rflags = RFLAGS_SET};
	struct kvm_sregs s;
	int err = kvm_x86_get_sregs(t->vcpu, &s);

	if (err)
		return err;
	s.cs = data;
	s.cs.selector = KERNEL_CODE;
	s.cs.type = 11;
	s.cs.db = 0;
	s.cs.l = 1;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.idt = (struct kvm_dtable){.base = AT(PAGE_IDT), .limit = 32 * 16 - 1};
	s.gdt = (struct kvm_dtable){.base = AT(PAGE_IDT) + PAGE / 2, .limit = KERNEL_CODE + 7};
	s.cr0 = CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_ET | CR0_PE;
	s.cr3 = AT(PAGE_TABLE4);
	s.cr4 = (trials[trial].ecx == CPUID_1_ECX_XSAVE || trials[trial].eax ? CR4_OSXSAVE : 0) | CR4_OSFXSR | CR4_PAE;
	s.efer = EFER_LMA | EFER_LME;
	err = kvm_x86_set_sregs(t->vcpu, &s);
	return err ? err : kvm_x86_set_regs(t->vcpu, &regs);
}

/* XRSTORS wants the compacted format in the header of its area (Intel SDM 1, 13.4.2). */
static bool works(const struct trial_vm *t, unsigned trial)
{
	int ret;

	fill(t->memory, trials[trial].code, sizeof(trials[trial].code));
	if (strcmp(trials[trial].name, "xrstors64") == 0)
		put64(t->memory + AT(PAGE_DATA) + 520, BIT64(63));
	if (set_registers(t, trial) != 0)
		return false;
	do {
		ret = kvm_vcpu_run(t->vcpu);
	} while (ret == -EINTR || ret == -EAGAIN);
	return ret == 0 && t->run->exit_reason == KVM_EXIT_HLT;
}

int arch_try_guest(int kvm_fd, char *why, size_t cap)
{
	struct trial_vm t = {.vm = -1, .vcpu = -1};
	int size = kvm_vcpu_mmap_size(kvm_fd), err = size < 0 ? size : 0;
	size_t at = 0;

	t.run_size = size < 0 ? 0 : (size_t)size;
	if (!err)
		err = set_up(&t, kvm_fd);
	why[0] = '\0';
	for (unsigned i = 0; !err && i < ARRAY_LEN(trials) && at < cap; i++)
		if ((trials[i].leaf == 0 || offered(&t, i)) && !works(&t, i))
			at += (size_t)snprintf(why + at, cap - at, "%s%s", at ? ", " : "", trials[i].name);
	tear_down(&t);
	return err ? err : why[0] ? -ENOTSUP : 0;
}
