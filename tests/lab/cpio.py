# SPDX-License-Identifier: Apache-2.0
"""Archives in the kernel's initramfs format (cpio "newc"), written as bytes.

The kernel unpacks several archives that follow each other, so that an
initramfs can be put together by concatenation.
"""

import stat
from pathlib import Path, PurePosixPath

ALIGN = 4
TRAILER = "TRAILER!!!"


class Archive:
    """An archive under construction; folders come before what they hold."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._folders: set[str] = set()
        self._inode = 0

    def folder(self, path: str) -> None:
        """Add a folder and those above it."""
        for parent in [*reversed(PurePosixPath(path).parents), PurePosixPath(path)]:
            name = str(parent)
            if name not in (".", "/") and name not in self._folders:
                self._folders.add(name)
                self._entry(name, stat.S_IFDIR | 0o755, b"")

    def data(self, path: str, content: bytes, executable: bool = False) -> None:
        """Add a file with this content."""
        self.folder(str(PurePosixPath(path).parent))
        self._entry(path, stat.S_IFREG | (0o755 if executable else 0o644), content)

    def file(self, path: str, source: Path) -> None:
        """Add a copy of a file; its executable bit is kept."""
        self.data(path, source.read_bytes(), bool(source.stat().st_mode & 0o100))

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self.folder(str(PurePosixPath(path).parent))
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def device(self, path: str, major: int, minor: int) -> None:
        """Add a character device."""
        self.folder(str(PurePosixPath(path).parent))
        self._entry(path, stat.S_IFCHR | 0o600, b"", (major, minor))

    def finish(self) -> bytes:
        """The archive."""
        self._entry(TRAILER, 0, b"")
        return b"".join(self._parts)

    def _entry(self, name: str, mode: int, content: bytes,
               device: tuple[int, int] = (0, 0)) -> None:
        self._inode += 1
        encoded = name.encode() + b"\0"
        # ino mode uid gid nlink mtime size devmajor devminor rdevmajor rdevminor
        # namesize check
        fields = (self._inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self._parts += [_padded(header), _padded(content)]


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % ALIGN)
