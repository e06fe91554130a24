/* SPDX-License-Identifier: Apache-2.0 */
#include "elf_kernel.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "image_stream.h"
#include "log.h"
#include "pvh_regs.h"

#define PEEK 1024u

/* What the file's headers say, in the host's byte order. */
struct elf {
	unsigned nr;
	Elf64_Phdr ph[ELF_KERNEL_MAX_HEADERS];
	uint32_t entry; /* of the PVH note */
	bool has_entry;
};

static int refuse(const struct boot_file *file, const char *what)
{
	return log_fail(-EINVAL,
			"kernel \"%s\" %s; the x86-64 machine boots Linux' bzImage (vmlinuz), and ELF files of 64 bits "
			"with a PVH note: vmlinux, built with CONFIG_PVH=y",
			file->path, what);
}

static int cannot_read(const struct boot_file *file, int err)
{
	return log_fail(err, "cannot read kernel \"%s\": %s; check the file", file->path,
			err == -EILSEQ ? "it became shorter" : strerror(-err));
}

static int damaged(const struct boot_file *file, const char *what, unsigned i)
{
	return log_fail(-EINVAL, "kernel \"%s\": %s (program header %u); the file is damaged, copy it again",
			file->path, what, i);
}

/* What the file is instead. */
static int refuse_format(const struct boot_file *file, const uint8_t *p)
{
	static const struct {
		unsigned at;
		const char *bytes;
		unsigned len;
		const char *what;
	} known[] = {
		{56, "ARM\x64", 4, "is an arm64 kernel (Image)"},
		{4, "zimg", 4, "is a compressed EFI kernel, as arm64 has them"},
		{0x202, "HdrS", 4, "is a bzImage that ends inside of its header"},
		{0, "\x1f\x8b", 2, "is gzip data"},
		{0, "\x28\xb5\x2f\xfd", 4, "is zstd data"},
		{0, "070701", 6, "is a cpio archive (an initrd?)"},
		{0, "#!", 2, "is a script"},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (memcmp(p + known[i].at, known[i].bytes, known[i].len) == 0)
			return refuse(file, known[i].what);
	return refuse(file, "is of unknown format");
}

static const char *machine_name(uint16_t machine)
{
	switch (machine) {
	case EM_AARCH64:
		return "is an ELF file for arm64";
	case EM_386:
		return "is an ELF file for x86 of 32 bits";
	case EM_RISCV:
		return "is an ELF file for RISC-V";
	default:
		return "is an ELF file for another architecture";
	}
}

static int read_header(const struct boot_file *file, Elf64_Ehdr *h)
{
	uint8_t peek[PEEK] = {0};
	int err = image_stream_read(file, 0, peek, file->size < PEEK ? file->size : PEEK);

	if (err < 0)
		return cannot_read(file, err);
	memcpy(h, peek, sizeof(*h));
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return refuse_format(file, peek);
	if (h->e_ident[EI_DATA] != ELFDATA2LSB)
		return refuse(file, "is a big-endian ELF file");
	if (h->e_ident[EI_CLASS] != ELFCLASS64)
		return refuse(file,
			      le16toh(h->e_machine) == EM_386 ? machine_name(EM_386) : "is an ELF file of 32 bits");
	if (le16toh(h->e_machine) != EM_X86_64)
		return refuse(file, machine_name(le16toh(h->e_machine)));
	if (le16toh(h->e_type) != ET_EXEC && le16toh(h->e_type) != ET_DYN)
		return refuse(file, "is an ELF file that is not linked (an object file or a module)");
	if (le16toh(h->e_phnum) == 0)
		return refuse(file, "is an ELF file without segments");
	if (le16toh(h->e_phentsize) != sizeof(Elf64_Phdr) || le16toh(h->e_phnum) > ELF_KERNEL_MAX_HEADERS)
		return log_fail(-EINVAL, "kernel \"%s\": %u program headers of %u bytes; the file is damaged",
				file->path, le16toh(h->e_phnum), le16toh(h->e_phentsize));
	return 0;
}

/* Looks for the note in one PT_NOTE segment; @len bytes at @notes. Names and descriptors are padded to 4 bytes. */
static void find_entry(struct elf *elf, const uint8_t *notes, uint64_t len)
{
	uint64_t at = 0;

	while (len - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr n;
		uint64_t name, desc, left;

		memcpy(&n, notes + at, sizeof(n));
		at += sizeof(n);
		left = len - at;
		name = align_up(le32toh(n.n_namesz), 4);
		desc = align_up(le32toh(n.n_descsz), 4);
		if (name > left || desc > left - name)
			return;
		if (le32toh(n.n_type) == PVH_NOTE_PHYS32 && le32toh(n.n_namesz) == sizeof(PVH_NOTE_NAME) &&
		    memcmp(notes + at, PVH_NOTE_NAME, sizeof(PVH_NOTE_NAME)) == 0 && le32toh(n.n_descsz) >= 4) {
			uint32_t entry;

			memcpy(&entry, notes + at + name, sizeof(entry));
			elf->entry = le32toh(entry);
			elf->has_entry = true;
		}
		at += name + desc;
	}
}

static int read_notes(const struct boot_file *file, struct elf *elf, unsigned i)
{
	uint64_t len = elf->ph[i].p_filesz;
	uint8_t *notes;
	int err;

	if (len > ELF_KERNEL_MAX_NOTES)
		return damaged(file, "a note of more than 64 KiB", i);
	notes = malloc(len ? len : 1);
	if (!notes)
		return log_fail(-ENOMEM, "cannot read the notes of kernel \"%s\": out of memory", file->path);
	err = image_stream_read(file, elf->ph[i].p_offset, notes, len);
	if (err < 0)
		err = cannot_read(file, err);
	else
		find_entry(elf, notes, len);
	free(notes);
	return err;
}

static int read_segment(const struct boot_file *file, struct elf *elf, unsigned i)
{
	Elf64_Phdr *p = &elf->ph[i];

	p->p_type = le32toh(p->p_type);
	p->p_offset = le64toh(p->p_offset);
	p->p_paddr = le64toh(p->p_paddr);
	p->p_filesz = le64toh(p->p_filesz);
	p->p_memsz = le64toh(p->p_memsz);
	if (p->p_type != PT_LOAD && p->p_type != PT_NOTE)
		return 0;
	if (p->p_offset > file->size || p->p_filesz > file->size - p->p_offset)
		return damaged(file, "a segment beyond the end of the file", i);
	if (p->p_type == PT_NOTE)
		return read_notes(file, elf, i);
	if (p->p_memsz < p->p_filesz || p->p_paddr + p->p_memsz < p->p_paddr)
		return damaged(file, "a segment larger than its memory", i);
	return 0;
}

/* Said of kernels only: what has no PVH note is something else. */
static int check_place(const struct boot_file *file, const Elf64_Phdr *p)
{
	if (p->p_type == PT_LOAD && p->p_memsz > 0 && p->p_paddr < ELF_KERNEL_LOWEST)
		return log_fail(-ENOTSUP,
				"kernel \"%s\" wants to be at 0x%" PRIx64
				"; link it to physical addresses of 1 MiB or more",
				file->path, (uint64_t)p->p_paddr);
	return 0;
}

static int read_elf(const struct boot_file *file, struct elf *elf)
{
	Elf64_Ehdr h;
	int err = read_header(file, &h);

	if (err < 0)
		return err;
	*elf = (struct elf){.nr = le16toh(h.e_phnum)};
	err = image_stream_read(file, le64toh(h.e_phoff), elf->ph, elf->nr * sizeof(elf->ph[0]));
	if (err < 0)
		return cannot_read(file, err);
	for (unsigned i = 0; err == 0 && i < elf->nr; i++)
		err = read_segment(file, elf, i);
	if (err == 0 && !elf->has_entry)
		err = refuse(file, "has no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)");
	for (unsigned i = 0; err == 0 && i < elf->nr; i++)
		err = check_place(file, &elf->ph[i]);
	return err;
}

int elf_kernel_check(const struct boot_file *file)
{
	struct elf elf;

	return read_elf(file, &elf);
}

static int load_segment(const struct gmem *mem, struct range ram, const struct boot_file *file, const Elf64_Phdr *p,
			struct kernel_image *out)
{
	uint64_t end = p->p_paddr + p->p_memsz;
	uint8_t *host = gmem_host(mem, gpa(p->p_paddr), p->p_memsz);
	int err;

	if (!host || end - 1 > ram.last || ram.last + 1 - end < 2 * BOOT_DTB_SIZE)
		return log_fail(-ENOMEM,
				"kernel \"%s\" does not fit into the guest's memory below 3 GiB: it goes up to %" PRIu64
				" MiB; raise machine.memory",
				file->path, (end >> 20) + 1);
	err = image_stream_read(file, p->p_offset, host, p->p_filesz);
	if (err < 0)
		return cannot_read(file, err);
	memset(host + p->p_filesz, 0, p->p_memsz - p->p_filesz);
	if (out->range.last == 0 || p->p_paddr < out->range.first)
		out->range.first = p->p_paddr;
	if (end - 1 > out->range.last)
		out->range.last = end - 1;
	return 0;
}

int elf_kernel_load(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *out)
{
	struct elf elf;
	int err = read_elf(file, &elf);

	*out = (struct kernel_image){.protocol = ARCH_BOOT_PVH};
	for (unsigned i = 0; err == 0 && i < elf.nr; i++)
		if (elf.ph[i].p_type == PT_LOAD && elf.ph[i].p_memsz > 0)
			err = load_segment(mem, ram, file, &elf.ph[i], out);
	if (err < 0)
		return err;
	if (!range_has(out->range, elf.entry) || out->range.last == 0)
		return log_fail(-EINVAL,
				"kernel \"%s\": its PVH entry point 0x%" PRIx32
				" is in no segment; the file is damaged",
				file->path, elf.entry);
	out->entry = gpa(elf.entry);
	out->dtb = gpa(align_up(out->range.last + 1, BOOT_DTB_SIZE));
	return 0;
}
