/* SPDX-License-Identifier: Apache-2.0 */
/* What the schema cannot say. Each finding points at its place and says what would be right. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_priv.h"
#include "log.h"

#define MEMORY_ALIGN (UINT64_C(2) << 20) /* so that stage 2 can use blocks and hugepages fit */
#define MEMORY_MAX   (UINT64_C(1) << 46) /* 64 TiB, within the 48 bits of guest physical space together with BARs */

const char *config_parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	size_t digits = strspn(text, "0123456789");
	const char *unit;
	uint64_t value;

	if (text[0] == '-')
		return "must not be negative";
	if (digits == 0)
		return "must be a number and a unit";
	if (text[digits] == '.' || text[digits] == ',')
		return "must be a whole number of units";
	unit = strchr(units, text[digits]); /* the terminator stands for bytes */
	if (!unit || (text[digits] && text[digits + 1]))
		return "has an unknown unit; known are K, M, G and T (binary: 1K is 1024)";
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno == ERANGE)
		return "is too large";
	for (const char *u = units; text[digits] && u <= unit; u++)
		if (__builtin_mul_overflow(value, UINT64_C(1024), &value))
			return "is too large";
	if (value == 0)
		return "must not be 0";
	*bytes = value;
	return NULL;
}

static const char *parse_memory(const char *text, uint64_t *bytes)
{
	const char *wrong = config_parse_size(text, bytes);

	if (wrong)
		return wrong;
	if (*bytes > MEMORY_MAX)
		return "is too large; at most 64T";
	if (*bytes % MEMORY_ALIGN != 0)
		return "must be a multiple of 2M";
	return NULL;
}

static int validate_machine(struct config_machine *machine, const struct config_tree *tree)
{
	const struct config_node *cpus = config_at(tree, "machine.cpus");
	const char *wrong;

	if (!cpus->key || strcmp(cpus->key, "cpus") != 0)
		machine->cpus = 1;
	if (machine->cpus == 0 || machine->cpus > CONFIG_MAX_CPUS)
		return config_fail(tree, cpus, "\"machine.cpus\" must be from 1 to %u, not %u", CONFIG_MAX_CPUS,
				   machine->cpus);
	wrong = parse_memory(machine->memory, &machine->memory_bytes);
	if (wrong)
		return config_fail(tree, config_at(tree, "machine.memory"),
				   "\"machine.memory\" %s: \"%s\"; write it like 512M or 4G", wrong, machine->memory);
	return 0;
}

static int validate_boot(const struct config_boot *boot, const struct config_tree *tree)
{
	if (!boot->kernel && !boot->firmware)
		return config_fail_key(
			tree, config_at(tree, "boot"),
			"\"boot\" lacks the key \"kernel\"; or give \"firmware\", which finds a kernel on "
			"a disk");
	if (boot->vars && !boot->firmware)
		return config_fail_key(
			tree, config_at(tree, "boot.vars"),
			"\"boot.vars\" holds the variables of a firmware; add \"boot.firmware\" or leave "
			"it out");
	if (boot->initrd && !boot->kernel)
		return config_fail_key(
			tree, config_at(tree, "boot.initrd"),
			"\"boot.initrd\" belongs to \"boot.kernel\"; without that the boot loader on the "
			"disk has its own");
	if (boot->cmdline[0] && !boot->kernel)
		return config_fail_key(
			tree, config_at(tree, "boot.cmdline"),
			"\"boot.cmdline\" belongs to \"boot.kernel\"; without that the boot loader on the "
			"disk has its own");
	return 0;
}

static bool is_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return strspn(text, letters) > 0 && strspn(text, more) == strlen(text);
}

int config_validate_name(const struct config_tree *tree, const struct config_node *node, const char *text)
{
	char path[CONFIG_PATH_LEN];

	if (is_name(text))
		return 0;
	config_node_path(node, path);
	return config_fail(
		tree, node,
		"\"%s\" is no name: \"%s\"; names are made of letters, digits, \"-\", \"_\" and \".\" and begin with a "
		"letter or digit",
		path, text);
}

/* Fills in what the file may leave out. libcyaml's memory is malloc's, so strdup() fits. */
static int fill_defaults(struct config *config, const struct config_tree *tree)
{
	if (!config->name)
		config->name = strdup("vm");
	if (!config->boot.cmdline)
		config->boot.cmdline = strdup("");
	if (!config->name || !config->boot.cmdline)
		return log_fail(-ENOMEM, "%s: out of memory while reading the configuration", tree->name);
	return 0;
}

static int validate_console(const struct config_console *console, const struct config_tree *tree)
{
	const struct config_node *path = config_at(tree, "console.path");

	if (console->type == CONSOLE_FILE && !console->path)
		return config_fail(tree, config_at(tree, "console.type"),
				   "a console of type file needs \"console.path\", the file to write to");
	if (console->path && console->type != CONSOLE_FILE && console->type != CONSOLE_PTY)
		return config_fail_key(
			tree, path,
			"\"console.path\" has a meaning only for a console of type file or pty; leave it out");
	return 0;
}

static int validate_iommus(const struct config *config, const struct config_tree *tree)
{
	for (unsigned i = 0; i < config->iommus_count; i++) {
		const struct config_node *node = config_at(tree, "iommus.%u.id", i);
		int err = config_validate_name(tree, node, config->iommus[i].id);

		if (err < 0)
			return err;
		for (unsigned j = 0; j < i; j++)
			if (strcmp(config->iommus[i].id, config->iommus[j].id) == 0)
				return config_fail(tree, node,
						   "the id \"%s\" is taken by iommus.%u; each IOMMU needs its own",
						   config->iommus[i].id, j);
		if (config->iommus[i].boot_bypass && config->iommus[i].type != IOMMU_TYPE_VIRTIO)
			return config_fail_key(tree, config_at(tree, "iommus.%u.boot-bypass", i),
					       "\"iommus.%u.boot-bypass\" has a meaning only for type virtio-iommu; "
					       "leave it out (an SMMUv3 is in bypass until its driver programs GBPA)",
					       i);
	}
	return 0;
}

static int validate_port_id(const struct config *config, const struct config_tree *tree, unsigned i)
{
	const struct config_node *node = config_at(tree, "pci.%u.root-port", i);
	const char *id = config->pci[i].root_port;
	int err = config_validate_name(tree, node, id);

	if (err < 0)
		return err;
	for (unsigned j = 0; j < i; j++)
		if (strcmp(id, config->pci[j].root_port) == 0)
			return config_fail(tree, node, "the id \"%s\" is taken by pci.%u; each root port needs its own",
					   id, j);
	if (config_iommu_index(config, id) >= 0)
		return config_fail(tree, node, "the id \"%s\" is taken by an IOMMU; each part needs its own", id);
	return 0;
}

static int validate_port_iommu(const struct config *config, const struct config_tree *tree, unsigned i)
{
	const struct config_port *port = &config->pci[i];
	char known[CONFIG_MAX_IOMMUS * 66] = "";
	size_t used = 0;

	if (!port->iommu || config_iommu_index(config, port->iommu) >= 0)
		return 0;
	for (unsigned j = 0; j < config->iommus_count; j++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", j ? ", " : "",
					 config->iommus[j].id);
	return config_fail(tree, config_at(tree, "pci.%u.iommu", i),
			   "there is no IOMMU \"%s\" in \"iommus\"; known ids: %s", port->iommu,
			   used ? known : "none, add one under \"iommus\"");
}

static int validate_slot(const struct config *config, const struct config_tree *tree, unsigned i)
{
	const struct config_node *node = config_at(tree, "pci.%u.slot", i);
	uint8_t slot = config->pci[i].slot;
	bool given = node->key && strcmp(node->key, "slot") == 0;

	if (!given)
		return 0;
	if (slot == 0 || slot > CONFIG_MAX_PORTS)
		return config_fail(
			tree, node,
			"\"pci.%u.slot\" must be from 1 to %u, not %u (0 is the host bridge); leave it out for the next "
			"free one",
			i, CONFIG_MAX_PORTS, slot);
	for (unsigned j = 0; j < i; j++)
		if (config->pci[j].slot == slot)
			return config_fail(tree, node,
					   "slot %u is taken by root port \"%s\"; choose another or leave \"slot\" out",
					   slot, config->pci[j].root_port);
	return 0;
}

/* Ports without a slot get the free ones from 1 up. There are as many slots as ports at most. */
static void place_ports(struct config *config)
{
	uint64_t taken = 1; /* slot 0 */

	for (unsigned i = 0; i < config->pci_count; i++)
		if (config->pci[i].slot)
			taken |= UINT64_C(1) << config->pci[i].slot;
	for (unsigned i = 0; i < config->pci_count; i++) {
		if (config->pci[i].slot)
			continue;
		config->pci[i].slot = (uint8_t)__builtin_ctzll(~taken);
		taken |= UINT64_C(1) << config->pci[i].slot;
	}
}

static int validate_pci(struct config *config, const struct config_tree *tree)
{
	for (unsigned i = 0; i < config->pci_count; i++) {
		int err = validate_port_id(config, tree, i);

		if (err == 0)
			err = validate_port_iommu(config, tree, i);
		if (err == 0)
			err = validate_slot(config, tree, i);
		if (err == 0)
			err = config_validate_devices(config, tree, i);
		if (err < 0)
			return err;
	}
	place_ports(config);
	return 0;
}

int config_validate(struct config *config, const struct config_tree *tree)
{
	int err = fill_defaults(config, tree);

	if (err == 0)
		err = config_validate_name(tree, config_at(tree, "name"), config->name);
	if (err == 0)
		err = validate_machine(&config->machine, tree);
	if (err == 0)
		err = validate_boot(&config->boot, tree);
	if (err == 0)
		err = validate_console(&config->console, tree);
	if (err == 0)
		err = validate_iommus(config, tree);
	return err < 0 ? err : validate_pci(config, tree);
}
