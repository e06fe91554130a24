/* SPDX-License-Identifier: Apache-2.0 */
/* The IDE extended capability (PCIe 6.0, 7.9.26): registers, states, and what ends a stream. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "fake_pci.h"
#include "log.h"
#include "pci_ide.h"
#include "run_suite.h"

#define AT	 0x300u
#define LINK	 (AT + IDE_LINK_FIRST)
#define SEL(n)	 (AT + IDE_LINK_FIRST + IDE_LINK_BLOCK + (n) * (IDE_SEL_BLOCK + IDE_ADDR_BLOCK))
#define CTL(n)	 (SEL(n) + IDE_SEL_CTL)
#define STATE(n) (get(SEL(n) + IDE_SEL_STATUS) & IDE_STREAM_STATE)
#define SESSION	 0x10002u
#define ID	 9u

static struct fake_pci w;
static struct fake_endpoint *ep;
static struct pci_ide ide;
static unsigned losses;
static uint8_t lost;

static void insecure(void *opaque, uint8_t stream)
{
	losses++;
	lost = stream;
}

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static const struct pci_ide_config config = {
	.offset = AT, .link = true, .selective = 2, .addresses = 1, .insecure = insecure};

static void setup(void)
{
	log_set_sink(quiet, NULL);
	losses = 0;
	fake_pci_start(&w);
	ep = fake_endpoint_new("ep");
	ck_assert_int_eq(fake_pci_place(&w, 0, 0, ep), 0);
	ck_assert_int_eq(pci_ide_add(&ide, &ep->fn, &config), 0);
}

static void teardown(void)
{
	fake_pci_stop(&w);
}

static uint32_t get(unsigned reg)
{
	return (uint32_t)fake_cfg_read(&w, 1, 0, reg, 4);
}

static void put(unsigned reg, uint32_t value)
{
	fake_cfg_write(&w, 1, 0, reg, 4, value);
}

static int exchange(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	return pci_ide_respond(&ide, SESSION, req, len, rsp, cap);
}

static void give_keys(uint8_t stream)
{
	struct ide_keys keys;

	ck_assert_int_eq(ide_keys_generate(&keys), 0);
	ck_assert_int_eq(ide_km_start_stream("ep", 0, stream, 0, &keys, exchange, NULL), 0);
}

/* Selective stream 0 with keys, enabled. */
static void secure_it(void)
{
	put(CTL(0), ID << 24);
	give_keys(ID);
	put(CTL(0), ID << 24 | IDE_STREAM_ENABLE);
	ck_assert_uint_eq(STATE(0), IDE_STATE_SECURE);
}

START_TEST(registers)
{
	ck_assert_uint_eq(get(AT), 0x00010030);
	ck_assert_uint_eq(get(AT + IDE_CAP),
			  IDE_CAP_LINK | IDE_CAP_SELECTIVE | IDE_CAP_KM | IDE_CAP_TEE_LIMITED | 1 << 16);
	ck_assert_uint_eq(pci_ide_size(&config), 0x0c + 8 + 2 * 32);
	ck_assert_uint_eq(get(SEL(1) + IDE_SEL_CAP), 1);
	for (uint32_t at = AT + 4; at < AT + pci_ide_size(&config); at += 4)
		put(at, UINT32_MAX & ~IDE_STREAM_ENABLE);
	ck_assert_uint_eq(get(SEL(0) + IDE_SEL_RID1), IDE_SEL_RID1_LIMIT);
	ck_assert_uint_eq(get(SEL(0) + IDE_SEL_RID2), IDE_SEL_RID2_WRITE & ~1u);
	ck_assert_uint_eq(get(SEL(0) + IDE_SEL_STATUS), 0);
	ck_assert_uint_eq(get(AT + pci_ide_size(&config)), 0);
}
END_TEST

START_TEST(query)
{
	struct ide_km_port p;

	ck_assert_int_eq(ide_km_query("ep", 0, &p, exchange, NULL), 0);
	ck_assert_uint_eq(p.registers_len, pci_ide_size(&config) - IDE_CAP);
	ck_assert_uint_eq(p.bus, 1);
	ck_assert_uint_eq(p.registers[0] & IDE_CAP_KM, IDE_CAP_KM);
	for (uint32_t at = 0; at < p.registers_len; at++)
		ck_assert_uint_eq(p.registers[at], fake_cfg_read(&w, 1, 0, AT + IDE_CAP + at, 1));
}
END_TEST

/* Keys and Enable, in either order. */
START_TEST(order)
{
	secure_it();
	ck_assert(pci_ide_selective_secure(&ide, ID, SESSION));
	ck_assert(!pci_ide_selective_secure(&ide, ID, SESSION + 1));
	ck_assert(!pci_ide_selective_secure(&ide, ID + 1, SESSION));
	put(CTL(1), (ID + 1) << 24 | IDE_STREAM_ENABLE);
	ck_assert_uint_eq(STATE(1), IDE_STATE_INSECURE);
	give_keys(ID + 1);
	ck_assert_uint_eq(STATE(1), IDE_STATE_SECURE);
	/* A link stream is secure, too, but no default stream of an interface. */
	put(LINK, 77u << 24 | IDE_STREAM_ENABLE);
	give_keys(77);
	ck_assert_uint_eq(get(LINK + IDE_LINK_STATUS) & IDE_STREAM_STATE, IDE_STATE_SECURE);
	ck_assert(!pci_ide_selective_secure(&ide, 77, SESSION));
	ck_assert_uint_eq(losses, 0);
}
END_TEST

START_TEST(unknown_stream)
{
	struct ide_keys keys;

	ck_assert_int_eq(ide_keys_generate(&keys), 0);
	ck_assert_int_eq(ide_km_start_stream("ep", 0, ID, 0, &keys, exchange, NULL), -EREMOTEIO);
}
END_TEST

/* While a stream is enabled its registers stay. */
START_TEST(frozen)
{
	secure_it();
	put(CTL(0), (ID + 1) << 24 | IDE_STREAM_ENABLE | IDE_SEL_CTL_DEFAULT);
	ck_assert_uint_eq(get(CTL(0)), ID << 24 | IDE_STREAM_ENABLE);
	ck_assert_uint_eq(STATE(0), IDE_STATE_SECURE);
}
END_TEST

START_TEST(disable)
{
	secure_it();
	put(CTL(0), (ID + 1) << 24);
	ck_assert_uint_eq(STATE(0), IDE_STATE_INSECURE);
	ck_assert_uint_eq(losses, 1);
	ck_assert_uint_eq(lost, ID);
	/* The keys went with it. */
	put(CTL(0), ID << 24 | IDE_STREAM_ENABLE);
	ck_assert_uint_eq(STATE(0), IDE_STATE_INSECURE);
}
END_TEST

START_TEST(losing)
{
	secure_it();
	ck_assert_int_eq(ide_km_stop_stream("ep", 0, ID, 0, exchange, NULL), 0);
	ck_assert_uint_eq(losses, 1);
	give_keys(ID);
	ck_assert_uint_eq(STATE(0), IDE_STATE_SECURE);
	pci_ide_session_ended(&ide, SESSION);
	ck_assert_uint_eq(losses, 2);
	give_keys(ID);
	pci_ide_fail_stream(&ide, ID);
	ck_assert_uint_eq(losses, 3);
	ck_assert_uint_eq(get(SEL(0) + IDE_SEL_STATUS), IDE_STATUS_CHECK);
	put(SEL(0) + IDE_SEL_STATUS, IDE_STATUS_CHECK);
	ck_assert_uint_eq(get(SEL(0) + IDE_SEL_STATUS), 0);
}
END_TEST

/* 6.6.2: a function level reset leaves IDE as it is; the link's reset does not. */
START_TEST(resets)
{
	secure_it();
	put(SEL(0) + IDE_SEL_RID1, 0x00ff00);
	pci_ide_before_reset(&ide, PCI_RESET_FUNCTION);
	pci_cfg_reset(&ep->fn.cfg);
	pci_ide_after_reset(&ide, PCI_RESET_FUNCTION);
	ck_assert_uint_eq(STATE(0), IDE_STATE_SECURE);
	ck_assert_uint_eq(get(SEL(0) + IDE_SEL_RID1), 0x00ff00);
	ck_assert_uint_eq(losses, 0);
	pci_ide_before_reset(&ide, PCI_RESET_CONVENTIONAL);
	pci_cfg_reset(&ep->fn.cfg);
	pci_ide_after_reset(&ide, PCI_RESET_CONVENTIONAL);
	ck_assert_uint_eq(get(CTL(0)), 0);
	ck_assert_uint_eq(STATE(0), IDE_STATE_INSECURE);
	ck_assert_uint_eq(losses, 1);
}
END_TEST

/* A root port has the keys of what is below it, and takes the other end along when it ends a stream. */
START_TEST(port)
{
	unsigned stream = 0x200 + IDE_LINK_FIRST + IDE_LINK_BLOCK;

	ck_assert_int_eq(pci_bridge_add_ide(w.port[0]), 0);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, 1 << 3, 0x200, 2), IDE_CAP_ID);
	fake_cfg_write(&w, 0, 1 << 3, stream + IDE_SEL_CTL, 4, ID << 24 | IDE_STREAM_ENABLE);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, 1 << 3, stream + IDE_SEL_STATUS, 4), IDE_STATE_INSECURE);
	secure_it();
	ck_assert_uint_eq(fake_cfg_read(&w, 0, 1 << 3, stream + IDE_SEL_STATUS, 4), IDE_STATE_SECURE);
	put(CTL(0), 0);
	ck_assert_uint_eq(fake_cfg_read(&w, 0, 1 << 3, stream + IDE_SEL_STATUS, 4), IDE_STATE_INSECURE);
	secure_it();
	ck_assert_uint_eq(fake_cfg_read(&w, 0, 1 << 3, stream + IDE_SEL_STATUS, 4), IDE_STATE_SECURE);
	losses = 0;
	fake_cfg_write(&w, 0, 1 << 3, stream + IDE_SEL_CTL, 4, 0);
	ck_assert_uint_eq(STATE(0), IDE_STATE_INSECURE);
	ck_assert_uint_eq(losses, 1);
}
END_TEST

START_TEST(refused)
{
	static struct pci_ide other;
	struct pci_ide_config bad = config;

	ck_assert_int_eq(pci_ide_add(&other, &ep->fn, &config), -EINVAL); /* the place is taken */
	bad.offset = 0x400;
	bad.selective = PCI_IDE_MAX_SELECTIVE + 1;
	ck_assert_int_eq(pci_ide_add(&other, &ep->fn, &bad), -EINVAL);
	bad.selective = 0;
	bad.link = false;
	ck_assert_int_eq(pci_ide_add(&other, &ep->fn, &bad), -EINVAL);
	bad = config;
	bad.offset = 0xff0;
	ck_assert_int_eq(pci_ide_add(&other, &ep->fn, &bad), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_ide");
	TCase *tc = tcase_create("ide");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, registers);
	tcase_add_test(tc, query);
	tcase_add_test(tc, order);
	tcase_add_test(tc, unknown_stream);
	tcase_add_test(tc, frozen);
	tcase_add_test(tc, disable);
	tcase_add_test(tc, losing);
	tcase_add_test(tc, resets);
	tcase_add_test(tc, port);
	tcase_add_test(tc, refused);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
