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
    """The folder of a built kernel, and its unpacked source."""

    arch: Arch
    folder: Path
    source: Path

    @property
    def image(self) -> Path:
        """What L1 boots."""
        return self.folder / self.arch.images["host"]

    @property
    def guest_image(self) -> Path:
        """What L2 boots as its "lab" kernel."""
        return self.folder / self.arch.images["guest"]

    @property
    def objects(self) -> Path:
        """The build folder, as far as external modules need it (O= of make)."""
        return self.folder / "objects"


def fragments(arch: Arch) -> tuple[Path, Path]:
    """The options of the kernel; all others are off."""
    folder = paths.REPO / "configs" / "kernel"
    return folder / "common.config", folder / f"{arch.name}.config"


def options(arch: Arch) -> str:
    """The text of the fragments."""
    return "".join(path.read_text() for path in fragments(arch))


def source_tree(archive: apt.PrivateApt, log: Path) -> Path:
    """Have the unpacked source; kernels, UAPI headers and modules are made from it."""
    package = archive.package(SOURCE, "all")

    def make(folder: Path) -> None:
        _unpack(archive, package, folder, log)

    return store.obtain("linux-source", {"source": package.version,
                                         "recipe": store.recipe(_unpack)}, make)


def uapi(source: Path, log: Path) -> dict[str, Path]:
    """Have the UAPI headers: an include folder for each architecture of ours."""

    def make(folder: Path) -> None:
        for ours, theirs in HEADER_ARCHES.items():
            work = store.fresh_folder("uapi-build")
            _headers(source, theirs, work, folder / ours, log)
            shutil.rmtree(work)

    folder = store.obtain("uapi", {"source": source.name, "recipe": store.recipe(_headers)}, make)
    return {ours: folder / ours for ours in HEADER_ARCHES}


def obtain(arch: Arch, source: Path, log: Path) -> Kernel:
    """Have the kernel of an architecture, building it if it is not in the cache."""
    compiler = proc.output([f"{arch.triplet}-gcc", "--version"]).splitlines()[0]
    inputs = {"source": source.name, "options": options(arch), "compiler": compiler,
              "images": dict(arch.built), "recipe": store.recipe(_configure, _compile, _slim)}

    def make(folder: Path) -> None:
        objects = folder / "objects"
        _configure(arch, source, objects, log)
        _compile(arch, source, objects, log)
        for name, path in arch.built.items():
            shutil.copy(objects / path, folder / name)
        shutil.copy(objects / ".config", folder / "config")
        _slim(objects)

    return Kernel(arch, store.obtain(f"kernel-{arch.name}", inputs, make), source)


def _make(arch: str, tree: Path, objects: Path) -> list[str]:
    """The start of a make command for the kernel's tree."""
    cross = {"arm64": "aarch64-linux-gnu-", "x86": ""}[arch]
    return ["make", "-C", str(tree), f"O={objects}", f"ARCH={arch}", f"CROSS_COMPILE={cross}",
            f"-j{os.cpu_count()}"]


def _unpack(archive: apt.PrivateApt, package: apt.Package, tree: Path, log: Path) -> None:
    """Unpack the kernel's source tree."""
    with ui.Phase(f"fetching the kernel's source ({package.version})"):
        deb = store.fresh_folder("source-deb")
        archive.unpack([package], deb)
        tarball = next((deb / "usr" / "src").glob("linux-source-*.tar.xz"))
        proc.run(["tar", "-C", tree, "--strip-components=1", "-xf", tarball], log=log)
        shutil.rmtree(deb)


def _headers(tree: Path, arch: str, objects: Path, into: Path, log: Path) -> None:
    """Put the UAPI headers of an architecture into a folder."""
    with ui.Phase(f"UAPI headers for {arch}"):
        proc.run([*_make(arch, tree, objects), "headers"], log=log)
        for header in (objects / "usr" / "include").rglob("*.h"):
            target = into / header.relative_to(objects / "usr" / "include")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(header, target)


def _configure(arch: Arch, tree: Path, objects: Path, log: Path) -> None:
    """Configure the kernel from the fragments; every line of them must be taken."""
    objects.mkdir(parents=True, exist_ok=True)
    wished = objects / "wished.config"
    wished.write_text(options(arch))
    proc.run([*_make(arch.linux, tree, objects), f"KCONFIG_ALLCONFIG={wished}", "allnoconfig"],
             log=log)
    taken = set((objects / ".config").read_text().splitlines())
    wanted = [line for line in options(arch).splitlines() if line.startswith("CONFIG_")]
    lost = [line for line in wanted if line not in taken]
    if lost:
        raise LabError(f"the {arch.name} kernel's configuration did not take these lines of "
                       f"{' and '.join(str(path) for path in fragments(arch))}:\n"
                       + "\n".join(lost))


def _compile(arch: Arch, tree: Path, objects: Path, log: Path) -> None:
    """Compile the kernel, and what external modules need of it (Module.symvers)."""
    compiled = 0
    with ui.Phase(f"building the {arch.name} kernel") as phase:

        def count(line: str) -> None:
            nonlocal compiled
            if line.lstrip().startswith(("CC ", "AS ")):
                compiled += 1
                phase.note = f"{compiled} objects"

        proc.run([*_make(arch.linux, tree, objects), *arch.image_targets, "modules"], log=log,
                 on_line=count)


def _slim(objects: Path) -> None:
    """Leave of a build folder what building external modules reads."""
    for path in objects.rglob("*"):
        inside = path.relative_to(objects).parts
        if path.is_file() and inside[0] not in ("scripts", "tools") and (
                path.suffix in (".o", ".a", ".cmd", ".mod") or
                path.name.startswith("vmlinux") or "boot" in inside[:3]):
            path.unlink()
