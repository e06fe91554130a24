# SPDX-License-Identifier: Apache-2.0
"""`lab matrix`: every guest kernel with every IOMMU, way to boot and number of vCPUs.

One boot of L1 for each architecture runs all its cells. The table is printed and kept as
JSON and as a picture in the build folder.
"""

import json
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path

from lab import dmesg, matrixsvg, paths, proc, scenario, scenariorun, ui
from lab.arch import ARCHES, Arch
from lab.l1 import Host
from lab.result import FAILED, PASSED, Result
from lab.scenario import ALWAYS_REJECTED, Scenario
from lab.scenariorun import Run

GROUP = "matrix"
FOLDER = paths.LAB / "matrix"
KERNELS = ("6.1", "6.12", "7.2", "lab")
CPUS = (1, 4)
CELL_LIMIT = 60     # seconds
# A line that L1 leaves for each cell: its path, ok or failed, milliseconds
ENDED = re.compile(r"^(\S+) (\w+) (\d+)$", re.M)
# SMMUv3: Linux has a driver for it on arm64 only, so that an x86-64 guest could not use it.
IOMMUS = {"arm64": ("none", "virtio-iommu", "smmuv3"), "x86-64": ("none", "virtio-iommu")}
# With firmware: EDK2, which starts the kernel through its EFI stub and gives it ACPI. An x86-64
# kernel boots as the ELF file (through PVH) or as the bzImage that unpacks itself.
BOOTS = {"arm64": ("direct", "firmware"), "x86-64": ("direct", "bzImage")}
# One cell for each kernel, every value of the other axes among them; what takes long under
# emulation with a small kernel: firmware, unpacking, many vCPUs
SMALL = {"arm64": (("6.1", "direct", "none", 4), ("6.12", "direct", "virtio-iommu", 1),
                   ("7.2", "direct", "smmuv3", 1), ("lab", "firmware", "virtio-iommu", 4)),
         "x86-64": (("6.1", "direct", "none", 4), ("6.12", "direct", "virtio-iommu", 1),
                    ("7.2", "direct", "none", 1), ("lab", "bzImage", "virtio-iommu", 4))}
JSON = paths.BUILD / "matrix.json"
SVG = paths.BUILD / "matrix.svg"


@dataclass(frozen=True)
class Cell:
    """A machine that is booted."""

    arch: str
    kernel: str
    boot: str
    iommu: str
    cpus: int

    @property
    def path(self) -> str:
        """Its name in L1."""
        return f"{self.kernel}/{self.boot}/{self.iommu}/{self.cpus}"

    @property
    def tag(self) -> str:
        """The name of its logs."""
        return self.path.replace("/", ".")


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: seconds from aerie's start to its end, and of the phases between."""

    cell: Cell
    status: str
    seconds: float
    phases: Mapping[str, float]
    detail: str = ""


def cells(arch: Arch) -> list[Cell]:
    """All cells of an architecture."""
    return [Cell(arch.title, kernel, boot, iommu, cpus)
            for kernel in KERNELS for iommu in IOMMUS[arch.title]
            for boot in BOOTS[arch.title] for cpus in CPUS]


def small(arch: Arch) -> list[Cell]:
    """The cells of every test run."""
    return [Cell(arch.title, *cell) for cell in SMALL[arch.title]]


def run(hosts: Collection[Host], full: bool, scale: float) -> Iterator[Result]:
    """Run the matrix, or the small one; one result for each cell."""
    start = time.monotonic()
    outcomes: list[Outcome] = []
    title = "the boot matrix" if full else "the small boot matrix"
    plans = [scenario.load_for(FOLDER, host.kit.arch) for host in hosts]
    wanted = sum(len(_wanted(plan.arch, full)) for plan in plans)
    with ThreadPoolExecutor(max_workers=len(hosts)) as pool, ui.Phase(title) as phase:
        runs = [pool.submit(_fly, host, plan, full, scale * len(hosts))
                for host, plan in zip(hosts, plans, strict=True)]
        while wait(runs, timeout=1).not_done:
            phase.note = _progress(plans, wanted)
        for done in runs:
            outcomes += done.result()
    for item in outcomes:
        yield Result(f"{GROUP}/{item.cell.arch}/{item.cell.path}", item.status, item.seconds,
                     item.detail)
    ui.say(_table(outcomes))
    if full:
        _keep(outcomes, time.monotonic() - start)


def _wanted(arch: Arch, full: bool) -> list[Cell]:
    return cells(arch) if full else small(arch)


def _ended(plan: Scenario) -> list[tuple[str, str, str]]:
    """What L1 has said of cells so far."""
    try:
        return ENDED.findall((plan.workspace / "share" / "out" / "cells").read_text())
    except FileNotFoundError:
        return []


def _progress(plans: Sequence[Scenario], wanted: int) -> str:
    """How many cells L1 says have ended, and the last one of each architecture."""
    count = bad = 0
    last = []
    for plan in plans:
        ended = _ended(plan)
        count += len(ended)
        bad += sum(verdict != "ok" for _, verdict, _ in ended)
        if ended:
            cell, verdict, time_ms = ended[-1]
            last.append(f"{plan.arch.title}/{cell} {verdict} {int(time_ms) / 1000:.1f} s")
    return "; ".join([f"{count} of {wanted}" + (f", {bad} failed" if bad else ""), *last])


def _fly(host: Host, plan: Scenario, full: bool, scale: float) -> list[Outcome]:
    """All cells of an architecture in one L1."""
    wanted = _wanted(plan.arch, full)
    facts = {"CELLS": " ".join(cell.path for cell in wanted),
             "CELL_LIMIT": str(int(CELL_LIMIT * scale))}
    with scenariorun.locked(plan):
        this = scenariorun.fly(plan, KERNELS, host, scale, facts)
        return [_outcome(this, cell) for cell in wanted]


def _outcome(this: Run, cell: Cell) -> Outcome:
    """What L1 says of a cell, and what its logs say."""
    found = next((ended for ended in _ended(this.scenario) if ended[0] == cell.path), None)
    if not found:
        return Outcome(cell, FAILED, 0.0, {}, "it did not run: L1 ended early\n" +
                       proc.tail(this.folder / "console.log"))
    stats = this.out / f"{cell.tag}.stats.json"
    phases = json.loads(stats.read_text())["phases_us"] if stats.exists() else {}
    guest, aerie = this.log(cell.tag, "guest"), this.log(cell.tag, "aerie")
    bad = [pattern for pattern in ALWAYS_REJECTED["guest"] if re.search(pattern, guest)]
    bad += dmesg.problems(this.scenario.arch, cell.kernel, cell.boot == "firmware", guest)
    good = found[1] == "ok" and not bad
    detail = "" if good else "\n".join([*bad, *guest.splitlines()[-15:],
                                        *aerie.splitlines()[-5:]])
    return Outcome(cell, PASSED if good else FAILED, int(found[2]) / 1000,
                   {name: value / 1e6 for name, value in phases.items()}, detail)


def _columns(arch: str) -> list[tuple[str, str, int]]:
    return [(iommu, boot, cpus) for iommu in IOMMUS[arch] for boot in BOOTS[arch]
            for cpus in CPUS]


def _table(outcomes: Sequence[Outcome]) -> str:
    """The tables of all architectures: seconds from the start of aerie to its end."""
    by_cell = {item.cell: item for item in outcomes}
    lines = []
    for arch in dict.fromkeys(item.cell.arch for item in outcomes):
        columns = _columns(arch)
        lines += ["", f"{arch}: seconds from the start of aerie to the guest's power-off",
                  *_heads(columns)]
        for kernel in KERNELS:
            row = [_text(by_cell.get(Cell(arch, kernel, boot, iommu, cpus)))
                   for iommu, boot, cpus in columns]
            lines.append(f"  {kernel:8}" + "".join(f"{text:>9}" for text in row))
        if arch != ARCHES[0].title:
            lines.append("  SMMUv3: Linux has no driver for it on this architecture")
    return "\n".join([*lines, ""])


def _heads(columns: Iterable[tuple[str, str, int]]) -> list[str]:
    """Three lines: IOMMU, boot, vCPUs; a name is not repeated beside itself."""
    lines = []
    for level in range(3):
        names = [str(column[level]) + (" vCPU" if level == 2 else "") for column in columns]
        cells_ = [name if level == 2 or at == 0 or name != names[at - 1] else ""
                  for at, name in enumerate(names)]
        lines.append(" " * 10 + "".join(f"{name[:9] if level else name:>9}" if len(name) < 10
                                        else f"{name:>9}" for name in cells_))
    return lines


def _text(outcome: Outcome | None) -> str:
    if outcome is None:
        return "."
    return f"{outcome.seconds:.1f}" if outcome.status == PASSED else "FAILED"


def _keep(outcomes: Sequence[Outcome], seconds: float) -> None:
    """Write the JSON file and the picture."""
    JSON.parent.mkdir(parents=True, exist_ok=True)
    JSON.write_text(json.dumps({"seconds": seconds,
                                "cells": [asdict(item.cell) | {
                                    "status": item.status, "seconds": item.seconds,
                                    "phases": item.phases} for item in outcomes]},
                               indent=1) + "\n")
    tables = []
    for arch in dict.fromkeys(item.cell.arch for item in outcomes):
        tables.append(matrixsvg.Table(arch, KERNELS, _columns(arch), {
            (item.cell.kernel, item.cell.iommu, item.cell.boot, item.cell.cpus):
            (item.seconds, item.status == PASSED)
            for item in outcomes if item.cell.arch == arch}))
    SVG.write_text(matrixsvg.draw(tables))
    ui.say(f"the matrix: {_relative(JSON)}, {_relative(SVG)}")


def _relative(path: Path) -> Path:
    return path.relative_to(paths.REPO)
