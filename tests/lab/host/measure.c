// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a VMM and says what it cost: measure OUTPUT RAM_MIB SAMPLE COMMAND...
 *
 * Appends one JSON object to OUTPUT: wall, user and system time in seconds, the
 * exit status, and, if SAMPLE is not 0, the peak of the resident memory beyond
 * guest RAM in KiB and the exits that KVM counted. Sampling reads the process's
 * map every SAMPLE milliseconds and disturbs the times, so that these are taken
 * in another run. Mappings of at least RAM_MIB are taken for guest RAM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KVM_STATS "/sys/kernel/debug/kvm/"

struct sample {
	long rss_beyond; /* KiB, peak */
	long exits;
	long mmio_exits;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

/* The resident KiB of all mappings smaller than @ram KiB. */
static long resident_beyond(pid_t pid, long ram)
{
	char path[64], line[512];
	long sum = 0, size = 0, value;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Size: %ld kB", &value) == 1)
			size = value;
		else if (sscanf(line, "Rss: %ld kB", &value) == 1 && size < ram)
			sum += value;
	}
	fclose(file);
	return sum;
}

static void read_counter(const char *name, long *value)
{
	char path[96];
	long found;

	snprintf(path, sizeof(path), KVM_STATS "%s", name);
	FILE *file = fopen(path, "re");
	if (!file)
		return;
	/* The sum over all VMs alive; it falls back to 0 with the last of them. */
	if (fscanf(file, "%ld", &found) == 1 && found > *value)
		*value = found;
	fclose(file);
}

static void take_sample(struct sample *sample, pid_t pid, long ram)
{
	long rss = resident_beyond(pid, ram);

	if (rss > sample->rss_beyond)
		sample->rss_beyond = rss;
	read_counter("exits", &sample->exits);
	read_counter("mmio_exit_user", &sample->mmio_exits);
}

int main(int argc, char **argv)
{
	struct sample sample = {0};
	struct rusage usage;
	int status;

	if (argc < 5) {
		fprintf(stderr, "usage: measure OUTPUT RAM_MIB SAMPLE_MS COMMAND...\n");
		return 2;
	}
	long ram = atol(argv[2]) * 1024;
	useconds_t interval = (useconds_t)atol(argv[3]) * 1000;
	double start = now();
	pid_t pid = fork();
	if (pid < 0)
		return 1;
	if (pid == 0) {
		execvp(argv[4], argv + 4);
		perror(argv[4]);
		_exit(127);
	}
	while (wait4(pid, &status, interval ? WNOHANG : 0, &usage) == 0) {
		take_sample(&sample, pid, ram);
		usleep(interval);
	}
	double wall = now() - start;
	FILE *out = fopen(argv[1], "ae");
	if (!out)
		return 1;
	fprintf(out, "{\"wall\": %.4f, \"user\": %.4f, \"system\": %.4f, \"status\": %d", wall,
		seconds(usage.ru_utime), seconds(usage.ru_stime), WIFEXITED(status) ? WEXITSTATUS(status) : 128);
	if (interval)
		fprintf(out, ", \"rss_beyond\": %ld, \"exits\": %ld, \"mmio_exits\": %ld", sample.rss_beyond,
			sample.exits, sample.mmio_exits);
	fprintf(out, "}\n");
	fclose(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
