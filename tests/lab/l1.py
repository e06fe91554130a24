# SPDX-License-Identifier: Apache-2.0
"""L1 as a whole: what it runs, and the initramfs that holds it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import initramfs, iort
from lab.guests import MODULES, GuestKernel
from lab.scenario import Scenario
from lab.setup import Kit


@dataclass(frozen=True)
class Host:
    """Everything that every boot of L1 shares."""

    kit: Kit
    programs: Mapping[str, Path]          # by their paths in L1
    guest_programs: Mapping[str, Path]    # by their paths in L2

    def write_initramfs(self, path: Path, kernels: Collection[str],
                        scenario: Scenario | None = None) -> None:
        """Write L1's initramfs: the table override, L1's own, the guests named, what a
        scenario wants in both.

        The guests travel in it because a share is slow under emulation, and
        because their files are then on tmpfs, as the measurements want them.
        """
        tools = self.kit.tools.files(scenario.tools if scenario else ())
        if scenario and scenario.firmware:
            tools = {**tools, "lib/firmware.fd": Path(self.kit.arch.firmware)}
        with path.open("wb") as file:
            if self.kit.iort and (not scenario or scenario.patched_iort):
                file.write(iort.archive(self.kit.iort))
            file.write(initramfs.host(self.kit.busybox, {**self.programs, **tools}))
            for kernel in self.kit.guests:
                if kernel.name in kernels:
                    packed = not scenario or scenario.packed
                    file.write(initramfs.guest_files(kernel, self._guest(kernel, scenario), packed))

    def guest(self, name: str, scenario: Scenario) -> tuple[Path, bytes]:
        """A guest kernel and its initramfs, without what the scenario adds."""
        kernel = next(kernel for kernel in self.kit.guests if kernel.name == name)
        return kernel.image, self._guest(kernel, scenario)

    def _guest(self, kernel: GuestKernel, scenario: Scenario | None) -> bytes:
        inside = self.kit.tools.files(scenario.guest_tools if scenario else ())
        modules = scenario.modules if scenario else MODULES
        return initramfs.guest(self.kit.busybox, kernel, modules,
                               {**self.guest_programs, **inside})
