# SPDX-License-Identifier: Apache-2.0
"""Set-up: everything that must be there before anything is built or booted."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import (apt, guests, initramfs, iort, kernel, l0, packages, paths, peers, rootfs,
                 store, sysroot, tools, ui)
from lab.arch import Arch
from lab.errors import LabError
from lab.guests import GuestKernel
from lab.kernel import Kernel
from lab.peers import Qemu
from lab.tools import Toolbox

# bookworm has 6.1, trixie 6.12; the others have 7.2 and its source
SUITES = ("bookworm", "trixie", "trixie-backports", "sid")
IORT_LIMIT = 60.0


@dataclass(frozen=True)
class Kit:
    """What set-up provides."""

    arch: Arch
    kernel: Kernel
    uapi: Mapping[str, Path]     # UAPI headers, an include folder for each architecture
    libraries: Path
    busybox: Path
    iort: bytes
    guests: tuple[GuestKernel, ...]
    tools: Toolbox
    root_image: Path      # a guest's root file system


def log_file() -> Path:
    """Where set-up's programs write."""
    return paths.BUILD / "setup.log"


def prepare(arch: Arch, update: bool = False) -> Kit:
    """Have everything; what is in the cache already is used as it is."""
    log = log_file()
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    with store.locked(paths.cache(), "set-up"):
        packages.install_native(log)
        packages.install_qemu(log)
        archive = apt.PrivateApt(SUITES, log)
        archive.prepare(refresh=update)
        libraries = sysroot.libraries(arch, archive)
        busybox = sysroot.busybox(arch, archive)
        source = kernel.source_tree(archive, arch, log)
        headers = kernel.uapi(source, log)
        own = kernel.obtain(arch, source, log)
        stock = guests.stock_kernels(arch, archive, log)
        toolbox = tools.obtain(arch, archive, log)
        root_image = rootfs.obtain(arch, busybox, toolbox)
        table = _iort(arch, own, busybox)
    sysroot.write_cross_file(arch, libraries)
    return Kit(arch, own, headers, libraries, busybox, table,
               (guests.lab_kernel(own.guest_image), *stock), toolbox, root_image)


def bench_qemu(arch: Arch) -> Qemu:
    """QEMU for L1, which only the bench needs."""
    with store.locked(paths.cache(), "set-up"):
        archive = apt.PrivateApt(SUITES, log_file())
        archive.prepare()
        return peers.qemu(arch, archive, log_file())


def _iort(arch: Arch, own: Kernel, busybox: Path) -> bytes:
    """The table that L1's initramfs must override, or nothing.

    The table depends on QEMU, the machine, and the number of its buses (which is
    always the same), not on the devices behind the root ports.
    """
    if not arch.needs_iort:
        return b""
    inputs = {"machine": arch.machine, "qemu": packages.qemu_version(), "ports": l0.PORTS,
              "recipe": store.recipe(iort.patched)}

    def make(folder: Path) -> None:
        with ui.Phase("dumping the machine's IORT from a first boot of L1"):
            share = store.fresh_folder("iort-boot")
            (share / "out").mkdir()
            image = share / "initramfs"
            image.write_bytes(initramfs.host(busybox, {}))
            machine = l0.Machine(arch, own.image, image, share, cmdline="lab=iort")
            l0.run(machine, share, IORT_LIMIT)
            dump = share / "out" / "IORT"
            if not dump.exists():
                raise LabError(f"L1 did not boot; see the logs in {share}")
            (folder / "IORT").write_bytes(iort.patched(dump.read_bytes()))
            shutil.rmtree(share)

    return (store.obtain(f"iort-{arch.name}", inputs, make) / "IORT").read_bytes()
