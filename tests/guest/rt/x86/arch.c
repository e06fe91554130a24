/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64: the way from the start to the payload, exceptions, time, power-off by the sleep register. */
#include "acpi_power_regs.h"
#include "x86.h"
#include "pvh_regs.h"

#define SERIAL 0xfe000000u /* until the device tree has been read */
#define POWER  0xfe010000u
#define TABLES 8u
#define GIB    (1ull << 30)
#define TABLE  0x63ull /* present, writable, accessed, dirty */
#define LARGE  0xe3ull

/* What `save` in start.S leaves on the stack. */
struct frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

struct gate {
	uint16_t offset_low, selector, flags, offset_middle;
	uint32_t offset_high, reserved;
};

extern char vectors[], image_end[];
extern uint64_t level3[512];

const struct pvh_start_info *boot_info;
uint64_t apic_base_at_start;
static struct gate idt[256];
static uint64_t power = POWER;
static uint64_t tsc_mhz = 1000;

static void map_gib(uint64_t base)
{
	static uint64_t tables[TABLES][512] __attribute__((aligned(4096)));
	static unsigned used;

	if (level3[base / GIB])
		return;
	if (used == TABLES) {
		print("FAIL start: too many tables\n");
		power_off();
	}
	for (unsigned i = 0; i < 512; i++)
		tables[used][i] = (base + i * (GIB / 512)) | LARGE;
	level3[base / GIB] = pa(tables[used++]) | TABLE;
}

void arch_map_device(uint64_t base, uint64_t size)
{
	for (uint64_t at = base & ~(GIB - 1); at <= base + (size - 1); at += GIB) {
		if (at / GIB < 512) {
			map_gib(at);
			continue;
		}
		print("FAIL start: 0x%llx is beyond 512 GiB\n", (unsigned long long)at);
		power_off();
	}
}

_Noreturn void power_off(void)
{
	write8(power + ACPI_POWER_SLEEP_CONTROL,
	       (uint8_t)(field_prep32(ACPI_SLEEP_CONTROL_TYPE, ACPI_SLEEP_TYPE_S5) | ACPI_SLEEP_CONTROL_ENABLE));
	for (;;)
		__asm__ volatile("hlt");
}

uint64_t tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

uint64_t now_us(void)
{
	return tsc() / tsc_mhz;
}

void cpuid(uint32_t leaf, uint32_t sub, uint32_t out[4])
{
	__asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(sub));
}

uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* KVM tells the rate of the time stamp counter through its clock (Linux Documentation/virt/kvm/x86/msr.rst). */
static void clock_init(void)
{
	static struct {
		uint32_t version, pad;
		uint64_t tsc, system;
		uint32_t mul;
		int8_t shift;
		uint8_t flags, pad2[2];
	} clock __attribute__((aligned(64)));
	uint64_t ns;

	wrmsr(MSR_KVM_SYSTEM_TIME, pa(&clock) | 1);
	if (*(volatile uint32_t *)&clock.mul == 0)
		return;
	/* ns = (tsc << shift) * mul >> 32, so one MHz is 1000 * 2^32 / mul >> shift */
	ns = (1000ull << 32) / clock.mul;
	tsc_mhz = clock.shift >= 0 ? ns >> clock.shift : ns << -clock.shift;
	wrmsr(MSR_KVM_SYSTEM_TIME, 0);
}

void arch_vector(const struct frame *f);

void arch_vector(const struct frame *f)
{
	static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "r8",
					    "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
	static bool again;
	uint64_t cr2;

	if (f->vector >= 32) {
		irq_taken((unsigned)f->vector);
		return;
	}
	if (again)
		power_off();
	again = true;
	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	print("\nFAIL exception %llu: error 0x%llx RIP 0x%llx CR2 0x%llx RSP 0x%llx\n", (unsigned long long)f->vector,
	      (unsigned long long)f->error, (unsigned long long)f->rip, (unsigned long long)cr2,
	      (unsigned long long)f->rsp);
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		print("%s %016llx%s", names[i], (unsigned long long)(&f->rax)[-(int)i], i % 4 == 3 ? "\n" : "  ");
	print("\n");
	power_off();
}

static void idt_init(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = {sizeof(idt) - 1, pa(idt)};

	for (unsigned i = 0; i < 256; i++) {
		uint64_t at = pa(vectors) + 16 * i;

		idt[i] = (struct gate){(uint16_t)at, 0x08, 0x8e00, (uint16_t)(at >> 16), (uint32_t)(at >> 32), 0};
	}
	__asm__ volatile("lidt %0" ::"m"(pointer));
}

/* The device tree is the last module. */
static const void *find_tree(const struct pvh_start_info *info, uint64_t *end)
{
	const struct pvh_module *m = (const struct pvh_module *)info->modules;

	if (info->magic != PVH_MAGIC || info->nr_modules == 0)
		return NULL;
	m += info->nr_modules - 1;
	*end = m->address + m->size;
	return (const void *)m->address;
}

void arch_start(const struct pvh_start_info *info);

void arch_start(const struct pvh_start_info *info)
{
	uint64_t ram, size, base, after = 0, heap = pa(image_end);
	const void *blob;

	boot_info = info;
	apic_base_at_start = rdmsr(MSR_APIC_BASE);
	console_init(SERIAL);
	idt_init();
	blob = find_tree(info, &after);
	if (!blob) {
		print("FAIL start: no device tree\n");
		power_off();
	}
	fdt_init(blob);
	if (fdt_reg(fdt_find("ns16550a", 0), 0, &base, &size))
		console_init(base);
	if (fdt_reg(fdt_find("aerie,acpi-power", 0), 0, &base, &size))
		power = base;
	if (!fdt_reg(fdt_find_type("memory"), 0, &ram, &size)) {
		print("FAIL start: the device tree has no memory\n");
		power_off();
	}
	clock_init();
	memory_init(after > heap ? after : heap, ram + size - 1);
	payload_main();
	cases_done();
	power_off();
}
