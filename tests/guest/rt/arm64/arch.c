/* SPDX-License-Identifier: Apache-2.0 */
/* arm64: 1:1 page tables, exceptions, time, power-off by PSCI, and the way from the start to the payload. */
#include "rt.h"

#define SYSREG_READ(name)                                                                                              \
	({                                                                                                             \
		uint64_t v_;                                                                                           \
		__asm__ volatile("mrs %0, " #name : "=r"(v_));                                                         \
		v_;                                                                                                    \
	})
#define SYSREG_WRITE(name, v) __asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(v)) : "memory")

#define CONSOLE	    0x09000000u /* until the device tree has been read */
#define PSCI_OFF    0x84000008u
#define L1_TABLES   16u
#define TABLE	    3ull
#define BLOCK	    (1ull | 1ull << 10)	    /* AF */
#define NORMAL	    (1ull << 2 | 3ull << 8) /* MAIR 1, inner shareable */
#define DEVICE	    (3ull << 53)	    /* MAIR 0, no execution */
#define MAIR	    0xff00ull		    /* 0: nGnRnE, 1: write-back */
#define GIB	    (1ull << 30)
#define TCR_48BIT   16ull
#define TCR_WBWA_IS (1ull << 8 | 1ull << 10 | 3ull << 12)
#define TCR_EPD1    (1ull << 23)
#define TCR_IPS(x)  ((x) << 32)
#define SCTLR_M_C_I (1ull << 0 | 1ull << 2 | 1ull << 12)

extern char _head[], image_end[];

static uint64_t level0[512] __attribute__((aligned(4096)));
static uint64_t level1[L1_TABLES][512] __attribute__((aligned(4096)));
static unsigned nr_level1;

/* 1 GiB blocks. */
static void map_gib(uint64_t base, uint64_t attributes)
{
	uint64_t *entry = &level0[base >> 39 & 511];

	if (!*entry) {
		if (nr_level1 == L1_TABLES) {
			print("too many tables\n");
			power_off();
		}
		*entry = pa(level1[nr_level1++]) | TABLE;
	}
	uint64_t *block = &((uint64_t *)(*entry & ~0xfffull))[base >> 30 & 511];

	if (!*block)
		*block = (base & ~(GIB - 1)) | BLOCK | attributes;
}

static void map(uint64_t base, uint64_t size, uint64_t attributes)
{
	for (uint64_t at = base & ~(GIB - 1); at <= base + (size - 1); at += GIB)
		map_gib(at, attributes);
	__asm__ volatile("dsb ish; isb" ::: "memory");
}

void arch_map_device(uint64_t base, uint64_t size)
{
	map(base, size, DEVICE);
}

static void mmu_on(uint64_t ram, uint64_t size)
{
	map(0, GIB, DEVICE);
	map(ram, size, NORMAL);
	SYSREG_WRITE(mair_el1, MAIR);
	SYSREG_WRITE(tcr_el1, TCR_48BIT | TCR_WBWA_IS | TCR_EPD1 | TCR_IPS(SYSREG_READ(id_aa64mmfr0_el1) & 7));
	SYSREG_WRITE(ttbr0_el1, pa(level0));
	__asm__ volatile("dsb ish; tlbi vmalle1; dsb ish; isb" ::: "memory");
	SYSREG_WRITE(sctlr_el1, SYSREG_READ(sctlr_el1) | SCTLR_M_C_I);
	__asm__ volatile("isb" ::: "memory");
}

_Noreturn void power_off(void)
{
	register uint64_t x0 __asm__("x0") = PSCI_OFF;

	for (;;)
		__asm__ volatile("hvc #0" : "+r"(x0)::"memory");
}

uint64_t now_us(void)
{
	__asm__ volatile("isb" ::: "memory");
	return SYSREG_READ(cntvct_el0) * 1000000 / SYSREG_READ(cntfrq_el0);
}

_Noreturn void arch_exception(uint64_t which, const uint64_t *x);

_Noreturn void arch_exception(uint64_t which, const uint64_t *x)
{
	static bool again;

	if (again)
		power_off();
	again = true;
	print("\nFAIL exception %llu: ESR 0x%llx ELR 0x%llx (image + 0x%llx) FAR 0x%llx\n", (unsigned long long)which,
	      (unsigned long long)SYSREG_READ(esr_el1), (unsigned long long)SYSREG_READ(elr_el1),
	      (unsigned long long)(SYSREG_READ(elr_el1) - pa(_head)), (unsigned long long)SYSREG_READ(far_el1));
	for (unsigned i = 0; i < 31; i++)
		print("x%-2u %016llx%s", i, (unsigned long long)x[i], i % 4 == 3 ? "\n" : "  ");
	print("\n");
	power_off();
}

void arch_start(const void *blob);

void arch_start(const void *blob)
{
	uint64_t ram = 0x40000000, size = GIB, base, heap = pa(image_end), after = pa(blob) + fdt_size(blob);

	console_init(CONSOLE);
	fdt_init(blob);
	if (fdt_reg(fdt_find("arm,pl011", 0), 0, &base, &size))
		console_init(base);
	if (!fdt_reg(fdt_find_type("memory"), 0, &ram, &size)) {
		print("FAIL start: the device tree has no memory\n");
		power_off();
	}
	mmu_on(ram, size);
	memory_init(after > heap ? after : heap, ram + size - 1);
	payload_main();
	cases_done();
	power_off();
}
