# SPDX-License-Identifier: Apache-2.0
"""What guests' kernels warn of: nothing that they do not say on QEMU's machine too.

Every guest tells the lines of its kernel's log with a level of warning or worse. Those of
the same kernel on QEMU's machine, which runs in the same L1, are recorded by `lab dmesg` in
tests/lab/dmesg/ARCH.json; what may differ stands in allowed.toml, with the reason.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Sequence

from lab import build, l1, paths, peers, scenario, scenariorun, setup, ui
from lab.arch import Arch
from lab.errors import LabError
from lab.result import PASSED
from lab.scenario import ALL_KERNELS
from lab.scenariorun import Run

FOLDER = paths.LAB / "dmesg"
LINE = re.compile(r"^LAB: dmesg [0-4] (.*?)\s*$", re.M)
NUMBER = re.compile(r"\b0x[0-9a-f]+|\b[0-9a-f]*[0-9][0-9a-f]*\b|[0-9]+")


def lines(log: str) -> list[str]:
    """The warnings and errors that a guest told."""
    return LINE.findall(log)


def problems(arch: Arch, kernel: str, firmware: bool, log: str) -> list[str]:
    """Those that the kernel does not have on QEMU's machine, and that are not allowed."""
    known = {_normal(line) for line in _recorded(arch).get(_key(kernel, firmware), [])}
    return [f"the guest's kernel says '{line}'" for line in _unexcused(arch, lines(log))
            if _normal(line) not in known]


def record(arches: Sequence[Arch], scale: float) -> int:
    """Boot all kernels on QEMU's machine in L1 and write what they say."""
    kits = setup.prepare(arches)
    for arch in arches:
        qemu = setup.bench_qemu(arch)
        ways = ("direct", "firmware") if arch.firmware else ("direct",)
        host = l1.Host(kits[arch.name], {**qemu.files(), **build.host_programs(arch)},
                       build.guest_programs(arch))
        facts = {"WAYS": " ".join(ways), "QEMU": peers.IN_L1, "PROGRAM": arch.qemu,
                 "LOADER": qemu.loader}
        plan = scenario.load_for(FOLDER, arch)
        with scenariorun.locked(plan):
            with ui.Phase(f"{arch.title}: all kernels on the machine of QEMU {qemu.version}"):
                this = scenariorun.fly(plan, ALL_KERNELS, host, scale, facts)
            found = {_key(kernel, way == "firmware"): _said(this, kernel, way)
                     for kernel in ALL_KERNELS for way in ways}
        path = FOLDER / f"{arch.title}.json"
        path.write_text(json.dumps(found, indent=1) + "\n")
        ui.say(f"{path.relative_to(paths.REPO)}: "
               + ", ".join(f"{name} {len(said)}" for name, said in found.items()))
    return 0


def _said(this: Run, kernel: str, way: str) -> list[str]:
    """The lines of a kernel, each once whatever its numbers."""
    result = scenariorun.judge(this, kernel)
    if result.status != PASSED:
        raise LabError(f"{kernel} did not boot on QEMU's machine\n{result.detail}")
    said = _unexcused(this.scenario.arch, lines(this.log(f"{kernel}.{way}", "guest")))
    return [*{_normal(line): line for line in said}.values()]


def _unexcused(arch: Arch, said: Iterable[str]) -> list[str]:
    """The lines that are not allowed on any machine."""
    allowed = [re.compile(entry["pattern"]) for entry in _allowed()
               if entry.get("arch", arch.title) == arch.title]
    return [line for line in said if not any(entry.search(line) for entry in allowed)]


def _key(kernel: str, firmware: bool) -> str:
    return f"{kernel} by firmware" if firmware else kernel


def _normal(line: str) -> str:
    """A line without its numbers."""
    return NUMBER.sub("N", line)


def _recorded(arch: Arch) -> dict[str, list[str]]:
    recorded: dict[str, list[str]] = json.loads((FOLDER / f"{arch.title}.json").read_text())
    return recorded


def _allowed() -> list[dict[str, str]]:
    entries: list[dict[str, str]] = tomllib.loads((FOLDER / "allowed.toml").read_text())["line"]
    return entries
