/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pretended kernel behind vmm/base/sys.h. A path is answered by the fake file type registered for it (longest
 * prefix wins), else by the real file system below sys_root. Fake descriptors are real (an eventfd or memfd stands
 * behind each), so that epoll, poll and dup work on them.
 */
#ifndef AERIE_FAKE_H
#define AERIE_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fake_file;

struct fake_type {
	const char *prefix;				       /* "/dev/kvm", "/dev/iommu", "/dev/vfio/devices/" ... */
	int (*open)(struct fake_file *file, const char *path); /* 0 or -errno; may be NULL */
	int (*ioctl)(struct fake_file *file, unsigned long request, void *arg); /* >= 0 or -errno */
	/* NULL: anonymous zeroed memory. Else the memory stays the type's and is not unmapped; returning NULL fails. */
	void *(*mmap)(struct fake_file *file, size_t len, off_t offset);
	ssize_t (*pread)(struct fake_file *file, void *buf, size_t len, off_t offset);
	ssize_t (*pwrite)(struct fake_file *file, const void *buf, size_t len, off_t offset);
	ssize_t (*read)(struct fake_file *file, void *buf, size_t len);
	ssize_t (*write)(struct fake_file *file, const void *buf, size_t len);
	void (*close)(struct fake_file *file);
};

struct fake_file {
	const struct fake_type *type;
	int fd;
	void *state; /* the type's own */
};

/** Forgets all types, files and counts; no failure planned. */
void fake_reset(void);

void fake_register(const struct fake_type *type);

/** Lets fake_failed_call() say "ioctl NAME" for @request: `FAKE_NAME(KVM_RUN)`. */
void fake_name(unsigned long request, const char *name);
#define FAKE_NAME(request) fake_name(request, #request)

/** New descriptor of @type (VM fd, vCPU fd, ...), as returned by an ioctl. -errno on failure. */
int fake_fd(const struct fake_type *type, void *state);

struct fake_file *fake_file_of(int fd);

/** Lets the @nth call from now (1 ..) through sys.h fail with @err; 0: none. sys_close and sys_munmap never fail. */
void fake_fail_nth(unsigned nth, int err);
/** True when the planned failure happened. */
bool fake_failed(void);
/** Name of the call that failed, e.g. "ioctl KVM_CREATE_VM". */
const char *fake_failed_call(void);

/** Calls through sys.h since fake_reset(). */
unsigned fake_calls(void);

/** Descriptors and mappings made through sys.h that are still there; prints them when > 0. */
unsigned fake_leaks(void);

/* The pretended devices; each registers its types. Knobs and observations: fake_kvm.h, fake_iommu.h, fake_vfio.h. */
void fake_kvm_install(void);
void fake_iommu_install(void);
void fake_vfio_install(void);

#endif
