/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate chains of a device: as a whole, and its leaf's names. Input: DER certificates, or a chain as it travels.
 */
#include <stdlib.h>
#include <string.h>

#include "fake_pki.h"
#include "log.h"
#include "spdm_cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void check(struct spdm_chain *chain, const struct fake_pki *pki)
{
	char why[64];
	const struct spdm_chain_rules rules = {
		.roots = pki->roots,
		.asym = spdm_asym_find(SPDM_ASYM_P256),
		.device = &fake_pki_device,
		.version = SPDM_VERSION_13,
		.responder = true,
	};

	/* Nobody can sign for the root, whose key is gone; only the chain itself passes. */
	if (spdm_chain_check(chain, &rules, why, sizeof(why)) == SPDM_OK &&
	    (chain->len - chain->ders != pki->chain_len ||
	     memcmp(chain->blob + chain->ders, pki->chain, pki->chain_len)))
		abort();
	if (!memchr(why, 0, sizeof(why)))
		abort();
}

/* @data changes the true chain: offset, value. */
static void mutate(const struct fake_pki *pki, const struct spdm_hash_alg *hash, const uint8_t *data, size_t size)
{
	uint8_t *ders = malloc(pki->chain_len);
	struct spdm_chain chain;

	memcpy(ders, pki->chain, pki->chain_len);
	for (size_t i = 0; i + 3 <= size; i += 3)
		ders[(data[i] | data[i + 1] << 8) % pki->chain_len] ^= data[i + 2];
	if (!spdm_chain_wrap(&chain, ders, pki->chain_len, hash)) {
		check(&chain, pki);
		spdm_chain_fini(&chain);
	}
	free(ders);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct spdm_hash_alg *hash = spdm_hash_find(SPDM_HASH_SHA256);
	static struct fake_pki pki;
	struct spdm_chain chain;
	uint8_t *copy;

	if (!pki.key) {
		log_set_sink(quiet, NULL);
		fake_pki_make(&pki, &(struct fake_pki_options){.asym = SPDM_ASYM_P256});
	}
	if (size < 1 || size > SPDM_MAX_CHAIN)
		return 0;
	if (data[0] & 1) {
		mutate(&pki, hash, data + 1, size - 1);
	} else if (data[0] & 2) {
		if (!spdm_chain_wrap(&chain, data + 1, size - 1, hash)) {
			check(&chain, &pki);
			spdm_chain_fini(&chain);
		}
	} else {
		copy = malloc(size);
		memcpy(copy, data + 1, size - 1);
		if (spdm_chain_read(&chain, copy, size - 1, hash) == SPDM_OK)
			check(&chain, &pki);
		spdm_chain_fini(&chain);
	}
	return 0;
}
