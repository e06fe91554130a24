/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_image.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bits.h"
#include "image_stream.h"
#include "log.h"

#define MIB(bytes) (((bytes) + (UINT64_C(1) << 20) - 1) >> 20)

/* Header of an Image (booting.rst, "Call the kernel image"). */
struct arm64_header {
	uint32_t code[2];
	uint64_t text_offset;
	uint64_t image_size;
	uint64_t flags;
	uint64_t reserved[3];
	uint32_t magic;
	uint32_t pe_offset;
};
_Static_assert(sizeof(struct arm64_header) == 64, "layout of the Image header");

#define ARM64_MAGIC	      0x644d5241u /* "ARM\x64" */
#define ARM64_FLAG_BIG_ENDIAN BIT64(0)
#define INITRD_WINDOW	      (UINT64_C(32) << 30)
#define ARM64_PLACEMENT	      (UINT64_C(2) << 20)

/* Header of an EFI zboot image (Linux drivers/firmware/efi/libstub/zboot-header.S). */
struct zboot_header {
	uint32_t mz_magic;
	char zimg[4];
	uint32_t payload_offset;
	uint32_t payload_size;
	uint32_t reserved[2];
	char compression[32];
};
_Static_assert(sizeof(struct zboot_header) == 56, "layout of the zboot header");

/* Enough of a file's start to know it. */
#define PEEK 1024u

struct payload {
	enum image_format format;
	uint64_t offset, len;
};

#define WHAT_MAX 96u

/* A name for what begins with the PEEK bytes @p; @what has room for WHAT_MAX bytes. */
static const char *recognise(const uint8_t *p, char *what)
{
	static const struct {
		unsigned at;
		const char *bytes;
		unsigned len;
		const char *what;
	} known[] = {
		{LINUX_MAGIC, LINUX_MAGIC_VALUE, 4, "an x86 kernel (bzImage)"},
		{0x30, "RISCV", 5, "a RISC-V kernel"},
		{0, "\177ELF", 4, "an ELF file (vmlinux?)"},
		{0,
		 "\375"
		 "7zXZ",
		 5, "xz data"},
		{0, "BZh", 3, "bzip2 data"},
		{0, "\x5d\0\0", 3, "lzma data"},
		{0, "\x89LZO", 4, "lzop data"},
		{0, "\x02\x21\x4c\x18", 4, "lz4 data"},
		{0, "\x04\x22\x4d\x18", 4, "lz4 data"},
		{0, "070701", 6, "a cpio archive (an initrd?)"},
		{0, "\xd0\x0d\xfe\xed", 4, "a device tree"},
		{0, "\x27\x05\x19\x56", 4, "a U-Boot image"},
		{0, "MZ", 2, "an EFI program that is no arm64 kernel"},
		{0, "#!", 2, "a script"},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (memcmp(p + known[i].at, known[i].bytes, known[i].len) == 0)
			return known[i].what;
	snprintf(what, WHAT_MAX, "of unknown format (begins with %02x %02x %02x %02x %02x %02x %02x %02x)", p[0], p[1],
		 p[2], p[3], p[4], p[5], p[6], p[7]);
	return what;
}

static int zboot_payload(const struct boot_file *file, const uint8_t *peek, struct payload *payload)
{
	struct zboot_header h;

	memcpy(&h, peek, sizeof(h));
	payload->offset = le32toh(h.payload_offset);
	payload->len = le32toh(h.payload_size);
	h.compression[sizeof(h.compression) - 1] = '\0';
	if (payload->offset >= file->size || payload->len > file->size - payload->offset || payload->len == 0)
		return log_fail(-EINVAL,
				"kernel \"%s\": its zboot header places %" PRIu64 " bytes at %" PRIu64
				", but the file has %" PRIu64 "; the file is damaged, copy it again",
				file->path, payload->len, payload->offset, file->size);
	if (strcmp(h.compression, "gzip") == 0) {
		payload->format = IMAGE_GZIP;
		/* Until Linux 6.6 the size word behind the gzip stream counted; the stream knows its own end. */
		return 0;
	}
	if (strncmp(h.compression, "zstd", 4) == 0) {
		payload->format = IMAGE_ZSTD;
		return 0;
	}
	return log_fail(
		-ENOTSUP,
		"kernel \"%s\": zboot image compressed with \"%.16s\"; aerie reads gzip and zstd: use the Image itself, "
		"or build with CONFIG_KERNEL_GZIP",
		file->path, h.compression);
}

/* Decides by the first bytes what the file is. */
static int find_payload(const struct boot_file *file, struct payload *payload)
{
	static const uint8_t gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
	struct arm64_header h;
	uint8_t peek[PEEK] = {0};
	char what[WHAT_MAX];
	int err = image_stream_read(file, 0, peek, file->size < PEEK ? file->size : PEEK);

	if (err < 0)
		return log_fail(err, "cannot read kernel \"%s\": %s; check the file", file->path, strerror(-err));
	*payload = (struct payload){.format = IMAGE_PLAIN, .len = file->size};
	if (memcmp(peek, "MZ", 2) == 0 && memcmp(peek + 4, "zimg", 4) == 0)
		return zboot_payload(file, peek, payload);
	memcpy(&h, peek, sizeof(h));
	if (le32toh(h.magic) == ARM64_MAGIC)
		return 0;
	if (memcmp(peek, gzip, sizeof(gzip)) == 0)
		payload->format = IMAGE_GZIP;
	else if (memcmp(peek, zstd, sizeof(zstd)) == 0)
		payload->format = IMAGE_ZSTD;
	else
		return log_fail(
			-EINVAL,
			"kernel \"%s\" is %s; aerie boots arm64 Linux as Image, Image.gz or EFI zboot (vmlinuz)",
			file->path, recognise(peek, what));
	return 0;
}

static int too_big(const struct boot_file *file, const char *what, uint64_t need, struct range ram)
{
	return log_fail(-ENOMEM,
			"%s \"%s\" does not fit into the guest's memory of %" PRIu64
			" MiB, which would have to be more than "
			"%" PRIu64 " MiB; raise machine.memory",
			what, file->path, MIB(range_len(ram)), MIB(need));
}

/* @host: what was loaded, @written bytes of it. */
static int check_header(const struct boot_file *file, const struct arm64_header *h, const uint8_t *host,
			uint64_t written)
{
	uint8_t peek[PEEK] = {0};
	char what[WHAT_MAX];

	memcpy(peek, host, written < PEEK ? written : PEEK);
	if (written < sizeof(*h) || le32toh(h->magic) != ARM64_MAGIC)
		return log_fail(
			-EINVAL,
			"kernel \"%s\": what it decompresses to is %s; aerie boots arm64 Linux as Image, Image.gz or "
			"EFI zboot (vmlinuz)",
			file->path, recognise(peek, what));
	if (le64toh(h->flags) & ARM64_FLAG_BIG_ENDIAN)
		return log_fail(-ENOTSUP, "kernel \"%s\" is big-endian; aerie's machine is little-endian", file->path);
	if (h->image_size == 0)
		return log_fail(-ENOTSUP,
				"kernel \"%s\" does not state its size (older than Linux 3.17); use a newer one",
				file->path);
	return 0;
}

/* The image lies at the start of RAM; moves it to its text offset and says what it occupies. */
static int settle(uint8_t *host, struct range ram, const struct boot_file *file, uint64_t written,
		  struct kernel_image *out)
{
	uint64_t size = range_len(ram), offset, len;
	struct arm64_header h;

	memcpy(&h, host, sizeof(h));

	int err = check_header(file, &h, host, written);

	if (err < 0)
		return err;
	offset = le64toh(h.text_offset);
	len = le64toh(h.image_size);
	if (len < written)
		len = written;
	if (offset >= ARM64_PLACEMENT)
		return log_fail(-EINVAL,
				"kernel \"%s\": text offset 0x%" PRIx64 " in its header is beyond 2 MiB; the file is "
				"damaged",
				file->path, offset);
	if (len > size || align_up(offset + len, BOOT_DTB_SIZE) > size - BOOT_DTB_SIZE)
		return too_big(file, "kernel", len < size << 8 ? offset + len + 2 * BOOT_DTB_SIZE : len, ram);
	if (offset)
		memmove(host + offset, host, written);
	memset(host + offset + written, 0, len - written);
	range_make(&out->range, ram.first + offset, len);
	out->entry = gpa(out->range.first);
	out->dtb = gpa(align_up(out->range.last + 1, BOOT_DTB_SIZE));
	return 0;
}

int kernel_image_check(const struct boot_file *file)
{
	struct payload payload;

	return find_payload(file, &payload);
}

int kernel_image_load(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *out)
{
	struct payload payload;
	uint64_t written, size = range_len(ram);
	uint8_t *host = gmem_host(mem, gpa(ram.first), size);
	const char *why;

	*out = (struct kernel_image){.protocol = ARCH_BOOT_ARM64_IMAGE};
	if (!host || size < 2 * BOOT_DTB_SIZE)
		return too_big(file, "kernel", 4 * BOOT_DTB_SIZE, ram);

	int err = find_payload(file, &payload);

	if (err < 0)
		return err;
	err = image_stream_decode(file, payload.format, payload.offset, payload.len, host, size - BOOT_DTB_SIZE,
				  &written, &why);
	if (err == -EFBIG)
		return too_big(file, "kernel", size, ram);
	if (err == -EILSEQ)
		return log_fail(err, "kernel \"%s\" cannot be decompressed: %s; the file is damaged, copy it again",
				file->path, why);
	if (err < 0)
		return log_fail(err, "cannot read kernel \"%s\": %s; check the file", file->path, strerror(-err));
	return settle(host, ram, file, written, out);
}

/* More memory is of no help where it would only lie behind a hole. */
static int initrd_too_big(const struct gmem *mem, const struct boot_file *file, uint64_t need, struct range ram)
{
	if (gmem_size(mem) == range_len(ram))
		return too_big(file, "initrd", need, ram);
	return log_fail(-ENOMEM,
			"initrd \"%s\" of %" PRIu64
			" MiB does not fit beside the kernel into the guest's memory below %" PRIu64
			" MiB, where the kernel looks for it; use a smaller one",
			file->path, MIB(file->size), MIB(ram.last + 1));
}

int initrd_load(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *image)
{
	uint64_t start = image->dtb.v + BOOT_DTB_SIZE, offset = start - ram.first;

	if (offset >= range_len(ram) || file->size > range_len(ram) - offset)
		return initrd_too_big(mem, file, offset + file->size, ram);

	/* booting.rst: kernel and initrd inside one window of 32 GiB, aligned to 1 GiB; RAM starts at such a boundary.
	 */
	if (offset + file->size > INITRD_WINDOW)
		return log_fail(-EFBIG,
				"initrd \"%s\" of %" PRIu64
				" MiB does not end within 32 GiB of the kernel; use a smaller one",
				file->path, MIB(file->size));
	if (image->initrd_last && start + file->size - 1 > image->initrd_last)
		return log_fail(-EFBIG,
				"initrd \"%s\" would end above %" PRIu64
				" MiB, where this kernel does not look for it; use a smaller one",
				file->path, MIB(image->initrd_last));
	int err = image_stream_read(file, 0, gmem_host(mem, gpa(start), file->size), file->size);

	if (err < 0)
		return log_fail(err, "cannot read initrd \"%s\": %s; check the file", file->path,
				err == -EILSEQ ? "it became shorter" : strerror(-err));
	range_make(&image->initrd, start, file->size);
	return 0;
}
