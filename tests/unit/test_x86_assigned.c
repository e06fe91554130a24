/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of an x86-64 host in an x86-64 machine, from the configuration to the messages that KVM delivers. */
#include <check.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/pci_regs.h>

#include "fake_kvm_x86.h"
#include "fake_vfio.h"
#include "log.h"
#include "machine_priv.h"
#include "run_suite.h"

#define BDF	   "0000:01:00.0"
#define BAR	   UINT64_C(0xc0000000)
#define MSIX_TABLE 0x2000u
#define MSIX_CAP   0xb0u
#define WINDOW	   UINT64_C(0xfee00000)

static struct fake_vfio_dev dev;
static uint8_t *bar;
static struct machine *m;
static struct config *config;
static char kernel[64], yaml[1024], last[1024];
static unsigned messages;

static void sink(enum log_level level, const char *line, void *opaque)
{
	if (level > LOG_WARN)
		return;
	messages++;
	snprintf(last, sizeof(last), "%s", line);
}

/* The least that counts as a kernel with a PVH note. */
static void write_kernel(void)
{
	struct {
		Elf64_Ehdr h;
		Elf64_Phdr ph[2];
		Elf64_Nhdr note;
		char name[4];
		uint32_t entry[2];
	} image = {
		.h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		      .e_type = ET_EXEC,
		      .e_machine = EM_X86_64,
		      .e_phoff = sizeof(Elf64_Ehdr),
		      .e_phentsize = sizeof(Elf64_Phdr),
		      .e_phnum = 2},
		.ph = {{.p_type = PT_LOAD, .p_paddr = 0x200000, .p_filesz = 64, .p_memsz = 4096},
		       {.p_type = PT_NOTE, .p_filesz = 24}},
		.note = {.n_namesz = 4, .n_descsz = 8, .n_type = 18},
		.name = "Xen",
		.entry = {0x200000, 0},
	};

	image.ph[1].p_offset = (uint64_t)((char *)&image.note - (char *)&image);
	snprintf(kernel, sizeof(kernel), "/tmp/aerie-x86-assigned-XXXXXX");
	int fd = mkstemp(kernel);
	ck_assert_int_eq((int)write(fd, &image, sizeof(image)), (int)sizeof(image));
	close(fd);
}

static void setup(void)
{
	fake_reset();
	fake_kvm_x86_install();
	fake_iommu_install();
	fake_vfio_install();
	fake_sysfs_create();
	/* What VT-d and AMD-Vi leave out: messages are not translated. */
	fake_iommu.resv_first = WINDOW;
	fake_iommu.resv_last = WINDOW + 0xfffff;
	memset(&dev, 0, sizeof(dev));
	bar = aligned_alloc(65536, 65536);
	memset(bar, 0, 65536);
	fake_vfio_nvme(&dev, bar);
	snprintf(dev.iommu, sizeof(dev.iommu), "dmar0");
	dev.irqs[VFIO_PCI_MSIX_IRQ_INDEX].noresize = false; /* msi_domain of x86: vectors on demand */
	fake_vfio_add(&dev, BDF);
	messages = 0;
	last[0] = '\0';
	log_set_sink(sink, NULL);
	write_kernel();
}

static void teardown(void)
{
	machine_destroy(&m);
	config_free(config);
	config = NULL;
	log_set_sink(NULL, NULL);
	ck_assert_uint_eq(fake_leaks(), 0);
	ck_assert(!dev.open && !dev.dev && !dev.attached && !dev.kvm);
	fake_sysfs_remove();
	unlink(kernel);
	free(bar);
}

static int make(const char *iommus, const char *iommu)
{
	snprintf(yaml, sizeof(yaml),
		 "version: 1\nmachine: { cpus: 1, memory: 8M }\nboot: { kernel: %s }\nconsole: { type: none }\n"
		 "%spci: [{ root-port: rp0, %sdevices: [{ assign: \"" BDF "\" }] }]\n",
		 kernel, iommus, iommu);
	int err = config_parse(&config, "x86", yaml, strlen(yaml), NULL);

	return err ? err : machine_build(&m, config);
}

/* The guest's side: root port 00:01.0 with bus 1, and the device below. */
static void cfg(unsigned bdf, unsigned reg, uint8_t size, uint32_t value)
{
	bus_write(&m->vm.bus, arch_pci_ecam(&m->vm).first + ((uint64_t)bdf << 12) + reg, size, value);
}

#define PORT   (1u << 3)
#define DEVICE (1u << 8)

static void open_bars(void)
{
	cfg(PORT, PCI_MEMORY_BASE, 4, 0xc000c000);
	cfg(PORT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	cfg(DEVICE, PCI_BASE_ADDRESS_0, 4, (uint32_t)BAR);
	cfg(DEVICE, PCI_BASE_ADDRESS_0 + 4, 4, 0);
	cfg(DEVICE, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
}

static void entry(unsigned vector, uint64_t address, uint32_t data)
{
	const uint64_t at = BAR + MSIX_TABLE + 16 * vector;

	bus_write(&m->vm.bus, at, 4, (uint32_t)address);
	bus_write(&m->vm.bus, at + 4, 4, address >> 32);
	bus_write(&m->vm.bus, at + 8, 4, data);
	bus_write(&m->vm.bus, at + 12, 4, 0);
}

/* The message that KVM would deliver with @data; NULL: none. */
static const struct kvm_irq_routing_entry *route(uint32_t data)
{
	for (unsigned i = 0; i < fake_kvm_x86.nr_routes; i++)
		if (fake_kvm_x86.routes[i].type == KVM_IRQ_ROUTING_MSI && fake_kvm_x86.routes[i].u.msi.data == data)
			return &fake_kvm_x86.routes[i];
	return NULL;
}

/* Vectors are had from the host when the guest uses them, not all 65 beforehand. */
static void messages_work(void)
{
	open_bars();
	cfg(DEVICE, MSIX_CAP + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	ck_assert_int_eq(dev.active, VFIO_PCI_MSIX_IRQ_INDEX);
	ck_assert_uint_eq(dev.allocated, 1);
	entry(0, WINDOW | 1 << 12, 0x41);
	entry(4, WINDOW | 2 << 12, 0x42);
	ck_assert_uint_eq(dev.allocated, 5);
	ck_assert_int_ge(dev.trigger[4], 0);
	ck_assert_ptr_nonnull(route(0x41));
	ck_assert_uint_eq(route(0x42)->u.msi.address_lo, WINDOW | 2 << 12);
	ck_assert_uint_eq(route(0x42)->flags, 0); /* the address says where to, no DeviceID */
	/* What is no message goes nowhere. */
	entry(5, 0x1000, 0x43);
	ck_assert_ptr_null(route(0x43));
}

START_TEST(no_iommu)
{
	ck_assert_int_eq(make("", ""), 0);
	ck_assert(dev.kvm && !dev.kvm_late);
	ck_assert_ptr_nonnull(dev.attached);
	messages_work();
	ck_assert_uint_eq(messages, 1); /* entry 5 */
}
END_TEST

/* The window is the guest's MSI region, and no RAM is shadowed there. */
START_TEST(virtio_iommu)
{
	ck_assert_int_eq(make("iommus: [{ id: v0, type: virtio-iommu }]\n", "iommu: v0, "), 0);
	ck_assert_ptr_nonnull(dev.attached);
	messages_work();
	ck_assert_uint_eq(messages, 1);
}
END_TEST

START_TEST(intx)
{
	ck_assert_int_eq(make("", ""), 0);
	open_bars();
	cfg(DEVICE, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_int_eq(dev.active, VFIO_PCI_INTX_IRQ_INDEX);
	ck_assert_int_ge(dev.trigger[0], 0);
	ck_assert_int_ge(dev.unmask, 0); /* the I/O APIC's EOI comes back through it */
	cfg(DEVICE, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	ck_assert_int_eq(dev.active, -1);
	ck_assert_uint_eq(messages, 0);
}
END_TEST

START_TEST(not_isolated)
{
	dev.bind_err = EPERM;
	ck_assert_int_eq(make("", ""), -EPERM);
	ck_assert_ptr_nonnull(strstr(last, "cannot assign " BDF ": the host does not isolate its interrupts"));
	ck_assert_ptr_nonnull(strstr(last, "Enable interrupt remapping (VT-d, AMD-Vi) in the firmware"));
	ck_assert_ptr_nonnull(strstr(last, "iommufd.allow_unsafe_interrupts=1"));
	ck_assert_uint_eq(messages, 1);
}
END_TEST

/* No SMMU of this host could nest: said before anything runs. */
START_TEST(smmu_refused)
{
	fake_iommu.hw_type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
	ck_assert_int_lt(make("iommus: [{ id: s0, type: smmuv3 }]\n", "iommu: s0, "), 0);
	ck_assert_uint_eq(messages, 1);
	ck_assert_ptr_nonnull(strstr(last, BDF));
}
END_TEST

START_TEST(each_call_fails)
{
	ck_assert_int_eq(make("", ""), 0);
	unsigned total = fake_calls();

	machine_destroy(&m);
	for (unsigned n = 1; n <= total; n++) {
		config_free(config);
		messages = 0;
		fake_fail_nth(n, EIO);
		int err = make("", "");

		ck_assert_msg(err == 0 || messages == 1, "%u messages after %s failed: %s", messages,
			      fake_failed_call(), last);
		machine_destroy(&m);
		ck_assert_msg(fake_leaks() == 0 && !dev.open, "leak after %s failed", fake_failed_call());
	}
	fake_fail_nth(0, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("x86_assigned");
	TCase *t = tcase_create("x86_assigned");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, no_iommu);
	tcase_add_test(t, virtio_iommu);
	tcase_add_test(t, intx);
	tcase_add_test(t, not_isolated);
	tcase_add_test(t, smmu_refused);
	tcase_add_test(t, each_call_fails);
	suite_add_tcase(s, t);
	return run_suite(s);
}
