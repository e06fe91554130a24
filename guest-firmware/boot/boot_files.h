/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that a guest boots from: opened once, early (so that privileges can be dropped afterwards), read at each
 * start of the guest. They are read straight into guest memory; no copy is kept.
 */
#ifndef AERIE_BOOT_FILES_H
#define AERIE_BOOT_FILES_H

#include <stdint.h>

struct boot_file {
	int fd;		  /* owned, -1: none */
	const char *path; /* borrowed, for messages */
	uint64_t size;	  /* bytes */
};

struct boot_files {
	struct boot_file kernel; /* fd -1: the firmware finds one */
	struct boot_file initrd; /* fd -1: none */
};

void boot_files_init(struct boot_files *files);

/** Opens both and checks that they are regular, not empty files. Either may be NULL. The paths are borrowed.
 *  0 or -errno (logged). */
int boot_files_open(struct boot_files *files, const char *kernel, const char *initrd);

/** Closes what is open. */
void boot_files_close(struct boot_files *files);

#endif
