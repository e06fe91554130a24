# SPDX-License-Identifier: Apache-2.0
"""Scenarios: a folder with scenario.toml, host.sh, vm.yaml and guest.sh.

scenario.toml holds:

    description   one line
    arch          of L1: "arm64" (default), "x86-64", or both
    kernels       guest kernels, one run each; default all; [] means that host.sh
                  runs once and boots no guest of its own accord
    time-limit    seconds for one kernel, on a machine like the developers'
    iort          "patched" (default) or "stock": the latter cannot nest
    memory        of L1
    firmware      true: L1 has the UEFI firmware for guests as /lib/firmware.fd
    cmdline       added to L1's kernel command line
    set           a table of what `aerie run --set KEY=VALUE` changes in vm.yaml
    files         folders of the repository that L1 finds below /lab
    writes        how many `LAB: wrote` lines each kernel must give; each is
                  checked against the disk's image
    packed        true: L1 also has each x86-64 kernel as a bzImage, beside Image
    tools         Debian's programs that L1 has (tests/lab/tools.py)
    guest-tools   the same for L2's initramfs
    inside        programs of L1 that L2 has too: aerie, those of tests/host
    selftests     true: L2 has the kernel's tests of iommufd and VFIO (tests/lab/selftests.py),
                  and expected-failures of the folder as /lab/expected-failures
    own-modules   modules of tests/lab/modules that L2 has in /lab/modules (kernel "lab")
    modules       what guests with stock kernels load, with what that needs; default
                  nvme, e1000e, igb, pci_stub
    [[disk]]      name, size (MiB), content: "pattern" (default), "root" (a guest's root
                  file system, then the pattern), "store" (a file system for L1 with
                  root.img and data.img, a pattern), or "esp" (a FAT file system from
                  which UEFI firmware starts the guest kernel named by `kernel`)
    [[device]]    model: QEMU's -device value; disk: name of a disk;
                  network: true for a NIC; port: shared with an earlier device;
                  responder: arguments of `aerie spdm-responder`, which is then behind
                  the mailbox of an NVMe drive (tests/lab/responders.py)
    [stats]       counters of aerie's statistics: {min = N, max = N}
    [expect]      host, guest, aerie: regular expressions that must match a line
    [reject]      the same, that must not; what every guest must not say is
                  built in
    [arm64], [x86-64]   any of these keys, but arch, as that architecture has it

In the yaml files of a scenario ${CONSOLE} is the guest's name of its first serial port.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import paths
from lab.arch import ARCHES, ARM64, Arch
from lab.errors import LabError
from lab.guests import MODULES

ALL_KERNELS = ("lab", "6.1", "6.12", "7.2")
NO_KERNEL = "none"
LOGS = ("host", "guest", "aerie")
KEYS = {"description", "kernels", "default-kernel", "every-arch", "set", "packed", "time-limit",
        "iort", "memory", "firmware", "cmdline", "files", "writes", "tools", "guest-tools",
        "inside", "own-modules", "selftests", "modules", "disk", "device", "stats", "expect", "reject"}
CONTENTS = ("pattern", "root", "store", "esp")

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
    kernel: str = ""

    def __post_init__(self) -> None:
        if self.content not in CONTENTS:
            raise LabError(f"disk {self.name}: no content is called {self.content}")
        if (self.content == "esp") != (self.kernel in ALL_KERNELS):
            raise LabError(f"disk {self.name}: an esp has a kernel, other disks have none")


@dataclass(frozen=True)
class Device:
    """A device of L0 behind a root port."""

    model: str
    disk: str = ""
    network: bool = False
    port: int = 0     # 0: the next free one
    responder: tuple[str, ...] | None = None     # None: it cannot prove anything


@dataclass(frozen=True)
class Bounds:
    """Between what a counter must be, both included."""

    min: float = 0
    max: float = math.inf


@dataclass(frozen=True)
class Scenario:
    """One scenario on one architecture, as its folder tells."""

    name: str
    arch: Arch
    folder: Path
    description: str
    kernels: tuple[str, ...]
    default_kernel: str     # of a default run; empty: in turn
    every_arch: bool        # a default run has it on each architecture, not on one in turn
    time_limit: float
    patched_iort: bool
    memory: str
    firmware: bool
    cmdline: str
    settings: Mapping[str, str]
    packed: bool
    files: tuple[str, ...]
    writes: int
    tools: tuple[str, ...]
    guest_tools: tuple[str, ...]
    inside: tuple[str, ...]
    own_modules: tuple[str, ...]
    selftests: bool
    modules: tuple[str, ...]
    disks: tuple[Disk, ...]
    devices: tuple[Device, ...]
    stats: Mapping[str, Bounds]
    expect: Mapping[str, tuple[str, ...]]
    reject: Mapping[str, tuple[str, ...]]

    @property
    def title(self) -> str:
        """What results call it."""
        return f"{self.name}/{self.arch.title}"

    @property
    def workspace(self) -> Path:
        """Where its runs leave everything."""
        return paths.RUNS / self.arch.title / self.name

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


def load(folder: Path) -> list[Scenario]:
    """Read a scenario, once for each architecture; anything unknown in it is an error."""
    table = tomllib.loads((folder / "scenario.toml").read_text())
    titles = table.pop("arch", [ARM64.title])
    overrides = {arch.title: table.pop(arch.title, {}) for arch in ARCHES}
    unknown = set(titles) - set(overrides)
    for part in (table, *overrides.values()):
        unknown |= set(part) - KEYS
    if unknown:
        raise LabError(f"scenario {folder.name}: unknown: {', '.join(sorted(unknown))}")
    return [_scenario(folder, arch, table | overrides[arch.title])
            for arch in ARCHES if arch.title in titles]


def load_for(folder: Path, arch: Arch) -> Scenario:
    """Read a scenario that there must be for an architecture."""
    return next(item for item in load(folder) if item.arch == arch)


def _scenario(folder: Path, arch: Arch, table: Mapping[str, Any]) -> Scenario:
    return Scenario(
        name=folder.name,
        arch=arch,
        folder=folder,
        description=table["description"],
        kernels=tuple(table.get("kernels", ALL_KERNELS)) or (NO_KERNEL,),
        default_kernel=_default_kernel(folder.name, table),
        every_arch=table.get("every-arch", False),
        time_limit=float(table.get("time-limit", 60)),
        patched_iort=table.get("iort", "patched") == "patched",
        memory=table.get("memory", "2G"),
        firmware=table.get("firmware", False),
        cmdline=table.get("cmdline", ""),
        settings=dict(table.get("set", {})),
        packed=table.get("packed", False),
        files=tuple(table.get("files", ())),
        writes=table.get("writes", 0),
        tools=tuple(table.get("tools", ())),
        guest_tools=tuple(table.get("guest-tools", ())),
        inside=tuple(table.get("inside", ())),
        own_modules=tuple(table.get("own-modules", ())),
        selftests=table.get("selftests", False),
        modules=tuple(table.get("modules", MODULES)),
        disks=tuple(Disk(**disk) for disk in table.get("disk", ())),
        devices=tuple(_device(device) for device in table.get("device", ())),
        stats={name: Bounds(**bounds) for name, bounds in table.get("stats", {}).items()},
        expect=_patterns(folder.name, table.get("expect", {})),
        reject=_patterns(folder.name, table.get("reject", {})),
    )


def _default_kernel(name: str, table: Mapping[str, Any]) -> str:
    kernel: str = table.get("default-kernel", "")
    if kernel and kernel not in table.get("kernels", ALL_KERNELS):
        raise LabError(f"scenario {name}: the default kernel {kernel} is none of its kernels")
    return kernel


def _device(table: Mapping[str, Any]) -> Device:
    arguments = table.get("responder")
    return Device(**{**table, "responder": None if arguments is None else tuple(arguments)})


def load_all() -> list[Scenario]:
    """All scenarios, by name and architecture."""
    return [item for path in sorted(paths.SCENARIOS.glob("*/scenario.toml"))
            for item in load(path.parent)]
