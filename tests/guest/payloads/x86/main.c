/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The x86-64 machine itself: what it starts with, CPUID, ports, interrupts of the timer and of lines, other CPUs,
 * reset. It runs three times, with a reset of another kind between each two: what was last leaves a mark in memory that
 * the loader does not touch.
 */
#include "acpi_power_regs.h"
#include "pvh_regs.h"
#include "uart16550_regs.h"
#include "x86.h"

#define MARK	   0x9000ull	   /* below 640 KiB, above the boot tables */
#define MARKED	   0x5245534554ull /* by the register's reset; the BIOS's: one more */
#define TRAMPOLINE 0xa000ull
#define COUNTER	   0xb000ull
#define IOAPIC	   0xfec00000ull
#define SERIAL	   0xfe000000ull
#define POWER	   0xfe010000ull
#define SERIAL_PIN 4u
#define CPUS	   3u
#define OURS	   0xffff0000u /* no requester: vectors for our own use */
#define QUIET_US   3000u
#define WAIT_US	   1000000u

#define X2APIC_ICR	 0x830u
#define X2APIC_TIMER	 0x832u
#define X2APIC_COUNT	 0x838u
#define X2APIC_DIVIDE	 0x83eu
#define MSR_DEADLINE	 0x6e0u
#define TIMER_DEADLINE	 BIT32(18)
#define LVT_MASKED	 BIT32(16)
#define ICR_INIT	 0x4500u
#define ICR_STARTUP	 0x4600u
#define ICR_ALL_BUT_SELF (3u << 18)

static uint8_t in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "d"(port));
	return v;
}

static uint32_t in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "d"(port));
	return v;
}

static void start_info(void)
{
	const struct pvh_start_info *info = boot_info;
	const struct pvh_memory *map = (const struct pvh_memory *)info->memmap;
	uint64_t ram = 0, last = 0;

	CHECK_EQ(info->version, 1);
	CHECK_EQ(info->nr_modules, 2);
	CHECK_EQ(((const struct pvh_module *)info->modules)->size, 0);
	CHECK(strcmp((const char *)info->cmdline, "one two=3") == 0, "command line \"%s\"",
	      (const char *)info->cmdline);
	for (unsigned i = 0; i < info->memmap_entries; i++) {
		CHECK(map[i].address >= last, "the memory map is not sorted");
		last = map[i].address + map[i].size;
		ram += map[i].type == PVH_MEMORY_RAM ? map[i].size : 0;
	}
	/* 3200 MiB, of which 384 KiB are the firmware's and 128 MiB are above 4 GiB */
	CHECK_EQ(ram, (3200ull << 20) - 0x60000);
	CHECK_EQ(last, (4ull << 30) + (128ull << 20));
}

static void high_memory(void)
{
	volatile uint64_t *end = (uint64_t *)((4ull << 30) + (128ull << 20));

	arch_map_device(4ull << 30, 1u << 30);
	end[-1] = 0x1122334455667788;
	*(volatile uint64_t *)(3ull << 20) = 1;
	CHECK_EQ(end[-1], 0x1122334455667788);
	CHECK_EQ(read64(NOWHERE), UINT64_MAX);
	write64(NOWHERE, 1);
}

static void features(void)
{
	uint32_t r[4];

	cpuid(1, 0, r);
	CHECK(r[2] & BIT32(31), "no hypervisor bit");
	CHECK(r[2] & CPUID_X2APIC, "no x2APIC");
	CHECK(!(r[2] & BIT32(5)), "VMX");
	CHECK_EQ(r[1] >> 24, 0);
	CHECK_EQ(r[1] >> 16 & 0xff, CPUS);
	cpuid(0xb, 1, r); /* cores */
	CHECK_EQ(r[0], 2);
	CHECK_EQ(r[1], CPUS);
	CHECK_EQ(r[2], 0x201);
	cpuid(0x80000001, 0, r);
	CHECK(!(r[2] & BIT32(2)), "SVM");
	cpuid(0x40000000, 0, r);
	CHECK_EQ(r[1], 0x4b4d564b); /* KVMK */
}

static void ports(void)
{
	uint8_t bytes[4] = {0};
	void *to = bytes;
	uint64_t n = sizeof(bytes);

	CHECK_EQ(in8(0x71), 0xff);
	CHECK_EQ(in8(0x64), 0xff);
	CHECK_EQ(in32(0xcfc), UINT32_MAX);
	__asm__ volatile("outb %b0, $0x80" ::"a"(1));
	__asm__ volatile("rep insb" : "+D"(to), "+c"(n) : "d"(0x2f8) : "memory");
	for (unsigned i = 0; i < sizeof(bytes); i++)
		CHECK_EQ(bytes[i], 0xff);
}

static uint32_t vector(unsigned n)
{
	return irq_number(OURS, n);
}

static void timer(void)
{
	uint32_t r[4];

	wrmsr(X2APIC_DIVIDE, 0xb);
	wrmsr(X2APIC_TIMER, vector(0));
	wrmsr(X2APIC_COUNT, 100000); /* KVM counts nanoseconds */
	CHECK_EQ(irq_wait(WAIT_US), vector(0));
	CHECK_EQ(irq_wait(QUIET_US), 0);
	cpuid(1, 0, r);
	if (!(r[2] & BIT32(24)))
		return;
	wrmsr(X2APIC_TIMER, vector(1) | TIMER_DEADLINE);
	wrmsr(MSR_DEADLINE, tsc() + 100000);
	CHECK_EQ(irq_wait(WAIT_US), vector(1));
	wrmsr(X2APIC_TIMER, LVT_MASKED);
}

static void ioapic_write(unsigned reg, uint32_t value)
{
	write32(IOAPIC, reg);
	write32(IOAPIC + 0x10, value);
}

static void ioapic_pin(unsigned pin, uint32_t low)
{
	ioapic_write(0x11 + 2 * pin, 0);
	ioapic_write(0x10 + 2 * pin, low);
}

/* The serial port's transmitter is always empty: enabling its interrupt raises the line. */
static void line(void)
{
	write32(IOAPIC, 1);
	CHECK_EQ(read32(IOAPIC + 0x10) >> 16, 23);
	ioapic_pin(SERIAL_PIN, vector(2));
	CHECK_EQ(irq_wait(QUIET_US), 0);
	write8(SERIAL + UART_IER, UART_IER_TX);
	CHECK_EQ(irq_wait(WAIT_US), vector(2));
	CHECK_EQ(read8(SERIAL + UART_IIR) & 0xf, UART_IIR_TX);
	write8(SERIAL + UART_IER, 0);
	ioapic_pin(SERIAL_PIN, LVT_MASKED);
	CHECK_EQ(irq_wait(QUIET_US), 0);
}

static void start_others(const uint8_t *code, size_t len)
{
	memcpy((void *)TRAMPOLINE, code, len);
	wrmsr(X2APIC_ICR, ICR_INIT | ICR_ALL_BUT_SELF);
	wrmsr(X2APIC_ICR, ICR_STARTUP | ICR_ALL_BUT_SELF | TRAMPOLINE >> 12);
}

/* INIT and SIPI to all others; each counts itself in real mode and halts. */
static void other_cpus(void)
{
	static const uint8_t code[] = {
		0x31, 0xc0,			    /* xor ax, ax */
		0x8e, 0xd8,			    /* mov ds, ax */
		0x66, 0xb8, 0x00, 0xb0, 0x00, 0x00, /* mov eax, COUNTER */
		0x67, 0xf0, 0xff, 0x00,		    /* lock inc word [eax] */
		0xfa, 0xf4, 0xeb, 0xfc,		    /* cli; hlt; jmp */
	};
	volatile uint16_t *counter = (uint16_t *)COUNTER;

	*counter = 0;
	CHECK(!WAIT_FOR(*counter != 0, QUIET_US), "CPUs run that nobody has started");
	start_others(code, sizeof(code));
	CHECK(WAIT_FOR(*counter == CPUS - 1, WAIT_US), "%u of %u other CPUs have started", *counter, CPUS - 1);
}

static void reset_now(void)
{
	*(volatile uint64_t *)MARK = MARKED;
	write8(POWER + ACPI_POWER_RESET, ACPI_POWER_RESET_VALUE);
	for (;;)
		__asm__ volatile("hlt");
}

/* As Linux does it on a machine with hardware-reduced ACPI and no UEFI: from real mode into the BIOS. */
static void reset_by_bios(void)
{
	static const uint8_t code[] = {0xea, 0xf0, 0xff, 0x00, 0xf0}; /* jmp F000:FFF0 */

	*(volatile uint64_t *)MARK = MARKED + 1;
	write8(SERIAL + UART_SCR, 0x55);
	start_others(code, sizeof(code));
	CHECK(WAIT_FOR(false, WAIT_US), "the machine goes on");
}

/* After the reset: nothing of what was set before is left. */
static void reset(void)
{
	CHECK_EQ(apic_base_at_start, 0xfee00900);
	write32(IOAPIC, 0x10 + 2 * SERIAL_PIN);
	CHECK_EQ(read32(IOAPIC + 0x10), LVT_MASKED);
	CHECK_EQ(read8(SERIAL + UART_SCR), 0);
	CHECK_EQ(rdmsr(MSR_KVM_SYSTEM_TIME), 0);
	CHECK_EQ(rdmsr(X2APIC_TIMER), LVT_MASKED);
}

static const struct guest_case first_cases[] = {
	{"x86 start info", start_info}, {"x86 memory above 4 GiB", high_memory},
	{"x86 CPUID", features},	{"x86 ports", ports},
	{"x86 APIC timer", timer},	{"x86 line of the I/O APIC", line},
	{"x86 other CPUs", other_cpus},
};

static const struct guest_case second_cases[] = {
	{"x86 reset", reset},
	{"x86 other CPUs after a reset", other_cpus},
	{"x86 way to the BIOS", reset_by_bios}, /* fails if it returns */
};

static const struct guest_case third_cases[] = {
	{"x86 reset by the BIOS", reset},
};

void payload_main(void)
{
	if (!irq_init() || !irq_device(OURS, 8)) {
		print("FAIL x86: no x2APIC\n");
		return;
	}
	switch (*(volatile uint64_t *)MARK) {
	case MARKED:
		run_cases(second_cases, ARRAY_LEN(second_cases));
		break;
	case MARKED + 1:
		run_cases(third_cases, ARRAY_LEN(third_cases));
		break;
	default:
		run_cases(first_cases, ARRAY_LEN(first_cases));
		write8(SERIAL + UART_SCR, 0x55);
		reset_now();
	}
}
