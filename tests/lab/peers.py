# SPDX-License-Identifier: Apache-2.0
"""QEMU for L1, which the bench compares aerie with; nothing else needs it.

Debian's package and its libraries are unpacked, and only the program, the
shared libraries it really loads and the firmware are kept.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab import apt, elf, proc, store, ui
from lab.arch import Arch
from lab.errors import LabError

SUITE = "sid"                     # accel=on of arm-smmuv3 needs QEMU 11
# By architecture: what has the firmware, and its files
FIRMWARE = {"arm64": (("qemu-efi-aarch64",), ("QEMU_EFI.fd",)),
            "x86_64": (("seabios", "qemu-system-data"),
                       ("bios-256k.bin", "bios-microvm.bin", "pvh.bin", "linuxboot_dma.bin"))}
IN_L1 = "/opt/qemu"


@dataclass(frozen=True)
class Qemu:
    """A QEMU that runs in L1, where `folder` is found as IN_L1."""

    folder: Path
    version: str
    loader: str      # the dynamic loader's file

    def files(self) -> dict[str, Path]:
        """Its files by their paths in L1, without the leading slash."""
        return {f"{IN_L1[1:]}/{path.name}": path
                for path in sorted((self.folder / "qemu").iterdir())}


def qemu(arch: Arch, archive: apt.PrivateApt, log: Path) -> Qemu:
    """Have QEMU for L1, from the cache or the archive."""
    packages = _closure(arch, archive)
    version = next(package.version for package in packages if package.name == arch.qemu_package)
    inputs = {"packages": [package.spec for package in packages],
              "firmware": FIRMWARE[arch.name][1],
              "recipe": store.recipe(_collect, elf.needed, elf.libraries, elf.closure)}

    def make(folder: Path) -> None:
        with ui.Phase(f"fetching QEMU {version} for L1"):
            tree = store.fresh_folder("peer")
            archive.unpack(packages, tree)
            _collect(arch, tree, folder / "qemu")
            shutil.rmtree(tree)

    folder = store.obtain(f"qemu-{arch.name}", inputs, make)
    loader = next(path.name for path in (folder / "qemu").glob("ld-linux-*"))
    return Qemu(folder, version, loader)


def _closure(arch: Arch, archive: apt.PrivateApt) -> list[apt.Package]:
    """What apt would install for QEMU on an empty system of the architecture."""
    plan = proc.output(["apt-get", *archive.options(), "-o", f"APT::Architecture={arch.debian}",
                        "-o", "Dir::Cache::pkgcache=", "-t", SUITE, "--simulate", "install",
                        "--no-install-recommends", arch.qemu_package, *FIRMWARE[arch.name][0]])
    found = re.findall(r"^Inst (\S+) \((\S+) .*?\[(\w+)\]\)", plan, re.M)
    return [apt.Package(name, architecture, version, "") for name, version, architecture in found]


def _collect(arch: Arch, tree: Path, into: Path) -> None:
    """Copy the program, its loader, the libraries it loads, and the firmware."""
    into.mkdir()
    for name in FIRMWARE[arch.name][1]:
        shutil.copy(next(tree.rglob(name)), into)
    program = tree / "usr" / "bin" / arch.qemu
    found, missing = elf.closure(program, elf.libraries(arch, tree))
    if missing:
        raise LabError(f"no package of QEMU's has {', '.join(sorted(missing))}")
    for source in (program, *found.values()):
        shutil.copy(source, into)
