/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_doe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doe_object.h"

#define OBJECT_MAX 0x4000u
#define OWN_AT	   0x100u /* where a list of extended capabilities begins */

/* The mailbox hands over payloads, the device wants objects. */
static int handle(void *opaque, uint8_t *type, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	static uint8_t in[OBJECT_MAX], out[OBJECT_MAX];
	struct fake_doe *fake = opaque;
	struct doe_object object;
	int n = doe_object_write(in, sizeof(in), DOE_VENDOR_PCI_SIG, *type, req, len);

	fake->requests++;
	if (n < 0 || !fake->device || (fake->mute_at && fake->requests >= fake->mute_at))
		return 0;
	n = soft_device_handle(fake->device, in, (size_t)n, out, sizeof(out));
	if (n <= 0)
		return 0;
	if (doe_object_parse(out, (size_t)n, &object) < 0 || object.len > cap)
		abort();
	*type = object.type;
	memcpy(rsp, object.payload, object.len);
	return (int)object.len;
}

static uint32_t read_register(void *opaque, unsigned offset)
{
	struct fake_doe *fake = opaque;

	if (fake->silent && offset == FAKE_DOE_AT + DOE_STATUS)
		return DOE_STATUS_BUSY;
	return pci_function_cfg_read(&fake->fn, (uint16_t)(offset - FAKE_DOE_AT + OWN_AT), 4);
}

static void write_register(void *opaque, unsigned offset, uint32_t value)
{
	struct fake_doe *fake = opaque;

	bus_lock(&fake->bus);
	pci_function_cfg_write(&fake->fn, (uint16_t)(offset - FAKE_DOE_AT + OWN_AT), 4, value);
	bus_unlock(&fake->bus);
}

void fake_doe_add(struct fake_doe *fake, struct fake_vfio_dev *dev, struct soft_device *device)
{
	static const struct pci_function_ops no_ops = {0};
	struct pci_doe_config config = {
		.offset = OWN_AT,
		.max_object = OBJECT_MAX,
		.nr_protocols = 2,
	};

	memset(fake, 0, sizeof(*fake));
	fake->device = device;
	bus_init(&fake->bus);
	pci_function_init(&fake->fn, "mailbox", &no_ops);
	for (unsigned i = 0; i < 2; i++)
		config.protocols[i] = (struct pci_doe_protocol){
			.vendor = DOE_VENDOR_PCI_SIG,
			.type = (uint8_t)(i ? DOE_TYPE_SECURED_SPDM : DOE_TYPE_SPDM),
			.handle = handle,
			.opaque = fake,
		};
	if (pci_doe_add(&fake->doe, &fake->fn, &fake->bus, &config) != 0)
		abort();
	fake_vfio_set(dev, 0x150, 4, 0x0003u | 1u << 16 | FAKE_DOE_AT << 20);
	fake_vfio_set(dev, FAKE_DOE_AT, 4, DOE_CAP_ID | 1u << 16);
	dev->special_at = FAKE_DOE_AT + 4;
	dev->special_len = DOE_CAP_SIZE - 4;
	dev->special_read = read_register;
	dev->special_write = write_register;
	dev->special = fake;
}

void fake_doe_remove(struct fake_doe *fake)
{
	pci_doe_fini(&fake->doe);
	bus_fini(&fake->bus);
}
