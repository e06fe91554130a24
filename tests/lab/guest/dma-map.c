// SPDX-License-Identifier: Apache-2.0
/*
 * dma-map SECONDS: how long it takes the kernel to map and to unmap one page for the device that
 * has the driver dma_map_benchmark (Linux, kernel/dma/map_benchmark.c), as its averages in ns.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define CONTROL "/sys/kernel/debug/dma_map_benchmark"

/* struct map_benchmark of <linux/map_benchmark.h>, which the cross compiler's headers have not */
struct map_benchmark {
	uint64_t avg_map_100ns, map_stddev, avg_unmap_100ns, unmap_stddev;
	uint32_t threads, seconds;
	int32_t node;
	uint32_t dma_bits, dma_dir, dma_trans_ns, granule;
	uint8_t map_mode, expansion[75];
};
#define DMA_MAP_BENCHMARK _IOWR('d', 1, struct map_benchmark)
#define TO_DEVICE	  1

int main(int argc, char **argv)
{
	struct map_benchmark job = {.threads = 1, .node = -1, .dma_bits = 32, .dma_dir = TO_DEVICE, .granule = 1};
	int fd = open(CONTROL, O_RDWR);

	if (argc != 2 || fd < 0) {
		perror(CONTROL);
		return 1;
	}
	job.seconds = (uint32_t)strtoul(argv[1], NULL, 0);
	if (ioctl(fd, DMA_MAP_BENCHMARK, &job) < 0) {
		perror("dma-map");
		return 1;
	}
	printf("%llu %llu\n", (unsigned long long)job.avg_map_100ns * 100,
	       (unsigned long long)job.avg_unmap_100ns * 100);
	return 0;
}
