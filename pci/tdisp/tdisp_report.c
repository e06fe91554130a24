/* SPDX-License-Identifier: Apache-2.0 */
#include "tdisp_report.h"

#include <errno.h>

#include "wire.h"

static int bad(const char **why, int err, const char *text)
{
	*why = text;
	return err;
}

static void read_range(struct wire_in *in, struct tdisp_range *range)
{
	range->first_page = wire_u64(in);
	range->pages = wire_u32(in);
	range->attributes = wire_u16(in) & TDISP_RANGE_DEFINED;
	range->id = wire_u16(in);
}

int tdisp_report_parse(const void *buf, size_t len, struct tdisp_report *out, const char **why)
{
	struct wire_in in = wire_in(buf, len);

	/* 11.3.3: reserved bits are ignored when read. */
	*out = (struct tdisp_report){.info = wire_u16(&in) & TDISP_INFO_DEFINED};
	wire_u16(&in);
	out->msix_control = wire_u16(&in);
	out->lnr_control = wire_u16(&in);
	out->tph_control = wire_u32(&in);
	uint32_t ranges = wire_u32(&in);

	if (in.bad)
		return bad(why, -EBADMSG, "it ends before its list of MMIO ranges");
	if (ranges > TDISP_MAX_RANGES)
		return bad(why, -EBADMSG, "it lists more MMIO ranges than any interface has");
	for (; out->nr_ranges < ranges; out->nr_ranges++)
		read_range(&in, &out->ranges[out->nr_ranges]);
	out->specific_len = wire_u32(&in);
	if (in.bad)
		return bad(why, -EBADMSG, "it ends within its list of MMIO ranges");
	out->specific = wire_bytes(&in, out->specific_len);
	if (!wire_done(&in))
		return bad(why, -EBADMSG, "its length is not that of its contents");
	return 0;
}

int tdisp_report_write(const struct tdisp_report *report, uint8_t *buf, size_t cap)
{
	struct wire_out out = wire_out(buf, cap < TDISP_REPORT_MAX ? cap : TDISP_REPORT_MAX);

	wire_put_u16(&out, report->info);
	wire_put_u16(&out, 0);
	wire_put_u16(&out, report->msix_control);
	wire_put_u16(&out, report->lnr_control);
	wire_put_u32(&out, report->tph_control);
	wire_put_u32(&out, report->nr_ranges);
	for (unsigned i = 0; i < report->nr_ranges; i++) {
		const struct tdisp_range *range = &report->ranges[i];

		wire_put_u64(&out, range->first_page);
		wire_put_u32(&out, range->pages);
		wire_put_u16(&out, range->attributes);
		wire_put_u16(&out, range->id);
	}
	wire_put_u32(&out, report->specific_len);
	wire_put(&out, report->specific, report->specific_len);
	return out.bad ? -EMSGSIZE : (int)out.len;
}

bool tdisp_range_bytes(const struct tdisp_range *range, uint64_t mmio_offset, struct range *out)
{
	uint64_t first = (range->first_page << TDISP_PAGE_SHIFT) - mmio_offset;

	/* Page numbers have 52 bits; more would vanish in the shift. */
	if (range->first_page >> (64 - TDISP_PAGE_SHIFT) || first & (BIT64(TDISP_PAGE_SHIFT) - 1)) {
		*out = (struct range){0};
		return false;
	}
	return range_make(out, first, (uint64_t)range->pages << TDISP_PAGE_SHIFT);
}

static int check_range(const struct tdisp_range *range, const struct tdisp_bar *bars, uint64_t mmio_offset,
		       struct range *bytes, const char **why)
{
	struct range bar;

	if (!tdisp_range_bytes(range, mmio_offset, bytes))
		return bad(why, -EPERM, "an MMIO range has no pages or leaves the address space");
	if (range->id >= TDISP_NR_BARS || !range_make(&bar, bars[range->id].addr, bars[range->id].size))
		return bad(why, -EPERM, "an MMIO range names a BAR that the device does not have");
	if (!range_contains(bar, *bytes))
		return bad(why, -EPERM, "an MMIO range lies outside of its BAR");
	return 0;
}

int tdisp_report_check(const struct tdisp_report *report, const struct tdisp_bar bars[TDISP_NR_BARS],
		       uint64_t mmio_offset, const char **why)
{
	struct range bytes[TDISP_MAX_RANGES];

	for (unsigned i = 0; i < report->nr_ranges; i++) {
		int err = check_range(&report->ranges[i], bars, mmio_offset, &bytes[i], why);

		if (err)
			return err;
		if (i > 0 && report->ranges[i].id < report->ranges[i - 1].id)
			return bad(why, -EPERM, "its MMIO ranges are not in the order of their BARs");
		for (unsigned k = 0; k < i; k++)
			if (range_overlaps(bytes[i], bytes[k]))
				return bad(why, -EPERM, "two of its MMIO ranges overlap");
	}
	return 0;
}

const char *tdisp_state_name(enum tdisp_state state)
{
	static const char *const names[] = {"CONFIG_UNLOCKED", "CONFIG_LOCKED", "RUN", "ERROR"};

	return (unsigned)state < ARRAY_LEN(names) ? names[state] : "unknown state";
}

const char *tdisp_error_name(uint32_t error)
{
	switch (error) {
	case TDISP_ERR_INVALID_REQUEST:
		return "INVALID_REQUEST";
	case TDISP_ERR_BUSY:
		return "BUSY";
	case TDISP_ERR_INVALID_STATE:
		return "INVALID_INTERFACE_STATE";
	case TDISP_ERR_UNSPECIFIED:
		return "UNSPECIFIED";
	case TDISP_ERR_UNSUPPORTED_REQUEST:
		return "UNSUPPORTED_REQUEST";
	case TDISP_ERR_VERSION_MISMATCH:
		return "VERSION_MISMATCH";
	case TDISP_ERR_VENDOR:
		return "VENDOR_SPECIFIC_ERROR";
	case TDISP_ERR_INVALID_INTERFACE:
		return "INVALID_INTERFACE";
	case TDISP_ERR_INVALID_NONCE:
		return "INVALID_NONCE";
	case TDISP_ERR_INSUFFICIENT_ENTROPY:
		return "INSUFFICIENT_ENTROPY";
	case TDISP_ERR_INVALID_CONFIGURATION:
		return "INVALID_DEVICE_CONFIGURATION";
	default:
		return "unknown error";
	}
}
