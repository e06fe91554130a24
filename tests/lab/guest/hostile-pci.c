// SPDX-License-Identifier: Apache-2.0
/*
 * A guest that misuses PCI: hostile-pci NVME-VERSION. Ports at 00:01.0 and 00:02.0 lead to an NVMe drive at 01:00.0 and
 * to a device with a 32-bit BAR 0 at 02:00.0; neither has a driver. NVME-VERSION is the drive's register VS, by which
 * its BAR is known. Each stage checks that the machine still answers; config space is put back as it was after each.
 */
#include <termios.h>

#include "hostile.h"

#define NVME_VS 0x8

#define COMMAND	      0x04
#define COMMAND_ON    0x6u /* memory, bus master */
#define BAR0	      0x10
#define BUSES	      0x18
#define MEMORY_WINDOW 0x20
#define PREF_WINDOW   0x24
#define PREF_BASE_UP  0x28
#define PREF_LIMIT_UP 0x2c
#define BRIDGE_CTL    0x3c
#define BRIDGE_RESET  (1u << 22)

#define CAP_PCIE    0x10u
#define CAP_MSIX    0x11u
#define PCIE_DEVCTL 8
#define DEVCTL_FLR  (1u << 15)
#define MSIX_ENABLE (1u << 31)

#define NR_BUSES     3u /* of the host bridge: its own, and one for each port */
#define NR_FUNCTIONS 5
static const uint32_t rids[NR_FUNCTIONS] = {0x0000, 0x0008, 0x0010, 0x0100, 0x0200};
enum { HOST, PORT1, PORT2, NVME, OTHER };

static volatile uint8_t *ecam, *fns[NR_FUNCTIONS], *bar;
static uint32_t saved[NR_FUNCTIONS][PAGE / 4];
static uint32_t version;

/* An access that the CPU or the machine aborts. */
static _Thread_local sigjmp_buf escape;
static _Thread_local volatile bool careful;
static volatile unsigned aborts;

static void on_abort(int sig)
{
	if (!careful)
		_exit(100 + sig);
	aborts++;
	siglongjmp(escape, 1);
}

#define TRY(access)                                                                                                    \
	do {                                                                                                           \
		careful = true;                                                                                        \
		if (sigsetjmp(escape, 1) == 0)                                                                         \
			access;                                                                                        \
		careful = false;                                                                                       \
	} while (0)

static uint32_t find_cap(int fn, uint32_t id)
{
	uint32_t at = rd32(fns[fn] + 0x34) & 0xfc;

	for (unsigned n = 0; at && n < 48; n++) {
		uint32_t head = rd32(fns[fn] + at);

		if ((head & 0xff) == id)
			return at;
		at = head >> 8 & 0xfc;
	}
	return 0;
}

static void save(void)
{
	for (int f = 0; f < NR_FUNCTIONS; f++)
		for (uint32_t at = 0; at < PAGE; at += 4)
			saved[f][at / 4] = rd32(fns[f] + at);
}

/* Ports first, so that what is below them can be reached. */
static void restore(void)
{
	for (int f = 0; f < NR_FUNCTIONS; f++) {
		wr32(fns[f] + COMMAND, 0);
		for (uint32_t at = 8; at < PAGE; at += 4)
			wr32(fns[f] + at, saved[f][at / 4]);
		wr32(fns[f] + COMMAND, saved[f][COMMAND / 4] & 0xffff);
	}
}

/* The drive and the ports answer where they did before. */
static bool alive(void)
{
	bool good = rd32(bar + NVME_VS) == version;

	for (int f = 0; f < NR_FUNCTIONS; f++)
		good &= rd32(fns[f]) == saved[f][0];
	return good;
}

static void stage_config_reads(void)
{
	uint64_t sum = 0;
	unsigned there = 0;

	for (int f = 0; f < NR_FUNCTIONS; f++) {
		for (uint32_t at = 0; at < 0x200; at++)
			sum += rd8(fns[f] + at);
		for (uint32_t at = 0; at < 0x200; at += 2)
			sum += rd16(fns[f] + at);
		for (uint32_t at = 0; at < PAGE; at += 8)
			sum += rd64(fns[f] + at);
	}
	for (uint32_t rid = 0; rid < 0x10000; rid += rid < 0x300 ? 1 : 37)
		there += rd32(ecam + ((size_t)rid << 12)) != ~0u;
	verdict(there == NR_FUNCTIONS + IOMMU_FUNCTIONS && alive(),
		"config reads of all sizes, on all buses: %u functions", there);
	(void)sum;
}

static void stage_odd_accesses(void)
{
	aborts = 0;
	for (volatile unsigned i = 0; i < 40; i++) {
		TRY(load_wide(fns[NVME] + 16 * (i % 4)));
		TRY(store_wide(fns[NVME] + 0x40));
		TRY(access_atomic(fns[NVME]));
		TRY((void)rd32(fns[NVME] + 1 + i % 7));
		TRY((void)rd64(fns[NVME] + 3 + 4 * (i % 5)));
		TRY(wr32(fns[OTHER] + 0x3e + i % 2, ~0u));
		TRY(wr64(fns[PORT1] + 0xffc, ~0ul));
	}
	restore();
	verdict((aborts > 0) == ODD_ACCESSES_ABORT && alive(),
		"unaligned, wide and atomic accesses to config space: %u aborts", aborts);
}

static uint32_t next_random(void)
{
	static uint64_t state = 0x853c49e6748fea9bull;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33);
}

static void stage_config_writes(void)
{
	for (unsigned i = 0; i < 1500; i++) {
		volatile uint8_t *fn = fns[next_random() % NR_FUNCTIONS];
		uint32_t at = next_random() % (i & 1 ? 0x100 : PAGE), value = next_random() << 1 ^ next_random();

		switch (next_random() % 4) {
		case 0:
			wr8(fn + at, (uint8_t)value);
			break;
		case 1:
			wr16(fn + (at & ~1u), (uint16_t)value);
			break;
		case 2:
			wr32(fn + (at & ~3u), value);
			break;
		default:
			wr64(fn + (at & ~7u), (uint64_t)value << 32 | value);
		}
	}
	restore();
	verdict(alive(), "random config writes of all sizes");
}

static void open_windows(void)
{
	for (int port = PORT1; port <= PORT2; port++) {
		wr32(fns[port] + MEMORY_WINDOW, 0xfff00000);
		wr32(fns[port] + PREF_WINDOW, 0xfff00000);
		wr32(fns[port] + PREF_BASE_UP, 0);
		wr32(fns[port] + PREF_LIMIT_UP, ~0u);
		wr32(fns[port] + COMMAND, COMMAND_ON);
	}
}

static void stage_bars(void)
{
	uint64_t mine_at, other = saved[OTHER][BAR0 / 4] & ~0xful;
	uint32_t *mine = physical_page(&mine_at);
	volatile uint8_t *irqchip = map_physical(IRQCHIP_BASE, PAGE);
	uint64_t places[] = {RAM_BASE, mine_at, ECAM_BASE,	    IRQCHIP_BASE, UART_BASE,
			     other,    0,	0xfffffffffffff000, 1ul << 39,	  MORE_PLACES};
	uint32_t irqchip_was = rd32(irqchip);
	bool good = true;

	*mine = 0xfeedbeef;
	open_windows();
	for (unsigned i = 0; i < 3 * sizeof(places) / sizeof(places[0]); i++) {
		uint64_t at = places[i % (sizeof(places) / sizeof(places[0]))];

		/* In the second round with decoding on while the address changes in halves. */
		if (i / (sizeof(places) / sizeof(places[0])) != 1)
			wr32(fns[NVME] + COMMAND, 0);
		wr32(fns[NVME] + BAR0, (uint32_t)at);
		wr32(fns[NVME] + BAR0 + 4, (uint32_t)(at >> 32));
		wr32(fns[OTHER] + BAR0, (uint32_t)at);
		wr32(fns[NVME] + COMMAND, COMMAND_ON);
		wr32(fns[OTHER] + COMMAND, COMMAND_ON);
		good &= *(volatile uint32_t *)mine == 0xfeedbeef;
		good &= rd32(irqchip) == irqchip_was && rd32(fns[HOST]) == saved[HOST][0];
	}
	restore();
	verdict(good && alive(), "BARs over RAM, ECAM, interrupt controllers, serial port, IOMMU and each other");
}

static void stage_buses(void)
{
	static const uint32_t buses[] = {0x070700, 0xfefe00, 0x000000, 0x0000ff, 0xff0001,
					 0x020200, 0x01ff00, 0x020100, 0xff0200};
	const unsigned nr = sizeof(buses) / sizeof(buses[0]);
	unsigned lost = 0, hidden = 0;

	for (unsigned i = 0; i < 10 * nr; i++) {
		uint32_t value = buses[i % nr], bus = value >> 8 & 0xff;

		wr32(fns[PORT1] + BUSES, value);
		if (i & 1)
			wr32(fns[PORT2] + BUSES, value);
		uint32_t found = rd32(ecam + ((size_t)bus << 20));
		bool wanted = bus && bus < NR_BUSES && value >> 16 >= bus;

		if (bus && found != (wanted ? saved[NVME][0] : ~0u)) {
			printf("bus numbers %#x: found %#x\n", value, found);
			lost++;
		}
		hidden += rd32(bar + NVME_VS) != version;
	}
	restore();
	verdict(!lost && !hidden && alive(),
		"bus numbers changed under live devices (lost %u times, BAR hidden %u times)", lost, hidden);
}

static void stage_msix_table(void)
{
	uint32_t cap = find_cap(NVME, CAP_MSIX), table = rd32(fns[NVME] + cap + 4) & ~7u;
	volatile uint8_t *entry = bar + table;
	bool good = true;

	wr32(fns[NVME] + COMMAND, COMMAND_ON);
	wr32(fns[NVME] + cap, MSIX_ENABLE);
	for (unsigned i = 0; i < 40; i++) {
		uint32_t address = next_random() << 2;

		wr32(entry, address);
		good &= rd32(entry) == address;
		wr8(entry + i % 16, 0x5a); /* not defined: ignored */
		wr16(entry + i % 8 * 2, 0x5a5a);
		good &= rd32(entry) == address;
		wr64(entry, 0xdeadbeef00000000ul | address);
		good &= rd64(entry) == (0xdeadbeef00000000ul | address);
		wr64(entry + 8, next_random()); /* unmasked */
		TRY(wr32(entry + 2, ~0u));
		TRY(wr64(entry + 12, ~0ul));
		wr32(entry + 12, i & 1);
	}
	for (unsigned i = 0; i < 60; i++) {
		wr32(fns[NVME] + cap, i & 1 ? MSIX_ENABLE : 0);
		wr32(entry + 12, i & 2);
	}
	restore();
	verdict(good && cap && alive(), "MSI-X table written while enabled, with all sizes and bad addresses");
}

/* Something that a second vCPU does until it is told to stop. */
struct work {
	void (*once)(void);
	volatile bool stop;
	volatile unsigned done;
	unsigned overtaken; /* resets that came to an end within one access, at most */
	pthread_t thread;
};

static volatile unsigned resets;

static void *worker(void *opaque)
{
	struct work *work = opaque;

	pin(1);
	while (!work->stop) {
		unsigned before = resets;

		work->once();
		if (resets - before > work->overtaken)
			work->overtaken = resets - before;
		work->done++;
	}
	return NULL;
}

static void start(struct work *work, void (*once)(void))
{
	*work = (struct work){.once = once};
	pin(0);
	pthread_create(&work->thread, NULL, worker, work);
}

static void finish(struct work *work)
{
	work->stop = true;
	pthread_join(work->thread, NULL);
}

static volatile unsigned right, ones, strange;

static void read_bar(void)
{
	uint32_t value = rd32(bar + NVME_VS);

	right += value == version;
	ones += value == ~0u;
	strange += value != version && value != ~0u;
}

static void read_config(void)
{
	(void)rd32(fns[HOST]);
}

static void stage_command(void)
{
	struct work work;
	double end = now() + 1.5;
	unsigned toggles = 0;

	right = ones = strange = 0;
	start(&work, read_bar);
	for (; now() < end; toggles++) {
		wr32(fns[NVME] + COMMAND, 0);
		wr32(fns[NVME] + COMMAND, COMMAND_ON);
		wr32(fns[PORT1] + COMMAND, 0);
		wr32(fns[PORT1] + COMMAND, COMMAND_ON);
	}
	finish(&work);
	restore();
	verdict(right && ones && !strange && alive(), "decoding toggled %u times under %u reads (%u without a device)",
		toggles, work.done, ones);
}

static void stage_spin(void)
{
	struct work work;
	double began;

	start(&work, read_config);
	while (work.done == 0)
		sched_yield();
	began = now();
	for (unsigned i = 0; i < 20; i++) {
		char line[64];
		int n = snprintf(line, sizeof(line), "console line %u beside a vCPU that spins on the ECAM\n", i);
		int fd = open("/dev/console", O_WRONLY | O_CLOEXEC);

		if (write(fd, line, (size_t)n) != n)
			failures++;
		tcdrain(fd);
		close(fd);
	}
	double took = now() - began;
	finish(&work);
	verdict(took < 5 && work.done > 100, "20 lines in %.2f s beside %u spinning reads", took, work.done);
}

/* Resets keep the device lock for a tenth of a second each; the other vCPU must get its turn between any two. */
static void stage_resets(const char *what, int fn, uint32_t at, uint32_t bit, double seconds)
{
	uint32_t idle = rd32(fns[fn] + at) & ~bit;
	struct work work;
	double end = now() + seconds;

	resets = 0;
	start(&work, read_config);
	for (; now() < end; resets++) {
		wr32(fns[fn] + at, idle | bit);
		if (fn == PORT1)
			wr32(fns[fn] + at, idle);
	}
	finish(&work);
	restore();
	verdict(alive() && resets && work.done >= resets && work.overtaken <= 3,
		"%u resets by %s beside %u reads, at most %u within one read", resets, what, work.done, work.overtaken);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_abort, .sa_flags = SA_NODEFER};

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	ecam = map_physical(ECAM_BASE, ECAM_SIZE);
	for (int f = 0; f < NR_FUNCTIONS; f++)
		fns[f] = ecam + ((size_t)rids[f] << 12);
	for (int f = PORT1; f < NR_FUNCTIONS; f++)
		wr32(fns[f] + COMMAND, COMMAND_ON);
	save();
	uint64_t at = (saved[NVME][BAR0 / 4] & ~0xful) | (uint64_t)saved[NVME][BAR0 / 4 + 1] << 32;
	bar = map_physical(at, 4 * PAGE);
	version = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 0;
	verdict(alive(), "before: the drive's version register is %#x", rd32(bar + NVME_VS));
	stage_config_reads();
	stage_odd_accesses();
	stage_config_writes();
	stage_bars();
	stage_buses();
	stage_msix_table();
	stage_command();
	stage_spin();
	stage_resets("FLR", NVME, find_cap(NVME, CAP_PCIE) + PCIE_DEVCTL, DEVCTL_FLR, 1.5);
	stage_resets("the secondary bus", PORT1, BRIDGE_CTL, BRIDGE_RESET, 1.5);
	return failures != 0;
}
