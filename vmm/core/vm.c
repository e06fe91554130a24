/* SPDX-License-Identifier: Apache-2.0 */
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "fd.h"
#include "kvm.h"
#include "log.h"
#include "sys.h"

static int open_kvm(void)
{
	int fd = sys_open("/dev/kvm", O_RDWR);

	if (fd >= 0)
		return fd;
	int err = -errno;
	switch (err) {
	case -ENOENT:
		return log_fail(err,
				"cannot open /dev/kvm: it does not exist; switch on virtualization in the firmware and "
				"see that the host's kernel has KVM (CONFIG_KVM, on arm64 it must be booted at EL2)");
	case -EACCES:
	case -EPERM:
		return log_fail(err, "cannot open /dev/kvm: permission denied; join its group "
				     "(usermod -aG kvm USER, then log in again) or run as root");
	case -EBUSY:
		return log_fail(err, "cannot open /dev/kvm: another hypervisor uses the CPU's virtualization; stop it");
	default:
		return log_fail(err, "cannot open /dev/kvm: %s", strerror(-err));
	}
}

/* Capabilities of every architecture; arch_check_host() names its own. */
static const struct {
	unsigned cap;
	const char *name;
} needed_caps[] = {
	{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
	{KVM_CAP_DESTROY_MEMORY_REGION_WORKS, "KVM_CAP_DESTROY_MEMORY_REGION_WORKS"},
	{KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
	{KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING"},
	{KVM_CAP_IRQFD, "KVM_CAP_IRQFD"},
	{KVM_CAP_IRQFD_RESAMPLE, "KVM_CAP_IRQFD_RESAMPLE"},
	{KVM_CAP_DEVICE_CTRL, "KVM_CAP_DEVICE_CTRL"},
};

static int check_kvm(int kvm_fd)
{
	int version = kvm_api_version(kvm_fd);

	if (version < 0)
		return log_fail(version, "cannot ask KVM for its version: %s; is the descriptor really /dev/kvm?",
				strerror(-version));
	if (version != KVM_API_VERSION)
		return log_fail(-ENOTSUP,
				"KVM speaks version %d of its interface, aerie speaks version %d; use a host kernel of "
				"2.6.22 or later",
				version, KVM_API_VERSION);
	for (unsigned i = 0; i < ARRAY_LEN(needed_caps); i++) {
		if (kvm_check_extension(kvm_fd, needed_caps[i].cap) <= 0)
			return log_fail(-ENOTSUP, "the host's KVM lacks %s, which aerie needs; use a newer host kernel",
					needed_caps[i].name);
	}
	return arch_check_host(kvm_fd);
}

int vm_create(struct vm *vm, struct loop *loop, int kvm_fd, uint64_t memory)
{
	int err;

	*vm = (struct vm){.kvm_fd = kvm_fd, .vm_fd = -1, .vfio_fd = -1, .loop = loop};
	gmem_init(&vm->gmem);
	bus_init(&vm->bus);
	if (kvm_fd < 0)
		vm->kvm_fd = open_kvm();
	err = vm->kvm_fd < 0 ? vm->kvm_fd : check_kvm(vm->kvm_fd);
	if (!err)
		err = arch_vm_create(vm, memory);
	if (err)
		vm_destroy(vm);
	return err;
}

void vm_destroy(struct vm *vm)
{
	vm_pause(vm);
	irqchip_destroy(vm->irqchip);
	vm->irqchip = NULL;
	for (unsigned i = 0; i < vm->nr_vcpus; i++)
		vcpu_destroy(&vm->vcpus[i]);
	free(vm->vcpus);
	vm->vcpus = NULL;
	vm->nr_vcpus = 0;
	fd_close(&vm->vfio_fd);
	arch_vm_destroy(vm);
	bus_fini(&vm->bus);
	gmem_fini(&vm->gmem);
	fd_close(&vm->kvm_fd);
}

unsigned vm_ram_pieces(uint64_t memory, struct range pieces[2])
{
	const struct range hole = arch_layout.ram_hole;

	range_make(&pieces[0], arch_layout.ram_base, memory);
	if (hole.last == 0 || pieces[0].last < hole.first)
		return 1;
	range_make(&pieces[1], hole.last + 1, pieces[0].last - hole.first + 1);
	pieces[0].last = hole.first - 1;
	return 2;
}

int vm_create_vcpus(struct vm *vm, unsigned n)
{
	int max = kvm_check_extension(vm->vm_fd, KVM_CAP_MAX_VCPUS);

	if (n == 0 || max < 0 || n > (unsigned)max)
		return log_fail(-EINVAL, "cannot create %u vCPUs: this host's KVM allows 1 to %d; change machine.cpus",
				n, max < 0 ? 0 : max);
	vm->vcpus = calloc(n, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return log_fail(-ENOMEM, "cannot create %u vCPUs: out of memory", n);
	/* KVM freezes the number of vCPUs when its interrupt controller is made, so that comes last. */
	for (unsigned i = 0; i < n; i++) {
		int err = vcpu_create(&vm->vcpus[i], vm, i);

		if (err)
			return err;
		vm->nr_vcpus++;
	}
	int err = arch_vcpus_init(vm);
	if (!err)
		err = arch_irqchip_create(vm);
	if (!err)
		err = irqchip_create(&vm->irqchip, vm);
	return err;
}

int vm_map_ram(struct vm *vm)
{
	for (unsigned i = 0; i < vm->gmem.nr_regions; i++) {
		const struct gmem_region *r = &vm->gmem.regions[i];
		uint32_t slot;
		int err = vm_map_slot(vm, r->base, r->host, r->size, &slot);

		if (err)
			return err;
	}
	return 0;
}

int vm_create_vfio(struct vm *vm)
{
	int fd = kvm_create_device(vm->vm_fd, KVM_DEV_TYPE_VFIO);

	if (fd == -ENODEV || fd == -ENOTTY)
		return 0;
	if (fd < 0)
		return log_fail(fd, "cannot create KVM's part of device assignment: %s", strerror(-fd));
	vm->vfio_fd = fd;
	return 0;
}

static int map_slot(struct vm *vm, uint32_t flags, gpa_t addr, void *host, uint64_t len, uint32_t *slot)
{
	uint32_t n = 0;

	while (n < VM_MAX_SLOTS && vm->slots[n / 64] & BIT64(n % 64))
		n++;
	if (n == VM_MAX_SLOTS)
		return log_fail(-ENOSPC,
				"cannot map %#" PRIx64 " bytes at guest address %#" PRIx64
				": all %u memory slots are in use",
				len, addr.v, VM_MAX_SLOTS);
	int err = kvm_set_memory(vm->vm_fd, n, flags, addr.v, len, host);
	if (err)
		return log_fail(
			err, "cannot map %#" PRIx64 " bytes at guest address %#" PRIx64 " (KVM memory slot %u): %s%s",
			len, addr.v, n, strerror(-err), err == -EEXIST ? "; it overlaps RAM or another mapping" : "");
	vm->slots[n / 64] |= BIT64(n % 64);
	*slot = n;
	return 0;
}

int vm_map_slot(struct vm *vm, gpa_t addr, void *host, uint64_t len, uint32_t *slot)
{
	return map_slot(vm, 0, addr, host, len, slot);
}

int vm_map_rom(struct vm *vm, gpa_t addr, void *host, uint64_t len, uint32_t *slot)
{
	return map_slot(vm, KVM_MEM_READONLY, addr, host, len, slot);
}

void vm_unmap_slot(struct vm *vm, uint32_t slot)
{
	if (slot >= VM_MAX_SLOTS || !(vm->slots[slot / 64] & BIT64(slot % 64)))
		return;
	int err = kvm_set_memory(vm->vm_fd, slot, 0, 0, 0, NULL);
	if (err) {
		/* KVM may still map it, so the number stays taken. */
		log_error("cannot remove KVM memory slot %u: %s", slot, strerror(-err));
		return;
	}
	vm->slots[slot / 64] &= ~BIT64(slot % 64);
}

int vm_notify_add(struct vm *vm, gpa_t addr, int eventfd)
{
	return kvm_ioeventfd_assign(vm->vm_fd, addr.v, eventfd);
}

void vm_notify_remove(struct vm *vm, gpa_t addr, int eventfd)
{
	kvm_ioeventfd_deassign(vm->vm_fd, addr.v, eventfd);
}

int vm_start(struct vm *vm)
{
	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		int err = vcpu_start(&vm->vcpus[i]);

		if (err) {
			vm_pause(vm);
			return err;
		}
	}
	return 0;
}

void vm_pause(struct vm *vm)
{
	vcpu_stop_all(vm->vcpus, vm->nr_vcpus);
}

void vm_stop(struct vm *vm, enum vm_stop why)
{
	loop_stop(vm->loop, (int)why);
}
