/* SPDX-License-Identifier: Apache-2.0 */
/* State of one SMMU and what its files tell each other. Everything is guarded by the device lock. */
#ifndef AERIE_SMMU_PRIV_H
#define AERIE_SMMU_PRIV_H

#include "dma_ats.h"
#include "regtable.h"
#include "smmu.h"
#include "smmu_regs.h"
#include "smmu_stall.h"
#include "smmu_tables.h"
#include "smmu_tlb.h"
#include "smmu_walk.h"

/* log2 of the entries that IDR1 offers for the command and the event queue. Linux wants at least 2^7 commands. */
#define SMMU_CMDQS	    10u
#define SMMU_EVTQS	    10u
#define SMMU_PRIQS	    10u
/* StreamID bits: RIDs of one PCI segment. */
#define SMMU_SIDSIZE	    16u
/* Forwarded commands that wait for a sync, at most; also the most that one backend call gets. */
#define SMMU_BATCH_MAX	    256u
/* How long a CMD_SYNC waits for Invalidate Completions. ATS allows a device a minute; ours answer at once or never, and
 * drivers give a CMD_SYNC one second. */
#define SMMU_ATC_TIMEOUT_MS 500u
/* Context descriptors of emulated endpoints that are kept decoded; power of two. */
#define SMMU_CD_SLOTS	    256u

/* Indexes of smmu_rows[] and smmu->regs[]. */
enum smmu_reg {
	R_IDR0,
	R_IDR1,
	R_IDR2,
	R_IDR3,
	R_IDR4,
	R_IDR5,
	R_IIDR,
	R_AIDR,
	R_CR0,
	R_CR0ACK,
	R_CR1,
	R_CR2,
	R_STATUSR,
	R_GBPA,
	R_AGBPA,
	R_IRQ_CTRL,
	R_IRQ_CTRLACK,
	R_GERROR,
	R_GERRORN,
	R_GERROR_IRQ_CFG0,
	R_GERROR_IRQ_CFG1,
	R_GERROR_IRQ_CFG2,
	R_STRTAB_BASE,
	R_STRTAB_BASE_CFG,
	R_CMDQ_BASE,
	R_CMDQ_PROD,
	R_CMDQ_CONS,
	R_EVENTQ_BASE,
	R_EVENTQ_IRQ_CFG0,
	R_EVENTQ_IRQ_CFG1,
	R_EVENTQ_IRQ_CFG2,
	R_PRIQ_BASE,
	R_PRIQ_IRQ_CFG0,
	R_PRIQ_IRQ_CFG1,
	R_PRIQ_IRQ_CFG2,
	R_PIDR4,
	R_PIDR5,
	R_PIDR6,
	R_PIDR7,
	R_PIDR0,
	R_PIDR1,
	R_PIDR2,
	R_PIDR3,
	R_CIDR0,
	R_CIDR1,
	R_CIDR2,
	R_CIDR3,
	R_EVENTQ_PROD,
	R_EVENTQ_CONS,
	R_PRIQ_PROD,
	R_PRIQ_CONS,
	R_COUNT,
};

extern const struct reg_row smmu_rows[R_COUNT];

struct smmu_endpoint {
	struct viommu_endpoint ep;
	void *handle;
	struct smmu_stream now; /* what the backend does for it */
	uint32_t sid;		/* StreamID under which the backend knows it, if sid_known */
	bool sid_known;
	bool dirty;		      /* its STE was invalidated; settled at the next sync */
	bool named;		      /* ... by a CMD_CFGI_STE for its StreamID alone */
	enum smmu_event_id complaint; /* configuration error that the guest has been told of */
};

/* An emulated endpoint, with its part of the configuration cache: the STE of the StreamID that it had last. */
struct smmu_soft {
	struct viommu_endpoint ep;
	struct smmu *smmu;
	struct dma_space *space;
	uint32_t sid;
	bool cached;
	enum smmu_event_id event;      /* EVT_NONE, or what is wrong with the STE */
	struct smmu_stream_cfg stream; /* valid when there is nothing wrong */
};

/* The other part of the configuration cache, for all emulated endpoints. */
struct smmu_cd_slot {
	uint32_t sid, ssid;
	bool cached;
	enum smmu_event_id event;
	struct smmu_s1_cfg cd;
};

/* Forwarded commands gathered since the last flush. */
struct smmu_batch {
	struct smmu_cmd cmds[SMMU_BATCH_MAX];
	uint32_t n;
	uint32_t cons; /* queue index of the first */
};

struct smmu {
	struct device dev;
	struct bus_window window;
	struct bus *bus;
	const struct gmem *gmem;
	struct smmu_config config;
	struct smmu_host_caps host;
	uint64_t regs[R_COUNT];
	uint32_t cmdq_cons; /* index, with wrap bit, of the command in execution */
	struct smmu_batch batch;
	struct smmu_endpoint endpoints[SMMU_MAX_ENDPOINTS]; /* those that the host translates */
	unsigned nr_endpoints;
	struct smmu_soft soft[SMMU_MAX_ENDPOINTS];
	unsigned nr_soft;
	bool soft_stale; /* caches below the soft endpoints are to be made void before commands count as complete */
	struct smmu_cd_slot cds[SMMU_CD_SLOTS];
	struct smmu_tlb tlb;
	struct smmu_stalls stalls;
	struct {
		uint32_t epoch;	  /* of the invalidations that count */
		uint32_t pending; /* Invalidate Requests without an answer */
		bool waiting;	  /* a CMD_SYNC does, and the timer runs */
		bool failed;	  /* since the last CMD_SYNC one has timed out */
	} atc;
	struct smmu_event last_event; /* written without Stall; for merging */
	uint32_t last_prod;	      /* EVENTQ_PROD after it */
};

static inline uint32_t smmu_reg32(const struct smmu *smmu, enum smmu_reg reg)
{
	return (uint32_t)smmu->regs[reg];
}

/* A circular queue as its BASE register describes it (3.5.1). Indexes carry the wrap bit at bit log2size. */
struct smmu_queue {
	uint64_t base;
	uint32_t log2size;
};

static inline uint32_t smmu_queue_mask(const struct smmu_queue *q)
{
	return BIT32(q->log2size + 1) - 1;
}

static inline uint32_t smmu_queue_next(const struct smmu_queue *q, uint32_t index)
{
	return (index + 1) & smmu_queue_mask(q);
}

static inline uint64_t smmu_queue_addr(const struct smmu_queue *q, uint32_t index, uint32_t entry)
{
	return q->base + (uint64_t)(index & (BIT32(q->log2size) - 1)) * entry;
}

/** Geometry from a BASE register: LOG2SIZE capped at @max, base aligned to the larger of the queue and 32 bytes
 * (6.3.26). */
struct smmu_queue smmu_queue_of(uint64_t base_reg, uint32_t max, uint32_t entry);

/* smmu_id.c */
/** Values of IDR0 .. IDR5 for a guest: all that the model does, and with @host (may be NULL) only what that does too.
 *  0, or -ENOTSUP (logged) when the host cannot serve one. */
int smmu_id_init(uint32_t idr[6], const struct smmu_host_caps *host, bool host_stalls, const char *id);
/** IDR0.STALL_MODEL: transactions may stall. */
bool smmu_stall_offered(const struct smmu *smmu);
/** The guest's IDR0 .. IDR5. */
void smmu_id_get(const struct smmu *smmu, uint32_t idr[6]);

/* smmu_mmio.c */
enum bus_verdict smmu_mmio(struct bus_window *window, struct bus_access *access);
/** Reset values, identification registers kept. */
void smmu_mmio_reset(struct smmu *smmu);

/* smmu_cmdq.c */
/** Consumes commands until the queue is empty or in error. */
void smmu_cmdq_run(struct smmu *smmu);
/** Gathers a command for the host. 0 or -errno of a flush. */
int smmu_batch_add(struct smmu *smmu, const struct smmu_cmd *cmd);
/** Sends what was gathered in one call. On failure the queue goes back to the batch's first command. */
int smmu_batch_flush(struct smmu *smmu);
/** Makes every consumed command effective: flushes the batch, reconciles endpoints whose STE was invalidated. */
int smmu_settle(struct smmu *smmu);

/* smmu_cmd.c */
enum smmu_cmd_class {
	CMD_CLASS_ILLEGAL, /* raises CERROR_ILL */
	CMD_CLASS_IGNORE,  /* checked, without effect here */
	CMD_CLASS_LOCAL,   /* carried out by the model */
	CMD_CLASS_FORWARD, /* carried out by the host */
	CMD_CLASS_BOTH,	   /* by the model for emulated endpoints, by the host for the others. The kernel accepts
			    * exactly the opcodes of FORWARD and BOTH. */
};
enum smmu_cmd_class smmu_cmd_class(uint8_t opcode);
/** Name of the opcode, NULL when it is reserved. */
const char *smmu_cmd_name(uint8_t opcode);
enum smmu_cerror smmu_cmd_execute(struct smmu *smmu, const struct smmu_cmd *cmd);

/* smmu_events.c */
/** Writes one record to the guest's event queue, or loses it (disabled, full, aborted) as 7.2 says. */
void smmu_event_write(struct smmu *smmu, const struct smmu_event *event);
/** The same, unless it is what was written last and has not been read yet (7.3.1; the stream has STE.MEV set). */
void smmu_event_write_merged(struct smmu *smmu, const struct smmu_event *event);
/** Is the queue writable (7.2.1)? */
bool smmu_event_writable(const struct smmu *smmu);
/** The record of a stalled transaction, which is not lost: false when the queue is not writable. */
bool smmu_event_write_stall(struct smmu *smmu, const struct smmu_event *event);
/** A configuration error found by the model itself. */
void smmu_event_config(struct smmu *smmu, enum smmu_event_id id, uint32_t sid, uint64_t fetch_addr);

/** The record of what became of a transaction of @sid with @pasid (DMA_NO_PASID: none) to @iova. */
void smmu_event_fault_record(struct smmu_event *event, uint32_t sid, uint32_t pasid, uint64_t iova,
			     const struct smmu_fault *fault);

/* smmu_ats.c; @owner is a struct smmu_soft */
bool smmu_ats_offered(const struct smmu *smmu);
int smmu_ats_translate(void *owner, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out);
int smmu_ats_access(void *owner, uint64_t addr, unsigned access, struct dma_target *out);
void smmu_ats_invalidated(void *owner, uint32_t tag);
/** Carries a CMD_ATC_INV out at an emulated endpoint. */
void smmu_ats_invalidate(struct smmu *smmu, const struct smmu_cmd *cmd);
/* Not an error of the architecture: the command is to be repeated when its condition has come. */
#define CERROR_WAIT ((enum smmu_cerror)0x80)
/** May a CMD_SYNC complete? CERROR_NONE, CERROR_ATC_INV_SYNC, CERROR_WAIT. */
enum smmu_cerror smmu_ats_sync(struct smmu *smmu);
/** Forgets what is under way. */
void smmu_ats_reset(struct smmu *smmu);

/* smmu_pri.c */
bool smmu_pri_offered(const struct smmu *smmu);
void smmu_pri_request(void *owner, const struct dma_page_request *r);
/** Carries a CMD_PRI_RESP out. */
enum smmu_cerror smmu_pri_respond(struct smmu *smmu, const struct smmu_cmd *cmd);

/* smmu_irq.c */
bool smmu_gerror_active(const struct smmu *smmu, uint32_t bit);
/** Makes the errors @bits active unless they are (7.5) and raises the interrupt if one became active. */
void smmu_gerror_raise(struct smmu *smmu, uint32_t bits);
/** The event queue became non-empty. */
void smmu_irq_eventq(struct smmu *smmu);
/** A page request came. */
void smmu_irq_priq(struct smmu *smmu);
/** CMD_SYNC with CS = SIG_IRQ completed. @addr 0: wired. */
void smmu_irq_sync(struct smmu *smmu, uint64_t addr, uint32_t data);

/* smmu_endpoint.c */
/** Gives @ep the translation that registers and stream table ask for now. 0; on -errno (logged) its DMA is blocked. */
int smmu_endpoint_reconcile(struct smmu *smmu, struct smmu_endpoint *ep);
/** All endpoints; the first error. */
int smmu_endpoints_reconcile(struct smmu *smmu);
/** The endpoint that the backend knows by @sid; NULL if none. */
struct smmu_endpoint *smmu_endpoint_known(struct smmu *smmu, uint32_t sid);
/** The endpoint that was added with @handle; NULL if none. */
struct smmu_endpoint *smmu_endpoint_of(struct smmu *smmu, const void *handle);
/** Marks endpoints for reconciling whose StreamID equals @sid but for its low @ignore_bits bits (32: all). */
void smmu_endpoints_invalidate(struct smmu *smmu, uint32_t sid, unsigned ignore_bits);
/** Marks those whose CD could not be fetched: CDs of @sid were invalidated, so it is read again. */
void smmu_endpoints_invalidate_cd(struct smmu *smmu, uint32_t sid);
/** Reconciles what is marked; streams that stay as they are get their cached CDs invalidated (batched). */
int smmu_endpoints_settle(struct smmu *smmu);

/* smmu_cfgcache.c */
/** Decoded STE of @soft, whose StreamID is @sid; from the stream table unless cached. EVT_NONE, or the event of a
 *  transaction (@fault->event the same). */
enum smmu_event_id smmu_cached_ste(struct smmu *smmu, struct smmu_soft *soft, uint32_t sid, struct smmu_fault *fault);
/** Decoded CD of @ssid of a stream that stage 1 translates, valid until the next command. As smmu_cached_ste(). */
enum smmu_event_id smmu_cached_cd(struct smmu *smmu, const struct smmu_soft *soft, uint32_t ssid,
				  const struct smmu_request *req, const struct smmu_s1_cfg **cd,
				  struct smmu_fault *fault);
/** Forgets STEs, and CDs reached through them, of StreamIDs that equal @sid but for the low @ignore_bits (32: all). */
void smmu_cache_drop_ste(struct smmu *smmu, uint32_t sid, unsigned ignore_bits);
/** Forgets one CD. */
void smmu_cache_drop_cd(struct smmu *smmu, uint32_t sid, uint32_t ssid);
/** Forgets all CDs of a stream. */
void smmu_cache_drop_cds(struct smmu *smmu, uint32_t sid);

/* smmu_soft.c */
/** The emulated endpoint whose StreamID is @sid now; NULL if none. */
struct smmu_soft *smmu_soft_of(struct smmu *smmu, uint32_t sid);
/** Reset: nothing is cached. */
void smmu_soft_reset(struct smmu *smmu);
/** SMMUEN or GBPA changed: the configuration is read again. */
void smmu_soft_reconfigure(struct smmu *smmu);
/** Carries a CMD_TLBI_* out. */
void smmu_soft_tlbi(struct smmu *smmu, const struct smmu_cmd *cmd);
/** Makes what devices cached void, if a command since the last call asks for it. */
void smmu_soft_settle(struct smmu *smmu);

/* smmu_fdt.c */
void smmu_describe(struct device *dev, struct fdtw *fdt);
void smmu_describe_acpi(struct device *dev, struct acpi *acpi);

#endif
