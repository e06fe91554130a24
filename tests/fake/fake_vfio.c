/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_vfio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kvm.h>
#include <linux/pci_regs.h>

#include "fake.h"
#include "fake_books.h"

#define REGION_SHIFT 40
#define NO_FD	     (-2)

static struct fake_vfio_dev *devices[FAKE_VFIO_DEVICES];
static unsigned nr_devices;

void fake_vfio_set(struct fake_vfio_dev *dev, unsigned offset, unsigned size, uint32_t value)
{
	for (unsigned i = 0; i < size; i++)
		dev->config[offset + i] = (uint8_t)(value >> (i * 8));
}

static uint16_t command_of(const struct fake_vfio_dev *dev)
{
	return (uint16_t)(dev->config[PCI_COMMAND] | dev->config[PCI_COMMAND + 1] << 8);
}

/* Life and attachment */

static void let_go(struct fake_vfio_dev *dev)
{
	if (dev->attached) {
		fake_fault_detach(dev->dev);
		fake_iommu_put(dev->attached);
	}
	dev->attached = NULL;
	dev->vsid = -1;
}

static int dev_open(struct fake_file *file, const char *path)
{
	unsigned n = FAKE_VFIO_DEVICES;

	sscanf(path, "/dev/vfio/devices/vfio%u", &n);
	if (n >= nr_devices)
		return -ENOENT;
	if (devices[n]->open_err)
		return -devices[n]->open_err;
	file->state = devices[n];
	devices[n]->open = true;
	return 0;
}

static void irqs_off(struct fake_vfio_dev *dev)
{
	dev->active = -1;
	dev->allocated = 0;
	dev->unmask = -1;
	for (unsigned i = 0; i < FAKE_VFIO_VECTORS; i++)
		dev->trigger[i] = -1;
}

static void dev_close(struct fake_file *file)
{
	struct fake_vfio_dev *dev = file->state;

	if (!dev)
		return; /* its open() has failed */
	dev->open = dev->kvm;
	irqs_off(dev);
	dev->err_fd = dev->req_fd = -1;
	let_go(dev);
	if (dev->dev) {
		fake_iommu_unbind(dev->dev);
		dev->resets += dev->can_reset; /* vfio_pci_core_disable() */
	}
	dev->dev = NULL;
}

/* arm_smmu_probe_device(), by IDR0.STALL_MODEL */
static bool fake_stalls(const struct fake_vfio_dev *dev)
{
	switch (fake_iommu.idr[0] >> 24 & 3) {
	case 0:
		return dev->can_stall;
	case 2:
		return true;
	default:
		return false;
	}
}

static int bind_iommufd(struct fake_vfio_dev *dev, struct vfio_device_bind_iommufd *arg)
{
	int err;

	if (arg->argsz < sizeof(*arg) || arg->flags || dev->dev)
		return -EINVAL;
	if (dev->bind_err)
		return -dev->bind_err;
	err = fake_iommu_bind(arg->iommufd, dev->iommu, fake_stalls(dev), &dev->dev);
	if (!err) {
		arg->out_devid = dev->dev->id;
		dev->resets += dev->can_reset; /* the first open: vfio_pci_core_enable() */
	}
	return err;
}

static bool bypasses(const struct fake_obj *obj)
{
	return obj->type != FAKE_HWPT_NESTED || ((obj->ste[0] & 1) && (obj->ste[0] >> 1 & 7) == 4);
}

static int attach(struct fake_vfio_dev *dev, struct vfio_device_attach_iommufd_pt *arg)
{
	struct fake_obj *to;
	int64_t vsid;
	int err;

	if (arg->argsz < sizeof(*arg) || arg->flags)
		return -EINVAL;
	if (dev->attach_err)
		return -dev->attach_err;
	err = fake_iommu_attach(dev->dev, arg->pt_id, &to, &vsid);
	if (err)
		return err;
	let_go(dev);
	dev->attached = to;
	dev->vsid = vsid;
	dev->attaches++;
	dev->was_bypassed |= bypasses(to);
	return 0;
}

static int detach(struct fake_vfio_dev *dev, struct vfio_device_detach_iommufd_pt *arg)
{
	if (arg->argsz < sizeof(*arg) || arg->flags)
		return -EINVAL;
	if (dev->detach_err)
		return -dev->detach_err;
	let_go(dev);
	return 0;
}

/* Information */

static int get_info(struct fake_vfio_dev *dev, struct vfio_device_info *arg)
{
	if (arg->argsz < offsetof(struct vfio_device_info, cap_offset))
		return -EINVAL;
	arg->flags = VFIO_DEVICE_FLAGS_PCI | (dev->can_reset ? VFIO_DEVICE_FLAGS_RESET : 0);
	arg->num_regions = FAKE_VFIO_REGIONS;
	arg->num_irqs = VFIO_PCI_NUM_IRQS;
	return 0;
}

static int get_region(struct fake_vfio_dev *dev, struct vfio_region_info *arg)
{
	struct vfio_region_info_cap_sparse_mmap *cap = (void *)(arg + 1);
	const struct fake_vfio_region *r;
	size_t need = sizeof(*arg);

	if (arg->argsz < sizeof(*arg) || arg->index >= FAKE_VFIO_REGIONS)
		return -EINVAL;
	r = &dev->regions[arg->index];
	arg->flags = r->flags;
	arg->size = r->size;
	arg->offset = (uint64_t)arg->index << REGION_SHIFT;
	arg->cap_offset = 0;
	if (!r->nr_sparse)
		return 0;
	need += sizeof(*cap) + r->nr_sparse * sizeof(cap->areas[0]);
	arg->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (arg->argsz >= need) {
		arg->cap_offset = sizeof(*arg);
		*cap = (struct vfio_region_info_cap_sparse_mmap){
			.header = {.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP, .version = 1},
			.nr_areas = r->nr_sparse,
		};
		for (unsigned i = 0; i < r->nr_sparse; i++) {
			cap->areas[i].offset = r->sparse[i].offset;
			cap->areas[i].size = r->sparse[i].size;
		}
	}
	arg->argsz = (uint32_t)need;
	return 0;
}

static int get_irq_info(struct fake_vfio_dev *dev, struct vfio_irq_info *arg)
{
	if (arg->argsz < sizeof(*arg) || arg->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	arg->count = dev->irqs[arg->index].count;
	arg->flags = VFIO_IRQ_INFO_EVENTFD | (dev->irqs[arg->index].noresize ? VFIO_IRQ_INFO_NORESIZE : 0);
	return 0;
}

/* SET_IRQS: vfio_pci_intrs.c */

static int set_intx(struct fake_vfio_dev *dev, const struct vfio_irq_set *arg, int32_t fd)
{
	bool is_intx = dev->active == VFIO_PCI_INTX_IRQ_INDEX;

	if (arg->flags & VFIO_IRQ_SET_ACTION_UNMASK) {
		if (!is_intx || arg->start != 0 || arg->count != 1)
			return -EINVAL;
		dev->unmask = fd;
		return 0;
	}
	if (is_intx && !arg->count && arg->flags & VFIO_IRQ_SET_DATA_NONE) {
		irqs_off(dev);
		return 0;
	}
	if (!(is_intx || dev->active < 0) || arg->start != 0 || arg->count != 1 || fd == NO_FD)
		return -EINVAL;
	dev->active = VFIO_PCI_INTX_IRQ_INDEX;
	dev->trigger[0] = fd;
	return 0;
}

static int set_msi(struct fake_vfio_dev *dev, const struct vfio_irq_set *arg)
{
	bool is_on = dev->active == (int)arg->index;
	uint32_t end = arg->start + arg->count;
	int32_t fds[FAKE_VFIO_VECTORS];

	if (is_on && !arg->count && arg->flags & VFIO_IRQ_SET_DATA_NONE) {
		irqs_off(dev);
		return 0;
	}
	if (!(is_on || dev->active < 0) || !(arg->flags & VFIO_IRQ_SET_ACTION_TRIGGER) ||
	    !(arg->flags & VFIO_IRQ_SET_DATA_EVENTFD))
		return -EINVAL;
	if (end > dev->vectors_left)
		return is_on ? -ENOSPC : (int)dev->vectors_left;
	if (is_on && end > dev->allocated && dev->irqs[arg->index].noresize)
		return -EINVAL;
	memcpy(fds, arg->data, arg->count * sizeof(int32_t));
	for (uint32_t i = 0; i < arg->count; i++)
		dev->trigger[arg->start + i] = fds[i];
	dev->active = (int)arg->index;
	if (end > dev->allocated)
		dev->allocated = end;
	return 0;
}

static int set_irqs_checked(struct fake_vfio_dev *dev, const struct vfio_irq_set *arg, int32_t first)
{
	uint32_t data = arg->flags & VFIO_IRQ_SET_DATA_EVENTFD ? arg->count * 4 : 0;

	if (arg->argsz < sizeof(*arg) + data || arg->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	if (arg->start >= dev->irqs[arg->index].count || arg->count > dev->irqs[arg->index].count - arg->start)
		return -EINVAL;
	switch (arg->index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return set_intx(dev, arg, first);
	case VFIO_PCI_MSI_IRQ_INDEX:
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return set_msi(dev, arg);
	case VFIO_PCI_ERR_IRQ_INDEX:
		dev->err_fd = first;
		return 0;
	default:
		dev->req_fd = first;
		return 0;
	}
}

static int set_irqs(struct fake_vfio_dev *dev, const struct vfio_irq_set *arg)
{
	struct fake_set_irqs *log = &dev->log[dev->nr_log++ % FAKE_VFIO_LOG];
	int32_t first = NO_FD;

	if (arg->flags & VFIO_IRQ_SET_DATA_EVENTFD && arg->count && arg->argsz >= sizeof(*arg) + 4)
		memcpy(&first, arg->data, sizeof(first));
	*log = (struct fake_set_irqs){arg->flags, arg->index, arg->start, arg->count, first, 0};
	if (dev->set_irqs_fail && --dev->set_irqs_fail == 0)
		log->ret = -dev->set_irqs_err;
	else
		log->ret = set_irqs_checked(dev, arg, first);
	return log->ret;
}

static int reset(struct fake_vfio_dev *dev)
{
	if (!dev->can_reset)
		return -EINVAL;
	if (dev->reset_err)
		return -dev->reset_err;
	dev->resets++;
	return 0;
}

#define CALLS(X)                                                                                                       \
	X(VFIO_DEVICE_BIND_IOMMUFD, bind_iommufd)                                                                      \
	X(VFIO_DEVICE_ATTACH_IOMMUFD_PT, attach)                                                                       \
	X(VFIO_DEVICE_DETACH_IOMMUFD_PT, detach)                                                                       \
	X(VFIO_DEVICE_GET_INFO, get_info)                                                                              \
	X(VFIO_DEVICE_GET_REGION_INFO, get_region)                                                                     \
	X(VFIO_DEVICE_GET_IRQ_INFO, get_irq_info)                                                                      \
	X(VFIO_DEVICE_SET_IRQS, set_irqs)

static int dev_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	struct fake_vfio_dev *dev = file->state;

	if (!dev->dev && (uint32_t)request != (uint32_t)VFIO_DEVICE_BIND_IOMMUFD)
		return -EINVAL; /* all is blocked until bind */
#define X(cmd, function)                                                                                               \
	if ((uint32_t)request == (uint32_t)(cmd))                                                                      \
		return function(dev, arg);
	CALLS(X)
#undef X
	if ((uint32_t)request == (uint32_t)VFIO_DEVICE_RESET)
		return reset(dev);
	return -ENOTTY;
}

/* Regions */

static struct fake_vfio_region *region_at(struct fake_vfio_dev *dev, off_t offset, size_t len, uint64_t *at)
{
	uint64_t index = (uint64_t)offset >> REGION_SHIFT;

	*at = (uint64_t)offset & ((UINT64_C(1) << REGION_SHIFT) - 1);
	if (!dev->dev || index >= FAKE_VFIO_REGIONS || *at > dev->regions[index].size ||
	    len > dev->regions[index].size - *at)
		return NULL;
	return &dev->regions[index];
}

static bool is_config(const struct fake_vfio_dev *dev, const struct fake_vfio_region *r)
{
	return r == &dev->regions[VFIO_PCI_CONFIG_REGION_INDEX];
}

static bool is_special(const struct fake_vfio_dev *dev, uint64_t at, size_t len)
{
	return len == 4 && at >= dev->special_at && at < (uint64_t)dev->special_at + dev->special_len;
}

static ssize_t dev_pread(struct fake_file *file, void *buf, size_t len, off_t offset)
{
	struct fake_vfio_dev *dev = file->state;
	uint64_t at;
	struct fake_vfio_region *r = region_at(dev, offset, len, &at);

	if (!r)
		return -EINVAL;
	if (is_config(dev, r) && is_special(dev, at, len)) {
		uint32_t value = dev->special_read(dev->special, (unsigned)at);

		memcpy(buf, &value, sizeof(value));
		return (ssize_t)len;
	}
	if (is_config(dev, r)) {
		memcpy(buf, dev->config + at, len);
		return (ssize_t)len;
	}
	if (!(command_of(dev) & PCI_COMMAND_MEMORY))
		return -EIO;
	if (r->mem)
		memcpy(buf, r->mem + at, len);
	else
		memset(buf, 0xff, len);
	return (ssize_t)len;
}

static ssize_t dev_pwrite(struct fake_file *file, const void *buf, size_t len, off_t offset)
{
	struct fake_vfio_dev *dev = file->state;
	uint64_t at;
	struct fake_vfio_region *r = region_at(dev, offset, len, &at);

	if (!r)
		return -EINVAL;
	if (is_config(dev, r) && is_special(dev, at, len)) {
		uint32_t value;

		memcpy(&value, buf, sizeof(value));
		dev->special_write(dev->special, (unsigned)at, value);
		return (ssize_t)len;
	}
	if (is_config(dev, r)) {
		memcpy(dev->config + at, buf, len);
		return (ssize_t)len;
	}
	if (!(command_of(dev) & PCI_COMMAND_MEMORY))
		return -EIO;
	if (r->mem)
		memcpy(r->mem + at, buf, len);
	return (ssize_t)len;
}

static void *dev_mmap(struct fake_file *file, size_t len, off_t offset)
{
	uint64_t at;
	struct fake_vfio_region *r = region_at(file->state, offset, len, &at);

	return r && r->mem && r->flags & VFIO_REGION_INFO_FLAG_MMAP ? r->mem + at : NULL;
}

/* KVM's part */

static int kvm_vfio_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	const struct kvm_device_attr *attr = arg;
	struct fake_file *of;
	struct fake_vfio_dev *dev;

	if ((uint32_t)request != (uint32_t)KVM_SET_DEVICE_ATTR)
		return -ENOTTY;
	if (attr->group != KVM_DEV_VFIO_FILE)
		return -ENXIO;
	of = fake_file_of(*(const int32_t *)(uintptr_t)attr->addr);
	if (!of || of->type->pread != dev_pread)
		return -EBADF;
	dev = of->state;
	if (attr->attr == KVM_DEV_VFIO_FILE_DEL && !dev->kvm)
		return -ENOENT;
	if (attr->attr == KVM_DEV_VFIO_FILE_ADD && dev->kvm)
		return -EEXIST;
	dev->kvm = attr->attr == KVM_DEV_VFIO_FILE_ADD;
	dev->kvm_late = dev->kvm && dev->dev;
	return 0;
}

static void kvm_vfio_close(struct fake_file *file)
{
	for (unsigned i = 0; i < nr_devices; i++) {
		devices[i]->open &= !devices[i]->kvm;
		devices[i]->kvm = false;
	}
}

const struct fake_type fake_kvm_vfio_type = {.ioctl = kvm_vfio_ioctl, .close = kvm_vfio_close};

/* Set-up */

void fake_vfio_add(struct fake_vfio_dev *dev, const char *bdf)
{
	unsigned n = nr_devices++;
	char path[128];

	if (n >= FAKE_VFIO_DEVICES)
		abort();
	devices[n] = dev;
	snprintf(dev->bdf, sizeof(dev->bdf), "%s", bdf);
	if (!dev->iommu[0])
		snprintf(dev->iommu, sizeof(dev->iommu), "smmu3.0x0000000009050000");
	dev->vsid = -1;
	dev->err_fd = dev->req_fd = -1;
	irqs_off(dev);
	fake_sysfs_device(bdf, 0x010802, "vfio-pci", dev->iommu, (int)(10 + n));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev/vfio%u/dev", bdf, n);
	fake_sysfs_file(path, "511:0\n");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", bdf);
	fake_sysfs_file(path, "0x0000000010000000 0x0000000010003fff 0x0000000000140204\n"
			      "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			      "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			      "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			      "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			      "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
	if (dev->can_stall) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/of_node/dma-can-stall", bdf);
		fake_sysfs_file(path, "");
	}
}

void fake_vfio_nvme(struct fake_vfio_dev *dev, uint8_t *bar0)
{
	const uint32_t rwm = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP;

	fake_vfio_set(dev, PCI_VENDOR_ID, 4, 0x00101b36);
	fake_vfio_set(dev, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	fake_vfio_set(dev, PCI_CLASS_REVISION, 4, 0x01080202);
	fake_vfio_set(dev, PCI_BASE_ADDRESS_0, 4, 0xfe000004);
	fake_vfio_set(dev, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x11001af4);
	fake_vfio_set(dev, PCI_CAPABILITY_LIST, 1, 0x40);
	fake_vfio_set(dev, PCI_INTERRUPT_PIN, 1, 1);
	fake_vfio_set(dev, 0x40, 4, 0xffc35001); /* PM, then MSI */
	fake_vfio_set(dev, 0x50, 4, 0x01867005); /* MSI, 8 vectors, 64-bit, maskable, then PCIe */
	fake_vfio_set(dev, 0x70, 4, 0x0002b010); /* PCIe version 2 endpoint, then MSI-X */
	fake_vfio_set(dev, 0x74, 4, 0x10008022);
	fake_vfio_set(dev, 0x78, 2, 0x2810);
	fake_vfio_set(dev, 0x7c, 4, 0x00477c43);
	fake_vfio_set(dev, 0x82, 2, 0x1043);
	fake_vfio_set(dev, 0xb0, 4, 0x00400011); /* MSI-X, 65 vectors */
	fake_vfio_set(dev, 0xb4, 4, 0x2000);
	fake_vfio_set(dev, 0xb8, 4, 0x3000);
	fake_vfio_set(dev, 0x100, 4, 0x15020001); /* AER, then DSN */
	fake_vfio_set(dev, 0x150, 4, 0x00010003);
	fake_vfio_set(dev, 0x154, 4, 0x11223344);
	dev->regions[VFIO_PCI_CONFIG_REGION_INDEX] = (struct fake_vfio_region){
		.size = 4096,
		.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE,
	};
	dev->regions[0] = (struct fake_vfio_region){.size = 0x4000, .flags = rwm, .mem = bar0};
	dev->irqs[VFIO_PCI_INTX_IRQ_INDEX].count = 1;
	dev->irqs[VFIO_PCI_MSI_IRQ_INDEX].count = 8;
	dev->irqs[VFIO_PCI_MSI_IRQ_INDEX].noresize = true;
	dev->irqs[VFIO_PCI_MSIX_IRQ_INDEX].count = 65;
	dev->irqs[VFIO_PCI_MSIX_IRQ_INDEX].noresize = true;
	dev->irqs[VFIO_PCI_ERR_IRQ_INDEX].count = 1;
	dev->irqs[VFIO_PCI_REQ_IRQ_INDEX].count = 1;
	dev->vectors_left = FAKE_VFIO_VECTORS;
	dev->can_reset = true;
}

void fake_vfio_install(void)
{
	static const struct fake_type type = {
		.prefix = "/dev/vfio/devices/",
		.open = dev_open,
		.ioctl = dev_ioctl,
		.mmap = dev_mmap,
		.pread = dev_pread,
		.pwrite = dev_pwrite,
		.close = dev_close,
	};

	nr_devices = 0;
	fake_register(&type);
#define X(cmd, function) fake_name(cmd, #cmd);
	CALLS(X)
#undef X
	fake_name(VFIO_DEVICE_RESET, "VFIO_DEVICE_RESET");
}
