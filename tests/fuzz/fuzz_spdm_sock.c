/* SPDX-License-Identifier: Apache-2.0 */
/* The peer on an SPDM socket: any stream of bytes, taken as frames. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spdm_sock.h"

#define CAP 4096u

static void require(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[CAP + 1];
	struct spdm_sock_frame frame;
	size_t taken = 0;
	int ends[2], err;

	if (size > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return 0;
	require(send(ends[0], data, size, MSG_DONTWAIT) == (ssize_t)size || size == 0, "room for the input");
	close(ends[0]);
	do {
		buf[CAP] = 0x5a;
		err = spdm_sock_recv(ends[1], &frame, buf, CAP, 1000);
		require(buf[CAP] == 0x5a, "nothing beyond the buffer");
		if (err == 0) {
			require(frame.size <= CAP, "no frame is longer than the buffer");
			require(taken + SPDM_SOCK_HEADER + frame.size <= size, "no more than was sent");
			require(memcmp(buf, data + taken + SPDM_SOCK_HEADER, frame.size) == 0, "the payload");
			taken += SPDM_SOCK_HEADER + frame.size;
		}
	} while (err == 0);
	require(err == -EPIPE || err == -EPROTO || err == -EMSGSIZE, "an end of a known kind");
	require(err != -EPIPE || taken == size, "all was taken");
	close(ends[1]);
	return 0;
}
