/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fw_cfg: items of bytes, by number or by name, that firmware built for QEMU's machines asks for. Items are added when
 * the machine is built and never change; the guest cannot write any.
 */
#ifndef AERIE_FW_CFG_H
#define AERIE_FW_CFG_H

#include <stddef.h>
#include <stdint.h>

struct device;
struct fw_cfg;
struct vm;

/** Creates the device at @base with the items that every machine has (signature, id, memory size, @cpus, directory).
 *  0 or -errno (logged). */
int fw_cfg_create(struct fw_cfg **out, struct vm *vm, uint64_t base, uint16_t cpus);

struct device *fw_cfg_device(struct fw_cfg *cfg);

/** Adds item @key, a copy of @len bytes of @data. 0; -EEXIST; -ENOSPC; -ENOMEM (all logged). */
int fw_cfg_add(struct fw_cfg *cfg, uint16_t key, const void *data, size_t len);

/** The same for an item of the directory; @name has fewer than 56 bytes. */
int fw_cfg_add_file(struct fw_cfg *cfg, const char *name, const void *data, size_t len);

/** Adds item @key, the first @len bytes of the file behind @fd, which is read when the guest asks. Borrows @fd. */
int fw_cfg_add_fd(struct fw_cfg *cfg, uint16_t key, int fd, uint32_t len);

#endif
