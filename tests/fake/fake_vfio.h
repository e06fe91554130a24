/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pretended VFIO character devices with the rules of vfio-pci, and the sysfs that leads to them. A device is described
 * by a struct fake_vfio_dev that the test owns and may change at any time.
 */
#ifndef AERIE_FAKE_VFIO_H
#define AERIE_FAKE_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vfio.h>

#include "fake_iommu.h"

#define FAKE_VFIO_REGIONS 9u
#define FAKE_VFIO_VECTORS 2048u
#define FAKE_VFIO_DEVICES 8u
#define FAKE_VFIO_LOG	  256u

/* What a test can read back of a SET_IRQS call. */
struct fake_set_irqs {
	uint32_t flags, index, start, count;
	int32_t first; /* first eventfd, -2: no data */
	int ret;
};

struct fake_vfio_region {
	uint64_t size;
	uint32_t flags; /* VFIO_REGION_INFO_FLAG_* */
	uint8_t *mem;	/* contents; NULL: reads as 0xff, writes vanish */
	struct {
		uint64_t offset, size;
	} sparse[4];
	unsigned nr_sparse; /* > 0: reported as SPARSE_MMAP */
};

struct fake_vfio_dev {
	char bdf[16];
	char iommu[64]; /* "smmu3.0x0000000009050000" */
	/* behaviour */
	uint8_t config[4096];
	struct fake_vfio_region regions[FAKE_VFIO_REGIONS];
	struct {
		uint32_t count;
		bool noresize;
	} irqs[VFIO_PCI_NUM_IRQS];
	uint32_t vectors_left; /* MSI and MSI-X vectors that the host can give at once */
	/* Registers with effects: dwords of config space [special_at, special_at + special_len) */
	uint32_t (*special_read)(void *opaque, unsigned offset);
	void (*special_write)(void *opaque, unsigned offset, uint32_t value);
	void *special;
	unsigned special_at, special_len;
	bool can_reset;
	bool can_stall;						   /* dma-can-stall, set before fake_vfio_add() */
	int open_err, bind_err, attach_err, detach_err, reset_err; /* errno; 0: works */
	int set_irqs_err;	/* errno of the SET_IRQS calls whose number is in set_irqs_fail */
	uint32_t set_irqs_fail; /* number of the SET_IRQS call from now that fails, 0: none; all later work */
	/* observations */
	bool open;
	struct fake_obj *dev;	   /* iommufd device while bound */
	struct fake_obj *attached; /* NULL: detached */
	int64_t vsid;		   /* cached at attach, -1: none */
	bool was_bypassed;	   /* has been attached to a bypassing HWPT or an IOAS since the flag was cleared */
	bool kvm, kvm_late; /* KVM's VFIO device has it; was told only after the device had been bound */
	unsigned resets, attaches;
	int active;	    /* VFIO index enabled, -1 none */
	uint32_t allocated; /* vectors */
	int32_t trigger[FAKE_VFIO_VECTORS];
	int32_t unmask, err_fd, req_fd;
	struct fake_set_irqs log[FAKE_VFIO_LOG];
	unsigned nr_log;
};

/** KVM's VFIO device (virt/kvm/vfio.c): keeps a device open, whatever happens to the descriptor, until it is told to
 *  let go. */
extern const struct fake_type fake_kvm_vfio_type;

/** Empty sysfs in a temporary directory, which becomes sys_root. */
void fake_sysfs_create(void);
/** Removes it and sets sys_root to "". */
void fake_sysfs_remove(void);
/** Writes @text to a file of it; folders are made as needed. */
void fake_sysfs_file(const char *path, const char *text);
void fake_sysfs_link(const char *path, const char *target);

/** A PCI device in sysfs: @driver and @iommu may be NULL, @group -1. */
void fake_sysfs_device(const char *bdf, uint32_t class_code, const char *driver, const char *iommu, int group);

/** Adds @dev as /dev/vfio/devices/vfio<N> and to sysfs (group 10 + N, driver vfio-pci). Its config, regions and
 * interrupts are the test's; fields that are 0 stay 0. */
void fake_vfio_add(struct fake_vfio_dev *dev, const char *bdf);

/** A small NVMe-like function: 64-bit BAR 0 of 16 KiB with the MSI-X table (65 vectors) at 0x2000 and the PBA at
 * 0x3000, PM, MSI, MSI-X, PCIe with FLR, AER and DSN, INTx pin A. */
void fake_vfio_nvme(struct fake_vfio_dev *dev, uint8_t *bar0);

/** Writes a little-endian field into the config space. */
void fake_vfio_set(struct fake_vfio_dev *dev, unsigned offset, unsigned size, uint32_t value);

#endif
