/* SPDX-License-Identifier: Apache-2.0 */
/* Which mailboxes a function has, and what they speak. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <endian.h>

#include "doe_mailbox.h"
#include "doe_regs.h"
#include "log.h"
#include "sys.h"
#include "wire.h"

#define EXT_CAP_FIRST	 0x100u
#define EXT_CAP_ID	 MASK32(15, 0)
#define EXT_CAP_VERSION	 MASK32(19, 16)
#define EXT_CAP_NEXT	 MASK32(31, 20)
#define CFG_SIZE	 0x1000u
#define MAX_FEATURES	 64u
#define DISCOVERY_VER_V2 2u

int doe_find(const struct doe_cfg_ops *ops, void *opaque, const char *name, uint16_t after)
{
	uint64_t visited[CFG_SIZE / 4 / 64] = {0};
	uint32_t offset = EXT_CAP_FIRST;
	bool passed = after == 0;

	while (!(visited[offset / 256] & BIT64(offset / 4 % 64))) {
		uint32_t header;
		int err = ops->read(opaque, (uint16_t)offset, &header);

		if (err)
			return err;
		visited[offset / 256] |= BIT64(offset / 4 % 64);
		/* A function without extended config space reads all ones; an empty list is a header of zeroes. */
		if (offset == EXT_CAP_FIRST && (header == 0 || header == UINT32_MAX))
			return 0;
		if (passed && field_get32(EXT_CAP_ID, header) == DOE_CAP_ID && offset + DOE_CAP_SIZE <= CFG_SIZE)
			return (int)offset;
		passed = passed || offset == after;
		offset = field_get32(EXT_CAP_NEXT, header) & ~3u;
		if (offset == 0)
			return 0;
		if (offset < EXT_CAP_FIRST)
			break;
	}
	return log_fail(-EBADMSG, "%s: its list of extended capabilities loops or leaves its space", name);
}

int doe_mailbox_init(struct doe_mailbox *mb, const struct doe_cfg_ops *ops, void *opaque, const char *name,
		     uint16_t offset)
{
	uint32_t status;

	*mb = (struct doe_mailbox){
		.ops = ops,
		.opaque = opaque,
		.name = name,
		.offset = offset,
		.version = 1,
		.timeout_ms = DOE_TIMEOUT_MS,
	};
	if (offset < EXT_CAP_FIRST || offset % 4 != 0 || offset + DOE_CAP_SIZE > CFG_SIZE)
		return log_fail(-ENODEV, "%s: 0x%03x is no place for a DOE capability", name, offset);
	uint32_t header;
	int err = ops->read(opaque, offset, &header);

	/* VFIO shows a hidden capability at the head of the list as zeroes; its registers are there all the same. */
	if (!err && header != 0 && field_get32(EXT_CAP_ID, header) != DOE_CAP_ID)
		return log_fail(-ENODEV, "%s: there is no DOE capability at 0x%03x", name, offset);
	if (!err && header != 0)
		mb->version = (uint8_t)field_get32(EXT_CAP_VERSION, header);
	if (!err)
		err = ops->read(opaque, (uint16_t)(offset + DOE_STATUS), &status);
	if (!err && status == UINT32_MAX)
		return log_fail(-ENODEV, "%s: the DOE mailbox at 0x%03x reads all ones; the device may be gone", name,
				offset);
	return err;
}

/* 6.30.1.1: feature @index; *@next is the index that follows, 0: none. */
static int discover_one(struct doe_mailbox *mb, uint8_t index, struct doe_feature *feature, uint8_t *next)
{
	uint8_t req[4], rsp[4];
	struct wire_out out = wire_out(req, sizeof(req));
	struct wire_in in = wire_in(rsp, sizeof(rsp));

	wire_put_u32(&out, field_prep32(DOE_DISCOVERY_INDEX, index) |
				   field_prep32(DOE_DISCOVERY_VERSION, mb->version >= 2 ? DISCOVERY_VER_V2 : 0));
	int n = doe_exchange(mb, DOE_VENDOR_PCI_SIG, DOE_TYPE_DISCOVERY, req, sizeof(req), rsp, sizeof(rsp));

	if (n < 0)
		return n;
	if (n != sizeof(rsp))
		return log_fail(-EBADMSG, "%s: the DOE mailbox answers a discovery with %d bytes instead of %zu",
				mb->name, n, sizeof(rsp));
	uint32_t dw = wire_u32(&in);

	feature->vendor = (uint16_t)field_get32(DOE_DISCOVERY_VENDOR, dw);
	feature->type = (uint8_t)field_get32(DOE_DISCOVERY_TYPE, dw);
	*next = (uint8_t)field_get32(DOE_DISCOVERY_NEXT, dw);
	return 0;
}

int doe_discover(struct doe_mailbox *mb, struct doe_feature *features, unsigned max)
{
	uint8_t index = 0, next = 0;
	unsigned n = 0;

	do {
		struct doe_feature feature;
		int err = discover_one(mb, index, &feature, &next);

		if (err)
			return err;
		if (mb->slept_us >= DOE_DISCOVERY_MS * UINT64_C(1000))
			return log_fail(-ETIMEDOUT,
					"%s: has let wait for %u ms in all for what its DOE mailboxes speak; it is not "
					"waited for any longer",
					mb->name, DOE_DISCOVERY_MS);
		/* Indices grow, or a device could keep us here for ever. */
		if (n == max || (next != 0 && next <= index))
			return log_fail(-EBADMSG, "%s: the DOE mailbox at 0x%03x lists features without end", mb->name,
					mb->offset);
		features[n++] = feature;
		index = next;
	} while (next != 0);
	return (int)n;
}

static bool speaks(const struct doe_feature *features, int n, uint8_t type)
{
	for (int i = 0; i < n; i++)
		if (features[i].vendor == DOE_VENDOR_PCI_SIG && features[i].type == type)
			return true;
	return false;
}

int doe_open_spdm(struct doe_mailbox *mb, const struct doe_cfg_ops *ops, void *opaque, const char *name, unsigned skip)
{
	struct doe_feature features[MAX_FEATURES];
	uint64_t slept_us = 0;
	uint16_t after = 0;

	for (;;) {
		int at = doe_find(ops, opaque, name, after);

		if (at <= 0)
			return at < 0 ? at : -ENODEV;
		int err = doe_mailbox_init(mb, ops, opaque, name, (uint16_t)at);

		if (err)
			return err;
		mb->slept_us = slept_us;
		int n = doe_discover(mb, features, MAX_FEATURES);

		if (n < 0)
			return n;
		if (speaks(features, n, DOE_TYPE_SPDM) && speaks(features, n, DOE_TYPE_SECURED_SPDM) && skip-- == 0)
			return 0;
		after = (uint16_t)at;
		slept_us = mb->slept_us;
	}
}

int doe_cfg_open_sysfs(const char *bdf)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = sys_open(path, O_RDWR);
	if (fd < 0)
		return log_fail(-errno, "%s: cannot open its configuration space: %s", bdf, strerror(errno));
	return fd;
}

static int fd_read(void *opaque, uint16_t offset, uint32_t *value)
{
	const struct doe_cfg_fd *cfg = opaque;
	uint32_t raw;
	ssize_t n = sys_pread(cfg->fd, &raw, sizeof(raw), (off_t)(cfg->base + offset));

	if (n == sizeof(raw)) {
		*value = le32toh(raw);
		return 0;
	}
	/* sysfs gives an unprivileged reader the first 64 bytes only. */
	if (n >= 0)
		return log_fail(-EPERM, "%s: cannot read its configuration space at 0x%03x; it takes CAP_SYS_ADMIN",
				cfg->name, offset);
	return log_fail(-errno, "%s: cannot read its configuration space at 0x%03x: %s", cfg->name, offset,
			strerror(errno));
}

static int fd_write(void *opaque, uint16_t offset, uint32_t value)
{
	const struct doe_cfg_fd *cfg = opaque;
	uint32_t raw = htole32(value);
	ssize_t n = sys_pwrite(cfg->fd, &raw, sizeof(raw), (off_t)(cfg->base + offset));

	if (n == sizeof(raw))
		return 0;
	if (n < 0 && errno == EPERM)
		return log_fail(-EPERM,
				"%s: the kernel refuses to write its configuration space; kernel lockdown may be on",
				cfg->name);
	return log_fail(n < 0 ? -errno : -EIO, "%s: cannot write its configuration space at 0x%03x: %s", cfg->name,
			offset, n < 0 ? strerror(errno) : "short write");
}

static void fd_sleep(void *opaque, unsigned us)
{
	struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};

	nanosleep(&ts, NULL);
}

const struct doe_cfg_ops doe_cfg_fd_ops = {
	.read = fd_read,
	.write = fd_write,
	.sleep = fd_sleep,
};
