# SPDX-License-Identifier: Apache-2.0
"""`lab bench software`: virtio-blk and virtio-iommu of aerie beside QEMU's, in L1.

The image lies on tmpfs, so that what is compared is the way of a request through
the process; mapping and unmapping is done by the guest kernel's own benchmark of
the DMA API, with strict invalidation.
"""

import json
import re
import statistics
from dataclasses import dataclass

from lab import build, l1, paths, peers, scenario, scenariorun, setup, ui
from lab.arch import Arch
from lab.errors import LabError
from lab.result import PASSED
from lab.scenariorun import Run

KERNEL = "lab"
CONTENDERS = ("aerie", "qemu")
VALUE = re.compile(r"LAB: bench (\S+) (\d+)")


@dataclass(frozen=True)
class Metric:
    """What is measured: the guests' names for the values that add up to it, and the aim."""

    title: str
    job: str
    names: tuple[str, ...]
    aim: float
    more_is_better: bool


METRICS = (
    Metric("virtio-blk 4K random read, IOPS", "blk", ("randread",), 1.3, True),
    Metric("virtio-blk 1M sequential read, KiB/s", "blk", ("read",), 1.0, True),
    Metric("virtio-iommu map + unmap, emulated, ns", "map", ("emulated-map", "emulated-unmap"),
           0.5, False),
    Metric("virtio-iommu map + unmap, assigned, ns", "map", ("assigned-map", "assigned-unmap"),
           0.5, False),
)


def run(arch: Arch, rounds: int, scale: float) -> int:
    """Run the bench, print the medians, keep everything in build/bench-software.json."""
    kit = setup.prepare([arch])[arch.name]
    qemu = setup.bench_qemu(arch)
    host = l1.Host(kit, {"bin/aerie": build.aerie(kit), **qemu.files()},
                   build.guest_programs(arch))
    facts = {"ROUNDS": str(rounds), "QEMU": peers.IN_L1}
    plan = scenario.load_for(paths.LAB / "bench" / "software", arch)
    with scenariorun.locked(plan):
        with ui.Phase(f"{rounds} rounds in L1, aerie and QEMU {qemu.version} in turn"):
            this = scenariorun.fly(plan, [KERNEL], host, scale, facts)
        result = scenariorun.judge(this, KERNEL)
        if result.status != PASSED:
            raise LabError(f"the bench failed\n{result.detail}")
        _report(this, qemu.version, rounds)
    return 0


def _report(this: Run, qemu: str, rounds: int) -> None:
    """Print the medians, keep all values."""
    rows = []
    ui.say(f"\n{'':42}{'aerie':>12}{'QEMU':>12}{'ratio':>9}{'aim':>10}")
    for metric in METRICS:
        values = {name: _values(this, metric, name) for name in CONTENDERS}
        aerie, other = (statistics.median(values[name]) for name in CONTENDERS)
        aim = f"{'>=' if metric.more_is_better else '<='} {metric.aim}"
        ui.say(f"  {metric.title:40}{aerie:12.0f}{other:12.0f}{aerie / other:9.3f}{aim:>10}")
        rows.append({"metric": metric.title, "values": values, "median": [aerie, other],
                     "ratio": aerie / other, "aim": aim})
    (paths.BUILD / "bench-software.json").write_text(json.dumps(
        {"qemu": qemu, "rounds": rounds, "metrics": rows}, indent=1) + "\n")
    ui.say("\nall values: build/bench-software.json")


def _values(this: Run, metric: Metric, contender: str) -> list[float]:
    """A value for each round."""
    text = (this.out / f"{metric.job}.{contender}.all.log").read_text(errors="replace")
    found: dict[str, list[float]] = {}
    for name, value in VALUE.findall(text):
        found.setdefault(name, []).append(float(value))
    return [sum(parts) for parts in zip(*(found[name] for name in metric.names), strict=True)]
