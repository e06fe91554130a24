/* SPDX-License-Identifier: Apache-2.0 */
/* The adapter to viommu/host, whose functions are doubles here, and the device tree node. */
#include <check.h>
#include <libfdt.h>

#include "fdtw.h"
#include "smmu_fixture.h"
#include "smmu_nested.h"
#include "run_suite.h"

static struct {
	const char *call;
	void *who;
	uint32_t sid, n;
	uint64_t ste0;
	int result;
	struct nested_event events[NESTED_EVENT_BATCH];
	int nr_events;
	uint32_t lost;
	struct nested_dev *faulting;
	int nr_faults, faults_err;
	uint32_t next_handle, ended; /* groups up to @ended are open no more */
	unsigned answers[1024], expires;
} host;

int nested_attach_abort(struct nested_dev *dev)
{
	host.call = "abort";
	host.who = dev;
	return host.result;
}

int nested_attach_bypass(struct nested_dev *dev)
{
	host.call = "bypass";
	host.who = dev;
	return host.result;
}

int nested_attach_s1(struct nested_dev *dev, uint32_t sid, const uint64_t ste[2])
{
	host.call = "s1";
	host.who = dev;
	host.sid = sid;
	host.ste0 = ste[0];
	return host.result;
}

int nested_invalidate(struct nested *nested, const void *cmds, uint32_t n, uint32_t *done)
{
	host.call = "invalidate";
	host.who = nested;
	host.n = n;
	*done = n - 1;
	return host.result;
}

int nested_answer(struct nested_dev *dev, uint32_t handle, bool retry)
{
	host.call = retry ? "retry" : "refuse";
	host.who = dev;
	host.answers[handle]++;
	return 0;
}

bool nested_is_open(const struct nested *nested, const struct nested_dev *dev, uint32_t handle)
{
	return handle > host.ended;
}

void nested_kick(struct nested *nested)
{
	host.call = "kick";
	host.who = nested;
}

int nested_read_faults(struct nested *nested, struct nested_fault faults[NESTED_FAULT_BATCH])
{
	int n = 0;

	while (n < (int)NESTED_FAULT_BATCH && n < host.nr_faults) {
		faults[n] = (struct nested_fault){
			.dev = host.faulting,
			.handle = ++host.next_handle,
			.pasid = NESTED_NO_PASID,
			.addr = UINT64_C(0x1000) * host.next_handle,
			.last = true,
			.write = true,
		};
		n++;
	}
	host.nr_faults -= n;
	return host.faults_err ? host.faults_err : n;
}

unsigned nested_expire(struct nested *nested, uint64_t now, struct nested_fault gone[NESTED_FAULT_BATCH])
{
	host.expires++;
	return 0;
}

uint64_t nested_now(void)
{
	return 0;
}

int nested_read_events(struct nested *nested, struct nested_event events[NESTED_EVENT_BATCH], uint32_t *lost)
{
	for (int i = 0; i < host.nr_events; i++)
		events[i] = host.events[i];
	*lost = host.lost;
	return host.nr_events;
}

START_TEST(test_ops)
{
	int dev;
	struct smmu_nested backend = {.nested = (struct nested *)(void *)&dev};
	uint64_t ste[2] = {5, 6};
	uint32_t done = 0;

	host.result = -EIO * _i;
	ck_assert_int_eq(smmu_nested_ops.attach_abort(&dev), host.result);
	ck_assert_str_eq(host.call, "abort");
	ck_assert_int_eq(smmu_nested_ops.attach_bypass(&dev), host.result);
	ck_assert_str_eq(host.call, "bypass");
	ck_assert_int_eq(smmu_nested_ops.attach_s1(&dev, 0x123, ste), host.result);
	ck_assert_str_eq(host.call, "s1");
	ck_assert_ptr_eq(host.who, &dev);
	ck_assert_uint_eq(host.sid, 0x123);
	ck_assert_uint_eq(host.ste0, 5);
	ck_assert_int_eq(smmu_nested_ops.invalidate(&backend, NULL, 9, &done), host.result);
	ck_assert_ptr_eq(host.who, &dev);
	ck_assert_uint_eq(host.n, 9);
	ck_assert_uint_eq(done, 8);
}
END_TEST

START_TEST(test_caps)
{
	struct nested_info info = {.idr = {1, 2, 3, 4, 5, 6}};
	struct smmu_host_caps caps;

	smmu_nested_caps(&caps, &info);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(caps.idr[i], i + 1);
}
END_TEST

START_TEST(test_pump)
{
	struct smmu_nested glue = {0};

	setup();
	glue.smmu = fx.smmu;
	start_queues(8);
	put_ste(0x100, ste_s1(CDTAB), 0);
	enable_smmu();
	host.nr_events = 2;
	host.events[0] = (struct nested_event){.dw = {EVT_F_TRANSLATION | UINT64_C(0x100) << 32, 0, 0x1000, 0}};
	host.events[1] = (struct nested_event){.dw = {EVT_F_ACCESS | UINT64_C(0x100) << 32, 0, 0x2000, 0}};
	ck_assert_int_eq(smmu_nested_pump(&glue), 2);
	ck_assert_uint_eq(rd32(SMMU_EVENTQ_PROD), 2);
	ck_assert_uint_eq(event_at(1).dw[2], 0x2000);
	host.nr_events = -EIO;
	host.lost = 0;
	ck_assert_int_eq(smmu_nested_pump(&glue), -EIO);
	ck_assert_uint_eq(rd32(SMMU_EVENTQ_PROD), 2);
	host.nr_events = 0;
	host.lost = 7;
	ck_assert_int_eq(smmu_nested_pump(&glue), 0);
	ck_assert_uint_eq(rd32(SMMU_EVENTQ_PROD), 2 | QUEUE_OVERFLOW);
	teardown();
}
END_TEST

/* One endpoint, at stage 1, that stalls. */
static void setup_faults(struct smmu_nested *glue)
{
	struct smmu_host_caps caps = host_usual();
	struct fixture_ep *ep = &fx.eps[0];

	caps.idr[0] &= ~IDR0_STALL_MODEL;
	fx.host_stalls = true;
	setup_host(caps);
	glue->smmu = fx.smmu;
	*ep = (struct fixture_ep){.rid = 0x108};
	ep->ep = (struct viommu_endpoint){.name = "stalls", .rid = fixture_rid, .owner = ep, .stalls = true};
	host.faulting = (struct nested_dev *)(void *)ep;
	ck_assert_int_eq(smmu_add_endpoint(fx.smmu, &ep->ep, ep), 0);
	start_queues(10);
	put_ste(0x108, ste_s1(CDTAB), 0);
	enable_smmu();
}

/* Page faults of the host: as many as there are Stall Tags, the rest when there is room. */
START_TEST(test_faults)
{
	struct smmu_nested glue = {0};
	unsigned taken, refused = 0;

	setup_faults(&glue);

	/* the stream is at stage 1: the guest is told */
	host.nr_faults = 3;
	ck_assert_int_eq(smmu_nested_faults(&glue), 0);
	ck_assert_uint_eq(rd32(SMMU_EVENTQ_PROD), 3);
	ck_assert_uint_eq(event_at(0).dw[2], 0x1000);
	ck_assert_uint_ne(event_at(0).dw[1] & EVT1_STALL, 0);

	/* more than there are tags */
	host.nr_faults = 400;
	while (smmu_nested_faults(&glue) == 0)
		;
	taken = SMMU_STALL_MAX;
	ck_assert_uint_eq(fx.smmu->stalls.used, taken);
	ck_assert_uint_eq(glue.nr_backlog, host.next_handle - taken);
	ck_assert_int_eq(smmu_nested_faults(&glue), 1); /* reads nothing */
	ck_assert_int_eq(smmu_nested_timer(&glue), 1);
	ck_assert_uint_eq(host.expires, 1);
	ck_assert_uint_eq(fx.nr_answers, 0);

	/* the guest turns the SMMU off: what it was told fails, what waits is refused, everything once */
	wr32(SMMU_CR0, 0);
	ck_assert_uint_ge(fx.nr_room, 1);
	ck_assert_int_eq(smmu_nested_timer(&glue), 0);
	while (host.nr_faults > 0)
		ck_assert_int_eq(smmu_nested_faults(&glue), 0);
	ck_assert_uint_eq(glue.nr_backlog, 0);
	for (unsigned i = 0; i < ARRAY_LEN(host.answers); i++) {
		ck_assert_uint_le(host.answers[i], 1);
		refused += host.answers[i];
	}
	ck_assert_uint_eq(refused, 403 - taken);

	host.faults_err = -EIO;
	ck_assert_int_eq(smmu_nested_faults(&glue), -EIO);
	host.faults_err = 0;
	teardown();
}
END_TEST

/* A guest that keeps all Stall Tags for itself: what waits for one is dropped when its time is up, and the host's queue
 * is read on, or accesses would hang there for ever. */
START_TEST(test_faults_never_answered)
{
	struct smmu_nested glue = {0};

	setup_faults(&glue);
	host.nr_faults = 400;
	while (smmu_nested_faults(&glue) == 0)
		;
	ck_assert_uint_eq(fx.smmu->stalls.used, SMMU_STALL_MAX);
	while (host.nr_faults > 0) {
		ck_assert_int_eq(smmu_nested_faults(&glue), 1);
		ck_assert_int_eq(smmu_nested_timer(&glue), 1);
		host.ended = host.next_handle;
		ck_assert_int_eq(smmu_nested_timer(&glue), 0);
		ck_assert_uint_eq(glue.nr_backlog, 0);
		smmu_nested_faults(&glue);
	}
	/* the guest is told of none that is over */
	host.ended = host.next_handle;
	issue(sid_cmd(CMD_STALL_TERM, 0x108), 0);
	ck_assert_int_eq(smmu_nested_timer(&glue), 0);
	ck_assert_uint_eq(fx.smmu->stalls.used, 0);
	teardown();
}
END_TEST

static uint32_t cell(const void *fdt, int node, const char *name, unsigned index)
{
	int len;
	const fdt32_t *cells = fdt_getprop(fdt, node, name, &len);

	ck_assert_ptr_nonnull(cells);
	ck_assert_int_gt(len, (int)index * 4);
	return fdt32_to_cpu(cells[index]);
}

START_TEST(test_fdt_node)
{
	struct device *dev;
	struct fdtw w;
	size_t len;
	int node;

	setup();
	fx.smmu->config.msi_device_id = 0xffff;
	if (_i == 0)
		fx.smmu->config.msi = NULL;
	dev = smmu_device(fx.smmu);
	ck_assert_int_eq(fdtw_start(&w), 0);
	fdtw_begin(&w, "%s", "");
	dev->class->describe(dev, &w);
	fdtw_end(&w);
	ck_assert_int_eq(fdtw_finish(&w, &len), 0);
	node = fdt_path_offset(w.buf, "/iommu@9050000");
	ck_assert_int_ge(node, 0);
	ck_assert_int_eq(fdt_node_check_compatible(w.buf, node, "arm,smmu-v3"), 0);
	ck_assert_uint_eq(cell(w.buf, node, "reg", 1), MMIO);
	ck_assert_uint_eq(cell(w.buf, node, "reg", 3), 0x20000);
	ck_assert_uint_eq(cell(w.buf, node, "phandle", 0), 7);
	ck_assert_uint_eq(cell(w.buf, node, "#iommu-cells", 0), 1);
	ck_assert_ptr_nonnull(fdt_getprop(w.buf, node, "dma-coherent", NULL));
	if (_i == 0) {
		ck_assert_ptr_null(fdt_getprop(w.buf, node, "msi-parent", NULL));
	} else {
		ck_assert_uint_eq(cell(w.buf, node, "msi-parent", 0), FDTW_PHANDLE_MSI);
		ck_assert_uint_eq(cell(w.buf, node, "msi-parent", 1), 0xffff);
	}
	static const char *const names[] = {"eventq", "gerror", "cmdq-sync", "priq"};

	for (unsigned i = 0; i < 3; i++) {
		ck_assert_str_eq(fdt_stringlist_get(w.buf, node, "interrupt-names", (int)i, NULL), names[i]);
		ck_assert_uint_eq(cell(w.buf, node, "interrupts", 3 * i), 0);
		ck_assert_uint_eq(cell(w.buf, node, "interrupts", 3 * i + 1), 8 + i);
		ck_assert_uint_eq(cell(w.buf, node, "interrupts", 3 * i + 2), 1);
	}
	ck_assert_int_eq(fdt_stringlist_count(w.buf, node, "interrupt-names"), 4);
	fdtw_free(&w);
	teardown();
}
END_TEST

/* Another device where the registers should be. */
START_TEST(test_create_fails)
{
	struct smmu_config config = {.id = "smmu1", .base = MMIO + 0x10000, .host = &fx.host, .ops = &double_ops};
	struct smmu *other;

	setup();
	ck_assert_int_eq(smmu_create(&other, &fx.mem, &fx.bus, &config), -EEXIST);
	ck_assert_ptr_null(other);
	fx.host.idr[0] = 0;
	config.base = MMIO + SMMU_MMIO_SIZE;
	ck_assert_int_eq(smmu_create(&other, &fx.mem, &fx.bus, &config), -ENOTSUP);
	ck_assert_ptr_null(other);
	teardown();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-nested");
	TCase *tc = tcase_create("nested");

	tcase_add_loop_test(tc, test_ops, 0, 2);
	tcase_add_test(tc, test_caps);
	tcase_add_test(tc, test_pump);
	tcase_add_test(tc, test_faults);
	tcase_add_test(tc, test_faults_never_answered);
	tcase_add_loop_test(tc, test_fdt_node, 0, 2);
	tcase_add_test(tc, test_create_fails);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
