/* SPDX-License-Identifier: Apache-2.0 */
/* One vCPU and its thread. */
#ifndef AERIE_VCPU_H
#define AERIE_VCPU_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct vm;
struct kvm_run;

struct vcpu {
	struct vm *vm;
	unsigned index;
	int fd;		     /* owned, -1 before creation */
	struct kvm_run *run; /* shared page of the vCPU */
	uint32_t run_size;   /* bytes of the mapping at run */
	pthread_t thread;
	uint64_t again_at; /* 1 + PC of the last exit if it was answered by another try; else 0. The thread's */
	bool running;	   /* the thread exists; owner: main thread */
	_Atomic bool stop; /* asks the thread to leave KVM_RUN and end */
};

/** Creates the vCPU in KVM and maps its run page. 0 or -errno (logged). */
int vcpu_create(struct vcpu *vcpu, struct vm *vm, unsigned index);
void vcpu_destroy(struct vcpu *vcpu);

/** Starts the thread. Returns 0 or -errno (logged). Called by vm_start(). */
int vcpu_start(struct vcpu *vcpu);

/** Ends and joins the threads of those of @n vCPUs that run, wherever they are; an access of the guest that was under
 * way is completed. Idempotent. Caller does not hold the device lock. Called by vm_pause(). */
void vcpu_stop_all(struct vcpu *vcpus, unsigned n);

#endif
