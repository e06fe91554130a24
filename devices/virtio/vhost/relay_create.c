/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and descriptors of a relay. */
#include "relay_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "sys.h"
#include "vm.h"

static const char *name_of(const struct relay *r)
{
	return r->config.dev->config.name;
}

/* A back end without indirect tables must have room for the longest request in the ring itself. */
static uint16_t ring_size(const struct relay *r)
{
	return r->config.indirect ? r->config.dev->config.queue_size : SPLIT_RING_MAX_SIZE;
}

/* The first address behind all RAM, generously aligned. */
static uint64_t address_for_rings(const struct gmem *mem)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < mem->nr_regions; i++)
		if (end < mem->regions[i].base.v + mem->regions[i].size)
			end = mem->regions[i].base.v + mem->regions[i].size;
	return align_up(end, UINT64_C(1) << 30);
}

/* Sealed, so that the back end cannot take it from under our feet (SIGBUS). */
static int create_memory(struct relay *r)
{
	size_t ring = split_ring_bytes(ring_size(r), r->config.indirect);

	r->shared_size = ring * r->config.queues;
	r->shared_addr = address_for_rings(&r->config.vm->gmem);
	r->memfd = sys_memfd("aerie-rings", MFD_ALLOW_SEALING);
	if (r->memfd < 0 || sys_ftruncate(r->memfd, (off_t)r->shared_size) < 0 ||
	    fcntl(r->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return log_fail(-errno, "%s: cannot create memory for its rings: %s", name_of(r), strerror(errno));
	void *shared = sys_mmap(r->shared_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, r->memfd, 0);
	if (shared == MAP_FAILED)
		return log_fail(-errno, "%s: cannot map memory for its rings: %s", name_of(r), strerror(errno));
	r->shared = shared;
	for (unsigned i = 0; i < r->config.queues; i++) {
		int err = split_ring_init(&r->queues[i].ring, ring_size(r), r->config.indirect, r->shared + i * ring,
					  r->shared_addr + i * ring);
		if (err)
			return err;
	}
	return 0;
}

static int open_eventfds(struct relay_queue *q)
{
	int *fds[] = {&q->kick, &q->call, &q->err};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		int fd = fd_eventfd();

		if (fd < 0)
			return fd;
		*fds[i] = fd;
	}
	return 0;
}

int relay_create(struct relay **out, const struct relay_config *config)
{
	struct relay *r = calloc(1, sizeof(*r));
	int err = 0;

	*out = NULL;
	if (r)
		r->queues = calloc(config->queues, sizeof(*r->queues));
	if (!r || !r->queues) {
		free(r);
		return log_fail(-ENOMEM, "%s: out of memory", config->dev->config.name);
	}
	r->config = *config;
	r->memfd = -1;
	r->up = true;
	r->retry_ms = RELAY_RETRY_MIN_MS;
	for (unsigned i = 0; i < config->queues; i++)
		r->queues[i] = (struct relay_queue){
			.index = i, .vq = &config->dev->queues[i], .kick = -1, .call = -1, .err = -1};
	err = create_memory(r);
	for (unsigned i = 0; i < config->queues && !err; i++)
		err = open_eventfds(&r->queues[i]);
	if (!err)
		err = worker_create(&r->worker, config->vm, name_of(r), &relay_worker_ops, r);
	if (err) {
		relay_destroy(r);
		return err;
	}
	*out = r;
	return 0;
}

void relay_destroy(struct relay *r)
{
	if (!r)
		return;
	worker_destroy(r->worker);
	for (unsigned i = 0; i < r->config.queues; i++) {
		split_ring_fini(&r->queues[i].ring);
		fd_close(&r->queues[i].kick);
		fd_close(&r->queues[i].call);
		fd_close(&r->queues[i].err);
	}
	if (r->shared)
		sys_munmap(r->shared, r->shared_size);
	fd_close(&r->memfd);
	free(r->queues);
	free(r);
}

unsigned relay_regions(const struct relay *r, struct relay_region regions[static RELAY_MAX_REGIONS])
{
	const struct gmem *mem = &r->config.vm->gmem;
	unsigned n = 0;

	for (; n < mem->nr_regions; n++)
		regions[n] = (struct relay_region){
			.addr = mem->regions[n].base.v,
			.size = mem->regions[n].size,
			.host = mem->regions[n].host,
			.fd = mem->regions[n].fd,
		};
	regions[n++] = (struct relay_region){
		.addr = r->shared_addr,
		.size = r->shared_size,
		.host = r->shared,
		.fd = r->memfd,
	};
	return n;
}
