/* SPDX-License-Identifier: Apache-2.0 */
/* What the schema cannot say of `trust`. Files are looked at when the machine is built, and by `aerie check`. */
#include "config_priv.h"

#define AT(key, ...) config_at(tree, "pci.%u.devices.%u.trust" key, port, device, ##__VA_ARGS__)

static int check_link_keys(const struct config_device *dev, const struct config_tree *tree, unsigned port,
			   unsigned device)
{
	unsigned requires = dev->trust->requires;

	if (dev->trust->link_keys == LINK_KEYS_AUTO)
		return 0;
	if (!(requires & 1u << REQUIRE_IDE))
		return config_fail_key(tree, AT(".link-keys"),
				       "no keys are required of the link: add ide to \"require\", or leave this out");
	if (dev->trust->link_keys != LINK_KEYS_HOST)
		return 0;
	if (dev->kind != DEVICE_ASSIGN)
		return config_fail_key(tree, AT(".link-keys"),
				       "the host's kernel keys links of its own devices; this one is emulated");
	/* PCIe 11.3.8: the stream of a TDI is keyed over the session that locks it. */
	if (requires & 1u << REQUIRE_TDISP)
		return config_fail_key(
			tree, AT(".link-keys"),
			"a link that the host's kernel has keyed is the kernel's session with the device, and Linux has no call "
			"to lock an interface in that; leave tdisp out, or take link-keys: device");
	return 0;
}

int config_validate_trust(struct config *config, const struct config_tree *tree, unsigned port, unsigned device)
{
	struct config_device *dev = &config->pci[port].devices[device];
	struct config_trust *trust = dev->trust;
	int err;

	if (!trust)
		return 0;
	if (dev->kind != DEVICE_ASSIGN && dev->kind != DEVICE_TEST)
		return config_fail_key(tree, AT(""),
				       "\"pci.%u.devices.%u.trust\" has a meaning only for devices that can prove "
				       "something: assign and test; leave it out",
				       port, device);
	if (trust->require_count == 0)
		return config_fail_key(tree, AT(".require"),
				       "\"pci.%u.devices.%u.trust.require\" is empty: nothing would be asked of the "
				       "device; name at least spdm, or leave \"trust\" out",
				       port, device);
	for (unsigned i = 0; i < trust->require_count; i++) {
		unsigned bit = 1u << trust->require[i];

		if (trust->requires & bit)
			return config_fail(tree, AT(".require.%u", i), "this is required already; name it once");
		trust->requires |= bit;
	}
	/* Its config space is the guest's own, who has to place the BARs before anybody can lock them. */
	if (dev->kind == DEVICE_TEST && (trust->requires & 1u << REQUIRE_TDISP))
		return config_fail_key(
			tree, AT(".require"),
			"the interface of a test endpoint can be locked by its guest only, once that has "
			"placed its BARs; leave tdisp out");
	err = check_link_keys(dev, tree, port, device);
	if (err < 0)
		return err;
	if ((trust->requires & 1u << REQUIRE_MEASUREMENTS) && !trust->measurements)
		return config_fail_key(
			tree, AT(".require"),
			"\"require\" has measurements, but there is no \"measurements\" file to hold them against; "
			"record one with `aerie attest --record`");
	if (trust->measurements && !(trust->requires & 1u << REQUIRE_MEASUREMENTS))
		return config_fail_key(tree, AT(".measurements"),
				       "the policy would not be looked at: add measurements to \"require\"");
	/* Everything else is said inside a session of the device that has proven who it is. */
	trust->requires |= 1u << REQUIRE_SPDM;
	return 0;
}
