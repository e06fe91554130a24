/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local APIC in x2APIC mode (Intel SDM 3A, chapter 11), for message-signalled interrupts only: a message's data is
 * a vector. Interrupts are taken only inside irq_poll(), whose handler takes note of them.
 */
#include "x86.h"

#define APIC_BASE_X2APIC BIT64(10)
#define X2APIC_EOI	 0x80bu
#define X2APIC_SVR	 0x80fu
#define X2APIC_IRR	 0x820u
#define SVR_ENABLE	 0x100u
#define SPURIOUS	 0xffu
#define DOORBELL	 0xfee00000u /* physical destination: APIC 0 */
#define FIRST_VECTOR	 32u
#define MAX_DEVICES	 8u

static bool ready;
static unsigned next_vector = FIRST_VECTOR;
static struct {
	uint32_t id, first, n;
} devices[MAX_DEVICES];
static unsigned nr_devices;
static uint64_t taken[4]; /* by vector */

bool irq_init(void)
{
	uint32_t features[4];

	cpuid(1, 0, features);
	if (!(features[2] & CPUID_X2APIC))
		return false;
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
	wrmsr(X2APIC_SVR, SVR_ENABLE | SPURIOUS);
	ready = true;
	return true;
}

void irq_taken(unsigned vector)
{
	if (vector == SPURIOUS)
		return;
	taken[vector / 64] |= BIT64(vector % 64);
	wrmsr(X2APIC_EOI, 0);
}

uint64_t irq_doorbell(void)
{
	return ready ? DOORBELL : 0;
}

bool irq_device(uint32_t device, unsigned n)
{
	for (unsigned i = 0; i < nr_devices; i++)
		if (devices[i].id == device)
			return n <= devices[i].n;
	if (!ready || nr_devices == MAX_DEVICES || next_vector + n > SPURIOUS)
		return false;
	devices[nr_devices++] = (typeof(devices[0])){device, next_vector, n};
	next_vector += n;
	return true;
}

uint32_t irq_number(uint32_t device, unsigned event)
{
	for (unsigned i = 0; i < nr_devices; i++)
		if (devices[i].id == device && event < devices[i].n)
			return devices[i].first + event;
	return 0;
}

uint32_t irq_data(uint32_t device, unsigned event)
{
	return irq_number(device, event);
}

static bool waiting(void)
{
	for (unsigned i = FIRST_VECTOR / 32; i <= (next_vector - 1) / 32; i++)
		if (rdmsr(X2APIC_IRR + i))
			return true;
	return false;
}

static uint32_t next_taken(void)
{
	for (unsigned i = 0; i < ARRAY_LEN(taken); i++) {
		unsigned bit;

		if (!taken[i])
			continue;
		bit = (unsigned)__builtin_ctzll(taken[i]);
		taken[i] &= taken[i] - 1;
		return 64 * i + bit;
	}
	return 0;
}

/* HLT ends at once, since one is waiting. Without it, a KVM that interprets the guest's instructions would not look
 * between STI and CLI. */
uint32_t irq_poll(void)
{
	uint32_t vector = next_taken();

	if (vector || !waiting())
		return vector;
	__asm__ volatile("sti; hlt; cli" ::: "memory");
	return next_taken();
}

uint32_t irq_wait(uint64_t us)
{
	uint32_t id = 0;

	WAIT_FOR((id = irq_poll()) != 0, us);
	return id;
}
