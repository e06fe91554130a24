# SPDX-License-Identifier: Apache-2.0
"""`lab bench native`: what a VM and an exit cost on this machine's own /dev/kvm.

A bare-metal payload reads a configuration register many times, and aerie's own statistics
say how long the parts of its start took. No stock kernel is needed, so that a /dev/kvm that
is too weak for one will do.
"""

import json
import re
import statistics
import subprocess

from lab import build, native, paths, payloads, setup, ui
from lab.arch import X86_64
from lab.errors import LabError

RUNS_EACH = 5        # for each round that is asked for
LIMIT = 60.0         # seconds
EXITS = re.compile(r"^exits: (\d+) in (\d+) us", re.M)
PARTS = (("process start to configuration read", "process_start", "config_read"),
         ("VM set up: KVM, memory, vCPU, devices", "config_read", "vm_built"),
         ("to the first guest instruction", "vm_built", "first_instruction"))


def run(rounds: int) -> int:
    """Run the bench, print medians, keep all values in build/bench-native.json."""
    if missing := native.unusable():
        raise LabError(f"no native bench: {missing}")
    aerie = build.build(build.static(X86_64, setup.toolchain())) / "aerie"
    image = payloads.compiled(X86_64, "exits")
    stats = paths.RUNS / "bench-native.json"
    stats.parent.mkdir(parents=True, exist_ok=True)
    values: dict[str, list[float]] = {title: [] for title, _, _ in PARTS}
    rates = []
    with ui.Phase("native payloads"):
        for _ in range(rounds * RUNS_EACH):
            done = subprocess.run(
                [aerie, "run", "--stats", stats, "--set", f"boot.kernel={image}",
                 paths.LAB / "bench" / "native" / "vm.yaml"], stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=LIMIT, check=False)
            found = EXITS.search(done.stdout)
            if done.returncode or not found:
                raise LabError(f"the payload did not run:\n{done.stdout}{done.stderr}")
            rates.append(int(found.group(1)) / int(found.group(2)) * 1e6)
            phases = json.loads(stats.read_text())["phases_us"]
            for title, begin, end in PARTS:
                values[title].append(phases[end] - phases[begin])
    for title, found_values in values.items():
        ui.say(f"  {title:42}{statistics.median(found_values):12.0f} us")
    ui.say(f"  {'exits to the process (MMIO reads), a second':42}{statistics.median(rates):12.0f}")
    (paths.BUILD / "bench-native.json").write_text(
        json.dumps({"phases_us": values, "exits_per_second": rates}, indent=1) + "\n")
    return 0
