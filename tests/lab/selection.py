# SPDX-License-Identifier: Apache-2.0
"""Which scenarios run, with which guest kernels, and what is left to `lab test --full`.

By default a scenario runs with one of its kernels, a stock one if it can. The choice goes
round, so that over all scenarios of an architecture each stock kernel gets about the same
number of them; it depends on nothing but the scenarios.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.scenario import NO_KERNEL, Scenario


@dataclass(frozen=True)
class Selected:
    """A scenario, the kernels that it runs with, and those left out."""

    scenario: Scenario
    kernels: tuple[str, ...]
    left: tuple[str, ...] = ()


def rotation(scenarios: Iterable[Scenario]) -> list[Selected]:
    """One kernel for each scenario; all of them for none."""
    used: Counter[tuple[str, str]] = Counter()
    chosen = []
    for item in scenarios:
        title = item.arch.title
        # The lab's own kernel is in L1 in any case: a stock one counts for more.
        stock = [kernel for kernel in item.kernels if kernel not in ("lab", NO_KERNEL)]
        picked = min(stock or item.kernels, key=lambda kernel: used[title, kernel])
        used[title, picked] += 1
        chosen.append(Selected(item, (picked,),
                               tuple(kernel for kernel in item.kernels if kernel != picked)))
    return chosen


def named(scenarios: Iterable[Scenario], kernels: Sequence[str]) -> list[Selected]:
    """All kernels of the scenarios, or those of them that are named."""
    wanted = []
    for item in scenarios:
        fitting = tuple(kernel for kernel in item.kernels if not kernels or kernel in kernels)
        if fitting:
            wanted.append(Selected(item, fitting))
    return wanted


def left(selected: Iterable[Selected]) -> int:
    """How many runs are left out."""
    return sum(len(item.left) for item in selected)
