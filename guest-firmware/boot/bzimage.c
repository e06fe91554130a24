/* SPDX-License-Identifier: Apache-2.0 */
#include "bzimage.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bits.h"
#include "boot_low.h"
#include "image_stream.h"
#include "le.h"
#include "linux_boot_regs.h"
#include "log.h"

#define MIB(bytes) ((bytes) >> 20)

/* Beyond any kernel's. */
#define ALIGNMENT_MAX (UINT32_C(1) << 30)

/* What the setup header says. */
struct setup {
	uint8_t bytes[LINUX_HEADER_END]; /* of the file's start; zeros behind the header */
	uint64_t code;			 /* offset of the protected mode code in the file */
	uint64_t code_len;
	uint64_t need; /* bytes of memory from where it is loaded */
	uint64_t preferred, alignment;
	bool relocatable;
};

bool bzimage_recognise(const uint8_t *peek, size_t len)
{
	return len >= LINUX_VERSION && memcmp(peek + LINUX_MAGIC, LINUX_MAGIC_VALUE, 4) == 0;
}

static int cannot_read(const struct boot_file *file, int err)
{
	return log_fail(err, "cannot read kernel \"%s\": %s; check the file", file->path,
			err == -EILSEQ ? "it became shorter" : strerror(-err));
}

static int damaged(const struct boot_file *file, const char *what)
{
	return log_fail(-EINVAL, "kernel \"%s\": %s; the file is damaged, copy it again", file->path, what);
}

/* The kinds of kernel that the protocol knows and that cannot be started here. */
static int check_kind(const struct boot_file *file, const uint8_t *h)
{
	unsigned version = le16_at(h + LINUX_VERSION);

	if (version < LINUX_VERSION_MIN)
		return log_fail(-ENOTSUP,
				"kernel \"%s\" speaks version %u.%u of Linux' boot protocol, 2.12 is needed: use Linux "
				"3.8 or newer",
				file->path, version >> 8, version & 0xff);
	if (!(h[LINUX_LOADFLAGS] & LINUX_LOADED_HIGH))
		return log_fail(-ENOTSUP, "kernel \"%s\" is a zImage, made for real mode; use a bzImage", file->path);
	if (!(le16_at(h + LINUX_XLOADFLAGS) & LINUX_KERNEL_64))
		return log_fail(-ENOTSUP,
				"kernel \"%s\" is a bzImage for x86 of 32 bits; the x86-64 machine boots kernels built "
				"with CONFIG_64BIT=y",
				file->path);
	return 0;
}

static int read_setup(const struct boot_file *file, struct setup *s)
{
	uint64_t end, sectors, init_size;
	int err;

	*s = (struct setup){0};
	if (file->size < sizeof(s->bytes))
		return damaged(file, "it ends inside of its header");
	err = image_stream_read(file, 0, s->bytes, sizeof(s->bytes));
	if (err < 0)
		return cannot_read(file, err);
	if (!bzimage_recognise(s->bytes, sizeof(s->bytes)) ||
	    le16_at(s->bytes + LINUX_BOOT_FLAG) != LINUX_BOOT_FLAG_VALUE)
		return damaged(file, "its first sectors are not those of a Linux kernel for x86");
	err = check_kind(file, s->bytes);
	if (err < 0)
		return err;
	end = LINUX_MAGIC + s->bytes[LINUX_JUMP_DISTANCE];
	if (end < LINUX_HEADER_MIN)
		return damaged(file, "its header is too short for its version");
	if (end < sizeof(s->bytes))
		memset(s->bytes + end, 0, sizeof(s->bytes) - end);
	sectors = s->bytes[LINUX_SETUP_SECTS] ? s->bytes[LINUX_SETUP_SECTS] : 4;
	s->code = (sectors + 1) * LINUX_SECTOR;
	if (s->code + LINUX_ENTRY_64 >= file->size)
		return damaged(file, "it ends before its code");
	s->code_len = file->size - s->code;
	init_size = le32_at(s->bytes + LINUX_INIT_SIZE);
	s->need = init_size > s->code_len ? init_size : s->code_len;
	s->preferred = le64_at(s->bytes + LINUX_PREF_ADDRESS);
	s->alignment = le32_at(s->bytes + LINUX_KERNEL_ALIGNMENT);
	s->relocatable = s->bytes[LINUX_RELOCATABLE] != 0;
	if (s->alignment == 0 || s->alignment & (s->alignment - 1) || s->alignment > ALIGNMENT_MAX)
		return damaged(file, "its alignment is no power of two");
	return 0;
}

int bzimage_check(const struct boot_file *file)
{
	struct setup s;

	return read_setup(file, &s);
}

/* Does it fit at @at, with the place of a device tree behind it that initrd_load() expects? */
static bool fits(struct range ram, const struct setup *s, uint64_t at)
{
	return at >= BOOT_LOW_MEMORY && at <= ram.last && s->need <= ram.last - at &&
	       ram.last - at - s->need >= 2 * BOOT_DTB_SIZE;
}

/* Where it wants to be. Lower is of no use: a relocatable kernel that finds itself below moves there before it
 * decompresses (boot.rst, init_size: "kernel runtime start address"), over what lies behind the place it left. */
static bool find_place(struct range ram, const struct setup *s, uint64_t *at)
{
	*at = s->preferred;
	if (s->relocatable)
		*at = align_up(*at > BOOT_LOW_MEMORY ? *at : BOOT_LOW_MEMORY, s->alignment);
	return fits(ram, s, *at);
}

int bzimage_load(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *out)
{
	struct setup s;
	uint64_t at;
	uint8_t *host;
	int err = read_setup(file, &s);

	*out = (struct kernel_image){.protocol = ARCH_BOOT_LINUX64};
	if (err < 0)
		return err;
	host = find_place(ram, &s, &at) ? gmem_host(mem, gpa(at), s.need) : NULL;
	if (!host)
		return log_fail(-ENOMEM,
				"kernel \"%s\" needs %" PRIu64 " MiB to decompress itself, from %" PRIu64
				" MiB on, which do not fit into the guest's memory below 3 GiB, of %" PRIu64
				" MiB; raise machine.memory",
				file->path, MIB(s.need) + 1, MIB(at), MIB(range_len(ram)));
	err = image_stream_read(file, s.code, host, s.code_len);
	if (err < 0)
		return cannot_read(file, err);
	memset(host + s.code_len, 0, s.need - s.code_len);
	range_make(&out->range, at, s.need);
	out->entry = gpa(at + LINUX_ENTRY_64);
	out->dtb = gpa(align_up(out->range.last + 1, BOOT_DTB_SIZE));
	if (!(le16_at(s.bytes + LINUX_XLOADFLAGS) & LINUX_ABOVE_4G))
		out->initrd_last = le32_at(s.bytes + LINUX_INITRD_ADDR_MAX);
	out->cmdline_max = le32_at(s.bytes + LINUX_CMDLINE_SIZE);
	memcpy(out->setup, s.bytes + LINUX_SETUP_SECTS, sizeof(out->setup));
	return 0;
}
