# SPDX-License-Identifier: Apache-2.0
"""Results of tests and how they are shown."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from lab import ui

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
WORDS = {PASSED: "ok", FAILED: "FAIL", SKIPPED: "skip"}


@dataclass(frozen=True)
class Result:
    """How one test ended; `detail` is for the reader if it did not pass."""

    name: str
    status: str
    seconds: float
    detail: str = ""
    cpu: float = 0.0     # seconds of CPU time, where they are counted


def show(result: Result) -> None:
    """Print the line of a test, and the detail if it failed."""
    ui.say(f"{WORDS[result.status]:>6}  {result.seconds:6.1f} s  {result.name}")
    if result.detail and result.status != PASSED:
        ui.say("\n".join("        | " + line for line in result.detail.splitlines()))


def summary(results: Iterable[Result]) -> str:
    """The last line: how many passed, failed and were skipped."""
    counts = {PASSED: 0, FAILED: 0, SKIPPED: 0}
    for result in results:
        counts[result.status] += 1
    line = f"{counts[PASSED]} passed, {counts[FAILED]} failed"
    return line + (f", {counts[SKIPPED]} skipped" if counts[SKIPPED] else "")


def keep(results: Iterable[Result], path: Path) -> None:
    """Write all results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")
