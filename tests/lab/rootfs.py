# SPDX-License-Identifier: Apache-2.0
"""The file system that guests with a root disk boot into, and other ext4 images.

It holds busybox and fio. What is the scenario's or changes often (init, the
shell library, the lab's own programs) comes with the initramfs and lies on a
tmpfs at /lab, so that this image is made once.
"""

import shutil
from pathlib import Path

from lab import initramfs, proc, store, ui
from lab.arch import Arch
from lab.tools import Toolbox

MIB = 1 << 20
SIZE = 32 * MIB
FOLDERS = ("bin", "data", "dev", "lab", "lib", "mnt", "proc", "run", "sys", "tmp", "usr")


def obtain(arch: Arch, busybox: Path, tools: Toolbox) -> Path:
    """Have the image, from the cache or made now."""
    inputs = {"busybox": str(busybox), "tools": str(tools.folder),
              "applets": initramfs.APPLETS, "folders": FOLDERS, "size": SIZE,
              "recipe": store.recipe(_fill, make_ext4)}

    def make(folder: Path) -> None:
        with ui.Phase("making a root file system for guests"):
            tree = store.fresh_folder("rootfs")
            _fill(tree, busybox, tools)
            make_ext4(folder / "root.img", SIZE, tree, "root")
            shutil.rmtree(tree)

    return store.obtain(f"root-{arch.name}", inputs, make) / "root.img"


def _fill(tree: Path, busybox: Path, tools: Toolbox) -> None:
    """Lay out the files."""
    for name in FOLDERS:
        (tree / name).mkdir()
    shutil.copy(busybox, tree / "bin" / "busybox")
    for applet in sorted(set(initramfs.APPLETS)):
        (tree / "bin" / applet).symlink_to("busybox")
    for path, source in tools.files(["fio"]).items():
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def make_ext4(image: Path, size: int, tree: Path, label: str) -> None:
    """Make an image of `size` bytes with an ext4 file system that holds a tree."""
    proc.output(["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-L", label, "-m", "0",
                 "-E", "root_owner=0:0,lazy_itable_init=0", "-d", tree, image,
                 f"{size // 1024}k"])
