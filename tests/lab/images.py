# SPDX-License-Identifier: Apache-2.0
"""Disk images of L0: made with known content, looked at afterwards."""

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
READ_SIZE = 2 * MIB       # what guests read, at the start of a disk
WRITE_SIZE = MIB          # what a guest writes
WRITE_BASE = 4 * MIB      # where the first guest writes; each has its own place
WRITE_STEP = 4 * MIB


@dataclass(frozen=True)
class Image:
    """A raw disk image."""

    name: str
    path: Path

    def create(self, size: int, seed: str) -> None:
        """Fill the image with bytes that only the seed tells; whole MiB."""
        source = random.Random(seed)
        with self.path.open("wb") as file:
            for _ in range(size // MIB):
                file.write(source.randbytes(MIB))

    def digest(self, offset: int, length: int) -> str:
        """The SHA-256 of a part of the image."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return hashlib.sha256(file.read(length)).hexdigest()


def write_offset(index: int) -> int:
    """Where the guest with the index-th kernel writes."""
    return WRITE_BASE + index * WRITE_STEP
