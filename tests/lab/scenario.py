# SPDX-License-Identifier: Apache-2.0
"""Scenarios: a folder with scenario.toml, host.sh, vm.yaml and guest.sh.

scenario.toml holds:

    description   one line
    kernels       guest kernels, one run each; default all; [] means that host.sh
                  runs once and boots no guest of its own accord
    time-limit    seconds for one kernel, on a machine like the developers'
    iort          "patched" (default) or "stock": the latter cannot nest
    memory        of L1
    cmdline       added to L1's kernel command line
    files         folders of the repository that L1 finds below /lab
    writes        how many `LAB: wrote` lines each kernel must give; each is
                  checked against the disk's image
    tools         Debian's programs that L1 has (tests/lab/tools.py)
    guest-tools   the same for L2's initramfs
    modules       what guests with stock kernels load, with what that needs; default
                  nvme, e1000e, igb, pci_stub
    [[disk]]      name, size (MiB), content: "pattern" (default), "root" (a guest's root
                  file system, then the pattern), or "store" (a file system for L1 with
                  root.img and data.img, a pattern)
    [[device]]    model: QEMU's -device value; disk: name of a disk;
                  network: true for a NIC; port: shared with an earlier device
    [stats]       counters of aerie's statistics: {min = N, max = N}
    [expect]      host, guest, aerie: regular expressions that must match a line
    [reject]      the same, that must not; what every guest must not say is
                  built in
"""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import paths
from lab.errors import LabError
from lab.guests import MODULES

ALL_KERNELS = ("lab", "6.1", "6.12", "7.2")
NO_KERNEL = "none"
LOGS = ("host", "guest", "aerie")
KEYS = {"description", "kernels", "time-limit", "iort", "memory", "cmdline", "files", "writes",
        "tools", "guest-tools", "modules", "disk", "device", "stats", "expect", "reject"}
CONTENTS = ("pattern", "root", "store")

# A kernel's WARN_ON, as Linux 6.1 and as 7.2 say it
WARNING = r"WARNING: (CPU: |\S+:\d+ at )"

# What no log may hold unless the scenario expects the very line
ALWAYS_REJECTED = {
    "host": (),
    "guest": (r"Kernel panic", r"Internal error: Oops", r"\bBUG:", WARNING,
              r"CMD_SYNC timeout", r"LAB: FAILED"),
    "aerie": (r"AddressSanitizer", r"runtime error:"),
    "console": (r"Kernel panic", r"Internal error: Oops", r"\bBUG:", WARNING),
}


@dataclass(frozen=True)
class Disk:
    """A disk image that L0 has."""

    name: str
    size: int
    content: str = "pattern"

    def __post_init__(self) -> None:
        if self.content not in CONTENTS:
            raise LabError(f"disk {self.name}: no content is called {self.content}")


@dataclass(frozen=True)
class Device:
    """A device of L0 behind a root port."""

    model: str
    disk: str = ""
    network: bool = False
    port: int = 0     # 0: the next free one


@dataclass(frozen=True)
class Bounds:
    """Between what a counter must be, both included."""

    min: float = 0
    max: float = math.inf


@dataclass(frozen=True)
class Scenario:
    """One scenario, as its folder tells."""

    name: str
    folder: Path
    description: str
    kernels: tuple[str, ...]
    time_limit: float
    patched_iort: bool
    memory: str
    cmdline: str
    files: tuple[str, ...]
    writes: int
    tools: tuple[str, ...]
    guest_tools: tuple[str, ...]
    modules: tuple[str, ...]
    disks: tuple[Disk, ...]
    devices: tuple[Device, ...]
    stats: Mapping[str, Bounds]
    expect: Mapping[str, tuple[str, ...]]
    reject: Mapping[str, tuple[str, ...]]

    def ports(self) -> list[list[Device]]:
        """The devices of each root port, in order."""
        ports: list[list[Device]] = []
        for device in self.devices:
            if device.port:
                ports[device.port - 1].append(device)
            else:
                ports.append([device])
        return ports


def _patterns(name: str, table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The regular expressions of [expect] or [reject]."""
    unknown = set(table) - set(LOGS)
    if unknown:
        raise LabError(f"scenario {name}: no log is called {', '.join(sorted(unknown))}")
    for pattern in (pattern for patterns in table.values() for pattern in patterns):
        re.compile(pattern)
    return {log: tuple(table.get(log, ())) for log in LOGS}


def load(folder: Path) -> Scenario:
    """Read a scenario; anything unknown in it is an error."""
    table = tomllib.loads((folder / "scenario.toml").read_text())
    unknown = set(table) - KEYS
    if unknown:
        raise LabError(f"scenario {folder.name}: unknown key {', '.join(sorted(unknown))}")
    return Scenario(
        name=folder.name,
        folder=folder,
        description=table["description"],
        kernels=tuple(table.get("kernels", ALL_KERNELS)) or (NO_KERNEL,),
        time_limit=float(table.get("time-limit", 60)),
        patched_iort=table.get("iort", "patched") == "patched",
        memory=table.get("memory", "2G"),
        cmdline=table.get("cmdline", ""),
        files=tuple(table.get("files", ())),
        writes=table.get("writes", 0),
        tools=tuple(table.get("tools", ())),
        guest_tools=tuple(table.get("guest-tools", ())),
        modules=tuple(table.get("modules", MODULES)),
        disks=tuple(Disk(**disk) for disk in table.get("disk", ())),
        devices=tuple(Device(**device) for device in table.get("device", ())),
        stats={name: Bounds(**bounds) for name, bounds in table.get("stats", {}).items()},
        expect=_patterns(folder.name, table.get("expect", {})),
        reject=_patterns(folder.name, table.get("reject", {})),
    )


def load_all() -> list[Scenario]:
    """All scenarios, by name."""
    return [load(path.parent) for path in sorted(paths.SCENARIOS.glob("*/scenario.toml"))]
