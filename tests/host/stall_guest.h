/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest of a nested translation, as far as it is memory: RAM behind stage 2 with a CD table and a stage-1 table of
 * 4 KiB pages (Arm IHI 0070, 5.4; Arm DDI 0487, D8.3), which the host's SMMU walks.
 */
#ifndef AERIE_TEST_STALL_GUEST_H
#define AERIE_TEST_STALL_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#define GUEST_IPA   UINT64_C(0x40000000)
#define GUEST_SIZE  (UINT64_C(4) << 20)
#define GUEST_PAGES 512u /* pages of I/O addresses, from GUEST_IOVA on; each has a page of RAM of its own */
#define GUEST_IOVA  (UINT64_C(1) << 30)
#define GUEST_CDS   4u /* SubstreamIDs 0 .. 3, all with the same table and an ASID of their own */

struct guest {
	int memfd;
	uint8_t *ram;
	uint64_t ste[2]; /* of the stream */
};

/** RAM and tables, nothing mapped; @stall: faults stall (CD.S). 0 or -errno. */
int guest_make(struct guest *guest, bool stall);
/** The same CDs again, with another @stall. */
void guest_cds(struct guest *guest, bool stall);

/** Maps or unmaps page @n; the SMMU is not told. */
void guest_map(struct guest *guest, unsigned n, bool writable);
void guest_unmap(struct guest *guest, unsigned n);
bool guest_is_mapped(const struct guest *guest, unsigned n);

/** The RAM behind page @n. */
uint8_t *guest_page(const struct guest *guest, unsigned n);

#endif
