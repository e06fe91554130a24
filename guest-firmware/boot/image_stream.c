/* SPDX-License-Identifier: Apache-2.0 */
#include "image_stream.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_d_stableOutBuffer */
#include <zstd.h>
#include <zstd_errors.h>

#include "sys.h"

#define CHUNK 65536u

int image_stream_read(const struct boot_file *file, uint64_t offset, void *out, uint64_t len)
{
	uint8_t *to = out;

	while (len > 0) {
		ssize_t n = sys_pread(file->fd, to, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EILSEQ; /* shorter than fstat() said: truncated while we read */
		to += n;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/* Compressed input, a chunk at a time. */
struct input {
	const struct boot_file *file;
	uint64_t offset, left;
	uint8_t chunk[CHUNK];
};

/* Reads the next chunk; its length, 0 at the end, -errno. */
static int next_chunk(struct input *in)
{
	uint64_t n = in->left < CHUNK ? in->left : CHUNK;
	int err = image_stream_read(in->file, in->offset, in->chunk, n);

	if (err < 0)
		return err;
	in->offset += n;
	in->left -= n;
	return (int)n;
}

static int inflate_all(struct input *in, z_stream *z, uint8_t *out, uint64_t cap, const char **why)
{
	for (;;) {
		if (z->avail_in == 0) {
			int n = next_chunk(in);

			if (n < 0)
				return n;
			if (n == 0) {
				*why = "the compressed data ends too early";
				return -EILSEQ;
			}
			z->next_in = in->chunk;
			z->avail_in = (unsigned)n;
		}

		uint64_t room = cap - z->total_out;
		uint8_t probe;

		z->next_out = room ? out + z->total_out : &probe;
		z->avail_out = room == 0 ? 1 : room > UINT_MAX ? UINT_MAX : (unsigned)room;

		int ret = inflate(z, Z_NO_FLUSH);

		if (z->total_out > cap)
			return -EFBIG;
		if (ret == Z_STREAM_END)
			return 0;
		if (ret != Z_OK && ret != Z_BUF_ERROR) {
			*why = z->msg ? z->msg : "the gzip data is damaged";
			return -EILSEQ;
		}
	}
}

static int decode_gzip(struct input *in, uint8_t *out, uint64_t cap, uint64_t *written, const char **why)
{
	z_stream z = {0};

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return -ENOMEM;

	int err = inflate_all(in, &z, out, cap, why);

	*written = z.total_out;
	inflateEnd(&z);
	return err;
}

/* One step; *@ret is 0 at the end of the frame. 0, -EFBIG, -EILSEQ, -errno. */
static int zstd_step(struct input *in, ZSTD_DStream *z, ZSTD_inBuffer *from, ZSTD_outBuffer *to, size_t *ret,
		     const char **why)
{
	if (from->pos == from->size) {
		int n = next_chunk(in);

		if (n <= 0) {
			*why = "the compressed data ends too early";
			return n < 0 ? n : -EILSEQ;
		}
		from->size = (size_t)n;
		from->pos = 0;
	}
	*ret = ZSTD_decompressStream(z, to, from);
	if (!ZSTD_isError(*ret))
		return 0;
	if (ZSTD_getErrorCode(*ret) == ZSTD_error_dstSize_tooSmall)
		return -EFBIG;
	*why = ZSTD_getErrorName(*ret);
	return -EILSEQ;
}

static int decode_zstd(struct input *in, uint8_t *out, uint64_t cap, uint64_t *written, const char **why)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer from = {.src = in->chunk};
	ZSTD_outBuffer to = {.dst = out, .size = cap};
	size_t ret = 1;
	int err = 0;

	if (!z)
		return -ENOMEM;
	/* History is taken from the output itself: else the decoder keeps a copy of its window, up to 128 MiB. A
	 * library that does not know the parameter works as well, with that copy. */
	ZSTD_DCtx_setParameter(z, ZSTD_d_stableOutBuffer, 1);
	while (err == 0 && ret != 0) {
		size_t had_in = from.pos, had_out = to.pos;

		err = zstd_step(in, z, &from, &to, &ret, why);
		if (err == 0 && ret != 0 && to.pos == had_out && to.pos == cap && from.pos == had_in)
			err = -EFBIG; /* no progress although there is input: no room for output */
	}
	*written = to.pos;
	ZSTD_freeDStream(z);
	return err;
}

int image_stream_decode(const struct boot_file *file, enum image_format format, uint64_t offset, uint64_t len,
			void *out, uint64_t cap, uint64_t *written, const char **why)
{
	*written = 0;
	*why = "the file became shorter while it was read";
	if (format == IMAGE_PLAIN) {
		if (len > cap)
			return -EFBIG;
		*written = len;
		return image_stream_read(file, offset, out, len);
	}

	struct input *in = malloc(sizeof(*in));
	int err;

	if (!in)
		return -ENOMEM;
	in->file = file;
	in->offset = offset;
	in->left = len;
	err = format == IMAGE_GZIP ? decode_gzip(in, out, cap, written, why) : decode_zstd(in, out, cap, written, why);
	free(in);
	return err;
}
