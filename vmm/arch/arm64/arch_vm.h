/* SPDX-License-Identifier: Apache-2.0 */
/* What only arm64 knows of a VM. Private to this folder. */
#ifndef AERIE_ARM64_ARCH_VM_H
#define AERIE_ARM64_ARCH_VM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "layout.h"

struct vm;

struct arch_vm {
	struct layout_high high;
	struct kvm_vcpu_init init; /* target and features, the same for all vCPUs */
	uint64_t mpidr[VCPUS_MAX]; /* affinity fields of MPIDR_EL1, by vCPU */
	int gic_fd;		   /* in-kernel GICv3 and ITS; owned, -1 before creation */
	int its_fd;
};

static inline bool arm64_has_feature(const struct arch_vm *arch, unsigned feature)
{
	return arch->init.features[feature / 32] & BIT32(feature % 32);
}

/* Private peripheral interrupts (INTIDs) of the machine; the timers' are KVM's defaults. Those of the
 * GIC's maintenance and of EL2 exist for guests that are hosts themselves. */
#define PPI_PMU		 23u
#define PPI_VGIC	 25u
#define PPI_TIMER_HYP	 26u
#define PPI_TIMER_VIRT	 27u
#define PPI_TIMER_HYP_V	 28u
#define PPI_TIMER_PHYS	 30u
#define PPI_TIMER_SECURE 29u
#define PPI_FIRST	 16u
#define SPI_FIRST	 32u

/* Affinity fields of MPIDR_EL1 (Arm DDI 0487, D19.2.98): Aff3, Aff2, Aff1, Aff0. */
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

#endif
