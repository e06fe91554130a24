/* SPDX-License-Identifier: Apache-2.0 */
#include "rng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_ids.h>
#include <sys/random.h>

#include "fd.h"
#include "log.h"
#include "virtio.h"

#define RNG_CLASS      0x00ff00u /* no class defined for it */
#define RNG_QUEUE_SIZE 64u
/* The most bytes, and chains, that one turn of the event loop delivers; others get theirs in between. */
#define RNG_ROUND      65536u
#define RNG_CHAINS     64u
#define RNG_PIECE      4096u /* of one getrandom() */

struct rng {
	struct virtio_device dev;
	struct virtq_chain chain;
};

/* Fills up to @max bytes of the chain; how many were filled. Less is allowed (5.4.6.2). */
static uint32_t fill(const struct virtq_chain *chain, uint32_t max)
{
	const struct iovec *iov = &chain->iov[chain->nr_out];
	uint32_t done = 0;

	for (unsigned i = 0; i < chain->nr_in; i++) {
		for (size_t at = 0; at < iov[i].iov_len;) {
			size_t len = iov[i].iov_len - at;

			if (done == max)
				return done;
			if (len > RNG_PIECE)
				len = RNG_PIECE;
			if (len > max - done)
				len = max - done;
			ssize_t got = getrandom((uint8_t *)iov[i].iov_base + at, len, 0);

			if (got <= 0) {
				log_error("cannot get random numbers from the host: %s", strerror(errno));
				return done;
			}
			at += (size_t)got;
			done += (uint32_t)got;
		}
	}
	return done;
}

static void rng_kick(struct virtio_device *dev, unsigned index)
{
	struct rng *rng = (struct rng *)dev;
	struct virtq *q = &dev->queues[index];
	uint32_t left = RNG_ROUND;
	unsigned chains = 0;

	while (left > 0 && chains < RNG_CHAINS && virtq_pop(q, &rng->chain) == 1) {
		uint32_t written = fill(&rng->chain, left);

		virtq_push(q, rng->chain.id, rng->chain.nr_descs, written);
		left -= written;
		chains++;
	}
	virtq_notify(q);
	if (left == 0 || chains == RNG_CHAINS)
		fd_signal(q->kick);
}

int virtio_rng_create(struct virtio_device **out, struct vm *vm, const char *name)
{
	static const struct virtio_ops ops = {.kick = rng_kick};
	struct virtio_config config = {
		.name = name,
		.type = VIRTIO_ID_RNG,
		.class_code = RNG_CLASS,
		.nr_queues = 1,
		.queue_size = RNG_QUEUE_SIZE,
		.kicks = VIRTIO_KICKS_LOOP,
	};
	struct rng *rng = calloc(1, sizeof(*rng));

	if (!rng)
		return log_fail(-ENOMEM, "%s: no memory for the entropy device", name);
	int err = virtio_init(&rng->dev, vm, &config, &ops);

	if (err) {
		free(rng);
		return err;
	}
	*out = &rng->dev;
	return 0;
}
