/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host PCI device opened through its VFIO character device and bound to an iommufd. The VFIO calls about IOMMU
 * attachment live here; those about regions, interrupts and reset live in pci/assign, on host_dev->fd.
 */
#ifndef AERIE_HOST_DEV_H
#define AERIE_HOST_DEV_H

#include <stdbool.h>
#include <stdint.h>

#include "iommufd.h"

#define HOST_BDF_LEN   16
#define HOST_GROUP_MAX 32u

struct host_dev {
	char bdf[HOST_BDF_LEN]; /* "0000:01:00.0" */
	char iommu[64];		/* name of the physical IOMMU, from the `iommu` link; identifies the instance */
	int fd;			/* VFIO cdev, owned, bound */
	uint32_t devid;		/* iommufd device id */
	struct iommufd *iommufd;
	bool can_stall;		    /* the host's firmware says so, see struct host_dev_info */
	struct iommu_obj *attached; /* IOAS or HWPT that translates it now; NULL: detached, DMA blocked */
	bool blocked;		    /* `attached` is only where it goes once it is unblocked; see host_dev_block() */
};

/* What sysfs says of a PCI device of the host; also behind `aerie devices` and `aerie check`. */
struct host_dev_info {
	char bdf[HOST_BDF_LEN];
	uint16_t vendor, device;
	uint32_t class_code;
	char driver[64];   /* "" when none is bound */
	char cdev[64];	   /* "/dev/vfio/devices/vfioN", "" when there is none */
	char iommu[64];	   /* "" when no IOMMU translates it */
	bool can_stall;	   /* dma-can-stall: waits while a page fault of its is served, with an SMMU that stalls */
	int group;	   /* IOMMU group, -1 none */
	unsigned nr_group; /* members of the group, itself included, PCI-to-PCI bridges not: those do no harm */
	char members[HOST_GROUP_MAX][HOST_BDF_LEN]; /* the first HOST_GROUP_MAX of them, sorted */
};

/* I/O addresses that the host keeps from a device: its MSI window, firmware's direct mappings, holes. */
struct host_reserved {
	struct range range;
	char type[24]; /* "direct", "direct-relaxable", "reserved", "msi" */
};
#define HOST_RESERVED_MAX 32u

/** Checks the form of a BDF ("0000:01:00.0", or "01:00.0" which means domain 0) and writes its full form.
 *  Returns 0 or -EINVAL (not logged). */
int host_bdf_parse(const char *text, char bdf[HOST_BDF_LEN]);

/** Reads sysfs. Returns 0 or -ENOENT (no such device; not logged). */
int host_dev_probe(const char *bdf, struct host_dev_info *info);

/** Reads the reserved regions of the device's group. Fills at most @max; returns the number or -errno (not logged). */
int host_dev_reserved(const char *bdf, struct host_reserved *regions, unsigned max);

#define HOST_NR_BARS 6u
struct host_bar {
	uint64_t addr, size; /* on the host's bus; size 0: there is none */
	bool memory;
};
/** Where the host has put the BARs of a device. 0 or -errno (not logged). */
int host_dev_bars(const char *bdf, struct host_bar bars[HOST_NR_BARS]);

/** Opens and binds. Refuses with a message of its own: no such device, bound to another driver (which, and the `aerie
 * bind` that helps), no cdev (kernel option), busy, a group with other members (listed), no IOMMU, no isolated MSI. */
int host_dev_open(struct host_dev *dev, const char *bdf, struct iommufd *iommufd);
/** Detaches, unbinds, closes. Children of the device (vDEVICE, HWPTs) must be gone. */
void host_dev_close(struct host_dev *dev);

/** Attaches to an IOAS or HWPT, replacing the present attachment atomically; no-op when it is @to already. */
int host_dev_attach(struct host_dev *dev, struct iommu_obj *to);
/** The same, not logged. */
int host_dev_try_attach(struct host_dev *dev, struct iommu_obj *to);
void host_dev_detach(struct host_dev *dev);

/**
 * Blocks all DMA of the device, its interrupts with it, whatever it is attached to: the kernel holds it in its blocking
 * domain (iommufd_hw_pagetable_detach()). Attaching and detaching still work and take effect when it is unblocked. 0 or
 * -errno (logged): then it may still do DMA, and the caller has to stop it by other means.
 */
int host_dev_block(struct host_dev *dev);
/** The end of that: to `attached`. 0 or -errno (logged): it stays blocked. */
int host_dev_unblock(struct host_dev *dev);

#endif
