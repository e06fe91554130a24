/* SPDX-License-Identifier: Apache-2.0 */
#include "pl011.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_regs.h"
#include "acpi_serial.h"
#include "bus.h"
#include "console.h"
#include "device.h"
#include "fdtw.h"
#include "irq.h"
#include "log.h"
#include "pl011_regs.h"
#include "regtable.h"
#include "stats.h"

#define FIFO_DEPTH 32u /* r1p5; older revisions have 16 */

/* Reads of UARTFR without a write of UARTDR in between that make a guest one that polls for input. */
#define POLLING_READS 16u

enum {
	DR,
	RSR,
	FR,
	ILPR,
	IBRD,
	FBRD,
	LCR_H,
	CR,
	IFLS,
	IMSC,
	RIS,
	MIS,
	ICR,
	DMACR,
	ID0,
	NR_REGS = ID0 + 8,
};

/* Guarded by the device lock. */
struct pl011 {
	struct device dev;
	struct bus_window window;
	struct bus *bus;
	struct irq_line irq;
	struct console *console;
	uint64_t base;
	bool line;	   /* level last driven on irq */
	bool overrun;	   /* a byte was lost since the last read of UARTDR */
	unsigned fr_reads; /* see POLLING_READS */
	unsigned rx_head;
	unsigned rx_len;
	uint8_t rx[FIFO_DEPTH];
	uint64_t values[NR_REGS];
};

static struct pl011 *pl011_of(struct device *dev)
{
	return container_of(dev, struct pl011, dev);
}

/* One level line for all interrupts: UARTINTR (2.8). */
static void update_line(struct pl011 *p)
{
	bool line = (p->values[RIS] & p->values[IMSC]) != 0;

	if (line != p->line)
		irq_line_set(&p->irq, line);
	p->line = line;
}

/* ---- receiver ---- */

static unsigned rx_depth(const struct pl011 *p)
{
	return p->values[LCR_H] & PL011_LCR_H_FEN ? FIFO_DEPTH : 1; /* 3.3.7: FEN = 0, one-byte holding register */
}

/* Bytes at which UARTRXINTR is raised (3.3.9); the reserved encodings behave like the highest level. */
static unsigned rx_trigger(const struct pl011 *p)
{
	static const uint8_t eighths[8] = {1, 2, 4, 6, 7, 7, 7, 7};

	if (rx_depth(p) == 1)
		return 1;
	return FIFO_DEPTH / 8 * eighths[field_get32(PL011_IFLS_RX, (uint32_t)p->values[IFLS])];
}

static void rx_push(struct pl011 *p, uint8_t byte)
{
	if (p->rx_len == rx_depth(p)) {
		p->overrun = true;
		p->values[RIS] |= PL011_INT_OE;
		return;
	}
	p->rx[(p->rx_head + p->rx_len++) % FIFO_DEPTH] = byte;
	if (p->rx_len >= rx_trigger(p))
		p->values[RIS] |= PL011_INT_RX;
	/* UARTRTINTR comes 32 bit times after the last byte (2.8.4); in our line's time that is now. */
	p->values[RIS] |= PL011_INT_RT;
}

static uint32_t rx_pop(struct pl011 *p)
{
	uint32_t status = p->overrun ? PL011_RSR_OE : 0;
	uint8_t byte = p->rx[p->rx_head];

	p->overrun = false;
	p->values[RSR] = status;
	if (p->rx_len > 0) {
		p->rx_head = (p->rx_head + 1) % FIFO_DEPTH;
		p->rx_len--;
	}
	if (p->rx_len < rx_trigger(p))
		p->values[RIS] &= ~(uint64_t)PL011_INT_RX;
	if (p->rx_len == 0)
		p->values[RIS] &= ~(uint64_t)PL011_INT_RT;
	return byte | status << PL011_DR_OE_SHIFT;
}

/*
 * The sender waits until somebody listens: drivers empty the receive FIFO when they start, and what was typed or piped
 * in before would be lost. A guest listens when it has unmasked a receive interrupt, or polls.
 */
static size_t console_room(void *dev)
{
	const struct pl011 *p = dev;
	uint64_t cr = p->values[CR];
	bool listens = (p->values[IMSC] & (PL011_INT_RX | PL011_INT_RT)) || p->fr_reads >= POLLING_READS;

	if (!(cr & PL011_CR_UARTEN) || !(cr & PL011_CR_RXE) || (cr & PL011_CR_LBE) || !listens)
		return 0;
	return p->rx_len < rx_depth(p) ? rx_depth(p) - p->rx_len : 0;
}

static void console_input(void *dev, const uint8_t *data, size_t len)
{
	struct pl011 *p = dev;

	for (size_t i = 0; i < len; i++)
		rx_push(p, data[i]);
	update_line(p);
}

/* ---- transmitter ---- */

/* The FIFO has fallen through its trigger level (2.8.3): it is as good as always empty. */
static void console_output_ready(void *dev)
{
	struct pl011 *p = dev;

	p->values[RIS] |= PL011_INT_TX;
	update_line(p);
}

static const struct console_client console_client = {
	.room = console_room,
	.input = console_input,
	.output_ready = console_output_ready,
};

/* UARTEN and TXE are not asked for: early consoles write to a UART that firmware has enabled, and we are the firmware.
 */
static void transmit(struct pl011 *p, uint8_t byte)
{
	if (p->values[CR] & PL011_CR_LBE) {
		rx_push(p, byte);
	} else {
		stats_stamp(&stats.phase.first_console_output);
		stats_inc(&stats.console_bytes_out);
		console_write(p->console, byte);
	}
	/* While the console is full the interrupt waits for console_output_ready(). */
	if (console_can_write(p->console))
		p->values[RIS] |= PL011_INT_TX;
	else
		p->values[RIS] &= ~(uint64_t)PL011_INT_TX;
}

/* ---- register hooks ---- */

static uint64_t read_dr(void *dev, unsigned index, uint64_t stored)
{
	struct pl011 *p = dev;
	uint32_t value = rx_pop(p);

	console_pull(p->console);
	update_line(p);
	return value;
}

static void written_dr(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct pl011 *p = dev;

	p->fr_reads = 0;
	transmit(p, (uint8_t)now);
	update_line(p);
}

/* UARTECR: a write of any value clears the errors (3.3.2). */
static void written_ecr(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct pl011 *p = dev;

	p->values[RSR] = 0;
	p->overrun = false;
}

/* The other end is always there and ready; in loopback the modem inputs are our own outputs (3.3.8, LBE). */
static uint64_t modem_status(const struct pl011 *p)
{
	uint64_t cr = p->values[CR];

	if (!(cr & PL011_CR_LBE))
		return PL011_FR_CTS | PL011_FR_DSR | PL011_FR_DCD;
	return (cr & PL011_CR_RTS ? PL011_FR_CTS : 0) | (cr & PL011_CR_DTR ? PL011_FR_DSR : 0) |
	       (cr & PL011_CR_OUT1 ? PL011_FR_DCD : 0) | (cr & PL011_CR_OUT2 ? PL011_FR_RI : 0);
}

static uint64_t read_fr(void *dev, unsigned index, uint64_t stored)
{
	struct pl011 *p = dev;
	uint64_t flags = modem_status(p);

	if (p->fr_reads < POLLING_READS)
		p->fr_reads++;
	if (p->fr_reads == POLLING_READS && p->rx_len == 0)
		console_pull(p->console);
	flags |= console_can_write(p->console) ? PL011_FR_TXFE : PL011_FR_TXFF;
	if (p->rx_len == 0)
		flags |= PL011_FR_RXFE;
	if (p->rx_len == rx_depth(p))
		flags |= PL011_FR_RXFF;
	return flags;
}

/* A change of FEN flushes the FIFOs (3.3.7). */
static void written_lcr_h(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct pl011 *p = dev;

	if (!((old ^ now) & PL011_LCR_H_FEN))
		return;
	p->rx_head = p->rx_len = 0;
	p->values[RIS] &= ~(uint64_t)(PL011_INT_RX | PL011_INT_RT);
	console_pull(p->console);
	update_line(p);
}

/* UARTCR, UARTIMSC and UARTIFLS: the receiver may be able to take what waits. */
static void written_control(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct pl011 *p = dev;

	console_pull(p->console);
	update_line(p);
}

static uint64_t read_mis(void *dev, unsigned index, uint64_t stored)
{
	const struct pl011 *p = dev;

	return p->values[RIS] & p->values[IMSC];
}

static uint64_t read_zero(void *dev, unsigned index, uint64_t stored)
{
	return 0; /* write-only register */
}

static void written_icr(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct pl011 *p = dev;

	p->values[RIS] &= ~now;
	p->values[ICR] = 0;
	update_line(p);
}

/* Drivers use 8-, 16- and 32-bit accesses alike (reg-io-width). */
#define ROW(reg, reset_, rw_, ...)                                                                                     \
	{                                                                                                              \
		.offset = PL011_##reg, .width = REG32, .name = #reg, .reset = (reset_), .rw = (rw_), .min_size = 1,    \
		__VA_ARGS__                                                                                            \
	}
#define ID_ROW(n, value)                                                                                               \
	{                                                                                                              \
		.offset = PL011_ID + 4 * (n), .width = REG32, .name = "ID" #n, .reset = (value), .min_size = 1         \
	}

static const struct reg_row rows[NR_REGS] = {
	[DR] = ROW(DR, 0, 0xff, .read = read_dr, .written = written_dr),
	[RSR] = ROW(RSR, 0, 0, .written = written_ecr),
	[FR] = ROW(FR, 0, 0, .read = read_fr),
	[ILPR] = ROW(ILPR, 0, 0xff),
	[IBRD] = ROW(IBRD, 0, 0xffff),
	[FBRD] = ROW(FBRD, 0, 0x3f),
	[LCR_H] = ROW(LCR_H, 0, PL011_LCR_H_ALL, .written = written_lcr_h),
	[CR] = ROW(CR, PL011_CR_TXE | PL011_CR_RXE, PL011_CR_ALL, .written = written_control),
	[IFLS] = ROW(IFLS, 0x12, PL011_IFLS_ALL, .written = written_control),
	[IMSC] = ROW(IMSC, 0, PL011_INT_ALL, .written = written_control),
	[RIS] = ROW(RIS, 0, 0),
	[MIS] = ROW(MIS, 0, 0, .read = read_mis),
	[ICR] = ROW(ICR, 0, PL011_INT_ALL, .read = read_zero, .written = written_icr),
	[DMACR] = ROW(DMACR, 0, 0x7), /* no DMA controller is wired to it */
	/* Part number 0x011, designer 0x41 (Arm), revision 3, configuration 0; PrimeCell (3.3.15-3.3.16) */
	[ID0] = ID_ROW(0, 0x11),
	ID_ROW(1, 0x10),
	ID_ROW(2, 0x34),
	ID_ROW(3, 0x00),
	ID_ROW(4, 0x0d),
	ID_ROW(5, 0xf0),
	ID_ROW(6, 0x05),
	ID_ROW(7, 0xb1),
};

/* ---- device ---- */

static enum bus_verdict pl011_access(struct bus_window *window, struct bus_access *access)
{
	struct pl011 *p = container_of(window, struct pl011, window);

	return regtable_access(rows, NR_REGS, p->values, p, access);
}

static int pl011_reset(struct device *dev)
{
	struct pl011 *p = pl011_of(dev);

	bus_lock(p->bus);
	regtable_reset(rows, NR_REGS, p->values);
	p->rx_head = p->rx_len = 0;
	p->overrun = false;
	p->fr_reads = 0;
	/* Driven whatever it was: the interrupt controller may have been reset too. */
	p->line = false;
	irq_line_set(&p->irq, false);
	bus_unlock(p->bus);
	return 0;
}

static void pl011_describe(struct device *dev, struct fdtw *fdt)
{
	const struct pl011 *p = pl011_of(dev);

	fdtw_begin(fdt, PL011_NODE_NAME, (unsigned long long)p->base);
	fdtw_strings(fdt, "compatible", "arm,pl011\0arm,primecell", sizeof("arm,pl011\0arm,primecell"));
	fdtw_reg(fdt, p->base, PL011_SIZE);
	fdtw_u32(fdt, "interrupt-parent", FDTW_PHANDLE_GIC);
	FDTW_CELLS(fdt, "interrupts", FDTW_GIC_SPI, p->irq.intid - 32, FDTW_IRQ_LEVEL);
	FDTW_CELLS(fdt, "clocks", FDTW_PHANDLE_CLOCK, FDTW_PHANDLE_CLOCK);
	fdtw_strings(fdt, "clock-names", "uartclk\0apb_pclk", sizeof("uartclk\0apb_pclk"));
	fdtw_end(fdt);
}

static void pl011_describe_acpi(struct device *dev, struct acpi *acpi)
{
	const struct pl011 *p = pl011_of(dev);

	acpi_serial(acpi, &(struct acpi_serial){
				  .hid = "ARMH0011",
				  .type = ACPI_SERIAL_PL011,
				  .register_bytes = 4,
				  .registers = {.first = p->base, .last = p->base + PL011_SIZE - 1},
				  .gsi = p->irq.gsiv,
			  });
}

static void pl011_destroy(struct device *dev)
{
	struct pl011 *p = pl011_of(dev);

	bus_lock(p->bus);
	console_attach(p->console, NULL, NULL);
	bus_remove(p->bus, &p->window);
	bus_unlock(p->bus);
	free(p);
}

static const struct device_class pl011_class = {
	.name = "pl011",
	.reset = pl011_reset,
	.describe = pl011_describe,
	.describe_acpi = pl011_describe_acpi,
	.destroy = pl011_destroy,
};

int pl011_create(struct device **out, struct bus *bus, uint64_t base, const struct irq_line *irq,
		 struct console *console)
{
	struct pl011 *p = calloc(1, sizeof(*p));

	if (!p)
		return log_fail(-ENOMEM, "out of memory for the serial port");
	*p = (struct pl011){.dev = {.class = &pl011_class, .id = "serial0"},
			    .bus = bus,
			    .irq = *irq,
			    .console = console,
			    .base = base};
	p->window.handler = pl011_access;
	p->window.name = "pl011";
	regtable_reset(rows, NR_REGS, p->values);
	bus_lock(bus);
	int err = bus_add(bus, &p->window, base, PL011_SIZE);
	if (!err)
		console_attach(console, &console_client, p);
	bus_unlock(bus);
	if (err) {
		free(p);
		return log_fail(err, "cannot place the serial port at 0x%" PRIx64 ": %s", base, strerror(-err));
	}
	*out = &p->dev;
	return 0;
}
