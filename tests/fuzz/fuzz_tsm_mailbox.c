/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's requests to aerie as its security manager: the input is one request. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tsm_mailbox.h"

static unsigned actions;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static enum tsm_status act(void *opaque)
{
	actions++;
	return TSM_REFUSED;
}

static enum tsm_status accept_(void *opaque, uint32_t generation)
{
	actions++;
	return generation == 1 ? TSM_OK : TSM_STALE;
}

static void info(void *opaque, struct tsm_info *out)
{
	*out = (struct tsm_info){TSM_LOCKED, TSM_FLAG_SPDM, 1};
}

/* Evidence of the same length whatever is asked; what is written beyond @cap is the sanitizer's to find. */
static enum tsm_status evidence(void *opaque, uint32_t kind, uint32_t offset, uint8_t *buf, size_t cap, size_t *len,
				size_t *total)
{
	*total = 1000;
	*len = offset >= 1000 ? 0 : 1000 - offset < cap ? 1000 - offset : cap;
	memset(buf, 0x5a, *len);
	return kind > TSM_EVIDENCE_VERDICT ? TSM_NO_EVIDENCE : TSM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tsm_ops ops = {act, accept_, act, info, evidence};
	size_t cap = size % 2 ? 32 : 256;
	uint8_t *rsp = malloc(cap);
	int n;

	must(rsp != NULL);
	actions = 0;
	n = tsm_mailbox_respond(&ops, NULL, data, size, rsp, cap);
	must(n >= 4 && (size_t)n <= cap && actions <= 1);
	/* Nothing is done for a request that is answered as not understood. */
	must(actions == 0 || rsp[2] != TSM_BAD_REQUEST);
	free(rsp);
	return 0;
}
