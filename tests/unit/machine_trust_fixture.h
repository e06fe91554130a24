/* SPDX-License-Identifier: Apache-2.0 */
/* Machines whose first device has to prove itself, over a mailbox with a device in software behind it. */
#ifndef AERIE_TEST_MACHINE_TRUST_FIXTURE_H
#define AERIE_TEST_MACHINE_TRUST_FIXTURE_H

#include <poll.h>
#include <sys/timerfd.h>

#include <json-c/json.h>

#include "fake_doe.h"
#include "machine_assigned_fixture.h"
#include "machine_trust.h"
#include "attest_pki.h"

#define NAME "Vendor=1b36:Device=0010:CC=010802:REV=02:SSVID=1af4:SSID=1100"

static char pki[32];
static struct fake_doe mailbox;
static struct spdm_identity *identity;
static struct spdm_block block = {.index = 1, .value = (const uint8_t *)"rom", .len = 3};
static struct soft_device_config soft;
static struct soft_device *device;
static struct machine *m;
static struct config *config;

static inline const char *in_pki(const char *file)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", pki, file);
	return path;
}

/* A machine that requires @list of its first device. */
static inline void require(const char *list, const char *more)
{
	char rest[1024];

	snprintf(rest, sizeof(rest),
		 "iommus: [{ id: smmu0, type: smmuv3 }]\n"
		 "pci:\n"
		 "  - root-port: rp0\n    iommu: smmu0\n    devices:\n"
		 "      - { id: nvme0, assign: \"0000:01:00.0\", trust: { roots: %s/root.pem, %srequire: [%s] } }\n"
		 "  - { root-port: rp1, iommu: smmu0, devices: [{ assign: \"0000:02:00.0\" }] }\n",
		 pki, more, list);
	machine_yaml("8M", rest);
}

static inline void make_device(const char *fault)
{
	char chain[64], key[64];

	soft_device_destroy(&device);
	spdm_identity_free(identity);
	snprintf(chain, sizeof(chain), "%s", in_pki("chain.pem"));
	snprintf(key, sizeof(key), "%s", in_pki("key.pem"));
	ck_assert_int_eq(spdm_identity_load(chain, key, &identity), 0);
	soft = (struct soft_device_config){
		.profile = spdm_profile_responder(),
		.identity = identity,
		.blocks = &block,
		.nr_blocks = 1,
		.ide = true,
		.tdisp = true,
		.bars = {{0x10000000, 0x4000}},
	};
	ck_assert(soft_device_fault(&soft, fault));
	ck_assert_int_eq(soft_device_create(&device, &soft), 0);
	mailbox.device = device;
}

static inline void setup(void)
{
	assigned_setup();
	strcpy(pki, "/tmp/aerie-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(pki));
	ck_assert_int_eq(attest_pki_generate(pki, &(struct attest_pki_config){.asym = SPDM_ASYM_P384, .name = NAME}),
			 0);
	fake_doe_add(&mailbox, devs[0], NULL);
	make_device("none");
	m = NULL;
	config = NULL;
	log_set_level(LOG_WARN);
}

static inline void teardown(void)
{
	if (m)
		machine_unmake(&m, config);
	fake_doe_remove(&mailbox);
	soft_device_destroy(&device);
	spdm_identity_free(identity);
	identity = NULL;
	unlink(in_pki("root.pem"));
	unlink(in_pki("chain.pem"));
	unlink(in_pki("key.pem"));
	unlink(in_pki("policy.yaml"));
	rmdir(pki);
	log_set_level(LOG_INFO);
	assigned_teardown();
}

static inline bool dma_open(void)
{
	return devs[0]->attached != NULL;
}

static inline struct machine_trust *trust(void)
{
	return m->endpoints[0].trust;
}

static inline const char *state(void)
{
	return machine_trust_state(&m->endpoints[0]);
}

static inline const char *verdict(void)
{
	return attest_verdict(trust()->attest);
}

static inline void must_make(void)
{
	int err = machine_make(&m, &config);

	ck_assert_msg(err == 0, "%d: %s", err, last_message);
}

/* The timer goes off. */
static inline void look(void)
{
	const struct itimerspec now = {.it_value.tv_nsec = 1};
	struct pollfd p = {.fd = trust()->timer.fd, .events = POLLIN};

	timerfd_settime(p.fd, 0, &now, NULL);
	ck_assert_int_eq(poll(&p, 1, 1000), 1);
	trust()->timer.handler(&trust()->timer);
}

/* The main thread hears of what a vCPU has done. */
static inline void hear(void)
{
	struct pollfd p = {.fd = trust()->breaks.fd, .events = POLLIN};

	ck_assert_int_eq(poll(&p, 1, 1000), 1);
	trust()->breaks.handler(&trust()->breaks);
}

static inline void enable(void)
{
	driver_msix(m, 0, 0);
}

#endif
