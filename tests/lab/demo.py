# SPDX-License-Identifier: Apache-2.0
"""`lab demo`: from nothing to a guest with the host's drive, with proof."""

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lab import build, l1, paths, scenario, scenariorun, setup, ui
from lab.arch import Arch
from lab.errors import LabError
from lab.result import PASSED
from lab.scenariorun import Run

Made = TypeVar("Made")
Stats = dict[str, dict[str, int]]
KERNEL = "lab"


@dataclass(frozen=True)
class Row:
    """A line of the table: what, and how long it took or what came out."""

    what: str
    value: str


def run(arch: Arch, scale: float) -> int:
    """Set up, build, fly, prove; return the exit status."""
    kit, setup_time = _timed(lambda: setup.prepare([arch])[arch.name])
    aerie, build_time = _timed(lambda: _build(kit))
    host = l1.Host(kit, {"bin/aerie": aerie}, build.guest_programs(arch))
    flight = scenario.load_for(paths.LAB / "demo", arch)
    with scenariorun.locked(flight):
        with ui.Phase("L1 boots and runs `aerie run configs/vms/first-flight.yaml`"):
            this = scenariorun.fly(flight, [KERNEL], host, scale)
        result = scenariorun.judge(this, KERNEL)
        if result.status != PASSED:
            raise LabError(f"the first flight failed\n{result.detail}")
        ui.say("")
        _print("What happened", _events(this))
        _print("How long it took", [Row("set-up", _seconds(setup_time)),
                                    Row("build", _seconds(build_time)), *_times(this)])
    return 0


def _timed(work: Callable[[], Made]) -> tuple[Made, float]:
    start = time.monotonic()
    made = work()
    return made, time.monotonic() - start


def _build(kit: setup.Kit) -> Path:
    aerie = build.aerie(kit)
    build.build(build.native(kit.uapi))
    return aerie


def _events(this: Run) -> list[Row]:
    """What the guest, aerie's counters and the image outside tell."""
    guest = this.log(KERNEL, "guest")
    counters = _stats(this)["counters"]
    disk, offset, length, digest = scenariorun.WROTE.findall(guest)[0]
    release = _found(r"guest is up, Linux (\S+),", guest)
    domain = _found(r"in a domain of type (\S+)", guest)
    read = _found(r"LAB: read data (\d+) bytes", guest)
    interrupts = _found(r"LAB: interrupts (\d+)", guest)
    return [
        Row("guest", f"Linux {release} on two vCPUs, the drive in a {domain} domain of its SMMUv3"),
        Row("outside to guest", f"{read} bytes, written outside, were read in the guest"),
        Row("guest to outside", f"{length} bytes at {offset} of the image outside are the guest's"),
        Row("", f"(SHA-256 {digest[:16]}... on both sides)"),
        Row("interrupts", f"{interrupts} from the drive through the ITS, "
                          f"{counters['msi_routes_peak']} MSI routes"),
        Row("guest's SMMU", f"{counters['smmu_commands']} commands, "
                            f"{counters['smmu_commands_forwarded']} forwarded to the host in "
                            f"{counters['iommufd_invalidate']} calls"),
        Row("nested", f"{counters['iommufd_ioas_map_running']} IOAS maps after the guest's start"),
    ]


def _times(this: Run) -> list[Row]:
    """The phases from L1's boot to power-off."""
    guest = this.log(KERNEL, "guest")
    phases = {name: value / 1e6 for name, value in _stats(this)["phases_us"].items()}
    start = phases["first_instruction"]
    up = start + float(_found(r"guest is up, .* after (\S+) s", guest))
    done = start + float(_found(r"i/o is done after (\S+) s", guest))
    host = this.outcome.seconds - sum(end - begin for _, begin, end in this.verdicts.values())
    return [
        Row("L1: boot and power-off", _seconds(host)),
        Row("aerie: start to first guest instruction", _seconds(start)),
        Row("  to the first byte on the console", _seconds(phases["first_console_output"])),
        Row("  to the guest's init", _seconds(up)),
        Row("  to all I/O done", _seconds(done)),
        Row("  to the guest's power-off", _seconds(phases["guest_stopped"])),
    ]


def _stats(this: Run) -> Stats:
    stats: Stats = json.loads((this.out / f"{KERNEL}.stats.json").read_text())
    return stats


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match.group(1) if match else "?"


def _seconds(value: float) -> str:
    return f"{value:8.3f} s"


def _print(title: str, rows: Iterable[Row]) -> None:
    ui.say(title)
    for row in rows:
        ui.say(f"  {row.what:42} {row.value}")
    ui.say("")
