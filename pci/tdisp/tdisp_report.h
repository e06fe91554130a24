/* SPDX-License-Identifier: Apache-2.0 */
/* The device interface report of TDISP (PCIe 6.1, 11.3.11): reading, writing, and checking it against BARs. */
#ifndef AERIE_TDISP_REPORT_H
#define AERIE_TDISP_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "range.h"
#include "tdisp_regs.h"

#define TDISP_MAX_RANGES   64u
#define TDISP_REPORT_MAX   0xffffu /* offsets and lengths have 16 bits */
#define TDISP_SPECIFIC_MAX 4096u
#define TDISP_NR_BARS	   6u

struct tdisp_range {
	uint64_t first_page; /* number of the first 4 KiB page, the MMIO reporting offset added */
	uint32_t pages;
	uint16_t attributes; /* TDISP_RANGE_* */
	uint16_t id;	     /* 0 .. 5: the BAR */
};

struct tdisp_report {
	uint16_t info; /* TDISP_INFO_* */
	uint16_t msix_control, lnr_control;
	uint32_t tph_control;
	unsigned nr_ranges;
	struct tdisp_range ranges[TDISP_MAX_RANGES];
	const uint8_t *specific; /* device specific information, inside the buffer; may be NULL when len is 0 */
	uint32_t specific_len;
};

/* A BAR as the host programmed it. @size 0: there is none. */
struct tdisp_bar {
	uint64_t addr, size; /* bytes */
};

/** Takes a report apart; @len is that of the whole report. 0, or -EBADMSG with *@why (a constant): lengths that do not
 * fit, more than TDISP_MAX_RANGES ranges, reserved bits. */
int tdisp_report_parse(const void *buf, size_t len, struct tdisp_report *out, const char **why);

/** Writes @report. Returns its length or -EMSGSIZE. */
int tdisp_report_write(const struct tdisp_report *report, uint8_t *buf, size_t cap);

/**
 * Checks the ranges: at least a page each, in the order of their BARs, not overlapping, each inside the BAR that its id
 * names once @mmio_offset is removed. A TEE that maps what this function lets through never maps anything else.
 * 0, or -EPERM with *@why.
 */
int tdisp_report_check(const struct tdisp_report *report, const struct tdisp_bar bars[TDISP_NR_BARS],
		       uint64_t mmio_offset, const char **why);

/** Where @range is on the bus. False when it wraps around the end of the address space or has no pages. */
bool tdisp_range_bytes(const struct tdisp_range *range, uint64_t mmio_offset, struct range *out);

/** A name for messages: "CONFIG_LOCKED"; "INVALID_NONCE". */
const char *tdisp_state_name(enum tdisp_state state);
const char *tdisp_error_name(uint32_t error);

#endif
