# SPDX-License-Identifier: Apache-2.0
"""What guests' kernels warn of: nothing that they do not say on QEMU's machine too.

Every guest tells the lines of its kernel's log with a level of warning or worse. Those of
the same kernel on QEMU's machine are recorded by `lab dmesg` in tests/lab/dmesg/ARCH.json;
what may differ stands in allowed.toml, with the reason.
"""

import json
import re
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import hosttsc, initramfs, l0, paths, ui
from lab.arch import Arch
from lab.errors import LabError
from lab.guests import GuestKernel
from lab.setup import Kit

FOLDER = paths.LAB / "dmesg"
LINE = re.compile(r"^LAB: dmesg [0-4] (.*?)\s*$", re.M)
NUMBER = re.compile(r"\b0x[0-9a-f]+|\b[0-9a-f]*[0-9][0-9a-f]*\b")
MODULES = ("virtio_pci", "virtio_rng")
LIMIT = 120.0        # seconds


@dataclass(frozen=True)
class Peer:
    """QEMU's machine, emulated, with a guest's kernel; started by UEFI firmware or directly."""

    arch: Arch
    kernel: Path
    initrd: Path
    firmware: bool

    def command(self, console: Sequence[str]) -> list[str]:
        """QEMU's command line."""
        firmware = ["-bios", self.arch.firmware] if self.firmware else []
        return [self.arch.qemu, *self.arch.peer, *firmware, "-smp", "1", "-m", "512M",
                "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", *console,
                "-device", "pcie-root-port,id=port1,chassis=1",
                "-device", "virtio-rng-pci,bus=port1",
                "-kernel", str(self.kernel), "-initrd", str(self.initrd),
                "-append", f"console={self.arch.console} loglevel=4 {hosttsc.option(self.arch)}"]


def lines(log: str) -> list[str]:
    """The warnings and errors that a guest told."""
    return LINE.findall(log)


def problems(arch: Arch, kernel: str, firmware: bool, log: str) -> list[str]:
    """Those that the kernel does not have on QEMU's machine, and that are not allowed."""
    known = {_normal(line) for line in _recorded(arch).get(_key(kernel, firmware), [])}
    allowed = [re.compile(entry["pattern"]) for entry in _allowed()
               if entry.get("arch", arch.title) == arch.title]
    return [f"the guest's kernel says '{line}'" for line in lines(log)
            if _normal(line) not in known and not any(entry.search(line) for entry in allowed)]


def record(kits: Sequence[Kit], scale: float) -> int:
    """Boot all kernels on QEMU's machine and write what they say."""
    for kit in kits:
        ways = (False, True) if kit.arch.firmware else (False,)
        found = {_key(kernel.name, firmware): _boot(kit, kernel, firmware, scale)
                 for kernel in kit.guests for firmware in ways}
        path = FOLDER / f"{kit.arch.title}.json"
        path.write_text(json.dumps(found, indent=1) + "\n")
        ui.say(f"{path.relative_to(paths.REPO)}: "
               + ", ".join(f"{name} {len(said)}" for name, said in found.items()))
    return 0


def _key(kernel: str, firmware: bool) -> str:
    return f"{kernel} by firmware" if firmware else kernel


def _boot(kit: Kit, kernel: GuestKernel, firmware: bool, scale: float) -> list[str]:
    name = _key(kernel.name, firmware)
    folder = paths.RUNS / kit.arch.title / "dmesg" / name.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    initrd = folder / "initrd"
    initrd.write_bytes(initramfs.guest(kit.busybox, kernel, MODULES, {})
                       + initramfs.addition(None, {}))
    with ui.Phase(f"{kit.arch.title}: {name} on QEMU's machine"):
        l0.run(Peer(kit.arch, kernel.image, initrd, firmware), folder, LIMIT * scale)
    log = (folder / "console.log").read_text(errors="replace").replace("\r", "")
    if "LAB: guest ok" not in log:
        raise LabError(f"{name} did not boot on QEMU's machine; see {folder}")
    return lines(log)


def _normal(line: str) -> str:
    """A line without its numbers."""
    return NUMBER.sub("N", line)


def _recorded(arch: Arch) -> dict[str, list[str]]:
    recorded: dict[str, list[str]] = json.loads((FOLDER / f"{arch.title}.json").read_text())
    return recorded


def _allowed() -> list[dict[str, str]]:
    entries: list[dict[str, str]] = tomllib.loads((FOLDER / "allowed.toml").read_text())["line"]
    return entries
