# SPDX-License-Identifier: Apache-2.0
"""`lab test`: unit tests, native payloads, fuzz targets and scenarios, alone or all."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from lab import build, l1, native, paths, payloads, proc, result, scenario, scenariorun, setup, ui
from lab.arch import Arch
from lab.errors import LabError
from lab.result import FAILED, PASSED, Result
from lab.scenario import Scenario
from lab.setup import Kit

GROUPS = ("unit", "native", "fuzz", "scenarios")
FUZZ_SECONDS = 5
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
             "scenarios   all of these:"]
    for item in scenario.load_all():
        lines.append(f"  {item.name:28} {item.description}")
    return "\n".join(lines)


@dataclass(frozen=True)
class Choice:
    """What to run, and how."""

    names: Sequence[str]       # tests and groups; none: everything
    kernels: Sequence[str]     # only these guest kernels; none: all
    jobs: int                  # scenarios or fuzz targets that run at the same time
    aerie: Path | None         # a static binary for L1; None: build it


def run(arch: Arch, choice: Choice) -> int:
    """Run what is chosen; return the exit status."""
    wanted = _chosen(choice.names, choice.kernels)
    groups = [group for group in GROUPS if not choice.names or group in choice.names]
    results: list[Result] = []
    for produce in _producers(arch, groups, wanted, choice):
        for item in produce:
            result.show(item)
            results.append(item)
    ui.say(result.summary(results))
    return 1 if any(item.status == FAILED for item in results) else 0


def _chosen(names: Sequence[str], kernels: Sequence[str]) -> list[tuple[Scenario, list[str]]]:
    """The scenarios that the names select, each with the kernels to run."""
    known = {item.name: item for item in scenario.load_all()}
    for name in names:
        if name not in known and name not in GROUPS:
            raise LabError(f"there is no test called {name}; see `./lab test --list`")
    every = not names or "scenarios" in names
    chosen = []
    for item in known.values():
        if every or item.name in names:
            fitting = [kernel for kernel in item.kernels if not kernels or kernel in kernels]
            if fitting:
                chosen.append((item, fitting))
    return chosen


def _producers(arch: Arch, groups: Sequence[str], wanted: list[tuple[Scenario, list[str]]],
               choice: Choice) -> Iterator[Iterator[Result]]:
    """The sources of results, started one after the other."""
    start = time.monotonic()
    try:
        kit = setup.prepare(arch)
    except LabError as error:
        yield iter([Result("setup", FAILED, time.monotonic() - start, str(error))])
        return
    if "unit" in groups:
        yield _guarded("unit", _unit(kit))
    if "native" in groups:
        yield _guarded("native", _native(kit))
    if "fuzz" in groups:
        yield _guarded("fuzz", _fuzz(kit, choice.jobs))
    if wanted:
        yield _guarded("scenarios", _scenarios(kit, wanted, choice))


def _guarded(name: str, results: Iterator[Result]) -> Iterator[Result]:
    """Turn a group that cannot run (it does not compile) into a failed test."""
    start = time.monotonic()
    try:
        yield from results
    except LabError as error:
        yield Result(name, FAILED, time.monotonic() - start, str(error))


def _unit(kit: Kit) -> Iterator[Result]:
    """The unit tests, one result for each that Meson knows."""
    folder = build.build(build.sanitized(kit))
    log = folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    with ui.Phase("unit tests"):
        proc.output(["meson", "test", "-C", folder, "--suite", "unit", "--no-rebuild",
                     "--timeout-multiplier", str(scale())], check=False)
    if not log.exists():
        raise LabError("meson ran no unit tests")
    for line in log.read_text().splitlines():
        test = json.loads(line)
        name = test["name"].split(" / ")[-1]
        output = test.get("stdout", "") + test.get("stderr", "")
        yield Result(f"unit/{name}", MESON_STATUS.get(test["result"], FAILED), test["duration"],
                     "\n".join(output.splitlines()[-40:]))


def _native(kit: Kit) -> Iterator[Result]:
    """The payloads that this machine runs itself, with the sanitizers' aerie."""
    yield from native.run(build.build(build.sanitized(kit)) / "aerie", scale())


def _fuzz(kit: Kit, jobs: int) -> Iterator[Result]:
    """Each fuzz target for a few seconds, from its corpus if it has one."""
    folder = build.build(build.fuzz(kit))
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


def _scenarios(kit: Kit, wanted: list[tuple[Scenario, list[str]]],
               choice: Choice) -> Iterator[Result]:
    """The chosen scenarios, some at a time."""
    aerie = choice.aerie or build.aerie(kit)
    host = l1.Host(kit, {"bin/aerie": aerie, **build.host_programs(kit.arch),
                         **payloads.build(kit.arch, [item.name for item, _ in wanted])},
                   build.guest_programs(kit.arch))
    with ThreadPoolExecutor(max_workers=choice.jobs) as pool, ui.Phase("scenarios") as phase:
        runs = [pool.submit(scenariorun.run, item, kernels, host, scale() * choice.jobs)
                for item, kernels in wanted]
        for number, done in enumerate(as_completed(runs), start=1):
            phase.note = f"{number} of {len(runs)}"
            yield from done.result()
