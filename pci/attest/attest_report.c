/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence, for people and for programs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <openssl/evp.h>

#include "attest_certs.h"
#include "attest_priv.h"

/* json-c takes ownership; a NULL value becomes null. */
static void add(struct json_object *to, const char *key, struct json_object *value)
{
	json_object_object_add(to, key, value);
}

static struct json_object *text(const char *s)
{
	return json_object_new_string(s);
}

static struct json_object *hex(const uint8_t *bytes, size_t len)
{
	char *s = malloc(len * 2 + 1);
	struct json_object *value;

	if (!s)
		return NULL;
	s[0] = '\0';
	for (size_t i = 0; i < len; i++)
		snprintf(s + i * 2, 3, "%02x", bytes[i]);
	value = text(s);
	free(s);
	return value;
}

static struct json_object *base64(const uint8_t *bytes, size_t len)
{
	unsigned char *s = malloc(len / 3 * 4 + 5);
	struct json_object *value;

	if (!s)
		return NULL;
	EVP_EncodeBlock(s, bytes, (int)len);
	value = text((const char *)s);
	free(s);
	return value;
}

static struct json_object *algorithms(const struct attest *a)
{
	const struct spdm_algs *algs = spdm_requester_algs(a->rq);
	struct json_object *o = json_object_new_object();

	add(o, "signature", text(spdm_asym_name(algs->asym)));
	add(o, "hash", text(spdm_hash_name(algs->hash)));
	add(o, "measurement_hash", text(attest_hash(a)));
	add(o, "key_exchange", text(spdm_dhe_name(algs->dhe)));
	add(o, "cipher", text(spdm_aead_name(algs->aead)));
	return o;
}

static struct json_object *certificates(const struct attest *a)
{
	struct json_object *list = json_object_new_array();
	size_t len = 0;
	const uint8_t *der = spdm_requester_ders(a->rq, &len);
	struct attest_cert cert;

	while (der && len > 0 && attest_cert_next(&der, &len, &cert) == 0) {
		struct json_object *o = json_object_new_object();

		add(o, "subject", text(cert.subject));
		add(o, "issuer", text(cert.issuer));
		add(o, "serial", text(cert.serial));
		add(o, "not_before", text(cert.not_before));
		add(o, "not_after", text(cert.not_after));
		add(o, "sha256", text(cert.sha256));
		if (cert.name[0])
			add(o, "device_name", text(cert.name));
		add(o, "der", base64(cert.der, cert.der_len));
		json_object_array_add(list, o);
	}
	return list;
}

static struct policy_measurement measurement(const struct spdm_block *block)
{
	return (struct policy_measurement){block->index, block->type, block->value, block->len};
}

static struct json_object *measured(const struct attest *a)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < a->measurements.count; i++) {
		struct policy_measurement m = measurement(&a->measurements.blocks[i]);
		struct json_object *o = json_object_new_object();
		char *value = policy_value(&m, attest_hash(a));

		add(o, "index", json_object_new_int(m.index));
		add(o, "type", text(policy_type_name(m.type)));
		add(o, "value", value ? text(value) : NULL);
		free(value);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *ranges(const struct attest *a)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < a->report.nr_ranges; i++) {
		const struct tdisp_range *r = &a->report.ranges[i];
		struct json_object *o = json_object_new_object();

		add(o, "bar", json_object_new_int(r->id));
		add(o, "first_page", json_object_new_uint64(r->first_page));
		add(o, "pages", json_object_new_int64(r->pages));
		add(o, "msix_table", json_object_new_boolean(r->attributes & TDISP_RANGE_MSIX_TABLE));
		add(o, "pba", json_object_new_boolean(r->attributes & TDISP_RANGE_PBA));
		add(o, "non_tee", json_object_new_boolean(r->attributes & TDISP_RANGE_NON_TEE));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *interface(const struct attest *a)
{
	struct json_object *o = json_object_new_object();

	add(o, "state", text(tdisp_state_name(a->tdisp.state)));
	add(o, "started", json_object_new_boolean(a->started));
	add(o, "lock_nonce", hex(a->lock_nonce, sizeof(a->lock_nonce)));
	add(o, "ranges", ranges(a));
	add(o, "report", hex(a->tdisp.report, a->tdisp.report_len));
	return o;
}

static struct json_object *link_keys(const struct attest *a)
{
	const char *by = a->by_host ? a->tsm : "aerie";
	struct json_object *o = json_object_new_object();

	add(o, "keyed", json_object_new_boolean(a->keyed));
	/* Only the two ports of a link can refuse what is not encrypted, and aerie keys one of them. */
	add(o, "enforced", json_object_new_boolean(a->keyed && a->tsm_up));
	add(o, "keyed_by", a->keyed ? text(by) : NULL);
	/* In the session that brought the keys; in ours it was aerie. */
	add(o, "identity_verified_by", a->keyed ? text(by) : NULL);
	if (a->keyed && a->by_host)
		add(o, "stream", text(a->stream));
	add(o, "capability", json_object_new_boolean(a->config.ide_capability));
	return o;
}

static struct json_object *not_compared(const struct attest *a)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < ATTEST_COMPARISONS; i++)
		if (attest_not_compared(a, i))
			json_object_array_add(list, text(attest_not_compared(a, i)));
	return list;
}

struct json_object *attest_json(const struct attest *a)
{
	struct json_object *o = json_object_new_object();

	add(o, "device", text(a->config.name));
	add(o, "verdict", text(a->verdict));
	add(o, "why", text(a->why));
	if (!a->connected)
		return o;
	add(o, "spdm_version", text(spdm_version_name(spdm_requester_version(a->rq))));
	add(o, "algorithms", algorithms(a));
	add(o, "certificates", certificates(a));
	add(o, "chain_verified", json_object_new_boolean(spdm_requester_chain_ok(a->rq)));
	add(o, "challenged", json_object_new_boolean(a->challenged));
	add(o, "not_compared", not_compared(a));
	add(o, "session", json_object_new_boolean(a->session != 0));
	add(o, "checks", json_object_new_uint64(a->checks));
	if (a->measured) {
		add(o, "measurements", measured(a));
		add(o, "measurements_nonce", hex(a->measurements.nonce, sizeof(a->measurements.nonce)));
		add(o, "policy_held", json_object_new_boolean(a->policy_held));
	}
	if (a->config.require & ATTEST_IDE)
		add(o, "ide", link_keys(a));
	if (a->locked)
		add(o, "interface", interface(a));
	add(o, "round_trips", json_object_new_uint64(spdm_requester_round_trips(a->rq)));
	return o;
}

const char *attest_device_name(const struct attest *a)
{
	static _Thread_local struct attest_cert cert;
	size_t len = 0;
	const uint8_t *der = spdm_requester_ders(a->rq, &len);

	cert.name[0] = '\0';
	while (der && len > 0 && attest_cert_next(&der, &len, &cert) == 0)
		; /* the leaf is the last */
	return cert.name;
}

static void print_chain(const struct attest *a, FILE *out)
{
	size_t len = 0;
	const uint8_t *der = spdm_requester_ders(a->rq, &len);
	struct attest_cert cert;

	while (der && len > 0 && attest_cert_next(&der, &len, &cert) == 0) {
		fprintf(out, "certificate   %s (until %s)\n", cert.subject, cert.not_after);
		if (cert.name[0])
			fprintf(out, "              for %s%s\n", cert.name,
				a->config.device ? "" : " (not compared: nothing says whose it must be)");
	}
	fprintf(out, "chain         %s\n", spdm_requester_chain_ok(a->rq) ? "verified" : "NOT verified");
}

static void print_measurements(const struct attest *a, FILE *out)
{
	for (unsigned i = 0; i < a->measurements.count; i++) {
		struct policy_measurement m = measurement(&a->measurements.blocks[i]);
		char *value = policy_value(&m, attest_hash(a));

		fprintf(out, "measurement   %3u %s: %.140s%s\n", m.index, policy_type_name(m.type),
			value ? value : "(no memory)", value && strlen(value) > 140 ? "..." : "");
		free(value);
	}
}

void attest_print(const struct attest *a, FILE *out)
{
	const struct spdm_algs *algs;

	fprintf(out, "device        %s\n", a->config.name);
	if (a->connected) {
		algs = spdm_requester_algs(a->rq);
		fprintf(out, "SPDM          %s, %s, %s, %s, %s\n", spdm_version_name(spdm_requester_version(a->rq)),
			spdm_asym_name(algs->asym), spdm_hash_name(algs->hash), spdm_dhe_name(algs->dhe),
			spdm_aead_name(algs->aead));
		print_chain(a, out);
	}
	print_measurements(a, out);
	if (a->measured)
		fprintf(out, "policy        %s\n",
			a->policy_held ? "holds" : (a->config.policy ? "DOES NOT HOLD" : "none given"));
	if ((a->config.require & ATTEST_IDE) && a->keyed && a->by_host)
		fprintf(out, "link keys     given to both ends by the host's %s, %s\n", a->tsm, a->stream);
	else if (a->config.require & ATTEST_IDE)
		fprintf(out, "link keys     %s; the other end of the link is not keyed by aerie\n",
			a->keyed ? "taken by the device" : "NOT taken");
	if (a->locked)
		fprintf(out, "interface     %s, %u ranges reported\n", tdisp_state_name(a->tdisp.state),
			a->report.nr_ranges);
	fprintf(out, "verdict       %s: %s\n", a->verdict, a->why);
}
