/* SPDX-License-Identifier: Apache-2.0 */
#include "flash_image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fd.h"
#include "flash_regs.h"
#include "log.h"
#include "sys.h"

#define CHUNK (64u << 10)

/* Where a firmware volume has its signature (PI specification 1.8, volume 3, 3.2.1). */
#define FV_SIGNATURE	    40u
#define FV_SIGNATURE_LENGTH 4u

#define HEAD 64u

#define UNREADABLE "cannot be read; check the file and the disk"

/* What people take for firmware by mistake. */
static const struct {
	uint8_t offset, len;
	const char *magic;
	const char *problem;
} mistakes[] = {
	{0, 4, "QFI\xfb", "is a qcow2 image; convert it with `qemu-img convert -O raw`"},
	{0, 4,
	 "\x7f"
	 "ELF",
	 "is an ELF file, not a flash image; kernels belong to `boot.kernel`"},
	{0, 2, "\x1f\x8b", "is compressed by gzip; unpack it with gunzip"},
	{0, 2, "MZ", "is an EFI program, not a flash image; kernels belong to `boot.kernel`"},
	{56, 4, "ARM\x64", "is a Linux kernel; it belongs to `boot.kernel`"},
};

/* All bytes alike, all clear or all erased. */
static bool is_blank(const uint8_t *bytes, size_t len)
{
	return (bytes[0] == 0 || bytes[0] == 0xff) && memcmp(bytes, bytes + 1, len - 1) == 0;
}

static const char *firmware_problem(const uint8_t head[HEAD])
{
	for (unsigned i = 0; i < ARRAY_LEN(mistakes); i++)
		if (memcmp(head + mistakes[i].offset, mistakes[i].magic, mistakes[i].len) == 0)
			return mistakes[i].problem;
	/* The CPU starts at the first byte, or at the last 16 bytes; a store of variables begins with 16 zeroes. */
	if (is_blank(head, 16))
		return "does not begin with an instruction, so it is no firmware; give the CODE file of the firmware, "
		       "for example /usr/share/qemu-efi-aarch64/QEMU_EFI.fd";
	return NULL;
}

/* Reads all of it or fails. */
static int read_exactly(int fd, uint8_t *to, uint64_t offset, uint64_t len)
{
	while (len > 0) {
		ssize_t n = sys_pread(fd, to, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		to += n;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/* Is there anything but blank chunks in the first @len bytes? 1, 0, or -errno. */
static int has_data(int fd, uint64_t len)
{
	uint8_t chunk[CHUNK];

	for (uint64_t at = 0; at < len; at += CHUNK) {
		size_t n = len - at < CHUNK ? (size_t)(len - at) : CHUNK;
		int err = read_exactly(fd, chunk, at, n);

		if (err < 0)
			return err;
		if (!is_blank(chunk, n))
			return 1;
	}
	return 0;
}

/* A blank file may become a store, but zeroes at the start alone do not make it blank: disk images have them too.
 * Erased bytes there are what a host's crash leaves in the middle of a write, and the rest is what the firmware repairs
 * from. */
static const char *vars_problem(const uint8_t head[HEAD], int fd, uint64_t size, uint64_t max)
{
	int data = 0;

	if (size % FLASH_BLOCK_SIZE)
		return "has a size that is no multiple of 256 KiB, the flash's blocks; make it with `truncate -s 768K`";
	if (memcmp(head + FV_SIGNATURE, "_FVH", FV_SIGNATURE_LENGTH) == 0)
		return NULL;
	if (head[0] == 0)
		data = has_data(fd, size < max ? size : max);
	if (data < 0)
		return UNREADABLE;
	if (is_blank(head, HEAD) && data == 0)
		return NULL;
	return "is no store of UEFI variables; make a blank one with `truncate -s 768K`, or copy the firmware's VARS "
	       "file";
}

const char *flash_file_problem(enum flash_file kind, int fd, uint64_t size, uint64_t max)
{
	uint8_t head[HEAD];

	if (size < FLASH_BLOCK_SIZE)
		return "is smaller than 256 KiB, a block of the flash; check that it was copied whole";
	if (kind == FLASH_FILE_FIRMWARE && size > max)
		return "does not fit the flash of 64 MiB; check that it is a firmware image";
	if (read_exactly(fd, head, 0, sizeof(head)) < 0)
		return UNREADABLE;
	return kind == FLASH_FILE_FIRMWARE ? firmware_problem(head) : vars_problem(head, fd, size, max);
}

static const char *name_of(enum flash_file kind)
{
	return kind == FLASH_FILE_FIRMWARE ? "firmware" : "firmware variables";
}

static const char *remedy(enum flash_file kind, int err)
{
	if (err == -ENOENT)
		return kind == FLASH_FILE_VARS ? "make a blank one with `truncate -s 768K`, or check the path"
					       : "check the path; on Debian the package qemu-efi-aarch64 has one";
	if (err == -EACCES || err == -EPERM || err == -EROFS)
		return kind == FLASH_FILE_VARS ? "each VM writes its own file; copy it to where it may be written"
					       : "give the user who runs aerie permission to read it";
	return "check the file";
}

static int open_file(enum flash_file kind, const char *path, uint64_t max, uint64_t *size)
{
	const char *what = name_of(kind), *problem;
	/* O_DSYNC: a word that the firmware is told to be programmed survives a power cut, in the order of the
	 * commands, as the firmware's fault-tolerant writes expect it of flash. */
	int flags = kind == FLASH_FILE_VARS ? O_RDWR | O_DSYNC : O_RDONLY;
	OWNED_FD int fd = sys_open(path, flags | O_NONBLOCK);
	struct stat st;
	int err;

	if (fd < 0) {
		err = -errno;
		return log_fail(err, "cannot open the %s \"%s\": %s; %s", what, path, strerror(-err),
				remedy(kind, err));
	}
	if (fstat(fd, &st) < 0)
		return log_fail(-errno, "cannot examine the %s \"%s\": %s; check the file", what, path,
				strerror(errno));
	if (!S_ISREG(st.st_mode))
		return log_fail(-EINVAL, "cannot use \"%s\" as %s: it is not a regular file; name the file itself",
				path, what);
	*size = (uint64_t)st.st_size;
	problem = flash_file_problem(kind, fd, *size, max);
	if (problem)
		return log_fail(-EINVAL, "cannot use \"%s\" as %s: it %s", path, what, problem);
	if (kind == FLASH_FILE_VARS && sys_lock_file(fd, true) < 0)
		return log_fail(-errno, "cannot lock the %s \"%s\": %s", what, path,
				errno == EAGAIN ? "another VM uses them; each VM needs a file of its own"
						: strerror(errno));
	err = fd;
	fd = -1; /* the caller's */
	return err;
}

static int allocate(struct flash_image *image, uint64_t size)
{
	void *bytes = sys_mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		return log_fail(-errno, "cannot allocate %" PRIu64 " KiB for the firmware's flash: %s", size >> 10,
				strerror(errno));
	image->bytes = bytes;
	image->size = size;
	return 0;
}

/* Packaged images are mostly padding; memory is only used for the rest. */
static int read_image(struct flash_image *image, enum flash_file kind, int fd, const char *path, uint64_t len)
{
	uint8_t chunk[CHUNK];

	for (uint64_t at = 0; at < len; at += CHUNK) {
		size_t n = len - at < CHUNK ? (size_t)(len - at) : CHUNK;
		int err = read_exactly(fd, chunk, at, n);

		if (err < 0)
			return log_fail(err, "cannot read the %s \"%s\": %s; check the file", name_of(kind), path,
					strerror(-err));
		if (chunk[0] != 0 || !is_blank(chunk, n))
			memcpy(image->bytes + at, chunk, n);
	}
	return 0;
}

/* Firmware of our kind uses the first blocks. Bytes behind the bank would be lost to it. */
static int check_tail(int fd, const char *path, uint64_t from, uint64_t size)
{
	uint8_t chunk[CHUNK];

	for (uint64_t at = from; at < size; at += CHUNK) {
		size_t n = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
		int err = read_exactly(fd, chunk, at, n);

		if (err == 0 && !is_blank(chunk, n))
			err = -EFBIG;
		if (err < 0)
			return log_fail(err,
					"cannot use \"%s\" as firmware variables: only its first %" PRIu64
					" MiB fit the flash, and there is data behind (%s)",
					path, from >> 20, strerror(-err));
	}
	return 0;
}

int flash_image_firmware(struct flash_image *image, const char *path, uint64_t max)
{
	uint64_t size = 0;
	OWNED_FD int fd = open_file(FLASH_FILE_FIRMWARE, path, max, &size);
	int err;

	*image = (struct flash_image){.fd = -1, .path = path};
	if (fd < 0)
		return fd;
	err = allocate(image, align_up(size, FLASH_BLOCK_SIZE));
	if (err == 0)
		err = read_image(image, FLASH_FILE_FIRMWARE, fd, path, size);
	if (err < 0)
		flash_image_close(image);
	return err;
}

int flash_image_vars(struct flash_image *image, const char *path, uint64_t max)
{
	uint64_t size = FLASH_VARS_DEFAULT;
	int err;

	*image = (struct flash_image){.fd = -1, .path = path};
	if (path) {
		image->fd = open_file(FLASH_FILE_VARS, path, max, &size);
		if (image->fd < 0)
			return image->fd;
	}
	err = allocate(image, size < max ? size : max);
	if (err == 0 && path)
		err = read_image(image, FLASH_FILE_VARS, image->fd, path, image->size);
	if (err == 0 && path)
		err = check_tail(image->fd, path, image->size, size);
	if (err < 0)
		flash_image_close(image);
	return err;
}

int flash_image_store(const struct flash_image *image, uint64_t offset, uint64_t len)
{
	while (image->fd >= 0 && len > 0) {
		ssize_t n = sys_pwrite(image->fd, image->bytes + offset, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int err = n < 0 ? -errno : -EIO;

			return log_fail(err,
					"cannot write the firmware variables to \"%s\": %s; the guest's firmware is "
					"told that its flash failed",
					image->path, strerror(-err));
		}
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

void flash_image_close(struct flash_image *image)
{
	if (image->bytes)
		sys_munmap(image->bytes, image->size);
	image->bytes = NULL;
	fd_close(&image->fd);
}
