/* SPDX-License-Identifier: Apache-2.0 */
/* The test endpoint: its life, its BARs and its reset. */
#include "testdev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fd.h"
#include "log.h"
#include "pci_tdi.h"
#include "sys.h"
#include "testdev_priv.h"
#include "vm.h"

static struct testdev *to_testdev(struct pci_endpoint *ep)
{
	return container_of(ep, struct testdev, ep);
}

/* Little-endian, of any alignment; what does not fit is not there. */
static enum bus_verdict bytes_access(uint8_t *bytes, uint64_t size, struct bus_access *access)
{
	if (size < access->size || access->offset > size - access->size)
		return BUS_UNHANDLED;
	if (!access->is_write)
		access->value = 0;
	for (unsigned i = 0; i < access->size; i++) {
		if (access->is_write)
			bytes[access->offset + i] = (uint8_t)(access->value >> i * 8);
		else
			access->value |= (uint64_t)bytes[access->offset + i] << i * 8;
	}
	return BUS_HANDLED;
}

static enum bus_verdict port_access(struct testdev *dev, struct bus_access *access)
{
	dev->port_count++;
	dev->port_info = field_prep32(TESTDEV_PORT_SIZEOF, access->size) | (access->is_write ? TESTDEV_PORT_WRITE : 0) |
			 field_prep32(TESTDEV_PORT_OFFSET, (uint32_t)access->offset);
	if (access->is_write)
		dev->port_value = access->value;
	return bytes_access(dev->port, TESTDEV_PORT_SIZE, access);
}

static enum bus_verdict testdev_bar_access(struct pci_endpoint *ep, unsigned bar, struct bus_access *access)
{
	struct testdev *dev = to_testdev(ep);

	switch (bar) {
	case TESTDEV_BAR_REGS:
		return testdev_mmio(dev, access);
	case TESTDEV_BAR_MEMORY:
		if (access->is_write && access->offset + access->size > dev->memory_used)
			dev->memory_used = access->offset + access->size;
		return bytes_access(dev->memory, dev->memory_size, access);
	case TESTDEV_BAR_PORT:
		return port_access(dev, access);
	default:
		return BUS_UNHANDLED;
	}
}

static void testdev_reset(struct pci_endpoint *ep)
{
	struct testdev *dev = to_testdev(ep);

	dev->resets++;
	for (unsigned n = 0; n < TESTDEV_CHANNELS; n++) {
		struct testdev_channel *ch = &dev->channels[n];

		testdev_give_up(ch);
		*ch = (struct testdev_channel){.dev = dev, .stall = ch->stall, .epoch = ch->epoch + 1};
	}
	testdev_ats_reset(dev);
	testdev_pri_reset(dev);
	dev->stalls = 0;
	testdev_mmio_reset(dev);
	memset(dev->memory, 0, dev->memory_used);
	dev->memory_used = 0;
	memset(dev->port, 0, sizeof(dev->port));
	dev->port_count = 0;
	dev->port_info = 0;
	dev->port_value = 0;
}

static void testdev_free(struct testdev *dev)
{
	loop_del(dev->ep.vm->loop, &dev->work);
	fd_close(&dev->kick);
	if (dev->memory)
		sys_munmap(dev->memory, dev->memory_size);
	free(dev->values);
	free(dev);
}

static void testdev_destroy(struct pci_endpoint *ep)
{
	pci_tdi_destroy(to_testdev(ep)->tdi);
	pci_endpoint_fini(ep);
	testdev_free(to_testdev(ep));
}

static const struct pci_endpoint_ops testdev_ops = {
	.bar_access = testdev_bar_access,
	.reset = testdev_reset,
	.destroy = testdev_destroy,
};

static int check_config(const struct testdev_config *config)
{
	if (config->vectors > PCI_MSIX_MAX_VECTORS)
		return log_fail(-EINVAL, "%s: %u interrupt vectors are too many; MSI-X has at most %u", config->name,
				config->vectors, PCI_MSIX_MAX_VECTORS);
	if (config->memory &&
	    (!is_pow2(config->memory) || config->memory < 4096 || config->memory > TESTDEV_MEMORY_MAX))
		return log_fail(-EINVAL,
				"%s: the memory of a test endpoint is a power of two from 4 KiB to %llu MiB, not %llu "
				"bytes",
				config->name, (unsigned long long)(TESTDEV_MEMORY_MAX >> 20),
				(unsigned long long)config->memory);
	return 0;
}

static int add_bars(struct testdev *dev)
{
	uint64_t regs = TESTDEV_MSIX_OFFSET + pci_endpoint_msix_size(dev->ep.nr_vectors);
	int err = pci_bar_define(&dev->ep.fn, TESTDEV_BAR_REGS, regs, true, false);

	if (err == 0)
		err = pci_endpoint_add_msix(&dev->ep, TESTDEV_BAR_REGS, TESTDEV_MSIX_OFFSET);
	if (err == 0)
		err = pci_bar_define(&dev->ep.fn, TESTDEV_BAR_MEMORY, dev->memory_size, true, true);
	if (err == 0)
		err = pci_bar_define(&dev->ep.fn, TESTDEV_BAR_PORT, TESTDEV_PORT_SIZE, false, false);
	return err;
}

/* What the model has beside the endpoint. */
static int init_model(struct testdev *dev)
{
	void *memory = sys_mmap(dev->memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return log_fail(-errno, "%s: cannot get %llu bytes for the device's memory: %s", dev->ep.fn.name,
				(unsigned long long)dev->memory_size, strerror(errno));
	dev->memory = memory;
	int err = testdev_mmio_init(dev);

	if (err)
		return err;
	dev->kick = fd_eventfd();
	if (dev->kick < 0)
		return dev->kick;
	return loop_add(dev->ep.vm->loop, &dev->work, dev->kick, testdev_work);
}

static int init(struct testdev *dev, const struct testdev_config *config)
{
	int err = init_model(dev);

	if (err == 0)
		err = testdev_caps_add(dev, config->serial);
	if (err == 0)
		err = add_bars(dev);
	if (err == 0)
		err = testdev_security_add(dev, config);
	return err;
}

int testdev_create(struct pci_function **out, struct vm *vm, const struct testdev_config *config)
{
	struct pci_endpoint_config endpoint = {
		.name = config->name,
		.vendor = TESTDEV_VENDOR_ID,
		.device = TESTDEV_DEVICE_ID,
		.subsystem_vendor = TESTDEV_VENDOR_ID,
		.subsystem = TESTDEV_DEVICE_ID,
		.class_code = TESTDEV_CLASS_CODE,
		.vectors = (uint16_t)(config->vectors ? config->vectors : TESTDEV_VECTORS),
		.integrated = config->integrated,
	};
	struct testdev *dev;
	int err = check_config(config);

	if (err)
		return err;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return log_fail(-ENOMEM, "%s: no memory for a test endpoint", config->name);
	dev->kick = -1;
	dev->has_pasid = config->pasid;
	dev->has_aer = config->aer;
	dev->has_stall = config->stall;
	dev->has_ats = config->ats;
	dev->has_pri = config->pri;
	for (unsigned n = 0; n < TESTDEV_CHANNELS; n++) {
		dev->channels[n].dev = dev;
		dev->channels[n].stall.ended = testdev_stall_ended;
	}
	dev->memory_size = config->memory ? config->memory : TESTDEV_MEMORY;
	err = pci_endpoint_init(&dev->ep, vm, &endpoint, &testdev_ops);
	if (err) {
		free(dev);
		return err;
	}
	dev->ep.fn.dt_can_stall = config->stall;
	err = init(dev, config);
	if (err) {
		pci_tdi_destroy(dev->tdi);
		pci_endpoint_fini(&dev->ep);
		testdev_free(dev);
		return err;
	}
	*out = &dev->ep.fn;
	return 0;
}
