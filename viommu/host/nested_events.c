/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vEVENTQ: a stream of struct iommufd_vevent_header, each followed by one SMMUv3 event record unless it says
 * LOST_EVENTS. Sequence numbers count modulo 2^31; what is missing between two records was lost, and a LOST_EVENTS
 * header carries the number of the last event that was.
 */
#include "nested_priv.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include "log.h"

_Static_assert(NESTED_RECORD_LEN == sizeof(struct iommufd_vevent_header) + sizeof(struct iommu_vevent_arm_smmuv3),
	       "a record is a header and an event");

static void add_lost(uint32_t *lost, uint32_t n)
{
	*lost = n > UINT32_MAX - *lost ? UINT32_MAX : *lost + n;
}

/* Takes one complete record. True when it carried an event. */
static bool take_record(struct nested_stream *stream, const struct iommufd_vevent_header *header, uint32_t *lost)
{
	uint32_t sequence = header->sequence & INT_MAX;
	bool is_lost = header->flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS;

	add_lost(lost, ((sequence - stream->next) & INT_MAX) + is_lost);
	stream->next = (sequence + 1) & INT_MAX;
	return !is_lost;
}

/* Fills stream->rest up to @want bytes. True when they are there. */
static bool gather(struct nested_stream *stream, const uint8_t *bytes, size_t len, size_t *used, size_t want)
{
	size_t n;

	if (stream->rest_len >= want)
		return true;
	n = want - stream->rest_len;
	if (n > len - *used)
		n = len - *used;
	memcpy(stream->rest + stream->rest_len, bytes + *used, n);
	stream->rest_len += n;
	*used += n;
	return stream->rest_len == want;
}

unsigned nested_decode(struct nested_stream *stream, const uint8_t *bytes, size_t len, struct nested_event *events,
		       unsigned max, size_t *used, uint32_t *lost)
{
	struct iommufd_vevent_header header;
	unsigned n = 0;

	*used = 0;
	while (n < max && gather(stream, bytes, len, used, sizeof(header))) {
		memcpy(&header, stream->rest, sizeof(header));
		if (!(header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS) &&
		    !gather(stream, bytes, len, used, NESTED_RECORD_LEN))
			break;
		if (take_record(stream, &header, lost)) {
			uint64_t dw[4];

			memcpy(dw, stream->rest + sizeof(header), sizeof(dw));
			for (unsigned i = 0; i < 4; i++)
				events[n].dw[i] = le64toh(dw[i]);
			n++;
		}
		stream->rest_len = 0;
	}
	return n;
}

int nested_event_fd(const struct nested *nested)
{
	return nested->event_fd;
}

int nested_read_events(struct nested *nested, struct nested_event events[NESTED_EVENT_BATCH], uint32_t *lost)
{
	/* What is read is decoded to the end: as many bytes as fit into the batch, less what waits already. */
	uint8_t bytes[NESTED_EVENT_BATCH * NESTED_RECORD_LEN];
	size_t used;
	ssize_t len;

	*lost = 0;
	do {
		len = read(nested->event_fd, bytes, sizeof(bytes) - nested->stream.rest_len);
	} while (len < 0 && errno == EINTR);
	if (len < 0 && errno == EAGAIN)
		return 0;
	if (len < 0)
		return log_fail(-errno, "cannot read the events of %s: %s", nested->iommu, strerror(errno));
	return (int)nested_decode(&nested->stream, bytes, (size_t)len, events, NESTED_EVENT_BATCH, &used, lost);
}
