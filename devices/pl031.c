/* SPDX-License-Identifier: Apache-2.0 */
#include "pl031.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#include "bits.h"
#include "bus.h"
#include "device.h"
#include "fd.h"
#include "fdtw.h"
#include "irq.h"
#include "log.h"
#include "loop.h"
#include "pl031_regs.h"
#include "regtable.h"

/* DDI 0224 chapter 3; in the order of the register table. */
enum {
	DR,
	MR,
	LR,
	CR,
	IMSC,
	RIS,
	MIS,
	ICR,
	ID0,
	NR_REGS = ID0 + 8,
};

/* Guarded by the device lock. */
struct pl031 {
	struct device dev;
	struct bus_window window;
	struct bus *bus;
	struct loop *loop;
	struct loop_source timer; /* timerfd, owned */
	struct irq_line irq;
	uint64_t base;
	uint32_t offset; /* counter minus seconds of the host's clock, modulo 2^32 */
	bool line;	 /* level last driven on irq */
	uint64_t values[NR_REGS];
};

static struct pl031 *pl031_of(struct device *dev)
{
	return container_of(dev, struct pl031, dev);
}

static struct timespec host_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now;
}

static uint32_t counter(const struct pl031 *p)
{
	return (uint32_t)host_time().tv_sec + p->offset;
}

static void update_line(struct pl031 *p)
{
	bool line = (p->values[RIS] & p->values[IMSC]) != 0;

	if (line != p->line)
		irq_line_set(&p->irq, line);
	p->line = line;
}

/* The alarm rings when the counter equals RTCMR (2.2); a time that has just passed comes again in 136 years. */
static void set_alarm(struct pl031 *p, bool expired)
{
	struct timespec now = host_time();
	uint32_t wait = (uint32_t)p->values[MR] - ((uint32_t)now.tv_sec + p->offset);
	struct itimerspec at = {.it_value = {.tv_sec = now.tv_sec + wait}};

	if (expired || wait == 0)
		p->values[RIS] |= PL031_INT_MATCH;
	/* The timer also wakes us when somebody sets the host's clock, which moves the counter. */
	timerfd_settime(p->timer.fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, wait ? &at : &(struct itimerspec){0},
			NULL);
	update_line(p);
}

static void on_timer(struct loop_source *src)
{
	struct pl031 *p = container_of(src, struct pl031, timer);
	struct bus *bus = p->bus;

	bus_lock(bus);
	/* Nothing to drain (ECANCELED) when the clock was set. A loop that comes late still rings. */
	set_alarm(p, fd_drain(src->fd) > 0);
	bus_unlock(bus);
}

static uint64_t read_dr(void *dev, unsigned index, uint64_t stored)
{
	return counter(dev);
}

static void written_mr(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	set_alarm(dev, false);
}

static void written_lr(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct pl031 *p = dev;

	p->offset = (uint32_t)now - (uint32_t)host_time().tv_sec;
	set_alarm(p, false);
}

static void written_imsc(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	update_line(dev);
}

static uint64_t read_mis(void *dev, unsigned index, uint64_t stored)
{
	const struct pl031 *p = dev;

	return p->values[RIS] & p->values[IMSC];
}

static uint64_t read_zero(void *dev, unsigned index, uint64_t stored)
{
	return 0; /* write-only register */
}

static void written_icr(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct pl031 *p = dev;

	p->values[RIS] &= ~now;
	p->values[ICR] = 0;
	update_line(p);
}

#define ROW(reg, reset_, rw_, ...)                                                                                     \
	[reg] = {.offset = PL031_##reg, .width = REG32, .name = #reg, .reset = (reset_), .rw = (rw_), __VA_ARGS__}
/* Firmware reads the identification by bytes. */
#define ID_ROW(n, value)                                                                                               \
	[ID0 + (n)] = {.offset = PL031_ID + 4 * (n), .width = REG32, .name = "ID" #n, .reset = (value), .min_size = 1}

static const struct reg_row rows[NR_REGS] = {
	ROW(DR, 0, 0, .read = read_dr),
	ROW(MR, 0, UINT32_MAX, .written = written_mr),
	ROW(LR, 0, UINT32_MAX, .written = written_lr),
	/* Once set, the start bit stays until reset (3.3.4). */
	ROW(CR, PL031_CR_START, 0),
	ROW(IMSC, 0, PL031_INT_MATCH, .written = written_imsc),
	ROW(RIS, 0, 0),
	ROW(MIS, 0, 0, .read = read_mis),
	ROW(ICR, 0, PL031_INT_MATCH, .read = read_zero, .written = written_icr),
	/* Part number 0x031, designer 0x41 (Arm), revision 0; PrimeCell (3.3.9-3.3.10) */
	ID_ROW(0, 0x31),
	ID_ROW(1, 0x10),
	ID_ROW(2, 0x04),
	ID_ROW(3, 0x00),
	ID_ROW(4, 0x0d),
	ID_ROW(5, 0xf0),
	ID_ROW(6, 0x05),
	ID_ROW(7, 0xb1),
};

static enum bus_verdict pl031_access(struct bus_window *window, struct bus_access *access)
{
	struct pl031 *p = container_of(window, struct pl031, window);

	return regtable_access(rows, NR_REGS, p->values, p, access);
}

/* The counter goes on: a real one has a battery. */
static int pl031_reset(struct device *dev)
{
	struct pl031 *p = pl031_of(dev);

	bus_lock(p->bus);
	regtable_reset(rows, NR_REGS, p->values);
	timerfd_settime(p->timer.fd, 0, &(struct itimerspec){0}, NULL);
	p->line = false;
	irq_line_set(&p->irq, false);
	bus_unlock(p->bus);
	return 0;
}

static void pl031_describe(struct device *dev, struct fdtw *fdt)
{
	const struct pl031 *p = pl031_of(dev);

	fdtw_begin(fdt, "rtc@%" PRIx64, p->base);
	fdtw_strings(fdt, "compatible", "arm,pl031\0arm,primecell", sizeof("arm,pl031\0arm,primecell"));
	fdtw_reg(fdt, p->base, PL031_SIZE);
	fdtw_u32(fdt, "interrupt-parent", FDTW_PHANDLE_GIC);
	FDTW_CELLS(fdt, "interrupts", FDTW_GIC_SPI, p->irq.intid - 32, FDTW_IRQ_LEVEL);
	fdtw_u32(fdt, "clocks", FDTW_PHANDLE_CLOCK);
	fdtw_string(fdt, "clock-names", "apb_pclk");
	fdtw_end(fdt);
}

static void pl031_free(struct pl031 *p)
{
	bus_lock(p->bus);
	bus_remove(p->bus, &p->window);
	bus_unlock(p->bus);
	loop_del(p->loop, &p->timer);
	fd_close(&p->timer.fd);
	free(p);
}

static void pl031_destroy(struct device *dev)
{
	pl031_free(pl031_of(dev));
}

static const struct device_class pl031_class = {
	.name = "pl031",
	.reset = pl031_reset,
	.describe = pl031_describe,
	.destroy = pl031_destroy,
};

int pl031_create(struct device **out, struct bus *bus, struct loop *loop, uint64_t base, const struct irq_line *irq)
{
	struct pl031 *p = calloc(1, sizeof(*p));

	if (!p)
		return log_fail(-ENOMEM, "out of memory for the real-time clock");
	*p = (struct pl031){
		.dev = {.class = &pl031_class, .id = "rtc0"}, .bus = bus, .loop = loop, .irq = *irq, .base = base};
	p->window.handler = pl031_access;
	p->window.name = "pl031";
	regtable_reset(rows, NR_REGS, p->values);
	p->timer.fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	int err = p->timer.fd < 0
			  ? log_fail(-errno, "cannot create a timer for the real-time clock: %s", strerror(errno))
			  : 0;
	if (!err)
		err = loop_add(loop, &p->timer, p->timer.fd, on_timer);
	if (!err) {
		bus_lock(bus);
		err = bus_add(bus, &p->window, base, PL031_SIZE);
		bus_unlock(bus);
		if (err)
			log_error("cannot place the real-time clock at 0x%" PRIx64 ": %s", base, strerror(-err));
	}
	if (err) {
		pl031_free(p);
		return err;
	}
	*out = &p->dev;
	return 0;
}
