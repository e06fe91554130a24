/* SPDX-License-Identifier: Apache-2.0 */
#include "uart16550.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_regs.h"
#include "acpi_serial.h"
#include "bits.h"
#include "bus.h"
#include "console.h"
#include "device.h"
#include "fdtw.h"
#include "irq.h"
#include "log.h"
#include "stats.h"
#include "uart16550_regs.h"

#define FIFO_DEPTH 16u
#define CLOCK_HZ   1843200u

/* Reads of LSR without a write of THR in between that make a guest one that polls for input. */
#define POLLING_READS 16u

/* Guarded by the device lock. */
struct uart16550 {
	struct device dev;
	struct bus_window window, ports;
	struct bus *bus;
	struct irq_line irq;
	struct console *console;
	struct uart16550_place place;
	bool line;	    /* level last driven on irq */
	bool overrun;	    /* a byte was lost since the last read of LSR */
	bool tx_pending;    /* the transmitter has become empty and nobody has been told */
	unsigned lsr_reads; /* see POLLING_READS */
	unsigned rx_head, rx_len;
	uint8_t rx[FIFO_DEPTH];
	uint8_t ier, fcr, lcr, mcr, msr_delta, scr, divisor[2];
};

static struct uart16550 *uart_of(struct device *dev)
{
	return container_of(dev, struct uart16550, dev);
}

/* ---- interrupts ---- */

static unsigned rx_depth(const struct uart16550 *u)
{
	return u->fcr & UART_FCR_ENABLE ? FIFO_DEPTH : 1;
}

static unsigned rx_trigger(const struct uart16550 *u)
{
	static const uint8_t bytes[4] = {1, 4, 8, 14};

	return u->fcr & UART_FCR_ENABLE ? bytes[field_get32(UART_FCR_TRIGGER, u->fcr)] : 1;
}

/* The most urgent cause (8.6.3, table III). The character timeout comes four characters after the last byte; in our
 * line's time that is now. */
static uint8_t cause(const struct uart16550 *u)
{
	if ((u->ier & UART_IER_LSR) && u->overrun)
		return UART_IIR_LSR;
	if ((u->ier & UART_IER_RX) && u->rx_len > 0)
		return u->rx_len >= rx_trigger(u) ? UART_IIR_RX : UART_IIR_TIMEOUT;
	if ((u->ier & UART_IER_TX) && u->tx_pending)
		return UART_IIR_TX;
	if ((u->ier & UART_IER_MSR) && u->msr_delta)
		return UART_IIR_MSR;
	return UART_IIR_NONE;
}

static void update_line(struct uart16550 *u)
{
	bool line = cause(u) != UART_IIR_NONE;

	if (line != u->line)
		irq_line_set(&u->irq, line);
	u->line = line;
}

/* ---- the console's side ---- */

static void rx_push(struct uart16550 *u, uint8_t byte)
{
	if (u->rx_len == rx_depth(u))
		u->overrun = true;
	else
		u->rx[(u->rx_head + u->rx_len++) % FIFO_DEPTH] = byte;
}

/* As for the PL011: the sender waits until somebody listens, by an interrupt or by polling. */
static size_t console_room(void *dev)
{
	const struct uart16550 *u = dev;
	bool listens = (u->ier & UART_IER_RX) || u->lsr_reads >= POLLING_READS;

	if ((u->mcr & UART_MCR_LOOP) || !listens)
		return 0;
	return u->rx_len < rx_depth(u) ? rx_depth(u) - u->rx_len : 0;
}

static void console_input(void *dev, const uint8_t *data, size_t len)
{
	struct uart16550 *u = dev;

	for (size_t i = 0; i < len; i++)
		rx_push(u, data[i]);
	update_line(u);
}

static void console_output_ready(void *dev)
{
	struct uart16550 *u = dev;

	u->tx_pending = true;
	update_line(u);
}

static const struct console_client console_client = {
	.room = console_room,
	.input = console_input,
	.output_ready = console_output_ready,
};

/* ---- registers ---- */

static uint8_t read_data(struct uart16550 *u)
{
	uint8_t byte = u->rx[u->rx_head];

	if (u->rx_len > 0) {
		u->rx_head = (u->rx_head + 1) % FIFO_DEPTH;
		u->rx_len--;
	}
	console_pull(u->console);
	return byte;
}

static void write_data(struct uart16550 *u, uint8_t byte)
{
	u->lsr_reads = 0;
	if (u->mcr & UART_MCR_LOOP) {
		rx_push(u, byte);
	} else {
		stats_stamp(&stats.phase.first_console_output);
		stats_inc(&stats.console_bytes_out);
		console_write(u->console, byte);
	}
	/* While the console is full the interrupt waits for console_output_ready(). */
	u->tx_pending = console_can_write(u->console);
}

static uint8_t read_iir(struct uart16550 *u)
{
	uint8_t id = cause(u);

	if (id == UART_IIR_TX)
		u->tx_pending = false;
	return (uint8_t)(id | (u->fcr & UART_FCR_ENABLE ? UART_IIR_FIFOS : 0));
}

static void write_ier(struct uart16550 *u, uint8_t value)
{
	/* Enabling the transmitter's interrupt while it is empty raises it at once (8.4, note). */
	if ((value & UART_IER_TX) && !(u->ier & UART_IER_TX) && console_can_write(u->console))
		u->tx_pending = true;
	u->ier = value & UART_IER_ALL;
	console_pull(u->console);
}

static void write_fcr(struct uart16550 *u, uint8_t value)
{
	/* A change of the enable bit empties the FIFOs; the other bits count only while it is set (8.5). */
	if (((u->fcr ^ value) & UART_FCR_ENABLE) || (value & UART_FCR_RESET_R))
		u->rx_head = u->rx_len = 0;
	u->fcr = value & UART_FCR_ENABLE ? value & (UART_FCR_ENABLE | UART_FCR_TRIGGER) : 0;
	console_pull(u->console);
}

static uint8_t read_lsr(struct uart16550 *u)
{
	uint8_t value = u->overrun ? UART_LSR_OE : 0;

	u->overrun = false;
	if (u->lsr_reads < POLLING_READS)
		u->lsr_reads++;
	if (u->lsr_reads == POLLING_READS && u->rx_len == 0)
		console_pull(u->console);
	if (u->rx_len > 0)
		value |= UART_LSR_READY;
	if (console_can_write(u->console))
		value |= UART_LSR_THRE | UART_LSR_TEMT;
	return value;
}

/* The other end is always there and ready; in loopback the inputs are our own outputs (8.7). */
static uint8_t modem_lines(const struct uart16550 *u)
{
	if (!(u->mcr & UART_MCR_LOOP))
		return UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD;
	return (uint8_t)((u->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) | (u->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
			 (u->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) | (u->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0));
}

static void write_mcr(struct uart16550 *u, uint8_t value)
{
	uint8_t before = modem_lines(u), after, changed;

	u->mcr = value & UART_MCR_ALL;
	after = modem_lines(u);
	changed = (uint8_t)((before ^ after) >> 4);
	if (after & UART_MSR_RI)
		changed &= (uint8_t)~UART_MSR_TERI;
	u->msr_delta |= changed;
	console_pull(u->console);
}

static uint8_t read_msr(struct uart16550 *u)
{
	uint8_t value = modem_lines(u) | u->msr_delta;

	u->msr_delta = 0;
	return value;
}

static uint8_t read_reg(struct uart16550 *u, unsigned reg)
{
	bool dlab = u->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_DATA:
		return dlab ? u->divisor[0] : read_data(u);
	case UART_IER:
		return dlab ? u->divisor[1] : u->ier;
	case UART_IIR:
		return read_iir(u);
	case UART_LCR:
		return u->lcr;
	case UART_MCR:
		return u->mcr;
	case UART_LSR:
		return read_lsr(u);
	case UART_MSR:
		return read_msr(u);
	default:
		return u->scr;
	}
}

static void write_reg(struct uart16550 *u, unsigned reg, uint8_t value)
{
	bool dlab = u->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_DATA:
	case UART_IER:
		if (dlab)
			u->divisor[reg] = value;
		else if (reg == UART_DATA)
			write_data(u, value);
		else
			write_ier(u, value);
		break;
	case UART_IIR:
		write_fcr(u, value);
		break;
	case UART_LCR:
		u->lcr = value;
		break;
	case UART_MCR:
		write_mcr(u, value);
		break;
	case UART_SCR:
		u->scr = value;
		break;
	default: /* LSR and MSR: for factory tests only (8.6) */
		break;
	}
}

/* ---- device ---- */

static enum bus_verdict uart_access(struct uart16550 *u, struct bus_access *access)
{
	if (access->offset > UART_SCR)
		return BUS_UNHANDLED;
	if (access->size != 1)
		return BUS_BAD;
	if (access->is_write)
		write_reg(u, (unsigned)access->offset, (uint8_t)access->value);
	else
		access->value = read_reg(u, (unsigned)access->offset);
	update_line(u);
	return BUS_HANDLED;
}

static enum bus_verdict memory_access(struct bus_window *window, struct bus_access *access)
{
	return uart_access(container_of(window, struct uart16550, window), access);
}

static enum bus_verdict port_access(struct bus_window *window, struct bus_access *access)
{
	return uart_access(container_of(window, struct uart16550, ports), access);
}

static int uart_reset(struct device *dev)
{
	struct uart16550 *u = uart_of(dev);

	bus_lock(u->bus);
	u->ier = u->fcr = u->lcr = u->mcr = u->msr_delta = u->scr = 0;
	u->divisor[0] = u->divisor[1] = 0;
	u->rx_head = u->rx_len = 0;
	u->overrun = u->tx_pending = false;
	u->lsr_reads = 0;
	/* Driven whatever it was: the interrupt controller may have been reset too. */
	u->line = false;
	irq_line_set(&u->irq, false);
	bus_unlock(u->bus);
	return 0;
}

static void uart_describe(struct device *dev, struct fdtw *fdt)
{
	const struct uart16550 *u = uart_of(dev);

	fdtw_begin(fdt, "serial@%" PRIx64, u->place.base);
	fdtw_string(fdt, "compatible", "ns16550a");
	fdtw_reg(fdt, u->place.base, UART16550_SIZE);
	FDTW_CELLS(fdt, "interrupts", FDTW_GIC_SPI, u->irq.intid - FDTW_FIRST_SPI, FDTW_IRQ_LEVEL);
	fdtw_u32(fdt, "clock-frequency", CLOCK_HZ);
	fdtw_end(fdt);
}

static void uart_describe_acpi(struct device *dev, struct acpi *acpi)
{
	const struct uart16550 *u = uart_of(dev);

	acpi_serial(acpi, &(struct acpi_serial){
				  .hid = "PNP0501",
				  .type = ACPI_SERIAL_16550,
				  .register_bytes = 1,
				  .registers = {.first = u->place.base, .last = u->place.base + UART16550_SIZE - 1},
				  .port = u->place.port_base ? u->place.port : 0,
				  .ports = UART16550_PORTS,
				  .gsi = u->irq.gsiv,
			  });
}

static void uart_destroy(struct device *dev)
{
	struct uart16550 *u = uart_of(dev);

	bus_lock(u->bus);
	console_attach(u->console, NULL, NULL);
	bus_remove(u->bus, &u->window);
	bus_remove(u->bus, &u->ports);
	bus_unlock(u->bus);
	free(u);
}

static const struct device_class uart_class = {
	.name = "16550",
	.reset = uart_reset,
	.describe = uart_describe,
	.describe_acpi = uart_describe_acpi,
	.destroy = uart_destroy,
};

/* Onto the bus. */
static int place(struct uart16550 *u)
{
	int err = bus_add(u->bus, &u->window, u->place.base, UART16550_SIZE);

	if (err == 0 && u->place.port_base)
		err = bus_add(u->bus, &u->ports, u->place.port_base + u->place.port, UART16550_PORTS);
	if (err == 0)
		console_attach(u->console, &console_client, u);
	else
		bus_remove(u->bus, &u->window);
	return err;
}

int uart16550_create(struct device **out, struct bus *bus, const struct uart16550_place *where,
		     const struct irq_line *irq, struct console *console)
{
	struct uart16550 *u = calloc(1, sizeof(*u));

	if (!u)
		return log_fail(-ENOMEM, "out of memory for the serial port");
	*u = (struct uart16550){.dev = {.class = &uart_class, .id = "serial0"},
				.window = {.handler = memory_access, .name = "16550"},
				.ports = {.handler = port_access, .name = "16550 ports"},
				.bus = bus,
				.irq = *irq,
				.console = console,
				.place = *where};
	bus_lock(bus);
	int err = place(u);
	bus_unlock(bus);
	if (err) {
		free(u);
		return log_fail(err, "cannot place the serial port at 0x%" PRIx64 ": %s", where->base, strerror(-err));
	}
	*out = &u->dev;
	return 0;
}
