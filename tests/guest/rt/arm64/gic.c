/* SPDX-License-Identifier: Apache-2.0 */
/* GICv3 with its ITS (Arm IHI 0069), for message-signalled interrupts only. Interrupts are never taken as exceptions:
 * irq_poll() asks the CPU interface. */
#include "rt.h"

#define GICD_CTLR	  0x0000u
#define GICD_CTLR_ON	  0x12u /* ARE_NS, EnableGrp1A */
#define GICR_CTLR	  0x0000u
#define GICR_CTLR_LPIS	  BIT32(0)
#define GICR_WAKER	  0x0014u
#define GICR_WAKER_SLEEP  BIT32(1)
#define GICR_WAKER_ASLEEP BIT32(2)
#define GICR_PROPBASER	  0x0070u
#define GICR_PENDBASER	  0x0078u
#define GITS_CTLR	  0x0000u
#define GITS_TYPER	  0x0008u
#define GITS_CBASER	  0x0080u
#define GITS_CWRITER	  0x0088u
#define GITS_CREADR	  0x0090u
#define GITS_BASER	  0x0100u
#define GITS_TRANSLATER	  0x10040u

#define CACHED	      (7ull << 7 | 1ull << 10) /* write-back, inner shareable */
#define VALID	      BIT64(63)
#define LPI_FIRST     8192u
#define LPI_BITS      14u   /* 8192 LPIs */
#define LPI_CONFIG    0xa1u /* priority 0xa0, enabled */
#define BASER_TYPE    MASK64(58, 56)
#define BASER_DEVICES 1u
#define BASER_ENTRY   MASK64(52, 48)
#define BASER_PAGES   64u
#define MAX_DEVICES   8u

static uint64_t its, queue, collection;
static unsigned next_lpi = LPI_FIRST;
static struct {
	uint32_t id, first, n;
} devices[MAX_DEVICES];
static unsigned nr_devices;

static void command(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t at = read64(its + GITS_CWRITER);
	uint64_t *slot = (uint64_t *)(queue + at);

	slot[0] = a;
	slot[1] = b;
	slot[2] = c;
	slot[3] = 0;
	at = (at + 32) % PAGE;
	write64(its + GITS_CWRITER, at);
	if (!WAIT_FOR(read64(its + GITS_CREADR) == at, 5000000))
		fail("the ITS does not take command 0x%llx", (unsigned long long)a);
}

static void its_tables(void)
{
	for (unsigned i = 0; i < 8; i++) {
		uint64_t baser = read64(its + GITS_BASER + 8 * i);

		if (field_get(BASER_TYPE, baser) == 0)
			continue;
		/* Flat, 64 KiB pages: one holds 8192 devices of 8 bytes, BASER_PAGES of 4 KiB hold more. */
		write64(its + GITS_BASER + 8 * i, (baser & (BASER_TYPE | BASER_ENTRY)) | VALID | CACHED |
							  pa(pages(BASER_PAGES)) | (BASER_PAGES - 1));
	}
}

static void redistributor(uint64_t gicr)
{
	uint8_t *config = pages(2);
	void *pending = aligned(65536);

	for (unsigned i = 0; i < 8192; i++)
		config[i] = LPI_CONFIG;
	write32(gicr + GICR_WAKER, read32(gicr + GICR_WAKER) & ~GICR_WAKER_SLEEP);
	WAIT_FOR(!(read32(gicr + GICR_WAKER) & GICR_WAKER_ASLEEP), 100000);
	write64(gicr + GICR_PROPBASER, pa(config) | CACHED | (LPI_BITS - 1));
	write64(gicr + GICR_PENDBASER, pa(pending) | CACHED | BIT64(62));
	write32(gicr + GICR_CTLR, GICR_CTLR_LPIS);
}

static void cpu_interface(void)
{
	__asm__ volatile("msr S3_0_C12_C12_5, %0" ::"r"(1ull)); /* ICC_SRE_EL1 */
	__asm__ volatile("isb");
	__asm__ volatile("msr S3_0_C4_C6_0, %0" ::"r"(0xffull)); /* ICC_PMR_EL1 */
	__asm__ volatile("msr S3_0_C12_C12_7, %0" ::"r"(1ull));	 /* ICC_IGRPEN1_EL1 */
	__asm__ volatile("isb");
}

bool irq_init(void)
{
	struct fdt_node gic = fdt_find("arm,gic-v3", 0), node = fdt_find("arm,gic-v3-its", 0);
	uint64_t gicd, gicr, size;

	if (!fdt_reg(gic, 0, &gicd, &size) || !fdt_reg(gic, 1, &gicr, &size) || !fdt_reg(node, 0, &its, &size))
		return false;
	write32(gicd + GICD_CTLR, GICD_CTLR_ON);
	redistributor(gicr);
	cpu_interface();
	its_tables();
	queue = pa(pages(1));
	write64(its + GITS_CBASER, VALID | CACHED | queue);
	write64(its + GITS_CWRITER, 0);
	write32(its + GITS_CTLR, 1);
	/* PTA: redistributors are named by address, else by number */
	collection = read64(its + GITS_TYPER) & BIT64(19) ? gicr & ~0xffffull : 0;
	command(0x09, 0, collection | VALID); /* MAPC */
	return true;
}

uint64_t irq_doorbell(void)
{
	return its ? its + GITS_TRANSLATER : 0;
}

bool irq_device(uint32_t device, unsigned n)
{
	unsigned bits = 1;

	for (unsigned i = 0; i < nr_devices; i++)
		if (devices[i].id == device)
			return n <= devices[i].n;
	while (1u << bits < n)
		bits++;
	if (!its || nr_devices == MAX_DEVICES || next_lpi + n > LPI_FIRST + 8192)
		return false;
	devices[nr_devices++] = (typeof(devices[0])){device, next_lpi, n};
	command(0x08 | (uint64_t)device << 32, bits - 1,
		pa(aligned((32ull << bits) < PAGE ? PAGE : 32ull << bits)) | VALID); /* MAPD */
	for (unsigned e = 0; e < n; e++) {
		command(0x0a | (uint64_t)device << 32, e | (uint64_t)(next_lpi + e) << 32, 0); /* MAPTI */
		command(0x0c | (uint64_t)device << 32, e, 0);				       /* INV */
	}
	command(0x05, 0, collection); /* SYNC */
	next_lpi += n;
	return !failed();
}

uint32_t irq_number(uint32_t device, unsigned event)
{
	for (unsigned i = 0; i < nr_devices; i++)
		if (devices[i].id == device && event < devices[i].n)
			return devices[i].first + event;
	return 0;
}

/* The ITS knows the device from its id. */
uint32_t irq_data(uint32_t device, unsigned event)
{
	(void)device;
	return event;
}

uint32_t irq_poll(void)
{
	uint64_t id;

	__asm__ volatile("mrs %0, S3_0_C12_C12_0; dsb sy" : "=r"(id)::"memory"); /* ICC_IAR1_EL1 */
	if (id >= 1020 && id < LPI_FIRST)
		return 0;
	__asm__ volatile("msr S3_0_C12_C12_1, %0; isb" ::"r"(id) : "memory"); /* ICC_EOIR1_EL1 */
	return (uint32_t)id;
}

uint32_t irq_wait(uint64_t us)
{
	uint32_t id = 0;

	WAIT_FOR((id = irq_poll()) != 0, us);
	return id;
}
