# SPDX-License-Identifier: Apache-2.0
"""`lab bench start`: how fast a guest comes to life in L1, aerie beside QEMU's machines.

The same kernel and initramfs, direct boot, one vCPU; a stopwatch outside looks at all of
them alike. Each start has an L1 of its own: emulated memory in which a guest has run before is
slow to write, because the emulator drops what it has translated there. kvmtool would be another peer, but Debian has no package of it.
"""

import json
import statistics
from collections.abc import Mapping

from lab import build, l1, paths, peers, scenario, scenariorun, setup, ui
from lab.arch import Arch
from lab.errors import LabError
from lab.result import PASSED
from lab.scenariorun import Run

KERNEL = "lab"
PEERS = {"arm64": ("virt",), "x86-64": ("microvm", "q35")}
METRICS = (("instruction", "first guest instruction"), ("byte", "first console byte"),
           ("init", "the guest's init"), ("end", "the end of the process"))
AIM = 0.5      # of each machine of QEMU's

Values = Mapping[str, Mapping[str, list[float]]]     # by contender and metric


def run(arch: Arch, rounds: int, scale: float) -> int:
    """Run the bench, print the medians, keep all values in build/bench-start-ARCH.json."""
    kit = setup.prepare([arch])[arch.name]
    qemu = setup.bench_qemu(arch)
    host = l1.Host(kit, {"bin/aerie": build.aerie(kit), **qemu.files(),
                         **build.host_programs(arch)}, build.guest_programs(arch))
    facts = {"QEMU": peers.IN_L1, "PROGRAM": arch.qemu, "LOADER": qemu.loader}
    plan = scenario.load_for(paths.LAB / "bench" / "start", arch)
    contenders = ("aerie", *PEERS[arch.title])
    values: Values = {name: {metric: [] for metric, _ in METRICS} for name in contenders}
    title = f"{arch.title}: {rounds} rounds, aerie and QEMU {qemu.version} in turn, a fresh L1 each"
    with scenariorun.locked(plan), ui.Phase(title) as phase:
        for turn in range(rounds):
            for name in contenders:
                phase.note = f"round {turn + 1}, {name}"
                this = scenariorun.fly(plan, [KERNEL], host, scale, facts | {"CONTENDER": name})
                result = scenariorun.judge(this, KERNEL)
                if result.status != PASSED:
                    raise LabError(f"the bench failed\n{result.detail}")
                _take(this, name, values[name])
    _report(values, arch, qemu.version, rounds)
    return 0


def _report(values: Values, arch: Arch, qemu: str, rounds: int) -> None:
    """Print the medians and what part of each peer's they are."""
    heads = "".join(f"{name:>12}{'ratio':>9}" for name in PEERS[arch.title])
    ui.say(f"\n{arch.title}: seconds to ..., medians (aim: at most {AIM} of each)\n"
           f"{'':28}{'aerie':>10}{heads}")
    for metric, title in METRICS:
        ours = statistics.median(values["aerie"][metric])
        row = f"  {title:26}{ours:10.3f}"
        for name in PEERS[arch.title]:
            if values[name][metric]:
                theirs = statistics.median(values[name][metric])
                row += f"{theirs:12.3f}{ours / theirs:9.3f}"
            else:
                row += f"{'-':>12}{'-':>9}"
        ui.say(row)
    for name in values:
        if len(values[name]["end"]) < rounds:
            ui.say(f"  {name} came up in {len(values[name]['end'])} of {rounds} rounds")
    path = paths.BUILD / f"bench-start-{arch.title}.json"
    path.write_text(json.dumps({"qemu": qemu, "values": values}, indent=1) + "\n")
    ui.say(f"\nall values: {path.relative_to(paths.REPO)}")


def _take(this: Run, name: str, values: Mapping[str, list[float]]) -> None:
    """Add the times of a contender's start, if it came up."""
    path = this.out / f"start.{name}.json"
    if path.exists():
        times = json.loads(path.read_text())
        for metric, taken in values.items():
            taken.append(times[metric])
