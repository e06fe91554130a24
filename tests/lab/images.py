# SPDX-License-Identifier: Apache-2.0
"""Disk images of L0: made with known content, looked at afterwards."""

import hashlib
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lab import proc, rootfs

MIB = 1 << 20
READ_SIZE = 2 * MIB       # what guests read, at the start of a disk
WRITE_SIZE = MIB          # what a guest writes
WRITE_BASE = 4 * MIB      # where the first guest writes; each has its own place
WRITE_STEP = 4 * MIB
STORE_DATA = 32 * MIB     # the size of data.img in a store


@dataclass
class Image:
    """A raw disk image."""

    name: str
    path: Path
    known: str = ""     # SHA-256 of the first READ_SIZE bytes of its pattern

    def create(self, size: int, seed: str) -> None:
        """Fill the image with bytes that only the seed tells; whole MiB."""
        with self.path.open("wb") as file:
            _fill(file, size, seed)
        self.known = self.digest(0, READ_SIZE)

    def create_root(self, root: Path, size: int, seed: str) -> None:
        """A guest's root file system, and behind it such bytes up to `size`."""
        proc.output(["cp", "--sparse=always", root, self.path])
        with self.path.open("ab") as file:
            _fill(file, size - rootfs.SIZE, seed)
        self.known = self.digest(rootfs.SIZE, READ_SIZE)

    def create_store(self, root: Path, size: int, seed: str) -> None:
        """A file system for L1 that holds root.img, a guest's, and data.img, a pattern."""
        tree = self.path.with_suffix(".tree")
        tree.mkdir()
        Image("root", tree / "root.img").create_root(root, rootfs.SIZE, "")
        data = Image("data", tree / "data.img")
        data.create(STORE_DATA, seed)
        self.known = data.known
        rootfs.make_ext4(self.path, size, tree, self.name)
        shutil.rmtree(tree)

    def create_esp(self, size: int, kernel: Path, initrd: bytes, console: str) -> None:
        """A FAT file system from which the UEFI shell starts a kernel with its EFI stub."""
        tree = self.path.with_suffix(".tree")
        tree.mkdir()
        (tree / "initrd").write_bytes(initrd)
        (tree / "startup.nsh").write_text(
            f"kernel.efi initrd=\\initrd console={console} loglevel=4\r\n")
        with self.path.open("wb") as file:
            file.truncate(size)
        proc.output(["mformat", "-i", self.path, "-F", "::"])
        proc.output(["mcopy", "-i", self.path, kernel, "::kernel.efi"])
        proc.output(["mcopy", "-i", self.path, *sorted(tree.iterdir()), "::"])
        shutil.rmtree(tree)

    def digest(self, offset: int, length: int) -> str:
        """The SHA-256 of a part of the image."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return hashlib.sha256(file.read(length)).hexdigest()


def _fill(file: BinaryIO, size: int, seed: str) -> None:
    source = random.Random(seed)
    for _ in range(size // MIB):
        file.write(source.randbytes(MIB))


def write_offset(index: int) -> int:
    """Where the guest with the index-th kernel writes."""
    return WRITE_BASE + index * WRITE_STEP
