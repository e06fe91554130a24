/* SPDX-License-Identifier: Apache-2.0 */
/* Bits of CPUID leaves (Intel SDM 2A, CPUID; AMD APM 3, appendix E), control registers and messages. */
#ifndef AERIE_X86_REGS_H
#define AERIE_X86_REGS_H

#include "bits.h"

/* leaf 1 */
#define CPUID_1_EBX_CLFLUSH    MASK32(15, 8)
#define CPUID_1_EBX_CPUS       MASK32(23, 16)
#define CPUID_1_EBX_APIC_ID    MASK32(31, 24)
#define CPUID_1_ECX_VMX	       BIT32(5)
#define CPUID_1_ECX_CX16       BIT32(13)
#define CPUID_1_ECX_PDCM       BIT32(15) /* MSR that describes performance counters */
#define CPUID_1_ECX_XSAVE      BIT32(26)
#define CPUID_D_1_EAX_XSAVES   BIT32(3)
#define CPUID_1_ECX_X2APIC     BIT32(21)
#define CPUID_1_ECX_DEADLINE   BIT32(24)
#define CPUID_1_ECX_HYPERVISOR BIT32(31)
#define CPUID_1_EDX_HTT	       BIT32(28)

/* leaf 4 and 0x8000001d: caches */
#define CPUID_4_EAX_TYPE    MASK32(4, 0)
#define CPUID_4_EAX_LEVEL   MASK32(7, 5)
#define CPUID_4_EAX_SHARING MASK32(25, 14)
#define CPUID_4_EAX_CORES   MASK32(31, 26)

#define CPUID_TOPOLOGY	 0xbu
#define CPUID_B_ECX_TYPE MASK32(15, 8)
#define CPUID_B_SMT	 1u
#define CPUID_B_CORE	 2u

#define CPUID_KVM_FEATURES	    0x40000001u
#define CPUID_KVM_MSI_EXT_DEST_ID   BIT32(15) /* Linux Documentation/virt/kvm/x86/cpuid.rst */
#define CPUID_EXT_1_ECX_SVM	    BIT32(2)
#define CPUID_EXT_1_ECX_CMP_LEGACY  BIT32(1)
#define CPUID_EXT_1_ECX_PERF	    (BIT32(23) | BIT32(24) | BIT32(28)) /* counters of core, bridge, cache */
#define CPUID_EXT_8_EAX_PHYSICAL    MASK32(7, 0)
#define CPUID_EXT_8_ECX_CORES	    MASK32(7, 0)
#define CPUID_EXT_8_ECX_APIC_BITS   MASK32(15, 12)
#define CPUID_PHYSICAL_BITS_DEFAULT 36u

#define CR0_PE	    BIT64(0)
#define CR0_MP	    BIT64(1)
#define CR0_ET	    BIT64(4)
#define CR0_NE	    BIT64(5)
#define CR0_WP	    BIT64(16)
#define CR0_PG	    BIT64(31)
#define CR4_PAE	    BIT64(5)
#define CR4_OSFXSR  BIT64(9)
#define CR4_OSXSAVE BIT64(18)
#define EFER_LME    BIT64(8)
#define EFER_LMA    BIT64(10)
#define RFLAGS_SET  BIT64(1)
#define MSR_TSC	    0x10u

/* A message's address (Intel SDM 3A, 12.11.1), with KVM's more bits of destination where a PC's are reserved. */
#define MSI_ADDRESS_MORE MASK32(11, 5)
#define MSI_ADDRESS_WHAT MASK32(31, 20)
#define MSI_ADDRESS_APIC 0xfeeu
#define MSI_UPPER_DEST	 MASK32(31, 8) /* address_hi of KVM: bits 31:8 of the destination */

#endif
