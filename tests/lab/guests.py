# SPDX-License-Identifier: Apache-2.0
"""Stock Debian kernels for L2, each with the few modules that guests need.

In newer kernels linux-image-* is empty and names linux-binary-* and
linux-modules-*; older ones hold everything. Only the kernel and the wanted
modules with what they depend on are kept.
"""

import lzma
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import apt, store, ui
from lab.arch import Arch
from lab.errors import LabError

LAB_KERNEL = "lab"
MODULES = ("nvme", "e1000e", "igb", "pci_stub")
PARTS = re.compile(r"linux-(?:image|binary|modules)-\d\S*")


@dataclass(frozen=True)
class GuestKernel:
    """A kernel that L2 can boot and its modules in loading order."""

    name: str
    image: Path
    modules: tuple[Path, ...]


def lab_kernel(image: Path) -> GuestKernel:
    """The lab's own kernel, which needs no modules."""
    return GuestKernel(LAB_KERNEL, image, ())


def stock_kernels(arch: Arch, archive: apt.PrivateApt, log: Path) -> list[GuestKernel]:
    """The stock kernels of an architecture, from the cache or the archive."""
    return [_obtain(name, pattern, arch, archive, log)
            for name, pattern in arch.guest_kernels.items()]


def _obtain(name: str, pattern: str, arch: Arch, archive: apt.PrivateApt,
            log: Path) -> GuestKernel:
    packages = _packages(pattern, arch, archive)
    inputs = {"packages": [package.spec for package in packages], "modules": MODULES,
              "recipe": store.recipe(_collect, _load_order, _depends, _content)}

    def make(folder: Path) -> None:
        with ui.Phase(f"fetching Debian's kernel {name}") as phase:
            phase.note = packages[0].version
            tree = store.fresh_folder("guest-kernel")
            archive.unpack(packages, tree)
            _collect(tree, folder)
            shutil.rmtree(tree)

    folder = store.obtain(f"guest-{arch.name}-{name}", inputs, make)
    return GuestKernel(name, folder / "Image", tuple(sorted((folder / "modules").iterdir())))


def _packages(pattern: str, arch: Arch, archive: apt.PrivateApt) -> list[apt.Package]:
    """The packages that make up the newest kernel whose name matches."""
    candidates = [offer for name in archive.names(pattern)
                  for offer in archive.offers(name, arch.debian)]
    if not candidates:
        raise LabError(f"the archive has no kernel named {pattern}; try `./lab setup --update`")
    image = apt.newest(candidates)
    parts = [part for part in PARTS.findall(image.depends) if not part.startswith("linux-image-")]
    return [image, *(archive.package(part, arch.debian) for part in parts)]


def _collect(tree: Path, into: Path) -> None:
    """Keep the kernel and the wanted modules of an unpacked tree."""
    shutil.copy(next(tree.rglob("vmlinuz*")), into / "Image")
    (into / "modules").mkdir()
    root = next(path for path in tree.rglob("modules/*") if (path / "kernel").is_dir())
    loaded = _load_order(root)
    for number, (name, content) in enumerate(loaded.items()):
        (into / "modules" / f"{number:02}-{name}.ko").write_bytes(content)


def _load_order(root: Path) -> dict[str, bytes]:
    """The wanted modules by name, each after what it depends on.

    A package has no modules.dep (it is made at installation), so that the
    dependencies come from the modules themselves.
    """
    files = {_module_name(path): path for path in root.rglob("*.ko*")}
    loaded: dict[str, bytes] = {}

    def load(name: str) -> None:
        if name not in files or name in loaded:
            return     # built in, or there already
        content = _content(files[name])
        for needed in _depends(content):
            load(needed)
        loaded[name] = content

    for name in MODULES:
        load(name)
    return loaded


def _module_name(path: Path) -> str:
    """A module's name as the kernel spells it."""
    return path.name.split(".ko")[0].replace("-", "_")


def _depends(content: bytes) -> list[str]:
    """The `depends=` string of a module's .modinfo section."""
    found = re.search(rb"\0depends=([^\0]*)\0", content)
    names = found.group(1).decode().split(",") if found else []
    return [name.replace("-", "_") for name in names if name]


def _content(module: Path) -> bytes:
    """A module's file, decompressed."""
    if module.suffix == ".xz":
        return lzma.decompress(module.read_bytes())
    if module.suffix == ".zst":
        return subprocess.run(["zstd", "-q", "-d", "-c", str(module)], check=True,
                              stdout=subprocess.PIPE).stdout
    return module.read_bytes()
