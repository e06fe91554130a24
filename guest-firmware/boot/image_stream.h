/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a part of a file, compressed or not, into memory of a given size. */
#ifndef AERIE_IMAGE_STREAM_H
#define AERIE_IMAGE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "boot_files.h"

enum image_format {
	IMAGE_PLAIN,
	IMAGE_GZIP,
	IMAGE_ZSTD,
};

/**
 * Decodes file bytes [@offset, @offset + @len) into @out. *@written receives the number of bytes produced, at most
 * @cap. Returns 0; -EFBIG when there is more than @cap; -EILSEQ for damaged or cut data (*@why says how); -errno of a
 * failed read. Not logged.
 */
int image_stream_decode(const struct boot_file *file, enum image_format format, uint64_t offset, uint64_t len,
			void *out, uint64_t cap, uint64_t *written, const char **why);

/** Reads exactly @len bytes at @offset. 0, -EILSEQ when the file is shorter, -errno. Not logged. */
int image_stream_read(const struct boot_file *file, uint64_t offset, void *out, uint64_t len);

#endif
