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
PACKAGES = ("qemu-system-arm", "qemu-efi-aarch64")
PROGRAM = "qemu-system-aarch64"
FIRMWARE = "QEMU_EFI.fd"
IN_L1 = "/opt/qemu"


@dataclass(frozen=True)
class Qemu:
    """A QEMU that runs in L1, where `folder` is found as IN_L1."""

    folder: Path
    version: str

    def files(self) -> dict[str, Path]:
        """Its files by their paths in L1, without the leading slash."""
        return {f"{IN_L1[1:]}/{path.name}": path
                for path in sorted((self.folder / "qemu").iterdir())}


def qemu(arch: Arch, archive: apt.PrivateApt, log: Path) -> Qemu:
    """Have QEMU for L1, from the cache or the archive."""
    packages = _closure(arch, archive)
    version = next(package.version for package in packages if package.name == PACKAGES[0])
    inputs = {"packages": [package.spec for package in packages],
              "recipe": store.recipe(_collect, elf.needed, elf.libraries, elf.closure)}

    def make(folder: Path) -> None:
        with ui.Phase(f"fetching QEMU {version} for L1"):
            tree = store.fresh_folder("peer")
            archive.unpack(packages, tree)
            _collect(arch, tree, folder / "qemu")
            shutil.rmtree(tree)

    return Qemu(store.obtain(f"qemu-{arch.name}", inputs, make), version)


def _closure(arch: Arch, archive: apt.PrivateApt) -> list[apt.Package]:
    """What apt would install for QEMU on an empty system of the architecture."""
    plan = proc.output(["apt-get", *archive.options(), "-o", f"APT::Architecture={arch.debian}",
                        "-o", "Dir::Cache::pkgcache=", "-t", SUITE, "--simulate", "install",
                        "--no-install-recommends", *PACKAGES])
    found = re.findall(r"^Inst (\S+) \((\S+) .*?\[(\w+)\]\)", plan, re.M)
    return [apt.Package(name, architecture, version, "") for name, version, architecture in found]


def _collect(arch: Arch, tree: Path, into: Path) -> None:
    """Copy the program, its loader, the libraries it loads, and the firmware."""
    into.mkdir()
    shutil.copy(next(tree.rglob(FIRMWARE)), into)
    program = tree / "usr" / "bin" / PROGRAM
    found, missing = elf.closure(program, elf.libraries(arch, tree))
    if missing:
        raise LabError(f"no package of QEMU's has {', '.join(sorted(missing))}")
    for source in (program, *found.values()):
        shutil.copy(source, into)
