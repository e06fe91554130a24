/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of the device's link: given to the device alone, over IDE_KM in our session; or to both ends by the host's
 * kernel, which has a session of its own with the device. There is one mailbox for both sessions: ours ends first.
 */
#include <errno.h>
#include <string.h>

#include "attest_priv.h"
#include "attest_tsm.h"
#include "ide_km.h"
#include "log.h"

/* Kernels key a link for its own sake only: TDISP wants its stream keyed over the session that locks (PCIe 11.3.8), and
 * nobody but the kernel can speak in that one. */
static bool by_host(const struct attest *a)
{
	if (!(a->config.require & ATTEST_IDE) || (a->config.require & ATTEST_TDISP) || !a->config.host_bdf)
		return false;
	return a->config.keys == ATTEST_KEYS_HOST ||
	       (a->config.keys == ATTEST_KEYS_AUTO && tsm_offered(a->config.host_bdf));
}

int attest_keys_choose(struct attest *a)
{
	char tsm[TSM_NAME], dsm[TSM_NAME];

	a->by_host = by_host(a);
	if (a->config.host_bdf && tsm_connected(a->config.host_bdf, tsm, dsm))
		return attest_fail(a, -EBUSY, "mailbox-taken",
				   "the kernel has connected %s to %s, and its mailbox is the kernel's", dsm, tsm);
	if (a->by_host && !tsm_offered(a->config.host_bdf))
		return attest_fail(
			a, -ENOTSUP, "ide-unsupported",
			"the host's kernel offers no tsm/connect for it, which is to give the keys of its link");
	return 0;
}

/* The flow has logged it. A session that broke underneath has set the verdict. */
static int key_fail(struct attest *a, int err, const char *verdict, const char *what)
{
	if (strcmp(a->verdict, "pending") != 0 && !attest_peer_refused(a))
		return err;
	return attest_fail(a, err, verdict, "%s: %s", what, strerror(-err));
}

static int key_device(struct attest *a)
{
	struct ide_km_port port = {0};
	struct ide_keys keys;
	int err = ide_km_query(a->config.name, 0, &port, attest_vendor, a);

	if (err < 0)
		return key_fail(a, err, "ide-unsupported", "the device does not answer IDE_KM");
	err = ide_keys_generate(&keys);
	if (err == 0)
		err = ide_km_start_stream(a->config.name, 0, ATTEST_STREAM, 0, &keys, attest_vendor, a);
	ide_keys_wipe(&keys);
	if (err < 0)
		return key_fail(a, err, "ide-refused", "the device does not take the keys of its link");
	a->keyed = true;
	if (!a->config.ide_capability)
		log_warn(
			"%s: took keys for its link, but shows no IDE capability: that the link is encrypted is a promise "
			"of the device, which nothing here enforces",
			a->config.name);
	return 0;
}

/* ABI/testing/sysfs-bus-pci: a connection "may" include IDE. */
static int key_by_host(struct attest *a)
{
	char why[TSM_WHY];
	int err = spdm_requester_end_session(a->rq, a->session);

	a->session = 0;
	if (err < 0)
		return attest_spdm_fail(a, err);
	err = tsm_connect(a->config.host_bdf, a->tsm, why);
	if (err < 0)
		return attest_fail(a, err, "ide-refused", "%s", why);
	a->tsm_up = true;
	if (!tsm_stream(a->config.host_bdf, a->stream))
		return attest_fail(
			a, -ENOTSUP, "ide-unsupported",
			"the host's %s has connected it, but shows no IDE stream of it: its link is not encrypted",
			a->tsm);
	a->keyed = true;
	return 0;
}

int attest_keys_give(struct attest *a)
{
	if (!(a->config.require & ATTEST_IDE))
		return 0;
	attest_fail(a, 0, "pending", "the link is not keyed yet");
	return a->by_host ? key_by_host(a) : key_device(a);
}

int attest_keys_look(struct attest *a)
{
	char tsm[TSM_NAME], dsm[TSM_NAME], stream[TSM_STREAM];

	if (!tsm_connected(a->config.host_bdf, tsm, dsm) || strcmp(tsm, a->tsm) != 0)
		return attest_fail(a, -ECONNABORTED, "link-lost", "the host's %s is not connected to it any more",
				   a->tsm);
	if (!tsm_stream(a->config.host_bdf, stream))
		return attest_fail(a, -ECONNABORTED, "link-lost",
				   "the host shows no IDE stream of it any more: it was %s", a->stream);
	return 0;
}

void attest_keys_end(struct attest *a)
{
	if (a->tsm_up)
		tsm_disconnect(a->config.host_bdf, a->tsm);
	a->tsm_up = false;
}
