# SPDX-License-Identifier: Apache-2.0
"""The lab's own kernel (L1, and the guest called "lab") and the UAPI headers."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab import apt, paths, proc, store, ui
from lab.arch import Arch
from lab.errors import LabError

SOURCE = "linux-source-7.2"
HEADER_ARCHES = {"arm64": "arm64", "x86_64": "x86"}   # ours -> the kernel's


@dataclass(frozen=True)
class Kernel:
    """The folder of a built kernel."""

    folder: Path

    @property
    def image(self) -> Path:
        """What L1 boots, and L2 as its "lab" kernel."""
        return self.folder / "Image"

    def uapi(self, arch: str) -> Path:
        """The include folder of the UAPI headers for an architecture of ours."""
        return self.folder / "uapi" / arch


def fragment(arch: Arch) -> Path:
    """The options of the kernel; all others are off."""
    return paths.REPO / "configs" / "kernel" / f"{arch.name}.config"


def obtain(arch: Arch, archive: apt.PrivateApt, log: Path) -> Kernel:
    """Have the kernel of an architecture, building it if it is not in the cache."""
    source = archive.package(SOURCE, arch.debian)
    compiler = proc.output([f"{arch.triplet}-gcc", "--version"]).splitlines()[0]
    inputs = {"source": source.version, "fragment": fragment(arch).read_text(),
              "compiler": compiler, "recipe": store.recipe(_configure, _compile, _headers)}

    def make(folder: Path) -> None:
        work = store.fresh_folder("kernel-build")
        tree = _fetch(archive, source, work, log)
        for ours, theirs in HEADER_ARCHES.items():
            _headers(tree, theirs, work / f"headers-{ours}", folder / "uapi" / ours, log)
        objects = work / "objects"
        _configure(arch, tree, objects, log)
        _compile(arch, tree, objects, log)
        shutil.copy(objects / arch.image_path, folder / "Image")
        shutil.copy(objects / ".config", folder / "config")
        shutil.rmtree(work)

    return Kernel(store.obtain(f"kernel-{arch.name}", inputs, make))


def _make(arch: str, tree: Path, objects: Path) -> list[str]:
    """The start of a make command for the kernel's tree."""
    cross = {"arm64": "aarch64-linux-gnu-", "x86": ""}[arch]
    return ["make", "-C", str(tree), f"O={objects}", f"ARCH={arch}", f"CROSS_COMPILE={cross}",
            f"-j{os.cpu_count()}"]


def _fetch(archive: apt.PrivateApt, source: apt.Package, work: Path, log: Path) -> Path:
    """Unpack the kernel's source tree."""
    with ui.Phase(f"fetching the kernel's source ({source.version})"):
        archive.unpack([source], work / "deb")
        tree = work / "tree"
        tree.mkdir()
        tarball = next((work / "deb" / "usr" / "src").glob("linux-source-*.tar.xz"))
        proc.run(["tar", "-C", tree, "--strip-components=1", "-xf", tarball], log=log)
        shutil.rmtree(work / "deb")
    return tree


def _headers(tree: Path, arch: str, objects: Path, into: Path, log: Path) -> None:
    """Put the UAPI headers of an architecture into a folder."""
    with ui.Phase(f"UAPI headers for {arch}"):
        proc.run([*_make(arch, tree, objects), "headers"], log=log)
        for header in (objects / "usr" / "include").rglob("*.h"):
            target = into / header.relative_to(objects / "usr" / "include")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(header, target)


def _configure(arch: Arch, tree: Path, objects: Path, log: Path) -> None:
    """Configure the kernel from the fragment; every line of it must be taken."""
    proc.run([*_make(arch.linux, tree, objects), f"KCONFIG_ALLCONFIG={fragment(arch)}",
              "allnoconfig"], log=log)
    taken = set((objects / ".config").read_text().splitlines())
    wanted = [line for line in fragment(arch).read_text().splitlines()
              if line.startswith("CONFIG_")]
    lost = [line for line in wanted if line not in taken]
    if lost:
        raise LabError(f"the kernel's configuration did not take these lines of "
                       f"{fragment(arch)}:\n" + "\n".join(lost))


def _compile(arch: Arch, tree: Path, objects: Path, log: Path) -> None:
    """Compile the kernel."""
    compiled = 0
    with ui.Phase(f"building the {arch.name} kernel") as phase:

        def count(line: str) -> None:
            nonlocal compiled
            if line.lstrip().startswith(("CC ", "AS ")):
                compiled += 1
                phase.note = f"{compiled} objects"

        proc.run([*_make(arch.linux, tree, objects), arch.image], log=log, on_line=count)
