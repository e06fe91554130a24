# SPDX-License-Identifier: Apache-2.0
"""Set-up: everything that must be there before anything is built or booted."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import (apt, guests, initramfs, iort, kernel, l0, packages, paths, peers, rootfs,
                 store, sysroot, tools, ui)
from lab.arch import ARCHES, Arch
from lab.errors import LabError
from lab.guests import GuestKernel
from lab.kernel import Kernel
from lab.peers import Qemu
from lab.tools import Toolbox

# bookworm has 6.1, trixie 6.12; the others have 7.2 and its source
SUITES = ("bookworm", "trixie", "trixie-backports", "sid")
IORT_LIMIT = 60.0

Uapi = Mapping[str, Path]     # UAPI headers, an include folder for each architecture


@dataclass(frozen=True)
class Kit:
    """What set-up provides for an architecture of L1."""

    arch: Arch
    kernel: Kernel
    uapi: Uapi
    busybox: Path
    iort: bytes
    guests: tuple[GuestKernel, ...]
    tools: Toolbox
    root_image: Path      # a guest's root file system


def log_file() -> Path:
    """Where set-up's programs write."""
    return paths.BUILD / "setup.log"


@contextmanager
def _archive(update: bool = False) -> Iterator[apt.PrivateApt]:
    """The private apt, with the lock of the cache."""
    log = log_file()
    log.parent.mkdir(parents=True, exist_ok=True)
    with store.locked(paths.cache(), "set-up"):
        log.unlink(missing_ok=True)
        archive = apt.PrivateApt(SUITES, log)
        archive.prepare(refresh=update)
        yield archive


def toolchain(update: bool = False) -> Uapi:
    """Have what aerie is built with: packages, libraries for the static builds, headers."""
    with _archive(update) as archive:
        return _toolchain(archive)


def _toolchain(archive: apt.PrivateApt) -> Uapi:
    packages.install_native(log_file())
    for arch in ARCHES:
        sysroot.write_cross_file(arch, sysroot.libraries(arch, archive))
    return kernel.uapi(kernel.source_tree(archive, log_file()), log_file())


def prepare(arches: Iterable[Arch], update: bool = False) -> dict[str, Kit]:
    """Have everything, by the architectures' names; what is in the cache is used as it is."""
    with _archive(update) as archive:
        uapi = _toolchain(archive)
        packages.install_qemu(log_file())
        return {arch.name: _kit(arch, archive, uapi) for arch in arches}


def _kit(arch: Arch, archive: apt.PrivateApt, uapi: Uapi) -> Kit:
    log = log_file()
    busybox = sysroot.busybox(arch, archive)
    own = kernel.obtain(arch, kernel.source_tree(archive, log), log)
    stock = guests.stock_kernels(arch, archive, log)
    toolbox = tools.obtain(arch, archive, log)
    return Kit(arch, own, uapi, busybox, _iort(arch, own, busybox),
               (guests.lab_kernel(own), *stock), toolbox,
               rootfs.obtain(arch, busybox, toolbox))


def bench_qemu(arch: Arch) -> Qemu:
    """QEMU for L1, which only the bench needs."""
    with _archive() as archive:
        return peers.qemu(arch, archive, log_file())


def _iort(arch: Arch, own: Kernel, busybox: Path) -> bytes:
    """The table that L1's initramfs must override, or nothing.

    The table depends on QEMU, the machine, and the number of its buses (which is
    always the same), not on the devices behind the root ports.
    """
    if not arch.needs_iort:
        return b""
    inputs = {"machine": arch.machine, "qemu": packages.qemu_version(arch), "ports": l0.PORTS,
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
