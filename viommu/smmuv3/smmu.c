/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "log.h"
#include "smmu_priv.h"

static struct smmu *smmu_of(struct device *dev)
{
	return container_of(dev, struct smmu, dev);
}

static int smmu_reset(struct device *dev)
{
	struct smmu *smmu = smmu_of(dev);

	smmu_mmio_reset(smmu);
	smmu->batch.n = 0;
	smmu_stall_terminate_all(smmu);
	smmu_ats_reset(smmu);
	smmu_soft_reset(smmu);
	for (unsigned i = 0; i < smmu->nr_endpoints; i++)
		smmu->endpoints[i].complaint = EVT_NONE;
	return smmu_endpoints_reconcile(smmu);
}

static void smmu_destroy(struct device *dev)
{
	struct smmu *smmu = smmu_of(dev);

	bus_remove(smmu->bus, &smmu->window);
	free(smmu);
}

static const struct device_class smmu_class = {
	.name = "smmuv3",
	.reset = smmu_reset,
	.describe = smmu_describe,
	.describe_acpi = smmu_describe_acpi,
	.destroy = smmu_destroy,
};

int smmu_create(struct smmu **out, const struct gmem *gmem, struct bus *bus, const struct smmu_config *config)
{
	struct smmu *smmu;
	uint32_t idr[6];
	int err;

	*out = NULL;
	err = smmu_id_init(idr, config->host, config->host_stalls, config->id);
	if (err)
		return err;
	smmu = calloc(1, sizeof(*smmu));
	if (!smmu)
		return log_fail(-ENOMEM, "SMMU %s: out of memory", config->id);
	smmu->dev = (struct device){.class = &smmu_class, .id = config->id};
	smmu->bus = bus;
	smmu->gmem = gmem;
	smmu->config = *config;
	if (config->host) {
		smmu->host = *config->host;
		smmu->config.host = &smmu->host;
	}
	for (unsigned i = 0; i < 6; i++)
		smmu->regs[R_IDR0 + i] = idr[i];
	smmu_mmio_reset(smmu);
	smmu_stalls_init(smmu);
	smmu_soft_reset(smmu);
	smmu->window.handler = smmu_mmio;
	smmu->window.name = config->id;
	err = bus_add(bus, &smmu->window, config->base, SMMU_MMIO_SIZE);
	if (err) {
		free(smmu);
		return log_fail(err, "SMMU %s: no room for its registers at 0x%llx: another device is there",
				config->id, (unsigned long long)config->base);
	}
	*out = smmu;
	return 0;
}

struct device *smmu_device(struct smmu *smmu)
{
	return &smmu->dev;
}

int smmu_add_endpoint(struct smmu *smmu, const struct viommu_endpoint *ep, void *handle)
{
	struct smmu_endpoint *slot = &smmu->endpoints[smmu->nr_endpoints];
	int err;

	if (!smmu->config.host)
		return log_fail(
			-EINVAL,
			"SMMU %s: cannot take %s: it was made for emulated devices only; name the host's SMMU when it is made",
			smmu->dev.id, ep->name);
	if (smmu->nr_endpoints == SMMU_MAX_ENDPOINTS)
		return log_fail(-ENOSPC, "SMMU %s: cannot take %s: it serves %u devices already; use another SMMU",
				smmu->dev.id, ep->name, SMMU_MAX_ENDPOINTS);
	*slot = (struct smmu_endpoint){.ep = *ep, .handle = handle};
	err = smmu_endpoint_reconcile(smmu, slot);
	if (err)
		return err;
	smmu->nr_endpoints++;
	return 0;
}
