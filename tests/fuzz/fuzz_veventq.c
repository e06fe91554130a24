/* SPDX-License-Identifier: Apache-2.0 */
/* The vEVENTQ decoder: the result does not depend on where the stream is cut, and never exceeds its room. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nested_priv.h"

#define MAX_INPUT 8192u
#define MAX_OUT	  (MAX_INPUT / NESTED_RECORD_LEN + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes all of it in chunks of @chunk bytes and batches of @max events. */
static unsigned decode_all(const uint8_t *bytes, size_t len, size_t chunk, unsigned max, struct nested_event *out,
			   uint32_t *lost)
{
	struct nested_stream stream = {0};
	unsigned n = 0;

	*lost = 0;
	for (size_t at = 0; at < len;) {
		size_t part = len - at < chunk ? len - at : chunk, used;
		unsigned room = MAX_OUT - n < max ? MAX_OUT - n : max;
		unsigned got = nested_decode(&stream, bytes + at, part, out + n, room, &used, lost);

		if (got > room || used > part || (used < part && got < room) || stream.rest_len >= NESTED_RECORD_LEN)
			abort();
		n += got;
		at += used;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct nested_event whole[MAX_OUT], pieces[MAX_OUT];
	uint32_t lost_whole, lost_pieces;
	unsigned n;

	if (size < 2 || size > MAX_INPUT)
		return 0;
	n = decode_all(data + 2, size - 2, size, MAX_OUT, whole, &lost_whole);
	if (decode_all(data + 2, size - 2, data[0] + 1u, data[1] % 64u + 1, pieces, &lost_pieces) != n ||
	    lost_whole != lost_pieces || memcmp(whole, pieces, n * sizeof(whole[0])))
		abort();
	return 0;
}
