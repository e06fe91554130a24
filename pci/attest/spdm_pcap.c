/* SPDX-License-Identifier: Apache-2.0 */
#include "spdm_pcap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

struct spdm_pcap {
	FILE *file;
	char *path;
	int err; /* the first failure */
};

/* In the writer's byte order, which the magic number tells the reader. */
static int put(struct spdm_pcap *pcap, const void *data, size_t len)
{
	if (!pcap->err && len > 0 && fwrite(data, len, 1, pcap->file) != 1)
		pcap->err = log_fail(errno ? -errno : -EIO, "cannot write the capture %s: %s; it ends here", pcap->path,
				     strerror(errno));
	return pcap->err;
}

int spdm_pcap_create(struct spdm_pcap **out, const char *path)
{
	const uint32_t header[SPDM_PCAP_FILE_HEADER / 4] = {
		SPDM_PCAP_MAGIC_NS, 2 | 4u << 16 /* version 2.4 */, 0, 0, SPDM_PCAP_SNAPLEN, SPDM_PCAP_LINKTYPE_DOE,
	};
	struct spdm_pcap *pcap = calloc(1, sizeof(*pcap));
	int err;

	*out = NULL;
	if (!pcap)
		return log_fail(-ENOMEM, "cannot create the capture %s: out of memory", path);
	pcap->path = strdup(path);
	pcap->file = pcap->path ? fopen(path, "we") : NULL;
	if (!pcap->file) {
		err = log_fail(-errno, "cannot create the capture %s: %s", path, strerror(errno));
		free(pcap->path);
		free(pcap);
		return err;
	}
	err = put(pcap, header, sizeof(header));
	if (err < 0) {
		spdm_pcap_close(&pcap);
		return err;
	}
	*out = pcap;
	return 0;
}

void spdm_pcap_write(struct spdm_pcap *pcap, const void *object, size_t len)
{
	struct timespec ts;
	uint32_t kept;

	if (!pcap)
		return;
	kept = len > SPDM_PCAP_SNAPLEN ? SPDM_PCAP_SNAPLEN : (uint32_t)len;
	clock_gettime(CLOCK_REALTIME, &ts);
	const uint32_t header[SPDM_PCAP_PACKET / 4] = {(uint32_t)ts.tv_sec, (uint32_t)ts.tv_nsec, kept, (uint32_t)len};

	if (put(pcap, header, sizeof(header)) == 0)
		put(pcap, object, kept);
}

int spdm_pcap_close(struct spdm_pcap **pcap)
{
	struct spdm_pcap *p = *pcap;
	int err;

	if (!p)
		return 0;
	*pcap = NULL;
	if (fclose(p->file) != 0 && !p->err)
		p->err = log_fail(-errno, "cannot write the capture %s: %s", p->path, strerror(errno));
	err = p->err;
	free(p->path);
	free(p);
	return err;
}
