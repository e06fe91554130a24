# SPDX-License-Identifier: Apache-2.0
"""`lab bench`: aerie beside QEMU in L1, the same guests doing the same jobs.

Jobs: `boot` (no device: to init and power-off) and `nvme` (an NVMe drive behind
a nested SMMUv3: read, write, power-off), both as whole processes, and the
drive's throughput in a guest and with the host's own driver. kvmtool would be
the other peer without devices, but Debian has no package of it.
"""

import json
import re
import statistics
from collections.abc import Mapping
from pathlib import Path

from lab import build, l1, paths, peers, scenario, scenariorun, setup, ui
from lab.arch import Arch
from lab.errors import LabError
from lab.result import PASSED
from lab.scenariorun import Run

KERNEL = "lab"
SAMPLE = 100      # as host.sh says
PAIRS = ("aerie", "qemu")
JOBS = {"boot": "no device", "nvme": "NVMe behind a nested SMMUv3"}
# What the project aims at: aerie's part of QEMU's value, KiB of memory, and the part of
# the host's own throughput that a guest gets
AIMS = {("boot", "wall"): 0.5, ("nvme", "wall"): 0.25}
RSS_AIM = 8192
THROUGHPUT_AIM = 0.95
# By the guest's own setting: it invalidates at once (the default), late, or maps nothing
THROUGHPUT_OF = ("host", "aerie", "aerie-lazy", "aerie-passthrough", "qemu")
METRICS = (("wall", "wall time, s"), ("cpu", "CPU time, s"),
           ("rss_beyond", "peak RSS beyond guest RAM, KiB"), ("exits", "exits to the host"),
           ("mmio_exits", "exits to the process for MMIO"))
THROUGHPUT = re.compile(r"LAB: throughput (\d+) bytes, uptime (\S+) to (\S+)")

Series = dict[str, list[float]]


def run(arch: Arch, rounds: int, scale: float) -> int:
    """Run the bench, print the medians, keep everything in build/bench.json."""
    kit = setup.prepare([arch])[arch.name]
    qemu = setup.bench_qemu(arch)
    host = l1.Host(kit, {"bin/aerie": build.aerie(kit), **qemu.files(),
                         **build.host_programs(arch)}, build.guest_programs(arch))
    facts = {"ROUNDS": str(rounds), "QEMU": peers.IN_L1}
    plan = scenario.load_for(paths.LAB / "bench", arch)
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
    jobs = {job: {name: _series(this, job, name) for name in PAIRS} for job in JOBS}
    speeds = {name: _throughput(this.out / f"throughput.{name}.txt")
              for name in THROUGHPUT_OF}
    medians = {job: {metric: _compare(job, metric, contenders) for metric, _ in METRICS}
               for job, contenders in jobs.items()}
    parts = {name: {"median": statistics.median(values),
                    "of_host": statistics.median(values) / statistics.median(speeds["host"])}
             for name, values in speeds.items()}
    (paths.BUILD / "bench.json").write_text(json.dumps(
        {"qemu": qemu, "rounds": rounds, "medians": medians, "throughput": parts,
         "throughput_aim": THROUGHPUT_AIM, "values": jobs, "throughput_mib_s": speeds},
        indent=1) + "\n")
    _print_jobs(medians)
    _print_throughput(parts)
    ui.say("all values: build/bench.json")


def _series(this: Run, job: str, name: str) -> Series:
    """All values of a contender doing a job: timed runs, then the sampled one."""
    timed = _lines(this.out / f"{job}.{name}.0.json")
    sampled = _lines(this.out / f"{job}.{name}.{SAMPLE}.json")
    series: Series = {"wall": [line["wall"] for line in timed],
                      "cpu": [line["user"] + line["system"] for line in timed]}
    for metric in ("rss_beyond", "exits", "mmio_exits"):
        series[metric] = [line[metric] for line in sampled]
    return series


def _lines(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _throughput(path: Path) -> list[float]:
    """MiB/s of each round."""
    return [int(size) / (1 << 20) / (float(end) - float(begin))
            for size, begin, end in THROUGHPUT.findall(path.read_text())]


def _compare(job: str, metric: str, contenders: Mapping[str, Series]) -> dict[str, float | None]:
    """The medians of a metric, their ratio, and what is aimed at."""
    aerie, qemu = (statistics.median(contenders[name][metric]) for name in PAIRS)
    return {"aerie": aerie, "qemu": qemu, "ratio": aerie / qemu if qemu else None,
            "aim": RSS_AIM if metric == "rss_beyond" else AIMS.get((job, metric))}


def _print_jobs(medians: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> None:
    for job, metrics in medians.items():
        ui.say(f"\n{job}: {JOBS[job]}\n{'':34}{'aerie':>12}{'QEMU':>12}{'ratio':>9}{'aim':>12}")
        for metric, title in METRICS:
            row = metrics[metric]
            ratio = "-" if row["ratio"] is None else f"{row['ratio']:.3f}"
            aim = "" if row["aim"] is None else f"<= {row['aim']}"
            ui.say(f"  {title:32}{row['aerie']:12.2f}{row['qemu']:12.2f}{ratio:>9}{aim:>12}")


def _print_throughput(parts: Mapping[str, Mapping[str, float]]) -> None:
    ui.say("\nNVMe throughput, MiB/s, and its part of the host's own "
           f"(aim for aerie: >= {THROUGHPUT_AIM})")
    for name, part in parts.items():
        ui.say(f"  {name:20}{part['median']:10.1f}{part['of_host']:9.3f}")
    ui.say("")
