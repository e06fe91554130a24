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
	int fd;              /* owned, -1 before creation */
	struct kvm_run *run; /* shared page of the vCPU */
	uint32_t run_size;
	pthread_t thread;
	bool running;            /* the thread exists; owner: main thread */
	_Atomic bool stop;       /* asks the thread to leave KVM_RUN and end */
};

/** Creates the vCPU in KVM and maps its run page. 0 or -errno (logged). */
int vcpu_create(struct vcpu *vcpu, struct vm *vm, unsigned index);
void vcpu_destroy(struct vcpu *vcpu);

/** Starts the thread / ends and joins it. Called by vm_start() and vm_pause(). */
int vcpu_start(struct vcpu *vcpu);
void vcpu_stop_all(struct vcpu *vcpus, unsigned n);

#endif
