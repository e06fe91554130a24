/* SPDX-License-Identifier: Apache-2.0 */
/* Whole tasks of a security manager, as sequences of IDE_KM messages. */
#include <errno.h>
#include <string.h>

#include "ide_km.h"
#include "log.h"

#define RESPONSE_MAX (IDE_KM_QUERY_RSP_BYTES + IDE_KM_MAX_CAP)

static int exchange_once(struct ide_km_requester *rq, const char *name, const char *what, uint8_t *req, int len,
			 struct ide_km_port *port, ide_km_exchange_fn exchange, void *opaque)
{
	uint8_t rsp[RESPONSE_MAX];

	if (len < 0)
		return len;
	int n = exchange(opaque, req, (size_t)len, rsp, sizeof(rsp));

	if (n < 0)
		return n;
	int err = ide_km_take(rq, rsp, (size_t)n, port);

	if (err == -EREMOTEIO)
		return log_fail(err, "%s: %s of IDE stream %u is refused: %s", name, what, rq->stream,
				ide_km_status_name(rq->status));
	if (err)
		return log_fail(err, "%s: %s: %s", name, what, rq->why ? rq->why : "no request is under way");
	return 0;
}

int ide_km_query(const char *name, uint8_t index, struct ide_km_port *port, ide_km_exchange_fn exchange, void *opaque)
{
	struct ide_km_requester rq = {0};
	uint8_t req[IDE_KM_QUERY_BYTES];
	int len = ide_km_ask_query(&rq, index, req, sizeof(req));

	return exchange_once(&rq, name, "the query for an IDE port", req, len, port, exchange, opaque);
}

int ide_km_start_stream(const char *name, uint8_t port, uint8_t stream, unsigned key_set, const struct ide_keys *keys,
			ide_km_exchange_fn exchange, void *opaque)
{
	struct ide_km_requester rq = {0};
	uint8_t req[IDE_KM_KEY_PROG_BYTES];
	int err = 0;

	for (unsigned i = 0; !err && i < IDE_NR_KEYS; i++) {
		int len = ide_km_ask_key(&rq, port, stream, key_set, i, &keys->keys[i], req, sizeof(req));

		err = exchange_once(&rq, name, "key programming", req, len, NULL, exchange, opaque);
	}
	explicit_bzero(req, sizeof(req));
	for (unsigned tx = 0; tx < 2; tx++)
		for (unsigned sub = 0; !err && sub < IDE_NR_SUB_STREAMS; sub++) {
			int len = ide_km_ask_go(&rq, port, stream, key_set, sub * 2 + tx, req, sizeof(req));

			err = exchange_once(&rq, name, "the start", req, len, NULL, exchange, opaque);
		}
	return err;
}

int ide_km_stop_stream(const char *name, uint8_t port, uint8_t stream, unsigned key_set, ide_km_exchange_fn exchange,
		       void *opaque)
{
	struct ide_km_requester rq = {0};
	uint8_t req[IDE_KM_HEADER_BYTES];
	int first = 0;

	for (unsigned i = 0; i < IDE_NR_KEYS; i++) {
		int len = ide_km_ask_stop(&rq, port, stream, key_set, i, req, sizeof(req));
		int err = exchange_once(&rq, name, "the stop", req, len, NULL, exchange, opaque);

		first = first ? first : err;
	}
	return first;
}
