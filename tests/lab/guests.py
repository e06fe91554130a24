# SPDX-License-Identifier: Apache-2.0
"""Stock Debian kernels for L2, each with the few modules that guests need.

In newer kernels linux-image-* is empty and names linux-binary-* and
linux-modules-*; older ones hold everything. Only the kernel and the wanted
modules with what they depend on are kept.
"""

import json
import lzma
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab import apt, bzimage, store, ui
from lab.arch import Arch
from lab.errors import LabError
from lab.kernel import Kernel

LAB_KERNEL = "lab"
BZIMAGE = "bzImage"
# What guests load unless a scenario names others
MODULES = ("nvme", "e1000e", "igb", "pci_stub")
# All that a scenario can name. The IOMMU's driver must be there before those of the
# devices behind it, or they are put off.
ALL_MODULES = ("virtio_iommu", "virtio_pci", "virtio_blk", "ext4", "virtio_net",
               "virtio_console", "virtio_rng", "vmw_vsock_virtio_transport", "virtiofs",
               "virtio_balloon", *MODULES)
# What a module asks for by a name that only modprobe resolves
UNNAMED = {"ext4": ("crc32c_generic",)}
PARTS = re.compile(r"linux-(?:image|binary|modules)-\d\S*")


@dataclass(frozen=True)
class GuestKernel:
    """A kernel that L2 can boot and its modules in loading order."""

    name: str
    image: Path
    packed: Path | None = None      # the same as a bzImage, which unpacks itself
    modules: tuple[Path, ...] = ()
    needs: Mapping[str, Sequence[str]] = field(default_factory=dict)   # by module

    def chosen(self, names: Iterable[str]) -> list[Path]:
        """The named modules and those they need; what is built in has no file."""
        for name in names:
            if name not in ALL_MODULES:
                raise LabError(f"guests have no module {name}; name it in tests/lab/guests.py")
        waiting, wanted = list(names), set()
        while waiting:
            name = waiting.pop()
            if name not in wanted:
                wanted.add(name)
                waiting += self.needs.get(name, ())
        return [path for path in self.modules if path.stem[3:] in wanted]


def lab_kernel(own: Kernel) -> GuestKernel:
    """The lab's own kernel, which needs no modules."""
    packed = own.folder / BZIMAGE
    return GuestKernel(LAB_KERNEL, own.guest_image, packed if packed.exists() else None)


def stock_kernels(arch: Arch, archive: apt.PrivateApt, log: Path) -> list[GuestKernel]:
    """The stock kernels of an architecture, from the cache or the archive."""
    return [_obtain(name, pattern, arch, archive, log)
            for name, pattern in arch.guest_kernels.items()]


def _obtain(name: str, pattern: str, arch: Arch, archive: apt.PrivateApt,
            log: Path) -> GuestKernel:
    packages = _packages(pattern, arch, archive)
    inputs = {"packages": [package.spec for package in packages], "modules": ALL_MODULES,
              "unnamed": UNNAMED,
              "recipe": store.recipe(_collect, _load_order, _needs, _content)}

    def make(folder: Path) -> None:
        with ui.Phase(f"fetching Debian's kernel {name}") as phase:
            phase.note = packages[0].version
            tree = store.fresh_folder("guest-kernel")
            archive.unpack(packages, tree)
            _collect(tree, folder)
            shutil.rmtree(tree)

    folder = store.obtain(f"guest-{arch.name}-{name}", inputs, make)
    image, packed = folder / "Image", None
    if BZIMAGE in arch.built:
        image, packed = _unpacked(arch, name, image), image
    return GuestKernel(name, image, packed, tuple(sorted((folder / "modules").glob("*.ko"))),
                       json.loads((folder / "needs.json").read_text()))


def _unpacked(arch: Arch, name: str, packed: Path) -> Path:
    """The ELF file in a bzImage."""

    def make(folder: Path) -> None:
        with ui.Phase(f"unpacking the kernel {name}"):
            (folder / "vmlinux").write_bytes(bzimage.vmlinux(packed))

    inputs = {"packed": packed.parent.name, "recipe": store.recipe(bzimage)}
    return store.obtain(f"vmlinux-{arch.name}-{name}", inputs, make) / "vmlinux"


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
    needs = {name: _needs(name, content) for name, content in loaded.items()}
    (into / "needs.json").write_text(json.dumps(needs))


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
        for needed in _needs(name, content):
            load(needed)
        loaded[name] = content

    for name in ALL_MODULES:
        load(name)
    return loaded


def _module_name(path: Path) -> str:
    """A module's name as the kernel spells it."""
    return path.name.split(".ko")[0].replace("-", "_")


def _needs(module: str, content: bytes) -> list[str]:
    """The `depends=` string of a module's .modinfo section, and what it does not say."""
    found = re.search(rb"\0depends=([^\0]*)\0", content)
    names = found.group(1).decode().split(",") if found else []
    return [*(name.replace("-", "_") for name in names if name), *UNNAMED.get(module, ())]


def _content(module: Path) -> bytes:
    """A module's file, decompressed."""
    if module.suffix == ".xz":
        return lzma.decompress(module.read_bytes())
    if module.suffix == ".zst":
        return subprocess.run(["zstd", "-q", "-d", "-c", str(module)], check=True,
                              stdout=subprocess.PIPE).stdout
    return module.read_bytes()
