/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vCPU thread. It leaves KVM_RUN when somebody sets vcpu->stop and sends VCPU_SIGNAL. The signal's handler sets
 * immediate_exit of the vCPU that its own thread runs, so a signal that comes between the look at vcpu->stop and
 * KVM_RUN makes KVM_RUN return at once: no wake-up is lost (KVM api.rst, struct kvm_run, immediate_exit).
 */
#include "vcpu.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "arch.h"
#include "bits.h"
#include "fd.h"
#include "kvm.h"
#include "log.h"
#include "stats.h"
#include "sys.h"
#include "vm.h"

#define VCPU_SIGNAL SIGRTMIN

/* KVM splits one guest access into at most this many exits; more without an instruction in between is a bug of KVM. */
#define MAX_COMPLETIONS 8

/* The page of the vCPU that this thread runs, for the signal handler. */
static _Thread_local struct kvm_run *volatile thread_run;

static void on_vcpu_signal(int sig)
{
	struct kvm_run *run = thread_run;

	if (run)
		*(volatile uint8_t *)&run->immediate_exit = 1;
}

static int install_signal(void)
{
	/* SA_RESTART: the signal also comes while a device model is inside a system call, which must not notice. */
	struct sigaction action = {.sa_handler = on_vcpu_signal, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	if (sigaction(VCPU_SIGNAL, &action, NULL) < 0)
		return log_fail(-errno, "cannot install the vCPU signal handler: %s", strerror(errno));
	return 0;
}

int vcpu_create(struct vcpu *vcpu, struct vm *vm, unsigned index)
{
	*vcpu = (struct vcpu){.vm = vm, .index = index, .fd = -1};
	int size = kvm_vcpu_mmap_size(vm->kvm_fd);
	if (size < (int)sizeof(struct kvm_run))
		return log_fail(size < 0 ? size : -EPROTO, "cannot learn the size of a vCPU's shared page from KVM: %s",
				size < 0 ? strerror(-size) : "it is smaller than the structure it must hold");
	vcpu->run_size = (uint32_t)size;
	int fd = kvm_create_vcpu(vm->vm_fd, index);
	if (fd < 0)
		return log_fail(fd, "cannot create vCPU %u: %s", index, strerror(-fd));
	vcpu->fd = fd;
	void *run = sys_mmap(vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (run == MAP_FAILED) {
		int err = -errno;

		fd_close(&vcpu->fd);
		return log_fail(err, "cannot map the shared page of vCPU %u: %s", index, strerror(-err));
	}
	vcpu->run = run;
	return 0;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->run)
		sys_munmap(vcpu->run, vcpu->run_size);
	vcpu->run = NULL;
	fd_close(&vcpu->fd);
}

static void handle_mmio(struct vcpu *vcpu, struct kvm_run *run)
{
	uint64_t value = UINT64_MAX;

	stats_inc(&stats.exit_mmio);
	if (run->mmio.len > 8 || !is_pow2(run->mmio.len)) {
		log_guest("vCPU %u: access of %u bytes at %#" PRIx64 " ignored: no device takes that size", vcpu->index,
			  run->mmio.len, (uint64_t)run->mmio.phys_addr);
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		return;
	}
	if (run->mmio.is_write) {
		value = 0;
		memcpy(&value, run->mmio.data, run->mmio.len);
		bus_write(&vcpu->vm->bus, run->mmio.phys_addr, (uint8_t)run->mmio.len, le64toh(value));
		return;
	}
	bus_read(&vcpu->vm->bus, run->mmio.phys_addr, (uint8_t)run->mmio.len, &value);
	value = htole64(value);
	memcpy(run->mmio.data, &value, run->mmio.len);
}

/* Returns true when the vCPU goes on. */
static bool handle_system_event(struct vcpu *vcpu, struct kvm_run *run)
{
	stats_inc(&stats.exit_system_event);
	switch (run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vm_stop(vcpu->vm, VM_STOP_POWEROFF);
		return false;
	case KVM_SYSTEM_EVENT_RESET:
		vm_stop(vcpu->vm, VM_STOP_RESET);
		return false;
	case KVM_SYSTEM_EVENT_CRASH:
		log_error("the guest reports that it has crashed (vCPU %u)", vcpu->index);
		vm_stop(vcpu->vm, VM_STOP_CRASH);
		return false;
	default:
		log_guest("vCPU %u: system event %u ignored", vcpu->index, run->system_event.type);
		return true;
	}
}

static bool fatal(struct vcpu *vcpu)
{
	vm_stop(vcpu->vm, VM_STOP_ERROR);
	return false;
}

/* One exit of KVM_RUN. Returns true when the vCPU goes on. */
static bool handle_exit(struct vcpu *vcpu, struct kvm_run *run)
{
	char where[ARCH_WHERE_MAX];

	if (run->exit_reason != KVM_EXIT_INTERNAL_ERROR)
		vcpu->again_at = 0;
	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		handle_mmio(vcpu, run);
		return true;
	case KVM_EXIT_SYSTEM_EVENT:
		return handle_system_event(vcpu, run);
	case KVM_EXIT_INTR:
		stats_inc(&stats.exit_interrupted);
		return true;
	case KVM_EXIT_FAIL_ENTRY:
		stats_inc(&stats.exit_other);
		log_error("vCPU %u cannot enter the guest: the host's CPU refuses its state (hardware reason %#" PRIx64
			  ", CPU %u); on a machine with unlike CPU cores pin aerie to cores of one kind (taskset)",
			  vcpu->index, (uint64_t)run->fail_entry.hardware_entry_failure_reason, run->fail_entry.cpu);
		return fatal(vcpu);
	case KVM_EXIT_SHUTDOWN:
		stats_inc(&stats.exit_other);
		arch_vcpu_where(vcpu, run, where);
		log_error("vCPU %u: triple fault%s; the guest is stopped", vcpu->index, where);
		vm_stop(vcpu->vm, VM_STOP_CRASH);
		return false;
	case KVM_EXIT_INTERNAL_ERROR:
		stats_inc(&stats.exit_other);
		if (arch_vcpu_exit(vcpu, run))
			return true;
		arch_vcpu_where(vcpu, run, where);
		log_error("vCPU %u: KVM cannot go on%s (internal error, suberror %u); `aerie check` says whether "
			  "this host's KVM can run kernels",
			  vcpu->index, where, run->internal.suberror);
		return fatal(vcpu);
	default:
		stats_inc(&stats.exit_other);
		if (arch_vcpu_exit(vcpu, run))
			return true;
		log_error("vCPU %u: KVM returned exit reason %u, which aerie does not know", vcpu->index,
			  run->exit_reason);
		return fatal(vcpu);
	}
}

/* KVM_RUN failed with @err. Returns true when the vCPU goes on. */
static bool handle_failure(struct vcpu *vcpu, struct kvm_run *run, int err)
{
	if (err == -EINTR || err == -EAGAIN) {
		stats_inc(&stats.exit_interrupted);
		/* Clear first, then (in the loop) look at vcpu->stop: a signal in between leaves stop set. */
		*(volatile uint8_t *)&run->immediate_exit = 0;
		return true;
	}
	stats_inc(&stats.exit_other);
	/* The guest touched memory that the host cannot provide; what that means to the guest the architecture knows.
	 */
	if ((err == -EFAULT || err == -EHWPOISON) && run->exit_reason == KVM_EXIT_MEMORY_FAULT &&
	    arch_vcpu_exit(vcpu, run))
		return true;
	log_error("vCPU %u: KVM_RUN failed: %s; the host's kernel log may say more", vcpu->index, strerror(-err));
	return fatal(vcpu);
}

/* Exits that answer an access of the guest. */
static bool is_access(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_MMIO || run->exit_reason == KVM_EXIT_IO;
}

/*
 * After these exits the instruction is complete only when KVM_RUN has been entered again; with immediate_exit set KVM
 * does that and returns without running the guest (KVM api.rst, "the corresponding operations are complete").
 */
static void complete_access(struct vcpu *vcpu, struct kvm_run *run)
{
	for (unsigned i = 0; i < MAX_COMPLETIONS; i++) {
		*(volatile uint8_t *)&run->immediate_exit = 1;
		if (kvm_vcpu_run(vcpu->fd) < 0 || !is_access(run))
			return;
		handle_exit(vcpu, run);
	}
}

static void *vcpu_thread(void *opaque)
{
	struct vcpu *vcpu = opaque;
	struct kvm_run *run = vcpu->run;
	bool go = true, half_done = false;

	thread_run = run;
	if (vcpu->index == 0)
		stats_stamp(&stats.phase.first_instruction);
	while (go && !atomic_load(&vcpu->stop)) {
		int ret = kvm_vcpu_run(vcpu->fd);

		if (ret < 0) {
			half_done = false;
			go = handle_failure(vcpu, run, ret);
		} else {
			half_done = is_access(run);
			go = handle_exit(vcpu, run);
		}
	}
	if (half_done)
		complete_access(vcpu, run);
	thread_run = NULL;
	return NULL;
}

int vcpu_start(struct vcpu *vcpu)
{
	sigset_t all, old;
	int err = install_signal();

	if (err)
		return err;
	vcpu->run->immediate_exit = 0;
	atomic_store(&vcpu->stop, false);
	/* All other signals are the main thread's; those that a fault of our own raises cannot be blocked in effect. */
	sigfillset(&all);
	sigdelset(&all, VCPU_SIGNAL);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return log_fail(
			-err,
			"cannot start the thread of vCPU %u: %s; the limit on processes may be too low (ulimit -u)",
			vcpu->index, strerror(err));
	vcpu->running = true;
	return 0;
}

void vcpu_stop_all(struct vcpu *vcpus, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!vcpus[i].running)
			continue;
		atomic_store(&vcpus[i].stop, true);
		pthread_kill(vcpus[i].thread, VCPU_SIGNAL);
	}
	for (unsigned i = 0; i < n; i++) {
		if (!vcpus[i].running)
			continue;
		pthread_join(vcpus[i].thread, NULL);
		vcpus[i].running = false;
	}
}
