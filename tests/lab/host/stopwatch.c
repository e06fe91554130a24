// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a VMM and says when its guest showed signs of life: stopwatch OUTPUT LOG COMMAND...
 *
 * Appends one JSON object to OUTPUT, in seconds since the process was made: the first exit
 * that KVM counted (the guest has run its first instructions), the first byte on standard
 * output (the guest's console), the guest's init ("LAB: guest is up"), the end; and the
 * status. What comes on standard output goes to LOG. It works for any VMM alike.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KVM_EXITS "/sys/kernel/debug/kvm/exits"
#define INIT	  "LAB: guest is up"

struct times {
	double instruction, byte, init, end;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The sum over all VMs alive: nothing else runs a guest meanwhile. */
static bool guest_has_run(void)
{
	char text[32] = "";
	int fd = open(KVM_EXITS, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t length = read(fd, text, sizeof(text) - 1);
	close(fd);
	return length > 0 && atol(text) > 0;
}

/* Takes the guest's output until it ends; every millisecond looks for the first exit. */
static void watch(int fd, FILE *log, double start, struct times *times)
{
	static char seen[1 << 20];
	size_t length = 0;

	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int ready = poll(&wait, 1, times->instruction ? -1 : 1);

		if (!times->instruction && guest_has_run())
			times->instruction = now() - start;
		if (ready <= 0)
			continue;
		ssize_t got = read(fd, seen + length, sizeof(seen) - 1 - length);
		if (got <= 0)
			return;
		if (!times->byte)
			times->byte = now() - start;
		fwrite(seen + length, 1, (size_t)got, log);
		length += (size_t)got;
		seen[length] = '\0';
		if (!times->init && strstr(seen, INIT))
			times->init = now() - start;
		if (length > sizeof(seen) / 2)
			length = 0;
	}
}

int main(int argc, char **argv)
{
	struct times times = {0};
	int pipes[2], status;

	if (argc < 4) {
		fprintf(stderr, "usage: stopwatch OUTPUT LOG COMMAND...\n");
		return 2;
	}
	FILE *log = fopen(argv[2], "we");
	if (!log || pipe2(pipes, O_CLOEXEC) < 0)
		return 1;
	double start = now();
	pid_t pid = fork();
	if (pid < 0)
		return 1;
	if (pid == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(127);
	}
	close(pipes[1]);
	watch(pipes[0], log, start, &times);
	waitpid(pid, &status, 0);
	times.end = now() - start;
	fclose(log);
	FILE *out = fopen(argv[1], "ae");
	if (!out)
		return 1;
	fprintf(out, "{\"instruction\": %.4f, \"byte\": %.4f, \"init\": %.4f, \"end\": %.4f, \"status\": %d}\n",
		times.instruction, times.byte, times.init, times.end, WIFEXITED(status) ? WEXITSTATUS(status) : 128);
	fclose(out);
	return 0;
}
