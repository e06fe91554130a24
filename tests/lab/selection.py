# SPDX-License-Identifier: Apache-2.0
"""Which scenarios run, with which guest kernels, and what is left to `lab test --full`.

By default a scenario with guests runs on one of its architectures, in turn, and with one of
its kernels. The choice goes round, so that over all scenarios of an architecture each kernel
gets about the same number of those that have a choice; it depends on nothing but the scenarios.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.scenario import NO_KERNEL, Scenario


@dataclass(frozen=True)
class Selected:
    """A scenario, the kernels that it runs with (maybe none), and those left out."""

    scenario: Scenario
    kernels: tuple[str, ...]
    left: tuple[str, ...] = ()


def rotation(scenarios: Iterable[Scenario]) -> list[Selected]:
    """One kernel for each scenario, and one architecture unless it has no guests or wants all."""
    by_name: dict[str, list[Scenario]] = defaultdict(list)
    for item in scenarios:
        by_name[item.name].append(item)
    turn = 0
    chosen: list[Scenario] = []
    for versions in by_name.values():
        if len(versions) == 1 or any(NO_KERNEL in item.kernels or item.every_arch
                                     for item in versions):
            chosen += versions
        else:
            chosen.append(versions[turn % len(versions)])
            turn += 1
    kernels = _kernels(chosen)
    return [_selected(item, kernels.get(item.title, ()))
            for versions in by_name.values() for item in versions]


def _kernels(scenarios: Iterable[Scenario]) -> dict[str, tuple[str, ...]]:
    """One kernel for each scenario, by its title."""
    used: dict[str, Counter[str]] = defaultdict(Counter)
    picked = {}
    for item in scenarios:
        counts = used[item.arch.title]
        kernel = item.default_kernel or min(item.kernels, key=counts.__getitem__)
        if len(item.kernels) > 1:
            counts[kernel] += 1
        picked[item.title] = (kernel,)
    return picked


def _selected(scenario: Scenario, kernels: tuple[str, ...]) -> Selected:
    return Selected(scenario, kernels,
                    tuple(kernel for kernel in scenario.kernels if kernel not in kernels))


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
