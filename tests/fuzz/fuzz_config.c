/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration's parser: any bytes, then (after a NUL byte) one --set. What is accepted must hold together. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "log.h"

static unsigned errors;

static void sink(enum log_level level, const char *line, void *opaque)
{
	errors++;
}

static void require(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

static void check_config(const struct config *c)
{
	require(c->version == CONFIG_VERSION && c->name && (c->boot.kernel || c->boot.firmware) && c->boot.cmdline, "required values");
	require(c->machine.cpus >= 1 && c->machine.cpus <= CONFIG_MAX_CPUS, "cpus");
	require(c->machine.memory_bytes && c->machine.memory_bytes % (2u << 20) == 0, "memory");
	require(c->iommus_count <= CONFIG_MAX_IOMMUS && c->pci_count <= CONFIG_MAX_PORTS, "counts");
	for (unsigned i = 0; i < c->pci_count; i++) {
		const struct config_port *port = &c->pci[i];

		require(port->slot >= 1 && port->slot <= 31, "slot");
		for (unsigned j = 0; j < i; j++)
			require(c->pci[j].slot != port->slot, "slots differ");
		require(!port->iommu || config_iommu_index(c, port->iommu) >= 0, "iommu exists");
		require(port->devices_count <= CONFIG_MAX_DEVICES, "devices");
		for (unsigned d = 0; d < port->devices_count; d++)
			require(port->devices[d].function <= 7 && strlen(port->devices[d].assign) == 12, "device");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t len = nul ? (size_t)(nul - data) : size;
	char *set = nul ? strndup((const char *)nul + 1, size - len - 1) : NULL;
	const char *const overrides[] = {set, NULL};
	struct config *config;
	int err;

	errors = 0;
	log_set_sink(sink, NULL);
	err = config_parse(&config, "fuzz", (const char *)data, len, overrides);
	require((err == 0) == (config != NULL), "a result or an error");
	require(errors == (err < 0 ? 1u : 0u), "exactly one message");
	if (config)
		check_config(config);
	config_free(config);
	free(set);
	return 0;
}
