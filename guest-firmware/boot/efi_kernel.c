/* SPDX-License-Identifier: Apache-2.0 */
#include "efi_kernel.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "sys.h"

/* A DOS header whose last word leads to the PE header (Microsoft PE format, "MS-DOS Stub"). */
#define MZ_SIZE	     64u
#define PE_POINTER   60u
#define PE_SIGNATURE "PE\0"

int efi_kernel_check(const struct boot_file *file)
{
	uint8_t head[MZ_SIZE] = {0}, pe[4] = {0};
	uint32_t at = 0;

	if (file->size > UINT32_MAX)
		return log_fail(-EFBIG, "cannot hand the kernel \"%s\" to the firmware: it is larger than 4 GiB",
				file->path);
	if (sys_pread(file->fd, head, sizeof(head), 0) < 0)
		return log_fail(-errno, "cannot read the kernel \"%s\": %s; check the file", file->path,
				strerror(errno));
	for (unsigned i = 0; i < 4; i++)
		at |= (uint32_t)head[PE_POINTER + i] << (8 * i);
	if (memcmp(head, "MZ", 2) == 0 && at < file->size && sys_pread(file->fd, pe, sizeof(pe), at) == sizeof(pe) &&
	    memcmp(pe, PE_SIGNATURE, sizeof(pe)) == 0)
		return 0;
	return log_fail(-ENOEXEC,
			"cannot hand the kernel \"%s\" to the firmware: it is no EFI program; use a kernel with an EFI "
			"stub that is not compressed by gzip (Image or vmlinuz.efi), or leave out boot.firmware",
			file->path);
}
