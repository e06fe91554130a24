/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pretended /dev/iommu with the rules of drivers/iommu/iommufd and arm-smmu-v3 that aerie depends on: object graph
 * with -EBUSY for what is in use, overlap and whole-area unmap of IOAS, vSTE validation, one vDEVICE per device and
 * StreamID, the StreamID cached at attach. One /dev/iommu is open at a time.
 */
#ifndef AERIE_FAKE_IOMMU_H
#define AERIE_FAKE_IOMMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fake_obj_type {
	FAKE_FREE,
	FAKE_DEVICE,
	FAKE_IOAS,
	FAKE_HWPT_PAGING,
	FAKE_HWPT_NESTED,
	FAKE_VIOMMU,
	FAKE_VDEVICE,
	FAKE_VEVENTQ,
	FAKE_FAULT,
};

struct fake_obj {
	enum fake_obj_type type;
	uint32_t id;
	struct fake_obj *parent; /* counted in its users */
	unsigned users;
	char smmu[64];		/* DEVICE and what was made for one: the physical instance */
	bool nest_parent;	/* HWPT_PAGING */
	uint64_t ste[2];	/* HWPT_NESTED */
	uint64_t virt_id;	/* VDEVICE */
	struct fake_obj *dev;	/* VDEVICE: its DEVICE */
	int pipe_wr;		/* VEVENTQ: where a test feeds events */
	bool stalls;		/* DEVICE: stall_enabled of struct arm_smmu_master */
	struct fake_obj *fault; /* HWPT_NESTED: its fault queue; counted in its users */
	int fd;			/* FAULT: the open queue, -1 none */
};

/* Knobs; fake_iommu_install() sets them to a host that nests. */
struct fake_iommu_knobs {
	int open_err;	  /* errno of open(), 0: works */
	uint32_t hw_type; /* IOMMU_HW_INFO_TYPE_* */
	uint32_t idr[6];
	uint8_t max_pasid_log2;		/* of devices */
	uint64_t capabilities;		/* IOMMU_HW_CAP_* of devices */
	bool no_nest_parent;		/* the driver refuses NEST_PARENT */
	bool no_sva;			/* the kernel has no ARM_SMMU_V3_SVA */
	bool no_viommu;			/* the driver refuses VIOMMU_ALLOC */
	uint64_t memlock;		/* bytes that can be mapped */
	uint64_t resv_first, resv_last; /* the SW_MSI window */
	uint64_t aperture_last;		/* last I/O address that devices reach */
	uint64_t align;			/* of mappings in an IOAS */
	uint32_t invalidate_fail_at;	/* number of the command that fails, UINT32_MAX: none */
};
extern struct fake_iommu_knobs fake_iommu;

#define FAKE_MAX_CMDS	  4096u
#define FAKE_MAX_ATTACHED 1024u

/* Observations. */
struct fake_iommu_seen {
	unsigned objects; /* alive, devices not counted */
	unsigned nested;  /* nested HWPTs alive */
	unsigned nested_peak;
	unsigned maps;			 /* IOAS mappings alive */
	unsigned invalidates;		 /* ioctls */
	uint64_t cmds[FAKE_MAX_CMDS][2]; /* commands carried out */
	uint32_t nr_cmds;
	unsigned copies, unmaps;	      /* IOAS_COPY and IOAS_UNMAP ioctls */
	uint32_t attached[FAKE_MAX_ATTACHED]; /* objects that devices were attached to, in order */
	unsigned nr_attached;
};
extern struct fake_iommu_seen fake_iommu_seen;

struct fake_obj *fake_iommu_obj(uint32_t id);

/** Where DMA of a device attached to @pt (an IOAS or a HWPT over one) goes: false: nowhere. *@pa: the I/O address at
 * which the page was first mapped, which for guest RAM is its guest physical address. */
bool fake_iommu_translate(const struct fake_obj *pt, uint64_t iova, bool write, uint64_t *pa);

/** Writes raw bytes into the vEVENTQ's stream. */
void fake_iommu_feed(const void *bytes, size_t len);

/* Page faults: what iommufd makes of stalled transactions. */

#define FAKE_MAX_FAULTS (1u << 18)

struct fake_fault {
	uint32_t tag;	/* the test's name of the group, below FAKE_MAX_FAULTS; each one once */
	unsigned n;	/* records, 0 means 1; at addr, addr + 4096, ... */
	uint32_t flags; /* IOMMU_PGFAULT_FLAGS_PASID_VALID */
	uint32_t pasid, grpid, perm;
	uint64_t addr;
};

/* Of all groups that were raised since fake_iommu_install(). */
struct fake_faults_seen {
	unsigned open;			  /* no answer yet */
	unsigned unread;		  /* of those: not read from the queue */
	unsigned retried, invalid, autos; /* answers; autos: by the kernel itself */
	unsigned unknown;		  /* answers that named no group */
	uint8_t answers[FAKE_MAX_FAULTS]; /* by tag */
};
extern struct fake_faults_seen fake_faults_seen;

/** @dev, attached to @to, stalls. Without a fault queue on @to the kernel aborts the access: false. */
bool fake_fault_raise(struct fake_obj *dev, const struct fake_obj *to, const struct fake_fault *fault);

/* For fake_vfio.c. */

/** The attachment of @dev ends: iommufd_auto_response_faults(). */
void fake_fault_detach(const struct fake_obj *dev);

/** Device object in the iommufd behind @iommu_fd; @stalls: the firmware marks it so. 0 or -errno. */
int fake_iommu_bind(int iommu_fd, const char *smmu, bool stalls, struct fake_obj **dev);
void fake_iommu_unbind(struct fake_obj *dev);
/** Checks an attach of @dev to object @pt as iommufd and arm-smmu-v3 do, takes a reference. *@vsid: what is cached. */
int fake_iommu_attach(struct fake_obj *dev, uint32_t pt, struct fake_obj **to, int64_t *vsid);
void fake_iommu_put(struct fake_obj *obj);

#endif
