# SPDX-License-Identifier: Apache-2.0
"""`lab test`: unit tests, native payloads, fuzz targets and scenarios, alone or all."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from lab import (build, matrix, native, paths, payloads, proc, result, scenario, scenariorun,
                 selection, setup, ui)
from lab.arch import ARCHES, Arch
from lab.errors import LabError
from lab.l1 import Host
from lab.result import FAILED, PASSED, Result
from lab.scenario import NO_KERNEL
from lab.selection import Selected
from lab.setup import Kit, Uapi

GROUPS = ("unit", "native", "fuzz", "matrix", "scenarios")
FUZZ_SECONDS = 3
FUZZ_ARGUMENTS = ("-rss_limit_mb=1024", "-timeout=10", "-print_final_stats=0")
MESON_STATUS = {"OK": PASSED}     # all else is a failure, a skipped test too


def scale() -> float:
    """The factor for all time limits; more than 1 on a slow machine."""
    return float(os.environ.get("LAB_TIMEOUT_SCALE", "1"))


def listing() -> str:
    """What can be run, for `lab test --list`."""
    lines = ["unit        the unit tests, with the address and undefined-behaviour sanitizers",
             "native      bare-metal payloads as x86-64 guests on this machine's /dev/kvm",
             "fuzz        each fuzz target for some seconds",
             "matrix      a guest boots with each kernel, four cells of the boot matrix for each "
             "host; --full: all",
             "scenarios   all of these, by default with the kernel in [], in () what --full adds:"]
    for item in selection.rotation(scenario.load_all()):
        chosen = "" if item.kernels in ((), (NO_KERNEL,)) else f"[{' '.join(item.kernels)}]"
        others = f" ({' '.join(item.left)})" if item.left else ""
        lines.append(f"  {item.scenario.title:32} {chosen + others:24} "
                     f"{item.scenario.description}")
    return "\n".join(lines)


@dataclass(frozen=True)
class Choice:
    """What to run, and how."""

    names: Sequence[str]       # tests and groups; none: everything
    arches: Sequence[Arch]     # only scenarios with such a host
    kernels: Sequence[str]     # only these guest kernels; none: all
    jobs: int                  # scenarios or fuzz targets that run at the same time
    full: bool                 # all kernels and hosts of each scenario, all its rounds
    aerie: Path | None         # a static binary for L1; None: build it

    @property
    def thorough(self) -> bool:
        """Whether scenarios run all their rounds: with --full, and those that are named."""
        return self.full or not (set(self.names) <= set(GROUPS))


def run(choice: Choice) -> int:
    """Run what is chosen; return the exit status."""
    selected = _chosen(choice)
    wanted = [item for item in selected if item.kernels]
    groups = [group for group in GROUPS if not choice.names or group in choice.names]
    results: list[Result] = []
    for produce in _producers(groups, wanted, choice):
        for item in produce:
            result.show(item)
            results.append(item)
    result.keep(results, paths.BUILD / "test.json")
    _tell_rest(results, selected, "matrix" in groups and not choice.full)
    ui.say(result.summary(results))
    return 1 if any(item.status == FAILED for item in results) else 0


def _tell_rest(results: Sequence[Result], selected: Sequence[Selected], small: bool) -> None:
    """What the scenarios cost, and what did not run."""
    if selected:
        ui.say(f"scenarios: {sum(item.cpu for item in results):.0f} s of CPU time; "
               "all results: build/test.json")
    rest = []
    if left := selection.left(selected):
        rest.append(f"{left} runs of scenarios with other kernels or hosts (--list names them)")
    if small:
        cells = sum(len(matrix.cells(arch)) - len(matrix.small(arch)) for arch in ARCHES)
        rest.append(f"{cells} cells of the boot matrix (./lab matrix)")
    if rest:
        ui.say("left to `./lab test --full`: " + ", ".join(rest))


def _chosen(choice: Choice) -> list[Selected]:
    """The scenarios, each with the kernels to run (none: left out), the longest first."""
    known = scenario.load_all()
    names = {item.name for item in known}
    for name in choice.names:
        if name not in names and name not in GROUPS:
            raise LabError(f"there is no test called {name}; see `./lab test --list`")
    here = [item for item in known if item.arch in choice.arches]
    if choice.names and "scenarios" not in choice.names:
        here = [item for item in here if item.name in choice.names]
        chosen = selection.named(here, choice.kernels)
    elif choice.full or choice.kernels:
        chosen = selection.named(here, choice.kernels)
    else:
        chosen = selection.rotation(here)
    return sorted(chosen, key=lambda item: -item.scenario.time_limit * len(item.kernels))


def _producers(groups: Sequence[str], wanted: Sequence[Selected],
               choice: Choice) -> Iterator[Iterator[Result]]:
    """The sources of results, started one after the other."""
    start = time.monotonic()
    arches = [arch for arch in choice.arches if "matrix" in groups or
              any(item.scenario.arch == arch for item in wanted)]
    try:
        uapi = setup.toolchain()
        kits = setup.prepare(arches) if arches else {}
    except LabError as error:
        yield iter([Result("setup", FAILED, time.monotonic() - start, str(error))])
        return
    if "unit" in groups:
        yield _guarded("unit", _unit(uapi, choice.full))
    if "native" in groups:
        yield _guarded("native", _native(uapi))
    if "fuzz" in groups:
        yield _guarded("fuzz", _fuzz(uapi, choice.jobs))
    if "matrix" in groups:
        yield _guarded("matrix", _matrix(kits, choice))
    if wanted:
        yield _guarded("scenarios", _scenarios(kits, wanted, choice))


def _guarded(name: str, results: Iterator[Result]) -> Iterator[Result]:
    """Turn a group that cannot run (it does not compile) into a failed test."""
    start = time.monotonic()
    try:
        yield from results
    except LabError as error:
        yield Result(name, FAILED, time.monotonic() - start, str(error))


def _unit(uapi: Uapi, full: bool) -> Iterator[Result]:
    """The unit tests, one result for each that Meson knows; `full`: with all their rounds."""
    folder = build.build(build.sanitized(uapi))
    log = folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    with ui.Phase("unit tests"):
        proc.output(["meson", "test", "-C", folder, "--suite", "unit", "--no-rebuild",
                     "--timeout-multiplier", str(scale())], check=False,
                    env={"AERIE_FULL": "1"} if full else {})
    if not log.exists():
        raise LabError("meson ran no unit tests")
    for line in log.read_text().splitlines():
        test = json.loads(line)
        name = test["name"].split(" / ")[-1]
        output = test.get("stdout", "") + test.get("stderr", "")
        yield Result(f"unit/{name}", MESON_STATUS.get(test["result"], FAILED), test["duration"],
                     "\n".join(output.splitlines()[-40:]))


def _native(uapi: Uapi) -> Iterator[Result]:
    """The payloads that this machine runs itself, with the sanitizers' aerie."""
    yield from native.run(build.build(build.sanitized(uapi)) / "aerie", scale())


def _fuzz(uapi: Uapi, jobs: int) -> Iterator[Result]:
    """Each fuzz target for a few seconds, from its corpus if it has one."""
    folder = build.build(build.fuzz(uapi))
    targets = sorted(path for path in (folder / "tests" / "fuzz").glob("fuzz-*")
                     if path.is_file() and os.access(path, os.X_OK))
    if not targets:
        raise LabError("there are no fuzz targets")
    with ThreadPoolExecutor(max_workers=jobs) as pool, ui.Phase("fuzzing"):
        yield from pool.map(_fuzz_one, targets)


def _fuzz_one(target: Path) -> Result:
    seconds = int(os.environ.get("LAB_FUZZ_SECONDS", str(FUZZ_SECONDS)))
    work = paths.RUNS / "fuzz" / target.name
    (work / "corpus").mkdir(parents=True, exist_ok=True)
    corpus = paths.REPO / "tests" / "fuzz" / "corpus" / target.name.removeprefix("fuzz-")
    command = [str(target), f"-max_total_time={seconds}", *FUZZ_ARGUMENTS,
               f"-artifact_prefix={work}/", str(work / "corpus")]
    command += [str(corpus)] if corpus.is_dir() else []
    start = time.monotonic()
    with (work / "log").open("w") as log:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                check=False).returncode
    return Result(f"fuzz/{target.name.removeprefix('fuzz-')}", FAILED if status else PASSED,
                  time.monotonic() - start, proc.tail(work / "log", 40))


def _hosts(kits: Mapping[str, Kit], names: Sequence[str], aerie: Path | None) -> dict[str, Host]:
    """What L1 of each architecture has, for the scenarios with these names."""
    return {name: Host(kit, {"bin/aerie": aerie or build.aerie(kit),
                             **build.host_programs(kit.arch), **build.host_tests(kit),
                             **payloads.build(kit.arch, names)},
                       build.guest_programs(kit.arch))
            for name, kit in kits.items()}


def _matrix(kits: Mapping[str, Kit], choice: Choice) -> Iterator[Result]:
    """The boot matrix: all of it, or a small one."""
    yield from matrix.run(_hosts(kits, [], choice.aerie).values(), choice.full, scale())


def _scenarios(kits: Mapping[str, Kit], wanted: Sequence[Selected],
               choice: Choice) -> Iterator[Result]:
    """The chosen scenarios, some at a time."""
    hosts = _hosts(kits, [item.scenario.name for item in wanted], choice.aerie)
    facts = {"FULL": "yes" if choice.thorough else ""}
    if any(device.responder is not None for item in wanted for device in item.scenario.devices):
        build.build(build.sanitized(next(iter(kits.values())).uapi))
    with ThreadPoolExecutor(max_workers=choice.jobs) as pool, ui.Phase("scenarios") as phase:
        runs = [pool.submit(scenariorun.run, item.scenario, item.kernels,
                            hosts[item.scenario.arch.name], scale() * choice.jobs, facts)
                for item in wanted]
        for number, done in enumerate(as_completed(runs), start=1):
            phase.note = f"{number} of {len(runs)}"
            yield from done.result()
