/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a machine, shared by the files of this box. */
#ifndef AERIE_MACHINE_PRIV_H
#define AERIE_MACHINE_PRIV_H

#include "acpi.h"
#include "assign.h"
#include "config.h"
#include "console.h"
#include "device.h"
#include "iommufd.h"
#include "boot_files.h"
#include "kernel_image.h"
#include "loop.h"
#include "machine.h"
#include "pci_bridge.h"
#include "pci_endpoint.h"
#include "pci_host.h"
#include "smmu_nested.h"
#include "virtio_iommu.h"
#include "viommu_endpoint.h"
#include "vm.h"

#define MACHINE_MAX_DEVICES   (8u + CONFIG_MAX_IOMMUS)
#define MACHINE_MAX_ENDPOINTS (CONFIG_MAX_PORTS * CONFIG_MAX_DEVICES)

/* Ports of virtio consoles in one machine. */
#define MACHINE_MAX_PORT_CONSOLES 64u

/* Phandles of the device tree that are known before it is written. */
#define MACHINE_PHANDLE_IOMMUS	  0x1000u
#define MACHINE_PHANDLE_ENDPOINTS 0x2000u
#define MACHINE_PHANDLE_RESERVED  0x3000u

/* ITS DeviceIDs of the SMMUs' own MSIs: requester ids of a bus that the host bridge does not have. KVM's ITS takes 16
 * bits. */
#define MACHINE_SMMU_DEVICE_ID 0xff00u

/* Last I/O address that a virtio-iommu translates: what 4 levels of 4 KiB tables reach. */
#define MACHINE_VIRTIO_IOMMU_LAST ((UINT64_C(1) << 48) - 1)

/* phys.hi cell of a 32-bit memory address on a PCI bus (IEEE 1275 PCI bus binding). */
#define MACHINE_PCI_MEM32 0x02000000u

struct control;
struct machine_trust;

/* A device below a root port, with what its translation needs. */
struct machine_endpoint {
	struct pci_function *fn;
	struct assigned *assigned; /* NULL: aerie plays the device itself */
	struct viommu_endpoint endpoint;
	struct nested_dev *nested; /* assigned and behind an SMMUv3 of the guest */
	unsigned port;		   /* index into config->pci */
	const struct config_device *config;
	struct machine_trust *trust; /* NULL: it is taken as it is */
};

/* One `iommus` entry. */
struct machine_iommu {
	struct machine *machine;
	struct virtio_iommu *virtio; /* owned by its PCI function */

	/* The guest's SMMUv3, and the host objects that carry it if devices of the host are behind it. */
	struct smmu_nested smmu; /* nested == NULL: all behind it is emulated */
	struct smmu_host_caps caps;
	struct loop_source events;	  /* vEVENTQ */
	struct loop_source faults, timer; /* page faults of devices that can stall, and their time-outs */
	struct loop_source sync_timer;	  /* timerfd of a CMD_SYNC that waits for devices, owned while added */
};

struct machine {
	const struct config *config;
	struct loop loop;
	struct loop_source signals; /* signalfd, owned */
	struct vm vm;
	struct boot_files boot;
	struct console *console;
	struct device *power_button;
	struct device *debug_exit; /* NULL: none */

	struct device *devices[MACHINE_MAX_DEVICES]; /* in order of creation */
	unsigned nr_devices;
	unsigned nr_before_iommus; /* devices[] from here on are IOMMUs */
	bool vm_created;

	struct fw_cfg *fw_cfg; /* NULL: no firmware; owned by devices[] */
	struct pci_host *pci;
	struct pci_bridge *ports[CONFIG_MAX_PORTS];
	struct iommufd iommufd;
	struct iommu_obj *ram_ioas; /* all guest RAM at its guest physical addresses */
	struct machine_iommu iommus[CONFIG_MAX_IOMMUS];
	struct machine_endpoint endpoints[MACHINE_MAX_ENDPOINTS];
	unsigned nr_endpoints;
	struct console *port_consoles[MACHINE_MAX_PORT_CONSOLES]; /* of virtio consoles */
	unsigned nr_port_consoles;
	struct control *control; /* NULL: no control socket */
	uint64_t started_ns;	 /* of CLOCK_MONOTONIC */
};

/** Takes over @dev: reset, described and destroyed with the machine. 0 or -ENOSPC (logged; @dev is destroyed). */
int machine_add_device(struct machine *m, struct device *dev);

/* The build, in order; each returns 0 or -errno (logged). What they made is given back by machine_destroy(). */
int machine_build_signals(struct machine *m);
int machine_build_pci(struct machine *m);
int machine_build_iommus(struct machine *m);
/** -ECANCELED: a signal has ended the VM meanwhile. */
int machine_build_trust(struct machine *m);
/** Starts the threads that watch devices with `trust`; those that run already go on. 0 or -errno (logged). */
int machine_start_trust(struct machine *m);
int machine_build_control(struct machine *m);

/* Their counterparts; fine when the build stopped halfway. */
void machine_drop_signals(struct machine *m);
void machine_drop_iommus(struct machine *m);
void machine_drop_trust(struct machine *m);

/** What @device of the configuration has to prove: reads roots and policy; *@gate is for assigned_create(). Kept in
 * @ep->trust. 0 or -errno (logged). */
int machine_trust_create(struct machine *m, struct machine_endpoint *ep, const struct config_device *device,
			 struct assign_gate_config *gate);
void machine_trust_destroy(struct machine_trust **trust);
/** "open" or "blocked". */
const char *machine_trust_state(const struct machine_endpoint *ep);
/** The evidence as JSON; the caller owns it. NULL: no memory. */
struct json_object *machine_trust_json(const struct machine_endpoint *ep);

/** Gates close and sessions end, before the devices are reset; and the other way round, after it. A device that is not
 * trusted any more stays blocked, which is logged. 0, or -ECANCELED: a signal has ended the VM meanwhile. */
void machine_trust_before_reset(struct machine *m);
int machine_trust_after_reset(struct machine *m);

/** Takes a signal that has arrived, for those who wait on the main thread outside of its event loop. True: the VM is to
 * end, or to start again. */
bool machine_hear_signal(struct machine *m);

/** Opens the host's side of a serial connection. 0 or -errno (logged). */
int machine_open_console(struct machine *m, enum config_console_type type, const char *path, struct console **out);

/** Creates a device of the configuration, whatever its kind; the caller places *@fn. 0 or -errno (logged). */
int machine_make_device(struct machine *m, const struct config_device *config, struct pci_function **fn);
/** The same for one of the host. It becomes the assigned device of the endpoint that is built next. */
int machine_make_assigned(struct machine *m, const struct config_device *config, struct pci_function **fn);

/** Index of the guest IOMMU above port @index, -1: none. */
int machine_port_iommu(const struct machine *m, unsigned index);

/** Bus number below port @index after reset: 1 + the port's rank by slot, which is also what Linux assigns. */
uint8_t machine_port_bus(const struct config *config, unsigned index);

/** Whether the machine takes a firmware if there is one, and whether the start of the kernel file is something that
 *  machine_load() or the firmware can take. 0 or -errno (logged). */
int machine_check_kernel(const struct machine *m);

/** Flash and fw_cfg, when the configuration has a firmware. 0 or -errno (logged). */
int machine_build_firmware(struct machine *m);

/** Hands the ACPI tables to the firmware, when all that they describe has been built. 0 or -errno (logged). */
int machine_finish_firmware(struct machine *m);

/** Loads kernel, initrd and device tree into guest memory; *@boot says where the boot vCPU starts. */
int machine_load(struct machine *m, struct arch_boot *boot);

/** Writes the machine's ACPI tables, not yet at an address. 0 or -errno (logged). The caller frees @out with
 * acpi_blobs_free(). */
int machine_acpi(struct machine *m, struct acpi_blobs *out);

/** Writes the machine's device tree. The caller frees @fdt with fdtw_free(), also after a failure. */
int machine_describe(struct machine *m, struct range initrd, struct fdtw *fdt, size_t *len);

#endif
