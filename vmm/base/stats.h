/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened in this process: counters and time stamps of the phases of the VM's life. A process holds one VM, so
 * there is one set, global, written by any thread and read at any time (relaxed atomics). Printed on exit and on
 * SIGUSR1.
 */
#ifndef AERIE_STATS_H
#define AERIE_STATS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

/* X(name, what it counts) */
#define STATS_COUNTERS(X)                                                                                              \
	X(exit_mmio, "vCPU exits: MMIO read or write")                                                                 \
	X(exit_mmio_unhandled, "MMIO exits that no device claimed")                                                    \
	X(exit_system_event, "vCPU exits: power-off, reset and other system events")                                   \
	X(exit_interrupted, "vCPU exits: interrupted by a signal")                                                     \
	X(exit_other, "vCPU exits: all others")                                                                        \
	X(pci_cfg_accesses, "PCI configuration space accesses")                                                        \
	X(pci_bar_traps, "accesses to trapped parts of BARs")                                                          \
	X(smmu_commands, "SMMU commands taken from command queues")                                                    \
	X(smmu_commands_forwarded, "SMMU commands forwarded to the host")                                              \
	X(smmu_syncs, "CMD_SYNC completed")                                                                            \
	X(smmu_command_errors, "SMMU commands refused (CERROR_ILL, CERROR_ABT)")                                       \
	X(smmu_events, "SMMU events written to guest event queues")                                                    \
	X(smmu_events_lost, "SMMU events dropped: queue full, disabled, or lost by the host")                          \
	X(smmu_tlb_hits, "DMA translations found in an IOTLB")                                                         \
	X(smmu_tlb_misses, "DMA translations not found in an IOTLB")                                                   \
	X(smmu_tlb_removed, "IOTLB entries that CMD_TLBI_* removed")                                                   \
	X(smmu_walks, "table walks by an SMMU in software")                                                            \
	X(smmu_faults, "DMA of emulated devices that an SMMU refused")                                                 \
	X(smmu_events_merged, "SMMU events merged with the one before (STE.MEV)")                                      \
	X(smmu_stalls, "stalled transactions told to guests")                                                          \
	X(smmu_stalls_retried, "those of them that were retried")                                                      \
	X(smmu_stalls_terminated, "those of them that were terminated")                                                \
	X(smmu_stalls_suppressed, "transactions stalled behind another one of the same page")                          \
	X(smmu_stalls_parked, "transactions stalled for want of a stall tag or room in the event queue")               \
	X(smmu_stalls_peak, "stall tags in use at the same time, peak")                                                \
	X(smmu_resumes_unmatched, "CMD_RESUME that named no stalled transaction")                                      \
	X(smmu_ats_requests, "ATS Translation Requests of emulated endpoints")                                         \
	X(smmu_atc_invalidations, "ATS Invalidate Requests sent to emulated endpoints")                                \
	X(smmu_atc_timeouts, "CMD_SYNC that gave up on Invalidate Completions")                                        \
	X(smmu_page_requests, "page requests written to guest PRI queues")                                             \
	X(smmu_page_requests_refused, "page requests that an SMMU answered itself or dropped")                         \
	X(smmu_page_responses, "CMD_PRI_RESP carried out")                                                             \
	X(viommu_requests, "virtio-iommu requests")                                                                    \
	X(viommu_maps, "virtio-iommu mappings made")                                                                   \
	X(viommu_unmaps, "virtio-iommu mappings removed by UNMAP")                                                     \
	X(viommu_faults, "DMA of emulated devices that virtio-iommu refused")                                          \
	X(viommu_faults_dropped, "those of them that the guest was not told: no buffer")                               \
	X(host_faults, "groups of page faults of assigned devices that the host handed over")                          \
	X(host_faults_retried, "of those: the guest let the device try again")                                         \
	X(host_faults_refused, "of those: the guest let the access fail")                                              \
	X(host_faults_expired, "of those: the guest did not answer in time")                                           \
	X(host_faults_withdrawn, "of those: ended by a change of the device's translation")                            \
	X(host_faults_turned_away, "of those: not told to the guest")                                                  \
	X(iommufd_invalidate, "IOMMU_HWPT_INVALIDATE ioctls")                                                          \
	X(iommufd_hwpt_alloc, "IOMMU_HWPT_ALLOC ioctls")                                                               \
	X(iommufd_attach, "VFIO_DEVICE_ATTACH_IOMMUFD_PT ioctls")                                                      \
	X(iommufd_ioas_map, "IOMMU_IOAS_MAP and MAP_FILE ioctls before the guest started")                             \
	X(iommufd_ioas_map_running, "IOMMU_IOAS_MAP and MAP_FILE ioctls after the guest had started")                  \
	X(iommufd_ioas_copy, "IOMMU_IOAS_COPY ioctls")                                                                 \
	X(iommufd_ioas_unmap, "IOMMU_IOAS_UNMAP ioctls")                                                               \
	X(iommufd_other, "all other iommufd ioctls")                                                                   \
	X(vfio_set_irqs, "VFIO_DEVICE_SET_IRQS ioctls")                                                                \
	X(msi_routes_connected, "MSI routes connected to the guest")                                                   \
	X(msi_routes_peak, "MSI routes in use at the same time, peak")                                                 \
	X(gsi_table_updates, "KVM_SET_GSI_ROUTING ioctls")                                                             \
	X(resets, "guest resets")                                                                                      \
	X(console_bytes_out, "bytes the guest wrote to its console")

/* X(name, the moment) - first occurrence only, nanoseconds of CLOCK_MONOTONIC */
#define STATS_PHASES(X)                                                                                                \
	X(process_start, "process start")                                                                              \
	X(config_read, "configuration read")                                                                           \
	X(vm_built, "VM built")                                                                                        \
	X(first_instruction, "first guest instruction")                                                                \
	X(first_console_output, "first console output")                                                                \
	X(guest_stopped, "guest stopped")

struct stats {
#define X(name, text) _Atomic uint64_t name;
	STATS_COUNTERS(X)
#undef X
	struct {
#define X(name, text) _Atomic uint64_t name;
		STATS_PHASES(X)
#undef X
	} phase;
};

extern struct stats stats;

static inline void stats_inc(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static inline void stats_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/** Raises *@counter to @value if it is below. */
void stats_peak(_Atomic uint64_t *counter, uint64_t value);

/** Stamps a phase with the present time unless it has a stamp already: `stats_stamp(&stats.phase.vm_built)`. */
void stats_stamp(_Atomic uint64_t *phase);

/** Readable table of all counters that are not 0 and of the phases in microseconds since process start. */
void stats_print(FILE *out);

/** One JSON object {"counters": {...}, "phases_us": {...}}, all counters included. */
void stats_json(FILE *out);

/** That, into a file. Returns 0 or -errno (logged). */
int stats_write_json(const char *path);

#endif
