# SPDX-License-Identifier: Apache-2.0
"""L1 as a whole: its initramfs, its guests' files, and a machine to boot."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import initramfs, iort, paths, store, ui
from lab.setup import Kit


@dataclass(frozen=True)
class Host:
    """Everything that every boot of L1 shares."""

    kit: Kit
    programs: Mapping[str, Path]          # by their paths in L1
    guests: Path                          # the share /guests

    def initramfs(self, patched_iort: bool = True) -> bytes:
        """L1's initramfs: the table override first, uncompressed."""
        override = iort.archive(self.kit.iort) if self.kit.iort and patched_iort else b""
        return override + initramfs.host(self.kit.busybox, self.programs)


def host(kit: Kit, programs: Mapping[str, Path], guest_programs: Mapping[str, Path]) -> Host:
    """Stage the guest kernels with their initramfs and describe L1."""
    folder = paths.RUNS / "guests"
    with ui.Phase("staging the guest kernels"):
        for kernel in kit.guests:
            into = folder / kernel.name
            store.replace_file(into / "Image", kernel.image.read_bytes())
            store.replace_file(into / "initrd",
                               initramfs.guest(kit.busybox, kernel, guest_programs))
    return Host(kit, programs, folder)
