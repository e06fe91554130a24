/* SPDX-License-Identifier: Apache-2.0 */
/* The files behind a flash: the firmware's code, which is read once, and its variables, which are kept. */
#ifndef AERIE_FLASH_IMAGE_H
#define AERIE_FLASH_IMAGE_H

#include <stdint.h>

struct flash_image {
	uint8_t *bytes;	  /* mapping of size bytes, owned; NULL: none */
	uint64_t size;	  /* bytes, a multiple of FLASH_BLOCK_SIZE */
	int fd;		  /* of the variables, owned and locked; -1: they end with the process */
	const char *path; /* borrowed, for messages; NULL with fd -1 */
};

enum flash_file {
	FLASH_FILE_FIRMWARE,
	FLASH_FILE_VARS,
};

/* Variables that are not kept, in bytes: what EDK2's variable store, working and spare block take. */
#define FLASH_VARS_DEFAULT (768u << 10)

/** What is wrong with the regular file @fd of @size bytes for a bank of @max bytes, and what to do: the rest of a
 *  sentence that begins with the file's name. NULL: nothing. For `aerie check` and for the loader. */
const char *flash_file_problem(enum flash_file kind, int fd, uint64_t size, uint64_t max);

/** Reads the firmware @path into memory for a bank of at most @max bytes. 0 or -errno (logged). */
int flash_image_firmware(struct flash_image *image, const char *path, uint64_t max);

/**
 * Opens and locks the variables @path and reads them; a file of more than @max bytes is used up to there and must be
 * blank behind. @path NULL: blank variables in memory only. 0 or -errno (logged; -EAGAIN: another VM has the file).
 */
int flash_image_vars(struct flash_image *image, const char *path, uint64_t max);

/** Writes bytes [@offset, @offset + @len) to the file of the variables; they are on the disk on return. 0 or -errno
 *  (logged). */
int flash_image_store(const struct flash_image *image, uint64_t offset, uint64_t len);

/** Frees and closes what there is. */
void flash_image_close(struct flash_image *image);

#endif
