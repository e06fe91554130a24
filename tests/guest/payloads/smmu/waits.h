/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases of stalls, ATS and page requests share: requests that are not waited for. */
#ifndef GUEST_SMMU_WAITS_H
#define GUEST_SMMU_WAITS_H

#include "rig.h"

#define VA 0x40000ull /* where the cases' tables map data */

/** Begins to write @value at @iova by @channel. */
void waits_write(unsigned channel, uint64_t iova, uint64_t value, uint32_t flags, uint32_t pasid);
uint32_t waits_status(unsigned channel);
/** The code of @channel's request, when that ends; fails the case if it does not. */
enum testdev_kind waits_end(unsigned channel);
/** The next event, which is waited for. False: none comes, and the case has failed. */
bool waits_event(struct smmu_ev *ev);
/** Stage 1 with @more in the CD (D0_S) and @dw1 in the STE; nothing is mapped but the tables above. */
struct pt *waits_stream(uint64_t more, uint64_t dw1);
/** Puts page @n of data at VA + n * PAGE; @there false: nothing. */
void waits_map(struct pt *pt, unsigned n, bool there);
uint32_t dev_get(uint32_t reg);
void dev_set(uint32_t reg, uint32_t value);

extern const struct guest_case stall_cases[], ats_cases[], pri_cases[];
extern const unsigned nr_stall, nr_ats, nr_pri;

#endif
